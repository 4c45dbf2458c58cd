//! Reverse proxy stage: forwards requests to another server (the backend), streams both bodies, and
//! rewrites the backend's own addresses in the response.
//!
//! A rule with a prefix answers every request below it that no plugin answers; files there are not
//! looked up. The rule without a prefix is the fallback: it answers requests that neither plugins nor
//! files answer, before the app index and listings, and every method that files do not support. The rule
//! with the longest matching prefix wins. The daemon's own paths are never forwarded.

mod backend;
mod connect;
mod error;
mod headers;
mod rewrite;
mod stream;
mod tls;
mod tunnel;

use crate::config::{BackendAddress, Config, ProxyRule};
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
use percent_encoding::percent_decode_str;
use std::cmp::Reverse;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use backend::Backend;
use error::ProxyError;
use headers::ProxyIdentity;
use rewrite::ResponseRewriter;

pub(crate) use tls::{TrustError, check_trust};
pub(super) use tunnel::is_upgrade;

/// HTTP client for the configured backends.
pub(super) struct Proxy {
    /// Longest prefix first.
    rules: Vec<ProxyRule>,
    /// The backends of the rules.
    backends: Vec<Backend>,
    /// Hosts whose pages may open a tunnel.
    allowed: AllowedHosts,
    /// Base path of the daemon's URLs.
    base: String,
    identity: ProxyIdentity,
    /// Tracks tunnels, so that shutdown can wait for them.
    connections: TaskTracker,
    /// Ends tunnels, and event streams, which would never end by themselves.
    stop: CancellationToken,
}

impl Proxy {
    /// Creates a proxy whose tunnels are tracked in `connections` and end with `stop`. Loads the certificates
    /// that it trusts.
    pub(super) fn new(
        config: &Config,
        connections: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, TrustError> {
        let mut backends: Vec<Backend> = Vec::new();
        for rule in &config.proxies {
            if !backends.iter().any(|backend| backend.is_of(rule)) {
                backends.push(Backend::new(rule)?);
            }
        }
        let mut rules = config.proxies.clone();
        rules.sort_by_key(|rule| Reverse(rule.prefix.as_str().len()));
        let scheme = if config.allowed.https {
            "https"
        } else {
            "http"
        };
        Ok(Self {
            rules,
            backends,
            allowed: config.allowed.clone(),
            base: config.base_path.as_str().to_owned(),
            identity: ProxyIdentity::new(scheme),
            connections,
            stop,
        })
    }

    /// Returns the backend of a rule.
    fn backend(&self, rule: &ProxyRule) -> &Backend {
        let mut backends = self.backends.iter();
        backends
            .find(|backend| backend.is_of(rule))
            .expect("every rule has a backend")
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
        let backend = self.backend(rule);
        match error {
            None => {
                if backend.set_reachable(true) {
                    tracing::info!(target: "pagewire::pages", backend = %rule.backend, "the backend is reachable again");
                }
            }
            Some(error) if error.is_of_connection() => {
                if backend.set_reachable(false) {
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
        if protocol.is_some_and(tunnel::is_websocket) && !body.is_end_stream() {
            return Err(ProxyError::HandshakeBody);
        }
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
        let sent = self.backend(rule).send(backend_request).await;
        let mut response = sent.map_err(|error| ProxyError::from_client(&error, rule))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let opened = protocol.is_some()
                && tunnel::open(parts, &mut response, &self.connections, &self.stop);
            if !opened {
                return Err(ProxyError::UnexpectedUpgrade(rule.backend.clone()));
            }
        }
        Ok(self.page_response(request, rule, response))
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
            responder: Responder::Proxy(match &rule.backend {
                BackendAddress::Http(authority) | BackendAddress::Https(authority) => {
                    authority.clone()
                }
                socket @ BackendAddress::Unix(_) => socket.to_string(),
            }),
            failure: None,
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
    let (scheme, authority) = (rule.backend.scheme(), rule.backend.authority());
    let uri = Uri::builder().scheme(scheme).authority(authority);
    let uri = uri.path_and_query(&*target).build();
    uri.map_err(|source| ProxyError::Target {
        url: format!("{scheme}://{authority}{target}"),
        source,
    })
}
