//! The browser edge: serves the socket client and runs the WebSockets of pages.

mod closing;
mod connection;
mod daemon_urls;
mod frame_writer;
mod incoming;
mod read_ahead;
mod scripts;
mod upgrade;

use crate::hub::Hub;
use crate::message::{
    BACKEND_PATH, CHANGES_PATH, CLIENT_PATH, CODE_PATH, OVERLAY_PATH, RECORDER_PATH, RELOAD_PATH,
    SOCKET_PATH, WDS_CLIENT_PATH, WDS_SOCKET_PATH,
};
use crate::origins::AllowedHosts;
use crate::paths::Prefix;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
pub(crate) use scripts::CorsAllowed;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// State shared by the handlers of this edge.
pub(crate) struct Browser {
    pub hub: Arc<Hub>,
    /// Origins whose pages may open a socket.
    pub allowed: AllowedHosts,
    /// Base path of the daemon's URLs.
    pub base: Prefix,
    /// Tolerates unanswered pings: a page may be stopped at a breakpoint.
    pub debug: bool,
    /// Tracks connections, so that shutdown can wait for them.
    pub connections: TaskTracker,
}

/// Returns the routes of scripts and sockets, including the paths of `@web/dev-server` as aliases.
pub(crate) fn routes(browser: Arc<Browser>) -> Router {
    let scripts = Router::new()
        .route(CLIENT_PATH, get(scripts::client))
        .route(WDS_CLIENT_PATH, get(scripts::client))
        .route(RECORDER_PATH, get(scripts::recorder))
        .route(CHANGES_PATH, get(scripts::changes))
        .route(BACKEND_PATH, get(scripts::backend))
        .route(OVERLAY_PATH, get(scripts::overlay))
        .route(RELOAD_PATH, get(scripts::may_reload))
        .route(&format!("{CODE_PATH}{{name}}"), get(scripts::code))
        .layer(from_fn_with_state(
            browser.clone(),
            scripts::add_cors_headers,
        ));
    Router::new()
        .route(SOCKET_PATH, get(upgrade::upgrade))
        .route(WDS_SOCKET_PATH, get(upgrade::upgrade))
        .merge(scripts)
        .with_state(browser)
}
