//! What every request to the page port must pass, whatever it asks for.

use crate::origins::{Allowed, Refusal};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// A mark on requests whose target had a fragment.
#[derive(Clone)]
pub(super) struct HasFragment;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) fn guard(router: Router, allowed: Allowed) -> Router {
    router.layer(from_fn_with_state(Arc::new(allowed), admit))
}

async fn admit(State(allowed): State<Arc<Allowed>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&allowed, &request) {
        Some((status, text)) => {
            tracing::debug!(target: "pagewire::server", %text, "request refused");
            (
                status,
                [(header::CACHE_CONTROL, "no-store")],
                format!("{text}\n"),
            )
                .into_response()
        }
        None => next.run(request).await,
    };
    // No other site may load what we serve, as a script or otherwise.
    response
        .headers_mut()
        .insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn refusal(allowed: &Allowed, request: &Request) -> Option<(StatusCode, String)> {
    let uri = request.uri();
    if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
        let text = "the request target must be a path: this is not a proxy";
        return Some((StatusCode::BAD_REQUEST, text.to_owned()));
    }
    if request.extensions().get::<HasFragment>().is_some() {
        let text = "the request target must have no fragment (a # is written %23)";
        return Some((StatusCode::BAD_REQUEST, text.to_owned()));
    }
    let hosts = request.headers().get_all(header::HOST);
    if let Err(refusal) = allowed.check_host(hosts.iter().map(HeaderValue::as_bytes)) {
        let status = match refusal {
            Refusal::MalformedHost => StatusCode::BAD_REQUEST,
            Refusal::Host(_) | Refusal::Origin(_) | Refusal::NoOrigin => StatusCode::FORBIDDEN,
        };
        return Some((status, refusal.to_string()));
    }
    // A classic script of another site: browsers say so, whatever the response's policy.
    let says = |name: &str, value: &str| fetch_metadata(request.headers(), name) == value;
    if says("sec-fetch-site", "cross-site")
        && says("sec-fetch-mode", "no-cors")
        && says("sec-fetch-dest", "script")
    {
        let text = "a page of another site may not load scripts from here";
        return Some((StatusCode::FORBIDDEN, text.to_owned()));
    }
    None
}

fn fetch_metadata<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
