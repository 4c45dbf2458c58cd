//! What every request to the page port comes to first: it is admitted or refused, and then goes to our
//! own paths or to the pages.

use super::{admit, base_path};
use crate::browser::Shared;
use crate::message;
use crate::origins::Allowed;
use crate::pages::{self, Pages};
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

/// Who answers what is admitted.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) allowed: Arc<Allowed>,
    pub(super) answers: Answers,
}

/// What an admitted request gets.
#[derive(Clone)]
pub(super) enum Answers {
    /// What it asks for. Behind a router every request costs a dozen allocations, so only our own
    /// paths have one.
    Site {
        base: Prefix,
        ours: Router,
        pages: Arc<Pages>,
    },
    /// The same, by https.
    ToHttps,
    /// Nothing: too many connections are open.
    NoRoom,
}

impl Front {
    /// The same door, and something else behind it.
    pub(super) fn but(&self, answers: Answers) -> Self {
        Self {
            allowed: self.allowed.clone(),
            answers,
        }
    }

    pub(super) async fn answer(
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
            None => self.admitted(request, peer).await,
        };
        // No other site may load what we serve, as a script or otherwise, but for what was made for it.
        let shared = response.extensions_mut().remove::<Shared>();
        let policy = shared.map_or("same-origin", |Shared| "cross-origin");
        response
            .headers_mut()
            .insert(RESOURCE_POLICY, HeaderValue::from_static(policy));
        response
    }

    async fn admitted(&self, mut request: Request, peer: SocketAddr) -> Response {
        match &self.answers {
            Answers::Site { base, ours, pages } => {
                if let Some(redirect) = base_path::strip(base, &mut request) {
                    return redirect;
                }
                let is_ours = message::is_own_path(request.uri().path());
                // Where nobody would look, it is not said: that costs allocations, too.
                if is_ours || pages.has_backends() {
                    request.extensions_mut().insert(ConnectInfo(peer));
                }
                if is_ours {
                    let Ok(response) = Box::pin(ours.clone().oneshot(request)).await;
                    return response;
                }
                pages::respond(pages, request).await
            }
            Answers::ToHttps => admit::to_https(&request),
            Answers::NoRoom => super::http::no_room(),
        }
    }
}

/// What our own folder has no more, or never had.
pub(super) async fn not_ours() -> impl IntoResponse {
    let text = "pagewire has nothing at this path of its own\n";
    (
        StatusCode::NOT_FOUND,
        [(header::CACHE_CONTROL, "no-store")],
        text,
    )
}
