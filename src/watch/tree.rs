//! Snapshot of the files of a root, and the comparison that finds what has changed since.

use super::batch::{Batch, WriteState};
use super::entry::{Entry, FileState, TIMESTAMP_RESOLUTION};
use super::fs_events::{FsEvents, WatchLimitReached};
use super::ignore_rules::{self, IgnoreRules};
use crate::hub::{FileChange, FileChangeKind};
use crate::paths::{PathLookup, Root, UrlPath};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// Changes of one comparison; the last one of each file wins.
type Changes = BTreeMap<PathBuf, FileChangeKind>;

/// Snapshot of the files of a root.
pub(super) struct Tree {
    root: Root,
    files: BTreeMap<PathBuf, FileState>,
    /// Watched folders, with the ignore rules that apply to their entries.
    folders: BTreeMap<PathBuf, IgnoreRules>,
    /// Links within the root and their targets: a change of the target is a change of the link, too.
    aliases: BTreeMap<PathBuf, PathBuf>,
    /// Files to be compared once more, since they may still be written.
    unsettled: Vec<PathBuf>,
}

impl Tree {
    pub(super) fn new(root: Root) -> Self {
        Self {
            root,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            aliases: BTreeMap::new(),
            unsettled: Vec::new(),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        self.root.dir()
    }

    /// Returns the number of watched files.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Takes the first snapshot.
    pub(super) fn scan(&mut self, events: &mut Option<FsEvents>) {
        if let Some(events) = events {
            events.watch_parent_of(self.root.dir());
        }
        let mut remaining = Batch::everything();
        for _ in 0..2 {
            self.find_changes(&remaining, events);
            remaining = Batch {
                paths: self
                    .unsettled
                    .drain(..)
                    .map(|path| (path, WriteState::Unknown))
                    .collect(),
                all: false,
            };
            if remaining.is_empty() {
                return;
            }
            // Files written just before the scan must not be reported as changed later.
            std::thread::sleep(TIMESTAMP_RESOLUTION);
        }
        // Still being written: reported once they have settled.
        self.unsettled = remaining.paths.into_keys().collect();
        self.requeue_unsettled(events.as_ref());
    }

    /// Whether an event for this path may be a change of a watched file.
    pub(super) fn is_relevant(&self, path: &Path) -> bool {
        path == self.root.dir()
            || self.folders.contains_key(path)
            || path
                .parent()
                .and_then(|folder| self.folders.get(folder))
                .is_some_and(|rules| !rules.ignores(path, false))
                && self.root.url_of(path).is_some()
    }

    /// Compares the paths of a batch with the snapshot, updates it, and returns what has changed.
    pub(super) fn compare(
        &mut self,
        batch: &Batch,
        events: &mut Option<FsEvents>,
    ) -> Vec<FileChange> {
        let changes = self.find_changes(batch, events);
        self.requeue_unsettled(events.as_ref());
        self.file_changes(changes)
    }

    /// Puts unsettled files into the next batch. Polling compares them anyway.
    fn requeue_unsettled(&mut self, events: Option<&FsEvents>) {
        let unsettled = std::mem::take(&mut self.unsettled);
        if let Some(events) = events {
            events.requeue(unsettled);
        }
    }

    /// Compares the paths of a batch. When the operating system cannot watch any more folders, logs it
    /// once and switches to polling.
    fn find_changes(&mut self, batch: &Batch, events: &mut Option<FsEvents>) -> Changes {
        let mut changes = Changes::new();
        let root = self.root.dir().to_owned();
        let mut limit = Ok(());
        if batch.all || batch.paths.contains_key(&root) {
            limit = self.compare_folder(&root, events, &mut changes);
        } else {
            for (path, state) in &batch.paths {
                let is_complete = *state == WriteState::Complete;
                limit = limit.and(self.compare_path(path, is_complete, events, &mut changes));
            }
        }
        if limit.is_err() && events.take().is_some() {
            tracing::warn!(target: "pagewire::watch", folders = self.folders.len(), "cannot watch more folders: falling back to polling, which is slower (raise the limit: sysctl fs.inotify.max_user_watches=524288)");
        }
        changes
    }

    /// Compares a single path with the snapshot.
    fn compare_path(
        &mut self,
        path: &Path,
        is_complete: bool,
        events: &mut Option<FsEvents>,
        changes: &mut Changes,
    ) -> Result<(), WatchLimitReached> {
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        let Some(rules) = self.folders.get(parent).cloned() else {
            return Ok(());
        };
        let mut limit = Ok(());
        if path
            .file_name()
            .is_some_and(|name| name == ignore_rules::FILE_NAME)
        {
            // The rules have changed, and with them the set of watched files.
            limit = self.compare_folder(parent, events, changes);
        }
        limit.and(match self.entry(path, is_complete) {
            Entry::Folder if rules.ignores(path, true) => {
                self.remove(path, events, changes);
                Ok(())
            }
            Entry::Folder => self.compare_folder(path, events, changes),
            entry => {
                if self.folders.contains_key(path) {
                    self.remove(path, events, changes);
                }
                self.update(path, entry, is_complete, events, changes);
                Ok(())
            }
        })
    }

    /// Watches a folder with its subfolders, and compares everything in them with the snapshot. Each
    /// folder is watched before it is read: a file that appears in between is found twice, not missed.
    fn compare_folder(
        &mut self,
        top: &Path,
        events: &mut Option<FsEvents>,
        changes: &mut Changes,
    ) -> Result<(), WatchLimitReached> {
        let mut unseen = self.known_below(top);
        let mut limit = Ok(());
        let mut pending = vec![top.to_owned()];
        while let Some(folder) = pending.pop() {
            if let Some(events) = events
                && limit.is_ok()
            {
                limit = events.watch(&folder, folder == self.root.dir());
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue; // Removed or unreadable: its entries stay in `unseen`.
            };
            let outer_rules = match folder.parent() {
                Some(parent) if folder != self.root.dir() => self.folders.get(parent).cloned(),
                _ => Some(IgnoreRules::around(&folder)),
            };
            let rules = outer_rules.unwrap_or_default().inside(&folder);
            unseen.remove(&folder);
            self.aliases.remove(&folder);
            if self.files.remove(&folder).is_some() {
                changes.insert(folder.clone(), FileChangeKind::Removed);
            }
            for path in entries.flatten().map(|entry| entry.path()) {
                let entry = self.entry(&path, false);
                let is_folder = matches!(entry, Entry::Folder);
                if rules.ignores(&path, is_folder) {
                    continue;
                }
                if is_folder {
                    pending.push(path);
                } else {
                    unseen.remove(&path);
                    self.update(&path, entry, false, events, changes);
                }
            }
            self.folders.insert(folder, rules);
        }
        for path in unseen {
            self.remove(&path, events, changes);
        }
        limit
    }

    /// Returns the paths of the snapshot at `top` and below it.
    fn known_below(&self, top: &Path) -> BTreeSet<PathBuf> {
        fn paths<'a, T>(
            known: &'a BTreeMap<PathBuf, T>,
            top: &'a Path,
        ) -> impl Iterator<Item = PathBuf> + 'a {
            let from_here = known.range::<Path, _>((Bound::Included(top), Bound::Unbounded));
            let below = from_here.take_while(move |(path, _)| path.starts_with(top));
            below.map(|(path, _)| path.clone())
        }
        let known = paths(&self.files, top).chain(paths(&self.folders, top));
        known.chain(paths(&self.aliases, top)).collect()
    }

    /// Updates the snapshot at a path that is not a folder.
    fn update(
        &mut self,
        path: &Path,
        entry: Entry,
        is_complete: bool,
        events: &mut Option<FsEvents>,
        changes: &mut Changes,
    ) {
        match entry {
            Entry::File(state) => {
                self.aliases.remove(path);
                let before = self.files.insert(path.to_owned(), state);
                let kind = match before {
                    None => FileChangeKind::Created,
                    Some(before)
                        if before.stamp == state.stamp && !(before.is_recent && is_complete) =>
                    {
                        return;
                    }
                    Some(_) => FileChangeKind::Modified,
                };
                changes.insert(path.to_owned(), kind);
            }
            Entry::Unsettled => self.unsettled.push(path.to_owned()),
            Entry::Alias(target) => {
                self.files.remove(path);
                let before = self.aliases.insert(path.to_owned(), target.clone());
                if before.as_ref() != Some(&target) {
                    let targets = before.into_iter().chain([target]);
                    let names = targets.flat_map(|target| self.paths_through(path, &target));
                    changes.extend(names.map(|name| (name, FileChangeKind::Modified)));
                }
            }
            Entry::Nothing | Entry::Folder => self.remove(path, events, changes),
        }
    }

    /// Removes a path, and everything below it, from the snapshot. Paths that no longer exist are
    /// reported as changes; those that are only ignored from now on are not.
    fn remove(&mut self, top: &Path, events: &mut Option<FsEvents>, changes: &mut Changes) {
        for path in self.known_below(top) {
            let is_missing = path.symlink_metadata().is_err();
            if self.files.remove(&path).is_some() && is_missing {
                changes.insert(path.clone(), FileChangeKind::Removed);
            }
            if self.folders.remove(&path).is_some()
                && let Some(events) = events
            {
                events.unwatch(&path);
            }
            if let Some(target) = self.aliases.remove(&path)
                && is_missing
            {
                let names = self.paths_through(&path, &target).into_iter();
                changes.extend(names.map(|name| (name, FileChangeKind::Removed)));
            }
        }
    }

    /// Returns the paths under which a link makes the files at its target available.
    fn paths_through(&self, link: &Path, target: &Path) -> Vec<PathBuf> {
        self.known_below(target)
            .into_iter()
            .filter(|path| self.files.contains_key(path))
            .filter_map(|file| rebase(&file, target, link))
            .collect()
    }

    fn entry(&self, path: &Path, is_complete: bool) -> Entry {
        let Some(url) = self.root.url_of(path) else {
            return Entry::Nothing;
        };
        let Ok(metadata) = path.symlink_metadata() else {
            return Entry::Nothing;
        };
        if metadata.is_symlink() {
            return self.link_entry(path, &url);
        }
        Entry::new(&metadata, is_complete)
    }

    /// Classifies a link, which is ignored unless it can be served. If it leads to a single file outside
    /// the root, a change of that file is noticed only when the link changes, too, or by polling.
    fn link_entry(&self, path: &Path, url: &str) -> Entry {
        let Ok(url) = UrlPath::parse(url) else {
            return Entry::Nothing;
        };
        let is_served = matches!(
            self.root.find(&url),
            PathLookup::File(_) | PathLookup::FolderWithoutSlash
        );
        // Links inside linked folders are not followed: two folders linked to each other would recurse
        // forever.
        let folder = path.parent();
        let in_linked_folder =
            folder.is_none_or(|dir| dir.canonicalize().is_ok_and(|real| real != dir));
        match (path.canonicalize(), path.metadata()) {
            _ if !is_served || in_linked_folder => Entry::Nothing,
            (Ok(real), Ok(_)) if real.starts_with(self.root.dir()) => Entry::Alias(real),
            (Ok(_), Ok(metadata)) => Entry::new(&metadata, false),
            _ => Entry::Nothing,
        }
    }

    /// Adds the URL of each change, and repeats it for every link through which the file is served.
    fn file_changes(&self, changes: Changes) -> Vec<FileChange> {
        let mut file_changes = Vec::with_capacity(changes.len());
        for (file, kind) in changes {
            let aliases = self.aliases.iter();
            let linked = aliases.filter_map(|(link, target)| rebase(&file, target, link));
            let mut names: Vec<_> = linked.collect();
            names.insert(0, file);
            file_changes.extend(names.into_iter().filter_map(|file_path| {
                let url_path = self.root.url_of(&file_path)?;
                Some(FileChange {
                    file_path,
                    url_path,
                    kind,
                })
            }));
        }
        file_changes
    }
}

/// Replaces the leading folder `from` of a path by `to`.
fn rebase(file: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let rest = file.strip_prefix(from).ok()?;
    // Joining an empty path would add a slash.
    Some(if rest.as_os_str().is_empty() {
        to.to_owned()
    } else {
        to.join(rest)
    })
}
