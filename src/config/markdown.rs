//! Markdown reference of all settings: the generated part of `docs/configuration.md`.
//!
//! The test below fails when that part is out of date; with `UPDATE_DOCS=1` it rewrites it.

use super::setting::{Setting, SettingType};
use super::table::SETTINGS;
use std::path::Path;
use std::{env, fs};

const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- end of settings -->\n";

/// Returns the table of settings, in the order of the settings table.
fn reference() -> String {
    let rows = SETTINGS.iter().map(|setting| {
        let key = setting.key;
        let help = cell(setting.help);
        let (values, default) = (values(setting), default(setting));
        format!("| `{key}` | {values} | {default} | {help} |\n")
    });
    let header = "| key | values | default | meaning |\n| --- | --- | --- | --- |\n";
    std::iter::once(header.to_owned()).chain(rows).collect()
}

fn values(setting: &Setting) -> String {
    let name = format!("`{}`", cell(setting.value_name));
    match setting.value_type {
        SettingType::Switch => alternatives(&["true", "false"]),
        SettingType::SwitchOr(words) => alternatives(&[&["true", "false"], words].concat()),
        SettingType::Word(words) => alternatives(words),
        SettingType::Number | SettingType::Text | SettingType::File => name,
        SettingType::Texts | SettingType::Folders | SettingType::Addresses => {
            format!("list of {name}")
        }
        SettingType::Pairs
        | SettingType::FolderPairs
        | SettingType::Headers
        | SettingType::Backends => {
            format!("list of {name}, or a table")
        }
        SettingType::Plugins => format!("list of {name}, or tables"),
    }
}

fn default(setting: &Setting) -> String {
    match setting.default {
        [] if setting.default_text.is_empty() => "none".to_owned(),
        [] => cell(setting.default_text),
        values => alternatives(values),
    }
}

fn alternatives(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_documentation_lists_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).expect("docs/configuration.md is readable");
    let (before, rest) = page.split_once(BEGIN).expect("a begin marker");
    let (found, after) = rest.split_once(END).expect("an end marker");
    let expected = format!("\n{}\n", reference());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, &expected, END, after].concat()).expect("writable");
    } else {
        assert!(
            found == expected,
            "the settings in docs/configuration.md are out of date: run \
             UPDATE_DOCS=1 cargo test --lib the_documentation_lists_every_setting"
        );
    }
    let guides = after.split_once("\n## Which guide explains what\n");
    let (_, guides) = guides.expect("a table of guides");
    for Setting { key, .. } in SETTINGS {
        let is_listed = guides.contains(&format!("`{key}`"));
        assert!(is_listed, "add {key} to \"Which guide explains what\"");
    }
}
