//! The entry point of every request to the page port: it is admitted or refused, then dispatched to
//! the daemon's own paths or to the pages.

use super::embedding::{self, Embedding, EmbeddingLog};
use super::{admit, base_path};
use crate::browser::CorsAllowed;
use crate::message;
use crate::origins::AllowedHosts;
use crate::pages::{self, PageService};
use crate::paths::Prefix;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// Admission rules, and the handler of the requests that pass them.
#[derive(Clone)]
pub(super) struct Frontend {
    pub(super) allowed: Arc<AllowedHosts>,
    pub(super) embeddings: Arc<EmbeddingLog>,
    pub(super) handler: Handler,
}

/// Handler of admitted requests.
#[derive(Clone)]
pub(super) enum Handler {
    /// The site. Only the daemon's own paths have a router: it costs a dozen allocations a request.
    Site {
        base: Prefix,
        reserved: Router,
        pages: Arc<PageService>,
    },
    /// One response for all requests, such as a redirect or a refusal.
    Fixed(fn(&Request) -> Response),
}

impl Frontend {
    /// Returns a frontend with the same admission rules and another handler.
    pub(super) fn with_handler(&self, handler: Handler) -> Self {
        Self {
            allowed: self.allowed.clone(),
            embeddings: self.embeddings.clone(),
            handler,
        }
    }

    pub(super) async fn respond(
        &self,
        request: axum::http::Request<Incoming>,
        peer: SocketAddr,
        has_fragment: bool,
    ) -> Response {
        let mut request = request.map(Body::new);
        let refusal = admit::refusal(&self.allowed, &mut request, has_fragment);
        let mut response = match refusal {
            Some((status, text)) => {
                tracing::debug!(target: "pagewire::server", %text, "request refused");
                let no_store = [(header::CACHE_CONTROL, "no-store")];
                (status, no_store, format!("{text}\n")).into_response()
            }
            None => self.handle(request, peer).await,
        };
        let is_shared = response.extensions_mut().remove::<CorsAllowed>().is_some();
        embedding::set_policy(response.headers_mut(), is_shared || self.allowed.embedding);
        response
    }

    async fn handle(&self, mut request: Request, peer: SocketAddr) -> Response {
        match &self.handler {
            Handler::Site {
                base,
                reserved,
                pages,
            } => {
                if let Some(redirect) = base_path::strip(base, &mut request) {
                    return redirect;
                }
                if !self.allowed.embedding
                    && let Some(embedding) = Embedding::announced(request.headers())
                {
                    self.embeddings.refused(request.uri().path());
                    if embedding == Embedding::Script {
                        return script_refused();
                    }
                }
                let is_reserved = message::is_reserved_path(request.uri().path());
                if is_reserved {
                    request.extensions_mut().insert(ConnectInfo(peer));
                    let Ok(response) = Box::pin(reserved.clone().oneshot(request)).await;
                    return response;
                }
                pages::respond(pages, request, peer).await
            }
            Handler::Fixed(response) => response(&request),
        }
    }
}

fn script_refused() -> Response {
    let text = "documents of other origins may not load scripts from this server (start pagewire with --allow-embedding to let sandboxed frames and other sites do so)\n";
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (StatusCode::FORBIDDEN, no_store, text).into_response()
}

/// Returns 404 for unknown paths under `/__pagewire__/`.
pub(super) async fn reserved_not_found() -> impl IntoResponse {
    let text = "pagewire serves nothing at this reserved path\n";
    (
        StatusCode::NOT_FOUND,
        [(header::CACHE_CONTROL, "no-store")],
        text,
    )
}
