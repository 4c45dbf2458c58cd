//! The base path: what is below it is served as if there were none. Behind a reverse proxy that
//! takes it off, requests come without it and are served all the same.

use crate::paths::Prefix;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// Takes the base path off a request, or says where else to ask.
pub(super) fn strip(base: &Prefix, request: &mut Request) -> Option<Response> {
    if base.as_str().is_empty() {
        return None;
    }
    let uri = request.uri();
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    if uri.path() == base.as_str() {
        // Relative URLs of the page need the slash.
        let location = format!("{base}/{query}", base = base.as_str());
        return Some((StatusCode::FOUND, [(header::LOCATION, location)]).into_response());
    }
    let below = base.strip(uri.path())?;
    if let Ok(below) = format!("{below}{query}").parse::<Uri>() {
        *request.uri_mut() = below;
    }
    None
}
