//! CommonJS modules as ES modules, each in two forms that differ in the query of their URL.
//!
//! The *require form* (`?commonjs-require`) contains the module as the body of a function, and exports `require`,
//! which runs it once, when it is called first: the order in which modules run, circular requires and requires
//! within conditions are what they are in Node.js. Every module that is required has it, also an ES module and JSON.
//!
//! The *export form* (`?commonjs`) is what an `import` gets: it requires the module and exports what it finds. It
//! holds no state, so there is one instance of a module, whoever loads it.

use super::form::{Form, REEXPORT, REQUIRE, RUN, Required};
use super::literal;
use super::package_source::{CommonJs, EsModule, ModuleKind, PackageSource, without_mark};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Returns the module that replaces a required one that cannot be loaded: `require` throws an error with this text.
pub(crate) fn missing_module(text: &str) -> String {
    let text = literal(text);
    format!(
        "export function require(){{throw Object.assign(new Error({text}),{{code:\"MODULE_NOT_FOUND\"}})}}"
    )
}

/// Returns the module that replaces a required one that has nothing for browsers: every property is undefined, and
/// the first access is reported with this text.
pub(crate) fn empty_module(text: &str) -> String {
    let text = literal(text);
    format!(
        "const text={text};let reported=false;const empty=new Proxy({{}},{{get(_,name){{if(!reported&&typeof name===\"string\"&&name!==\"__esModule\"&&name!==\"default\"){{reported=true;console.warn(text.replace(\"%s\",name))}}}}}});export function require(){{return empty}}export default empty;"
    )
}

/// Returns a source with `process.env.NODE_ENV` replaced; `None` if nothing changes. Lines and columns stay the same,
/// except in the first line of a module that needs `global`.
fn with_node_env(text: &str, source: &PackageSource, node_env: &str) -> Option<String> {
    // In a classic script it would declare a global variable, and a CommonJS module gets it in its require form.
    let needs_global = source.uses_global && matches!(source.kind, ModuleKind::EsModule(_));
    if source.node_env.is_empty() && !needs_global {
        return None;
    }
    let mut replaced = String::with_capacity(text.len() + 32);
    if needs_global {
        replaced.push_str("const global=globalThis;");
    }
    push_with_node_env(&mut replaced, text, source, node_env);
    Some(replaced)
}

fn push_with_node_env(to: &mut String, text: &str, source: &PackageSource, node_env: &str) {
    let value = literal(node_env);
    let mut copied = 0;
    for range in &source.node_env {
        to.push_str(&text[copied..range.start]);
        // As wide as before, so that columns after it stay the same.
        let _ = write!(to, "{value:width$}", width = range.len());
        copied = range.end;
    }
    to.push_str(&text[copied..]);
}

/// Returns the require form of a CommonJS module. `path` is its decoded URL path.
fn require_form(
    text: &str,
    source: &PackageSource,
    module: &CommonJs,
    path: &str,
    node_env: &str,
) -> String {
    let mut form = String::with_capacity(text.len() + 1024);
    let global = if source.uses_global { ",global" } else { "" };
    // One line, so that lines stay the same.
    let _ = write!(
        form,
        "function pagewire_module(exports,require,module,__filename,__dirname{global}){{"
    );
    if text.starts_with("#!") {
        form.push_str("//");
    }
    push_with_node_env(&mut form, text, source, node_env);
    form.push_str("\n}\n");
    for (index, require) in module.requires.iter().enumerate() {
        let url = literal(&format!("{}?{REQUIRE}", require.specifier));
        let _ = writeln!(form, "import{{require as pagewire_{index}}}from{url};");
    }
    form.push_str("function pagewire_require(specifier){const found={__proto__:null");
    for (index, require) in module.requires.iter().enumerate() {
        let specifier = literal(&require.specifier);
        let _ = write!(form, ",{specifier}:pagewire_{index}");
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (id, folder) = (literal(path), literal(folder));
    let reason = literal(&format!(
        " in {path}: only specifiers that are string literals can be loaded in a browser (import the module that it needs by yourself, or let a plugin transform this file)"
    ));
    let global = if source.uses_global {
        ",globalThis"
    } else {
        ""
    };
    let _ = write!(
        form,
        "}}[specifier];if(found)return found();throw Object.assign(new Error(\"cannot require \"+JSON.stringify(String(specifier))+{reason}),{{code:\"MODULE_NOT_FOUND\"}})}}\n\
         var pagewire_loaded;\n\
         export function require(){{if(!pagewire_loaded){{const module=pagewire_loaded={{exports:{{}},id:{id},children:[],paths:[],loaded:false}};try{{pagewire_module.call(module.exports,module.exports,pagewire_require,module,module.id,{folder}{global});module.loaded=true}}catch(error){{pagewire_loaded=undefined;throw error}}}}return pagewire_loaded.exports}}\n"
    );
    form
}

/// Returns the require form of JSON.
pub(crate) fn require_json(text: &str) -> String {
    let json = literal(without_mark(text));
    format!("let value;export function require(){{return value??=JSON.parse({json})}}")
}

/// Returns the require form of a stylesheet: its import applies it.
pub(crate) fn require_style(name: &str) -> String {
    let url = literal(&format!("./{name}"));
    format!("import{url};export function require(){{return{{}}}}")
}

/// Returns the require form of the ES module whose URL path has this last segment.
fn require_es_module(name: &str, required: Required) -> String {
    let url = literal(&format!("./{name}"));
    if required == Required::Default {
        return format!("import value from{url};export function require(){{return value}}");
    }
    // A namespace has no `__esModule`, which compiled modules look for.
    format!(
        "import*as namespace from{url};export function require(){{return exports()}}var made;function exports(){{if(!made){{made=Object.defineProperty({{}},\"__esModule\",{{value:true}});for(const name of Object.keys(namespace))Object.defineProperty(made,name,{{enumerable:true,get:()=>namespace[name]}})}}return made}}"
    )
}

/// Returns the export form of a CommonJS module. `name` is the last segment of its URL path, `path` its decoded path.
fn export_form(
    module: &CommonJs,
    name: &str,
    path: &str,
    is_node: bool,
    names: &BTreeSet<String>,
) -> String {
    let mut form = import_require(name);
    if !module.reexports.is_empty() {
        // Requires the module before what it re-exports, as its own code does.
        let run = literal(&format!("./{name}?{RUN}"));
        let _ = writeln!(form, "import{run};");
    }
    form.push_str("const module=require(),exports=Object(module);\n");
    let unknown = names.iter().filter(|name| !module.exports.contains(*name));
    push_checks(&mut form, path, unknown);
    let default = if is_node {
        "module"
    } else {
        "exports.__esModule&&\"default\"in exports?exports.default:module"
    };
    let _ = writeln!(form, "export default {default};");
    push_exports(&mut form, module.exports.union(names));
    for specifier in &module.reexports {
        let url = literal(&format!("{specifier}?{REEXPORT}"));
        let _ = writeln!(form, "export*from{url};");
    }
    form
}

/// Returns the module that an import gets that names exports which the ES module seems not to have.
fn checked_exports(module: &EsModule, name: &str, path: &str, names: &BTreeSet<String>) -> String {
    let url = literal(&format!("./{name}"));
    let mut form = format!("import*as exports from{url};export*from{url};\n");
    if module.exports.contains("default") {
        let _ = writeln!(form, "export{{default}}from{url};");
    }
    push_checks(&mut form, path, names.iter());
    push_exports(&mut form, names.iter());
    form
}

/// Appends statements that throw an error if `exports` lacks one of these names.
fn push_checks<'a>(to: &mut String, path: &str, names: impl Iterator<Item = &'a String>) {
    for name in names {
        let text = format!("{path} does not provide an export named {name}; it exports ");
        let (name, text) = (literal(name), literal(&text));
        let _ = writeln!(
            to,
            "if(!({name} in exports))throw new SyntaxError({text}+(Object.keys(exports).join(\", \")||\"nothing by name\"));"
        );
    }
}

/// Appends statements that export these properties of `exports`.
fn push_exports<'a>(to: &mut String, names: impl Iterator<Item = &'a String>) {
    for (index, name) in names.enumerate() {
        let name = literal(name);
        let _ = writeln!(
            to,
            "const value{index}=exports[{name}];export{{value{index} as {name}}};"
        );
    }
}

/// Returns a module that runs a CommonJS module.
fn run_form(name: &str) -> String {
    format!("{}require();", import_require(name))
}

/// Returns the import of a CommonJS module's own require form.
fn import_require(name: &str) -> String {
    let url = literal(&format!("./{name}?{REQUIRE}"));
    format!("import{{require}}from{url};\n")
}

impl PackageSource {
    /// Returns the module in a form. `None` if it stays as it is.
    pub(crate) fn in_form(
        &self,
        text: &str,
        form: Option<&Form>,
        path: &str,
        name: &str,
        node_env: &str,
    ) -> Option<String> {
        let text = without_mark(text);
        match (form, &self.kind) {
            (Some(Form::Exports { is_node, names }), ModuleKind::CommonJs(module)) => {
                Some(export_form(module, name, path, *is_node, names))
            }
            (Some(Form::Exports { names, .. }), ModuleKind::EsModule(module))
                if !names.is_empty() =>
            {
                Some(checked_exports(module, name, path, names))
            }
            (Some(Form::Run), ModuleKind::CommonJs(_)) => Some(run_form(name)),
            (Some(Form::Require(_)), ModuleKind::CommonJs(module)) => {
                Some(require_form(text, self, module, path, node_env))
            }
            (Some(Form::Require(required)), ModuleKind::EsModule(_)) => {
                Some(require_es_module(name, *required))
            }
            // A script runs when it is loaded, and exports nothing.
            (Some(Form::Require(_)), ModuleKind::Script) => Some(require_form(
                text,
                self,
                &CommonJs::default(),
                path,
                node_env,
            )),
            _ => with_node_env(text, self, node_env),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::package_source::PackageSources;
    use super::*;

    fn converted(text: &str, query: &str) -> Option<String> {
        let sources = PackageSources::new("development");
        let source = sources.analyze(text).expect("it can be parsed");
        let form = Form::of_query(query);
        source.in_form(text, form.as_ref(), "/p/a b.js", "a%20b.js", "development")
    }

    #[test]
    fn lines_and_columns_after_the_environment_stay_the_same() {
        let text = "\u{feff}#!/bin/node\nif (process.env.NODE_ENV === 'x') { a }\nexports.b = process . env\n. NODE_ENV;";
        let form = converted(text, "commonjs-require").expect("it is converted");
        let mut lines = form.lines();
        assert!(lines.next().expect("a line").ends_with("{//#!/bin/node"));
        assert_eq!(
            lines.next(),
            Some("if (\"development\"        === 'x') { a }")
        );
        let text = "export default process.env.NODE_ENV + 1;";
        assert_eq!(
            converted(text, "").expect("it is changed"),
            "export default \"development\"        + 1;"
        );
        for text in ["global.a = process.env.A", "exports.a = global"] {
            assert_eq!(converted(text, ""), None);
        }
        let text = converted("export default global", "").expect("it is changed");
        assert_eq!(text, "const global=globalThis;export default global");
        assert_eq!(converted("export default 1", ""), None);
        assert_eq!(converted("exports.a = 1", ""), None);
    }

    #[test]
    fn texts_of_packages_cannot_leave_their_literals() {
        let form = converted("require('\\'\"`${x}</script>')", "commonjs-require");
        let form = form.expect("it is converted");
        assert!(
            form.contains(r#"from"'\"`${x}</script>?commonjs-require";"#),
            "{form}"
        );
        let missing = missing_module("a\"b\n\u{2028}");
        assert!(missing.contains(r#"new Error("a\"b\n"#), "{missing}");
    }
}
