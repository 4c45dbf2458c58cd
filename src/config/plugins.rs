//! The setting `plugin`: plugins that the daemon starts, orders or waits for, from `--plugin CMD` or
//! `[[plugin]]` in pagewire.toml.

use super::glob::UrlGlob;
use super::modes::WatchMode;
use crate::paths::Prefix;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Longest plugin name. Default 63 bytes.
const MAX_NAME_BYTES: usize = 63;

/// Seconds that a plugin's process may run without being ready, that is, with a session whose declared hooks are
/// all open. Then it is killed, which counts as an exit. Default 60; suspended by `--debug`.
const DEFAULT_READY_TIMEOUT: NonZeroU16 = NonZeroU16::new(60).expect("not zero");

/// Keys of a plugin's table.
const KEYS: &[&str] = &[
    "name",
    "command",
    "required",
    "paths",
    "config",
    "env",
    "watch",
    "ready_timeout",
];

/// A value, or a problem, with its place in the file.
type Placed = (Range<usize>, String);

/// Returns whether a plugin may have this name.
#[must_use]
pub(crate) fn is_plugin_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Configuration of a plugin, known before it connects.
#[derive(Clone, Debug)]
pub(crate) struct PluginConfig {
    /// None = the name that the started process registers with.
    pub name: Option<String>,
    /// The program to start and its arguments; empty = the plugin connects on its own.
    pub command: Vec<String>,
    /// Additional environment variables of its process.
    pub env: BTreeMap<String, String>,
    /// Requests of pages wait until the plugin is ready. None = if its files are watched.
    pub required: Option<bool>,
    /// How long its process may take until all declared hooks are open; compilers may run first.
    pub ready_timeout: Duration,
    /// Paths of the requests that wait; empty = all.
    pub paths: Vec<PathPattern>,
    /// Configuration that the plugin receives, as JSON.
    pub config_json: String,
    /// The files whose change restarts its process.
    pub watch: PluginWatch,
}

impl PluginConfig {
    /// Whether the plugin is restarted when files change.
    #[must_use]
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_on() && !self.command.is_empty()
    }

    /// Whether requests of pages wait until the plugin is ready.
    #[must_use]
    pub(crate) fn is_required(&self) -> bool {
        self.required.unwrap_or_else(|| self.is_watched())
    }
}

/// The files of a plugin whose change restarts its process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum PluginWatch {
    /// Those of its command if served files are watched, else none.
    #[default]
    WithServedFiles,
    /// None.
    Off,
    /// Those that its command names.
    OfCommand,
    /// These files and folders, relative to its working directory.
    Paths(Vec<PathBuf>),
}

impl PluginWatch {
    fn from_table(watch: Watch) -> Result<Self, String> {
        let paths = match watch {
            Watch::Switch(true) => return Ok(Self::OfCommand),
            Watch::Switch(false) => return Ok(Self::Off),
            Watch::Path(path) => vec![path],
            Watch::Paths(paths) => paths,
        };
        if paths.iter().any(String::is_empty) {
            return Err("a path is empty (write \".\" for the root)".to_owned());
        }
        if paths.is_empty() {
            return Ok(Self::Off);
        }
        Ok(Self::Paths(paths.into_iter().map(PathBuf::from).collect()))
    }

    /// Whether any files are watched. The default is not on until it is resolved.
    fn is_on(&self) -> bool {
        matches!(self, Self::OfCommand | Self::Paths(_))
    }

    /// Replaces the default by what it means.
    pub(super) fn resolve(&mut self, mode: WatchMode) {
        if *self == Self::WithServedFiles {
            *self = match mode {
                WatchMode::Off => Self::Off,
                WatchMode::Pages | WatchMode::Events => Self::OfCommand,
            };
        }
    }
}

/// Pattern of URL paths.
#[derive(Clone, Debug)]
pub(crate) enum PathPattern {
    /// This path and everything below it.
    Prefix(Prefix),
    /// A glob whose `*` matches slashes too.
    Glob(UrlGlob),
}

impl PathPattern {
    /// Returns whether a decoded URL path matches.
    #[must_use]
    pub(crate) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.strip(path).is_some(),
            Self::Glob(glob) => glob.matches(path),
        }
    }
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains(['*', '?', '[', '{']) {
            return text.parse().map(Self::Prefix);
        }
        UrlGlob::compile(text).map(Self::Glob)
    }
}

/// A `[[plugin]]` table. Every key is optional.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    name: Option<String>,
    command: Command,
    required: Option<bool>,
    ready_timeout: NonZeroU16,
    paths: Vec<String>,
    config: Value,
    env: BTreeMap<String, String>,
    watch: Option<Watch>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            name: None,
            command: Command::Words(Vec::new()),
            required: None,
            ready_timeout: DEFAULT_READY_TIMEOUT,
            paths: Vec::new(),
            config: Value::Null,
            env: BTreeMap::new(),
            watch: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "not a command line or a list of words")]
enum Command {
    Line(String),
    Words(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "not true, false, a path or a list of paths")]
enum Watch {
    Switch(bool),
    Path(String),
    Paths(Vec<String>),
}

impl Table {
    /// Validates each value on its own and converts the table.
    fn into_config(self) -> Result<PluginConfig, String> {
        if let Some(name) = self.name.as_deref().filter(|name| !is_plugin_name(name)) {
            return Err(format!(
                "name {name:?} is not valid (a lower-case letter, then letters, digits or -, {MAX_NAME_BYTES} at most)"
            ));
        }
        let command = match self.command {
            Command::Words(words) => words,
            Command::Line(line) => words(&line)?,
        };
        if command.first().is_some_and(String::is_empty) {
            return Err("the command names no program (its first word is empty)".to_owned());
        }
        let plain = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
        if let Some(name) = self.env.keys().find(|name| !plain(name)) {
            return Err(format!("{name:?} cannot be the name of a variable"));
        }
        let paths = self.paths.iter().map(|path| path.parse());
        let watch = self.watch.map(PluginWatch::from_table).transpose()?;
        Ok(PluginConfig {
            name: self.name,
            command,
            env: self.env,
            required: self.required,
            ready_timeout: Duration::from_secs(self.ready_timeout.get().into()),
            paths: paths.collect::<Result<_, _>>()?,
            config_json: match self.config {
                Value::Null => String::new(),
                config => config.to_string(),
            },
            watch: watch.unwrap_or_default(),
        })
    }
}

/// Splits a command line into words as a shell would. Nothing is expanded.
fn words(line: &str) -> Result<Vec<String>, String> {
    match shlex::split(line) {
        None => Err(format!("{line:?} has an unclosed quote")),
        Some(words) if words.is_empty() => Err(format!("{line:?} is not a command line")),
        Some(words) => Ok(words),
    }
}

impl FromStr for PluginConfig {
    type Err = String;

    /// Parses a command line, or a table as JSON: `{"name":"sass","required":true}`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let table = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            Table {
                command: Command::Line(text.to_owned()),
                ..Table::default()
            }
        };
        let plugin = table.into_config()?;
        if plugin.name.is_none() && plugin.command.is_empty() {
            return Err(
                "has neither a name nor a command (set the name of a plugin that connects, or the command that starts it)"
                    .to_owned(),
            );
        }
        if plugin.watch.is_on() && plugin.command.is_empty() {
            return Err(
                "has watch without a command (the daemon restarts only plugins that it starts)"
                    .to_owned(),
            );
        }
        Ok(plugin)
    }
}

/// Returns a name that two of the plugins share.
#[must_use]
pub(super) fn duplicate_name(plugins: &[PluginConfig]) -> Option<&str> {
    let names: Vec<_> = plugins.iter().flat_map(|plugin| &plugin.name).collect();
    let is_duplicate = |(at, name): (usize, &&String)| names[..at].contains(name);
    let at = names.iter().enumerate().position(is_duplicate)?;
    Some(names[at])
}

/// Returns the values of the setting in the file as text, or the place and problem of an invalid one.
pub(super) fn values(values: &DeArray<'_>) -> Result<Vec<Placed>, Placed> {
    let values = values.iter().map(|value| {
        let text = match value.get_ref() {
            DeValue::String(line) => line.to_string(),
            DeValue::Table(table) => validated(table)?.to_string(),
            _ => {
                let problem = "must be a command line or a table".to_owned();
                return Err((value.span(), problem));
            }
        };
        Ok((value.span(), text))
    });
    values.collect()
}

/// Converts a table to JSON. Validates the values one by one, so that each error has a location.
fn validated(table: &DeTable<'_>) -> Result<Value, Placed> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    let mut object = Map::new();
    for (key, value) in pairs {
        let name = key.get_ref().as_ref();
        if !KEYS.contains(&name) {
            let problem = format!("unknown key {name:?} (known keys: {})", KEYS.join(", "));
            return Err((key.span(), problem));
        }
        let json = as_json(value)?;
        serde_json::from_value(json!({name: json.clone()}))
            .map_err(|error| error.to_string())
            .and_then(Table::into_config)
            .map_err(|problem| (value.span(), format!("{name}: {problem}")))?;
        object.insert(name.to_owned(), json);
    }
    Ok(Value::Object(object))
}

fn as_json(value: &Spanned<DeValue<'_>>) -> Result<Value, Placed> {
    let not_json = || {
        let problem = "the number cannot be written as JSON".to_owned();
        (value.span(), problem)
    };
    Ok(match value.get_ref() {
        DeValue::String(text) => json!(text),
        DeValue::Boolean(value) => json!(value),
        DeValue::Datetime(time) => json!(time.to_string()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            json!(number.map_err(|_| not_json())?)
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok();
            let number = number.and_then(serde_json::Number::from_f64);
            Value::Number(number.ok_or_else(not_json)?)
        }
        DeValue::Array(values) => {
            let values = values.iter().map(as_json);
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| Ok((key.get_ref().to_string(), as_json(value)?)));
            Value::Object(pairs.collect::<Result<_, _>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(text: &str) -> PluginConfig {
        text.parse().unwrap()
    }

    #[test]
    fn splits_a_command_line_like_a_shell_and_expands_nothing() {
        let command = plugin(r#"node "my plugin.js" --x='$HOME' a\ b *"#).command;
        assert_eq!(command, ["node", "my plugin.js", "--x=$HOME", "a b", "*"]);
        let exact = plugin(r#"{"command": ["a b", ""]}"#).command;
        assert_eq!(exact, ["a b", ""]);
        for text in ["", "  ", "a 'b", "''", "{", "{}", r#"{"name":"A"}"#] {
            assert!(text.parse::<PluginConfig>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn reads_a_table_with_its_path_patterns() {
        let plugin = plugin(
            r#"{"name":"sass","required":true,"paths":["/css","*.scss"],"config":{"b":1},"env":{"A":"1"}}"#,
        );
        assert_eq!(plugin.name.as_deref(), Some("sass"));
        assert!(plugin.is_required() && plugin.command.is_empty());
        assert_eq!(plugin.config_json, r#"{"b":1}"#);
        let waits = |path: &str| plugin.paths.iter().any(|pattern| pattern.matches(path));
        assert!(waits("/css/a") && waits("/css") && waits("/deep/b.scss"));
        assert!(!waits("/cssx") && !waits("/"));
    }

    #[test]
    fn reads_what_is_watched() {
        let watch = |value: &str, mode| {
            let text = format!(r#"{{"command":"x"{value}}}"#);
            let mut watch = plugin(&text).watch;
            watch.resolve(mode);
            watch
        };
        let paths = |paths: &[&str]| PluginWatch::Paths(paths.iter().map(PathBuf::from).collect());
        for (value, off, on) in [
            ("", PluginWatch::Off, PluginWatch::OfCommand),
            (
                r#","watch":true"#,
                PluginWatch::OfCommand,
                PluginWatch::OfCommand,
            ),
            (r#","watch":false"#, PluginWatch::Off, PluginWatch::Off),
            (r#","watch":[]"#, PluginWatch::Off, PluginWatch::Off),
            (r#","watch":"a""#, paths(&["a"]), paths(&["a"])),
            (
                r#","watch":["a","../b"]"#,
                paths(&["a", "../b"]),
                paths(&["a", "../b"]),
            ),
        ] {
            assert_eq!(watch(value, WatchMode::Off), off, "{value}");
            assert_eq!(watch(value, WatchMode::Pages), on, "{value}");
            assert_eq!(watch(value, WatchMode::Events), on, "{value}");
        }
        for text in [
            r#"{"name":"a","watch":true}"#,
            r#"{"name":"a","watch":["b"]}"#,
            r#"{"command":"a","watch":1}"#,
            r#"{"command":"a","watch":[""]}"#,
        ] {
            assert!(text.parse::<PluginConfig>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn finds_a_duplicate_name() {
        let plugins = ["a", r#"{"name":"b"}"#, "a", r#"{"name":"b"}"#].map(plugin);
        assert_eq!(duplicate_name(&plugins), Some("b"));
        assert_eq!(duplicate_name(&plugins[..3]), None);
    }
}
