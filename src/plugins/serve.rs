//! The serve hook: answer requests with virtual files.

use super::PluginRegistry;
use super::counters::CallOutcome;
use super::hook::{Hook, HookFailure, HookType, InlineBody, RequestContext, size_of_headers};
use super::hook_set::HookSet;
use super::session::HookKind;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// When in the pipeline a hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Ahead of every other plugin.
    First,
    /// Before a file is looked for.
    BeforeFiles,
    /// Only when no file answers.
    AfterFiles,
}

/// What a plugin says when it opens the hook, beside what all hooks have.
#[derive(Debug)]
pub(crate) struct ServeOptions {
    /// When to ask.
    pub phase: Phase,
    /// Largest request body that it gets; 0 = none.
    pub max_request_body_bytes: usize,
    /// The folder of its session.
    pub scratch_dir: Option<PathBuf>,
}

/// What a plugin is asked.
#[derive(Clone, Debug)]
pub(crate) struct ServeCall {
    /// What to answer.
    pub request: RequestContext,
    /// The request's body; empty when it has none.
    pub body: Bytes,
    /// The request has a body that is larger than the plugin asks for.
    pub body_omitted: bool,
}

/// What a plugin answered.
#[derive(Debug)]
pub(crate) enum ServeOutcome {
    /// Not mine.
    Skip {
        /// Nor is any such request, until invalidated.
        remember: bool,
    },
    /// This.
    Content(ServeContent),
    /// Mine, but broken: shown, never fallen through.
    Failure(HookFailure),
}

/// A virtual file.
#[derive(Debug)]
pub(crate) struct ServeContent {
    /// 200-599.
    pub status: u16,
    /// A MIME type, a file extension, or empty = by the path.
    pub content_type: String,
    /// Further headers, checked by the edge.
    pub headers: Vec<(String, Bytes)>,
    /// The body.
    pub body: ServeBody,
    /// Such requests may be answered with it from now on.
    pub remember: bool,
    /// No client injection.
    pub verbatim: bool,
    /// Further files that it was made from, absolute.
    pub depends_on: Vec<PathBuf>,
}

/// The body of a virtual file.
#[derive(Debug)]
pub(crate) enum ServeBody {
    /// What came with the result.
    Inline(InlineBody),
    /// What is in a file, which the edge reads. Where it may be is checked there.
    File(PathBuf),
}

/// The kind of hook.
#[derive(Debug)]
pub(crate) struct Serve;

impl HookType for Serve {
    const HOOK: HookKind = HookKind::Serve;
    type Options = ServeOptions;
    type Call = ServeCall;
    type Outcome = ServeOutcome;

    fn call_outcome(outcome: &ServeOutcome) -> CallOutcome {
        match outcome {
            ServeOutcome::Skip { .. } => CallOutcome::Pass,
            ServeOutcome::Content(_) => CallOutcome::Content,
            ServeOutcome::Failure(_) => CallOutcome::Failure,
        }
    }

    fn phase(options: &ServeOptions) -> Phase {
        options.phase
    }

    fn hooks(plugins: &PluginRegistry) -> &HookSet<Self> {
        plugins.serve()
    }

    fn may_keep(outcome: &ServeOutcome) -> bool {
        match outcome {
            ServeOutcome::Skip { remember } => *remember,
            ServeOutcome::Content(content) => content.remember,
            ServeOutcome::Failure(_) => false,
        }
    }

    fn files(outcome: &ServeOutcome) -> Vec<&Path> {
        let content = match outcome {
            ServeOutcome::Content(content) => content,
            ServeOutcome::Failure(failure) => return failure.files(),
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
        body + size_of_headers(&content.headers)
    }
}

impl Hook<Serve> {
    /// When it is asked.
    #[must_use]
    pub(crate) fn phase(&self) -> Phase {
        self.type_options().phase
    }
}
