//! An open hook: whose it is, which requests it wants, and its calls. What all kinds of hooks share.

use super::PluginRegistry;
use super::calls::{CallError, Calls};
use super::counters::{CallOutcome, Counters};
use super::filters::{RequestFacts, RequestFilter};
use super::hook_set::HookSet;
use super::serve::Phase;
use super::session::{HookKind, Session};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

/// A kind of hook: what a plugin is asked, and what it answers.
pub(crate) trait HookType: Sized + 'static {
    /// As sessions declare it.
    const HOOK: HookKind;
    /// What a plugin says when it opens the hook, beside what all hooks have.
    type Options: Send + Sync;
    /// What it is asked.
    type Call: Send;
    /// What it answers.
    type Outcome: Send + Sync;

    /// What an answer counts as.
    fn call_outcome(outcome: &Self::Outcome) -> CallOutcome;

    /// When it is asked. Kinds without phases have one.
    fn phase(_: &Self::Options) -> Phase {
        Phase::BeforeFiles
    }

    /// The open hooks of this kind, and what is remembered of them.
    fn hooks(plugins: &PluginRegistry) -> &HookSet<Self>;

    /// Whether an answer may stand for later ones to the same question.
    fn may_keep(outcome: &Self::Outcome) -> bool;

    /// The files that an answer was made from, as its plugin names them.
    fn files(outcome: &Self::Outcome) -> Vec<&Path>;

    /// Bytes that an answer takes, without what every answer takes.
    fn size(outcome: &Self::Outcome) -> usize;
}

/// A body that came with an answer.
#[derive(Debug)]
pub(crate) struct InlineBody {
    /// All of it.
    pub body: Bytes,
    /// Of its content.
    pub hash: u128,
    /// It is text in UTF-8.
    pub is_utf8: bool,
}

impl HookFailure {
    pub(super) fn files(&self) -> Vec<&Path> {
        self.depends_on.iter().map(PathBuf::as_path).collect()
    }
}

impl InlineBody {
    /// Looks the body through once, so that nobody has to again.
    #[must_use]
    pub(crate) fn new(body: Bytes) -> Self {
        Self {
            hash: xxh3_128(&body),
            is_utf8: std::str::from_utf8(&body).is_ok(),
            body,
        }
    }
}

/// Bytes that header fields take.
pub(super) fn size_of_headers(headers: &[(String, Bytes)]) -> usize {
    let sizes = headers.iter().map(|(name, value)| name.len() + value.len());
    sizes.sum()
}

/// What a page gets when the plugin does not answer: on timeout, crash, overload or a lost
/// stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureMode {
    /// An error that names the plugin.
    Fail,
    /// As if the plugin had skipped, said in a header.
    Skip,
}

/// What a plugin says when it opens a hook.
#[derive(Debug)]
pub(crate) struct HookOptions<K: HookType> {
    /// A request is asked about when any of these matches.
    pub filters: Vec<RequestFilter>,
    /// What a page gets when the plugin does not answer.
    pub failure_mode: FailureMode,
    /// Lower-case names; `*` = all.
    pub forward_headers: Vec<String>,
    /// What this kind of hook has of its own.
    pub type_options: K::Options,
}

/// The request a plugin is asked about.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
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
}

/// A plugin's own considered failure.
#[derive(Debug, Default)]
pub(crate) struct HookFailure {
    /// 400-599.
    pub status: u16,
    /// For the developer.
    pub message: String,
    /// May be empty.
    pub stack: String,
    /// Where in the source.
    pub location: Option<SourceLocation>,
    /// Further files, absolute, whose change may mend it.
    pub depends_on: Vec<PathBuf>,
}

/// A place in a source file.
#[derive(Debug, Default)]
pub(crate) struct SourceLocation {
    /// As the plugin names it.
    pub file: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// The lines around it.
    pub frame: String,
}

/// A plugin's open hook.
pub(crate) struct Hook<K: HookType> {
    plugin: String,
    /// In the configuration.
    place: Option<usize>,
    /// The session's.
    counters: Arc<Counters>,
    failure_mode: FailureMode,
    forward_headers: Vec<String>,
    type_options: K::Options,
    filters: RwLock<Arc<[RequestFilter]>>,
    /// See [`Hook::id`].
    id: AtomicU64,
    calls: Calls<K::Call, K::Outcome>,
}

impl<K: HookType> Hook<K> {
    /// A hook of this session's plugin whose calls go to `calls`.
    #[must_use]
    pub(crate) fn new(
        session: &Session,
        options: HookOptions<K>,
        calls: Calls<K::Call, K::Outcome>,
    ) -> Arc<Self> {
        Arc::new(Self {
            plugin: session.name().to_owned(),
            place: session.place(),
            counters: session.counters().clone(),
            failure_mode: options.failure_mode,
            forward_headers: options.forward_headers,
            type_options: options.type_options,
            filters: RwLock::new(options.filters.into()),
            id: AtomicU64::new(next_id()),
            calls,
        })
    }

    /// The plugin's name.
    #[must_use]
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Names this hook with its filters, and no other that was or will be: what is kept of its
    /// answers is found under it, and never again once the hook or its filters have gone.
    #[must_use]
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Acquire)
    }

    /// What a page gets when it does not answer.
    #[must_use]
    pub(crate) fn failure_mode(&self) -> FailureMode {
        self.failure_mode
    }

    /// What this kind of hook has of its own.
    #[must_use]
    pub(crate) fn type_options(&self) -> &K::Options {
        &self.type_options
    }

    /// Whether it wants this request header; the name is lower-case.
    #[must_use]
    pub(crate) fn forwards(&self, header: &str) -> bool {
        self.forward_headers
            .iter()
            .any(|name| name == "*" || name == header)
    }

    /// Whether any filter matches.
    #[must_use]
    pub(crate) fn matches(&self, request: RequestFacts<'_>) -> bool {
        let filters = self
            .filters
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        filters.iter().any(|filter| filter.matches(request))
    }

    /// Whether any filter asks which file would answer.
    #[must_use]
    pub(crate) fn filters_by_file(&self) -> bool {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        filters.iter().any(|filter| !filter.file_paths.is_empty())
    }

    /// Whether any filter asks of which type the response is.
    #[must_use]
    pub(crate) fn filters_by_mime_type(&self) -> bool {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        filters.iter().any(|filter| !filter.mime_types.is_empty())
    }

    /// To be called while the order of hooks is made anew, see [`HookGuard::update_filters`].
    fn set_filters(&self, filters: Vec<RequestFilter>) {
        *self.filters.write().unwrap_or_else(PoisonError::into_inner) = filters.into();
        self.id.store(next_id(), Ordering::Release);
    }

    /// Asks the plugin.
    pub(crate) async fn call(&self, call: K::Call) -> Result<K::Outcome, CallError> {
        self.counters.called();
        let begin = Instant::now();
        let result = self.calls.call(call).await;
        let verdict = match &result {
            Ok(outcome) => K::call_outcome(outcome),
            Err(CallError::TimedOut) => CallOutcome::Timeout,
            Err(CallError::Disconnected | CallError::Overloaded) => CallOutcome::Failure,
            Err(CallError::NotSent) => {
                self.counters.not_called();
                return result;
            }
        };
        self.counters.judged(verdict, begin.elapsed());
        result
    }

    /// A result came from the plugin.
    pub(crate) fn resolve(&self, call_id: u64, outcome: K::Outcome) {
        if !self.calls.resolve(call_id, outcome) {
            self.counters.late();
        }
    }

    /// The place in the order: the configuration's, then phase, then name; but what is first is ahead
    /// of all. It never depends on who came first.
    pub(super) fn rank(&self) -> impl Ord {
        let phase = K::phase(&self.type_options);
        (
            phase != Phase::First,
            self.place.unwrap_or(usize::MAX),
            phase,
            &self.plugin,
        )
    }
}

fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// Holds a hook open. Dropping it withdraws the hook and ends its calls.
pub(crate) struct HookGuard<K: HookType> {
    pub(super) plugins: Arc<PluginRegistry>,
    pub(super) session: Arc<Session>,
    pub(super) hook: Arc<Hook<K>>,
}

impl<K: HookType> HookGuard<K> {
    /// The hook.
    #[must_use]
    pub(crate) fn hook(&self) -> &Arc<Hook<K>> {
        &self.hook
    }

    /// Replaces all filters: no later request sees the old ones, or what was remembered under them.
    pub(crate) fn update_filters(&self, filters: Vec<RequestFilter>) {
        let hooks = K::hooks(&self.plugins);
        let before = self.hook.id();
        hooks.order.change(|_| self.hook.set_filters(filters));
        hooks.cache.remove_hook(before);
    }
}

impl<K: HookType> Drop for HookGuard<K> {
    fn drop(&mut self) {
        self.plugins.withdraw(&self.session, &self.hook);
        self.hook.calls.close();
    }
}
