//! Exit codes, and errors on standard error.

use super::untrusted::plain;
use pagewire_client::{Code, Error};
use std::process::ExitCode;

/// Exit code of `serve` and `config` for a failure at run time.
pub(super) const FAILURE: u8 = 1;

/// Exit code of `serve` and `config` for bad usage or configuration.
pub(super) const USAGE: u8 = 2;

/// Result of a command that calls a daemon; its value is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done = 0,
    /// Page code threw.
    PageFailed = 1,
    /// Bad usage, or the daemon refused the request.
    Usage = 2,
    /// The command timed out, or no page is connected.
    Unanswered = 3,
    NoDaemon = 4,
}

impl Outcome {
    /// Classifies an error of a command.
    fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref() {
            Some(
                Error::NoDaemon { .. }
                | Error::Connect { .. }
                | Error::Disconnected { .. }
                | Error::Rpc {
                    code: Code::Unavailable,
                    ..
                },
            ) => Self::NoDaemon,
            Some(Error::Rpc {
                code: Code::DeadlineExceeded,
                ..
            }) => Self::Unanswered,
            _ => Self::Usage,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// Returns the exit code of a command that calls a daemon, after printing its error.
pub(super) fn with_outcome(result: anyhow::Result<Outcome>) -> ExitCode {
    let outcome = result.unwrap_or_else(|error| {
        print(&error);
        Outcome::of(&error)
    });
    outcome.into()
}

/// Prints an error and returns this exit code.
pub(super) fn fail(code: u8, error: &anyhow::Error) -> ExitCode {
    print(error);
    ExitCode::from(code)
}

fn print(error: &anyhow::Error) {
    eprintln!("error: {}", plain(&one_line(error)));
}

/// Returns an error and its causes. A cause that its parent's text contains is not repeated.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
