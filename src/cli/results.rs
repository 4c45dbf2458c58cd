//! Output of the results of imports, for people and for programs.

use super::exit::Outcome;
use super::output::{explain_no_page, print_json, word};
use super::untrusted::plain;
use pagewire_client::{Client, ImportError, ImportRow, JsException, JsValue};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io::IsTerminal;

/// Output format of results.
#[derive(Clone, Copy)]
pub(super) struct Format {
    /// One JSON object per page.
    pub(super) json: bool,
    /// Strings without quotes.
    pub(super) raw: bool,
}

/// Prints the result of every page and returns the worst outcome.
pub(super) async fn print(client: &Client, rows: &[ImportRow], format: Format) -> Outcome {
    if rows.is_empty() && !format.json {
        explain_no_page(client).await;
    }
    let name_pages = rows.len() > 1;
    for row in rows {
        if format.json {
            print_json(&as_json(row));
        } else {
            print_row(row, name_pages, format.raw);
        }
    }
    outcome(rows)
}

fn outcome(rows: &[ImportRow]) -> Outcome {
    let failed = |row: &ImportRow| matches!(row.outcome, Err(ImportError::Exception(_)));
    if rows.iter().any(failed) {
        Outcome::PageFailed
    } else if rows.is_empty() || rows.iter().any(|row| row.outcome.is_err()) {
        Outcome::Unanswered
    } else {
        Outcome::Done
    }
}

fn print_row(row: &ImportRow, name_page: bool, raw: bool) {
    let page = if name_page {
        format!("{}: ", row.socket_id)
    } else {
        String::new()
    };
    match &row.outcome {
        Ok(value) => {
            let unquoted = raw.then(|| value.json::<String>().ok()).flatten();
            let text = unquoted.unwrap_or_else(|| value.to_string());
            println!(
                "{page}{}",
                if std::io::stdout().is_terminal() {
                    plain(&text)
                } else {
                    text
                }
            );
        }
        Err(ImportError::Exception(thrown)) => eprintln!("{page}{}", plain(&with_stack(thrown))),
        Err(error) => eprintln!("{page}{}", plain(&error.to_string())),
    }
}

/// Returns the exception with its stack. Chromium's stacks begin with the exception, Firefox's consist
/// of calls only.
fn with_stack(thrown: &JsException) -> String {
    let heading = match thrown.message.as_str() {
        "" => thrown.name.clone(),
        message => format!("{}: {message}", thrown.name),
    };
    let stack = thrown.stack.trim_end();
    match stack.strip_prefix(&heading) {
        _ if stack.is_empty() => thrown.to_string(),
        Some(calls) => format!("{thrown}{calls}"),
        None => format!("{thrown}\n{stack}"),
    }
}

/// JSON form of a page's result. JSON of the page is included verbatim.
#[derive(Serialize)]
struct ResultJson<'a> {
    socket_id: &'a str,
    elapsed_ms: f64,
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeJson<'a> {
    Exception(Value),
    Unanswered(String),
    #[serde(untagged)]
    Value(ValueJson<'a>),
}

/// JSON form of a value; the key is the kind of value.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ValueJson<'a> {
    Value(&'a RawValue),
    Undefined(bool),
    Unserializable(&'a str),
    Truncated(&'a str),
    Description(String),
}

impl<'a> ValueJson<'a> {
    pub(super) fn of(value: &'a JsValue) -> Self {
        match value {
            JsValue::Json(text) => serde_json::from_str(text)
                .map_or_else(|_| Self::Description(text.clone()), Self::Value),
            JsValue::Undefined => Self::Undefined(true),
            JsValue::Unserializable(text) => Self::Unserializable(text),
            JsValue::Truncated(text) => Self::Truncated(text),
            value => Self::Description(value.to_string()),
        }
    }
}

fn as_json(row: &ImportRow) -> String {
    let outcome = match &row.outcome {
        Ok(value) => OutcomeJson::Value(ValueJson::of(value)),
        Err(ImportError::Exception(thrown)) => OutcomeJson::Exception(exception_json(thrown)),
        Err(ImportError::Unanswered(status)) => {
            OutcomeJson::Unanswered(word(status.as_str_name(), "DELIVERY_STATUS_"))
        }
        Err(error) => OutcomeJson::Unanswered(error.to_string()),
    };
    let line = ResultJson {
        socket_id: &row.socket_id,
        elapsed_ms: row.elapsed.as_secs_f64() * 1e3,
        outcome,
    };
    serde_json::to_string(&line).expect("strings, numbers and JSON can always be encoded")
}

/// Returns an exception as JSON, with snake-case names.
pub(super) fn exception_json(thrown: &JsException) -> Value {
    json!({
        "phase": word(thrown.phase().as_str_name(), "PHASE_"),
        "name": thrown.name,
        "message": thrown.message,
        "stack": thrown.stack,
        "url": thrown.url,
        "line": thrown.line,
        "column": thrown.column,
        "thrown": serde_json::from_str::<Value>(&thrown.thrown_json).ok(),
    })
}
