//! `pagewire completions`: prints a completion script for a shell.

use clap::{Args, Command};
use clap_complete::Shell;
use std::process::ExitCode;

/// Print the completion script for a shell.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments, mut command: Command) -> ExitCode {
    clap_complete::generate(
        arguments.shell,
        &mut command,
        "pagewire",
        &mut std::io::stdout(),
    );
    ExitCode::SUCCESS
}
