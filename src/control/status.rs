//! Errors of RPCs: a code, a reason that programs branch on, a text for people. The table is in
//! the contract.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "pagewire.v1";

/// Longest text of an error, in bytes; the rest is cut. It travels in headers, percent-encoded
/// and once more in the details, and a client that finds more than 8 to 16 KiB of them ends the
/// connection, with everything on it. Default 1 KiB.
const MAX_TEXT_BYTES: usize = 1024;

pub(super) fn error(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    Status::with_error_details(code, shortened(message.into()), details)
}

/// A text that fits into headers: what was refused may be as long as a message.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        // What is at the end is often the remedy.
        let end = text.ceil_char_boundary(text.len() - MAX_TEXT_BYTES / 2);
        let end = text.split_off(end);
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES / 2));
        text.push_str(" ... ");
        text.push_str(&end);
    }
    text
}

/// A field whose value cannot be used. The text names the value and the remedy.
pub(super) fn invalid(field: &str, description: impl std::fmt::Display) -> Status {
    let mut details = ErrorDetails::with_error_info("FIELD_INVALID", DOMAIN, []);
    let description = shortened(description.to_string());
    let message = format!("{field}: {description}");
    details.add_bad_request_violation(field, description);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// The reason of an error of ours.
pub(super) fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

pub(super) fn stopping() -> Status {
    error(Code::Unavailable, "STOPPING", "the daemon is stopping")
}
