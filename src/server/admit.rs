//! Admission checks of every request to the page port, before it is dispatched.

use crate::origins::{AllowedHosts, Refusal};
use axum::extract::Request;
use axum::http::header::HeaderValue;
use axum::http::{StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};

/// Longest request target (path and query). A longer one is answered with 414. Default 16 KiB.
const MAX_TARGET_BYTES: usize = 16 * 1024;

/// Returns the redirect to https for plain HTTP on a TLS port. It must not be cached: the next daemon on
/// this port may run without TLS.
pub(super) fn redirect_to_https(request: &Request) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = format!("https://{host}{}", request.uri());
    let headers = [
        (header::LOCATION, url.as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let text = format!("this port serves https: {url}\n");
    (StatusCode::PERMANENT_REDIRECT, headers, text).into_response()
}

/// Returns the status and reason of a refusal, or none for an admitted request. Normalizes the host of
/// HTTP/2 requests.
pub(super) fn refusal(
    allowed: &AllowedHosts,
    request: &mut Request,
    has_fragment: bool,
) -> Option<(StatusCode, String)> {
    normalize_host(request).or_else(|| check(allowed, request, has_fragment))
}

/// Moves the `:authority` of HTTP/2 to the `Host` header of HTTP/1.1 (RFC 9113, section 8.3.1), so that
/// later stages see one form of request. Refuses a request whose `:authority` and `Host` differ.
fn normalize_host(request: &mut Request) -> Option<(StatusCode, String)> {
    if request.version() != Version::HTTP_2 {
        return None;
    }
    let uri = request.uri().clone();
    let (Some(authority), Some(target)) = (uri.authority(), uri.path_and_query()) else {
        return None;
    };
    let host = HeaderValue::from_str(authority.as_str()).ok()?;
    let others = request.headers().get_all(header::HOST);
    if others
        .iter()
        .any(|other| !other.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
    {
        let text = "the request must not name two hosts (:authority and Host)";
        return Some((StatusCode::BAD_REQUEST, text.to_owned()));
    }
    request.headers_mut().insert(header::HOST, host);
    *request.uri_mut() = Uri::from(target.clone());
    None
}

fn check(
    allowed: &AllowedHosts,
    request: &Request,
    has_fragment: bool,
) -> Option<(StatusCode, String)> {
    let uri = request.uri();
    if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
        let text = "the request target must be a path: this is not a proxy";
        return Some((StatusCode::BAD_REQUEST, text.to_owned()));
    }
    if uri
        .path_and_query()
        .is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES)
    {
        let text = format!("the request target must not be longer than {MAX_TARGET_BYTES} bytes");
        return Some((StatusCode::URI_TOO_LONG, text));
    }
    if has_fragment {
        let text = "the request target must have no fragment (encode # as %23)";
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
    None
}
