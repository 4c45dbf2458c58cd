//! `pagewire import`: imports a module in pages and prints the result of its default export.

use super::args::CallArgs;
use super::connection::run;
use super::output::print_report;
use super::results::{self, Format};
use clap::Args;
use pagewire_client::{Error, Import};
use serde_json::value::RawValue;
use std::process::ExitCode;

/// Import a module in pages, call its default export and print the result.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Module specifier as seen from the page: /x.js, or a full URL
    path: String,

    /// Arguments of the default export, as strings
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// Arguments of the default export, as a JSON array
    #[arg(long, value_name = "JSON", conflicts_with = "args")]
    args_json: Option<String>,

    /// Evaluate the module again even if the page has imported it before
    #[arg(long)]
    fresh: bool,

    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,

    /// Print strings without quotes
    #[arg(long, conflicts_with = "json")]
    raw: bool,

    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let target = arguments.call.pages.target();
        let import = import(arguments)?;
        if arguments.no_wait {
            let report = client.send_import(&target, import).await?;
            return Ok(print_report(&client, &report, arguments.call.json).await);
        }
        let rows = client.import_value(&target, import).await?.rows;
        let format = Format {
            json: arguments.call.json,
            raw: arguments.raw,
        };
        Ok(results::print(&client, &rows, format).await)
    })
}

fn import(arguments: &Arguments) -> Result<Import, Error> {
    let mut import = Import::path(&arguments.path);
    for text in &arguments.args {
        import = import.arg(text);
    }
    if let Some(array) = &arguments.args_json {
        for value in serde_json::from_str::<Vec<&RawValue>>(array)? {
            import = import.arg_json(value.get());
        }
    }
    if arguments.fresh {
        import = import.fresh();
    }
    if let Some(timeout) = arguments.call.daemon.timeout {
        import = import.timeout(timeout);
    }
    Ok(import)
}
