//! The `Transform` stream: responses to change.

use super::hook::{self, MAX_BODY_BYTES, Opening, Wire, messages};
use super::proto;
use crate::plugins::{
    InlineBody, Session, Transform, TransformCall, TransformContent, TransformOptions,
    TransformOutcome,
};
use proto::transform_result::Outcome;
use tonic::Status;

/// Largest body that a plugin gets unless it asks for another. Default 1 MiB.
const DEFAULT_BODY_BYTES: usize = 1024 * 1024;

impl Wire for Transform {
    messages!(
        TransformRequest,
        transform_request,
        TransformResponse,
        transform_response,
        TransformOpen,
        TransformResult
    );

    const HAS_RESPONSE: bool = true;

    fn opening(open: proto::TransformOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let max_body_bytes = match open.max_body_bytes as usize {
            0 => DEFAULT_BODY_BYTES,
            bytes => bytes.min(MAX_BODY_BYTES),
        };
        Ok(Opening {
            filters: open.filters,
            options: open.options,
            type_options: TransformOptions { max_body_bytes },
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

fn call(
    call_id: u64,
    asked: TransformCall,
    time_remaining: Option<prost_types::Duration>,
) -> proto::TransformCall {
    proto::TransformCall {
        call_id,
        request: Some(hook::request_context(asked.request)),
        content_type: asked.content_type,
        response_headers: hook::headers(asked.headers),
        body: asked.body,
        time_remaining,
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
