//! Tests of what is known of the files of packages.

use super::*;

fn analyzed(text: &str) -> PackageSource {
    analyze_package_source(text, "development").expect("it can be parsed")
}

fn common_js(text: &str) -> CommonJs {
    match analyzed(text).kind {
        ModuleKind::CommonJs(module) => module,
        kind => panic!("{kind:?}: {text}"),
    }
}

#[test]
fn the_syntax_tells_the_kind_of_a_module() {
    for text in [
        "import 'a';",
        "export {};",
        "export const require = module => module.exports;",
        "import a from 'a'; module.exports = a;",
        "import.meta.url; exports.a = 1;",
        "await 0; require('a');",
    ] {
        let kind = analyzed(text).kind;
        assert!(matches!(kind, ModuleKind::EsModule(_)), "{text}: {kind:?}");
    }
    for text in [
        "require('a')",
        "exports.a = 1",
        "module.exports = 1",
        "if (typeof exports === 'object') {}",
        "if (0) return; module.exports = 1",
        "#!/usr/bin/env node\nrequire('a')",
        "\u{feff}exports.a = 1",
        "(function (root, factory) { if (typeof module === 'object') module.exports = factory(); })(this, function () {})",
        "with (a) { exports.b = b }",
    ] {
        let kind = analyzed(text).kind;
        assert!(matches!(kind, ModuleKind::CommonJs(_)), "{text}: {kind:?}");
    }
    for text in [
        "",
        "globalThis.a = 1",
        "var module = {}; module.exports = 1",
        "function f(require, exports) { require('a'); exports.a = 1 }",
        "require(a)",
        "import('a')",
        "a.module.exports = 1",
    ] {
        assert_eq!(analyzed(text).kind, ModuleKind::Script, "{text}");
    }
    assert_eq!(analyze_package_source("let = ;", ""), None);
    let deep = format!("exports.a = {}0{}", "(".repeat(600), ")".repeat(600));
    assert_eq!(analyze_package_source(&deep, ""), None);
}

#[test]
fn requires_are_found_where_the_environment_can_run_them() {
    for (text, expected) in [
        (
            "require('a'); require(\"b\"); require('a')",
            &["a", "b"][..],
        ),
        ("const { x } = require('./a.json')", &["./a.json"]),
        (
            "require(`a`); require('a' + b); require.resolve('c'); x.require('d')",
            &[],
        ),
        ("function f(require) { require('a') } require('b')", &["b"]),
        (
            "if (process.env.NODE_ENV === 'production') require('a'); else require('b')",
            &["b"],
        ),
        (
            "module.exports = process.env.NODE_ENV !== 'production' ? require('a') : require('b')",
            &["a"],
        ),
        (
            "'development' == process.env['NODE_ENV'] && require('a'); process.env.NODE_ENV != 'development' && require('b')",
            &["a"],
        ),
        (
            "if (!(process.env.NODE_ENV === 'production') || x) require('a'); else require('b')",
            &["a"],
        ),
        (
            "if (x && process.env.NODE_ENV === 'production') require('a'); else require('b')",
            &["b"],
        ),
        (
            "if (process.env.NODE_ENV === x) require('a'); else require('b')",
            &["a", "b"],
        ),
        (
            "var process = x; if (process.env.NODE_ENV === 'production') require('a')",
            &["a"],
        ),
    ] {
        let kind = analyzed(text).kind;
        let found = match &kind {
            ModuleKind::CommonJs(module) => module.requires.as_slice(),
            _ => &[],
        };
        let found: Vec<_> = found.iter().map(|it| it.specifier.as_str()).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_require_has_a_place_and_may_be_expected_to_fail() {
    let text = "try {\n  require('a'); require('b');\n} catch { require('c') }\n  require('b')";
    let found: Vec<_> = common_js(text)
        .requires
        .into_iter()
        .map(|it| (it.specifier, it.line, it.column, it.is_guarded))
        .collect();
    let expected = [("a", 2, 11, true), ("b", 2, 25, false), ("c", 3, 19, false)];
    let expected =
        expected.map(|(name, line, column, guarded)| (name.to_owned(), line, column, guarded));
    assert_eq!(found, expected);
}

#[test]
fn exports_are_found_in_the_forms_of_authors_and_compilers() {
    for (text, expected) in [
        (
            "exports.a = 1; module.exports.b = 2; exports['c-d'] = 3",
            &["a", "b", "c-d"][..],
        ),
        ("exports.a = exports.b = void 0", &["a", "b"]),
        (
            "module.exports = { a, b: 1, 'c': 2, [d]: 3, e() {}, ...f }",
            &["a", "b", "c", "e"],
        ),
        ("exports = module.exports = { a: 1 }", &["a"]),
        ("module.exports = f; module.exports.a = 1", &["a"]),
        ("Object.defineProperty(exports, 'a', { get() {} })", &["a"]),
        (
            "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 1; exports.a = 1",
            &["a"],
        ),
        ("__export(exports, { a: () => a, b: () => b })", &["a", "b"]),
        ("0 && (module.exports = { a, b })", &["a", "b"]),
        ("module.exports = x ? { a: 1 } : { b: 1 }", &["a", "b"]),
        (
            "(function (g, f) { typeof exports === 'object' ? f(exports) : f(g.x = {}) })(this, function (exports) { exports.a = 1 })",
            &["a"],
        ),
        ("exports[name] = 1", &[]),
    ] {
        let found = common_js(text).exports;
        assert!(found.iter().eq(expected), "{text}: {found:?}");
    }
}

#[test]
fn reexports_are_found_in_the_forms_of_authors_and_compilers() {
    for (text, expected) in [
        ("module.exports = require('./a')", &["./a"][..]),
        (
            "if (process.env.NODE_ENV === 'production') { module.exports = require('./a') } else { module.exports = require('./b') }",
            &["./b"],
        ),
        (
            "__exportStar(require('./a'), exports); tslib_1.__exportStar(require('./b'), exports)",
            &["./a", "./b"],
        ),
        ("module.exports = { ...require('./a'), b: 1 }", &["./a"]),
        (
            "var _a = require('./a'); Object.keys(_a).forEach(function (key) { exports[key] = _a[key] })",
            &["./a"],
        ),
        (
            "var _a = _interopRequireWildcard(require('./a')); Object.keys(_a).forEach(function (key) { exports[key] = _a[key] })",
            &["./a"],
        ),
        ("exports.a = require('./a')", &[]),
    ] {
        assert_eq!(common_js(text).reexports, expected, "{text}");
    }
}

#[test]
fn how_exports_are_made_is_known() {
    for (text, is_compiled, replaces_exports) in [
        ("exports.a = 1", false, false),
        ("exports.__esModule = true", true, false),
        (
            "Object.defineProperty(module.exports, '__esModule', { value: true })",
            true,
            false,
        ),
        ("module.exports = function () {}", false, true),
        ("module.exports = exports = class {}", false, true),
        ("module.exports = { a }", false, false),
        ("module.exports = require('a')", false, false),
        (
            "module.exports = exports.default; exports.__esModule = true",
            true,
            true,
        ),
    ] {
        let module = common_js(text);
        let found = (module.is_compiled, module.replaces_exports);
        assert_eq!(found, (is_compiled, replaces_exports), "{text}");
    }
}

#[test]
fn the_exports_of_an_es_module_are_known() {
    let text = "export default 1; export const a = 1, { b, c: [d] } = x; export { e as f, g as 'h i' } from 'y'; export * from 'z'; export * as n from 'z'";
    let ModuleKind::EsModule(module) = analyzed(text).kind else {
        panic!("no ES module");
    };
    let expected = ["a", "b", "d", "default", "f", "h i", "n"];
    assert!(module.exports.iter().eq(expected), "{module:?}");
    assert_eq!(module.stars, ["z"]);
}

#[test]
fn only_reads_of_the_global_environment_are_replaced() {
    for (text, expected) in [
        ("process.env.NODE_ENV", &["process.env.NODE_ENV"][..]),
        ("`${process.env['NODE_ENV']}`", &["process.env['NODE_ENV']"]),
        ("process?.env?.NODE_ENV", &["process?.env?.NODE_ENV"]),
        (
            "globalThis.process.env.NODE_ENV",
            &["globalThis.process.env.NODE_ENV"],
        ),
        ("process.env.NODE_ENV.length", &["process.env.NODE_ENV"]),
        ("process.env.NODE_ENV = 1", &[]),
        (
            "process.env.NODE_ENV_2; process.env.PATH; process.env; env.NODE_ENV",
            &[],
        ),
        ("function f(process) { process.env.NODE_ENV }", &[]),
        ("export const process = {}; process.env.NODE_ENV", &[]),
        ("'process.env.NODE_ENV' // process.env.NODE_ENV", &[]),
    ] {
        let ranges = analyzed(text).node_env;
        let found: Vec<_> = ranges.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn global_is_needed_where_it_is_read_without_a_check() {
    for (text, uses_global) in [
        ("global.a = 1", true),
        ("f(global)", true),
        ("typeof global", false),
        ("a.global; ({ global: 1 }); 'global'", false),
        ("let global = {}; global.a", false),
        ("function f(global) { global.a }", false),
    ] {
        assert_eq!(analyzed(text).uses_global, uses_global, "{text}");
    }
}

/// Sources that make the parser, the scopes and the visitor recurse.
#[test]
fn no_nesting_overflows_the_stack() {
    let n = 20_000;
    for text in [
        format!("exports.a = {}", "a + ".repeat(n) + "a"),
        format!("exports.a = {}a", "a ? a : ".repeat(n)),
        format!("exports.a = {}a", "!".repeat(n)),
        format!("exports.a = a{}", ".b".repeat(n)),
        format!("exports.a = a{}", "?.b".repeat(n)),
        format!("exports.a = a{}", "()".repeat(n)),
        format!("exports.a = a{}", "[0]".repeat(n)),
        format!("exports.a = {}a", "a => ".repeat(n)),
        format!("exports.a = {}a", "a = ".repeat(n)),
        format!("exports.a = {}a", "a, ".repeat(n)),
        format!("exports.a = {}a", "new ".repeat(n)),
        format!("exports.a = {}a", "a && ".repeat(n)),
        format!("if ({}a) exports.a = 1", "!".repeat(n)),
        format!("exports.a = {}a", "a ** ".repeat(n)),
        format!("exports.a = a{}", "``".repeat(n)),
        format!("exports.a = 1; {};", "if (a) b; else ".repeat(n)),
        format!("exports.a = 1; {};", "a: ".repeat(n)),
        format!("exports.a = 1; {};", "for (;;) ".repeat(n)),
        format!("exports.a = 1; {}{}", "{".repeat(499), "}".repeat(499)),
        format!("exports.a = {}{}", "[".repeat(499), "]".repeat(499)),
        format!("exports.a = {}{}", "(() => {".repeat(240), "})".repeat(240)),
        format!(
            "exports.a = {}{}",
            "class { m() { x = ".repeat(160),
            "0 } }".repeat(160)
        ),
        format!(
            "exports.a = {}{}",
            "function f() { try {".repeat(240),
            "} catch { } }".repeat(240)
        ),
    ] {
        // Whether it can be parsed does not matter here.
        let _ = analyze_package_source(&text, "development");
    }
}
