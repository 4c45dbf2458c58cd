//! `pagewire completions`: prints a completion script for a shell.

use clap::{Args, Command};
use clap_complete::Shell;
use std::io::Write;
use std::process::ExitCode;

/// Print the completion script for a shell.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments, mut command: Command) -> ExitCode {
    // Into memory, because the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "pagewire", &mut script);
    // Fails when the reader has closed the pipe.
    let _ = std::io::stdout().write_all(&script);
    ExitCode::SUCCESS
}
