//! The transform hook.

use super::{
    hook::{Hook, Received},
    request::Request,
};
use crate::{
    Change, Context, Failure, RawClient,
    proto::{
        self, RequestFilter, TransformRequest, TransformResponse, transform_request,
        transform_response, transform_result::Outcome,
    },
};
use bytes::Bytes;
use std::str;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// A response to transform, as changed by earlier plugins.
#[derive(Clone, Debug)]
pub struct Response {
    request: Request,
    content_type: String,
    headers: Vec<proto::Header>,
    body: Bytes,
}

impl Response {
    pub(crate) fn new(request: Request, call: proto::TransformCall) -> Self {
        Self {
            request,
            content_type: call.content_type,
            headers: call.response_headers,
            body: call.body,
        }
    }

    /// The request that it answers.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The MIME type.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The first header of this name (lower-case).
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        proto::Header::first(&self.headers, name)
    }

    /// The headers, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.headers.iter().map(proto::Header::pair)
    }

    /// The whole body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text, exactly.
    ///
    /// # Errors
    /// A failure for the page, when it is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        str::from_utf8(&self.body).map_err(|error| {
            Failure::new(format!(
                "{} is not UTF-8 at byte {} (save it as UTF-8, or exclude it in the filter of the plugin)",
                self.request.path(),
                error.valid_up_to()
            ))
        })
    }
}

/// Implementation of the hook that [`Plugin::transform`](crate::Plugin::transform) registers.
pub(super) struct Transform;

impl Hook for Transform {
    type Input = Response;
    type Output = Option<Change>;
    type Open = proto::TransformOpen;
    type ToDaemon = TransformRequest;
    type FromDaemon = TransformResponse;

    const NAME: &str = "transform";
    const KIND: proto::Hook = proto::Hook::Transform;

    fn open(open: Self::Open, filters: Vec<RequestFilter>) -> TransformRequest {
        to_daemon(transform_request::Message::Open(proto::TransformOpen {
            filters,
            ..open
        }))
    }

    async fn start(
        mut client: RawClient,
        stream: tonic::Request<ReceiverStream<TransformRequest>>,
    ) -> Result<tonic::Response<Streaming<TransformResponse>>, Status> {
        client.transform(stream).await
    }

    fn received(
        message: TransformResponse,
        _: &Self::Open,
        context: &Context,
    ) -> Option<Received<Response>> {
        use transform_response::Message as Incoming;
        Some(match message.message? {
            Incoming::Opened(_) => Received::Opened,
            Incoming::Call(mut call) => {
                let request = Request::new(call.request.take(), call.time_remaining, context);
                Received::Call(call.call_id, Response::new(request, call))
            }
            Incoming::Cancel(cancel) => Received::Cancel(cancel.call_id),
            Incoming::FiltersUpdated(updated) => Received::FiltersUpdated(updated.error),
        })
    }

    fn request(input: &Response) -> &Request {
        &input.request
    }

    fn result(call_id: u64, result: Result<Option<Change>, Failure>) -> TransformRequest {
        let outcome = match result {
            Ok(Some(change)) => Outcome::Content(change.0),
            Ok(None) => Outcome::Skip(proto::Skip::default()),
            Err(failure) => Outcome::Failure(failure.into_proto()),
        };
        to_daemon(transform_request::Message::Result(proto::TransformResult {
            call_id,
            outcome: Some(outcome),
        }))
    }

    fn update(filters: proto::UpdateFilters) -> TransformRequest {
        to_daemon(transform_request::Message::UpdateFilters(filters))
    }
}

fn to_daemon(message: transform_request::Message) -> TransformRequest {
    TransformRequest {
        message: Some(message),
    }
}
