//! `pagewire reload`: reloads pages.

use super::args::CallArgs;
use super::arrival;
use super::connection::run;
use clap::Args;
use pagewire_client::{Client, Target};
use std::process::ExitCode;

/// Reload pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Wait until the new documents are complete
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Arguments { wait, call } = arguments;
    run(&call.daemon, |client| async move {
        let reload = async |client: &Client, target: &Target| client.reload(target).await;
        arrival::send(&client, *wait, call, reload).await
    })
}
