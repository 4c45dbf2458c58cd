//! An open hook of any type: its filters, its options, its position in the order, and its calls.

use super::answered::Answered;
use super::calls::{CallError, Calls};
use super::counters::{CallOutcome, Counters};
use super::filters::{RequestFacts, RequestFilters};
use super::session::{HookKind, Session};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// A type of hook: its options, the calls it receives and the outcomes it returns.
pub(crate) trait HookType: Sized + 'static {
    /// The kind under which sessions declare this hook.
    const KIND: HookKind;
    /// Options that only this type has.
    type Options: Send + Sync;
    type Call: Send;
    type Outcome: Send + Sync;

    /// Classifies an outcome for the counters.
    fn classify(outcome: &Self::Outcome) -> CallOutcome;

    /// The phase in which the hook is called. Types without phases share the default.
    fn phase(_: &Self::Options) -> Phase {
        Phase::BeforeFiles
    }

    /// Whether an outcome may be reused for identical calls.
    fn is_cacheable(outcome: &Self::Outcome) -> bool;

    /// The files that the plugin names as inputs of an outcome.
    fn dependencies(outcome: &Self::Outcome) -> Vec<&Path>;

    /// The memory that an outcome's variable parts take, in bytes.
    fn size(outcome: &Self::Outcome) -> usize;
}

/// When a hook is called, relative to the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Before every other plugin.
    First,
    /// Before files are looked up.
    BeforeFiles,
    /// Only when no file matches.
    AfterFiles,
}

/// What a page gets when the plugin does not answer because of a timeout, a crash, overload or a lost
/// stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureMode {
    /// An error that names the plugin.
    Fail,
    /// The response without the plugin, which a header lists as skipped.
    Skip,
}

/// The options that a plugin passes when it opens a hook.
#[derive(Debug)]
pub(crate) struct HookOptions<H: HookType> {
    /// The hook is called for requests that match any of these.
    pub filters: RequestFilters,
    pub failure_mode: FailureMode,
    /// Lower-case names of the request headers that calls carry; `*` = all.
    pub forward_headers: HashSet<String>,
    pub type_options: H::Options,
}

/// A plugin's open hook.
pub(crate) struct Hook<H: HookType> {
    plugin: String,
    /// The index of the plugin in the configuration, if it is configured.
    slot: Option<usize>,
    /// Shared with the session.
    counters: Arc<Counters>,
    /// See [`Session::answered`].
    answered: Option<Arc<Answered>>,
    failure_mode: FailureMode,
    forward_headers: HashSet<String>,
    type_options: H::Options,
    filters: RwLock<Arc<RequestFilters>>,
    /// See [`Hook::id`].
    id: AtomicU64,
    calls: Calls<H::Call, H::Outcome>,
}

impl<H: HookType> Hook<H> {
    /// Creates a hook for this session's plugin. Calls are sent through `calls`.
    #[must_use]
    pub(crate) fn new(
        session: &Session,
        options: HookOptions<H>,
        calls: Calls<H::Call, H::Outcome>,
    ) -> Arc<Self> {
        Arc::new(Self {
            plugin: session.name().to_owned(),
            slot: session.slot(),
            counters: session.counters().clone(),
            answered: session.answered().cloned(),
            failure_mode: options.failure_mode,
            forward_headers: options.forward_headers,
            type_options: options.type_options,
            filters: RwLock::new(options.filters.into()),
            id: AtomicU64::new(next_id()),
            calls,
        })
    }

    #[must_use]
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The index of the plugin in the configuration; none = it is not configured.
    pub(super) fn slot(&self) -> Option<usize> {
        self.slot
    }

    /// Records that the plugin answered a request for this decoded URL path. A skip is no answer.
    pub(super) fn record_answer(&self, path: &str, outcome: &H::Outcome) {
        if let Some(answered) = &self.answered
            && H::classify(outcome) != CallOutcome::Skip
        {
            answered.add(path);
        }
    }

    /// Returns an id for this hook with its current filters. Ids are never reused, and the id changes
    /// with the filters, so results cached under an old id are never found again.
    #[must_use]
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Acquire)
    }

    #[must_use]
    pub(crate) fn failure_mode(&self) -> FailureMode {
        self.failure_mode
    }

    #[must_use]
    pub(crate) fn type_options(&self) -> &H::Options {
        &self.type_options
    }

    /// Whether calls carry this request header. The name is lower-case.
    #[must_use]
    pub(crate) fn forwards(&self, header: &str) -> bool {
        let names = &self.forward_headers;
        !names.is_empty() && (names.contains(header) || names.contains("*"))
    }

    /// Whether any filter matches the request.
    #[must_use]
    pub(crate) fn matches(&self, request: RequestFacts<'_>) -> bool {
        let filters = self
            .filters
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        filters.matches(request)
    }

    /// Whether any filter has a condition on the file that would be served.
    #[must_use]
    pub(crate) fn filters_by_file(&self) -> bool {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        filters.by_file()
    }

    /// Whether any filter has a condition on the response's MIME type.
    #[must_use]
    pub(crate) fn filters_by_mime_type(&self) -> bool {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        filters.by_mime_type()
    }

    /// Replaces the filters and the id. Must be called inside
    /// [`HookOrder::change`](super::order::HookOrder::change), so that no snapshot mixes old and new
    /// filters. Without any, requests with an old snapshot do not call the plugin either.
    pub(super) fn set_filters(&self, filters: RequestFilters) {
        self.calls.set_paused(filters.is_empty());
        *self.filters.write().unwrap_or_else(PoisonError::into_inner) = filters.into();
        self.id.store(next_id(), Ordering::Release);
    }

    /// Calls the plugin and counts the outcome.
    pub(crate) async fn call(&self, call: H::Call) -> Result<H::Outcome, CallError> {
        self.counters.count_call();
        let begin = Instant::now();
        let result = self.calls.call(call).await;
        let outcome = match &result {
            Ok(outcome) => H::classify(outcome),
            Err(CallError::TimedOut) => CallOutcome::Timeout,
            Err(CallError::Disconnected | CallError::Overloaded) => CallOutcome::Failure,
            Err(CallError::NotSent) => {
                self.counters.uncount_call();
                return result;
            }
        };
        self.counters.count_outcome(outcome, begin.elapsed());
        result
    }

    /// Hands a result from the plugin to the waiting call. Late and unknown results are only counted.
    pub(crate) fn resolve(&self, call_id: u64, outcome: H::Outcome) {
        if !self.calls.resolve(call_id, outcome) {
            self.counters.count_late_result();
        }
    }

    /// Records that the transport has taken a call, so that it may reach the plugin. Returns false for a
    /// call that must not be sent, because nobody waits for it any more.
    #[must_use]
    pub(crate) fn mark_taken(&self, call_id: u64) -> bool {
        self.calls.mark_taken(call_id)
    }

    /// Fails all outstanding and queued calls.
    pub(super) fn close(&self) {
        self.calls.close();
    }

    /// The sort key of the call order: hooks of phase `First`, then configured plugins in the order of
    /// the configuration, then by phase and name. It never depends on the order of connection.
    pub(super) fn rank(&self) -> impl Ord {
        let phase = H::phase(&self.type_options);
        (
            phase != Phase::First,
            self.slot.unwrap_or(usize::MAX),
            phase,
            &self.plugin,
        )
    }
}

fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}
