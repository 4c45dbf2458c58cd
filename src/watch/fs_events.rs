//! File system events of the operating system. They are only hints about where something may have
//! changed, and some are spurious.
//!
//! Pending events form a set of paths, not a queue, so a file that is written a thousand times takes one
//! entry.

use super::batch::{Batch, WriteState};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Most pending paths. Beyond it they are dropped and everything is compared, which takes longer but
/// misses nothing. Default 16,384, the size of inotify's own queue.
const MAX_PATHS: usize = 16 * 1024;

/// Whether each folder is watched on its own, as on Linux, where ignored folders then need no watch.
/// Elsewhere one watch covers a whole tree.
const WATCHES_EACH_FOLDER: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Subscription to the events of the watched folders.
pub(super) struct FsEvents {
    watcher: RecommendedWatcher,
    /// Watches folders with links by their canonical paths. Separate, because inotify reports a folder that
    /// is watched under two paths under the later one only. Opened when it is first needed.
    link_watcher: Option<RecommendedWatcher>,
    pending: Arc<Pending>,
}

/// Events received since the last batch.
#[derive(Default)]
struct Pending {
    batch: Mutex<Batch>,
    arrived: Notify,
}

/// Returns the progress of the writer that an event shows. `None` for reading, which the daemon itself
/// does all the time.
fn write_state(kind: EventKind) -> Option<WriteState> {
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => WriteState::Complete,
        EventKind::Access(_) => return None,
        EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_)) => WriteState::Unknown,
        _ => WriteState::Writing,
    })
}

/// The operating system's limit of watched folders is reached.
#[derive(Debug)]
pub(super) struct WatchLimitReached;

impl FsEvents {
    /// Subscribes to events. Returns `None`, and logs the reason, when there can be none.
    pub(super) fn open() -> Option<Self> {
        let pending = Arc::new(Pending::default());
        Some(Self {
            watcher: open_watcher(&pending)?,
            link_watcher: None,
            pending,
        })
    }

    /// Watches a folder; does nothing if it is watched already. `is_root` when the folder is the root of
    /// a tree.
    pub(super) fn watch(&mut self, folder: &Path, is_root: bool) -> Result<(), WatchLimitReached> {
        if !WATCHES_EACH_FOLDER && !is_root {
            return Ok(());
        }
        let mode = if WATCHES_EACH_FOLDER {
            RecursiveMode::NonRecursive
        } else {
            RecursiveMode::Recursive
        };
        watched(folder, self.watcher.watch(folder, mode))
    }

    /// Watches a folder that contains links, or files that links lead to, by its canonical path.
    pub(super) fn watch_links(&mut self, folder: &Path) -> Result<(), WatchLimitReached> {
        if self.link_watcher.is_none() {
            self.link_watcher = open_watcher(&self.pending);
        }
        let watcher = self.link_watcher.as_mut().ok_or(WatchLimitReached)?;
        watched(folder, watcher.watch(folder, RecursiveMode::NonRecursive))
    }

    pub(super) fn unwatch_links(&mut self, folder: &Path) {
        if let Some(watcher) = &mut self.link_watcher {
            // Fails if the folder was removed: its watch ended with it.
            let _ = watcher.unwatch(folder);
        }
    }

    /// Watches the parent of a root, so that replacing the root folder itself is noticed.
    pub(super) fn watch_parent_of(&mut self, root: &Path) {
        if let (true, Some(parent)) = (WATCHES_EACH_FOLDER, root.parent()) {
            // On failure only the replacement of the root goes unnoticed.
            let _ = self.watch(parent, false);
        }
    }

    pub(super) fn unwatch(&mut self, folder: &Path) {
        // Fails if the folder was removed: its watch ended with it.
        let _ = self.watcher.unwatch(folder);
    }

    /// Adds paths to the next batch.
    pub(super) fn requeue(&self, paths: Vec<PathBuf>) {
        self.pending.add(paths, WriteState::Unknown, false);
    }

    /// Returns the events since the last call, as soon as there are any. Safe to cancel.
    pub(super) async fn next(&self) -> Batch {
        loop {
            let arrived = self.pending.arrived.notified();
            let batch = std::mem::take(&mut *self.pending.lock());
            if !batch.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }
}

fn open_watcher(pending: &Arc<Pending>) -> Option<RecommendedWatcher> {
    let receiver = pending.clone();
    notify::recommended_watcher(move |event| receiver.receive(event))
        .inspect_err(|error| {
            tracing::warn!(target: "pagewire::watch", %error, "cannot receive file system events: falling back to polling, which is slower (on Linux raise the limit: sysctl fs.inotify.max_user_instances=512)");
        })
        .ok()
}

/// Handles the result of watching a folder.
fn watched(folder: &Path, result: notify::Result<()>) -> Result<(), WatchLimitReached> {
    let Err(error) = result else {
        return Ok(());
    };
    match error.kind {
        ErrorKind::MaxFilesWatch => return Err(WatchLimitReached),
        // The folder has been removed, which an event of its parent reports.
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => {}
        _ => {
            tracing::warn!(target: "pagewire::watch", folder = %folder.display(), %error, "cannot watch a folder: changes in it are not noticed");
        }
    }
    Ok(())
}

impl Pending {
    /// Runs on the watcher's own thread.
    fn receive(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.add(event.paths, WriteState::Unknown, true),
            Ok(event) => {
                if let Some(state) = write_state(event.kind) {
                    self.add(event.paths, state, false);
                }
            }
            Err(error) => {
                tracing::debug!(target: "pagewire::watch", %error, "cannot read a file system event: comparing all files");
                self.add(error.paths, WriteState::Unknown, true);
            }
        }
    }

    fn add(&self, paths: Vec<PathBuf>, state: WriteState, all: bool) {
        if paths.is_empty() && !all {
            return;
        }
        {
            let mut batch = self.lock();
            batch.all |= all;
            for path in paths {
                batch.add(path, state);
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
