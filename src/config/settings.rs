//! Effective settings and their sources.

use super::file::FileEntry;
use super::modes::WatchMode;
use super::setting::{Setting, SettingError};
use super::table::SETTINGS;
use std::fmt::{self, Display};
use std::str::FromStr;

/// Source of an effective value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, with its name.
    Flag(String),
    /// An environment variable, with its name.
    Variable(String),
    /// The file, with its name and the line.
    File(String),
    Default,
}

impl Origin {
    /// Returns the kind of source as a word for programs.
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

/// Effective values of one setting, and their source.
#[derive(Debug)]
pub(crate) struct EffectiveSetting {
    pub setting: &'static Setting,
    /// At most one value, unless the setting is a list.
    pub values: Vec<String>,
    pub origin: Origin,
}

impl EffectiveSetting {
    /// Returns an error about the values that names their source.
    pub(super) fn error(&self, problem: impl Display) -> SettingError {
        SettingError {
            origin: self.origin.to_string(),
            problem: problem.to_string(),
        }
    }
}

/// Effective values of all settings.
#[derive(Debug)]
pub(crate) struct Settings(Vec<EffectiveSetting>);

impl Settings {
    /// Merges the sources: flags win over the environment, the environment over the file, the file over
    /// defaults. A list that wins replaces the other lists. An empty variable counts as unset.
    ///
    /// # Errors
    /// When an effective variable is invalid. Flags and file were validated when they were read.
    pub(crate) fn merge(
        flag: impl Fn(&Setting) -> Option<Vec<String>>,
        variable: impl Fn(&str) -> Option<String>,
        file: &[FileEntry],
    ) -> Result<Self, SettingError> {
        let effective = |setting: &'static Setting| {
            if let Some(values) = flag(setting) {
                return Ok((values, Origin::Flag(format!("--{}", setting.flag()))));
            }
            let name = setting.variable();
            if let Some(text) = variable(&name).filter(|text| !text.trim().is_empty()) {
                let values = setting.split(text.trim());
                for value in &values {
                    setting.check(value).map_err(|problem| SettingError {
                        origin: name.clone(),
                        problem,
                    })?;
                }
                return Ok((values, Origin::Variable(name)));
            }
            let entry = file.iter().find(|entry| entry.setting.key == setting.key);
            if let Some(entry) = entry {
                return Ok((entry.values.clone(), Origin::File(entry.line.clone())));
            }
            let values = setting.default.iter().map(|value| (*value).to_owned());
            Ok((values.collect(), Origin::Default))
        };
        let settings = SETTINGS.iter().map(|setting| {
            let (values, origin) = effective(setting)?;
            Ok(EffectiveSetting {
                setting,
                values,
                origin,
            })
        });
        let mut settings = settings.collect::<Result<_, _>>().map(Self)?;
        settings.apply_implications();
        Ok(settings)
    }

    /// Sets what other settings imply: pages need the client to react to changes, so `watch` implies
    /// `inject = "always"` unless `inject` is set.
    fn apply_implications(&mut self) {
        if self.required::<WatchMode>("watch") == WatchMode::Off {
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

    /// Iterates over all settings, in the order of [`SETTINGS`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = &EffectiveSetting> {
        self.0.iter()
    }

    /// Returns the values of a list.
    #[must_use]
    pub(crate) fn list<T: FromStr>(&self, key: &str) -> Vec<T> {
        let values = self.get(key).values.iter();
        let values: Option<_> = values.map(|value| value.parse().ok()).collect();
        values.expect("every value was validated when it was read")
    }

    /// Returns the value of a setting that may have none.
    #[must_use]
    pub(crate) fn optional<T: FromStr>(&self, key: &str) -> Option<T> {
        self.list(key).pop()
    }

    /// Returns the value of a setting that has a default.
    #[must_use]
    pub(crate) fn required<T: FromStr>(&self, key: &str) -> T {
        self.optional(key)
            .expect("its row in SETTINGS has a default")
    }

    /// Returns a setting by its key.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> &EffectiveSetting {
        let mut rows = self.0.iter();
        rows.find(|row| row.setting.key == key)
            .expect("a key of SETTINGS")
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::*;
    use std::path::Path;

    fn allow_host(
        flag: Option<&str>,
        variable: Option<&str>,
        file: Option<&str>,
    ) -> (Vec<String>, Origin) {
        let text = file.map_or(String::new(), |value| format!("\nallow_host = ['{value}']"));
        let file = parse("f.toml", Path::new("/"), &text).unwrap();
        let settings = Settings::merge(
            |setting| {
                flag.filter(|_| setting.key == "allow_host")
                    .map(|flag| vec![flag.to_owned()])
            },
            |name| {
                variable
                    .filter(|_| name == "PAGEWIRE_ALLOW_HOST")
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
        assert_eq!(allow_host(Some("a"), Some("b"), Some("c")), flag);
        let variable = (
            list(&["b", "d"]),
            Origin::Variable("PAGEWIRE_ALLOW_HOST".into()),
        );
        assert_eq!(allow_host(None, Some("b, d,"), Some("c")), variable);
        let file = (list(&["c"]), Origin::File("f.toml:2".into()));
        assert_eq!(allow_host(None, None, Some("c")), file);
        assert_eq!(
            allow_host(None, Some(" "), Some("c")),
            file,
            "an empty variable counts as unset"
        );
        assert_eq!(allow_host(None, None, None), (list(&[]), Origin::Default));
    }
}
