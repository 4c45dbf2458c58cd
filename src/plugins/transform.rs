//! The transform hook: change responses on their way to the page.

use super::PluginRegistry;
use super::counters::CallOutcome;
use super::hook::{HookFailure, HookType, InlineBody, RequestContext, size_of_headers};
use super::hook_set::HookSet;
use super::session::HookKind;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// What a plugin says when it opens the hook, beside what all hooks have.
#[derive(Debug)]
pub(crate) struct TransformOptions {
    /// Largest body that it gets; a larger one passes it by.
    pub max_body_bytes: usize,
}

/// What a plugin is asked: a response, as it stands after the plugins before this one.
#[derive(Debug)]
pub(crate) struct TransformCall {
    /// The request that the response is for.
    pub request: RequestContext,
    /// Its MIME type.
    pub content_type: String,
    /// Its headers.
    pub headers: Vec<(String, Bytes)>,
    /// All of its body.
    pub body: Bytes,
}

/// What a plugin answered.
#[derive(Debug)]
pub(crate) enum TransformOutcome {
    /// The response stays as it is.
    Skip,
    /// These changes.
    Content(TransformContent),
    /// Broken: shown instead of the response.
    Failure(HookFailure),
}

/// Changes to a response. What is not mentioned stays.
#[derive(Debug)]
pub(crate) struct TransformContent {
    /// The new body.
    pub body: Option<InlineBody>,
    /// A MIME type, a file extension, or empty = it stays.
    pub content_type: String,
    /// Headers to set, each in place of those of its name; checked by the edge.
    pub headers: Vec<(String, Bytes)>,
    /// Names of headers to remove.
    pub remove_headers: Vec<String>,
    /// It is not to be kept.
    pub no_cache: bool,
    /// Further files that it was made from, absolute.
    pub depends_on: Vec<PathBuf>,
}

/// The kind of hook.
#[derive(Debug)]
pub(crate) struct Transform;

impl HookType for Transform {
    const HOOK: HookKind = HookKind::Transform;
    type Options = TransformOptions;
    type Call = TransformCall;
    type Outcome = TransformOutcome;

    fn call_outcome(outcome: &TransformOutcome) -> CallOutcome {
        match outcome {
            TransformOutcome::Skip => CallOutcome::Pass,
            TransformOutcome::Content(_) => CallOutcome::Content,
            TransformOutcome::Failure(_) => CallOutcome::Failure,
        }
    }

    fn hooks(plugins: &PluginRegistry) -> &HookSet<Self> {
        plugins.transform()
    }

    fn may_keep(outcome: &TransformOutcome) -> bool {
        match outcome {
            TransformOutcome::Skip => true,
            TransformOutcome::Content(content) => !content.no_cache,
            TransformOutcome::Failure(_) => false,
        }
    }

    fn files(outcome: &TransformOutcome) -> Vec<&Path> {
        match outcome {
            TransformOutcome::Content(content) => {
                content.depends_on.iter().map(PathBuf::as_path).collect()
            }
            TransformOutcome::Failure(failure) => failure.files(),
            TransformOutcome::Skip => Vec::new(),
        }
    }

    fn size(outcome: &TransformOutcome) -> usize {
        let TransformOutcome::Content(content) = outcome else {
            return 0;
        };
        let body = content.body.as_ref().map_or(0, |body| body.body.len());
        body + size_of_headers(&content.headers)
    }
}
