//! The HTTP request that handlers receive.

use crate::{Client, Context, proto};
use bytes::Bytes;
use std::{path::Path, time::Duration};

/// An HTTP request: the request to serve, the request that a response answers, or the request for an importing
/// module.
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

    /// The body, if the serve hook [requests
    /// bodies](crate::ServeOptions::max_request_body_bytes). Empty = none, or
    /// [omitted](Request::body_omitted).
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether it has a body over the size limit of the hook.
    pub fn body_omitted(&self) -> bool {
        self.body_omitted
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
