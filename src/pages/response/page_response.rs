//! What a stage hands to the next: a response that is not yet HTTP.

use crate::pages::response::derived_cache::{DerivedBody, Variant};
use crate::pages::response::headers::Headers;
use crate::pages::response::open_file::OpenFile;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use memchr::memchr;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

const SCRIPTS: [&str; 5] = [
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "text/ecmascript",
];

/// A response between the stages.
pub(crate) struct PageResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: Payload,
    /// Names its content and no other: a strong `ETag` (RFC 9110, section 8.8.3), which becomes its
    /// own unless a plugin has said another.
    pub(crate) tag: Option<HeaderValue>,
    /// The file that its body is, as it is: compressed siblings may stand in for it.
    pub(crate) file: Option<Arc<Path>>,
    /// The file that answers, or would if nobody else did.
    pub(crate) source: Option<Arc<Path>>,
    /// Later stages leave it as it is.
    pub(crate) verbatim: bool,
    /// Who answered.
    pub(crate) responder: Responder,
}

/// What becomes of a plugin's answer, to be given again without making it.
pub(crate) struct CachedResponse {
    status: StatusCode,
    headers: Arc<HeaderMap>,
    body: Bytes,
    tag: Option<HeaderValue>,
    verbatim: bool,
}

impl CachedResponse {
    /// None when the body is not in memory.
    pub(crate) fn of(answer: &PageResponse) -> Option<Self> {
        let Payload::Bytes(body) = &answer.body else {
            return None;
        };
        Some(Self {
            status: answer.status,
            headers: answer.headers.share(),
            body: body.clone(),
            tag: answer.tag.clone(),
            verbatim: answer.verbatim,
        })
    }

    pub(crate) fn answer(&self, by: Responder, source: Option<Arc<Path>>) -> PageResponse {
        PageResponse {
            status: self.status,
            headers: Headers::Shared(self.headers.clone()),
            body: self.body.clone().into(),
            tag: self.tag.clone(),
            file: None,
            source,
            verbatim: self.verbatim,
            responder: by,
        }
    }
}

/// Who answered, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Responder {
    /// The daemon: a redirect, a refusal.
    Daemon,
    /// A file, read for this request.
    File,
    /// A file that was in memory.
    Memory,
    /// The plugin of this name.
    Plugin(String),
    /// The server at this address.
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

/// A body.
pub(crate) enum Payload {
    Bytes(Bytes),
    /// A file that is sent piece by piece.
    File(OpenFile),
    /// What comes piece by piece from elsewhere. Its length is in `Content-Length`, if it is known.
    Stream(Body),
}

impl Payload {
    /// Octets; none when nobody knows before the end.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes(body) => Some(body.len() as u64),
            Self::File(file) => Some(file.len()),
            Self::Stream(_) => None,
        }
    }

    /// The octets from `start` to before `end`.
    pub(crate) fn part(self, start: u64, end: u64) -> Self {
        match self {
            Self::Bytes(body) => {
                let whole = body.len();
                let at = |place| usize::try_from(place).unwrap_or(whole).min(whole);
                Self::Bytes(body.slice(at(start)..at(end)))
            }
            Self::File(file) => Self::File(file.part(start, end)),
            stream @ Self::Stream(_) => stream,
        }
    }

    pub(crate) fn into_stream(self) -> Body {
        match self {
            Self::Bytes(body) => Body::from(body),
            Self::File(file) => Body::from_stream(file.pieces()),
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
    pub(crate) fn new(status: StatusCode, content_type: &str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        // Both callers' types are ours; a plugin's is checked before it comes here.
        if let Ok(value) = HeaderValue::from_str(content_type) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        Self {
            status,
            headers: headers.into(),
            body: Payload::Bytes(body),
            tag: None,
            file: None,
            source: None,
            verbatim: false,
            responder: Responder::Daemon,
        }
    }

    /// To another path. Not remembered: the folder may become a file.
    pub(crate) fn redirect(path: &str, query: Option<&str>) -> Self {
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

    /// A header's text; empty when there is none.
    pub(crate) fn header(&self, name: HeaderName) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Its MIME type without parameters.
    pub(crate) fn essence(&self) -> &str {
        std::str::from_utf8(self.essence_bytes()).unwrap_or_default()
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

    /// Whether it is of one of the types that browsers take for JavaScript and that somebody may still
    /// use (WHATWG MIME Sniffing, section 4.6).
    pub(crate) fn is_script(&self) -> bool {
        let essence = self.essence_bytes();
        SCRIPTS
            .iter()
            .any(|script| essence.eq_ignore_ascii_case(script.as_bytes()))
    }

    /// Its body becomes what was made of it: what was said of the one before holds no more.
    pub(crate) fn become_made(&mut self, made: DerivedBody, variant: Variant) {
        self.replace(made.body.into(), Some(made.tag), variant);
    }

    /// The same for a body that is still being made.
    pub(crate) fn become_stream(&mut self, body: Payload, variant: Variant) {
        let tag = self.tag.as_ref().and_then(|tag| variant.tag(tag));
        self.replace(body, tag, variant);
    }

    fn replace(&mut self, body: Payload, tag: Option<HeaderValue>, variant: Variant) {
        self.body = body;
        self.tag = tag;
        self.file = None;
        self.headers.remove(header::CONTENT_LENGTH);
        if let Some(said) = self.headers.remove(header::ETAG)
            && let Some(tag) = variant.tag(&said)
        {
            self.headers.insert(header::ETAG, tag);
        }
    }
}

/// A strong `ETag` with this text.
pub(crate) fn strong_tag(text: fmt::Arguments<'_>) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{text}\"")).ok()
}

/// The tag of a body that is there.
pub(crate) fn content_tag(body: &[u8]) -> Option<HeaderValue> {
    hash_tag(xxh3_128(body))
}

/// The tag of a body with this hash.
pub(crate) fn hash_tag(hash: u128) -> Option<HeaderValue> {
    strong_tag(format_args!("{hash:x}"))
}
