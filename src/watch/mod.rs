//! The watch edge: what changes under the root and what is mounted over it, told to the pages and to the programs.
//!
//! The operating system only says where to look (`notices.rs`); what has changed is found by
//! comparing the files with what was known of them (`tree.rs`). So a notice that comes twice, late
//! or for too much does no harm, and without notices the same comparison runs by the clock.

mod checkout;
mod notices;
mod rules;
mod tree;

use crate::hub::{FileChange, Hub};
use crate::paths::{Prefix, Root, path_url};
use crate::plugins::Dependents;
use notices::Notices;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tree::Tree;

/// How long nothing must change before a change is told: whoever writes many files is told as
/// one change. Longer than the tick of a file system's clock. Default 15 ms.
const QUIET: Duration = Duration::from_millis(15);

/// The same where one file was saved: its writer has closed it or put it in its place, and nothing
/// else was written meanwhile. Somebody waits for it. Default 4 ms.
const SAVED_QUIET: Duration = Duration::from_millis(4);

/// The paths of one save: the file, and what was renamed to it.
const SAVED_PATHS: usize = 2;

/// How long changes that keep coming may put off those that came first. Then what has settled is
/// told. Default 250 ms.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// How often the files are compared when the operating system tells nothing. Default 100 ms.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Polling rests this many times longer than it takes: a large tree is looked at less often
/// rather than with a whole processor.
const POLL_REST: u32 = 20;

/// File events that are logged at once; then subscribers get to read.
const EVENTS_AT_ONCE: usize = 100;

/// What pages hear of changes; programs hear of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// Nothing: programs see to it.
    Nothing,
    /// The URL paths of what has changed, and of what plugins made of it.
    Paths,
    /// That they are to reload: the files are not served, so nobody knows what is made of them.
    Reload,
}

/// A watched folder that is served.
pub(crate) struct Watcher {
    tree: Tree,
    /// Where it is mounted.
    prefix: Prefix,
    /// None: the operating system tells nothing, we poll.
    notices: Option<Notices>,
    /// What a comparison took last.
    effort: Duration,
}

/// How far whoever writes at a place is, as far as notices say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Unknown,
    Writing,
    /// The file was closed, or was whole when it came.
    Done,
}

/// Where something may have changed.
#[derive(Debug, Default)]
struct Batch {
    /// Here.
    paths: BTreeMap<PathBuf, Writer>,
    /// Anywhere.
    all: bool,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.all
    }

    fn add(&mut self, path: PathBuf, writer: Writer) {
        let known = self.paths.entry(path).or_default();
        if writer != Writer::Unknown {
            *known = writer;
        }
    }

    /// How long nothing must be added before it is told.
    fn quiet(&self) -> Duration {
        // A folder that comes whole is many files.
        let is_saved =
            |(path, writer): (&PathBuf, &Writer)| *writer == Writer::Done && !path.is_dir();
        let is_save = !self.all && self.paths.len() <= SAVED_PATHS;
        if is_save && self.paths.iter().all(is_saved) {
            SAVED_QUIET
        } else {
            QUIET
        }
    }
}

impl Watcher {
    /// Learns what is in a served folder; what changes from now on is told by [`Watcher::run`]. `poll`
    /// asks the files by the clock instead of the operating system. Blocks for as long as it
    /// takes to look at every file.
    #[must_use]
    pub(crate) fn open(root: Root, prefix: Prefix, poll: bool) -> Self {
        let mut notices = (!poll).then(Notices::open).flatten();
        let mut tree = Tree::new(root);
        let begin = Instant::now();
        tree.learn(&mut notices);
        let effort = begin.elapsed();
        let polls = notices.is_none();
        tracing::info!(target: "pagewire::watch", files = tree.len(), polls, "watching");
        Self {
            tree,
            prefix,
            notices,
            effort,
        }
    }

    /// Tells of changes for as long as it is polled: the log, and the pages if they are to act.
    pub(crate) async fn run(mut self, hub: Arc<Hub>, dependents: Arc<Dependents>, pages: Pages) {
        loop {
            let batch = self.next_batch().await;
            let compared = tokio::task::spawn_blocking(move || {
                let begin = Instant::now();
                let changes = self.tree.compare(&batch, &mut self.notices);
                self.effort = begin.elapsed();
                (self, changes)
            });
            // Its panic would be a bug of ours, and was printed.
            let Ok((watcher, mut changes)) = compared.await else {
                tracing::error!(target: "pagewire::watch", "watching has ended (restart the daemon)");
                return;
            };
            self = watcher;
            for change in &mut changes {
                change.url_path.insert_str(0, self.prefix.as_str());
            }
            tell(&hub, &dependents, changes, pages).await;
        }
    }

    /// Waits until something has changed and settled.
    async fn next_batch(&mut self) -> Batch {
        let Some(notices) = &self.notices else {
            tokio::time::sleep(POLL_INTERVAL.max(self.effort * POLL_REST)).await;
            while self.git_writes().await {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            return Batch {
                all: true,
                ..Batch::default()
            };
        };
        let mut batch = Batch::default();
        let mut since = Instant::now();
        let mut quiet_at = since;
        let mut held = false;
        loop {
            let settle = async {
                if batch.is_empty() {
                    std::future::pending().await
                } else {
                    tokio::time::sleep_until(quiet_at.min(since + LONGEST_WAIT)).await
                }
            };
            tokio::select! {
                noticed = notices.next() => {
                    let now = Instant::now();
                    let was_empty = batch.is_empty();
                    let before = batch.paths.len();
                    batch.all |= noticed.all;
                    let mut ours = noticed.paths;
                    ours.retain(|path, _| self.tree.concerns(path));
                    let concerns = noticed.all || !ours.is_empty();
                    for (path, writer) in ours {
                        batch.add(path, writer);
                    }
                    if concerns {
                        quiet_at = now + batch.quiet();
                    }
                    if was_empty && (batch.all || batch.paths.len() > before) {
                        since = now;
                    }
                }
                () = settle => {
                    let writes = self.git_writes().await;
                    if !writes && !held {
                        return batch;
                    }
                    // Behind a checkout all is compared at once, after a last pause: then notices
                    // that are still on their way tell nothing new.
                    held = writes;
                    batch.all = true;
                    since = Instant::now();
                    quiet_at = since + QUIET;
                }
            }
        }
    }

    /// A checkout is one change, however long it takes.
    async fn git_writes(&self) -> bool {
        let dir = self.tree.dir().to_owned();
        let writes = tokio::task::spawn_blocking(move || checkout::is_running(&dir));
        writes.await.unwrap_or(false)
    }
}

/// Pages first: somebody waits in front of them.
async fn tell(hub: &Hub, dependents: &Dependents, changes: Vec<FileChange>, pages: Pages) {
    if changes.is_empty() {
        return;
    }
    tracing::debug!(target: "pagewire::watch", files = changes.len(), first = changes[0].url_path, "changed");
    match pages {
        Pages::Nothing => {}
        Pages::Paths => {
            let own: BTreeSet<_> = changes.iter().map(|change| &*change.url_path).collect();
            let made = dependents.paths_of(changes.iter().map(|change| change.file_path.as_path()));
            let made = made.iter().map(|path| path_url(path));
            let made = made.filter(|path| !own.contains(path.as_str()));
            hub.notify_changed(
                changes
                    .iter()
                    .map(|change| change.url_path.clone())
                    .chain(made),
            );
        }
        Pages::Reload => hub.notify_changed(std::iter::empty()),
    }
    let mut changes = changes.into_iter().peekable();
    while changes.peek().is_some() {
        hub.record_file_changes(changes.by_ref().take(EVENTS_AT_ONCE));
        tokio::task::yield_now().await;
    }
}
