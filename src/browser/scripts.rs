//! Serves the scripts of pages: the socket client, its companions, and code that plugins have pages
//! import.

use super::Browser;
use crate::message::CODE_PATH;
use crate::message::DEFERRED_QUERY;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, LazyLock};
use xxhash_rust::xxh3::xxh3_128;

/// Socket client, injected into pages.
const CLIENT: &str = include_str!("client.js");

/// Loads the socket client once a page is parsed.
const DEFERRED: &str = include_str!("deferred.js");

/// Records console lines and errors, in pages that report them.
const RECORDER: &str = include_str!("recorder.js");

/// Acts on changed files.
const CHANGES: &str = include_str!("changes.js");

/// Waits for a backend that has to notice changed files.
const BACKEND: &str = include_str!("backend.js");

/// Shows failures of plugins.
const OVERLAY: &str = include_str!("overlay.js");

const JAVASCRIPT: [(header::HeaderName, &str); 1] =
    [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];

static CLIENT_TAG: LazyLock<String> = LazyLock::new(|| entity_tag(CLIENT));
static DEFERRED_TAG: LazyLock<String> = LazyLock::new(|| entity_tag(DEFERRED));
static RECORDER_TAG: LazyLock<String> = LazyLock::new(|| entity_tag(RECORDER));
static CHANGES_TAG: LazyLock<String> = LazyLock::new(|| entity_tag(CHANGES));
static BACKEND_TAG: LazyLock<String> = LazyLock::new(|| entity_tag(BACKEND));
static OVERLAY_TAG: LazyLock<String> = LazyLock::new(|| entity_tag(OVERLAY));

/// Response extension: marks a response that pages of other origins may load.
#[derive(Clone)]
pub(crate) struct CorsAllowed;

fn entity_tag(script: &str) -> String {
    format!("\"{:x}\"", xxh3_128(script.as_bytes()))
}

/// Adds CORS headers (Fetch standard, section 3.3): a page of another origin may load these scripts if its
/// origin is allowed to open a socket. A document without an origin, such as a sandboxed frame of our own page,
/// may load the daemon's own scripts: without a socket they do nothing, and an error in its console would
/// only puzzle. Files of the root stay same-origin.
pub(super) async fn add_cors_headers(
    State(browser): State<Arc<Browser>>,
    request: Request,
    next: Next,
) -> Response {
    let is_code = request.uri().path().starts_with(CODE_PATH);
    let origins: Vec<_> = request.headers().get_all(header::ORIGIN).iter().collect();
    let allowed = match origins[..] {
        [origin] if browser.allowed.allows_origin(origin.as_bytes()) => Some(origin.clone()),
        [origin] if origin == "null" && !is_code => Some(origin.clone()),
        _ => None,
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.extensions_mut().insert(CorsAllowed);
    }
    response
}

pub(super) async fn client(RawQuery(query): RawQuery, request: HeaderMap) -> Response {
    match query.as_deref() {
        Some(DEFERRED_QUERY) => script(&request, DEFERRED, &DEFERRED_TAG),
        _ => script(&request, CLIENT, &CLIENT_TAG),
    }
}

pub(super) async fn recorder(request: HeaderMap) -> Response {
    script(&request, RECORDER, &RECORDER_TAG)
}

pub(super) async fn changes(request: HeaderMap) -> Response {
    script(&request, CHANGES, &CHANGES_TAG)
}

pub(super) async fn backend(request: HeaderMap) -> Response {
    script(&request, BACKEND, &BACKEND_TAG)
}

pub(super) async fn overlay(request: HeaderMap) -> Response {
    script(&request, OVERLAY, &OVERLAY_TAG)
}

/// Answers once no request is pending that a reload would disturb.
pub(super) async fn may_reload(State(browser): State<Arc<Browser>>) -> impl IntoResponse {
    browser.hub.page_may_reload().await;
    (
        StatusCode::NO_CONTENT,
        [(header::CACHE_CONTROL, "no-store")],
    )
}

/// Returns the script, or 304 when the page has it cached.
fn script(request: &HeaderMap, source: &'static str, tag: &'static str) -> Response {
    let is_cached = request
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.to_str().is_ok_and(|tags| tags.contains(tag)));
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache")];
    if is_cached {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, JAVASCRIPT, source).into_response()
}

/// Returns code that a plugin has pages import. It exists only while the import runs, so it is not cached.
pub(super) async fn code(
    State(browser): State<Arc<Browser>>,
    Path(name): Path<String>,
) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let Some(source) = browser.hub.code(&name) else {
        let text = "this code is no longer available: it is served only while pages import it\n";
        return (StatusCode::NOT_FOUND, no_store, text).into_response();
    };
    (no_store, JAVASCRIPT, source).into_response()
}
