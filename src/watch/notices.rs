//! What the operating system says of changes: only where, and perhaps more than there is.
//!
//! Notices wait in a set, not in a queue, so a file that is written a thousand times waits once.

use super::{Batch, Writer};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Paths that may wait. At the bound they are forgotten and everything is compared, which costs
/// time and loses nothing. Default 16,384, as many as inotify queues.
const MAX_PATHS: usize = 16 * 1024;

/// Linux watches a folder without what is below it: those that are ignored need no watch. Elsewhere
/// one watch is for a whole tree.
const BY_FOLDER: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Notices of the folders that are watched.
pub(super) struct Notices {
    watcher: RecommendedWatcher,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    batch: Mutex<Batch>,
    arrived: Notify,
}

/// What an event says of whoever writes there; none when our own answers do it all the time: they read.
fn writer(kind: EventKind) -> Option<Writer> {
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Writer::Done,
        EventKind::Access(_) => return None,
        EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_)) => Writer::Unknown,
        _ => Writer::Writing,
    })
}

/// The operating system watches no more folders.
#[derive(Debug)]
pub(super) struct LimitReached;

impl Notices {
    /// None when there can be none: said here, with the remedy.
    pub(super) fn open() -> Option<Self> {
        let waiting = Arc::new(Waiting::default());
        let heard = waiting.clone();
        let watcher = notify::recommended_watcher(move |event| heard.hear(event))
            .inspect_err(|error| {
                tracing::warn!(target: "pagewire::watch", %error, "the operating system does not tell of changes: files are polled, which is slower (on Linux raise the limit: sysctl fs.inotify.max_user_instances=512)");
            })
            .ok()?;
        Some(Self { watcher, waiting })
    }

    /// Watches a folder, or watches it still. `top`: nothing around it is watched.
    pub(super) fn watch(&mut self, folder: &Path, top: bool) -> Result<(), LimitReached> {
        if !BY_FOLDER && !top {
            return Ok(());
        }
        let mode = if BY_FOLDER {
            RecursiveMode::NonRecursive
        } else {
            RecursiveMode::Recursive
        };
        let Err(error) = self.watcher.watch(folder, mode) else {
            return Ok(());
        };
        match error.kind {
            ErrorKind::MaxFilesWatch => return Err(LimitReached),
            // It has gone again, which its parent's notice says.
            ErrorKind::PathNotFound | ErrorKind::WatchNotFound => {}
            _ => {
                tracing::warn!(target: "pagewire::watch", folder = %folder.display(), %error, "changes in a folder are not noticed: it cannot be watched");
            }
        }
        Ok(())
    }

    /// Watches the folder that a root is in, for the day on which the root is replaced.
    pub(super) fn watch_around(&mut self, root: &Path) {
        if let (true, Some(parent)) = (BY_FOLDER, root.parent()) {
            // Without it a root that is replaced is noticed no more.
            let _ = self.watch(parent, false);
        }
    }

    pub(super) fn unwatch(&mut self, folder: &Path) {
        // One that has gone is not watched any more.
        let _ = self.watcher.unwatch(folder);
    }

    /// Has these looked at once more.
    pub(super) fn repeat(&self, paths: Vec<PathBuf>) {
        self.waiting.add(paths, Writer::Unknown, false);
    }

    /// What has come since the last time, as soon as there is something. Safe to cancel.
    pub(super) async fn next(&self) -> Batch {
        loop {
            let arrived = self.waiting.arrived.notified();
            let batch = std::mem::take(&mut *self.waiting.lock());
            if !batch.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }
}

impl Waiting {
    /// On the watcher's own thread.
    fn hear(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.add(event.paths, Writer::Unknown, true),
            Ok(event) => {
                if let Some(writer) = writer(event.kind) {
                    self.add(event.paths, writer, false);
                }
            }
            Err(error) => {
                tracing::debug!(target: "pagewire::watch", %error, "a notice could not be read: everything is compared");
                self.add(error.paths, Writer::Unknown, true);
            }
        }
    }

    fn add(&self, paths: Vec<PathBuf>, writer: Writer, all: bool) {
        if paths.is_empty() && !all {
            return;
        }
        {
            let mut batch = self.lock();
            batch.all |= all;
            for path in paths {
                batch.add(path, writer);
            }
            if batch.paths.len() > MAX_PATHS {
                batch.paths.clear();
                batch.all = true;
            }
        }
        self.arrived.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
