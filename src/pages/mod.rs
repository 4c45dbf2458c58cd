//! The page edge: HTTP requests in, responses out. It cannot fail: every outcome is a response.

mod answer;
mod failure;
mod files;
mod inject;
mod mime;
mod pipeline;
mod reply;
mod serve;

use crate::config::Inject;
use crate::paths::Root;
use crate::plugins::Plugins;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

pub use inject::CLIENT_PATH;

/// What the pipeline needs.
pub struct Pages {
    /// What is served.
    pub root: Root,
    /// Who may answer.
    pub plugins: Arc<Plugins>,
    /// When the socket client is put into pages.
    pub inject: Inject,
}

impl Pages {
    fn injects(&self) -> bool {
        match self.inject {
            Inject::Always => true,
            Inject::Never => false,
            Inject::Asked => self.plugins.ask_for_injection(),
        }
    }
}

/// Answers every path that is not the daemon's own.
pub async fn handle(State(pages): State<Arc<Pages>>, request: Request) -> Response {
    pipeline::respond(&pages, request).await
}
