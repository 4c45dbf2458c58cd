//! Response that a stage hands to the next one.

use super::derived_cache::{DerivedBody, Variant};
use super::headers::Headers;
use super::open_file::OpenFile;
use crate::blocking::run_sized;
use crate::message::FailedResource;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use memchr::memchr;
use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// JavaScript MIME types that are still in use (WHATWG MIME Sniffing, section 4.6).
const SCRIPT_TYPES: [&str; 5] = [
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "text/ecmascript",
];

/// Values of `Vary`.
const BY_DESTINATION: &str = "Sec-Fetch-Dest, Accept";
const BY_IMPORT: &str = "Sec-Fetch-Dest, Sec-Fetch-Mode";

/// Values of `Vary` with the names of the encode stage.
const WITH_ENCODING: [(&str, &str); 2] = [
    (BY_DESTINATION, "Sec-Fetch-Dest, Accept, Accept-Encoding"),
    (BY_IMPORT, "Sec-Fetch-Dest, Sec-Fetch-Mode, Accept-Encoding"),
];

/// Response between the stages.
pub(crate) struct PageResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: Payload,
    /// Strong entity tag of the body (RFC 9110, section 8.8.3). It becomes the `ETag`, unless a plugin has
    /// set another.
    pub(crate) tag: Option<HeaderValue>,
    /// The file whose unchanged content is the body. The encode stage may send a precompressed sibling
    /// instead.
    pub(crate) body_file: Option<Arc<Path>>,
    /// The file that the response was made from, or would be if no plugin had served it.
    pub(crate) source_file: Option<Arc<Path>>,
    /// Whether a plugin requested that later stages leave the response unchanged.
    pub(crate) verbatim: bool,
    pub(crate) responder: Responder,
    /// Set if this is the error page of a plugin's failure.
    pub(crate) failure: Option<Box<FailedResource>>,
}

/// Response of a plugin after the checks and conversions of a stage. It is stored with the hook's result, so
/// that they are not repeated when the result is reused.
pub(crate) struct CachedResponse {
    status: StatusCode,
    headers: Arc<HeaderMap>,
    body: Bytes,
    tag: Option<HeaderValue>,
    verbatim: bool,
}

impl CachedResponse {
    /// Returns `None` when the body is not in memory.
    pub(crate) fn of(response: &PageResponse) -> Option<Self> {
        let Payload::Bytes(body) = &response.body else {
            return None;
        };
        Some(Self {
            status: response.status,
            headers: response.headers.to_shared(),
            body: body.clone(),
            tag: response.tag.clone(),
            verbatim: response.verbatim,
        })
    }

    pub(crate) fn to_response(
        &self,
        responder: Responder,
        source_file: Option<Arc<Path>>,
    ) -> PageResponse {
        PageResponse {
            status: self.status,
            headers: Headers::Shared(self.headers.clone()),
            body: self.body.clone().into(),
            tag: self.tag.clone(),
            body_file: None,
            source_file,
            verbatim: self.verbatim,
            responder,
            failure: None,
        }
    }
}

/// Origin of a response, for logs and counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Responder {
    /// The daemon itself, with a redirect or an error.
    Daemon,
    /// A file that was read for this request.
    File,
    /// A file that was cached in memory.
    Memory,
    /// The plugin of this name.
    Plugin(String),
    /// The backend at this address.
    Proxy(String),
}

impl fmt::Display for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => f.write_str("pagewire"),
            Self::File => f.write_str("file"),
            Self::Memory => f.write_str("memory"),
            Self::Plugin(name) => write!(f, "plugin {name}"),
            Self::Proxy(authority) => write!(f, "proxy {authority}"),
        }
    }
}

/// Body of a response.
pub(crate) enum Payload {
    Bytes(Bytes),
    /// A file that is streamed.
    File(OpenFile),
    /// A stream from a backend, or one that a stage derived from another body. Its length, if known, is in
    /// `Content-Length`.
    Stream(Body),
}

impl Payload {
    /// Returns the length in bytes; `None` if it is unknown before the end.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes(body) => Some(body.len() as u64),
            Self::File(file) => Some(file.len()),
            Self::Stream(_) => None,
        }
    }

    /// Narrows the body to the bytes `start..end`. Streams are left whole.
    pub(crate) fn slice(self, start: u64, end: u64) -> Self {
        match self {
            Self::Bytes(body) => {
                let length = body.len();
                let index = |offset| usize::try_from(offset).unwrap_or(length).min(length);
                Self::Bytes(body.slice(index(start)..index(end)))
            }
            Self::File(file) => Self::File(file.slice(start, end)),
            stream @ Self::Stream(_) => stream,
        }
    }

    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Bytes(body) => Body::from(body),
            Self::File(file) => Body::from_stream(file.into_chunks()),
            Self::Stream(body) => body,
        }
    }
}

impl From<Bytes> for Payload {
    fn from(body: Bytes) -> Self {
        Self::Bytes(body)
    }
}

impl PageResponse {
    /// Returns a response of the daemon. `content_type` must be valid in a header.
    pub(crate) fn new(status: StatusCode, content_type: &str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(content_type) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        Self {
            status,
            headers: headers.into(),
            body: Payload::Bytes(body),
            tag: None,
            body_file: None,
            source_file: None,
            verbatim: false,
            responder: Responder::Daemon,
            failure: None,
        }
    }

    /// Returns a redirect to another path. It is a temporary one, since a folder may become a file.
    pub(crate) fn redirect(path: &str, query: Option<&str>) -> Self {
        let location = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut response = Self::new(StatusCode::FOUND, "text/plain; charset=utf-8", Bytes::new());
        match HeaderValue::from_str(&location) {
            Ok(value) => {
                response.headers.insert(header::LOCATION, value);
            }
            Err(_) => response.status = StatusCode::BAD_REQUEST,
        }
        response
    }

    /// Returns the text of a header; empty if it is absent or not visible ASCII.
    pub(crate) fn header(&self, name: HeaderName) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Returns the MIME type in lower case, without its parameters.
    pub(crate) fn essence(&self) -> Cow<'_, str> {
        let essence = std::str::from_utf8(self.essence_bytes()).unwrap_or_default();
        if essence.bytes().any(|byte| byte.is_ascii_uppercase()) {
            essence.to_ascii_lowercase().into()
        } else {
            essence.into()
        }
    }

    fn essence_bytes(&self) -> &[u8] {
        let value = self.headers.get(header::CONTENT_TYPE);
        let value = value.map_or(&b""[..], HeaderValue::as_bytes);
        let end = memchr(b';', value).unwrap_or(value.len());
        value[..end].trim_ascii()
    }

    pub(crate) fn is_html(&self) -> bool {
        self.essence_bytes().eq_ignore_ascii_case(b"text/html")
    }

    pub(crate) fn is_event_stream(&self) -> bool {
        self.essence_bytes()
            .eq_ignore_ascii_case(b"text/event-stream")
    }

    pub(crate) fn is_script(&self) -> bool {
        let essence = self.essence_bytes();
        SCRIPT_TYPES
            .iter()
            .any(|script| essence.eq_ignore_ascii_case(script.as_bytes()))
    }

    /// Whether hooks may see and change the response: it succeeded, and is a complete, finite
    /// representation that did not come from the daemon itself.
    pub(crate) fn is_transformable(&self) -> bool {
        let has_no_representation = [
            StatusCode::NO_CONTENT,
            StatusCode::RESET_CONTENT,
            StatusCode::PARTIAL_CONTENT,
        ];
        self.status.is_success()
            && !has_no_representation.contains(&self.status)
            && !self.verbatim
            && self.responder != Responder::Daemon
            && !self.is_event_stream()
    }

    /// States that HTML differs between requests for a page and others, see `PageRequest::is_navigation`.
    pub(crate) fn vary_by_destination(&mut self) {
        self.vary_by(BY_DESTINATION);
    }

    /// States that the response differs between imports and other requests, see `PageRequest::is_module_import`.
    pub(crate) fn vary_by_import(&mut self) {
        self.vary_by(BY_IMPORT);
    }

    fn vary_by(&mut self, names: &'static str) {
        let names = HeaderValue::from_static(names);
        match self.headers.entry(header::VARY) {
            Entry::Vacant(entry) => {
                entry.insert(names);
            }
            Entry::Occupied(mut stated) => {
                if !stated.iter().any(|value| value == "*" || value == names) {
                    stated.append(names);
                }
            }
        }
    }

    /// States that the response differs between requests with other content codings (RFC 9110, section 12.5.5).
    pub(crate) fn vary_by_encoding(&mut self) {
        let stated = self.headers.get_mut(header::VARY);
        let known = stated.and_then(|value| {
            let mut known = WITH_ENCODING.into_iter();
            let (_, names) = known.find(|(names, _)| *value == *names)?;
            Some((value, names))
        });
        match known {
            // A second value of a header costs an allocation, and these are the usual ones.
            Some((value, names)) => *value = HeaderValue::from_static(names),
            None => {
                let names = HeaderValue::from_static("Accept-Encoding");
                self.headers.append(header::VARY, names);
            }
        }
    }

    /// Replaces the body by one that is derived from it.
    pub(crate) fn set_derived_body(&mut self, derived: DerivedBody, variant: Variant) {
        self.replace_body(derived.body.into(), Some(derived.tag), variant);
    }

    /// Replaces the body by a script that is derived from it.
    pub(crate) fn set_derived_script(&mut self, derived: DerivedBody, variant: Variant) {
        let script = HeaderValue::from_static("text/javascript; charset=utf-8");
        self.headers.insert(header::CONTENT_TYPE, script);
        self.headers.remove(header::LAST_MODIFIED);
        self.set_derived_body(derived, variant);
    }

    /// Replaces the body by a stream that is derived from it.
    pub(crate) fn set_derived_stream(&mut self, body: Payload, variant: Variant) {
        let tag = self.tag.as_ref().and_then(|tag| variant.derive_tag(tag));
        self.replace_body(body, tag, variant);
    }

    /// Replaces the body, and the headers that describe it.
    fn replace_body(&mut self, body: Payload, tag: Option<HeaderValue>, variant: Variant) {
        self.body = body;
        self.tag = tag;
        self.body_file = None;
        self.headers.remove(header::CONTENT_LENGTH);
        if let Some(etag) = self.headers.remove(header::ETAG)
            && let Some(etag) = variant.derive_tag(&etag)
        {
            self.headers.insert(header::ETAG, etag);
        }
    }
}

/// Returns a strong entity tag with this text.
pub(crate) fn strong_tag(text: fmt::Arguments<'_>) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{text}\"")).ok()
}

/// Returns the entity tag of a body.
pub(crate) fn content_tag(body: &[u8]) -> Option<HeaderValue> {
    hash_tag(xxh3_128(body))
}

/// Like [`content_tag`], on the blocking thread pool if the body is large.
pub(crate) async fn sized_content_tag(body: &Bytes) -> Option<HeaderValue> {
    let content = body.clone();
    let tag = run_sized(body.len(), move || content_tag(&content)).await;
    tag.ok().flatten()
}

/// Returns the entity tag of a body with this hash.
pub(crate) fn hash_tag(hash: u128) -> Option<HeaderValue> {
    strong_tag(format_args!("{hash:x}"))
}
