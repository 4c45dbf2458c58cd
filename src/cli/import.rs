//! `pagewire import`: has pages import a module, and prints what its default export returned.

use super::connection::{Call, print_report, run};
use super::results::{self, Style};
use clap::Args;
use pagewire_client::{Error, Import};
use serde_json::value::RawValue;
use std::process::ExitCode;

/// Have pages import a module, call its default export, and print what it returned.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The module as a page would import it: /x.js, or a full URL
    path: String,

    /// Arguments of the default export, as strings
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// Arguments as a JSON array
    #[arg(long, value_name = "JSON", conflicts_with = "args")]
    args_json: Option<String>,

    /// Evaluate the module anew, even if the page has it
    #[arg(long)]
    fresh: bool,

    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,

    /// Print a string without its quotes
    #[arg(long, conflicts_with = "json")]
    raw: bool,

    #[command(flatten)]
    call: Call,
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
        let style = Style {
            json: arguments.call.json,
            raw: arguments.raw,
        };
        Ok(results::print(&client, &rows, style).await)
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
