//! The serve hook: a plugin answers requests itself.

use super::counters::CallOutcome;
use super::hook::{Hook, HookType, Phase};
use super::payload::{DERIVED_BYTES, HookFailure, InlineBody, RequestContext, headers_size};
use super::session::HookKind;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// The options of a serve hook.
#[derive(Debug)]
pub(crate) struct ServeOptions {
    pub phase: Phase,
    /// Largest request body that calls carry; 0 = none.
    pub max_request_body_bytes: usize,
    /// The session's scratch directory, from which results may name files.
    pub scratch_dir: Option<PathBuf>,
}

/// A request to answer.
#[derive(Clone, Debug)]
pub(crate) struct ServeCall {
    pub request: RequestContext,
    /// The request's body; empty if it has none or `body_omitted` is set.
    pub body: Bytes,
    /// The request has a body that is larger than the plugin accepts.
    pub body_omitted: bool,
    /// `Content-Length` of the body that is omitted; 0 if it is unknown.
    pub omitted_body_bytes: u64,
}

/// The plugin's answer to a [`ServeCall`].
#[derive(Debug)]
pub(crate) enum ServeOutcome {
    /// The next plugin is called.
    Skip {
        /// Skip identical requests without a call, until invalidated.
        remember: bool,
    },
    Content(ServeContent),
    /// Shown to the page; the request does not fall through to the next plugin.
    Failure(HookFailure),
}

/// A response made by a plugin.
#[derive(Debug)]
pub(crate) struct ServeContent {
    /// 200-599.
    pub status: u16,
    /// A MIME type or a file extension; empty = derived from the path.
    pub content_type: String,
    /// Further headers, which `pages` validates.
    pub headers: Vec<(String, Bytes)>,
    pub body: ServeBody,
    /// Identical requests may be answered with this response, until invalidated.
    pub remember: bool,
    /// Skip the later stages (transform, client injection).
    pub verbatim: bool,
    /// Absolute paths of further files that the response was made from.
    pub depends_on: Vec<PathBuf>,
}

/// The body of a [`ServeContent`].
#[derive(Debug)]
pub(crate) enum ServeBody {
    Inline(InlineBody),
    /// A file that `pages` reads, after it has checked that the file may be served.
    File(PathBuf),
}

/// The serve hook's type.
#[derive(Debug)]
pub(crate) struct Serve;

impl HookType for Serve {
    const KIND: HookKind = HookKind::Serve;
    type Options = ServeOptions;
    type Call = ServeCall;
    type Outcome = ServeOutcome;

    fn classify(outcome: &ServeOutcome) -> CallOutcome {
        match outcome {
            ServeOutcome::Skip { .. } => CallOutcome::Skip,
            ServeOutcome::Content(_) => CallOutcome::Content,
            ServeOutcome::Failure(_) => CallOutcome::Failure,
        }
    }

    fn phase(options: &ServeOptions) -> Phase {
        options.phase
    }

    fn is_cacheable(outcome: &ServeOutcome) -> bool {
        match outcome {
            ServeOutcome::Skip { remember } => *remember,
            ServeOutcome::Content(content) => content.remember,
            ServeOutcome::Failure(_) => false,
        }
    }

    fn dependencies(outcome: &ServeOutcome) -> Vec<&Path> {
        let content = match outcome {
            ServeOutcome::Content(content) => content,
            ServeOutcome::Failure(failure) => return failure.dependencies(),
            ServeOutcome::Skip { .. } => return Vec::new(),
        };
        let body = match &content.body {
            ServeBody::File(file) => Some(file),
            ServeBody::Inline(_) => None,
        };
        let files = body.into_iter().chain(&content.depends_on);
        files.map(PathBuf::as_path).collect()
    }

    fn size(outcome: &ServeOutcome) -> usize {
        let ServeOutcome::Content(content) = outcome else {
            return 0;
        };
        let body = match &content.body {
            ServeBody::Inline(body) => body.body.len(),
            ServeBody::File(_) => 0,
        };
        // The derived response has the headers, too.
        DERIVED_BYTES + body + 2 * headers_size(&content.headers)
    }
}

impl Hook<Serve> {
    #[must_use]
    pub(crate) fn phase(&self) -> Phase {
        self.type_options().phase
    }
}
