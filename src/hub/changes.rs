//! Changes of watched files: events in the log, and notifications to pages.
//!
//! A page is notified once it has sent its hello. The hello says how old the page is, so the reply
//! lists the changes that the page could not be notified of: those since its document was read.

use super::events::{EventBody, FileChange};
use super::served::{Served, Users};
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

/// History of the notifications to pages, bounded by [`MAX_RECENT_PATHS`].
#[derive(Default)]
pub(super) struct RecentChanges {
    /// Oldest first. An empty list of paths means that anything may have changed.
    recent: VecDeque<(Instant, Arc<[String]>)>,
    /// How many paths `recent` holds.
    paths: usize,
    /// Time of the newest notification that was evicted.
    evicted: Option<Instant>,
}

impl RecentChanges {
    fn add(&mut self, paths: Arc<[String]>) {
        // An entry without paths counts as one, so that the number of entries is bounded too.
        self.paths += paths.len().max(1);
        self.recent.push_back((Instant::now(), paths));
        while self.paths > MAX_RECENT_PATHS
            && let Some((time, paths)) = self.recent.pop_front()
        {
            self.paths -= paths.len().max(1);
            self.evicted = Some(time);
        }
    }

    /// Returns the changes that a page missed while it was loading.
    pub(super) fn missed_by(&self, page: &Hello) -> MissedChanges {
        if !handles_changes(&page.features) {
            return MissedChanges(Vec::new());
        }
        // The page supplies the number; a nonsensical one counts as zero.
        let unaware = Duration::try_from_secs_f64(page.unaware_ms / 1000.0);
        self.since(unaware.unwrap_or_default())
    }

    /// Returns the changes of the last `age`.
    fn since(&self, age: Duration) -> MissedChanges {
        let since = Instant::now().checked_sub(age);
        let is_missed = |time: Instant| since.is_none_or(|since| time > since);
        if self.evicted.is_some_and(is_missed) {
            return MissedChanges(vec![Arc::default()]);
        }
        let missed = self.recent.iter().rev();
        let missed = missed.take_while(|(time, _)| is_missed(*time));
        MissedChanges(missed.map(|(_, paths)| paths.clone()).collect())
    }
}

/// Notifications that a page has missed, encoded without the hub's lock.
#[derive(Debug)]
pub(super) struct MissedChanges(Vec<Arc<[String]>>);

impl MissedChanges {
    /// Returns the frame with all of the changes, if there are any.
    pub(super) fn encode(&self, served: &Served) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        if self.0.iter().any(|paths| paths.is_empty()) {
            return Some(encode(&[], &Users::new()));
        }
        let paths: BTreeSet<_> = self.0.iter().flat_map(|paths| paths.iter()).collect();
        let paths = bounded(paths.into_iter().cloned());
        Some(encode(&paths, &served.users(paths.iter())))
    }
}

/// Returns whether a page's client script understands notifications of changes.
fn handles_changes(features: &[String]) -> bool {
    let users = &Users::new();
    let needed = Command::Changed { paths: &[], users }.feature();
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

fn encode(paths: &[String], users: &Users<'_>) -> String {
    ServerMessage::Command(Command::Changed { paths, users }).encode()
}

impl Hub {
    /// Notifies all pages that these URL paths have changed; no paths = anything may have changed.
    /// Each page decides by itself whether to swap, reload or ignore.
    pub(crate) fn notify_changed(&self, paths: impl Iterator<Item = String>) {
        let paths: Arc<[String]> = bounded(paths).into();
        let users = self.served.users(paths.iter());
        let frame = Frame::Text(encode(&paths, &users).into());
        let mut state = self.lock();
        state.changes.add(paths);
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

    fn paths(names: &[&str]) -> Arc<[String]> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_page_is_notified_of_all_changes_since_it_began_to_load_and_of_no_others() {
        let mut changes = RecentChanges::default();
        assert_eq!(
            changes.since(Duration::MAX).encode(&Served::default()),
            None
        );
        changes.add(paths(&["/b", "/a"]));
        changes.add(paths(&["/b", "/c"]));
        assert_eq!(
            changes.since(Duration::ZERO).encode(&Served::default()),
            None
        );
        let expected = encode(&["/a".into(), "/b".into(), "/c".into()], &Users::new());
        assert_eq!(
            changes
                .since(Duration::from_hours(1))
                .encode(&Served::default()),
            Some(expected)
        );
        let expected = encode(&["/b".into(), "/c".into()], &Users::new());
        changes.recent[0].0 -= Duration::from_secs(10);
        assert_eq!(
            changes
                .since(Duration::from_secs(5))
                .encode(&Served::default()),
            Some(expected)
        );
    }

    #[test]
    fn a_page_older_than_the_history_is_notified_that_anything_may_have_changed() {
        let mut changes = RecentChanges::default();
        let many: Vec<_> = (0..MAX_PATHS).map(|number| format!("/{number}")).collect();
        for _ in 0..=MAX_RECENT_PATHS / MAX_PATHS {
            changes.add(many.clone().into());
        }
        assert!(changes.paths <= MAX_RECENT_PATHS);
        assert_eq!(
            changes
                .since(Duration::from_hours(1))
                .encode(&Served::default()),
            Some(encode(&[], &Users::new()))
        );
    }

    #[test]
    fn too_many_paths_for_one_notification_become_none() {
        let too_many = (0..=MAX_PATHS).map(|number| format!("/{number}"));
        assert!(bounded(too_many).is_empty());
    }
}
