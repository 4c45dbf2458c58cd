//! The serve hook.

use super::{
    hook::{Hook, Received},
    request::{BodyTooLarge, Request},
};
use crate::{
    Context, Failure, Outcome, RawClient,
    proto::{self, RequestFilter, ServeRequest, ServeResponse, serve_request, serve_response},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

/// Implementation of the hook that [`Plugin::serve`](crate::Plugin::serve) registers.
pub(super) struct Serve;

impl Hook for Serve {
    type Input = Request;
    type Output = Outcome;
    type Open = proto::ServeOpen;
    type ToDaemon = ServeRequest;
    type FromDaemon = ServeResponse;

    const NAME: &str = "serve";
    const KIND: proto::Hook = proto::Hook::Serve;

    fn open(open: Self::Open, filters: Vec<RequestFilter>) -> ServeRequest {
        to_daemon(serve_request::Message::Open(proto::ServeOpen {
            filters,
            ..open
        }))
    }

    async fn start(
        mut client: RawClient,
        stream: tonic::Request<ReceiverStream<ServeRequest>>,
    ) -> Result<Response<Streaming<ServeResponse>>, Status> {
        client.serve(stream).await
    }

    fn received(
        message: ServeResponse,
        options: &Self::Open,
        context: &Context,
    ) -> Option<Received<Request>> {
        use serve_response::Message as Incoming;
        Some(match message.message? {
            Incoming::Opened(_) => Received::Opened,
            Incoming::Call(call) => {
                let body = if call.body_omitted {
                    let limit = options.max_request_body_bytes;
                    Err(BodyTooLarge::new(call.omitted_body_bytes, limit))
                } else {
                    Ok(call.body)
                };
                let request = Request::new(call.request, call.time_remaining, context);
                Received::Call(call.call_id, request.with_body(body))
            }
            Incoming::Cancel(cancel) => Received::Cancel(cancel.call_id),
            Incoming::FiltersUpdated(updated) => Received::FiltersUpdated(updated.error),
        })
    }

    fn request(input: &Request) -> &Request {
        input
    }

    fn result(call_id: u64, result: Result<Outcome, Failure>) -> ServeRequest {
        let outcome = result.unwrap_or_else(Outcome::Failure);
        to_daemon(serve_request::Message::Result(proto::ServeResult {
            call_id,
            outcome: Some(outcome.into_proto()),
        }))
    }

    fn update(filters: proto::UpdateFilters) -> ServeRequest {
        to_daemon(serve_request::Message::UpdateFilters(filters))
    }
}

fn to_daemon(message: serve_request::Message) -> ServeRequest {
    ServeRequest {
        message: Some(message),
    }
}
