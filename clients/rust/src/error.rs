//! What can go wrong between a program and its daemon.

use crate::discovery::Daemon;
use std::{
    error,
    path::{Path, PathBuf},
};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt;

/// A result of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error, as handlers of a [`Plugin`](crate::Plugin) may return it: `?` works on every error
/// type, and `"text".into()` makes one.
pub type BoxError = Box<dyn error::Error + Send + Sync>;

/// The domain of the reasons in the daemon's errors.
const REASON_DOMAIN: &str = "pagewire.v1";

/// Why an operation failed. What happened at one page is never an error: it is a row of the
/// operation's report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no endpoint, or the environment names none.
    #[error("endpoint `{value}` {problem}")]
    Endpoint {
        /// The text, or the variable that should hold it.
        value: String,
        /// What is wrong with it, and the remedy.
        problem: String,
    },

    /// Nothing names a daemon, and none runs.
    #[error("no daemon runs here{} (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address that its ready line names)", problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default())]
    NoDaemon {
        /// Why none can be found, if that is not all there is to say.
        problem: Option<String>,
    },

    /// Nothing names a daemon, and several could be meant.
    #[error("{}", candidates(folder, daemons))]
    SeveralDaemons {
        /// The folder for which one was looked for.
        folder: PathBuf,
        /// Those that could be meant.
        daemons: Vec<Daemon>,
    },

    /// The file that should hold the token is of no use.
    #[error("cannot read the token from {}: {problem} (pass the file that the daemon wrote)", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// Nothing that speaks the contract answers at the endpoint.
    #[error(
        "cannot connect to the daemon at {endpoint}: {problem} (start `pagewire`, or pass the control endpoint that its ready line names)"
    )]
    Connect {
        /// The endpoint, without its token.
        endpoint: String,
        /// The cause, "connection refused" say.
        problem: String,
    },

    /// The connection broke during an RPC, whose effect is therefore unknown.
    #[error(
        "lost the connection to the daemon: {problem} (see its log; connect again once it runs)"
    )]
    Disconnected {
        /// The cause.
        problem: String,
    },

    /// The daemon refused or ended an RPC.
    #[error("{}", refusal(*code, reason, message, violations))]
    Rpc {
        /// The gRPC status code. [`Code::Unavailable`] is the only one worth a retry.
        code: Code,
        /// The daemon's word for the fault, `TOKEN_MISSING` say; see the contract for all of them.
        /// Empty when the fault is the gRPC library's own (an oversized message).
        reason: String,
        /// What is wrong, for people.
        message: String,
        /// The fields at fault, with `FIELD_INVALID`.
        violations: Vec<FieldViolation>,
    },

    /// A value could not be turned into JSON, or JSON into a value.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),

    /// What a page answered is not JSON: `NaN`, a bigint, a DOM node.
    #[error("not a json value: {0} (have the page return something JSON.stringify keeps)")]
    NotJson(String),

    /// A plugin was put together wrongly, or one of its start or stop handlers failed.
    #[error("plugin `{plugin}`: {problem}")]
    Plugin {
        /// The plugin's name.
        plugin: String,
        /// What is wrong, and the remedy.
        problem: String,
    },

    /// The daemon said something that the contract does not allow here.
    #[error("unexpected answer of the daemon: {0} (do its version and this library's fit?)")]
    Unexpected(&'static str),
}

/// A field of a request that the daemon refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field in the request, `target.ids.socket_ids` say.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    /// The daemon's word for the fault, `PLUGIN_NAME_TAKEN` say. `None` unless the daemon gave one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Rpc { reason, .. } if !reason.is_empty() => Some(reason),
            _ => None,
        }
    }

    /// The gRPC status code, if an RPC failed.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Rpc { code, .. } => Some(*code),
            Self::Disconnected { .. } => Some(Code::Unavailable),
            _ => None,
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let info = status
            .get_details_error_info()
            .filter(|info| info.domain == REASON_DOMAIN);
        // A status that was received has no source; one that our transport made has.
        if info.is_none() && error::Error::source(&status).is_some() {
            return Self::from_transport(&status);
        }
        let violations = status
            .get_details_bad_request()
            .map_or_else(Vec::new, |bad_request| {
                let violations = bad_request.field_violations.into_iter();
                violations
                    .map(|v| FieldViolation {
                        field: v.field,
                        description: v.description,
                    })
                    .collect()
            });
        Self::Rpc {
            code: status.code(),
            reason: info.map_or_else(String::new, |info| info.reason),
            message: status.message().to_owned(),
            violations,
        }
    }
}

impl Error {
    /// The daemon has not answered in time.
    pub(crate) fn deadline() -> Self {
        Self::Rpc {
            code: Code::DeadlineExceeded,
            reason: "DEADLINE".to_owned(),
            message: "the deadline passed before the daemon answered".to_owned(),
            violations: Vec::new(),
        }
    }

    fn from_transport(status: &Status) -> Self {
        let mut source = error::Error::source(status);
        while let Some(cause) = source {
            if cause.is::<TimeoutExpired>() {
                return Self::deadline();
            }
            source = cause.source();
        }
        Self::Disconnected {
            problem: chain(status),
        }
    }
}

/// The causes of a transport error, without its own line, which says "transport error".
fn chain(status: &Status) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut source = error::Error::source(status);
    while let Some(cause) = source {
        let text = cause.to_string();
        if text != "transport error" && !texts.iter().any(|outer| outer.contains(&text)) {
            texts.push(text);
        }
        source = cause.source();
    }
    if texts.is_empty() {
        status.message().to_owned()
    } else {
        texts.join(": ")
    }
}

fn refusal(code: Code, reason: &str, message: &str, violations: &[FieldViolation]) -> String {
    let what = if message.is_empty() {
        code.description()
    } else {
        message
    };
    let mut text = what.to_owned();
    for FieldViolation { field, description } in violations {
        if !text.contains(description.as_str()) {
            text.extend(["; ", field, ": ", description]);
        }
    }
    if reason.is_empty() {
        format!("{text} ({code:?})")
    } else {
        format!("{text} ({code:?}/{reason})")
    }
}

fn candidates(folder: &Path, daemons: &[Daemon]) -> String {
    let head = format!(
        "{} daemons could be meant in {} (name one: pass its control address, or set PAGEWIRE_ENDPOINT to it)",
        daemons.len(),
        folder.display()
    );
    let lines = daemons.iter().map(ToString::to_string);
    let lines: Vec<_> = std::iter::once(head).chain(lines).collect();
    lines.join("\n  ")
}

/// An error and its causes in one line.
pub(crate) fn one_line(error: &(dyn error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text += ": ";
            text += &cause_text;
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn an_rpc_error_keeps_code_reason_and_fields() {
        let mut details = ErrorDetails::new();
        details.set_error_info(
            "FIELD_INVALID",
            REASON_DOMAIN,
            std::collections::HashMap::new(),
        );
        details.add_bad_request_violation("target", "is unset");
        let status = Status::with_error_details(Code::InvalidArgument, "bad target", details);
        let error = Error::from(status);
        assert_eq!(error.reason(), Some("FIELD_INVALID"));
        assert_eq!(
            error.to_string(),
            "bad target; target: is unset (InvalidArgument/FIELD_INVALID)"
        );
    }

    #[test]
    fn a_reason_of_another_domain_is_not_ours() {
        let mut details = ErrorDetails::new();
        details.set_error_info("X", "elsewhere", std::collections::HashMap::new());
        let error = Error::from(Status::with_error_details(Code::Internal, "x", details));
        assert_eq!(error.reason(), None);
    }
}
