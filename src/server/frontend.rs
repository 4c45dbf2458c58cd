//! The entry point of every request to the page port: it is admitted or refused, then dispatched to
//! the daemon's own paths or to the pages.

use super::{admit, base_path};
use crate::browser::CorsAllowed;
use crate::message;
use crate::origins::AllowedHosts;
use crate::pages::{self, PageService};
use crate::paths::Prefix;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Admission rules, and the handler of the requests that pass them.
#[derive(Clone)]
pub(super) struct Frontend {
    pub(super) allowed: Arc<AllowedHosts>,
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
        // Other sites may embed only responses that are marked for them.
        let shared = response.extensions_mut().remove::<CorsAllowed>();
        let policy = shared.map_or("same-origin", |CorsAllowed| "cross-origin");
        response
            .headers_mut()
            .insert(RESOURCE_POLICY, HeaderValue::from_static(policy));
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
                let is_reserved = message::is_reserved_path(request.uri().path());
                // An extension costs allocations: add it only for handlers that read it.
                if is_reserved || pages.has_backends() {
                    request.extensions_mut().insert(ConnectInfo(peer));
                }
                if is_reserved {
                    let Ok(response) = Box::pin(reserved.clone().oneshot(request)).await;
                    return response;
                }
                pages::respond(pages, request).await
            }
            Handler::Fixed(response) => response(&request),
        }
    }
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
