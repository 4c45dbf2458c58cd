//! In what form a module of a package is loaded, as the query of its URL says, and what the imports of converted
//! modules ask for. `commonjs` writes the forms.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeSet;

const EXPORTS: &str = "commonjs";
pub(super) const RUN: &str = "commonjs-run";
pub(super) const REQUIRE: &str = "commonjs-require";

/// Ends the specifier of a re-export: its target is what `require` loads, in the export form.
pub(super) const REEXPORT: &str = "commonjs-exports";

/// What is escaped in the names of a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'$');

/// In what form a module is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// By an `import`.
    Exports {
        /// Whether `default` is all exports, as in Node.js, even if the module was compiled from an ES module.
        is_node: bool,
        /// Names that are imported although analysis does not find them. An ES module has this form only for them.
        names: BTreeSet<String>,
    },
    /// Only to run it.
    Run,
    /// By a `require` call.
    Require(Required),
}

/// Which form the import of a converted module asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Require,
    Exports,
}

/// What `require` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Required {
    /// The exports of a CommonJS module, or the value of JSON.
    Exports,
    /// All exports of an ES module.
    Namespace,
    /// The default export of an ES module.
    Default,
}

impl Form {
    /// Returns the form that the query of a URL names.
    pub(crate) fn of_query(query: &str) -> Option<Self> {
        let (key, names) = query.split_once("&names=").unwrap_or((query, ""));
        let (key, value) = key.split_once('=').unwrap_or((key, ""));
        match (key, value) {
            (EXPORTS, "" | "node") => {
                let names = names.split(',').filter(|name| !name.is_empty());
                let names = names.map(|name| percent_decode_str(name).decode_utf8_lossy());
                Some(Self::Exports {
                    is_node: value == "node",
                    names: names.map(Into::into).collect(),
                })
            }
            (RUN, "") => Some(Self::Run),
            (REQUIRE, "") => Some(Self::Require(Required::Exports)),
            (REQUIRE, "namespace") => Some(Self::Require(Required::Namespace)),
            (REQUIRE, "default") => Some(Self::Require(Required::Default)),
            _ => None,
        }
    }

    /// Returns the query of a URL that names this form, with the question mark.
    pub(crate) fn to_query(&self) -> String {
        match self {
            Self::Exports { is_node, names } => {
                let mut query = format!("?{EXPORTS}{}", if *is_node { "=node" } else { "" });
                for (index, name) in names.iter().enumerate() {
                    let separator = if index == 0 { "&names=" } else { "," };
                    query.push_str(separator);
                    query.extend(utf8_percent_encode(name, ESCAPED));
                }
                query
            }
            Self::Run => format!("?{RUN}"),
            Self::Require(required) => {
                let value = match required {
                    Required::Exports => "",
                    Required::Namespace => "=namespace",
                    Required::Default => "=default",
                };
                format!("?{REQUIRE}{value}")
            }
        }
    }
}

/// Returns the specifier of the `require` call that an import of a converted module replaces, and the form that it
/// asks for. `None` for other imports.
pub(crate) fn required_specifier(import: &str) -> Option<(&str, Wanted)> {
    let (specifier, query) = import.rsplit_once('?')?;
    match query {
        REQUIRE => Some((specifier, Wanted::Require)),
        REEXPORT => Some((specifier, Wanted::Exports)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_forms() {
        let exports = |is_node, names: &[&str]| Form::Exports {
            is_node,
            names: names.iter().map(ToString::to_string).collect(),
        };
        for (form, query) in [
            (exports(false, &[]), "?commonjs"),
            (exports(true, &[]), "?commonjs=node"),
            (
                exports(false, &["$a_", "b c", "d,e&f"]),
                "?commonjs&names=$a_,b%20c,d%2Ce%26f",
            ),
            (exports(true, &["é"]), "?commonjs=node&names=%C3%A9"),
            (Form::Run, "?commonjs-run"),
            (Form::Require(Required::Exports), "?commonjs-require"),
            (
                Form::Require(Required::Namespace),
                "?commonjs-require=namespace",
            ),
            (
                Form::Require(Required::Default),
                "?commonjs-require=default",
            ),
        ] {
            assert_eq!(form.to_query(), query);
            assert_eq!(Form::of_query(&query[1..]), Some(form));
        }
        for query in [
            "",
            "v=1",
            "commonjs=1",
            "commonjs-require=1",
            "commonjs-exports",
            "names=a",
        ] {
            assert_eq!(Form::of_query(query), None, "{query}");
        }
    }

    #[test]
    fn the_imports_of_converted_modules_are_told_from_others() {
        for (import, expected) in [
            ("react?commonjs-require", Some(("react", Wanted::Require))),
            ("./a?b?commonjs-exports", Some(("./a?b", Wanted::Exports))),
            ("react", None),
            ("./a.js?commonjs", None),
            ("./a.js?commonjs-require=default", None),
        ] {
            assert_eq!(required_specifier(import), expected, "{import}");
        }
    }
}
