//! `pagewire navigate`: sends pages to another URL.

use super::arrival;
use super::connection::{Daemon, Pages, run, seconds};
use clap::Args;
use std::process::ExitCode;
use std::time::Duration;

/// Send pages to another URL.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to, resolved against each page's own URL
    #[arg(value_name = "URL")]
    to: String,

    /// Return when the new pages are complete
    #[arg(long)]
    wait: bool,

    /// Seconds to wait for them [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "wait")]
    timeout: Option<Duration>,

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
        timeout,
        json,
        pages,
        daemon,
    } = arguments;
    run(daemon, |client| async move {
        let navigate = async |client: &pagewire_client::Client, target: &_| {
            client.navigate(target, to.as_str()).await
        };
        arrival::send(&client, *wait, *timeout, *json, &pages.target(), navigate).await
    })
}
