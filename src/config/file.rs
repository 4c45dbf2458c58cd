//! Parser of `pagewire.toml`. Every error names its line and column.

use super::headers;
use super::plugins;
use super::proxy;
use super::setting::{Setting, SettingError, SettingType};
use super::table::SETTINGS;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Name of the file in the root.
pub(crate) const FILE_NAME: &str = "pagewire.toml";

/// Minimum Jaro similarity at which an error suggests a known key for an unknown one; 1 = equal.
const SUGGESTED_SIMILARITY: f64 = 0.8;

/// Maximum number of characters of an invalid value that an error shows.
const MAX_SHOWN_CHARS: usize = 40;

/// A setting in the file.
#[derive(Debug)]
pub(crate) struct FileEntry {
    pub setting: &'static Setting,
    /// Validated values; paths are absolute.
    pub values: Vec<String>,
    /// File name and line, shown as the origin of the setting.
    pub line: String,
}

/// A value, or the problem with a value, with its place in the file.
type Placed = (Range<usize>, String);

/// Parses the text of a settings file. Errors contain `name`; relative paths are resolved against `folder`, which
/// is absolute.
///
/// # Errors
/// The first syntax error, or else the first invalid setting.
pub(crate) fn parse(name: &str, folder: &Path, text: &str) -> Result<Vec<FileEntry>, SettingError> {
    let error = |place: Range<usize>, problem: String| {
        let (line, column) = line_and_column(text, place.start);
        SettingError {
            origin: format!("{name}:{line}:{column}"),
            problem,
        }
    };
    let table = DeTable::parse(text).map_err(|cause| {
        let problem = cause.message().replace('\n', ", ");
        error(cause.span().unwrap_or(0..0), problem)
    })?;
    let mut pairs: Vec<_> = table.get_ref().iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    let entries = pairs.into_iter().map(|(key, value)| {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.key == key.get_ref())
            .ok_or_else(|| error(key.span(), unknown_key(key.get_ref())))?;
        let values =
            values(setting, value, text).map_err(|(place, problem)| error(place, problem))?;
        let values = values.into_iter().map(|(place, value)| {
            let value = setting.resolve_paths(folder, &value);
            let checked = setting.check(&value);
            checked.map_err(|problem| error(place, format!("{}: {problem}", setting.key)))?;
            Ok(value)
        });
        let (line, _) = line_and_column(text, key.span().start);
        Ok(FileEntry {
            setting,
            values: values.collect::<Result<_, _>>()?,
            line: format!("{name}:{line}"),
        })
    });
    entries.collect()
}

/// Returns the values of a setting as text. An error is the place and the problem of a value of the wrong type.
fn values(
    setting: &Setting,
    value: &Spanned<DeValue<'_>>,
    text: &str,
) -> Result<Vec<Placed>, Placed> {
    let tables = match (setting.value_type, value.get_ref()) {
        (SettingType::Plugins, DeValue::Array(plugins)) => Some(plugins::values(plugins)),
        (SettingType::Backends, DeValue::Table(rules)) => Some(proxy::values(rules)),
        (SettingType::Headers, DeValue::Table(headers)) => Some(headers::values(headers)),
        _ => None,
    };
    if let Some(values) = tables {
        return values.map_err(|(place, problem)| (place, format!("{}: {problem}", setting.key)));
    }
    values_as_text(setting, value).map_err(|place| {
        let line = text[place.clone()].lines().next().unwrap_or_default();
        let shown: String = line.chars().take(MAX_SHOWN_CHARS).collect();
        let problem = format!("{} must be {}, not {shown}", setting.key, expected(setting));
        (place, problem)
    })
}

/// Converts TOML values to text. An error is the place of a value of the wrong type.
fn values_as_text(
    setting: &Setting,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<Placed>, Range<usize>> {
    let place = value.span();
    let text = match (setting.value_type, value.get_ref()) {
        (SettingType::Switch | SettingType::SwitchOr(_), DeValue::Boolean(value)) => {
            value.to_string()
        }
        (SettingType::Number, DeValue::Integer(value)) => {
            i64::from_str_radix(value.as_str(), value.radix())
                .map_err(|_| place.clone())?
                .to_string()
        }
        (SettingType::Switch | SettingType::Number, _) => return Err(place),
        (_, DeValue::String(value)) => value.to_string(),
        (SettingType::Pairs | SettingType::FolderPairs, DeValue::Table(table)) => {
            let mut pairs: Vec<_> = table.iter().collect();
            pairs.sort_by_key(|(name, _)| name.span().start);
            let pairs = pairs
                .into_iter()
                .map(|(name, value)| match value.get_ref() {
                    DeValue::String(text) => {
                        Ok((value.span(), format!("{}={text}", name.get_ref())))
                    }
                    _ => Err(value.span()),
                });
            return pairs.collect();
        }
        (value_type, DeValue::Array(values)) if value_type.is_list() => {
            let values = values.iter().map(|value| match value.get_ref() {
                DeValue::String(text) => Ok((value.span(), text.to_string())),
                _ => Err(value.span()),
            });
            return values.collect();
        }
        _ => return Err(place),
    };
    Ok(vec![(place, text)])
}

/// Describes the values that a setting accepts.
fn expected(setting: &Setting) -> String {
    match setting.value_type {
        SettingType::Switch => "true or false".to_owned(),
        SettingType::SwitchOr(words) => format!("true, false or one of {words:?}"),
        SettingType::Number => "a number".to_owned(),
        SettingType::Text | SettingType::File => "a string".to_owned(),
        SettingType::Word(words) => format!("one of {words:?}"),
        SettingType::Texts | SettingType::Folders | SettingType::Addresses => {
            "a string or a list of strings".to_owned()
        }
        SettingType::Pairs | SettingType::FolderPairs => "a table of strings".to_owned(),
        SettingType::Headers => "a list of strings such as 'NAME: VALUE', or a table".to_owned(),
        SettingType::Backends => "a URL, a list of URLs, or a table of URLs by path".to_owned(),
        SettingType::Plugins => "a command line, a list of them, or [[plugin]] tables".to_owned(),
    }
}

fn unknown_key(key: &str) -> String {
    let normalized = key.replace('-', "_").to_lowercase();
    let similar = SETTINGS
        .iter()
        .map(|setting| (strsim::jaro(setting.key, &normalized), setting.key));
    match similar.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((similarity, known)) if similarity >= SUGGESTED_SIMILARITY => {
            format!("unknown key {key:?} (did you mean {known:?}?)")
        }
        _ => {
            let keys: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
            format!("unknown key {key:?} (known keys: {})", keys.join(", "))
        }
    }
}

/// Converts a byte offset to a line and a column, both counted from 1; columns count characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_begin..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse("pagewire.toml", Path::new("/site"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn errors_name_file_line_and_column_and_suggest_a_key() {
        for (text, expected) in [
            (
                "\n\nprot = 1",
                "pagewire.toml:3:1: unknown key \"prot\" (did you mean \"port\"?)",
            ),
            (
                "allow-host = 'x'",
                "pagewire.toml:1:1: unknown key \"allow-host\" (did you mean \"allow_host\"?)",
            ),
            (
                "port = 1\n[zzz]\n",
                "pagewire.toml:2:2: unknown key \"zzz\" (known keys: port, host, tls, ",
            ),
            (
                "port = '8000'",
                "pagewire.toml:1:8: port must be a number, not '8000'",
            ),
            (
                "port = 1.5",
                "pagewire.toml:1:8: port must be a number, not 1.5",
            ),
            (
                "port = 65536",
                "pagewire.toml:1:8: port: \"65536\" is not a port (a number from 0 to 65535)",
            ),
            ("port = -1", "pagewire.toml:1:8: port: \"-1\" is not a port"),
            (
                "debug = 1",
                "pagewire.toml:1:9: debug must be true or false, not 1",
            ),
            (
                "# \u{e9}\n  host = 7",
                "pagewire.toml:2:10: host must be a string, not 7",
            ),
            (
                "inject = 'sometimes'",
                "pagewire.toml:1:10: inject: \"sometimes\" is not one of asked, always, never",
            ),
            (
                "allow_file = [\n  'a',\n  2]",
                "pagewire.toml:3:3: allow_file must be a string or a list of strings, not 2",
            ),
            (
                "control = ['here']",
                "pagewire.toml:1:12: control: control address \"here\" is neither",
            ),
            (
                "log = 'loud'",
                "pagewire.toml:1:7: log: \"loud\" is neither a level",
            ),
            (
                "[[plugin]]\nname = 'a'\n[[plugin]]\nnmae = 'b'",
                "pagewire.toml:4:1: plugin: unknown key \"nmae\" (known keys: name, command,",
            ),
            (
                "[[plugin]]\nname = 'A'",
                "pagewire.toml:2:8: plugin: name: name \"A\" is not valid",
            ),
            (
                "[[plugin]]\nrequired = 1",
                "pagewire.toml:2:12: plugin: required: invalid type",
            ),
            (
                "[[plugin]]\ncommand = 'a \"b'",
                "pagewire.toml:2:11: plugin: command: \"a \\\"b\" has an unclosed quote",
            ),
            (
                "[[plugin]]\nname = 'a'\npaths = ['css']",
                "pagewire.toml:3:9: plugin: paths: \"css\" is not a URL path",
            ),
            (
                "\n[[plugin]]",
                "pagewire.toml:2:1: plugin: has neither a name nor a command",
            ),
            (
                "[plugin]",
                "pagewire.toml:1:1: plugin must be a command line, a list",
            ),
            ("port = 1\nport = 2", "pagewire.toml:2:1: duplicate key"),
            ("port 1", "pagewire.toml:1:"),
            ("port =", "pagewire.toml:1:"),
            // Errors are reported in the order of the file, not of the keys.
            ("zzz = 1\naaa = 1", "pagewire.toml:1:1: unknown key \"zzz\""),
        ] {
            let error = error(text);
            assert!(error.starts_with(expected), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn resolves_paths_against_the_folder_and_accepts_a_single_value_for_a_list() {
        assert!(parse("f", Path::new("/site"), "").unwrap().is_empty());
        let text = "allow_dir = ['../shared', '/abs']\ncontrol = 'unix:run/c'\nport = 0x1F_90";
        let entries = parse("f", Path::new("/site"), text).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.setting.key,
                    entry.values.join(" "),
                    entry.line.as_str(),
                )
            })
            .collect();
        let expected = [
            ("allow_dir", "/site/../shared /abs".to_owned(), "f:1"),
            ("control", "unix:/site/run/c".to_owned(), "f:2"),
            ("port", "8080".to_owned(), "f:3"),
        ];
        assert_eq!(found, expected);
    }
}
