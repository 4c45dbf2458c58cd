//! `pagewire reload`: reloads pages.

use super::arrival;
use super::connection::{Daemon, Pages, run};
use clap::Args;
use std::process::ExitCode;

/// Reload pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
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
        wait,
        json,
        pages,
        daemon,
    } = arguments;
    run(daemon, |client| async move {
        let reload =
            async |client: &pagewire_client::Client, target: &_| client.reload(target).await;
        arrival::send(
            &client,
            *wait,
            daemon.timeout,
            *json,
            &pages.target(),
            reload,
        )
        .await
    })
}
