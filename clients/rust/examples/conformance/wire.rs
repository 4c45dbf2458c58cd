//! The JSON lines between driver and runner, and the library's values in them.

use pagewire_client::{
    Code, DeliveryStatus, Endpoint, Error, ImportError, ImportErrorKind, ImportReport, JsValue,
    Report, Target,
};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) fn emit(line: &Value) {
    // One write, so that concurrent lines do not mix.
    println!("{line}");
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TargetSpec {
    all: bool,
    sockets: Option<Vec<String>>,
    tabs: Option<Vec<String>>,
    pages: Option<Vec<String>>,
    url: Option<String>,
    excluding: Vec<String>,
}

impl TargetSpec {
    pub(crate) fn target(self) -> Target {
        let target = match self {
            Self { all: true, .. } => Target::all(),
            Self {
                sockets: Some(ids), ..
            } => Target::sockets(ids),
            Self {
                tabs: Some(ids), ..
            } => Target::tabs(ids),
            Self {
                pages: Some(ids), ..
            } => Target::pages(ids),
            Self { url: Some(url), .. } => Target::url(url),
            _ => panic!("a target without a selector"),
        };
        target.excluding(self.excluding)
    }
}

pub(crate) fn report(report: &Report) -> Value {
    let unreached = report
        .unreached
        .iter()
        .map(|row| json!({ "socket_id": row.socket_id, "status": status(row.status) }));
    json!({
        "reached": report.reached,
        "unreached": unreached.collect::<Vec<_>>(),
        "reached_socket_ids": report.reached_socket_ids,
    })
}

fn status(status: DeliveryStatus) -> String {
    let name = status.as_str_name().strip_prefix("DELIVERY_STATUS_");
    name.expect("its prefix").to_lowercase()
}

pub(crate) fn import_report(report: ImportReport) -> Value {
    let rows = report.rows.into_iter().map(|row| match row.outcome {
        Ok(value) => json!({ "socket_id": row.socket_id, "value": js_value(&value) }),
        Err(error) => {
            let message = error.to_string();
            let error = json!({ "kind": import_error(&error), "message": message });
            json!({ "socket_id": row.socket_id, "error": error })
        }
    });
    json!({ "rows": rows.collect::<Vec<_>>() })
}

fn js_value(value: &JsValue) -> Value {
    value.json().unwrap_or_else(|_| value.to_string().into())
}

fn import_error(error: &ImportError) -> &'static str {
    match error.kind() {
        ImportErrorKind::Thrown => "thrown",
        ImportErrorKind::Load => "load",
        ImportErrorKind::Timeout => "timeout",
        ImportErrorKind::PageGone => "page_gone",
        ImportErrorKind::Slow => "slow",
        ImportErrorKind::Unsupported => "unsupported",
        _ => "other",
    }
}

pub(crate) fn error(error: &Error) -> Value {
    let kind = match error {
        Error::Endpoint { .. } => "endpoint",
        Error::TokenFile { .. } => "token_file",
        Error::NoDaemon { .. } => "no_daemon",
        Error::SeveralDaemons { .. } => "several_daemons",
        Error::Connect { .. } => "connect",
        Error::Disconnected { .. } => "disconnected",
        Error::Plugin { .. } => "plugin",
        Error::Rpc { code, reason, .. } => {
            let (code, message) = (code_name(*code), error.to_string());
            return json!({ "kind": "rpc", "code": code, "reason": reason, "message": message });
        }
        _ => "other",
    };
    json!({ "kind": kind, "message": error.to_string() })
}

/// `InvalidArgument` as `INVALID_ARGUMENT`.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

/// The endpoint given to `connect`.
pub(crate) fn endpoint(command: &Value) -> Result<Option<Endpoint>, Error> {
    let Some(endpoint) = command["endpoint"].as_str() else {
        return Ok(None);
    };
    let mut endpoint: Endpoint = endpoint.parse()?;
    if let Some(file) = command["token_file"].as_str() {
        endpoint = endpoint.with_token_file(file)?;
    }
    if let Some(token) = command["token"].as_str() {
        endpoint = endpoint.with_token(token);
    }
    Ok(Some(endpoint))
}
