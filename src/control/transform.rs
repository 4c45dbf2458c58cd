//! The `Transform` stream: responses to change.

use super::hook::{self, FromPlugin, MAX_BODY_BYTES, Opening, ToPlugin, Wire};
use super::proto;
use crate::plugins::{
    InlineBody, Session, Transform, TransformContent, TransformOptions, TransformOutcome,
};
use proto::transform_request::Message as Request;
use proto::transform_response::Message as Response;
use proto::transform_result::Outcome;
use tonic::Status;

/// Largest body that a plugin gets unless it asks for another. Default 1 MiB.
const DEFAULT_BODY_BYTES: usize = 1024 * 1024;

impl Wire for Transform {
    type Request = proto::TransformRequest;
    type Response = proto::TransformResponse;
    type Open = proto::TransformOpen;
    type Result = proto::TransformResult;

    const HAS_RESPONSE: bool = true;

    fn received(
        request: proto::TransformRequest,
    ) -> Option<FromPlugin<proto::TransformOpen, proto::TransformResult>> {
        Some(match request.message? {
            Request::Open(open) => FromPlugin::Open(open),
            Request::Result(result) => FromPlugin::Result(result),
            Request::UpdateFilters(update) => FromPlugin::UpdateFilters(update),
        })
    }

    fn response(message: ToPlugin<Self::Call>) -> proto::TransformResponse {
        let message = match message {
            ToPlugin::Opened(opened) => Response::Opened(opened),
            ToPlugin::Call {
                call_id,
                call,
                time_remaining,
            } => Response::Call(proto::TransformCall {
                call_id,
                request: Some(hook::request_context(call.request)),
                content_type: call.content_type,
                response_headers: hook::headers(call.headers),
                body: call.body,
                time_remaining,
            }),
            ToPlugin::Cancel(cancel) => Response::Cancel(cancel),
            ToPlugin::FiltersUpdated(updated) => Response::FiltersUpdated(updated),
        };
        proto::TransformResponse {
            message: Some(message),
        }
    }

    fn opening(open: proto::TransformOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let max_body_bytes = match open.max_body_bytes as usize {
            0 => DEFAULT_BODY_BYTES,
            bytes => bytes.min(MAX_BODY_BYTES),
        };
        Ok(Opening {
            filters: open.filters,
            options: open.options,
            own: TransformOptions { max_body_bytes },
        })
    }

    fn outcome(result: proto::TransformResult) -> (u64, TransformOutcome) {
        let outcome = match result.outcome {
            Some(Outcome::Skip(_)) => TransformOutcome::Skip,
            Some(Outcome::Failure(failure)) => TransformOutcome::Failure(hook::failure(failure)),
            Some(Outcome::Content(content)) => match content_of(content) {
                Ok(content) => TransformOutcome::Content(content),
                Err(fault) => TransformOutcome::Failure(hook::broken(fault)),
            },
            None => TransformOutcome::Failure(hook::no_outcome()),
        };
        (result.call_id, outcome)
    }
}

/// The changes, or what is wrong with them.
fn content_of(content: proto::TransformContent) -> Result<TransformContent, String> {
    if let Some(body) = &content.body {
        hook::within_bounds(body, "")?;
    }
    Ok(TransformContent {
        body: content.body.map(InlineBody::new),
        content_type: content.content_type,
        headers: hook::pairs(content.headers),
        remove_headers: content.remove_headers,
        no_cache: content.no_cache,
        depends_on: hook::absolute("depends_on_files", content.depends_on_files)?,
    })
}
