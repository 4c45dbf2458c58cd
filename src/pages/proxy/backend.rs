//! HTTP client of one backend.

use super::connect::Connector;
use super::error;
use super::tls::TrustError;
use crate::config::{BackendAddress, ProxyRule, Trust};
use axum::body::{Body, HttpBody as _};
use axum::http::header;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an idle connection is pooled. Less than the 5 s after which Node and uvicorn close theirs: a
/// request must not be sent on a connection that is being closed. Default 4 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Idle connections pooled per backend; further ones are closed. Default 32.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// A configured backend. Its connector decides where requests go, whatever their URL says.
pub(super) struct Backend {
    address: BackendAddress,
    trust: Trust,
    /// Reuses connections, for requests that may be repeated.
    pooled: Client<Connector, Body>,
    /// Opens a connection per request, for requests that may not be repeated: a pooled connection may be
    /// closed just as the request is sent.
    unpooled: Client<Connector, Body>,
    /// It could not be reached at the last request.
    is_unreachable: AtomicBool,
}

impl Backend {
    pub(super) fn new(rule: &ProxyRule) -> Result<Self, TrustError> {
        if rule.trust == Trust::Insecure {
            tracing::warn!(target: "pagewire::pages", backend = %rule.backend, "the certificate of this backend is not checked (insecure)");
        }
        let connector = Connector::new(&rule.backend, &rule.trust)?;
        let pooled = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build(connector.clone());
        let unpooled = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self {
            address: rule.backend.clone(),
            trust: rule.trust.clone(),
            pooled,
            unpooled,
            is_unreachable: AtomicBool::new(false),
        })
    }

    /// Whether this is the backend of a rule. Rules that trust different certificates share no connection.
    pub(super) fn is_of(&self, rule: &ProxyRule) -> bool {
        self.address == rule.backend && self.trust == rule.trust
    }

    /// Remembers whether the backend can be reached. Returns whether that has changed.
    pub(super) fn set_reachable(&self, is_reachable: bool) -> bool {
        self.is_unreachable.load(Ordering::Relaxed) == is_reachable
            && self.is_unreachable.swap(!is_reachable, Ordering::Relaxed) == is_reachable
    }

    /// Sends a request. Retries it once when a pooled connection was closed before the response, provided
    /// that repeating it has no effect (RFC 9110, section 9.2.2).
    pub(super) async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, legacy::Error> {
        let may_repeat = request.method().is_safe()
            && request.body().is_end_stream()
            && !request.headers().contains_key(header::UPGRADE);
        if !may_repeat {
            return self.unpooled.request(request).await;
        }
        let (parts, _) = request.into_parts();
        let retry = Request::from_parts(parts.clone(), Body::empty());
        let first = Request::from_parts(parts, Body::empty());
        match self.pooled.request(first).await {
            Err(error) if error::is_closed_early(&error) => self.unpooled.request(retry).await,
            sent => sent,
        }
    }
}
