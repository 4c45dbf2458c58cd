//! The page edge: HTTP requests in, responses out. It cannot fail: every outcome is a response.

mod answer;
mod failure;
mod files;
mod inject;
mod mime;
mod pipeline;
mod reply;
mod serve;

use crate::hub::Hub;
use crate::paths::Root;
use crate::plugins::Plugins;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

use inject::Scripts;

/// What the pipeline needs.
pub struct Pages {
    /// What is served.
    pub root: Root,
    /// Who wants to hear of pages.
    pub hub: Arc<Hub>,
    /// Who may answer.
    pub plugins: Arc<Plugins>,
}

impl Pages {
    fn scripts(&self) -> Scripts {
        let client = self.plugins.inject_client();
        Scripts {
            client,
            recorder: client && self.hub.watch().any(),
        }
    }
}

/// Answers every path that is not the daemon's own.
pub async fn handle(State(pages): State<Arc<Pages>>, request: Request) -> Response {
    pipeline::respond(&pages, request).await
}
