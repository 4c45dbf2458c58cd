//! What every request to the page port must pass, whatever it asks for.

use crate::origins::{AllowedHosts, Refusal};
use axum::extract::Request;
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};

/// Longest path and query. A longer one is answered with 414. Default 16 KiB.
const MAX_TARGET_BYTES: usize = 16 * 1024;

/// What browsers say of a request (W3C Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What plain HTTP gets where TLS is spoken. Browsers may not remember it: the next daemon on this
/// port may be without TLS.
pub(super) fn redirect_to_https(request: &Request) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = format!("https://{host}{}", request.uri());
    let headers = [
        (header::LOCATION, url.as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let text = format!("this port speaks https: {url}\n");
    (StatusCode::PERMANENT_REDIRECT, headers, text).into_response()
}

/// Why a request is not answered; none = it is.
pub(super) fn refusal(
    allowed: &AllowedHosts,
    request: &mut Request,
    has_fragment: bool,
) -> Option<(StatusCode, String)> {
    name_host(request).or_else(|| refused(allowed, request, has_fragment))
}

/// Puts the name that HTTP/2 has in `:authority` where HTTP/1.1 has it (RFC 9113, section 8.3.1):
/// from here on a request has one form. Refused if it names two.
fn name_host(request: &mut Request) -> Option<(StatusCode, String)> {
    if request.version() != Version::HTTP_2 {
        return None;
    }
    let uri = request.uri().clone();
    let (Some(authority), Some(target)) = (uri.authority(), uri.path_and_query()) else {
        return None;
    };
    let name = HeaderValue::from_str(authority.as_str()).ok()?;
    let hosts = request.headers().get_all(header::HOST);
    if hosts
        .iter()
        .any(|host| !host.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
    {
        let text = "the request must not name two hosts (:authority and Host)";
        return Some((StatusCode::BAD_REQUEST, text.to_owned()));
    }
    request.headers_mut().insert(header::HOST, name);
    *request.uri_mut() = Uri::from(target.clone());
    None
}

fn refused(
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
    let says = |name: &HeaderName, value: &str| {
        let said = request.headers().get(name);
        said.is_some_and(|said| said.as_bytes() == value.as_bytes())
    };
    if says(&FETCH_SITE, "cross-site")
        && says(&FETCH_MODE, "no-cors")
        && says(&FETCH_DEST, "script")
    {
        let text = "a page of another site may not load scripts from here";
        return Some((StatusCode::FORBIDDEN, text.to_owned()));
    }
    None
}
