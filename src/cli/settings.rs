//! The settings of the daemon as the command line sees them: a flag for each, and what was said of
//! them there, in the environment and in the root's `pagewire.toml`.

use crate::config::{Entry, FILE_NAME, Kind, SETTINGS, Setting, Settings, entries};
use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The flags that were given, made from the table of settings.
#[derive(Debug)]
pub(super) struct Flags(BTreeMap<&'static str, Vec<String>>);

/// What is in force for a root, and the file that had a say, if there is one.
///
/// # Errors
/// The file or a variable makes no sense.
pub(super) fn gather(root: &Path, flags: &Flags) -> anyhow::Result<(Settings, Option<PathBuf>)> {
    let file = read(root)?;
    let (path, entries) = file.map_or((None, Vec::new()), |(path, entries)| (Some(path), entries));
    let settings = Settings::layer(
        |setting| flags.0.get(setting.key).cloned(),
        |variable| std::env::var_os(variable).map(|text| text.to_string_lossy().into_owned()),
        &entries,
    )?;
    Ok((settings, path))
}

/// None when there is no file.
fn read(root: &Path) -> anyhow::Result<Option<(PathBuf, Vec<Entry>)>> {
    let path = root.join(FILE_NAME);
    // A name for people: without the dot of the current folder.
    let name = path
        .strip_prefix(".")
        .unwrap_or(&path)
        .display()
        .to_string();
    let text = match std::fs::read_to_string(&path) {
        // A root that is none is somebody else's to say.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        text => text.with_context(|| format!("{name} cannot be read"))?,
    };
    let folder = std::path::absolute(root)?;
    let entries = entries(&name, &folder, &text)?;
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
        [] => setting.otherwise.to_owned(),
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
        .action(if setting.is_list() {
            ArgAction::Append
        } else {
            ArgAction::Set
        });
    match setting.kind {
        Kind::Word(words) => argument.value_parser(PossibleValuesParser::new(words)),
        Kind::Switch => switch(argument, &[]),
        Kind::SwitchOr(words) => switch(argument, words),
        Kind::Folders => argument.value_hint(ValueHint::DirPath),
        Kind::File => argument.value_hint(ValueHint::FilePath),
        _ => argument.value_parser(|text: &str| setting.check(text).map(|()| text.to_owned())),
    }
}

/// `--debug` says true; `--debug=false` wins over a file that says true.
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
