//! `pagewire send`: sends a JSON message to pages.

use super::connection::{Call, print_report, run};
use clap::Args;
use std::process::ExitCode;

/// Send a JSON message to pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The message; page code expects an object with a "type"
    #[arg(value_name = "JSON")]
    message: String,

    #[command(flatten)]
    call: Call,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let report = client
            .send_json(&arguments.call.pages.target(), &arguments.message)
            .await?;
        Ok(print_report(&client, &report, arguments.call.json).await)
    })
}
