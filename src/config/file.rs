//! Reads `pagewire.toml`. Whatever is wrong in it is an error that says where.

use super::SETTINGS;
use super::plugins;
use super::settings::{Kind, Setting, SettingsError};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How alike a key and an unknown one are when the one may be meant by the other; 1 = the same.
const ALIKE: f64 = 0.8;

/// How much of a value an error shows, in characters.
const SHOWN: usize = 40;

/// A setting in the file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Which one.
    pub setting: &'static Setting,
    /// Its values, checked; paths are absolute.
    pub values: Vec<String>,
    /// File and line, for people.
    pub at: String,
}

/// Reads all settings of a file of this name in this folder (absolute).
///
/// # Errors
/// The first thing in the file that makes no sense.
pub(crate) fn entries(name: &str, folder: &Path, text: &str) -> Result<Vec<Entry>, SettingsError> {
    let error = |place: Range<usize>, problem: String| {
        let (line, column) = line_and_column(text, place.start);
        SettingsError {
            at: format!("{name}:{line}:{column}"),
            problem,
        }
    };
    let table = DeTable::parse(text).map_err(|cause| {
        let problem = cause.message().replace('\n', ", ");
        error(cause.span().unwrap_or(0..0), problem)
    })?;
    let mut pairs: Vec<_> = table.get_ref().iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
        .into_iter()
        .map(|(key, value)| {
            let setting = SETTINGS
                .iter()
                .find(|setting| setting.key == key.get_ref())
                .ok_or_else(|| error(key.span(), unknown(key.get_ref())))?;
            let values = if let (Kind::Plugins, DeValue::Array(plugins)) =
                (setting.kind, value.get_ref())
            {
                plugins::texts(plugins)
                    .map_err(|(place, problem)| error(place, format!("{}: {problem}", setting.key)))
            } else {
                texts(setting, value).map_err(|wrong| {
                    let shown: String = text[wrong.clone()]
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take(SHOWN)
                        .collect();
                    error(
                        wrong,
                        format!("{} must be {}, not {shown}", setting.key, expected(setting)),
                    )
                })
            }?;
            let values = values.into_iter().map(|(place, value)| {
                let value = setting.beside(folder, &value);
                let checked = setting.check(&value);
                checked.map_err(|problem| error(place, format!("{}: {problem}", setting.key)))?;
                Ok(value)
            });
            let (line, _) = line_and_column(text, key.span().start);
            Ok(Entry {
                setting,
                values: values.collect::<Result<_, _>>()?,
                at: format!("{name}:{line}"),
            })
        })
        .collect()
}

/// The values with their places, or the place of one that is of another type.
fn texts(
    setting: &Setting,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<(Range<usize>, String)>, Range<usize>> {
    let place = value.span();
    let text = match (setting.kind, value.get_ref()) {
        (Kind::Switch | Kind::SwitchOr(_), DeValue::Boolean(value)) => value.to_string(),
        (Kind::Number, DeValue::Integer(value)) => {
            i64::from_str_radix(value.as_str(), value.radix())
                .map_err(|_| place.clone())?
                .to_string()
        }
        (Kind::Switch | Kind::Number, _) => return Err(place),
        (_, DeValue::String(value)) => value.to_string(),
        (Kind::Pairs | Kind::FolderPairs, DeValue::Table(table)) => {
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
        (_, DeValue::Array(values)) if setting.is_list() => {
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

fn expected(setting: &Setting) -> String {
    match setting.kind {
        Kind::Switch => "true or false".to_owned(),
        Kind::SwitchOr(words) => format!("true, false or one of {words:?}"),
        Kind::Number => "a number".to_owned(),
        Kind::Text | Kind::File => "a string".to_owned(),
        Kind::Word(words) => format!("one of {words:?}"),
        Kind::Texts | Kind::Folders | Kind::Addresses => "a list of strings, or one".to_owned(),
        Kind::Pairs | Kind::FolderPairs => "a table of strings".to_owned(),
        Kind::Plugins => "a command line, a list of them, or [[plugin]] tables".to_owned(),
    }
}

fn unknown(key: &str) -> String {
    let written = key.replace('-', "_").to_lowercase();
    let alike = SETTINGS
        .iter()
        .map(|setting| (strsim::jaro(setting.key, &written), setting.key));
    match alike.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((alike, meant)) if alike >= ALIKE => {
            format!("unknown key {key:?} (did you mean {meant:?}?)")
        }
        _ => {
            let keys: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
            format!("unknown key {key:?} (there are {})", keys.join(", "))
        }
    }
}

/// Both count from 1; columns are characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
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
        entries("pagewire.toml", Path::new("/site"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn errors_say_file_line_column_and_what_was_meant() {
        for (text, says) in [
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
                "pagewire.toml:2:2: unknown key \"zzz\" (there are port, host, tls, ",
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
                "pagewire.toml:1:10: inject: \"sometimes\" is not asked, always or never",
            ),
            (
                "allow_file = [\n  'a',\n  2]",
                "pagewire.toml:3:3: allow_file must be a list of strings, or one, not 2",
            ),
            (
                "control = ['here']",
                "pagewire.toml:1:12: control: control address \"here\" is neither",
            ),
            (
                "log = 'loud'",
                "pagewire.toml:1:7: log: \"loud\" is no level",
            ),
            (
                "[[plugin]]\nname = 'a'\n[[plugin]]\nnmae = 'b'",
                "pagewire.toml:4:1: plugin: unknown key \"nmae\" (there are name, command,",
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
                "pagewire.toml:2:11: plugin: command: \"a \\\"b\" has a quote that is not closed",
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
            // What comes first is said first, whatever its name.
            ("zzz = 1\naaa = 1", "pagewire.toml:1:1: unknown key \"zzz\""),
        ] {
            let error = error(text);
            assert!(error.starts_with(says), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file_and_one_value_is_a_list() {
        assert!(entries("f", Path::new("/site"), "").unwrap().is_empty());
        let text = "allow_dir = ['../shared', '/abs']\ncontrol = 'unix:run/c'\nport = 0x1F_90";
        let entries = entries("f", Path::new("/site"), text).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry.setting.key, entry.values.join(" "), entry.at.as_str()))
            .collect();
        let expected = [
            ("allow_dir", "/site/../shared /abs".to_owned(), "f:1"),
            ("control", "unix:/site/run/c".to_owned(), "f:2"),
            ("port", "8080".to_owned(), "f:3"),
        ];
        assert_eq!(found, expected);
    }
}
