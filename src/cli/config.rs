//! `pagewire config`: says what `serve` would do here, and who said so.

use super::serve::{USAGE, config, fail};
use super::settings::{Flags, gather};
use crate::config::{InForce, Kind, Settings};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print the settings that `serve` would run with, and where each comes from.
///
/// Flags win over the environment, that over ROOT/pagewire.toml, that over defaults. What is
/// printed can be put into pagewire.toml.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder that would be served
    #[arg(default_value = ".")]
    root: PathBuf,

    #[command(flatten)]
    flags: Flags,

    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    // What `serve` would refuse is refused here.
    let checked = gather(&arguments.root, &arguments.flags).and_then(|(settings, file)| {
        let config = config(&arguments.root, &settings, false)?;
        let root = config.roots.dir().to_owned();
        Ok((settings, file, root))
    });
    match checked {
        Ok((settings, file, root)) => {
            if arguments.json {
                println!("{}", as_json(&settings, file.as_deref(), &root));
            } else {
                print_lines(&settings, &root);
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(USAGE, &error),
    }
}

fn print_lines(settings: &Settings, root: &Path) {
    println!("# {}", root.display());
    let lines: Vec<_> = settings.iter().map(line).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max();
    let width = width.unwrap_or_default();
    for (line, origin) in lines {
        println!("{line:<width$}  # {origin}");
    }
}

/// The setting as TOML, commented out when it has no value; and who said so.
fn line(row: &InForce) -> (String, String) {
    let InForce {
        setting,
        values,
        origin,
    } = row;
    if values.is_empty() && !setting.otherwise.is_empty() {
        let origin = format!("{origin}: {}", setting.otherwise);
        return (format!("# {}", setting.key), origin);
    }
    let value = toml(&value(row));
    (format!("{} = {value}", setting.key), origin.to_string())
}

fn as_json(settings: &Settings, file: Option<&Path>, root: &Path) -> Value {
    let settings = settings.iter().map(|row| {
        let said = json!({
            "value": value(row),
            "source": row.origin.source(),
            "origin": row.origin.to_string(),
        });
        (row.setting.key.to_owned(), said)
    });
    let settings: serde_json::Map<_, _> = settings.collect();
    json!({"root": root, "file": file, "settings": settings})
}

/// As TOML, on one line.
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
        // These look alike.
        value => value.to_string(),
    }
}

/// As JSON; null when there is none.
fn value(row: &InForce) -> Value {
    let values = &row.values;
    if row.setting.kind == Kind::Plugins {
        let table = |text: &String| serde_json::from_str(text).ok().filter(Value::is_object);
        let values = values.iter();
        return values
            .map(|text| table(text).unwrap_or_else(|| json!(text)))
            .collect();
    }
    if row.setting.is_list() {
        return json!(values);
    }
    let Some(value) = values.first() else {
        return Value::Null;
    };
    match row.setting.kind {
        // They were checked, and are written as in JSON; a word is none.
        Kind::Switch | Kind::SwitchOr(_) | Kind::Number => {
            value.parse().unwrap_or_else(|_| json!(value))
        }
        _ => json!(value),
    }
}
