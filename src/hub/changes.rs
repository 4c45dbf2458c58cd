//! Files that changed: what the log says of them, and what pages are told.
//!
//! A page is told once it has said hello. What changed while it was on its way, after its document
//! was read and before that hello, it is told in answer to the hello: it says how old it is.

use super::events::EventBody;
use super::{Frame, Hub, PushError, State};
use crate::message::{Command, Hello, ServerMessage};
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// URL paths that a page is told at once. Of more it is told that anything may have changed.
/// Default 1,024.
const MAX_PATHS: usize = 1024;

/// URL paths that are kept for pages that are on their way. A page that is older than what is
/// kept is told that anything may have changed. Default 8,192.
const MAX_RECENT_PATHS: usize = 8 * 1024;

/// A change to a watched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Absolute.
    pub file_path: PathBuf,
    /// Under which it is served, percent-encoded.
    pub url_path: String,
    /// What happened to it.
    pub kind: FileChangeKind,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileChangeKind {
    /// It was not there before.
    Created,
    /// It is another one, or has other content.
    Modified,
    /// It is there no more.
    Removed,
}

impl FileChange {
    /// Its texts' size in bytes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        self.file_path.as_os_str().len() + self.url_path.len()
    }
}

/// What pages were told lately.
#[derive(Default)]
pub(super) struct Changes {
    /// Oldest first. No paths = anything.
    recent: VecDeque<(Instant, Arc<[String]>)>,
    paths: usize,
    /// When the newest of those was told that are no longer kept.
    forgotten: Option<Instant>,
}

impl Changes {
    fn add(&mut self, paths: Arc<[String]>) {
        // One that names nothing takes room too.
        self.paths += paths.len().max(1);
        self.recent.push_back((Instant::now(), paths));
        while self.paths > MAX_RECENT_PATHS
            && let Some((told, paths)) = self.recent.pop_front()
        {
            self.paths -= paths.len().max(1);
            self.forgotten = Some(told);
        }
    }

    /// The frame for what changed while a page was on its way, if there is anything to say.
    pub(super) fn missed_by(&self, page: &Hello) -> Option<String> {
        // Whatever a page says: a time that makes no sense is no time.
        let unaware = Duration::try_from_secs_f64(page.unaware_ms / 1000.0);
        acts(&page.features).then(|| self.since(unaware.unwrap_or_default()))?
    }

    /// None when nothing changed for so long.
    fn since(&self, age: Duration) -> Option<String> {
        let since = Instant::now().checked_sub(age);
        let missed = |told: Instant| since.is_none_or(|since| told > since);
        if self.forgotten.is_some_and(missed) {
            return Some(frame(&[]));
        }
        let missed: Vec<_> = self
            .recent
            .iter()
            .filter(|(told, _)| missed(*told))
            .collect();
        if missed.is_empty() {
            return None;
        }
        if missed.iter().any(|(_, paths)| paths.is_empty()) {
            return Some(frame(&[]));
        }
        let paths: BTreeSet<_> = missed.iter().flat_map(|(_, paths)| paths.iter()).collect();
        Some(frame(&bounded(paths.into_iter().cloned())))
    }
}

/// Whether a page knows what to do.
fn acts(features: &[String]) -> bool {
    let needed = Command::Changed { paths: &[] }.feature();
    features.iter().any(|feature| feature == needed)
}

/// None when there are too many to name.
fn bounded(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut paths: Vec<_> = paths.take(MAX_PATHS + 1).collect();
    if paths.len() > MAX_PATHS {
        paths.clear();
    }
    paths
}

fn frame(paths: &[String]) -> String {
    ServerMessage::Command(Command::Changed { paths }).encode()
}

impl Hub {
    /// Tells all pages that these URL paths have changed; none = anything may have. What that means to
    /// them is theirs to know.
    pub(crate) fn notify_changed(&self, paths: impl Iterator<Item = String>) {
        let paths: Arc<[String]> = bounded(paths).into();
        let frame = Frame::Text(frame(&paths).into());
        let mut state = self.lock();
        state.changes.add(paths);
        let ready = state.registry.after(0).filter(|entry| entry.info.ready);
        for entry in ready.filter(|entry| acts(&entry.info.features)) {
            if entry.socket.outbox().push(frame.clone()) == Err(PushError::Full) {
                tracing::warn!(target: "pagewire::hub", url = entry.info.url, "a page reads too slowly and was not told of a change (reload it)");
            }
        }
    }

    /// Puts changes of files into the event log.
    pub(crate) fn record_file_changes(&self, changes: impl Iterator<Item = FileChange>) {
        let mut state = self.lock();
        for change in changes {
            state.record_file(change);
        }
    }
}

impl State {
    fn record_file(&mut self, change: FileChange) {
        let event = self.log.append(None, EventBody::File(change));
        self.subscribers.offer(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Arc<[String]> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_page_hears_what_was_told_since_it_began_and_no_more() {
        let mut changes = Changes::default();
        assert_eq!(changes.since(Duration::MAX), None);
        changes.add(paths(&["/b", "/a"]));
        changes.add(paths(&["/b", "/c"]));
        assert_eq!(changes.since(Duration::ZERO), None);
        let told = frame(&["/a".into(), "/b".into(), "/c".into()]);
        assert_eq!(changes.since(Duration::from_hours(1)), Some(told));
        let told = frame(&["/b".into(), "/c".into()]);
        changes.recent[0].0 -= Duration::from_secs(10);
        assert_eq!(changes.since(Duration::from_secs(5)), Some(told));
    }

    #[test]
    fn who_is_older_than_what_is_kept_hears_that_anything_changed() {
        let mut changes = Changes::default();
        let many: Vec<_> = (0..MAX_PATHS).map(|number| format!("/{number}")).collect();
        for _ in 0..=MAX_RECENT_PATHS / MAX_PATHS {
            changes.add(many.clone().into());
        }
        assert!(changes.paths <= MAX_RECENT_PATHS);
        assert_eq!(changes.since(Duration::from_hours(1)), Some(frame(&[])));
        let more = many.into_iter().chain(["/x".to_owned()]);
        assert!(bounded(more).is_empty(), "too many to name");
    }
}
