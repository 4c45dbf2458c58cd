//! A page's request, as handlers get it.

use crate::{Client, Context, proto};
use bytes::Bytes;
use std::{path::Path, time::Duration};

/// A page's request: to be answered by a serve handler, or the one that a response or a module is
/// for.
#[derive(Clone, Debug)]
pub struct Request {
    http: proto::RequestContext,
    body: Bytes,
    body_omitted: bool,
    time_remaining: Option<Duration>,
    context: Context,
}

impl Request {
    pub(super) fn new(
        http: Option<proto::RequestContext>,
        time_remaining: Option<prost_types::Duration>,
        context: &Context,
    ) -> Self {
        Self {
            http: http.unwrap_or_default(),
            body: Bytes::new(),
            body_omitted: false,
            time_remaining: time_remaining.and_then(|time| time.try_into().ok()),
            context: context.clone(),
        }
    }

    pub(super) fn with_body(self, body: Bytes, body_omitted: bool) -> Self {
        Self {
            body,
            body_omitted,
            ..self
        }
    }

    /// The HTTP method, upper-case.
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

    /// The host it was asked of, port included.
    pub fn host(&self) -> &str {
        &self.http.host
    }

    /// The first header of this name (lower-case), of those that
    /// [`ServeOptions::forward_request_headers`](crate::ServeOptions::forward_request_headers)
    /// asks for.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        proto::Header::first(&self.http.headers, name)
    }

    /// The headers asked for, in the order received, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.http.headers.iter().map(proto::Header::pair)
    }

    /// The W3C trace context. Empty = none.
    pub fn traceparent(&self) -> &str {
        &self.http.traceparent
    }

    /// The file that would answer it, absolute, on the daemon's machine.
    pub fn file_path(&self) -> Option<&Path> {
        Some(self.http.file_path.as_str())
            .filter(|path| !path.is_empty())
            .map(Path::new)
    }

    /// The body, if a serve handler [asks for
    /// bodies](crate::ServeOptions::max_request_body_bytes). Empty = none, or [left
    /// out](Request::body_omitted).
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// It had a body that is larger than the plugin asks for.
    pub fn body_omitted(&self) -> bool {
        self.body_omitted
    }

    /// Time that was left when the call arrived here; after it the answer is ignored. `None` =
    /// unlimited.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.time_remaining
    }

    /// The running plugin's view of its daemon.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The connection that the plugin runs on.
    pub fn client(&self) -> &Client {
        self.context.client()
    }
}

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
