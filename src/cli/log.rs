//! `pagewire log`: prints to the console of pages.

use super::args::CallArgs;
use super::connection::run;
use super::output::print_report;
use clap::{Args, ValueEnum};
use pagewire_client::ConsoleLevel;
use std::process::ExitCode;

/// Print a text to the console of pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The text, printed verbatim
    text: String,

    /// Console method to print it with
    #[arg(long, value_enum, default_value_t)]
    level: Level,

    #[command(flatten)]
    call: CallArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Level {
    #[default]
    Log,
    Debug,
    Info,
    Warn,
    Error,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let level = match arguments.level {
            Level::Log => ConsoleLevel::Log,
            Level::Debug => ConsoleLevel::Debug,
            Level::Info => ConsoleLevel::Info,
            Level::Warn => ConsoleLevel::Warn,
            Level::Error => ConsoleLevel::Error,
        };
        let target = arguments.call.pages.target();
        let report = client
            .console_log(&target, level, "", &arguments.text)
            .await?;
        Ok(print_report(&client, &report, arguments.call.json).await)
    })
}
