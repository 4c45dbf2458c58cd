//! JavaScript as text: what a source imports and where its syntax is wrong, and the same source with parts
//! replaced. oxc parses, with bounded time, memory and stack, whatever the source.

mod code_frame;
mod commonjs;
mod form;
mod imports;
mod nesting;
mod package_source;
mod stack;

pub(crate) use commonjs::{empty_module, missing_module, require_json, require_style};
pub(crate) use form::{Form, Required, Wanted, required_specifier};
pub(crate) use imports::{
    Grammar, Import, Parsed, SyntaxError, imports, imports_of_parts, rewrite, syntax_error,
};
pub(crate) use package_source::{EsModule, ModuleKind, PackageSource, PackageSources, Require};

/// Returns a string literal of JavaScript, which JSON is a subset of. It is not safe within a script element.
pub(crate) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
