//! Filters that can be replaced while their hook is open.

use crate::{Filter, Result, proto::RequestFilter};
use std::{collections::BTreeMap, fmt};
use tokio::sync::watch;
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
    filters: Vec<RequestFilter>,
    /// Incremented each time the filters are set.
    version: u64,
    /// The open hooks, numbered in the order of opening.
    hooks: BTreeMap<u64, Progress>,
    hooks_opened: u64,
    /// The progress of the last hook whose stream failed, and its error.
    failed: Option<(Progress, Status)>,
}

/// The filter versions of one hook, at most [`State::version`].
#[derive(Clone, Copy)]
struct Progress {
    /// The version that was last sent to the daemon.
    sent: u64,
    /// The version that the daemon applies; 0 until the hook is open. Less than `sent` while an update is in
    /// flight; there is at most one at a time.
    active: u64,
}

impl LiveFilters {
    pub(crate) fn new<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
        Self(watch::Sender::new(State {
            filters: filters.into_iter().map(|filter| filter.0).collect(),
            version: 1,
            hooks: BTreeMap::new(),
            hooks_opened: 0,
            failed: None,
        }))
    }

    /// Replaces all filters; with none the hook is not called. Returns once the filters are active: no later
    /// request is matched against the old ones. Of several concurrent calls the last one wins, and all return
    /// once its filters are active. Returns immediately while the plugin does not run.
    ///
    /// # Errors
    /// [`Error::Rpc`](crate::Error::Rpc) when the daemon refuses a filter (`FIELD_INVALID`; this ends the
    /// plugin), or the error that ended the plugin meanwhile. The filters stay set: replace refused ones before
    /// running the plugin again.
    pub async fn set<I: IntoIterator<Item = Filter>>(&self, filters: I) -> Result<()> {
        let filters = filters.into_iter().map(|filter| filter.0).collect();
        let mut version = 0;
        self.0.send_modify(|state| {
            state.filters = filters;
            state.version += 1;
            version = state.version;
        });
        let mut changes = self.0.subscribe();
        let everywhere = |state: &State| state.hooks.values().all(|hook| hook.active >= version);
        let state = changes.wait_for(everywhere).await;
        let state = state.expect("self holds the sender");
        match &state.failed {
            Some((hook, status)) if (hook.active + 1..=hook.sent).contains(&version) => {
                Err(status.clone().into())
            }
            _ => Ok(()),
        }
    }

    /// Registers a hook: returns the filters to open it with, and a guard that unregisters it on drop.
    pub(crate) fn open(&self) -> (Vec<RequestFilter>, HookFilters) {
        let mut opened = (Vec::new(), 0);
        self.0.send_modify(|state| {
            state.hooks_opened += 1;
            let progress = Progress {
                sent: state.version,
                active: 0,
            };
            state.hooks.insert(state.hooks_opened, progress);
            opened = (state.filters.clone(), state.hooks_opened);
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

/// Registration of one open hook, removed on drop.
pub(crate) struct HookFilters {
    all: LiveFilters,
    hook: u64,
}

impl HookFilters {
    /// Waits until the previous filters are active and newer ones are set, and returns the newest.
    pub(crate) async fn next(&self) -> Vec<RequestFilter> {
        let mut changes = self.all.0.subscribe();
        let due = |state: &State| {
            let hook = &state.hooks[&self.hook];
            hook.sent == hook.active && hook.sent < state.version
        };
        let found = changes.wait_for(due).await.map(drop);
        found.expect("self holds the sender");
        let mut filters = Vec::new();
        self.modify(|hook, state| {
            hook.sent = state.version;
            filters.clone_from(&state.filters);
        });
        filters
    }

    /// Records that the daemon applies the filters that were sent. Returns whether it did not before.
    pub(crate) fn confirm(&self) -> bool {
        let mut changed = false;
        self.modify(|hook, _| {
            changed = hook.active < hook.sent;
            hook.active = hook.sent;
        });
        changed
    }

    /// Records that the hook's stream failed; callers that wait for its update get the error.
    pub(crate) fn failed(&self, status: Status) {
        self.modify(|hook, state| state.failed = Some((*hook, status)));
    }

    fn modify(&self, change: impl FnOnce(&mut Progress, &mut State)) {
        self.all.0.send_modify(|state| {
            let mut hook = state.hooks[&self.hook];
            change(&mut hook, state);
            state.hooks.insert(self.hook, hook);
        });
    }
}

impl Drop for HookFilters {
    fn drop(&mut self) {
        self.all.0.send_modify(|state| {
            state.hooks.remove(&self.hook);
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

    #[tokio::test]
    async fn only_the_caller_whose_filters_are_refused_gets_the_error() {
        let live = LiveFilters::new([]);
        let (_, hook) = live.open();
        hook.confirm();
        let mut bad = pin!(live.set([Filter::regex("(")]));
        assert!(bad.as_mut().now_or_never().is_none());
        hook.next().await;
        let mut later = pin!(live.set([]));
        assert!(later.as_mut().now_or_never().is_none());
        hook.failed(Status::invalid_argument("a group that does not end"));
        drop(hook);
        let refused = bad.await.unwrap_err();
        assert_eq!(refused.code(), Some(crate::Code::InvalidArgument));
        later.await.unwrap();
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
