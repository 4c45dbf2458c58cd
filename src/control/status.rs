//! Errors of RPCs: a code, a reason that programs branch on, and a text for people. The contract lists
//! the reasons.

use super::limits::MAX_ERROR_TEXT_BYTES;
use crate::hub::{PatternError, ReplyError, ResumeError};
use crate::plugins::{HookError, SessionEnd, SessionError};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "pagewire.v1";

/// Returns an error with a code, a reason and a text.
pub(super) fn error(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    Status::with_error_details(code, shortened(message.into()), details)
}

/// Shortens a text so that it fits into headers: it may quote a value as long as a message.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_ERROR_TEXT_BYTES {
        // Cut in the middle: the end often holds the remedy.
        let end = text.ceil_char_boundary(text.len() - MAX_ERROR_TEXT_BYTES / 2);
        let end = text.split_off(end);
        text.truncate(text.floor_char_boundary(MAX_ERROR_TEXT_BYTES / 2));
        text.push_str(" ... ");
        text.push_str(&end);
    }
    text
}

/// Returns the error for a field with an invalid value. The description names the value and the remedy.
pub(super) fn invalid(field: &str, description: impl std::fmt::Display) -> Status {
    let mut details = ErrorDetails::with_error_info("FIELD_INVALID", DOMAIN, []);
    let description = shortened(description.to_string());
    let message = format!("{field}: {description}");
    details.add_bad_request_violation(field, description);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// Returns the error for a number that is not a value of this enumeration.
pub(super) fn unknown_value(field: &str, value: i32, enumeration: &str) -> Status {
    invalid(field, format!("{value} is not a value of {enumeration}"))
}

/// Returns the error for a part of a field that must be JSON.
pub(super) fn not_json(field: &str, error: &serde_json::Error) -> Status {
    invalid(field, format!("is not JSON: {error}"))
}

/// Returns the reason of an error that this module created.
pub(super) fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

pub(super) fn stopping() -> Status {
    error(Code::Unavailable, "STOPPING", "the daemon is stopping")
}

pub(super) fn limit_reached(error: impl std::fmt::Display) -> Status {
    self::error(Code::ResourceExhausted, "LIMIT_REACHED", error.to_string())
}

/// Returns the error for a field whose regular expressions were refused.
pub(super) fn pattern_error(field: &str, cause: &PatternError) -> Status {
    match cause {
        PatternError::OverBudget => limit_reached(cause),
        _ => invalid(field, cause),
    }
}

pub(super) fn session_error(cause: &SessionError) -> Status {
    match cause {
        SessionError::NameInvalid(_) => invalid("plugin_name", cause),
        SessionError::NameTaken(_) => {
            error(Code::AlreadyExists, "PLUGIN_NAME_TAKEN", cause.to_string())
        }
        SessionError::TooMany => limit_reached(cause),
    }
}

pub(super) fn hook_error(cause: HookError) -> Status {
    let (code, reason) = match cause {
        HookError::SessionEnded => (Code::FailedPrecondition, "SESSION_GONE"),
        HookError::Undeclared => (Code::FailedPrecondition, "HOOK_UNDECLARED"),
        HookError::AlreadyOpen => (Code::AlreadyExists, "HOOK_ALREADY_OPEN"),
    };
    error(code, reason, cause.to_string())
}

/// Returns the error that ends the streams of a session when the session ends.
pub(super) fn session_ended(end: SessionEnd) -> Status {
    match end {
        SessionEnd::Closed => error(Code::Aborted, "SESSION_CLOSED", "the session has ended"),
        SessionEnd::Replaced => {
            let text = "another session has taken over the plugin's name (replace_existing)";
            error(Code::Aborted, "REPLACED", text)
        }
    }
}

pub(super) fn reply_error(request_id: &str, cause: ReplyError) -> Status {
    let (code, reason) = match cause {
        ReplyError::NotFound => (Code::NotFound, "REQUEST_NOT_FOUND"),
        ReplyError::AlreadyAnswered => (Code::FailedPrecondition, "ALREADY_ANSWERED"),
        ReplyError::Expired => (Code::FailedPrecondition, "REQUEST_EXPIRED"),
    };
    error(code, reason, format!("{cause}: {request_id}"))
}

pub(super) fn resume_error(cause: &ResumeError) -> Status {
    let text = cause.to_string();
    match cause {
        ResumeError::Evicted { .. } => error(Code::OutOfRange, "POSITION_EVICTED", text),
        ResumeError::EpochChanged { .. } => error(Code::OutOfRange, "EPOCH_CHANGED", text),
        ResumeError::InTheFuture { .. } => invalid("resume_after", text),
    }
}
