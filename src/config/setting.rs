//! One row of the settings table, and the error of a value that it does not accept.

use super::proxy;
use std::path::Path;

/// Definition of a setting: `allow_host` in the file is `--allow-host` and `PAGEWIRE_ALLOW_HOST`.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    pub value_type: SettingType,
    /// Placeholder of a value in help texts.
    pub value_name: &'static str,
    pub help: &'static str,
    pub default: &'static [&'static str],
    /// Describes the default when it is not a value.
    pub default_text: &'static str,
    /// Validates one value; the error says what is wrong with it.
    pub(super) check: fn(&str) -> Result<(), String>,
}

/// Type of a setting's values, which decides how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingType {
    /// True or false.
    Switch,
    /// True, false or one of these words.
    SwitchOr(&'static [&'static str]),
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    Text,
    Texts,
    /// A file; in pagewire.toml relative to it.
    File,
    /// A list of folders; in pagewire.toml relative to it.
    Folders,
    /// A list of control addresses; paths in pagewire.toml are relative to it.
    Addresses,
    /// A list of `NAME=VALUE`; in pagewire.toml also a table.
    Pairs,
    /// Like [`Self::Pairs`], with folders as values; in pagewire.toml relative to it.
    FolderPairs,
    /// A list of `[GLOB=]NAME: VALUE`; in pagewire.toml also a table.
    Headers,
    /// A list of backends; in pagewire.toml also a table, and paths are relative to it.
    Backends,
    /// A list of command lines; in pagewire.toml also of tables.
    Plugins,
}

impl SettingType {
    /// Returns whether a setting of this type may have several values.
    #[must_use]
    pub(crate) fn is_list(self) -> bool {
        matches!(
            self,
            Self::Texts
                | Self::Folders
                | Self::Addresses
                | Self::Pairs
                | Self::FolderPairs
                | Self::Headers
                | Self::Backends
                | Self::Plugins
        )
    }
}

impl Setting {
    /// Returns the flag's name, without its dashes.
    #[must_use]
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Returns the name of the environment variable.
    #[must_use]
    pub(crate) fn variable(&self) -> String {
        format!("PAGEWIRE_{}", self.key.to_ascii_uppercase())
    }

    /// Validates one value; the error says what is wrong with it.
    pub(crate) fn check(&self, value: &str) -> Result<(), String> {
        (self.check)(value)
    }

    /// Resolves the paths in a value against a folder.
    pub(super) fn resolve_paths(&self, folder: &Path, value: &str) -> String {
        let in_folder = |path| folder.join(path).to_string_lossy().into_owned();
        match (
            self.value_type,
            value.strip_prefix("unix:"),
            value.split_once('='),
        ) {
            (SettingType::File | SettingType::Folders, ..) => in_folder(value),
            (SettingType::Addresses, Some(path), _) => format!("unix:{}", in_folder(path)),
            (SettingType::Backends, ..) => proxy::resolve_paths(folder, value),
            (SettingType::FolderPairs, _, Some((name, folder))) => {
                format!("{name}={}", in_folder(folder))
            }
            _ => value.to_owned(),
        }
    }

    /// Splits the text of a variable into values. Lists are separated by commas; command lines and headers,
    /// which contain commas, by line breaks.
    pub(super) fn split(&self, text: &str) -> Vec<String> {
        if self.value_type.is_list() {
            let separator = match self.value_type {
                SettingType::Plugins | SettingType::Headers => '\n',
                _ => ',',
            };
            let values = text.split(separator).map(str::trim);
            return values
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .collect();
        }
        vec![match (self.value_type, text) {
            (SettingType::Switch | SettingType::SwitchOr(_), "1") => "true".to_owned(),
            (SettingType::Switch | SettingType::SwitchOr(_), "0") => "false".to_owned(),
            (_, text) => text.to_owned(),
        }]
    }
}

/// An invalid setting, with its source.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {problem}")]
pub(crate) struct SettingError {
    /// Where the value was set: `pagewire.toml:3:1`, `PAGEWIRE_PORT`.
    pub origin: String,
    /// What is wrong with it, and the remedy.
    pub problem: String,
}
