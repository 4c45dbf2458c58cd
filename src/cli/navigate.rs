//! `pagewire navigate`: sends pages to another URL.

use super::arrival;
use super::connection::{Call, run};
use clap::Args;
use pagewire_client::{Client, Target};
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

    #[command(flatten)]
    call: Call,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Arguments { to, wait, call } = arguments;
    run(&call.daemon, |client| async move {
        let navigate =
            async |client: &Client, target: &Target| client.navigate(target, to.as_str()).await;
        arrival::send(&client, *wait, call, navigate).await
    })
}
