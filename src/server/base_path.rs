//! The base path: what is below it is served as if there were none. Behind a reverse proxy that
//! takes it off, requests come without it and are served all the same.

use crate::paths::Prefix;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

/// Takes the base path off the requests to a router.
pub(super) fn strip(router: Router, base: Prefix) -> Router {
    if base.as_str().is_empty() {
        return router;
    }
    // A router looks at the path before its own layers do, so the router is put behind another.
    Router::new()
        .fallback_service(router)
        .layer(from_fn_with_state(base, below))
}

async fn below(State(base): State<Prefix>, mut request: Request, next: Next) -> Response {
    let uri = request.uri();
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    if uri.path() == base.as_str() {
        // Relative URLs of the page need the slash.
        let location = format!("{base}/{query}", base = base.as_str());
        return (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    }
    if let Some(rest) = base.strip(uri.path())
        && let Ok(below) = format!("{rest}{query}").parse::<Uri>()
    {
        *request.uri_mut() = below;
    }
    next.run(request).await
}
