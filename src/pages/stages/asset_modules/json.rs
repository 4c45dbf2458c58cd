//! JSON files as modules.

use crate::javascript::literal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Most top-level keys that are exported by name, so that a large table does not become as many variables. Beyond
/// it, only the default export has them, which the log reports. Default 10,000.
pub(super) const MAX_NAMED_EXPORTS: usize = 10_000;

/// The module of a JSON file.
pub(super) struct JsonModule {
    pub(super) script: String,
    /// Keys that have no named export, because there are too many.
    pub(super) unexported: usize,
}

/// Reason why a file is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct JsonError {
    pub(super) message: String,
    /// 1-based.
    pub(super) line: usize,
    /// 1-based, in UTF-16 code units.
    pub(super) column: usize,
}

/// Returns a module whose default export is the value, and that exports each top-level key that is an identifier.
pub(super) fn module(body: &[u8]) -> Result<JsonModule, JsonError> {
    // As browsers decode it: without the byte order mark, and with replacement characters.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    serde_json::from_str::<IgnoredAny>(&text).map_err(|error| describe(&text, &error))?;
    // Fails for any other value.
    let keys = serde_json::from_str(&text).map_or_else(|_| Vec::new(), |ObjectKeys(keys)| keys);
    // `JSON.parse` is faster than the same value as an expression, and `__proto__` is a key like any other.
    let mut script = format!(
        "const json = JSON.parse({});\nexport default json;\n",
        literal(&text)
    );
    let mut known = HashSet::new();
    let names = keys
        .iter()
        .filter(|key| is_identifier(key) && known.insert(*key));
    let names: Vec<String> = names.map(|key| literal(key)).collect();
    let exported = &names[..names.len().min(MAX_NAMED_EXPORTS)];
    if !exported.is_empty() {
        // Other local names, since a key may be a reserved word.
        let list = |item: fn(usize, &str) -> String| {
            let items = exported.iter().enumerate();
            let items = items.map(|(index, name)| item(index, name));
            items.collect::<Vec<_>>().join(", ")
        };
        let values = list(|index, name| format!("{name}: v{index}"));
        let exports = list(|index, name| format!("v{index} as {name}"));
        script.push_str(&format!(
            "const {{{values}}} = json;\nexport {{{exports}}};\n"
        ));
    }
    Ok(JsonModule {
        script,
        unexported: names.len() - exported.len(),
    })
}

/// Whether a module can import the key by name. Names that only look like one do no harm: they are exported as
/// string literals.
fn is_identifier(key: &str) -> bool {
    let is_start = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    key.starts_with(is_start)
        && key.chars().all(|c| is_start(c) || c.is_numeric())
        && key != "default"
}

fn describe(text: &str, error: &serde_json::Error) -> JsonError {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let line = text.split('\n').nth(error.line().saturating_sub(1));
    let before = line.unwrap_or_default().as_bytes();
    let before = &before[..error.column().saturating_sub(1).min(before.len())];
    JsonError {
        message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        line: error.line().max(1),
        column: String::from_utf8_lossy(before).encode_utf16().count() + 1,
    }
}

/// The keys of an object, in order. Values are skipped, whatever their depth.
struct ObjectKeys(Vec<String>);

impl<'de> Deserialize<'de> for ObjectKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor).map(Self)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while let Some((Key(key), IgnoredAny)) = map.next_entry()? {
            keys.extend(key);
        }
        Ok(keys)
    }
}

/// Key of an object; `None` if it is not Unicode, which JSON allows (`"\ud800"`).
struct Key(Option<String>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(KeyVisitor).map(Self)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(std::str::from_utf8(key).ok().map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_are_identifiers_are_exported_under_other_local_names() {
        let text = r#"{ "a": 1, "b c": 2, "class": 3, "default": 4, "a": 5, "é": 6, "1": 7, "\ud800": 8, "$": 9 }"#;
        let module = module(text.as_bytes()).expect("JSON");
        let exports = r#"const {"a": v0, "class": v1, "é": v2, "$": v3} = json;
export {v0 as "a", v1 as "class", v2 as "é", v3 as "$"};
"#;
        assert!(module.script.ends_with(exports), "{}", module.script);
        assert!(
            module
                .script
                .starts_with(r#"const json = JSON.parse("{ \"a\": 1,"#)
        );
    }

    #[test]
    fn any_value_has_a_default_export() {
        for text in ["1", "1e999", "null", "[1]", "\"a\"", " {} ", "\u{feff}true"] {
            let module = module(text.as_bytes()).expect(text);
            let value = literal(text.trim_start_matches('\u{feff}'));
            let expected = format!("const json = JSON.parse({value});\nexport default json;\n");
            assert_eq!(module.script, expected);
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(module(deep.as_bytes()).is_ok());
        assert!(module(format!("{{\"a\": {deep}}}").as_bytes()).is_ok());
    }

    #[test]
    fn an_error_has_its_line_and_column() {
        for (text, line, column) in [
            ("", 1, 1),
            ("{\n  \"a\": 1,\n  \"é\": x\n}", 3, 8),
            ("{ \"a\": 1, }", 1, 11),
            ("[1\n", 2, 1),
            ("1 2", 1, 3),
            ("{ // c\n}", 1, 3),
        ] {
            let error = module(text.as_bytes()).err().expect(text);
            assert_eq!(
                (error.line, error.column),
                (line, column),
                "{text} {error:?}"
            );
            assert!(!error.message.contains(" at line "), "{error:?}");
        }
    }

    #[test]
    fn more_keys_than_the_limit_are_only_in_the_default_export() {
        let pairs = (0..MAX_NAMED_EXPORTS + 2).map(|index| format!("\"k{index}\": 0"));
        let text = format!("{{{}}}", pairs.collect::<Vec<_>>().join(","));
        let module = module(text.as_bytes()).expect("JSON");
        assert_eq!(module.unexported, 2);
        let last = MAX_NAMED_EXPORTS - 1;
        assert!(
            module
                .script
                .ends_with(&format!("v{last} as \"k{last}\"}};\n"))
        );
    }
}
