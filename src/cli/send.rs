//! `pagewire send`: sends a JSON message to pages.

use super::connection::{Daemon, Pages, print_report, run};
use clap::Args;
use std::process::ExitCode;

/// Send a JSON message to pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The message; page code expects an object with a "type"
    #[arg(value_name = "JSON")]
    message: String,

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
        let report = client
            .send_json(&arguments.pages.target(), &arguments.message)
            .await?;
        Ok(print_report(&client, &report, arguments.json).await)
    })
}
