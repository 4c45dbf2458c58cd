//! Errors of RPCs: a code, a reason that programs branch on, a text for people. The table is in
//! the contract.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "pagewire.v1";

pub(super) fn error(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    Status::with_error_details(code, message, details)
}

/// A field whose value cannot be used. The text names the value and the remedy.
pub(super) fn invalid(field: &str, description: impl std::fmt::Display) -> Status {
    let mut details = ErrorDetails::with_error_info("FIELD_INVALID", DOMAIN, []);
    details.add_bad_request_violation(field, description.to_string());
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field}: {description}"),
        details,
    )
}

/// The reason of an error of ours.
pub(super) fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

/// A part of the contract that this version does not have.
pub(super) fn not_yet(what: &str) -> Status {
    error(
        Code::Unimplemented,
        "FEATURE_UNSUPPORTED",
        format!(
            "{what} is not implemented in pagewire {}",
            env!("CARGO_PKG_VERSION")
        ),
    )
}

pub(super) fn stopping() -> Status {
    error(Code::Unavailable, "STOPPING", "the daemon is stopping")
}
