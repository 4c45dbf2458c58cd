//! `pagewire navigate`: sends pages to another URL.

use super::arrival;
use super::connection::{Daemon, Pages, run};
use clap::Args;
use std::process::ExitCode;

/// Send pages to another URL.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to, resolved against each page's own URL
    #[arg(value_name = "URL")]
    to: String,

    /// Return when the new pages are complete
    #[arg(long)]
    wait: bool,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pages: Pages,

    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Arguments {
        to,
        wait,
        json,
        pages,
        daemon,
    } = arguments;
    run(daemon, |client| async move {
        let navigate = async |client: &pagewire_client::Client, target: &_| {
            client.navigate(target, to.as_str()).await
        };
        arrival::send(
            &client,
            *wait,
            daemon.timeout,
            *json,
            &pages.target(),
            navigate,
        )
        .await
    })
}
