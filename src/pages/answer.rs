//! What a stage hands to the next: a response that is not yet HTTP.

use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use bytes::Bytes;

/// A response between the stages.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Payload,
    /// The text between the quotes of its strong `ETag` (RFC 9110, section 8.8.3).
    pub(super) tag: Option<String>,
    /// The client is not injected.
    pub(super) verbatim: bool,
}

/// A body.
pub(super) enum Payload {
    Bytes(Bytes),
    /// A file that is sent piece by piece: this many bytes of it.
    File(tokio::fs::File, u64),
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: &str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        // Both callers' types are ours; a plugin's is checked before it comes here.
        if let Ok(value) = HeaderValue::from_str(content_type) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        Self {
            status,
            headers,
            body: Payload::Bytes(body),
            tag: None,
            verbatim: false,
        }
    }

    /// To the same path with its slash. Not remembered: the folder may become a file.
    pub(super) fn redirect(path: &str, query: Option<&str>) -> Self {
        let location = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut answer = Self::new(StatusCode::FOUND, "text/plain; charset=utf-8", Bytes::new());
        match HeaderValue::from_str(&location) {
            Ok(value) => {
                answer.headers.insert(header::LOCATION, value);
            }
            Err(_) => answer.status = StatusCode::BAD_REQUEST,
        }
        answer
    }

    /// Its MIME type without parameters, lower-case.
    pub(super) fn essence(&self) -> String {
        let value = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = value
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }
}
