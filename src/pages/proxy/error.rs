//! Failures of proxied requests, and the status and text that the page gets for them.

use super::connect::{CONNECT_TIMEOUT, ConnectError};
use crate::config::ProxyRule;
use crate::origins::Refusal;
use axum::http::StatusCode;
use hyper_util::client::legacy;
use std::error::Error;
use std::io;

/// Reason why a request could not be proxied.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("the proxy setting leads back to this daemon (name another server than {0})")]
    Loop(String),
    #[error("{0}")]
    Origin(#[from] Refusal),
    #[error("cannot request {url}: {source}")]
    Target {
        url: String,
        source: axum::http::Error,
    },
    #[error(
        "cannot connect to {rule} within {CONNECT_TIMEOUT:?}: {reason} (check its address, and whether it is overloaded)"
    )]
    ConnectTimeout { rule: ProxyRule, reason: String },
    #[error("cannot connect to {rule}: {reason} (start the server, or correct the proxy setting)")]
    Unreachable { rule: ProxyRule, reason: String },
    #[error("no valid response from {rule}: {reason} (see its log)")]
    NoResponse { rule: ProxyRule, reason: String },
    #[error("{0} switched to a protocol that the page did not request")]
    UnexpectedUpgrade(ProxyRule),
}

impl ProxyError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Loop(_) => StatusCode::LOOP_DETECTED,
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::Target { .. } => StatusCode::BAD_REQUEST,
            Self::ConnectTimeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable { .. } | Self::NoResponse { .. } | Self::UnexpectedUpgrade(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// Classifies an error of the HTTP client.
    pub(super) fn from_client(error: &legacy::Error, rule: &ProxyRule) -> Self {
        let rule = rule.clone();
        let source = error.source().and_then(|source| source.downcast_ref());
        match source {
            Some(error @ ConnectError::TimedOut(_)) => Self::ConnectTimeout {
                rule,
                reason: error.to_string(),
            },
            Some(error) => Self::Unreachable {
                rule,
                reason: error.to_string(),
            },
            None => Self::NoResponse {
                rule,
                reason: innermost(error).to_string(),
            },
        }
    }
}

/// Whether an established connection was closed before the response.
pub(super) fn is_closed_early(error: &legacy::Error) -> bool {
    let http = error.source().and_then(|source| source.downcast_ref());
    let is_incomplete = http.is_some_and(hyper::Error::is_incomplete_message);
    !error.is_connect() && (is_incomplete || innermost(error).is::<io::Error>())
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}
