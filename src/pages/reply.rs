//! The last stage: from an answer to HTTP.

use super::answer::{Answer, Payload};
use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use xxhash_rust::xxh3::xxh3_128;

/// Size of the pieces in which large files are read.
const PIECE_BYTES: usize = 64 * 1024;

pub(super) fn reply(request: &Parts, mut answer: Answer) -> Response {
    let headers = &mut answer.headers;
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    if answer.status == StatusCode::OK && !headers.contains_key(header::ETAG) {
        let tag = answer.tag.take().or_else(|| match &answer.body {
            Payload::Bytes(body) => Some(format!("{:x}", xxh3_128(body))),
            Payload::File(..) => None,
        });
        if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(format!("\"{tag}\"")).ok()) {
            headers.insert(header::ETAG, tag);
        }
    }
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    if reads && answer.status == StatusCode::OK && is_known(&request.headers, headers) {
        // RFC 9110, section 15.4.5: what a cache would update, without what describes a body.
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_LENGTH);
        return response(StatusCode::NOT_MODIFIED, answer.headers, Body::empty());
    }
    let length = match &answer.body {
        Payload::Bytes(body) => body.len() as u64,
        Payload::File(_, size) => *size,
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let body = match answer.body {
        _ if request.method == Method::HEAD => Body::empty(),
        Payload::Bytes(body) => Body::from(body),
        Payload::File(file, size) => {
            Body::from_stream(ReaderStream::with_capacity(file.take(size), PIECE_BYTES))
        }
    };
    response(answer.status, answer.headers, body)
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// `If-None-Match` against the answer's `ETag`, by weak comparison (RFC 9110, section 13.1.2).
fn is_known(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let Some(tag) = answer.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else {
        return false;
    };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}
