//! Snapshot of the files of a root, and the comparison that finds what has changed since.

mod links;
mod report;
mod served;

use super::aliases::{Aliases, below};
use super::batch::{Batch, WriteState};
use super::entry::{Entry, FileState, FolderId, TIMESTAMP_RESOLUTION};
use super::fs_events::{FsEvents, WatchLimitReached};
use super::ignore_rules::{self, IgnoreRules};
use super::link_routes::LinkRoutes;
use super::patterns::WatchPatterns;
use crate::hub::{FileChange, FileChangeKind};
use crate::paths::Root;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// Changes of one comparison.
#[derive(Default)]
struct Changes {
    /// The last change of each file.
    files: BTreeMap<PathBuf, FileChangeKind>,
    /// Links that begin or cease to lead to a target. They are expanded to the files behind them only when
    /// that is reported, since many links may lead to the same large folder.
    links: Vec<Link>,
}

struct Link {
    path: PathBuf,
    target: PathBuf,
    kind: FileChangeKind,
}

/// Watched folder.
struct Folder {
    id: FolderId,
    /// The ignore rules that apply to its entries.
    rules: IgnoreRules,
}

/// Snapshot of the files of a root. A folder that is reachable by several paths is watched under one of
/// them; the others are aliases.
pub(super) struct Tree {
    /// The root with the folder that is watched.
    root: Root,
    /// The root whose folder may be another one once a link to it is turned.
    given_root: Root,
    patterns: WatchPatterns,
    files: BTreeMap<PathBuf, FileState>,
    folders: BTreeMap<PathBuf, Folder>,
    /// The path under which each folder is watched.
    folder_paths: HashMap<FolderId, PathBuf>,
    /// Links to what is watched under another path: a change of the target is a change of the link, too.
    aliases: Aliases,
    /// Files that are ignored, and watched because they were served.
    served: BTreeSet<PathBuf>,
    /// Whether a served file is not watched, because there are too many.
    is_served_full: bool,
    /// Links and other paths outside the watched folders, on which watched names depend.
    routes: LinkRoutes,
    /// Names whose routes may have changed.
    unrouted: Vec<PathBuf>,
    /// Files to be compared once more, since they may still be written.
    unsettled: Vec<PathBuf>,
}

impl Tree {
    pub(super) fn new(given_root: Root, patterns: WatchPatterns) -> Self {
        Self {
            root: given_root.pinned(),
            given_root,
            patterns,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            folder_paths: HashMap::new(),
            aliases: Aliases::default(),
            served: BTreeSet::new(),
            is_served_full: false,
            routes: LinkRoutes::default(),
            unrouted: Vec::new(),
            unsettled: Vec::new(),
        }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.root.dir().into_owned()
    }

    /// Returns the number of watched files.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Takes the first snapshot.
    pub(super) fn scan(&mut self, events: &mut Option<FsEvents>) {
        if let Some(events) = events {
            events.watch_parent_of(&self.dir());
        }
        self.unrouted.push(self.dir());
        let mut remaining = Batch::everything();
        for _ in 0..2 {
            self.find_changes(&remaining, events);
            remaining = Batch {
                paths: self
                    .unsettled
                    .drain(..)
                    .map(|path| (path, WriteState::Unknown))
                    .collect(),
                ..Batch::default()
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
            || self.routes.contains(path)
            || self.served.contains(path)
            || self.folders.contains_key(path)
            || path
                .parent()
                .and_then(|folder| self.folders.get(folder))
                .is_some_and(|folder| folder.rules.concerns(path))
                && self.root.url_of(path).is_some()
    }

    /// Compares the paths of a batch with the snapshot, updates it, and returns what has changed.
    pub(super) fn compare(
        &mut self,
        batch: &Batch,
        events: &mut Option<FsEvents>,
    ) -> Vec<FileChange> {
        if let Some(changes) = self.follow_root(events) {
            return changes;
        }
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
        let mut changes = Changes::default();
        let root = self.dir();
        let behind = self.names_behind(&batch.paths);
        // Watched before they are compared: a change in between is found twice, not missed.
        self.unrouted.extend(behind.keys().cloned());
        let served = self.add_served(&batch.served);
        let mut limit = self.update_routes(events);
        self.set_served(served);
        if batch.all || batch.paths.contains_key(&root) {
            limit = limit.and(self.compare_folder(&root, events, &mut changes));
            for path in self.served.clone() {
                self.compare_served(&path, false, &mut changes);
            }
        } else {
            for (path, state) in &batch.paths {
                let is_complete = *state == WriteState::Complete;
                limit = limit.and(self.compare_path(path, is_complete, events, &mut changes));
            }
            for (name, is_complete) in behind {
                limit = limit.and(self.compare_path(&name, is_complete, events, &mut changes));
            }
        }
        limit = limit.and(self.update_routes(events));
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
        if self.served.contains(path) {
            self.compare_served(path, is_complete, changes);
            return Ok(());
        }
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        let Some(rules) = self.rules_in(parent) else {
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
        let entry = self.entry(path, is_complete);
        if matches!(entry, Entry::Folder(_)) && rules.ignores(path, true) {
            self.remove(path, events, changes);
            return limit;
        }
        limit.and(match self.claim(path, entry, events, changes) {
            Entry::Folder(_) => self.compare_folder(path, events, changes),
            entry => {
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
        let mut pending = Vec::new();
        if let Some(id) = FolderId::at(top) {
            self.folder_paths.insert(id, top.to_owned());
            pending.push((top.to_owned(), id));
        }
        while let Some((folder, id)) = pending.pop() {
            if self.folder_paths.get(&id) != Some(&folder) {
                unseen.remove(&folder); // Another path has taken over.
                continue;
            }
            if let Some(events) = events
                && limit.is_ok()
            {
                limit = events.watch(&folder, *folder == *self.root.dir());
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue; // Removed or unreadable: its entries stay in `unseen`.
            };
            let outer_rules = match folder.parent() {
                Some(parent) if *folder != *self.root.dir() => self.rules_in(parent),
                _ => None,
            };
            let outer_rules =
                outer_rules.unwrap_or_else(|| IgnoreRules::around(&self.dir(), &self.patterns));
            let rules = outer_rules.inside(&folder);
            unseen.remove(&folder);
            self.aliases.remove(&folder);
            if self.files.remove(&folder).is_some() {
                changes
                    .files
                    .insert(folder.clone(), FileChangeKind::Removed);
            }
            for path in entries.flatten().map(|entry| entry.path()) {
                let entry = self.entry(&path, false);
                if rules.ignores(&path, matches!(entry, Entry::Folder(_))) {
                    continue;
                }
                match self.claim(&path, entry, events, changes) {
                    Entry::Folder(id) => pending.push((path, id)),
                    entry => {
                        unseen.remove(&path);
                        self.update(&path, entry, false, events, changes);
                    }
                }
            }
            let before = self.folders.insert(folder.clone(), Folder { id, rules });
            if let Some(before) = before.filter(|before| before.id != id) {
                self.release(&folder, before.id);
            }
        }
        for path in unseen {
            self.remove(&path, events, changes);
        }
        limit
    }

    /// Returns the ignore rules in a watched folder.
    fn rules_in(&self, folder: &Path) -> Option<IgnoreRules> {
        self.folders.get(folder).map(|folder| folder.rules.clone())
    }

    /// Claims a folder for the path at which it was found. If it is watched under another path already, the
    /// entry becomes an alias of that; but a path that is not a link takes over from one that is.
    fn claim(
        &mut self,
        path: &Path,
        entry: Entry,
        events: &mut Option<FsEvents>,
        changes: &mut Changes,
    ) -> Entry {
        let Entry::Folder(id) = entry else {
            return entry;
        };
        // The other path may be gone, and its event still to come.
        let others = self.folder_paths.get(&id).into_iter();
        let mut others = others.filter(|other| *other != path && FolderId::at(other) == Some(id));
        if let Some(other) = others.next().cloned() {
            if path.is_symlink() || !other.is_symlink() {
                return Entry::Alias(other);
            }
            self.remove(&other, events, changes);
            self.release(&other, id);
            self.aliases.insert(&other, path);
        }
        self.folder_paths.insert(id, path.to_owned());
        entry
    }

    /// Releases the claim on a folder. The other paths that lead to it are compared once more, so that one of
    /// them takes over.
    fn release(&mut self, path: &Path, id: FolderId) {
        if self
            .folder_paths
            .get(&id)
            .is_some_and(|owner| owner == path)
        {
            self.folder_paths.remove(&id);
        }
        let links = self.aliases.leading_below(path);
        self.unsettled
            .extend(links.filter(|link| link.is_dir()).cloned());
    }

    /// Returns the paths of the snapshot at `top` and below it.
    fn known_below(&self, top: &Path) -> BTreeSet<PathBuf> {
        let files = below(&self.files, top).map(|(path, _)| path);
        let folders = below(&self.folders, top).map(|(path, _)| path);
        let known = files.chain(folders).chain(self.aliases.below(top));
        let known = known.filter(|path| !self.served.contains(*path));
        known.cloned().collect()
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
        if self.folders.contains_key(path) {
            self.remove(path, events, changes);
        }
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
                changes.files.insert(path.to_owned(), kind);
            }
            Entry::Unsettled => self.unsettled.push(path.to_owned()),
            Entry::Alias(target) => {
                self.files.remove(path);
                let before = self.aliases.insert(path, &target);
                if before.as_ref() != Some(&target) {
                    let targets = before.into_iter().chain([target]);
                    changes.links.extend(targets.map(|target| Link {
                        path: path.to_owned(),
                        target,
                        kind: FileChangeKind::Modified,
                    }));
                }
            }
            Entry::Nothing | Entry::Folder(_) => self.remove(path, events, changes),
        }
    }

    /// Removes a path, and everything below it, from the snapshot. Paths that no longer exist are
    /// reported as changes; those that are only ignored from now on are not.
    fn remove(&mut self, top: &Path, events: &mut Option<FsEvents>, changes: &mut Changes) {
        self.unrouted.push(top.to_owned());
        for path in self.known_below(top) {
            let is_missing = path.metadata().is_err(); // Or it leads nowhere.
            if self.files.remove(&path).is_some() && is_missing {
                changes.files.insert(path.clone(), FileChangeKind::Removed);
            }
            if let Some(folder) = self.folders.remove(&path) {
                self.release(&path, folder.id);
                if let Some(events) = events {
                    events.unwatch(&path);
                }
            }
            if let Some(target) = self.aliases.remove(&path)
                && is_missing
            {
                self.unrouted.push(path.clone());
                changes.links.push(Link {
                    path,
                    target,
                    kind: FileChangeKind::Removed,
                });
            }
        }
    }

    fn entry(&mut self, path: &Path, is_complete: bool) -> Entry {
        if self.served.contains(path) {
            return served::served_entry(path, is_complete);
        }
        let Some(url) = self.root.url_of(path) else {
            return Entry::Nothing;
        };
        let Ok(metadata) = path.symlink_metadata() else {
            return Entry::Nothing;
        };
        if metadata.is_symlink() {
            self.unrouted.push(path.to_owned());
            return self.link_entry(path, &url, is_complete);
        }
        Entry::new(&metadata, is_complete)
    }
}

#[cfg(test)]
mod tests;
