//! The HTTP request that handlers receive.

use crate::{Client, Context, proto};
use bytes::Bytes;
use std::{error, fmt, path::Path, time::Duration};

/// An HTTP request: the request to serve, the request that a response answers, or the request for an importing
/// module.
#[derive(Clone, Debug)]
pub struct Request {
    http: proto::RequestContext,
    body: Result<Bytes, BodyTooLarge>,
    time_remaining: Option<Duration>,
    context: Context,
}

impl Request {
    pub(crate) fn new(
        http: Option<proto::RequestContext>,
        time_remaining: Option<prost_types::Duration>,
        context: &Context,
    ) -> Self {
        Self {
            http: http.unwrap_or_default(),
            body: Ok(Bytes::new()),
            time_remaining: time_remaining.and_then(|time| time.try_into().ok()),
            context: context.clone(),
        }
    }

    pub(crate) fn with_body(self, body: Result<Bytes, BodyTooLarge>) -> Self {
        Self { body, ..self }
    }

    /// The HTTP method, in upper case.
    pub fn method(&self) -> &str {
        &self.http.method
    }

    /// The URL path: percent-decoded once, without dot segments, beginning with `/`.
    pub fn path(&self) -> &str {
        &self.http.path
    }

    /// The query as received, without `?`. Empty = none.
    pub fn query(&self) -> &str {
        &self.http.query
    }

    /// The request target as received, neither decoded nor normalised.
    pub fn raw_target(&self) -> &str {
        &self.http.raw_target
    }

    /// The requested host, including the port.
    pub fn host(&self) -> &str {
        &self.http.host
    }

    /// The first header of this name (lower-case), of those requested with
    /// [`ServeOptions::forward_request_headers`](crate::ServeOptions::forward_request_headers).
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        proto::Header::first(&self.http.headers, name)
    }

    /// The requested headers, in the order received, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.http.headers.iter().map(proto::Header::pair)
    }

    /// The W3C trace context. Empty = none.
    pub fn traceparent(&self) -> &str {
        &self.http.traceparent
    }

    /// The file for this request, absolute, on the daemon's machine.
    pub fn file_path(&self) -> Option<&Path> {
        Some(self.http.file_path.as_str())
            .filter(|path| !path.is_empty())
            .map(Path::new)
    }

    /// The body; empty if the request has none.
    ///
    /// # Errors
    /// When the body is larger than the hook's
    /// [`max_request_body_bytes`](crate::ServeOptions::max_request_body_bytes), whose default is 0. A handler that
    /// returns this error answers with status 413, or 500 if the hook does not request bodies.
    pub fn body(&self) -> Result<&Bytes, BodyTooLarge> {
        self.body.as_ref().map_err(|too_large| *too_large)
    }

    /// Whether [`body`](Request::body) is an error.
    pub fn body_omitted(&self) -> bool {
        self.body.is_err()
    }

    /// Remaining time when the call arrived; a later result is ignored. `None` = unlimited.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.time_remaining
    }

    /// The context of the running plugin.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The plugin's client.
    pub fn client(&self) -> &Client {
        self.context.client()
    }
}

/// The request's body is larger than the hook accepts, so the daemon did not send it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BodyTooLarge {
    size: Option<u64>,
    limit: u32,
}

impl BodyTooLarge {
    /// A size of 0 is unknown.
    pub(super) fn new(size: u64, limit: u32) -> Self {
        let size = Some(size).filter(|size| *size != 0);
        Self { size, limit }
    }

    /// The size of the body in bytes, if the request announced it.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The hook's limit in bytes; 0 = it does not request bodies.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The HTTP status for the page. A hook that does not request bodies is a mistake of the plugin.
    pub(crate) fn status(&self) -> u16 {
        if self.limit == 0 { 500 } else { 413 }
    }
}

impl fmt::Display for BodyTooLarge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OPTION: &str = "ServeOptions::max_request_body_bytes";
        let limit = self.limit;
        if limit == 0 {
            return write!(out, "this hook does not request bodies (set {OPTION})");
        }
        out.write_str("the request's body has ")?;
        match self.size {
            Some(size) => write!(out, "{size} bytes")?,
            None => write!(out, "more than {limit} bytes")?,
        }
        write!(
            out,
            ", but this hook accepts at most {limit} bytes ({OPTION})"
        )
    }
}

impl error::Error for BodyTooLarge {}

impl proto::Header {
    /// The value of the first header of this name (lower-case).
    pub(super) fn first<'a>(headers: &'a [Self], name: &str) -> Option<&'a Bytes> {
        let found = headers.iter().find(|header| header.name == name);
        found.map(|header| &header.value)
    }

    pub(super) fn pair(&self) -> (&str, &Bytes) {
        (&self.name, &self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    #[test]
    fn a_body_that_is_too_large_has_a_text_and_a_status() {
        let shown = |size, limit| {
            let failure = Failure::from_error(BodyTooLarge::new(size, limit).into()).into_proto();
            (failure.status, failure.message)
        };
        let option = "ServeOptions::max_request_body_bytes";
        let accepts = format!("but this hook accepts at most 20 bytes ({option})");
        let announced = format!("the request's body has 24 bytes, {accepts}");
        assert_eq!(shown(24, 20), (413, announced));
        let streamed = format!("the request's body has more than 20 bytes, {accepts}");
        assert_eq!(shown(0, 20), (413, streamed));
        let unrequested = format!("this hook does not request bodies (set {option})");
        assert_eq!(shown(1, 0), (500, unrequested));
    }
}
