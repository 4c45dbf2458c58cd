//! Changes of watched files: events in the log, and notifications to pages.
//!
//! A page is notified once it has sent its hello. The hello says how old the page is, so the reply
//! lists the changes that the page could not be notified of: those since its document was read.

use super::events::{EventBody, FileChange};
use super::served::Users;
use super::{Frame, Hub, PushError};
use crate::message::{Command, Hello, ServerMessage};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// URL paths in one notification. If there are more, the notification names none, which means that
/// anything may have changed. Default 1,024.
const MAX_PATHS: usize = 1024;

/// URL paths that are held for pages that are still loading. A page older than these is notified
/// that anything may have changed. Default 8,192.
const MAX_RECENT_PATHS: usize = 8 * 1024;

/// One notification.
#[derive(Clone, Debug, Default)]
struct Change {
    /// An empty list of paths means that anything may have changed.
    paths: Arc<[String]>,
    /// See [`Command::Changed::by_backend`].
    by_backend: bool,
}

/// History of the notifications to pages, bounded by [`MAX_RECENT_PATHS`].
#[derive(Default)]
pub(super) struct RecentChanges {
    /// Oldest first.
    recent: VecDeque<(Instant, Change)>,
    /// How many paths `recent` holds.
    paths: usize,
    /// Time of the newest notification that was evicted.
    evicted: Option<Instant>,
}

impl RecentChanges {
    fn add(&mut self, change: Change) {
        // An entry without paths counts as one, so that the number of entries is bounded too.
        self.paths += change.paths.len().max(1);
        self.recent.push_back((Instant::now(), change));
        while self.paths > MAX_RECENT_PATHS
            && let Some((time, change)) = self.recent.pop_front()
        {
            self.paths -= change.paths.len().max(1);
            self.evicted = Some(time);
        }
    }

    /// Returns the changes that a page missed while it was loading.
    pub(super) fn missed_by(&self, page: &Hello) -> MissedChanges {
        if !handles_changes(&page.features) {
            return MissedChanges(Vec::new());
        }
        self.since(page.unaware_time())
    }

    /// Returns the changes of the last `age`.
    fn since(&self, age: Duration) -> MissedChanges {
        let since = Instant::now().checked_sub(age);
        let is_missed = |time: Instant| since.is_none_or(|since| time > since);
        if self.evicted.is_some_and(is_missed) {
            return MissedChanges(vec![Change::default()]);
        }
        let missed = self.recent.iter().rev();
        let missed = missed.take_while(|(time, _)| is_missed(*time));
        MissedChanges(missed.map(|(_, change)| change.clone()).collect())
    }
}

/// Notifications that a page has missed, encoded without the hub's lock.
#[derive(Debug)]
pub(super) struct MissedChanges(Vec<Change>);

impl MissedChanges {
    /// Returns the frame with all of the changes, if there are any.
    pub(super) fn encode(&self, hub: &Hub) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let by_backend = self.0.iter().all(|change| change.by_backend);
        if self.0.iter().any(|change| change.paths.is_empty()) {
            return Some(hub.encode_changes(&[], &Users::new(), by_backend));
        }
        let paths: BTreeSet<_> = self.0.iter().flat_map(|it| it.paths.iter()).collect();
        let paths = bounded(paths.into_iter().cloned());
        let users = hub.served.users(paths.iter());
        Some(hub.encode_changes(&paths, &users, by_backend))
    }
}

/// Returns whether a page's client script understands notifications of changes.
fn handles_changes(features: &[String]) -> bool {
    let needed = Command::Changed {
        paths: &[],
        users: &Users::new(),
        backend_delay_ms: None,
        by_backend: false,
    }
    .feature();
    features.iter().any(|feature| feature == needed)
}

/// Collects the paths, or returns an empty list if there are more than [`MAX_PATHS`].
fn bounded(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut paths: Vec<_> = paths.take(MAX_PATHS + 1).collect();
    if paths.len() > MAX_PATHS {
        paths.clear();
    }
    paths
}

impl Hub {
    fn encode_changes(&self, paths: &[String], users: &Users<'_>, by_backend: bool) -> String {
        let backend_delay_ms = self.backend_delay.get().map(Duration::as_millis);
        ServerMessage::Command(Command::Changed {
            paths,
            users,
            backend_delay_ms,
            by_backend,
        })
        .encode()
    }

    /// Sets how long pages give a backend to notice a change before they reload. Without it, the daemon
    /// itself serves what was changed, and pages reload at once.
    pub(crate) fn set_backend_delay(&self, delay: Duration) {
        // Set once, at the start.
        let _ = self.backend_delay.set(delay);
    }

    /// Notifies pages that these URL paths have changed; no paths = anything may have changed. Each page
    /// decides by itself whether to swap, reload or ignore. `by_backend`: see [`Command::Changed::by_backend`].
    pub(crate) fn notify_changed(&self, paths: impl Iterator<Item = String>, by_backend: bool) {
        let paths: Arc<[String]> = bounded(paths).into();
        let users = self.served.users(paths.iter());
        let frame = Frame::Text(self.encode_changes(&paths, &users, by_backend).into());
        let mut state = self.lock();
        state.changes.add(Change { paths, by_backend });
        let ready = state.registry.after(0).filter(|entry| entry.info.ready);
        for entry in ready.filter(|entry| handles_changes(&entry.info.features)) {
            if entry.socket.outbox().push(frame.clone()) == Err(PushError::Full) {
                tracing::warn!(target: "pagewire::hub", url = entry.info.url, "a page reads too slowly and was not notified of a change (reload it)");
            }
        }
    }

    /// Appends changes of files to the event log.
    pub(crate) fn record_file_changes(&self, changes: impl Iterator<Item = FileChange>) {
        // The lock is taken for each one: there may be many, and the iterator may be slow.
        for change in changes {
            self.lock().record(None, EventBody::File(change));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(names: &[&str]) -> Change {
        Change {
            paths: names.iter().map(|name| (*name).to_owned()).collect(),
            by_backend: false,
        }
    }

    #[test]
    fn a_page_is_notified_of_all_changes_since_it_began_to_load_and_of_no_others() {
        let hub = Hub::new();
        let mut changes = RecentChanges::default();
        assert_eq!(changes.since(Duration::MAX).encode(&hub), None);
        changes.add(changed(&["/b", "/a"]));
        changes.add(changed(&["/b", "/c"]));
        assert_eq!(changes.since(Duration::ZERO).encode(&hub), None);
        let expected = hub.encode_changes(
            &["/a".into(), "/b".into(), "/c".into()],
            &Users::new(),
            false,
        );
        assert_eq!(
            changes.since(Duration::from_hours(1)).encode(&hub),
            Some(expected)
        );
        let expected = hub.encode_changes(&["/b".into(), "/c".into()], &Users::new(), false);
        changes.recent[0].0 -= Duration::from_secs(10);
        assert_eq!(
            changes.since(Duration::from_secs(5)).encode(&hub),
            Some(expected)
        );
    }

    #[test]
    fn a_page_older_than_the_history_is_notified_that_anything_may_have_changed() {
        let hub = Hub::new();
        let mut changes = RecentChanges::default();
        let many: Vec<_> = (0..MAX_PATHS).map(|number| format!("/{number}")).collect();
        for _ in 0..=MAX_RECENT_PATHS / MAX_PATHS {
            changes.add(Change {
                paths: many.clone().into(),
                by_backend: true,
            });
        }
        assert!(changes.paths <= MAX_RECENT_PATHS);
        assert_eq!(
            changes.since(Duration::from_hours(1)).encode(&hub),
            Some(hub.encode_changes(&[], &Users::new(), false))
        );
    }

    #[test]
    fn too_many_paths_for_one_notification_become_none() {
        let too_many = (0..=MAX_PATHS).map(|number| format!("/{number}"));
        assert!(bounded(too_many).is_empty());
    }
}
