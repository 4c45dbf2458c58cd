//! The browser edge: the socket client and the web sockets of pages.

mod connection;
mod incoming;
mod read_ahead;
mod upgrade;

use crate::hub::Hub;
use crate::message::{
    CHANGES_PATH, CLIENT_PATH, CODE_PATH, RECORDER_PATH, SOCKET_PATH, WDS_CLIENT_PATH,
    WDS_SOCKET_PATH,
};
use crate::origins::AllowedHosts;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::{Arc, LazyLock};
use tokio_util::task::TaskTracker;
use xxhash_rust::xxh3::xxh3_128;

/// The script, as it is served.
const CLIENT: &str = include_str!("client.js");

/// The script that sees console lines and errors, in pages that are to report them.
const RECORDER: &str = include_str!("recorder.js");

/// The script that acts on changes of files.
const CHANGES: &str = include_str!("changes.js");

const JAVASCRIPT: [(header::HeaderName, &str); 1] =
    [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];

static CLIENT_TAG: LazyLock<String> = LazyLock::new(|| tag(CLIENT));
static RECORDER_TAG: LazyLock<String> = LazyLock::new(|| tag(RECORDER));
static CHANGES_TAG: LazyLock<String> = LazyLock::new(|| tag(CHANGES));

fn tag(script: &str) -> String {
    format!("\"{:x}\"", xxh3_128(script.as_bytes()))
}

/// A mark on responses that pages of other origins may load: those that may connect, too.
#[derive(Clone)]
pub(crate) struct CorsAllowed;

/// What the sockets need.
pub(crate) struct Browser {
    /// Where they register.
    pub hub: Arc<Hub>,
    /// Which origins may open one.
    pub allowed: AllowedHosts,
    /// Unanswered pings close nothing: somebody sits at a breakpoint.
    pub debug: bool,
    /// Every connection, so that a stop can wait for them.
    pub connections: TaskTracker,
}

/// Our own paths, and the ancestor's as aliases.
pub(crate) fn routes(browser: Arc<Browser>) -> Router {
    let scripts = Router::new()
        .route(CLIENT_PATH, get(client))
        .route(WDS_CLIENT_PATH, get(client))
        .route(RECORDER_PATH, get(recorder))
        .route(CHANGES_PATH, get(changes))
        .route(&format!("{CODE_PATH}{{name}}"), get(code))
        .layer(from_fn_with_state(browser.clone(), share));
    Router::new()
        .route(SOCKET_PATH, get(upgrade::upgrade))
        .route(WDS_SOCKET_PATH, get(upgrade::upgrade))
        .merge(scripts)
        .with_state(browser)
}

/// A page that somebody else serves may load our scripts if its origin may connect (the Fetch
/// standard, section 3.3: CORS). Our files stay ours.
async fn share(State(browser): State<Arc<Browser>>, request: Request, next: Next) -> Response {
    let origins: Vec<_> = request.headers().get_all(header::ORIGIN).iter().collect();
    let listed = match origins[..] {
        [origin] if browser.allowed.allows_origin(origin.as_bytes()) => Some(origin.clone()),
        _ => None,
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = listed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.extensions_mut().insert(CorsAllowed);
    }
    response
}

async fn client(request: HeaderMap) -> Response {
    script(&request, CLIENT, &CLIENT_TAG)
}

async fn recorder(request: HeaderMap) -> Response {
    script(&request, RECORDER, &RECORDER_TAG)
}

async fn changes(request: HeaderMap) -> Response {
    script(&request, CHANGES, &CHANGES_TAG)
}

/// A script of ours, or 304 when the page has it.
fn script(request: &HeaderMap, source: &'static str, tag: &'static str) -> Response {
    let known = request
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.to_str().is_ok_and(|tags| tags.contains(tag)));
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache")];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, JAVASCRIPT, source).into_response()
}

/// Code that a program has pages import. Gone with its import, so never remembered.
async fn code(State(browser): State<Arc<Browser>>, Path(name): Path<String>) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let Some(source) = browser.hub.code(&name) else {
        let text = "this code was imported once, or never: it is served no more\n";
        return (StatusCode::NOT_FOUND, no_store, text).into_response();
    };
    (no_store, JAVASCRIPT, source).into_response()
}
