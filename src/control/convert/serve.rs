//! Messages of the `Serve` hook.

use super::hook::{self, Opening, WireHook, wire_messages};
use crate::control::limits::MAX_BODY_BYTES;
use crate::control::proto;
use crate::control::status::unknown_value;
use crate::plugins::{
    InlineBody, Phase, Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome,
    Session,
};
use proto::serve_result::Outcome;
use std::path::Path;
use tonic::Status;

impl WireHook for Serve {
    wire_messages!(
        ServeRequest,
        serve_request,
        ServeResponse,
        serve_response,
        ServeOpen,
        ServeResult
    );

    async fn opening(open: proto::ServeOpen, session: &Session) -> Result<Opening<Self>, Status> {
        let phase = match proto::ServePhase::try_from(open.phase) {
            Ok(proto::ServePhase::First) => Phase::First,
            Ok(proto::ServePhase::Unspecified | proto::ServePhase::BeforeFiles) => {
                Phase::BeforeFiles
            }
            Ok(proto::ServePhase::AfterFiles) => Phase::AfterFiles,
            Err(_) => return Err(unknown_value("phase", open.phase, "ServePhase")),
        };
        Ok(Opening {
            filters: open.filters,
            options: open.options,
            type_options: ServeOptions {
                phase,
                max_request_body_bytes: (open.max_request_body_bytes as usize).min(MAX_BODY_BYTES),
                scratch_dir: session.scratch_dir().map(Path::to_owned),
            },
        })
    }

    fn outcome(result: proto::ServeResult) -> (u64, ServeOutcome) {
        let outcome = match result.outcome {
            Some(Outcome::Skip(skip)) => ServeOutcome::Skip {
                remember: skip.remember,
            },
            Some(Outcome::Failure(failure)) => ServeOutcome::Failure(hook::failure(failure)),
            Some(Outcome::Content(content)) => match content_of(content) {
                Ok(content) => ServeOutcome::Content(content),
                Err(error) => ServeOutcome::Failure(hook::contract_failure(error)),
            },
            None => ServeOutcome::Failure(hook::missing_outcome()),
        };
        (result.call_id, outcome)
    }
}

fn call(
    call_id: u64,
    call: ServeCall,
    time_remaining: Option<prost_types::Duration>,
) -> proto::ServeCall {
    proto::ServeCall {
        call_id,
        request: Some(hook::request_context(call.request)),
        body: call.body,
        body_omitted: call.body_omitted,
        omitted_body_bytes: call.omitted_body_bytes,
        time_remaining,
    }
}

/// Converts the content of a response. An error is the message of the plugin's failure.
fn content_of(content: proto::ServeContent) -> Result<ServeContent, String> {
    let body = match content.body {
        Some(proto::serve_content::Body::InlineBody(body)) => {
            hook::check_body_size(&body, " (name a file_path instead)")?;
            ServeBody::Inline(InlineBody::new(&body))
        }
        Some(proto::serve_content::Body::FilePath(file)) => {
            let mut file = hook::absolute_paths("file_path", vec![file])?;
            ServeBody::File(file.pop().unwrap_or_default())
        }
        None => {
            let text = "the result has content without a body (set inline_body to empty bytes for an empty body)";
            return Err(text.to_owned());
        }
    };
    Ok(ServeContent {
        status: u16::try_from(content.status).unwrap_or(u16::MAX),
        content_type: content.content_type,
        headers: hook::from_headers(content.headers),
        body,
        remember: content.remember,
        verbatim: content.verbatim,
        depends_on: hook::absolute_paths("depends_on_files", content.depends_on_files)?,
    })
}
