//! The serve hook: answer requests with virtual files.

use super::Plugins;
use super::calls::{CallError, Calls};
use super::counters::{Counters, Verdict};
use super::filters::{RequestFacts, RequestFilter};
use super::sessions::Session;
use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// When in the pipeline a hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Ahead of every other plugin.
    First,
    /// Before a file is looked for.
    BeforeFiles,
    /// Only when no file answers.
    AfterFiles,
}

/// What a page gets when the plugin does not answer: on timeout, crash, overload or a lost
/// stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// An error that names the plugin.
    Fail,
    /// As if the plugin had skipped, said in a header.
    Skip,
}

/// What a plugin said when it opened the hook.
#[derive(Debug)]
pub struct ServeOptions {
    /// A request is asked about when any of these matches.
    pub filters: Vec<RequestFilter>,
    /// When to ask.
    pub phase: Phase,
    /// What else a failure means.
    pub failure_mode: FailureMode,
    /// Lower-case names; `*` = all.
    pub forward_headers: Vec<String>,
}

/// The request a plugin is asked about.
#[derive(Clone, Debug)]
pub struct ServeCall {
    /// Upper-case.
    pub method: String,
    /// Decoded; begins with `/`.
    pub path: String,
    /// As received, without `?`.
    pub query: String,
    /// Those the plugin asked for; names are lower-case.
    pub headers: Vec<(String, Bytes)>,
    /// The W3C `traceparent` header.
    pub traceparent: String,
    /// The request target as received.
    pub raw_target: String,
    /// As received.
    pub host: String,
    /// The file that would answer, if there is one.
    pub file: Option<PathBuf>,
    /// The request has a body, which is not forwarded.
    pub body_omitted: bool,
}

/// What a plugin answered.
#[derive(Debug)]
pub enum ServeOutcome {
    /// Not mine.
    Skip,
    /// This.
    Content(ServeContent),
    /// Mine, but broken: shown, never fallen through.
    Failure(HookFailure),
}

/// A virtual file.
#[derive(Debug)]
pub struct ServeContent {
    /// 200-599.
    pub status: u16,
    /// A MIME type, a file extension, or empty = by the path.
    pub content_type: String,
    /// Further headers, checked by the edge.
    pub headers: Vec<(String, Bytes)>,
    /// The body.
    pub body: Bytes,
    /// No client injection.
    pub verbatim: bool,
}

/// A plugin's own considered failure.
#[derive(Debug, Default)]
pub struct HookFailure {
    /// 400-599.
    pub status: u16,
    /// For the developer.
    pub message: String,
    /// May be empty.
    pub stack: String,
    /// Where in the source.
    pub location: Option<SourceLocation>,
}

/// A place in a source file.
#[derive(Debug, Default)]
pub struct SourceLocation {
    /// As the plugin names it.
    pub file: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// The lines around it.
    pub frame: String,
}

/// A plugin's open serve hook.
pub struct ServeHook {
    plugin: String,
    /// In the configuration.
    place: Option<usize>,
    /// The session's.
    counters: Arc<Counters>,
    phase: Phase,
    failure_mode: FailureMode,
    forward_headers: Vec<String>,
    filters: RwLock<Arc<[RequestFilter]>>,
    calls: Calls<ServeCall, ServeOutcome>,
}

impl ServeHook {
    /// A hook of this session's plugin whose calls go to `calls`.
    #[must_use]
    pub fn new(
        session: &Session,
        options: ServeOptions,
        calls: Calls<ServeCall, ServeOutcome>,
    ) -> Arc<Self> {
        Arc::new(Self {
            plugin: session.name().to_owned(),
            place: session.place(),
            counters: session.counters().clone(),
            phase: options.phase,
            failure_mode: options.failure_mode,
            forward_headers: options.forward_headers,
            filters: RwLock::new(options.filters.into()),
            calls,
        })
    }

    /// The plugin's name.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// When it is asked.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What a page gets when it does not answer.
    #[must_use]
    pub fn failure_mode(&self) -> FailureMode {
        self.failure_mode
    }

    /// Whether it wants this request header; the name is lower-case.
    #[must_use]
    pub fn forwards(&self, header: &str) -> bool {
        self.forward_headers
            .iter()
            .any(|name| name == "*" || name == header)
    }

    /// Whether any filter matches.
    #[must_use]
    pub fn wants(&self, request: RequestFacts<'_>) -> bool {
        let filters = self
            .filters
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        filters.iter().any(|filter| filter.matches(request))
    }

    /// Replaces all filters: no later request sees the old ones.
    pub fn update_filters(&self, filters: Vec<RequestFilter>) {
        *self.filters.write().unwrap_or_else(PoisonError::into_inner) = filters.into();
    }

    /// Asks the plugin.
    pub async fn ask(&self, call: ServeCall) -> Result<ServeOutcome, CallError> {
        self.counters.called();
        let begin = Instant::now();
        let result = self.calls.call(call).await;
        let verdict = match &result {
            Ok(ServeOutcome::Content(_)) => Verdict::Content,
            Ok(ServeOutcome::Skip) => Verdict::Pass,
            Err(CallError::TimedOut) => Verdict::Timeout,
            Ok(ServeOutcome::Failure(_)) | Err(CallError::Gone | CallError::Overloaded) => {
                Verdict::Failure
            }
        };
        self.counters.judged(verdict, begin.elapsed());
        result
    }

    /// A result came from the plugin.
    pub fn resolve(&self, call_id: u64, outcome: ServeOutcome) {
        if !self.calls.resolve(call_id, outcome) {
            self.counters.late();
        }
    }

    /// The place in the order: the configuration's, then phase, then name; but what is first is ahead
    /// of all. It never depends on who came first.
    pub(super) fn rank(&self) -> impl Ord {
        (
            self.phase != Phase::First,
            self.place.unwrap_or(usize::MAX),
            self.phase,
            &self.plugin,
        )
    }
}

/// Holds a serve hook open. Dropping it withdraws the hook and ends its calls.
pub struct ServeHookGuard {
    pub(super) plugins: Arc<Plugins>,
    pub(super) session: Arc<Session>,
    pub(super) hook: Arc<ServeHook>,
}

impl ServeHookGuard {
    /// The hook.
    #[must_use]
    pub fn hook(&self) -> &Arc<ServeHook> {
        &self.hook
    }
}

impl Drop for ServeHookGuard {
    fn drop(&mut self) {
        self.plugins.withdraw_serve(&self.session, &self.hook);
        self.hook.calls.close();
    }
}
