//! Messages of the `Transform` hook.

use super::hook::{self, Opening, WireHook, wire_messages};
use crate::control::limits::{DEFAULT_TRANSFORM_BODY_BYTES, MAX_BODY_BYTES};
use crate::control::proto;
use crate::plugins::{
    InlineBody, Session, Transform, TransformCall, TransformContent, TransformOptions,
    TransformOutcome,
};
use proto::transform_result::Outcome;
use tonic::Status;

impl WireHook for Transform {
    wire_messages!(
        TransformRequest,
        transform_request,
        TransformResponse,
        transform_response,
        TransformOpen,
        TransformResult
    );

    const HAS_RESPONSE: bool = true;

    async fn opening(open: proto::TransformOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let max_body_bytes = match open.max_body_bytes as usize {
            0 => DEFAULT_TRANSFORM_BODY_BYTES,
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
                Err(error) => TransformOutcome::Failure(hook::contract_failure(error)),
            },
            None => TransformOutcome::Failure(hook::missing_outcome()),
        };
        (result.call_id, outcome)
    }
}

fn call(
    call_id: u64,
    call: TransformCall,
    time_remaining: Option<prost_types::Duration>,
) -> proto::TransformCall {
    proto::TransformCall {
        call_id,
        request: Some(hook::request_context(call.request)),
        content_type: call.content_type,
        response_headers: hook::to_headers(call.headers),
        body: call.body,
        time_remaining,
    }
}

/// Converts the changes to a response. An error is the message of the plugin's failure.
fn content_of(content: proto::TransformContent) -> Result<TransformContent, String> {
    if let Some(body) = &content.body {
        hook::check_body_size(body, "")?;
    }
    Ok(TransformContent {
        body: content.body.as_deref().map(InlineBody::new),
        content_type: content.content_type,
        headers: hook::from_headers(content.headers),
        remove_headers: content.remove_headers,
        no_cache: content.no_cache,
        depends_on: hook::absolute_paths("depends_on_files", content.depends_on_files)?,
    })
}
