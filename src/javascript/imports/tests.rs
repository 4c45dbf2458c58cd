//! Tests of finding and rewriting imports.

mod classic;
mod names;

use super::*;
use proptest::prelude::*;

/// Returns the imports of a module, or its syntax error.
fn imports(source: &str) -> Result<Vec<Import>, SyntaxError> {
    let mut parsed = super::imports(source);
    parsed.errors.pop().map_or(Ok(parsed.imports), Err)
}

/// Returns the specifiers of a module, dynamic ones with a leading `~`.
fn specifiers(source: &str) -> Vec<String> {
    imports(source)
        .unwrap_or_else(|error| panic!("{error}\n{}", error.frame))
        .into_iter()
        .map(|i| format!("{}{}", if i.dynamic { "~" } else { "" }, i.specifier))
        .collect()
}

#[test]
fn finds_every_form_of_import() {
    for (source, expected) in [
        ("", &[][..]),
        ("import 'a'", &["a"]),
        ("import a from 'a'", &["a"]),
        ("import * as a from \"a\";", &["a"]),
        (
            "import a, { b as c, 'd-e' as f, default as g } from 'a'",
            &["a"],
        ),
        ("import a, * as b from 'a'", &["a"]),
        ("import {} from 'a'", &["a"]),
        ("import{a}from'a';import'b'", &["a", "b"]),
        (
            "import data from './a.json' with { type: 'json' }",
            &["./a.json"],
        ),
        ("import 'a' with { type: 'css', }", &["a"]),
        ("import defer * as a from 'a'", &["a"]),
        ("import source a from 'a'", &["a"]),
        ("import defer from 'a'", &["a"]),
        ("import source, { b } from 'a'", &["a"]),
        ("export * from 'a'", &["a"]),
        (
            "export * as b from 'a'; export * as 'b-c' from 'd'",
            &["a", "d"],
        ),
        ("export { b, c as d, default } from 'a'", &["a"]),
        (
            "export { a as default } from 'a' with { type: 'json' }",
            &["a"],
        ),
        ("export { a }; let a; export default 1", &[]),
        ("export const a = 'a', b = { from: 'b' }", &[]),
        ("export default class {} import 'a'", &["a"]),
        ("import('a')", &["~a"]),
        ("import(`a`)", &["~a"]),
        ("import(('a'))", &["~a"]),
        ("import('a', { with: { type: 'json' } },)", &["~a"]),
        ("import.defer('a'); import.source(\"b\")", &["~a", "~b"]),
        (
            "await import('a'); const b = async () => (await import(`b`)).c",
            &["~a", "~b"],
        ),
        (
            "import(a); import('a' + b); import('a' + 'b'); import(`${a}`)",
            &[],
        ),
        ("import(`a${b}c`); import(a ? 'b' : 'c'); import(x`a`)", &[]),
        (
            "import.meta.url; import.meta.resolve('a'); new URL('a', import.meta.url)",
            &[],
        ),
        (
            "require('a'); x.import('a'); ({ import(a) {} }).import('b')",
            &[],
        ),
        (
            "import 'a'; import 'b'; import 'a'; import('a')",
            &["a", "b", "a", "~a"],
        ),
        (
            "import('b'); import 'a'; export * from 'c'",
            &["~b", "a", "c"],
        ),
    ] {
        assert_eq!(specifiers(source), expected, "{source}");
    }
}

#[test]
fn finds_imports_only_in_code() {
    for (source, expected) in [
        (
            "// import 'a'\n/* import('a') */ import /* from 'c' */ 'b' // 'd'",
            &["b"][..],
        ),
        ("import(/* a */ 'a' /* b */)", &["~a"]),
        (
            "import {\n  // 'x'\n  a, /* from 'y' */\n} from // 'z'\n 'a'",
            &["a"],
        ),
        (
            "'import \"a\"'; \"import('a')\"; `import 'a'; import('b')`",
            &[],
        ),
        (
            "`${import('a')} import('b') ${`${import('c')}`}`",
            &["~a", "~c"],
        ),
        (
            "/import('a')/g; x = /[/]import('b')/; y = a / import('c') / 2",
            &["~c"],
        ),
        (
            "if (a) /import('a')/.test(b); (a) / import('b') / 2",
            &["~b"],
        ),
        (
            "a++ / import('a') / 2; {} /import('b')/; x = {} / import('c') / 2",
            &["~a", "~c"],
        ),
        ("let a = 1\nimport('a')\n[b] = c\nimport.meta", &["~a"]),
        (
            "const a = b\nimport c from 'c'\nexport * from 'd'\n++a",
            &["c", "d"],
        ),
        (
            "class A { import() {} static from = import('a'); #b = () => import('b'); \
             static { import('c') } [import('d')]() {} get import() { return import('e') } }",
            &["~a", "~b", "~c", "~d", "~e"],
        ),
        (
            "for await (const x of import('a')) label: while (1) break label",
            &["~a"],
        ),
        (
            "(a = import('a')) => {}; (b, import('b')); async (c = import('c'))",
            &["~a", "~b", "~c"],
        ),
        (
            "({ a = import('a') } = {}); ([b = import('b')] = [])",
            &["~a", "~b"],
        ),
        ("import(import('a'))", &["~a"]),
        (
            "(a = /*#__PURE__*/ 0); (b = /*#__PURE__*/ import('b'))",
            &["~b"],
        ),
        (
            "const from = 1, as = 2, async = 3, of = 4; import from from 'from'",
            &["from"],
        ),
        ("#!/usr/bin/env node 'x'\nimport 'a'", &["a"]),
        ("\u{FEFF}import 'a'", &["a"]),
        ("\u{FEFF}#!/usr/bin/env node\nimport 'a'", &["a"]),
        ("a?.import; import('é/😀')", &["~é/😀"]),
    ] {
        assert_eq!(specifiers(source), expected, "{source}");
    }
}

#[test]
fn reports_the_position_and_literal_of_each_import() {
    let source = "\u{FEFF}/* é😀 */ import a from 'a'\r\nconst b = '😀', c = import(\"b\")\u{2028}export * from '\\x63'";
    let imports = imports(source).expect("a module");
    let seen: Vec<_> = imports
        .iter()
        .map(|i| (&source[i.literal.clone()], i.line, i.column))
        .collect();
    assert_eq!(seen, [("'a'", 1, 26), ("\"b\"", 2, 29), ("'\\x63'", 3, 16)]);
}

#[test]
fn reports_syntax_errors_with_their_position() {
    for (source, line, column) in [
        ("let a = 1;\nlet b = ;\n", 2, 9),
        ("import { a from 'a'", 1, 12),
        ("let a = 'é😀", 1, 9),
        ("const a: string = 1", 1, 7),
        ("const a = <b/>", 1, 11),
        ("import type { a } from 'a'", 1, 13),
        ("export let a; export let a", 1, 12),
        ("export let a; <!-- b", 1, 15),
        ("\u{FEFF}/* é😀 */ )", 1, 11),
        ("`${", 1, 4),
        ("/", 1, 1),
    ] {
        let error = imports(source).expect_err(source);
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{source}: {error}"
        );
        assert!(
            error.frame.contains(&format!("> {line} | ")),
            "{source}\n{}",
            error.frame
        );
    }
}

#[test]
fn a_replaced_specifier_keeps_its_quotes() {
    let source =
        "import a from 'a' with { type: 'json' }; export * from \"b\"; import(`c`); import('d')";
    let imports = imports(source).expect("a module");
    assert_eq!(
        rewrite(
            source,
            &imports,
            &[Some("/x"), Some("/y"), Some("/z"), None]
        ),
        "import a from '/x' with { type: 'json' }; export * from \"/y\"; import(\"/z\"); import('d')"
    );
    let hostile = "\\ ' \" ` \n \r \u{2028} \u{2029} </script><!-- \0 é";
    assert_eq!(
        rewrite(
            source,
            &imports,
            &[Some(hostile), Some(hostile), None, None]
        ),
        "import a from '\\\\ \\' \" ` \\n \\r \\u2028 \\u2029 \\x3C/script>\\x3C!-- \0 é' \
         with { type: 'json' }; export * from \"\\\\ ' \\\" ` \\n \\r \\u2028 \\u2029 \
         \\x3C/script>\\x3C!-- \0 é\"; import(`c`); import('d')"
    );
}

/// Ways to nest code: the text that opens a level, the innermost text, and the text that closes a level.
const NESTED: &[(&str, &str, &str)] = &[
    ("(", "0", ")"),
    ("[", "", "]"),
    ("{", "", "}"),
    ("(", "", ""),
    ("[", "", ""),
    ("`${", "0", "}`"),
    ("a`${", "0", "}`"),
    ("({a:", "0", "})"),
    ("({a:b=", "0", "})"),
    ("({a=", "0", "})"),
    ("({a:", "b", "}={})"),
    ("({[", "0", "]:0})"),
    ("({[", "0", "]:a})=>0"),
    ("([a=", "0", "])"),
    ("([a=", "0", "])=>0"),
    ("(a=", "0", ")"),
    ("(a=", "0", ")=>0"),
    ("async(a=", "0", ")"),
    ("async(", "", ")"),
    ("[a=", "0", "]"),
    ("a=>", "0", ""),
    ("(a)=>", "0", ""),
    ("((a,b)=>", "0", ")"),
    ("async a=>", "0", ""),
    ("async(a)=>", "0", ""),
    ("()=>{", "", "}"),
    ("(()=>{", "", "})"),
    ("!", "0", ""),
    ("- ", "0", ""),
    ("++", "a", ""),
    ("typeof ", "0", ""),
    ("void ", "0", ""),
    ("delete ", "a.b", ""),
    ("await ", "0", ""),
    ("\\u0061wait ", "0", ""),
    ("new ", "a", ""),
    ("new a(", "0", ")"),
    ("a?b:", "0", ""),
    ("a?", "0", ":b"),
    ("a?(b)=>", "0", ":c"),
    ("x=", "0", ""),
    ("x??=", "0", ""),
    ("2**", "2", ""),
    ("(a||b&&c|d^e&f==g<h<<i+j*k**", "l", ")"),
    ("", "a", ".b"),
    ("", "a", "?.b"),
    ("", "a", "()"),
    ("", "a", "[0]"),
    ("", "a", "``"),
    ("", "a", "+b"),
    ("", "a", ",b"),
    ("", "/*#__PURE__*/a", ".b"),
    ("", "a", " in b"),
    ("a[", "0", "]"),
    ("a?.(", "0", ")"),
    ("f(...", "a", ")"),
    ("import(", "'a'", ")"),
    ("if(1)", ";", ""),
    ("if(1);else ", ";", ""),
    ("while(1)", ";", ""),
    ("for(;;)", ";", ""),
    ("a:", ";", ""),
    ("do ", ";", " while(0);"),
    ("switch(0){case 0:", "", "}"),
    ("try{", "", "}catch{}"),
    ("(function(){", "", "})"),
    ("(function(a=", "0", "){})"),
    ("function*g(){", "", "}"),
    ("function f({a=", "0", "}){}"),
    ("({a(){", "", "}})"),
    ("({get a(){", "", "}})"),
    ("class extends ", "A", "{}"),
    ("(class extends ", "A", "{})"),
    ("(class{a=", "0", "})"),
    ("(class{static{", "", "}})"),
    ("(class{[", "0", "](){}})"),
    ("(class{m(a=", "0", "){}})"),
    ("class A{static a=", "0", "}"),
    ("class A extends B{constructor(){super(", "", ")}}"),
    ("@(", "class A{}", ")"),
    ("@a ", "class A{}", ""),
];

/// A stack overflow would abort the test process. Calls `parse` without the check of the nesting: the estimated
/// stack must suffice on its own.
#[test]
fn no_nesting_overflows_the_stack() {
    for (open, inner, close) in NESTED {
        let levels = 400;
        let source = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
        let parsed = stack::with_stack_for(&[&source], || {
            parse_module(&source).map(|found| found.len())
        });
        assert!(
            matches!(parsed, Ok(Ok(0 | 1) | Err(_))),
            "{open}: {parsed:?}"
        );
    }
}

#[test]
fn a_hundred_thousand_levels_do_not_overflow_the_stack() {
    for open in ["(", "[", "{", "`${", "([a="] {
        let error = imports(&open.repeat(100_000)).expect_err(open);
        assert!(error.message.contains("too deeply"), "{open}: {error}");
        assert!(error.frame.len() < 300);
    }
    for (open, inner) in [
        ("a=>", "0"),
        ("!", "0"),
        ("a?b:", "0"),
        ("if(1)", ";"),
        ("new ", "a"),
    ] {
        let source = format!("{}{inner}", open.repeat(100_000));
        assert_eq!(imports(&source).expect(open), []);
    }
}

#[test]
fn refuses_a_module_that_may_need_too_large_a_stack() {
    let error = imports(&"!".repeat(1 << 20)).expect_err("too large");
    assert!(error.message.contains("split the module"), "{error}");
    assert_eq!((error.line, error.column), (1, 1));
}

/// An import: the text before its specifier and the text after it.
fn import_form() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("import ", ";"),
        ("import d from", "\n"),
        ("import * as n from /* 'x' */ ", " with { type: \"json\" };"),
        ("import { a as b } from ", "\n"),
        ("export * from ", ";"),
        ("export { a as 'b' } from\n", ";"),
        ("x = import(", ");"),
        ("`${import(", ")} import('no')`;"),
        ("/re'/; await import(\n", ", { with: {} });"),
        ("() => { import(( ", " )) };"),
        ("'import \"no\"'; // é😀\n import(", ");"),
    ])
}

/// A string literal with escapes.
fn literal() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z@#/.:?=&%é😀 -]{0,6}",
        Just("\\x61".to_owned()),
        Just("\\u{1F600}".to_owned()),
        Just("\\\\".to_owned()),
        Just("\\'".to_owned()),
        Just("\\\"".to_owned()),
    ];
    (
        prop::sample::select(vec!['\'', '"']),
        prop::collection::vec(part, 0..4),
    )
        .prop_map(|(quote, parts)| format!("{quote}{}{quote}", parts.concat()))
}

/// A module of such imports, with the literals in it.
fn module() -> impl Strategy<Value = (String, Vec<String>)> {
    let statement = (import_form(), literal());
    (any::<bool>(), prop::collection::vec(statement, 0..8)).prop_map(|(mark, statements)| {
        let mut source = String::from(if mark { "\u{FEFF}" } else { "" });
        let mut literals = Vec::new();
        let mut exported = false;
        for ((before, after), literal) in statements {
            // Each name may be declared or exported only once.
            if ["d from", "as n", "as b", "as 'b'"]
                .iter()
                .any(|name| before.contains(name))
            {
                if exported {
                    continue;
                }
                exported = true;
            }
            source.extend([before, &literal, after]);
            literals.push(literal);
        }
        (source, literals)
    })
}

proptest! {
    #[test]
    fn rewriting_without_replacements_changes_nothing((source, literals) in module()) {
        let imports = imports(&source).expect("a module");
        prop_assert_eq!(imports.len(), literals.len());
        for (import, literal) in imports.iter().zip(&literals) {
            prop_assert_eq!(&source[import.literal.clone()], literal);
        }
        prop_assert_eq!(rewrite(&source, &imports, &vec![None; imports.len()]), source);
    }

    #[test]
    fn a_rewritten_module_imports_the_replacements(
        (source, _) in module(),
        specifiers in prop::collection::vec(prop::option::of(any::<String>()), 8),
    ) {
        let before = imports(&source).expect("a module");
        let resolved: Vec<_> = specifiers.iter().map(Option::as_deref).take(before.len()).collect();
        let rewritten = rewrite(&source, &before, &resolved);
        let after = imports(&rewritten).expect("a module still");
        prop_assert_eq!(after.len(), before.len());
        let (mut old, mut new) = (0, 0);
        for ((before, after), resolved) in before.iter().zip(&after).zip(&resolved) {
            prop_assert_eq!(&after.specifier, resolved.unwrap_or(&before.specifier));
            prop_assert_eq!(after.dynamic, before.dynamic);
            prop_assert_eq!(&rewritten[new..after.literal.start], &source[old..before.literal.start]);
            prop_assert!(!rewritten[after.literal.clone()].contains('<') || resolved.is_none());
            (old, new) = (before.literal.end, after.literal.end);
        }
        prop_assert_eq!(&rewritten[new..], &source[old..]);
    }

    #[test]
    fn the_parser_never_panics(source in r#"([(\[{}\])'"`/\\$#@=>;,.:?!*\n a-c0é]|import|export|from|async|class|=>|\$\{){0,40}"#) {
        if let Ok(found) = imports(&source) {
            for import in found {
                prop_assert!(source.get(import.literal).is_some());
            }
        } else if let Err(error) = imports(&source) {
            prop_assert!(!error.message.contains("report it"), "{}", error);
        }
    }
}
