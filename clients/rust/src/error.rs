//! Errors of the library.

use crate::{BodyTooLarge, Failure, ImportError, discovery::Daemon, proto};
use std::{
    error, fmt, iter,
    path::{Path, PathBuf},
};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt;

/// Result of an operation of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error type of handlers of a [`Plugin`](crate::Plugin): `?` converts every error type, and
/// `"text".into()` creates one.
pub type BoxError = Box<dyn error::Error + Send + Sync>;

/// The domain of the reasons in the daemon's errors.
const REASON_DOMAIN: &str = "pagewire.v1";

/// Why an operation failed. A problem at a single page is never an error, but a row of the operation's report.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not an endpoint, or the environment names none.
    #[error("endpoint `{value}` {problem}")]
    Endpoint {
        /// The text, or the variable that should hold it.
        value: String,
        /// What is wrong with it, and the remedy.
        problem: String,
    },

    /// No daemon was named, and none is running.
    #[error("no daemon is running{} (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address that it prints when it is ready)", problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default())]
    NoDaemon {
        /// Why discovery failed, if it did.
        problem: Option<String>,
    },

    /// No daemon was named, and several are equally likely.
    #[error("{}", candidates_text(folder, daemons))]
    SeveralDaemons {
        /// The folder for which a daemon was searched.
        folder: PathBuf,
        /// The candidates.
        daemons: Vec<Daemon>,
    },

    /// The token file cannot be read or is empty.
    #[error("cannot read the token from {}: {problem} (pass the file that the daemon wrote)", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// No daemon responds at the endpoint.
    #[error(
        "cannot connect to the daemon at {endpoint}: {problem} (start `pagewire`, or pass the control endpoint that it prints when it is ready)"
    )]
    Connect {
        /// The endpoint, without its token.
        endpoint: String,
        /// The cause, such as "connection refused".
        problem: String,
    },

    /// The connection was lost during an RPC, whose effect is therefore unknown.
    #[error(
        "lost the connection to the daemon: {problem} (see its log; connect again once it is running)"
    )]
    Disconnected {
        /// The cause.
        problem: String,
    },

    /// The daemon refused or ended an RPC.
    #[error("{}", rpc_text(*code, reason, message, violations))]
    Rpc {
        /// The gRPC status code. [`Code::Unavailable`] is the only one worth a retry.
        code: Code,
        /// The daemon's machine-readable reason, such as `TOKEN_MISSING`; the contract lists all of them.
        /// Empty when the error comes from the gRPC library (an oversized message).
        reason: String,
        /// The message for people.
        message: String,
        /// The invalid fields, with `FIELD_INVALID`.
        violations: Vec<FieldViolation>,
    },

    /// A value could not be serialized to JSON, or parsed from it.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),

    /// The value of a page is not JSON: `NaN`, a bigint, a DOM node.
    #[error("not a json value: {0} (let the page return something that JSON.stringify supports)")]
    NotJson(String),

    /// A plugin is declared wrongly, or its start or stop handler failed.
    #[error("plugin `{plugin}`: {problem}")]
    Plugin {
        /// The plugin's name.
        plugin: String,
        /// What is wrong, and the remedy.
        problem: String,
    },

    /// The daemon of a test has failed, or the plugin that it should run.
    #[cfg(feature = "testing")]
    #[error("{problem}")]
    Daemon {
        /// What has failed, with the daemon's own text.
        problem: String,
    },

    /// The daemon violated the contract.
    #[error(
        "unexpected response of the daemon: {0} (check that the daemon's version matches this library's)"
    )]
    Unexpected(&'static str),
}

/// A field of a request that the daemon refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field in the request, such as `target.ids.socket_ids`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    /// The daemon's machine-readable reason, such as `PLUGIN_NAME_TAKEN`; `None` if it gave none.
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

    /// The invalid fields, with `FIELD_INVALID`; otherwise none.
    pub fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Rpc { violations, .. } => violations,
            _ => &[],
        }
    }
}

impl From<proto::FiltersError> for Error {
    fn from(error: proto::FiltersError) -> Self {
        let violations = error.field_violations.into_iter();
        Self::Rpc {
            code: Code::from_i32(error.code),
            reason: error.reason,
            message: error.message,
            violations: violations
                .map(|v| FieldViolation {
                    field: v.field,
                    description: v.description,
                })
                .collect(),
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let info = status
            .get_details_error_info()
            .filter(|info| info.domain == REASON_DOMAIN);
        // Only a status that the local transport created has a source; a received one has none.
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
    /// The error of an exceeded deadline.
    pub(crate) fn deadline() -> Self {
        Self::Rpc {
            code: Code::DeadlineExceeded,
            reason: "DEADLINE".to_owned(),
            message: "the deadline passed before the daemon responded".to_owned(),
            violations: Vec::new(),
        }
    }

    fn from_transport(status: &Status) -> Self {
        if causes(status).any(<dyn error::Error>::is::<TimeoutExpired>) {
            return Self::deadline();
        }
        Self::Disconnected {
            problem: transport_causes(status),
        }
    }
}

/// The causes of a transport error, without its own text, which is only "transport error".
fn transport_causes(status: &Status) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in causes(status).skip(1) {
        let text = cause.to_string();
        if text != "transport error" && !texts.iter().any(|outer| outer.contains(&text)) {
            texts.push(text);
        }
    }
    if texts.is_empty() {
        status.message().to_owned()
    } else {
        texts.join(": ")
    }
}

fn rpc_text(code: Code, reason: &str, message: &str, violations: &[FieldViolation]) -> String {
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

fn candidates_text(folder: &Path, daemons: &[Daemon]) -> String {
    let head = format!(
        "{} daemons match {} (pass the control address of one, or set PAGEWIRE_ENDPOINT to it)",
        daemons.len(),
        folder.display()
    );
    let lines = daemons.iter().map(ToString::to_string);
    let lines: Vec<_> = std::iter::once(head).chain(lines).collect();
    lines.join("\n  ")
}

/// Makes `Debug` print the text of an error with its causes, because a program prints the error that `main` returns
/// in this form.
macro_rules! print_text_for_debug {
    ($($error:ty),+) => {$(
        impl fmt::Debug for $error {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&one_line(self))
            }
        }
    )+};
}

print_text_for_debug!(Error, BodyTooLarge, Failure, ImportError);

/// An error with its causes in one line.
pub(crate) fn one_line(error: &(dyn error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text += ": ";
            text += &cause_text;
        }
    }
    text
}

/// An error, its cause, the cause of that, and so on.
pub(crate) fn causes<'a>(
    error: &'a (dyn error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn error::Error + 'static)> {
    iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn an_rpc_error_has_code_reason_and_fields() {
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
    fn debug_prints_the_text() {
        let error = Error::NoDaemon { problem: None };
        assert_eq!(format!("{error:?}"), error.to_string());
        let failure = Failure::new("no luck").at("a.vue", 3, 0);
        assert_eq!(format!("{failure:?}"), "no luck (a.vue:3)");
    }

    #[test]
    fn ignores_a_reason_of_another_domain() {
        let mut details = ErrorDetails::new();
        details.set_error_info("X", "elsewhere", std::collections::HashMap::new());
        let error = Error::from(Status::with_error_details(Code::Internal, "x", details));
        assert_eq!(error.reason(), None);
    }
}
