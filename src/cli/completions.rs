//! `pagewire completions`: what a shell needs to complete our commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::process::ExitCode;

/// Print completions for a shell.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let mut command = super::Cli::command();
    clap_complete::generate(
        arguments.shell,
        &mut command,
        "pagewire",
        &mut std::io::stdout(),
    );
    ExitCode::SUCCESS
}
