//! `pagewire config`: prints the effective settings and their sources.

use super::exit::{USAGE, fail};
use super::output::print_json;
use super::settings::{Flags, Loaded, load};
use super::untrusted::plain_line;
use crate::config::{EffectiveSetting, SettingType, Settings};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print the settings that `serve` would run with, and the source of each.
///
/// Flags win over the environment, the environment over ROOT/pagewire.toml, the file over defaults. The
/// output is a valid pagewire.toml.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder that would be served
    #[arg(default_value = ".")]
    root: PathBuf,

    #[command(flatten)]
    flags: Flags,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match load(&arguments.root, &arguments.flags, false) {
        Ok(Loaded {
            settings,
            file,
            config,
        }) => {
            let root = config.roots.dir();
            if arguments.json {
                print_json(&as_json(&settings, file.as_deref(), &root).to_string());
            } else {
                print_lines(&settings, &root);
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(USAGE, &error),
    }
}

fn print_lines(settings: &Settings, root: &Path) {
    println!("# {}", plain_line(&root.display().to_string()));
    let lines: Vec<_> = settings.iter().map(line).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max();
    let width = width.unwrap_or_default();
    for (line, origin) in lines {
        println!("{}", plain_line(&format!("{line:<width$}  # {origin}")));
    }
}

/// Returns the setting as a line of TOML, commented out when it has no value, and its source.
fn line(row: &EffectiveSetting) -> (String, String) {
    let EffectiveSetting {
        setting,
        values,
        origin,
    } = row;
    if values.is_empty() && !setting.default_text.is_empty() {
        let origin = format!("{origin}: {}", setting.default_text);
        return (format!("# {}", setting.key), origin);
    }
    let value = toml(&value(row));
    (format!("{} = {value}", setting.key), origin.to_string())
}

fn as_json(settings: &Settings, file: Option<&Path>, root: &Path) -> Value {
    let settings = settings.iter().map(|row| {
        let setting = json!({
            "value": value(row),
            "source": row.origin.source(),
            "origin": row.origin.to_string(),
        });
        (row.setting.key.to_owned(), setting)
    });
    let settings: serde_json::Map<_, _> = settings.collect();
    json!({"root": root, "file": file, "settings": settings})
}

/// Formats a value as TOML, on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(pairs) if !pairs.is_empty() => {
            let pairs = pairs
                .iter()
                .map(|(key, value)| format!("{} = {}", json!(key), toml(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => {
            let values = values.iter().map(toml);
            format!("[{}]", values.collect::<Vec<_>>().join(","))
        }
        // Everything else looks the same in JSON and TOML.
        value => value.to_string(),
    }
}

/// Returns the values of a setting as JSON; null when it has none.
fn value(row: &EffectiveSetting) -> Value {
    let values = &row.values;
    if row.setting.value_type == SettingType::Plugins {
        let table = |text: &String| serde_json::from_str(text).ok().filter(Value::is_object);
        let values = values.iter();
        return values
            .map(|text| table(text).unwrap_or_else(|| json!(text)))
            .collect();
    }
    if row.setting.value_type.is_list() {
        return json!(values);
    }
    let Some(value) = values.first() else {
        return Value::Null;
    };
    match row.setting.value_type {
        // Validated values of these types are JSON, except for the words of a `SwitchOr`.
        SettingType::Switch | SettingType::SwitchOr(_) | SettingType::Number => {
            value.parse().unwrap_or_else(|_| json!(value))
        }
        _ => json!(value),
    }
}
