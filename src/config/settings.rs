//! What was said of the settings, by flags, the environment and `pagewire.toml`, and who wins.

use super::{Entry, SETTINGS, WatchMode};
use std::fmt::{self, Display};
use std::path::Path;
use std::str::FromStr;

/// The file in the root that is read.
pub(crate) const FILE_NAME: &str = "pagewire.toml";

/// One setting: `allow_host` in the file is `--allow-host` and `PAGEWIRE_ALLOW_HOST`.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// What a value is called in help texts.
    pub value_name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// What holds when nobody says anything.
    pub default: &'static [&'static str],
    /// What happens then, if there is no value for it.
    pub otherwise: &'static str,
    /// Says what is wrong with a value.
    pub(super) check: fn(&str) -> Result<(), String>,
}

/// What the values of a setting look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// True or false.
    Switch,
    /// A number.
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// A list of texts.
    Texts,
    /// A file; in pagewire.toml relative to it.
    File,
    /// A list of folders; in the file relative to it.
    Folders,
    /// A list of control addresses; paths in the file are relative to it.
    Addresses,
    /// A list of `NAME=VALUE`; in the file also a table.
    Pairs,
    /// The same with folders as values; in the file relative to it.
    FolderPairs,
    /// A list of command lines; in the file also of tables.
    Plugins,
    /// True, false or one of these words.
    SwitchOr(&'static [&'static str]),
}

impl Setting {
    /// The flag, without its dashes.
    #[must_use]
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The environment variable.
    #[must_use]
    pub(crate) fn variable(&self) -> String {
        format!("PAGEWIRE_{}", self.key.to_ascii_uppercase())
    }

    /// Whether it may have several values.
    #[must_use]
    pub(crate) fn is_list(&self) -> bool {
        matches!(
            self.kind,
            Kind::Texts
                | Kind::Folders
                | Kind::Addresses
                | Kind::Pairs
                | Kind::FolderPairs
                | Kind::Plugins
        )
    }

    /// Says what is wrong with a value.
    pub(crate) fn check(&self, value: &str) -> Result<(), String> {
        (self.check)(value)
    }

    /// A value from a file in this folder.
    pub(super) fn beside(&self, folder: &Path, value: &str) -> String {
        let in_folder = |path| folder.join(path).to_string_lossy().into_owned();
        match (
            self.kind,
            value.strip_prefix("unix:"),
            value.split_once('='),
        ) {
            (Kind::File | Kind::Folders, ..) => in_folder(value),
            (Kind::Addresses, Some(path), _) => format!("unix:{}", in_folder(path)),
            (Kind::FolderPairs, _, Some((name, folder))) => format!("{name}={}", in_folder(folder)),
            _ => value.to_owned(),
        }
    }

    /// The values in a variable: a list is separated by commas, one of commands by line ends.
    fn split(&self, text: &str) -> Vec<String> {
        if self.is_list() {
            let separator = if self.kind == Kind::Plugins {
                '\n'
            } else {
                ','
            };
            let values = text.split(separator).map(str::trim);
            return values
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .collect();
        }
        vec![match (self.kind, text) {
            (Kind::Switch | Kind::SwitchOr(_), "1") => "true".to_owned(),
            (Kind::Switch | Kind::SwitchOr(_), "0") => "false".to_owned(),
            (_, text) => text.to_owned(),
        }]
    }
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This flag.
    Flag(String),
    /// This environment variable.
    Variable(String),
    /// This line of the file.
    File(String),
    /// Nobody.
    Default,
}

impl Origin {
    /// In a word, for programs.
    #[must_use]
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "environment",
            Self::File(_) => "file",
            Self::Default => "default",
        }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(text) | Self::Variable(text) | Self::File(text) => f.write_str(text),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub(crate) struct SettingsError {
    /// Where it was said: `pagewire.toml:3:1`, `PAGEWIRE_PORT`.
    pub at: String,
    /// What is wrong, and the remedy.
    pub problem: String,
}

/// A setting that is in force.
#[derive(Debug)]
pub(crate) struct InForce {
    /// Which one.
    pub setting: &'static Setting,
    /// Its values: none or one unless it is a list.
    pub values: Vec<String>,
    /// Who said so.
    pub origin: Origin,
}

/// Every setting with what is in force.
#[derive(Debug)]
pub(crate) struct Settings(Vec<InForce>);

impl Settings {
    /// Flags win over the environment, that over the file, that over defaults. A list that wins
    /// replaces the others. An empty variable says nothing.
    ///
    /// # Errors
    /// When a variable that would be in force makes no sense. Flags and file were checked as they
    /// were read.
    pub(crate) fn layer(
        flag: impl Fn(&Setting) -> Option<Vec<String>>,
        variable: impl Fn(&str) -> Option<String>,
        file: &[Entry],
    ) -> Result<Self, SettingsError> {
        let in_force = |setting: &'static Setting| {
            if let Some(values) = flag(setting) {
                return Ok((values, Origin::Flag(format!("--{}", setting.flag()))));
            }
            let name = setting.variable();
            if let Some(text) = variable(&name).filter(|text| !text.trim().is_empty()) {
                let values = setting.split(text.trim());
                for value in &values {
                    setting.check(value).map_err(|problem| SettingsError {
                        at: name.clone(),
                        problem,
                    })?;
                }
                return Ok((values, Origin::Variable(name)));
            }
            let entry = file.iter().find(|entry| entry.setting.key == setting.key);
            if let Some(entry) = entry {
                return Ok((entry.values.clone(), Origin::File(entry.at.clone())));
            }
            let values = setting.default.iter().map(|value| (*value).to_owned());
            Ok((values.collect(), Origin::Default))
        };
        let settings = SETTINGS.iter().map(|setting| {
            let (values, origin) = in_force(setting)?;
            Ok(InForce {
                setting,
                values,
                origin,
            })
        });
        let mut settings = settings.collect::<Result<_, _>>().map(Self)?;
        settings.imply();
        Ok(settings)
    }

    /// What one setting says of another that nobody spoke of: a page that is to hear of changes
    /// needs the client.
    fn imply(&mut self) {
        if self.always::<WatchMode>("watch") == WatchMode::Off {
            return;
        }
        let watch = self.get("watch").origin.clone();
        for row in &mut self.0 {
            if row.setting.key == "inject" && row.origin == Origin::Default {
                row.values = vec!["always".to_owned()];
                row.origin = watch.clone();
            }
        }
    }

    /// All of them, in the order of [`SETTINGS`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = &InForce> {
        self.0.iter()
    }

    /// The values of a list.
    #[must_use]
    pub(crate) fn many<T: FromStr>(&self, key: &str) -> Vec<T> {
        let values = self.get(key).values.iter();
        let values: Option<_> = values.map(|value| value.parse().ok()).collect();
        values.expect("every value was checked when it was read")
    }

    /// The value of a setting that has one at most.
    #[must_use]
    pub(crate) fn one<T: FromStr>(&self, key: &str) -> Option<T> {
        self.many(key).pop()
    }

    /// The value of a setting that has a default.
    #[must_use]
    pub(crate) fn always<T: FromStr>(&self, key: &str) -> T {
        self.one(key).expect("its row in SETTINGS has a default")
    }

    /// What is in force.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> &InForce {
        let mut rows = self.0.iter();
        rows.find(|row| row.setting.key == key)
            .expect("a key of SETTINGS")
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_PORT;
    use super::*;

    #[test]
    fn the_table_keeps_its_own_rules() {
        for setting in SETTINGS {
            for value in setting.default {
                assert_eq!(setting.check(value), Ok(()), "{}", setting.key);
            }
            if let Kind::Word(words) | Kind::SwitchOr(words) = setting.kind {
                for word in words {
                    assert_eq!(setting.check(word), Ok(()), "{}", setting.key);
                }
            }
            let one = setting.default.len() == 1 || !setting.otherwise.is_empty();
            assert!(
                one || setting.is_list(),
                "{} is always something",
                setting.key
            );
        }
        assert!(SETTINGS[0].otherwise.ends_with(&DEFAULT_PORT.to_string()));
    }

    fn in_force(
        flag: Option<&str>,
        variable: Option<&str>,
        file: Option<&str>,
    ) -> (Vec<String>, Origin) {
        let name = |setting: &Setting| setting.key == "allow_host";
        let text = file.map_or(String::new(), |value| format!("\nallow_host = ['{value}']"));
        let file = super::super::entries("f.toml", Path::new("/"), &text).unwrap();
        let settings = Settings::layer(
            |setting| {
                flag.filter(|_| name(setting))
                    .map(|flag| vec![flag.to_owned()])
            },
            |asked| {
                variable
                    .filter(|_| asked == "PAGEWIRE_ALLOW_HOST")
                    .map(str::to_owned)
            },
            &file,
        );
        let settings = settings.unwrap();
        let row = settings.get("allow_host");
        (row.values.clone(), row.origin.clone())
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let list = |values: &[&str]| {
            values
                .iter()
                .map(|value| (*value).to_owned())
                .collect::<Vec<_>>()
        };
        let flag = (list(&["a"]), Origin::Flag("--allow-host".into()));
        assert_eq!(in_force(Some("a"), Some("b"), Some("c")), flag);
        let variable = (
            list(&["b", "d"]),
            Origin::Variable("PAGEWIRE_ALLOW_HOST".into()),
        );
        assert_eq!(in_force(None, Some("b, d,"), Some("c")), variable);
        let file = (list(&["c"]), Origin::File("f.toml:2".into()));
        assert_eq!(in_force(None, None, Some("c")), file);
        assert_eq!(
            in_force(None, Some(" "), Some("c")),
            file,
            "an empty variable says nothing"
        );
        assert_eq!(in_force(None, None, None), (list(&[]), Origin::Default));
    }
}
