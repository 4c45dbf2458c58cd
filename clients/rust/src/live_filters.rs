//! Filters that can be replaced while their hook is open.

use crate::{
    Error, Filter, Result,
    proto::{self, RequestFilter},
};
use std::{collections::BTreeMap, fmt};
use tokio::sync::{oneshot, watch};
use tonic::Status;

/// A handle that replaces the filters of a hook while its plugin runs, so that an editor, for example, is
/// called only for files with unsaved changes. Returned by
/// [`ServeOptions::live_filters`](crate::ServeOptions::live_filters) and its counterparts. Cheap to clone.
///
/// It holds the filters whether the plugin runs or not: a plugin that is run again with a clone of the options
/// opens its hook with the filters that were set last.
///
/// ```no_run
/// # use pagewire_client::{Content, Filter, Plugin, Result, ServeOptions};
/// # async fn edit() -> Result<()> {
/// let options = ServeOptions::new([]).first();
/// let buffers = options.live_filters();
/// let editor = Plugin::new("editor")
///     .serve(options, |_request| async { Ok(Content::css("body { color: red }")) });
/// tokio::spawn(editor.run());
///
/// buffers.set([Filter::file("/srv/site/style.css")]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LiveFilters(watch::Sender<State>);

struct State {
    /// The filters that were set last. A refusal restores the active ones.
    filters: Vec<RequestFilter>,
    /// Incremented each time the filters are set.
    version: u64,
    /// The filters that a new hook opens with, and their version: the newest that a daemon applies, or that were
    /// set while no hook was open.
    active: (u64, Vec<RequestFilter>),
    /// The open hooks, numbered in the order of opening.
    hooks: BTreeMap<u64, Progress>,
    hooks_opened: u64,
    /// The calls of `set` that wait for the hooks.
    waiting: Vec<Waiting>,
}

/// The progress of one hook; its versions are at most [`State::version`].
#[derive(Clone)]
struct Progress {
    /// The version that was last sent to the daemon, and its filters.
    sent: (u64, Vec<RequestFilter>),
    /// The version that the daemon answered last; 0 until the hook is open. Less than the sent one while an
    /// update is in flight; there is at most one at a time.
    answered: u64,
}

/// A call of `set`.
struct Waiting {
    version: u64,
    result: oneshot::Sender<Result<()>>,
}

impl LiveFilters {
    pub(crate) fn new<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
        let filters: Vec<_> = filters.into_iter().map(|filter| filter.0).collect();
        Self(watch::Sender::new(State {
            filters: filters.clone(),
            version: 1,
            active: (1, filters),
            hooks: BTreeMap::new(),
            hooks_opened: 0,
            waiting: Vec::new(),
        }))
    }

    /// Replaces all filters; with none the hook is not called. Returns once the filters are active: no later
    /// request is matched against the old ones. Of several concurrent calls the last one wins, and all return
    /// once its filters are active. Returns immediately while the plugin does not run.
    ///
    /// # Errors
    /// [`Error::Rpc`](crate::Error::Rpc) when the daemon refuses a filter (`FIELD_INVALID`): the earlier filters
    /// stay, here too, and the plugin continues. Otherwise the error that ended the connection meanwhile; the
    /// plugin then opens its next one with the new filters. A daemon of an older version ends the plugin when it
    /// refuses a filter.
    pub async fn set<I: IntoIterator<Item = Filter>>(&self, filters: I) -> Result<()> {
        let filters = filters.into_iter().map(|filter| filter.0).collect();
        let (result, done) = oneshot::channel();
        self.0.send_modify(|state| {
            state.filters = filters;
            state.version += 1;
            let version = state.version;
            state.waiting.push(Waiting { version, result });
            state.settle();
        });
        done.await.expect("self holds the sender")
    }

    /// Registers a hook: returns the filters to open it with, and a guard that unregisters it on drop.
    pub(crate) fn open(&self) -> (Vec<RequestFilter>, HookFilters) {
        let mut opened = (Vec::new(), 0);
        self.0.send_modify(|state| {
            state.hooks_opened += 1;
            let progress = Progress {
                sent: state.active.clone(),
                answered: 0,
            };
            state.hooks.insert(state.hooks_opened, progress);
            opened = (state.active.1.clone(), state.hooks_opened);
        });
        let (filters, hook) = opened;
        let all = self.clone();
        (filters, HookFilters { all, hook })
    }
}

impl fmt::Debug for LiveFilters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("LiveFilters")
            .field(&self.0.borrow().filters)
            .finish()
    }
}

impl State {
    /// Completes the calls whose filters are answered by every open hook.
    fn settle(&mut self) {
        if self.hooks.is_empty() {
            self.active = (self.version, self.filters.clone());
        }
        let hooks = self.hooks.values();
        let answered = hooks.map(|hook| hook.answered).min().unwrap_or(u64::MAX);
        for done in self.waiting.extract_if(.., |call| call.version <= answered) {
            // The caller may have been cancelled.
            let _ = done.result.send(Ok(()));
        }
    }

    /// Fails the calls whose filters are in the update that a hook has in flight.
    fn fail(&mut self, hook: &Progress, error: impl Fn() -> Error) {
        let failed = hook.answered + 1..=hook.sent.0;
        for call in self
            .waiting
            .extract_if(.., |call| failed.contains(&call.version))
        {
            let _ = call.result.send(Err(error()));
        }
    }
}

/// Registration of one open hook, removed on drop.
pub(crate) struct HookFilters {
    all: LiveFilters,
    hook: u64,
}

impl HookFilters {
    /// Waits until the previous filters are answered and newer ones are set, and returns the newest.
    pub(crate) async fn next(&self) -> Vec<RequestFilter> {
        let mut changes = self.all.0.subscribe();
        let due = |state: &State| {
            let hook = &state.hooks[&self.hook];
            hook.sent.0 == hook.answered && hook.sent.0 < state.version
        };
        let found = changes.wait_for(due).await.map(drop);
        found.expect("self holds the sender");
        let mut filters = Vec::new();
        self.modify(|hook, state| {
            filters.clone_from(&state.filters);
            hook.sent = (state.version, filters.clone());
        });
        filters
    }

    /// Records that the daemon applies the filters that were sent. Returns whether it did not before.
    pub(crate) fn confirm(&self) -> bool {
        let mut changed = false;
        self.modify(|hook, state| {
            changed = hook.answered < hook.sent.0;
            hook.answered = hook.sent.0;
            if hook.sent.0 > state.active.0 {
                state.active.clone_from(&hook.sent);
            }
        });
        changed
    }

    /// Records that the daemon refused the filters that were sent and applies the earlier ones.
    pub(crate) fn refused(&self, error: &proto::FiltersError) {
        self.modify(|hook, state| {
            state.fail(hook, || error.clone().into());
            hook.answered = hook.sent.0;
            // Otherwise newer filters wait to be sent.
            if hook.sent.0 == state.version {
                state.filters.clone_from(&state.active.1);
                state.active.0 = state.version;
            }
        });
    }

    /// Records that the hook's stream failed; callers that wait for its update get the error.
    pub(crate) fn failed(&self, status: &Status) {
        self.modify(|hook, state| state.fail(hook, || status.clone().into()));
    }

    fn modify(&self, change: impl FnOnce(&mut Progress, &mut State)) {
        self.all.0.send_modify(|state| {
            let mut hook = state.hooks[&self.hook].clone();
            change(&mut hook, state);
            state.hooks.insert(self.hook, hook);
            state.settle();
        });
    }
}

impl Drop for HookFilters {
    fn drop(&mut self) {
        self.all.0.send_modify(|state| {
            state.hooks.remove(&self.hook);
            state.settle();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::pin::pin;

    fn paths(filters: &[RequestFilter]) -> Vec<&str> {
        let paths = filters.iter().flat_map(|filter| &filter.exact_paths);
        paths.map(String::as_str).collect()
    }

    #[tokio::test]
    async fn a_hook_opens_with_the_filters_set_before() {
        let live = LiveFilters::new([]);
        live.set([Filter::path("/a")]).await.unwrap();
        let (filters, _hook) = live.open();
        assert_eq!(paths(&filters), ["/a"]);
    }

    #[tokio::test]
    async fn set_returns_once_every_open_hook_applies_the_filters() {
        let live = LiveFilters::new([]);
        let (one, another) = (live.open().1, live.open().1);
        one.confirm();
        another.confirm();
        let mut set = pin!(live.set([Filter::path("/a")]));
        assert!(set.as_mut().now_or_never().is_none());
        for hook in [&one, &another] {
            assert!(set.as_mut().now_or_never().is_none());
            assert_eq!(paths(&hook.next().await), ["/a"]);
            hook.confirm();
        }
        set.await.unwrap();
    }

    #[tokio::test]
    async fn filters_set_during_an_update_are_sent_after_it() {
        let live = LiveFilters::new([]);
        let (_, hook) = live.open();
        let mut early = pin!(live.set([Filter::path("/early")]));
        assert!(early.as_mut().now_or_never().is_none());
        assert!(hook.next().now_or_never().is_none(), "not open yet");
        hook.confirm();
        assert_eq!(paths(&hook.next().await), ["/early"]);

        let mut skipped = pin!(live.set([Filter::path("/skipped")]));
        let mut last = pin!(live.set([Filter::path("/last")]));
        assert!(skipped.as_mut().now_or_never().is_none());
        assert!(last.as_mut().now_or_never().is_none());
        assert!(hook.next().now_or_never().is_none(), "one at a time");
        hook.confirm();
        early.await.unwrap();
        assert_eq!(paths(&hook.next().await), ["/last"]);
        hook.confirm();
        skipped.await.unwrap();
        last.await.unwrap();
        assert!(hook.next().now_or_never().is_none(), "nothing was set");
    }

    /// The daemon's refusal of a filter.
    fn refusal() -> proto::FiltersError {
        proto::FiltersError {
            code: crate::Code::InvalidArgument.into(),
            reason: "FIELD_INVALID".to_owned(),
            message: "a filter is invalid".to_owned(),
            field_violations: vec![proto::FieldViolation {
                field: "filters[0].path_regexes[0]".to_owned(),
                description: "a group that does not end".to_owned(),
            }],
        }
    }

    #[tokio::test]
    async fn refused_filters_fail_their_caller_and_the_earlier_ones_stay() {
        let live = LiveFilters::new([Filter::path("/a")]);
        let (_, hook) = live.open();
        hook.confirm();
        let mut bad = pin!(live.set([Filter::regex("(")]));
        assert!(bad.as_mut().now_or_never().is_none());
        hook.next().await;
        hook.refused(&refusal());
        let refused = bad.await.unwrap_err();
        assert_eq!(refused.code(), Some(crate::Code::InvalidArgument));
        assert_eq!(refused.reason(), Some("FIELD_INVALID"));
        assert_eq!(refused.violations()[0].field, "filters[0].path_regexes[0]");
        assert!(hook.next().now_or_never().is_none(), "nothing is sent");
        drop(hook);
        assert_eq!(paths(&live.open().0), ["/a"], "of the next connection");
    }

    #[tokio::test]
    async fn filters_set_while_others_are_refused_are_sent_after_them() {
        let live = LiveFilters::new([]);
        let (_, hook) = live.open();
        hook.confirm();
        let mut bad = pin!(live.set([Filter::regex("(")]));
        assert!(bad.as_mut().now_or_never().is_none());
        hook.next().await;
        let mut later = pin!(live.set([Filter::path("/later")]));
        assert!(later.as_mut().now_or_never().is_none());
        hook.refused(&refusal());
        assert!(bad.await.is_err());
        assert_eq!(paths(&hook.next().await), ["/later"]);
        hook.confirm();
        later.await.unwrap();
    }

    #[tokio::test]
    async fn a_hook_that_opens_during_an_update_begins_with_the_active_filters() {
        let live = LiveFilters::new([Filter::path("/a")]);
        let (_, one) = live.open();
        one.confirm();
        let mut set = pin!(live.set([Filter::path("/b")]));
        assert!(set.as_mut().now_or_never().is_none());
        one.next().await;
        let (filters, another) = live.open();
        assert_eq!(paths(&filters), ["/a"]);
        one.confirm();
        another.confirm();
        assert!(
            set.as_mut().now_or_never().is_none(),
            "not yet at the other"
        );
        assert_eq!(paths(&another.next().await), ["/b"]);
        another.confirm();
        set.await.unwrap();
    }

    #[tokio::test]
    async fn a_lost_connection_fails_only_the_callers_of_the_update_in_flight() {
        let live = LiveFilters::new([]);
        let (_, hook) = live.open();
        hook.confirm();
        let mut sent = pin!(live.set([Filter::path("/sent")]));
        assert!(sent.as_mut().now_or_never().is_none());
        hook.next().await;
        let mut later = pin!(live.set([Filter::path("/later")]));
        assert!(later.as_mut().now_or_never().is_none());
        hook.failed(&Status::unavailable("lost"));
        drop(hook);
        let lost = sent.await.unwrap_err();
        assert_eq!(lost.code(), Some(crate::Code::Unavailable));
        later.await.unwrap();
        assert_eq!(paths(&live.open().0), ["/later"]);
    }

    #[tokio::test]
    async fn clones_of_options_share_their_filters() {
        let options = crate::ServeOptions::new([]).first();
        let again = options.clone();
        options
            .live_filters()
            .set([Filter::path("/a")])
            .await
            .unwrap();
        assert_eq!(paths(&again.filters.open().0), ["/a"]);
    }
}
