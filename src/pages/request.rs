//! Context of a page request: what the stages know about it.

use super::PageService;
use crate::pages::fetch_metadata::{RETRY, SEC_FETCH_DEST, SEC_FETCH_MODE};
use crate::paths::UrlPath;
use crate::plugins::{Hook, HookSnapshot, HookType, RequestContext, RequestFacts, RequestKey};
use axum::http::Method;
use axum::http::header::{self, AsHeaderName, HeaderName, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Headers that proxies and tunnels add (RFC 7239; RFC 9110, section 7.6.3).
const FORWARDING: [HeaderName; 3] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
];

/// Page request on its way through the stages. Cheap to copy: nearly every field is a reference.
#[derive(Clone, Copy)]
pub(super) struct PageRequest<'a> {
    pub(super) service: &'a PageService,
    /// The HTTP request without its body.
    pub(super) parts: &'a Parts,
    pub(super) path: &'a UrlPath,
    /// Address of the other end of the connection: the browser, or a proxy in front of the daemon.
    pub(super) peer: SocketAddr,
    /// The file that answers the request, or would answer it if no plugin did. `None` if there is no
    /// such file, or nothing has looked for it yet.
    pub(super) source_file: Option<&'a Path>,
    /// The method as hooks see it.
    hook_method: &'a str,
}

impl<'a> PageRequest<'a> {
    pub(super) fn new(
        service: &'a PageService,
        parts: &'a Parts,
        path: &'a UrlPath,
        peer: SocketAddr,
    ) -> Self {
        Self {
            service,
            parts,
            path,
            peer,
            source_file: None,
            hook_method: parts.method.as_str(),
        }
    }

    /// Returns the request as hooks see it that work on an existing response: HEAD counts as GET, so
    /// that its response headers are those of the GET response.
    pub(super) fn as_get(self) -> Self {
        let hook_method = match &self.parts.method {
            &Method::HEAD => "GET",
            method => method.as_str(),
        };
        Self {
            hook_method,
            ..self
        }
    }

    pub(super) fn with_source_file(self, source_file: Option<&'a Path>) -> Self {
        Self {
            source_file,
            ..self
        }
    }

    /// Whether the browser runs on this machine: the peer does, and forwards for nobody.
    pub(super) fn is_local(&self) -> bool {
        let headers = &self.parts.headers;
        self.peer.ip().to_canonical().is_loopback()
            && !FORWARDING.iter().any(|name| headers.contains_key(name))
    }

    /// Whether the request only reads: its method is GET or HEAD.
    pub(super) fn is_read(&self) -> bool {
        self.parts.method == Method::GET || self.parts.method == Method::HEAD
    }

    pub(super) fn is_head(&self) -> bool {
        self.parts.method == Method::HEAD
    }

    /// Whether a browser will show the response as a page or in a frame. HTML for anything else stays byte
    /// for byte as it is.
    pub(super) fn is_navigation(&self) -> bool {
        let headers = &self.parts.headers;
        match headers.get(&SEC_FETCH_DEST).map(HeaderValue::as_bytes) {
            Some(b"document" | b"iframe" | b"frame") => true,
            // A service worker passes on the request of a navigation. Scripts cannot choose this mode.
            Some(b"empty") => {
                let mode = headers.get(&SEC_FETCH_MODE);
                mode.is_some_and(|mode| mode == "navigate") || self.is_retry()
            }
            Some(_) => false,
            None => self.names_html(),
        }
    }

    /// Whether a browser requests the response for this destination (Fetch standard, section 2.2.5).
    pub(super) fn is_for(&self, destination: &[u8]) -> bool {
        let stated = self.parts.headers.get(&SEC_FETCH_DEST);
        stated.is_some_and(|stated| stated.as_bytes() == destination)
    }

    /// Whether a module imports the response without an attribute: the page's module, that of a worker, or a link
    /// that preloads it. Not a classic script, which another site may include to read its data.
    pub(super) fn is_module_import(&self) -> bool {
        let headers = &self.parts.headers;
        let destination = headers.get(&SEC_FETCH_DEST).map(HeaderValue::as_bytes);
        // In a worker, static imports have its destination.
        let loads_code = matches!(
            destination,
            Some(
                b"script"
                    | b"worker"
                    | b"sharedworker"
                    | b"serviceworker"
                    | b"audioworklet"
                    | b"paintworklet"
            )
        );
        // A worker's own script is requested with `same-origin`, a classic script with `no-cors`.
        loads_code
            && headers
                .get(&SEC_FETCH_MODE)
                .is_some_and(|mode| mode == "cors")
    }

    /// Whether an error page asks for another response.
    pub(super) fn is_retry(&self) -> bool {
        self.parts.headers.contains_key(&RETRY)
    }

    /// Whether `Accept` names `text/html`: `*/*` does not.
    pub(super) fn names_html(&self) -> bool {
        let headers = &self.parts.headers;
        let first = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
        // What every browser begins with.
        if let Some([] | [b',', ..]) = first.and_then(|value| value.strip_prefix(b"text/html")) {
            return true;
        }
        let values = headers.get_all(header::ACCEPT).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|range| {
                let mut parts = range.split(';').map(str::trim);
                parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case("text/html"))
                    && !parts.any(is_zero_weight)
            })
    }

    /// Returns path and query as requested, without the base path.
    pub(super) fn target(&self) -> &'a str {
        let target = self.parts.uri.path_and_query();
        target.map_or("/", |target| target.as_str())
    }

    /// Returns the name of the source for the log: its file, or else its URL path.
    pub(super) fn file_name(&self) -> String {
        match self.source_file {
            Some(file) => file.display().to_string(),
            None => self.path.to_string(),
        }
    }

    /// Returns the text of a request header; empty if it is absent or not visible ASCII.
    pub(super) fn header(&self, name: impl AsHeaderName) -> &'a str {
        let value = self.parts.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Returns what hook filters look at. `mime` is the type of the response, if there is one yet.
    pub(super) fn facts(&self, mime: Option<&'a str>) -> RequestFacts<'a> {
        RequestFacts {
            method: self.hook_method,
            path: self.path.as_str(),
            file: self.source_file,
            mime,
        }
    }

    /// Returns the hooks whose filters match the request, whatever its response is.
    pub(super) fn matching_hooks<H: HookType>(
        &self,
        snapshot: Arc<HookSnapshot<H>>,
    ) -> MatchingHooks<H> {
        let indices = snapshot.matching(self.facts(None));
        MatchingHooks { snapshot, indices }
    }

    /// Returns the cache key of a hook's result. `input_hash` identifies the input that the hook gets
    /// in addition to the request; 0 if there is none.
    pub(super) fn key<H: HookType>(&self, hook: &Hook<H>, input_hash: u128) -> RequestKey {
        RequestKey {
            hook: hook.id(),
            method: self.hook_method.to_owned(),
            path: self.path.as_str().to_owned(),
            query: self.parts.uri.query().unwrap_or_default().to_owned(),
            headers: self
                .parts
                .headers
                .iter()
                .filter(|(name, _)| hook.forwards(name.as_str()))
                .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
            input_hash,
        }
    }

    /// Returns the description of the request that is sent to a plugin.
    pub(super) fn hook_context(&self, key: &RequestKey) -> RequestContext {
        let raw_target = self.parts.uri.path_and_query();
        RequestContext {
            method: key.method.clone(),
            path: key.path.clone(),
            query: key.query.clone(),
            headers: key.headers.clone(),
            traceparent: self
                .header(HeaderName::from_static("traceparent"))
                .to_owned(),
            raw_target: raw_target.map(ToString::to_string).unwrap_or_default(),
            host: self.header(header::HOST).to_owned(),
            file: self.source_file.map(Path::to_owned),
        }
    }
}

/// Whether a parameter of a media range excludes it (RFC 9110, section 12.4.2).
fn is_zero_weight(parameter: &str) -> bool {
    let weight = parameter
        .strip_prefix("q=")
        .or(parameter.strip_prefix("Q="));
    weight.is_some_and(|weight| weight.parse() == Ok(0.0))
}

/// Hooks of one type whose filters match a request.
pub(super) struct MatchingHooks<H: HookType> {
    snapshot: Arc<HookSnapshot<H>>,
    /// Indices into the hooks of the snapshot.
    indices: Arc<[usize]>,
}

impl<H: HookType> MatchingHooks<H> {
    pub(super) fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Iterates over the hooks in call order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Hook<H>>> {
        let hooks = self.snapshot.hooks();
        self.indices.iter().map(|index| &hooks[*index])
    }
}
