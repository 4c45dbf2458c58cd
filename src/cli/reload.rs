//! `pagewire reload`: reloads pages.

use super::connection::{Daemon, Pages, print_report, run};
use clap::Args;
use std::process::ExitCode;

/// Reload pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pages: Pages,

    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.daemon, |client| async move {
        let report = client.reload(&arguments.pages.target()).await?;
        Ok(print_report(&report, arguments.json))
    })
}
