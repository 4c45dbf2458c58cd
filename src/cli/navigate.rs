//! `pagewire navigate`: navigates pages to another URL.

use super::args::CallArgs;
use super::arrival;
use super::connection::run;
use clap::Args;
use pagewire_client::{Client, Target};
use std::process::ExitCode;

/// Navigate pages to another URL.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The URL, resolved against each page's own
    #[arg(value_name = "URL")]
    to: String,

    /// Wait until the new documents are complete
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Arguments { to, wait, call } = arguments;
    run(&call.daemon, |client| async move {
        let navigate =
            async |client: &Client, target: &Target| client.navigate(target, to.as_str()).await;
        arrival::send(&client, *wait, call, navigate).await
    })
}
