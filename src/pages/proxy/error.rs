//! Failures of proxied requests, and the status and text that the page gets for them.

use crate::config::ProxyRule;
use crate::origins::Refusal;
use axum::http::StatusCode;
use hyper_util::client::legacy;
use std::error::Error;
use std::io;
use std::time::Duration;

/// Limit for connecting to a backend; the response is 504 beyond it. There is no limit for its response,
/// which may be a long poll. Default 5 s.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reason why a request could not be proxied.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("the proxy setting leads back to this daemon (name another server than {0})")]
    Loop(String),
    #[error("{0}")]
    Origin(#[from] Refusal),
    #[error("a WebSocket handshake must have no body")]
    HandshakeBody,
    #[error("cannot request {url}: {source}")]
    Target {
        url: String,
        source: axum::http::Error,
    },
    #[error(
        "cannot connect to {0} within {CONNECT_TIMEOUT:?} (check its address, and whether it is overloaded)"
    )]
    ConnectTimeout(ProxyRule),
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
            Self::HandshakeBody | Self::Target { .. } => StatusCode::BAD_REQUEST,
            Self::ConnectTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable { .. } | Self::NoResponse { .. } | Self::UnexpectedUpgrade(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// Classifies an error of the HTTP client. The reason is its innermost cause.
    pub(super) fn from_client(error: &legacy::Error, rule: &ProxyRule) -> Self {
        let cause = innermost(error);
        let rule = rule.clone();
        let io = cause.downcast_ref::<io::Error>();
        if !error.is_connect() {
            let reason = cause.to_string();
            return Self::NoResponse { rule, reason };
        }
        if io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            return Self::ConnectTimeout(rule);
        }
        let reason = match io.map(io::Error::kind) {
            Some(kind @ io::ErrorKind::ConnectionRefused) => kind.to_string(),
            _ => cause.to_string(),
        };
        Self::Unreachable { rule, reason }
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
