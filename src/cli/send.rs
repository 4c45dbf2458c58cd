//! `pagewire send`: sends a JSON message to pages.

use super::args::CallArgs;
use super::connection::run;
use super::output::print_report;
use clap::Args;
use std::process::ExitCode;

/// Send a JSON message to pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The message: an object with a "type", for page code
    #[arg(value_name = "JSON")]
    message: String,

    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let report = client
            .send_json(&arguments.call.pages.target(), &arguments.message)
            .await?;
        Ok(print_report(&client, &report, arguments.call.json).await)
    })
}
