//! Why there is no answer from a backend, and what the page is told instead.

use super::CONNECT_TIMEOUT;
use crate::config::ProxyRule;
use crate::origins::Refusal;
use axum::http::StatusCode;
use hyper_util::client::legacy;
use std::error::Error;
use std::io;

/// Why a backend's answer cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the setting proxy leads back to this daemon (name another server than {0})")]
    Loop(String),
    #[error("{0}")]
    Origin(#[from] Refusal),
    #[error("{url} cannot be asked for: {source}")]
    Target {
        url: String,
        source: axum::http::Error,
    },
    #[error(
        "no connection to {0} within {CONNECT_TIMEOUT:?} (is it overloaded, or the address wrong?)"
    )]
    TooSlow(ProxyRule),
    #[error("no server answers at {rule}: {reason} (start it, or correct the setting proxy)")]
    Unreachable { rule: ProxyRule, reason: String },
    #[error("{rule} gave no answer: {reason} (see what it logged)")]
    NoAnswer { rule: ProxyRule, reason: String },
    #[error("{0} answered with another protocol, which nobody asked for")]
    Protocol(ProxyRule),
}

impl Fault {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Loop(_) => StatusCode::LOOP_DETECTED,
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::Target { .. } => StatusCode::BAD_REQUEST,
            Self::TooSlow(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::Protocol(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// What the HTTP library says, by its innermost cause.
    pub(super) fn of(error: &legacy::Error, rule: &ProxyRule) -> Self {
        let cause = innermost(error);
        let rule = rule.clone();
        let io = cause.downcast_ref::<io::Error>();
        if !error.is_connect() {
            let reason = cause.to_string();
            return Self::NoAnswer { rule, reason };
        }
        if io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            return Self::TooSlow(rule);
        }
        let reason = match io.map(io::Error::kind) {
            Some(kind @ io::ErrorKind::ConnectionRefused) => kind.to_string(),
            _ => cause.to_string(),
        };
        Self::Unreachable { rule, reason }
    }
}

/// Whether a connection that stood was closed instead of an answer.
pub(super) fn is_cut(error: &legacy::Error) -> bool {
    let http = error.source().and_then(|source| source.downcast_ref());
    let ended = http.is_some_and(hyper::Error::is_incomplete_message);
    !error.is_connect() && (ended || innermost(error).is::<io::Error>())
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}
