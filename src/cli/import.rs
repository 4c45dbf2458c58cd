//! `pagewire import`: has pages import a module, and prints what its default export returned.

use super::connection::{Daemon, Outcome, Pages, print_report, run, say_nobody, seconds, word};
use clap::Args;
use pagewire_client::{Error, Import, ImportError, ImportRow, JsValue};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

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
    #[arg(long, conflicts_with = "timeout")]
    no_wait: bool,

    /// Seconds to wait for the pages [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// A JSON object for each page
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pages: Pages,

    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.daemon, |client| async move {
        let target = arguments.pages.target();
        let import = import(arguments)?;
        if arguments.no_wait {
            let report = client.send_import(&target, import).await?;
            return Ok(print_report(&report, arguments.json));
        }
        let rows = client.import_value(&target, import).await?.rows;
        if rows.is_empty() && !arguments.json {
            say_nobody();
        }
        let name_pages = rows.len() > 1;
        for row in &rows {
            if arguments.json {
                println!("{}", as_json(row));
            } else {
                print(row, name_pages);
            }
        }
        Ok(outcome(&rows))
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
    if let Some(timeout) = arguments.timeout {
        import = import.timeout(timeout);
    }
    Ok(import)
}

/// The worst of the pages decides: nobody, then a page that failed.
fn outcome(rows: &[ImportRow]) -> Outcome {
    let failed = |row: &ImportRow| matches!(row.outcome, Err(ImportError::Exception(_)));
    if rows.iter().any(failed) {
        Outcome::PageFailed
    } else if rows.is_empty() || rows.iter().any(|row| row.outcome.is_err()) {
        Outcome::Nobody
    } else {
        Outcome::Done
    }
}

fn print(row: &ImportRow, name_page: bool) {
    let page = if name_page {
        format!("{}: ", row.socket_id)
    } else {
        String::new()
    };
    match &row.outcome {
        Ok(value) => println!("{page}{value}"),
        Err(ImportError::Exception(thrown)) if !thrown.stack.is_empty() => {
            eprintln!("{page}{}", thrown.stack);
        }
        Err(error) => eprintln!("{page}{error}"),
    }
}

fn as_json(row: &ImportRow) -> Value {
    let mut line =
        json!({"socket_id": row.socket_id, "elapsed_ms": row.elapsed.as_secs_f64() * 1e3});
    let (key, value) = match &row.outcome {
        Ok(JsValue::Json(text)) => ("value", serde_json::from_str(text).unwrap_or(Value::Null)),
        Ok(JsValue::Undefined) => ("undefined", Value::Bool(true)),
        Ok(JsValue::Unserializable(text)) => ("unserializable", json!(text)),
        Ok(JsValue::Truncated(text)) => ("truncated", json!(text)),
        Ok(value) => ("description", json!(value.to_string())),
        Err(ImportError::Exception(thrown)) => (
            "exception",
            json!({
                "phase": word(thrown.phase().as_str_name(), "PHASE_"),
                "name": thrown.name, "message": thrown.message, "stack": thrown.stack,
                "url": thrown.url, "line": thrown.line, "column": thrown.column,
            }),
        ),
        Err(ImportError::Unanswered(status)) => (
            "unanswered",
            json!(word(status.as_str_name(), "DELIVERY_STATUS_")),
        ),
        Err(error) => ("error", json!(error.to_string())),
    };
    line[key] = value;
    line
}
