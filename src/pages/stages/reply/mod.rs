//! The reply stage: turns the response into HTTP, according to the conditions and the range of the
//! request.

mod conditions;
mod ranges;

use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, Payload, Responder};
use axum::body::Body;
use axum::http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use conditions::Verdict;
use ranges::RangeRequest;

/// Headers that describe a representation, and are omitted without one (RFC 9110, section 15.4.5).
const REPRESENTATION_HEADERS: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::LAST_MODIFIED,
];

/// Runs the stage.
pub(crate) fn stage(request: &PageRequest<'_>, mut response: PageResponse) -> Response {
    // A backend decides itself how its responses are cached.
    if !matches!(response.responder, Responder::Proxy(_)) {
        set_cache_headers(request, &mut response);
    }
    if request.is_read() && response.status == StatusCode::OK {
        match conditions::evaluate(&request.parts.headers, &response.headers) {
            Verdict::Proceed => {}
            Verdict::NotModified => {
                let mut headers = response.headers;
                remove_representation_headers(&mut headers);
                return http_response(StatusCode::NOT_MODIFIED, headers.into_map(), Body::empty());
            }
            Verdict::Failed => {
                return empty_response(
                    StatusCode::PRECONDITION_FAILED,
                    response.headers.into_map(),
                );
            }
        }
        if !apply_range(request, &mut response) {
            return empty_response(
                StatusCode::RANGE_NOT_SATISFIABLE,
                response.headers.into_map(),
            );
        }
    }
    if has_no_content(response.status) {
        if response.status != StatusCode::NOT_MODIFIED {
            response.headers.remove(header::CONTENT_LENGTH);
            response.headers.remove(header::CONTENT_ENCODING);
        }
        let headers = response.headers.into_map();
        return http_response(response.status, headers, Body::empty());
    }
    // For a body in memory the HTTP library sets the length.
    if let Some(length) = response.body.len()
        && (request.is_head() || !matches!(response.body, Payload::Bytes(_)))
    {
        let length = HeaderValue::from(length);
        response.headers.insert(header::CONTENT_LENGTH, length);
    }
    let body = if request.is_head() {
        Body::empty()
    } else {
        response.body.into_body()
    };
    http_response(response.status, response.headers.into_map(), body)
}

/// Returns whether responses with this status have no body, whatever a plugin or a backend sends (RFC 9110,
/// sections 15.3.5, 15.3.6 and 15.4.5).
fn has_no_content(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// Narrows the body to the requested range, if there is one (RFC 9110, section 14). Streams are always
/// sent whole. Returns false if the range begins past the end.
fn apply_range(request: &PageRequest<'_>, response: &mut PageResponse) -> bool {
    let Some(size) = response.body.len() else {
        return true;
    };
    let request_headers = &request.parts.headers;
    let headers = &mut response.headers;
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if request.parts.method != Method::GET || !conditions::allows_range(request_headers, headers) {
        return true;
    }
    let range = request_headers.get(header::RANGE);
    match ranges::parse(range.and_then(|range| range.to_str().ok()), size) {
        RangeRequest::Whole => true,
        RangeRequest::Part(part) => {
            let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            set_content_range(headers, &range);
            response.status = StatusCode::PARTIAL_CONTENT;
            let whole = std::mem::replace(&mut response.body, Bytes::new().into());
            response.body = whole.slice(part.start, part.end);
            true
        }
        RangeRequest::Unsatisfiable => {
            set_content_range(headers, &format!("bytes */{size}"));
            false
        }
    }
}

/// Sets `Cache-Control` and `ETag` where no plugin has set them, so that clients revalidate every
/// response.
fn set_cache_headers(request: &PageRequest<'_>, response: &mut PageResponse) {
    let headers = &mut response.headers;
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    if response.status != StatusCode::OK {
        return;
    }
    if let Entry::Vacant(entry) = headers.entry(header::ETAG)
        && let Some(tag) = response.tag.take()
    {
        entry.insert(request.service.headers.tag(tag));
    }
}

fn set_content_range(headers: &mut HeaderMap, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(header::CONTENT_RANGE, value);
    }
}

fn remove_representation_headers(headers: &mut HeaderMap) {
    for name in REPRESENTATION_HEADERS {
        headers.remove(name);
    }
}

/// Returns a refusal without a body.
fn empty_response(status: StatusCode, mut headers: HeaderMap) -> Response {
    remove_representation_headers(&mut headers);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    http_response(status, headers, Body::empty())
}

fn http_response(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
