//! The browser edge: the socket client and the web sockets of pages.

mod connection;
mod incoming;
mod upgrade;

use crate::hub::Hub;
use crate::origins::Allowed;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::{Arc, LazyLock};
use tokio_util::task::TaskTracker;
use xxhash_rust::xxh3::xxh3_128;

pub use connection::{CLOSE_GRACE, MAX_PAGE_FRAME_BYTES, PING_INTERVAL};

/// The script, as it is served.
const CLIENT: &str = include_str!("client.js");

static CLIENT_TAG: LazyLock<String> =
    LazyLock::new(|| format!("\"{:x}\"", xxh3_128(CLIENT.as_bytes())));

/// What the sockets need.
pub struct Browser {
    /// Where they register.
    pub hub: Arc<Hub>,
    /// Which origins may open one.
    pub allowed: Allowed,
    /// Unanswered pings close nothing: somebody sits at a breakpoint.
    pub debug: bool,
    /// Every connection, so that a stop can wait for them.
    pub connections: TaskTracker,
}

/// Our own paths, and the ancestor's as aliases.
pub fn routes(browser: Arc<Browser>) -> Router {
    Router::new()
        .route("/__pagewire__/client.js", get(client))
        .route("/__web-dev-server__web-socket.js", get(client))
        .route("/__pagewire__/socket", get(upgrade::upgrade))
        .route("/wds", get(upgrade::upgrade))
        .with_state(browser)
}

async fn client(request: HeaderMap) -> Response {
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.to_str()
            .is_ok_and(|tags| tags.contains(CLIENT_TAG.as_str()))
    });
    let headers = [
        (header::ETAG, CLIENT_TAG.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let mime = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (headers, mime, CLIENT).into_response()
}
