//! The last stage: from an answer to HTTP, by the request's conditions and range.

use crate::pages::response::page_response::{PageResponse, Payload, Responder};
mod conditions;
mod ranges;

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use conditions::Verdict;
use ranges::RangeRequest;

/// What describes a representation that a 304 does not carry (RFC 9110, section 15.4.5).
const OF_THE_BODY: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::LAST_MODIFIED,
];

pub(crate) fn reply(request: &Parts, mut answer: PageResponse) -> Response {
    // How long a backend's answers may be kept is for the backend to say.
    if !matches!(answer.responder, Responder::Proxy(_)) {
        describe(&mut answer);
    }
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    if reads && answer.status == StatusCode::OK {
        match conditions::verdict(&request.headers, &answer.headers) {
            Verdict::Perform => {}
            Verdict::NotModified => {
                for name in OF_THE_BODY {
                    answer.headers.remove(name);
                }
                return response(
                    StatusCode::NOT_MODIFIED,
                    answer.headers.into_map(),
                    Body::empty(),
                );
            }
            Verdict::Failed => {
                return nothing(StatusCode::PRECONDITION_FAILED, answer.headers.into_map());
            }
        }
        if !take_part(request, &mut answer) {
            return nothing(StatusCode::RANGE_NOT_SATISFIABLE, answer.headers.into_map());
        }
    }
    let is_head = request.method == Method::HEAD;
    // The HTTP library says itself how long a body is that it has.
    if let Some(length) = answer.body.len()
        && (is_head || !matches!(answer.body, Payload::Bytes(_)))
    {
        let length = HeaderValue::from(length);
        answer.headers.insert(header::CONTENT_LENGTH, length);
    }
    let body = if is_head {
        Body::empty()
    } else {
        answer.body.into_stream()
    };
    response(answer.status, answer.headers.into_map(), body)
}

/// Leaves the part that is asked for, if one is (RFC 9110, section 14). Of what streams there are no
/// parts. False when there is no such part.
fn take_part(request: &Parts, answer: &mut PageResponse) -> bool {
    let Some(size) = answer.body.len() else {
        return true;
    };
    let headers = &mut answer.headers;
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if request.method != Method::GET || !conditions::may_send_part(&request.headers, headers) {
        return true;
    }
    let asked = request.headers.get(header::RANGE);
    match ranges::asked(asked.and_then(|asked| asked.to_str().ok()), size) {
        RangeRequest::Whole => true,
        RangeRequest::Part(part) => {
            let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            content_range(headers, &range);
            answer.status = StatusCode::PARTIAL_CONTENT;
            let whole = std::mem::replace(&mut answer.body, Bytes::new().into());
            answer.body = whole.part(part.start, part.end);
            true
        }
        RangeRequest::Unsatisfiable => {
            content_range(headers, &format!("bytes */{size}"));
            false
        }
    }
}

/// Says how long the body may be kept, and which version of it this is.
fn describe(answer: &mut PageResponse) {
    let headers = &mut answer.headers;
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    if answer.status != StatusCode::OK {
        return;
    }
    if !headers.contains_key(header::ETAG)
        && let Some(tag) = answer.tag.take()
    {
        headers.insert(header::ETAG, tag);
    }
}

fn content_range(headers: &mut HeaderMap, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(header::CONTENT_RANGE, value);
    }
}

/// A refusal without a body.
fn nothing(status: StatusCode, mut headers: HeaderMap) -> Response {
    for name in OF_THE_BODY {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response(status, headers, Body::empty())
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
