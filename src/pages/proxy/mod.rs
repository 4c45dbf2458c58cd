//! The proxy stage: asks another server (the backend) for what a rule names, streamed in both
//! directions, and says what that server says of itself in our words.
//!
//! A rule with a prefix answers for everything below it that no plugin answers; files there are not
//! looked at. The rule without a prefix is the last resort: it answers what neither plugins nor
//! files do, before the app index and listings, and every method that files do not answer. Of several
//! rules that of the longest prefix counts. Our own paths are never passed on.

mod fault;
mod headers;
mod rewrite;
mod tunnel;

use super::answer::{Answer, By, Payload};
use super::failure;
use crate::config::{Config, ProxyRule};
use crate::ids;
use crate::message;
use crate::origins::Allowed;
use crate::paths::UrlPath;
use axum::body::{Body, HttpBody as _};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
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

use fault::Fault;
use rewrite::Rewrite;

pub(super) use headers::asks_for_html;
pub(super) use tunnel::is_upgrade;

/// How long a backend may take to accept a connection. Then the answer is 504. How long it takes to
/// answer is its own affair: there are long polls. Default 5 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next request. Less than the 5 s after which Node and uvicorn
/// close theirs: a request must not meet a connection that is being closed. Default 4 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Idle connections that are kept for one backend; further ones are closed. Default 32.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// The backends, and how they are asked.
pub(super) struct Proxy {
    /// Longest prefix first.
    rules: Vec<ProxyRule>,
    /// Keeps connections for what may be asked twice.
    pool: Client<HttpConnector, Body>,
    /// Makes a connection for each request: a kept one may be closed just as something is asked.
    fresh: Client<HttpConnector, Body>,
    /// Whose pages may open a tunnel.
    allowed: Allowed,
    /// What our URL paths begin with.
    base: String,
    /// What the pages are served by.
    scheme: &'static str,
    /// Our name in `Via`, which no other daemon has.
    name: String,
    /// Backends that were not there when they were last asked; no more than there are rules.
    away: Mutex<HashSet<String>>,
    /// Tunnels, so that a stop can wait for them.
    connections: TaskTracker,
    /// Ends tunnels, and bodies that would never end by themselves.
    stop: CancellationToken,
}

impl Proxy {
    /// Tunnels are tracked as `connections`, and end with `stop`.
    pub(super) fn new(config: &Config, connections: TaskTracker, stop: CancellationToken) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build(connector.clone());
        let fresh = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        let mut rules = config.proxies.clone();
        rules.sort_by_key(|rule| Reverse(rule.prefix.as_str().len()));
        Self {
            rules,
            pool,
            fresh,
            allowed: config.allowed.clone(),
            base: config.base_path.as_str().to_owned(),
            scheme: if config.allowed.https {
                "https"
            } else {
                "http"
            },
            name: format!("pagewire-{}", ids::random()),
            away: Mutex::default(),
            connections,
            stop,
        }
    }

    /// Whether anything is passed on at all.
    pub(super) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The rule for a path; none for our own.
    pub(super) fn rule(&self, path: &UrlPath) -> Option<&ProxyRule> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.prefix.strip(path.as_str()).is_some())?;
        (!message::is_own_path(path.as_str())).then_some(rule)
    }

    /// What the backend answers, or why there is no answer. If what it says is to be changed it is asked
    /// for all of it: `wants_whole`.
    pub(super) async fn ask(
        &self,
        rule: &ProxyRule,
        request: &Parts,
        path: &UrlPath,
        body: Body,
        wants_whole: bool,
    ) -> Answer {
        let asked = self.response(rule, request, path, body, wants_whole).await;
        self.report(rule, path, asked.as_ref().err());
        asked.unwrap_or_else(|fault| failure::refused(request, fault.status(), &fault.to_string()))
    }

    /// Logs what went wrong. A backend that is away is reported once: pages ask until it is back.
    fn report(&self, rule: &ProxyRule, path: &UrlPath, fault: Option<&Fault>) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            None => {
                if away.remove(&rule.authority) {
                    tracing::info!(target: "pagewire::pages", %rule, "the backend answers again");
                }
            }
            Some(fault @ (Fault::Unreachable { .. } | Fault::TooSlow(_))) => {
                if away.insert(rule.authority.clone()) {
                    tracing::warn!(target: "pagewire::pages", %path, "{fault}");
                }
            }
            Some(fault) => tracing::warn!(target: "pagewire::pages", %path, "{fault}"),
        }
    }

    async fn response(
        &self,
        rule: &ProxyRule,
        request: &Parts,
        path: &UrlPath,
        body: Body,
        wants_whole: bool,
    ) -> Result<Answer, Fault> {
        if self.has_been_here(&request.headers) {
            return Err(Fault::Loop(rule.to_string()));
        }
        let protocol = tunnel::protocol(&request.headers);
        if protocol.is_some() {
            let origins = request.headers.get_all(header::ORIGIN).iter();
            let origins = origins.map(HeaderValue::as_bytes);
            let host = headers::host(request).as_bytes();
            self.allowed.check_origin(origins, host)?;
        }
        let mut asked = Request::new(body);
        *asked.method_mut() = request.method.clone();
        *asked.uri_mut() = target(rule, request, path)?;
        *asked.headers_mut() = self.request_headers(rule, request, wants_whole);
        if let Some(protocol) = protocol {
            tunnel::upgrade(asked.headers_mut(), protocol);
        }
        let sent = self.send(asked).await;
        let mut response = sent.map_err(|error| Fault::of(&error, rule))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let opened = protocol.is_some()
                && tunnel::open(request, &mut response, &self.connections, &self.stop);
            if !opened {
                return Err(Fault::Protocol(rule.clone()));
            }
        }
        Ok(self.answer(rule, request, response))
    }

    /// Asks once more when a kept connection was closed instead of an answer, where asking has no effect
    /// (RFC 9110, section 9.2.2).
    async fn send(&self, asked: Request<Body>) -> Result<Response<Incoming>, legacy::Error> {
        let may_repeat = asked.method().is_safe()
            && asked.body().is_end_stream()
            && !asked.headers().contains_key(header::UPGRADE);
        if !may_repeat {
            return self.fresh.request(asked).await;
        }
        let (parts, _) = asked.into_parts();
        let again = Request::from_parts(parts.clone(), Body::empty());
        let first = Request::from_parts(parts, Body::empty());
        match self.pool.request(first).await {
            Err(error) if fault::is_cut(&error) => self.fresh.request(again).await,
            sent => sent,
        }
    }

    /// A backend's response, with its addresses as ours.
    fn answer(&self, rule: &ProxyRule, request: &Parts, response: Response<Incoming>) -> Answer {
        let (mut response, body) = response.into_parts();
        let protocol = response.headers.get(header::UPGRADE).cloned();
        headers::keep_end_to_end(&mut response.headers);
        if response.status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(protocol) = protocol
        {
            tunnel::upgrade(&mut response.headers, &protocol);
        }
        Rewrite {
            rules: &self.rules,
            rule,
            base: &self.base,
            scheme: self.scheme,
            host: headers::host(request),
        }
        .headers(&mut response.headers);
        let mut answer = Answer {
            status: response.status,
            headers: response.headers.into(),
            body: Payload::Stream(Body::empty()),
            tag: None,
            file: None,
            source: None,
            verbatim: false,
            by: By::Proxy(rule.authority.clone()),
        };
        let mut body = Body::new(body);
        if answer.is_event_stream() {
            // It would hold up a stop for as long as stops wait; pages ask again by themselves.
            let stop = self.stop.clone().cancelled_owned();
            body = Body::from_stream(body.into_data_stream().take_until(stop));
        }
        answer.body = Payload::Stream(body);
        answer
    }

    fn has_been_here(&self, request: &HeaderMap) -> bool {
        let members = request.get_all(header::VIA).iter();
        let mut members = members
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        members.any(|member| member.split_ascii_whitespace().nth(1) == Some(&self.name))
    }
}

/// The backend's URL for a request: what follows the prefix as it was written. A path whose dot
/// segments or prefix only show once it is decoded (no browser sends one) is passed on resolved:
/// the backend must not find another path in it than we did.
fn target(rule: &ProxyRule, request: &Parts, path: &UrlPath) -> Result<Uri, Fault> {
    let raw = request.uri.path();
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    let has_dot_segments = decoded.split('/').any(|name| matches!(name, "." | ".."));
    let prefix = rule.prefix.as_str();
    let resolved = path.url();
    let rest = Some(raw)
        .filter(|_| !has_dot_segments)
        .and_then(|raw| rewrite::below(raw, prefix))
        .or_else(|| rewrite::below(&resolved, prefix))
        .unwrap_or_default();
    let mut target = format!("{}{rest}", rule.base);
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = request.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let uri = Uri::builder().scheme("http").authority(&*rule.authority);
    let uri = uri.path_and_query(&*target).build();
    uri.map_err(|source| Fault::Target {
        url: format!("http://{}{target}", rule.authority),
        source,
    })
}
