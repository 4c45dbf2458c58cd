//! The transform hook: a plugin changes responses on their way to the page.

use super::counters::CallOutcome;
use super::hook::HookType;
use super::payload::{DERIVED_BYTES, HookFailure, InlineBody, RequestContext, headers_size};
use super::session::HookKind;
use crate::message::HeapSize;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// The options of a transform hook.
#[derive(Debug)]
pub(crate) struct TransformOptions {
    /// Largest body that calls carry. Responses with a larger body bypass the plugin.
    pub max_body_bytes: usize,
}

/// A response to change, with the changes of all earlier plugins.
#[derive(Debug)]
pub(crate) struct TransformCall {
    /// The request that the response answers.
    pub request: RequestContext,
    /// The response's MIME type, parameters included.
    pub content_type: String,
    pub headers: Vec<(String, Bytes)>,
    /// The whole body, uncompressed.
    pub body: Bytes,
}

/// The plugin's answer to a [`TransformCall`].
#[derive(Debug)]
pub(crate) enum TransformOutcome {
    /// The response stays as it is.
    Skip,
    Content(TransformContent),
    /// Shown instead of the response.
    Failure(HookFailure),
}

/// Changes to a response. Parts that are not set stay as they are.
#[derive(Debug)]
pub(crate) struct TransformContent {
    pub body: Option<InlineBody>,
    /// A MIME type or a file extension; empty = unchanged.
    pub content_type: String,
    /// Headers to set, replacing all of the same name. `pages` validates them.
    pub headers: Vec<(String, Bytes)>,
    /// Names of headers to remove.
    pub remove_headers: Vec<String>,
    /// Do not reuse this result for identical responses.
    pub no_cache: bool,
    /// Absolute paths of further files that the changes were made from.
    pub depends_on: Vec<PathBuf>,
}

/// The transform hook's type.
#[derive(Debug)]
pub(crate) struct Transform;

impl HookType for Transform {
    const KIND: HookKind = HookKind::Transform;
    type Options = TransformOptions;
    type Call = TransformCall;
    type Outcome = TransformOutcome;

    fn classify(outcome: &TransformOutcome) -> CallOutcome {
        match outcome {
            TransformOutcome::Skip => CallOutcome::Skip,
            TransformOutcome::Content(_) => CallOutcome::Content,
            TransformOutcome::Failure(_) => CallOutcome::Failure,
        }
    }

    fn is_cacheable(outcome: &TransformOutcome) -> bool {
        match outcome {
            TransformOutcome::Skip => true,
            TransformOutcome::Content(content) => !content.no_cache,
            TransformOutcome::Failure(_) => false,
        }
    }

    fn dependencies(outcome: &TransformOutcome) -> Vec<&Path> {
        match outcome {
            TransformOutcome::Content(content) => {
                content.depends_on.iter().map(PathBuf::as_path).collect()
            }
            TransformOutcome::Failure(failure) => failure.dependencies(),
            TransformOutcome::Skip => Vec::new(),
        }
    }

    fn size(outcome: &TransformOutcome) -> usize {
        let TransformOutcome::Content(content) = outcome else {
            return 0;
        };
        let body = content.body.as_ref().map_or(0, |body| body.body.len());
        // The derived response has the headers, too.
        DERIVED_BYTES
            + body
            + 2 * headers_size(&content.headers)
            + content.remove_headers.heap_size()
    }
}
