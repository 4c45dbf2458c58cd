//! How the results of imports are shown: for people and for programs.

use super::connection::{Outcome, say_nobody, word};
use pagewire_client::{Client, ImportError, ImportRow, JsException, JsValue};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io::IsTerminal;

/// How to show results.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// A JSON object for each page.
    pub(super) json: bool,
    /// A string without its quotes.
    pub(super) raw: bool,
}

/// Shows every page's row and gives the exit code: the worst of the pages decides.
pub(super) async fn print(client: &Client, rows: &[ImportRow], style: Style) -> Outcome {
    if rows.is_empty() && !style.json {
        say_nobody(client).await;
    }
    let name_pages = rows.len() > 1;
    for row in rows {
        if style.json {
            println!("{}", as_json(row));
        } else {
            print_row(row, name_pages, style.raw);
        }
    }
    outcome(rows)
}

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

/// What was thrown, then its stack. Chromium's begins with what was thrown, Firefox's has only the
/// calls.
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

/// A page's row for programs. What the page said stays as it wrote it.
#[derive(Serialize)]
struct Line<'a> {
    socket_id: &'a str,
    elapsed_ms: f64,
    #[serde(flatten)]
    outcome: Shown<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a> {
    Exception(Value),
    Unanswered(String),
    #[serde(untagged)]
    Value(ShownValue<'a>),
}

/// A value under a name that tells its kind.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShownValue<'a> {
    Value(&'a RawValue),
    Undefined(bool),
    Unserializable(&'a str),
    Truncated(&'a str),
    Description(String),
}

impl<'a> ShownValue<'a> {
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
        Ok(value) => Shown::Value(ShownValue::of(value)),
        Err(ImportError::Exception(thrown)) => Shown::Exception(exception_json(thrown)),
        Err(ImportError::Unanswered(status)) => {
            Shown::Unanswered(word(status.as_str_name(), "DELIVERY_STATUS_"))
        }
        Err(error) => Shown::Unanswered(error.to_string()),
    };
    let line = Line {
        socket_id: &row.socket_id,
        elapsed_ms: row.elapsed.as_secs_f64() * 1e3,
        outcome,
    };
    serde_json::to_string(&line).expect("strings, numbers and JSON always encode")
}

/// What was thrown, with snake-case names.
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

/// Text of a page for a terminal: what a page wrote must not move the cursor.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}
