//! The base path: a prefix that is removed from request paths. Requests without it are served too,
//! because a reverse proxy in front may already have removed it.

use crate::paths::Prefix;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// Removes the base path from a request. Returns a redirect for the base path without its slash.
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
        // Relative URLs of the page resolve correctly only with the slash.
        let location = format!("{base}/{query}", base = base.as_str());
        return Some((StatusCode::FOUND, [(header::LOCATION, location)]).into_response());
    }
    let below = base.strip(uri.path())?;
    if let Ok(below) = format!("{below}{query}").parse::<Uri>() {
        *request.uri_mut() = below;
    }
    None
}
