//! Reverse proxy stage: forwards requests to another server (the backend), streams both bodies, and
//! rewrites the backend's own addresses in the response.
//!
//! A rule with a prefix answers every request below it that no plugin answers; files there are not
//! looked up. The rule without a prefix is the fallback: it answers requests that neither plugins nor
//! files answer, before the app index and listings, and every method that files do not support. The rule
//! with the longest matching prefix wins. The daemon's own paths are never forwarded.

mod error;
mod headers;
mod rewrite;
mod tunnel;

use crate::config::{Config, ProxyRule};
use crate::message;
use crate::origins::AllowedHosts;
use crate::pages::errors::error_page::error_page;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, Payload, Responder};
use crate::paths::UrlPath;
use axum::body::{Body, HttpBody as _};
use axum::http::header::{self, HeaderValue};
use axum::http::{Request, Response, StatusCode, Uri};
use futures_util::StreamExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::percent_decode_str;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use error::{CONNECT_TIMEOUT, ProxyError};
use headers::ProxyIdentity;
use rewrite::ResponseRewriter;

pub(super) use tunnel::is_upgrade;

/// How long an idle connection is pooled. Less than the 5 s after which Node and uvicorn close theirs: a
/// request must not be sent on a connection that is being closed. Default 4 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Idle connections pooled per backend; further ones are closed. Default 32.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// HTTP client for the configured backends.
pub(super) struct Proxy {
    /// Longest prefix first.
    rules: Vec<ProxyRule>,
    /// Reuses connections, for requests that may be repeated.
    pooled: Client<HttpConnector, Body>,
    /// Opens a connection per request, for requests that may not be repeated: a pooled connection may be
    /// closed just as the request is sent.
    unpooled: Client<HttpConnector, Body>,
    /// Hosts whose pages may open a tunnel.
    allowed: AllowedHosts,
    /// Base path of the daemon's URLs.
    base: String,
    identity: ProxyIdentity,
    /// Backends that could not be reached at the last request; never more than there are rules.
    unreachable: Mutex<HashSet<String>>,
    /// Tracks tunnels, so that shutdown can wait for them.
    connections: TaskTracker,
    /// Ends tunnels, and event streams, which would never end by themselves.
    stop: CancellationToken,
}

impl Proxy {
    /// Creates a proxy whose tunnels are tracked in `connections` and end with `stop`.
    pub(super) fn new(config: &Config, connections: TaskTracker, stop: CancellationToken) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let pooled = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build(connector.clone());
        let unpooled = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        let mut rules = config.proxies.clone();
        rules.sort_by_key(|rule| Reverse(rule.prefix.as_str().len()));
        let scheme = if config.allowed.https {
            "https"
        } else {
            "http"
        };
        Self {
            rules,
            pooled,
            unpooled,
            allowed: config.allowed.clone(),
            base: config.base_path.as_str().to_owned(),
            identity: ProxyIdentity::new(scheme),
            unreachable: Mutex::default(),
            connections,
            stop,
        }
    }

    /// Whether any request may be forwarded.
    pub(super) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Returns the rule for a path; `None` for the daemon's own paths.
    pub(super) fn rule(&self, path: &UrlPath) -> Option<&ProxyRule> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.prefix.strip(path.as_str()).is_some())?;
        (!message::is_reserved_path(path.as_str())).then_some(rule)
    }

    /// Forwards a request and returns the backend's response, or an error page. If later stages may
    /// change the body (`needs_whole`), the request has no conditions or ranges, so that the response is
    /// complete.
    pub(super) async fn forward(
        &self,
        request: &PageRequest<'_>,
        rule: &ProxyRule,
        body: Body,
        needs_whole: bool,
    ) -> PageResponse {
        let forwarded = self.try_forward(request, rule, body, needs_whole).await;
        self.log_outcome(request, rule, forwarded.as_ref().err());
        forwarded.unwrap_or_else(|error| error_page(request, error.status(), &error.to_string()))
    }

    /// Logs a failure. An unreachable backend is logged once until it responds again, since pages keep
    /// retrying.
    fn log_outcome(&self, request: &PageRequest<'_>, rule: &ProxyRule, error: Option<&ProxyError>) {
        let path = request.path;
        let mut unreachable = self
            .unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match error {
            None => {
                if unreachable.remove(&rule.authority) {
                    tracing::info!(target: "pagewire::pages", %rule, "the backend is reachable again");
                }
            }
            Some(error @ (ProxyError::Unreachable { .. } | ProxyError::ConnectTimeout(_))) => {
                if unreachable.insert(rule.authority.clone()) {
                    tracing::warn!(target: "pagewire::pages", %path, "{error}");
                }
            }
            Some(error) => tracing::warn!(target: "pagewire::pages", %path, "{error}"),
        }
    }

    async fn try_forward(
        &self,
        request: &PageRequest<'_>,
        rule: &ProxyRule,
        body: Body,
        needs_whole: bool,
    ) -> Result<PageResponse, ProxyError> {
        let parts = request.parts;
        if self.identity.is_in_via(&parts.headers) {
            return Err(ProxyError::Loop(rule.to_string()));
        }
        let protocol = tunnel::upgrade_protocol(parts);
        if protocol.is_some() {
            let origins = parts.headers.get_all(header::ORIGIN).iter();
            let origins = origins.map(HeaderValue::as_bytes);
            let host = headers::host(parts).as_bytes();
            self.allowed.check_origin(origins, host)?;
        }
        let mut backend_request = Request::new(body);
        *backend_request.method_mut() = parts.method.clone();
        *backend_request.uri_mut() = target(request, rule)?;
        *backend_request.headers_mut() = self.identity.request_headers(rule, parts, needs_whole);
        if let Some(protocol) = protocol {
            tunnel::set_upgrade(backend_request.headers_mut(), protocol);
        }
        let sent = self.send(backend_request).await;
        let mut response = sent.map_err(|error| ProxyError::from_client(&error, rule))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let opened = protocol.is_some()
                && tunnel::open(parts, &mut response, &self.connections, &self.stop);
            if !opened {
                return Err(ProxyError::UnexpectedUpgrade(rule.clone()));
            }
        }
        Ok(self.page_response(request, rule, response))
    }

    /// Sends a request. Retries it once when a pooled connection was closed before the response, provided
    /// that repeating it has no effect (RFC 9110, section 9.2.2).
    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, legacy::Error> {
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

    /// Converts a backend's response and rewrites its addresses.
    fn page_response(
        &self,
        request: &PageRequest<'_>,
        rule: &ProxyRule,
        response: Response<Incoming>,
    ) -> PageResponse {
        let (mut response, body) = response.into_parts();
        let protocol = response.headers.get(header::UPGRADE).cloned();
        headers::remove_hop_by_hop(&mut response.headers);
        if response.status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(protocol) = protocol
        {
            tunnel::set_upgrade(&mut response.headers, &protocol);
        }
        ResponseRewriter {
            rules: &self.rules,
            rule,
            base: &self.base,
            scheme: self.identity.scheme,
            host: headers::host(request.parts),
        }
        .headers(&mut response.headers);
        let mut response = PageResponse {
            status: response.status,
            headers: response.headers.into(),
            body: Payload::Stream(Body::empty()),
            tag: None,
            body_file: None,
            source_file: None,
            verbatim: false,
            responder: Responder::Proxy(rule.authority.clone()),
        };
        let mut body = Body::new(body);
        if response.is_event_stream() {
            // Ends with the daemon: an open event stream would delay shutdown for the whole grace period. Pages
            // reconnect by themselves.
            let stop = self.stop.clone().cancelled_owned();
            body = Body::from_stream(body.into_data_stream().take_until(stop));
        }
        response.body = Payload::Stream(body);
        response
    }
}

/// Returns the backend's URL for a request. The path after the prefix is forwarded as written, unless
/// its prefix or dot segments are percent-encoded (browsers do not send that). Then it is forwarded
/// resolved, so that the backend cannot interpret it as another path than the daemon did.
fn target(request: &PageRequest<'_>, rule: &ProxyRule) -> Result<Uri, ProxyError> {
    let raw = request.parts.uri.path();
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    let has_dot_segments = decoded.split('/').any(|name| matches!(name, "." | ".."));
    let prefix = rule.prefix.as_str();
    let resolved = request.path.url();
    let rest = Some(raw)
        .filter(|_| !has_dot_segments)
        .and_then(|raw| rewrite::strip_base(raw, prefix))
        .or_else(|| rewrite::strip_base(&resolved, prefix))
        .unwrap_or_default();
    let mut target = format!("{}{rest}", rule.base);
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = request.parts.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let uri = Uri::builder().scheme("http").authority(&*rule.authority);
    let uri = uri.path_and_query(&*target).build();
    uri.map_err(|source| ProxyError::Target {
        url: format!("http://{}{target}", rule.authority),
        source,
    })
}
