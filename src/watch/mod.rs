//! The watch edge: notifies pages and subscribers of changed files in the root and in mounted folders, and
//! finds changed files of plugins (`plugin_files`).
//!
//! Events of the operating system (`fs_events`) only say where to look. They are collected until they
//! settle (`batch`), and then the files are compared with their last known state (`tree`). So duplicate,
//! late or superfluous events do no harm, and where there are no events the same comparison runs
//! periodically.

mod aliases;
mod backend_files;
mod batch;
mod checkout;
mod entry;
mod fs_events;
mod ignore_rules;
mod link_routes;
mod patterns;
mod plugin_command;
mod plugin_files;
mod tree;

use crate::hub::{FileChange, Hub, ServedFiles};
use crate::paths::{Prefix, Root, UrlPath, path_url};
use crate::plugins::Dependents;
use backend_files::BackendFiles;
use batch::{Batch, SETTLE_TIME};
use fs_events::FsEvents;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tree::Tree;

pub(crate) use patterns::WatchPatterns;
pub(crate) use plugin_files::{PluginFiles, PluginFilesOptions};

/// Longest delay of a batch that keeps growing. After it, the files that have settled are reported.
/// Default 250 ms.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// Interval between comparisons when the operating system reports no events. Default 100 ms.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Polling pauses this many times longer than a comparison takes, so that a large tree is compared less
/// often instead of keeping a processor busy.
const POLL_PAUSE_FACTOR: u32 = 20;

/// Number of file events that are appended to the event log in one go; then other tasks run, so that
/// subscribers can read.
const LOG_CHUNK_EVENTS: usize = 100;

/// How pages are notified of changed files. Subscribers get an event for each file in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageNotification {
    /// Nothing: plugins take care of it.
    Nothing,
    /// URL paths of the changed files, and of what plugins made from them.
    Paths,
    /// A request to reload: the files are not served, so it is unknown which pages depend on them.
    Reload,
}

/// Watcher of one folder.
pub(crate) struct Watcher {
    tree: Tree,
    /// Where the folder is mounted.
    prefix: Prefix,
    /// What was served: it is watched even if it is ignored. `None` if the folder is not watched for pages.
    served: Option<ServedFiles>,
    /// `None` when the folder is polled.
    events: Option<FsEvents>,
    /// Duration of the last comparison.
    compare_time: Duration,
}

impl Watcher {
    /// Scans a folder, blocking until every file has been seen. [`Watcher::run`] reports changes
    /// from now on. With `poll`, files are compared periodically instead of on events.
    #[must_use]
    pub(crate) fn open(
        root: Root,
        prefix: Prefix,
        patterns: WatchPatterns,
        poll: bool,
        served: Option<ServedFiles>,
    ) -> Self {
        let mut events = (!poll).then(FsEvents::open).flatten();
        let mut tree = Tree::new(root, patterns);
        let start = Instant::now();
        tree.scan(&mut events);
        let compare_time = start.elapsed();
        let polls = events.is_none();
        if served.is_some() {
            tracing::info!(target: "pagewire::watch", files = tree.len(), polls, "watching files");
        }
        Self {
            tree,
            prefix,
            served,
            events,
            compare_time,
        }
    }

    /// Reports changes until the future is dropped.
    pub(crate) async fn run(
        mut self,
        hub: Arc<Hub>,
        dependents: Arc<Dependents>,
        notification: PageNotification,
    ) {
        let mut backend_files = BackendFiles::default();
        while let Some((watcher, mut changes)) = self.next_changes().await {
            self = watcher;
            for change in &mut changes {
                change.url_path.insert_str(0, self.prefix.as_str());
            }
            let paths = changes.iter().map(|change| change.url_path.as_str());
            let by_backend = backend_files.count(paths, hub.backend_writes());
            report(&hub, &dependents, changes, notification, by_backend).await;
        }
    }

    /// Waits until something may have changed, and compares it. `None` if that panicked, which is logged.
    async fn next_changes(mut self) -> Option<(Self, Vec<FileChange>)> {
        let batch = self.next_batch().await;
        let compared = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            let changes = self.tree.compare(&batch, &mut self.events);
            self.compare_time = start.elapsed();
            (self, changes)
        });
        let compared = compared.await.ok();
        if compared.is_none() {
            tracing::error!(target: "pagewire::watch", "the file watcher panicked; changes are no longer noticed (restart the daemon, and report the bug)");
        }
        compared
    }

    /// Waits until something may have changed and has settled.
    async fn next_batch(&mut self) -> Batch {
        let Some(events) = &self.events else {
            tokio::time::sleep(POLL_INTERVAL.max(self.compare_time * POLL_PAUSE_FACTOR)).await;
            while self.is_checkout_running().await {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            let served = self.served.as_mut().map(ServedFiles::take);
            let served = served.unwrap_or_default();
            return Batch {
                served: below(&self.prefix, served),
                ..Batch::everything()
            };
        };
        let mut batch = Batch::default();
        let mut started = Instant::now();
        let mut settled_at = started;
        let mut was_checkout_running = false;
        loop {
            let settle = async {
                if batch.is_empty() {
                    std::future::pending().await
                } else {
                    tokio::time::sleep_until(settled_at.min(started + MAX_DELAY)).await
                }
            };
            tokio::select! {
                received = events.next() => {
                    let now = Instant::now();
                    let was_empty = batch.is_empty();
                    let before = batch.paths.len();
                    batch.all |= received.all;
                    let mut paths = received.paths;
                    paths.retain(|path, _| self.tree.is_relevant(path));
                    let is_relevant = received.all || !paths.is_empty();
                    for (path, state) in paths {
                        batch.add(path, state);
                    }
                    if is_relevant {
                        settled_at = now + batch.settle_time();
                    }
                    if was_empty && (batch.all || batch.paths.len() > before) {
                        started = now;
                    }
                }
                served = next_served(&mut self.served) => {
                    if batch.is_empty() {
                        // Nothing has to settle.
                        started = Instant::now();
                        settled_at = started;
                    }
                    batch.served.extend(below(&self.prefix, served));
                }
                () = settle => {
                    let is_running = self.is_checkout_running().await;
                    if !is_running && !was_checkout_running {
                        return batch;
                    }
                    // After a checkout everything is compared in one batch, after one more pause for
                    // events that arrive late.
                    was_checkout_running = is_running;
                    batch.all = true;
                    started = Instant::now();
                    settled_at = started + SETTLE_TIME;
                }
            }
        }
    }

    /// Whether git is checking out files. A checkout is one change, however long it takes.
    async fn is_checkout_running(&self) -> bool {
        let dir = self.tree.dir();
        let running = tokio::task::spawn_blocking(move || checkout::is_running(&dir));
        running.await.unwrap_or(false)
    }
}

/// Waits for paths that are served for the first time. Safe to cancel.
async fn next_served(served: &mut Option<ServedFiles>) -> Vec<Arc<str>> {
    match served {
        Some(served) => served.next().await,
        None => std::future::pending().await,
    }
}

/// Returns the URL paths below a prefix, relative to it.
fn below(prefix: &Prefix, served: Vec<Arc<str>>) -> Vec<UrlPath> {
    let paths = served
        .iter()
        .filter_map(|path| UrlPath::parse(&path_url(path)).ok());
    paths.filter_map(|path| path.below(prefix)).collect()
}

/// Notifies pages, then appends the changes to the event log. Pages come first: a developer is waiting in
/// front of them. Of a change that is probably the backend's own they are notified after the navigations that are
/// pending.
async fn report(
    hub: &Arc<Hub>,
    dependents: &Dependents,
    changes: Vec<FileChange>,
    notification: PageNotification,
    by_backend: bool,
) {
    if changes.is_empty() {
        return;
    }
    tracing::debug!(target: "pagewire::watch", files = changes.len(), first = changes[0].url_path, "files changed");
    if let Some(paths) = changed_paths(dependents, &changes, notification) {
        if by_backend {
            let hub = hub.clone();
            tokio::spawn(async move {
                hub.navigations_ended().await;
                hub.notify_changed(paths.into_iter(), true);
            });
        } else {
            hub.notify_changed(paths.into_iter(), false);
        }
    }
    log(hub, changes).await;
}

/// Returns the URL paths of which pages are notified, none if anything may have changed, or `None` if pages are
/// not notified.
fn changed_paths(
    dependents: &Dependents,
    changes: &[FileChange],
    notification: PageNotification,
) -> Option<Vec<String>> {
    match notification {
        PageNotification::Nothing => None,
        PageNotification::Paths => {
            let changed: BTreeSet<_> = changes.iter().map(|change| &*change.url_path).collect();
            let derived =
                dependents.paths_of(changes.iter().map(|change| change.file_path.as_path()));
            let derived = derived.iter().map(|path| path_url(path));
            let derived = derived.filter(|path| !changed.contains(path.as_str()));
            let own = changes.iter().map(|change| change.url_path.clone());
            Some(own.chain(derived).collect())
        }
        PageNotification::Reload => Some(Vec::new()),
    }
}

/// Appends the changes to the event log.
async fn log(hub: &Hub, changes: Vec<FileChange>) {
    let mut changes = changes.into_iter().peekable();
    while changes.peek().is_some() {
        hub.record_file_changes(changes.by_ref().take(LOG_CHUNK_EVENTS));
        tokio::task::yield_now().await;
    }
}
