//! Failures of proxied requests, and the status and text that the page gets for them.

use super::connect::{CONNECT_TIMEOUT, ConnectError};
use super::stream::AnswersWithTls;
use crate::config::{BackendAddress, ProxyRule};
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
    #[error("a WebSocket handshake must have no body")]
    HandshakeBody,
    #[error("cannot request {url}: {source}")]
    Target {
        url: String,
        source: axum::http::Error,
    },
    #[error(
        "cannot connect to {backend} within {CONNECT_TIMEOUT:?}: {reason} (check its address, and whether it is overloaded)"
    )]
    ConnectTimeout {
        backend: BackendAddress,
        reason: String,
    },
    #[error(
        "cannot connect to {backend}: {reason} (start the server, or correct the proxy setting)"
    )]
    Unreachable {
        backend: BackendAddress,
        reason: String,
    },
    /// The reason includes the remedy.
    #[error("no secure connection to {backend}: {reason}")]
    Handshake {
        backend: BackendAddress,
        reason: String,
    },
    #[error("no valid response from {backend}: {reason} ({remedy})")]
    NoResponse {
        backend: BackendAddress,
        reason: String,
        remedy: &'static str,
    },
    #[error("{0} switched to a protocol that the page did not request")]
    UnexpectedUpgrade(BackendAddress),
}

impl ProxyError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Loop(_) => StatusCode::LOOP_DETECTED,
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::HandshakeBody | Self::Target { .. } => StatusCode::BAD_REQUEST,
            Self::ConnectTimeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable { .. }
            | Self::Handshake { .. }
            | Self::NoResponse { .. }
            | Self::UnexpectedUpgrade(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// Whether there was no connection.
    pub(super) fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::ConnectTimeout { .. } | Self::Handshake { .. }
        )
    }

    /// Classifies an error of the HTTP client.
    pub(super) fn from_client(error: &legacy::Error, rule: &ProxyRule) -> Self {
        let backend = rule.backend.clone();
        let source = error
            .source()
            .and_then(|source| source.downcast_ref::<ConnectError>());
        if let Some(error) = source {
            let reason = error.to_string();
            return match error {
                ConnectError::TimedOut(_) | ConnectError::HandshakeTimedOut => {
                    Self::ConnectTimeout { backend, reason }
                }
                ConnectError::Handshake(_) => Self::Handshake { backend, reason },
                ConnectError::Unresolved(_)
                | ConnectError::Refused(_)
                | ConnectError::Socket(_) => Self::Unreachable { backend, reason },
            };
        }
        let cause = innermost(error);
        let io = cause.downcast_ref::<io::Error>();
        let inner = io.and_then(io::Error::get_ref);
        let answers_with_tls = inner.and_then(|inner| inner.downcast_ref::<AnswersWithTls>());
        let remedy = if answers_with_tls.is_some() {
            "write https:// in the proxy setting"
        } else if is_closed_early(error) && matches!(backend, BackendAddress::Http(_)) {
            "see its log; if it expects TLS, write https:// in the proxy setting"
        } else {
            "see its log"
        };
        Self::NoResponse {
            backend,
            reason: cause.to_string(),
            remedy,
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
