//! Settings on the command line: a flag for each row of the settings table, and the configuration that
//! flags, environment and `pagewire.toml` result in.

use crate::config::{
    Certificate, Config, FILE_NAME, FileEntry, SETTINGS, Setting, SettingType, Settings, parse,
};
use crate::pages::check_trust;
use crate::paths::read_regular_text;
use crate::server::check_files;
use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Flags on the command line, generated from the settings table.
#[derive(Debug)]
pub(super) struct Flags(BTreeMap<&'static str, Vec<String>>);

/// Validated configuration, and the settings it was built from.
pub(super) struct Loaded {
    pub(super) settings: Settings,
    /// The `pagewire.toml` that was read.
    pub(super) file: Option<PathBuf>,
    pub(super) config: Config,
}

/// Loads and validates the configuration of a root.
pub(super) fn load(root: &Path, flags: &Flags, exit_with_stdin: bool) -> anyhow::Result<Loaded> {
    let file = read_file(root)?;
    let (file, entries) = file.map_or((None, Vec::new()), |(path, entries)| (Some(path), entries));
    let settings = Settings::merge(
        |setting| flags.0.get(setting.key).cloned(),
        |variable| std::env::var_os(variable).map(|text| text.to_string_lossy().into_owned()),
        &entries,
    )?;
    let config = Config::new(root, &settings, exit_with_stdin)?;
    if let Some(Certificate::Files { cert, key }) = &config.tls {
        let origin = || settings.get("tls_cert").origin.to_string();
        check_files(cert, key).with_context(origin)?;
    }
    check_trust(&config.proxies).with_context(|| settings.get("proxy").origin.to_string())?;
    Ok(Loaded {
        settings,
        file,
        config,
    })
}

/// Reads the root's `pagewire.toml`, if it has one.
fn read_file(root: &Path) -> anyhow::Result<Option<(PathBuf, Vec<FileEntry>)>> {
    let path = root.join(FILE_NAME);
    // The name in messages: without the dot of the current folder.
    let name = path
        .strip_prefix(".")
        .unwrap_or(&path)
        .display()
        .to_string();
    let text = match read_regular_text(&path) {
        // A root that is missing or not a folder is reported when it is opened.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        text => text.with_context(|| format!("cannot read {name}"))?,
    };
    let folder = std::path::absolute(root)?;
    let entries = parse(&name, &folder, &text)?;
    Ok(Some((folder.join(FILE_NAME), entries)))
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        [] => setting.default_text.to_owned(),
        values => values.join(","),
    };
    let mut help = format!("{} [env: {}]", setting.help, setting.variable());
    if !default.is_empty() {
        help += &format!(" [default: {default}]");
    }
    let argument = Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.value_name)
        .help(help)
        .action(if setting.value_type.is_list() {
            ArgAction::Append
        } else {
            ArgAction::Set
        });
    match setting.value_type {
        SettingType::Word(words) => argument.value_parser(PossibleValuesParser::new(words)),
        SettingType::Switch => switch(argument, &[]),
        SettingType::SwitchOr(words) => switch(argument, words),
        SettingType::Folders => argument.value_hint(ValueHint::DirPath),
        SettingType::File => argument.value_hint(ValueHint::FilePath),
        // Each flag sets one, as with curl.
        SettingType::Headers => checked(argument, setting).visible_alias("header"),
        _ => checked(argument, setting),
    }
}

/// Checks values when they are parsed.
fn checked(argument: Arg, setting: &'static Setting) -> Arg {
    argument.value_parser(|text: &str| setting.check(text).map(|()| text.to_owned()))
}

/// Makes `--debug` mean true, and `--debug=false` override a file that sets true.
fn switch(argument: Arg, words: &'static [&'static str]) -> Arg {
    let values = ["true", "false"].iter().chain(words);
    argument
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_parser(PossibleValuesParser::new(values))
        .hide_possible_values(true)
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SETTINGS.iter().filter_map(|setting| {
            let values = matches.get_many::<String>(setting.key)?;
            Some((setting.key, values.cloned().collect()))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}
