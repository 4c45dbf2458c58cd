//! Snapshot of the files of a root, and the comparison that finds what has changed since.

use super::aliases::{Aliases, below, rebase};
use super::batch::{Batch, WriteState};
use super::entry::{Entry, FileState, FolderId, TIMESTAMP_RESOLUTION};
use super::fs_events::{FsEvents, WatchLimitReached};
use super::ignore_rules::{self, IgnoreRules};
use crate::hub::{FileChange, FileChangeKind};
use crate::paths::{PathLookup, Root, UrlPath};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Names through links under which one comparison reports changes. Further ones are not reported to
/// subscribers, which the log says; pages are then notified that anything may have changed, as always
/// when there are this many paths. Default 10,000.
const MAX_LINKED_NAMES: usize = 10_000;

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
    root: Root,
    files: BTreeMap<PathBuf, FileState>,
    folders: BTreeMap<PathBuf, Folder>,
    /// The path under which each folder is watched.
    folder_paths: HashMap<FolderId, PathBuf>,
    /// Links to what is watched under another path: a change of the target is a change of the link, too.
    aliases: Aliases,
    /// Files to be compared once more, since they may still be written.
    unsettled: Vec<PathBuf>,
}

impl Tree {
    pub(super) fn new(root: Root) -> Self {
        Self {
            root,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            folder_paths: HashMap::new(),
            aliases: Aliases::default(),
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
                .is_some_and(|folder| !folder.rules.ignores(path, false))
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
        let mut changes = Changes::default();
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
                limit = events.watch(&folder, folder == self.root.dir());
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue; // Removed or unreadable: its entries stay in `unseen`.
            };
            let outer_rules = match folder.parent() {
                Some(parent) if folder != self.root.dir() => self.rules_in(parent),
                _ => Some(IgnoreRules::around(&folder)),
            };
            let rules = outer_rules.unwrap_or_default().inside(&folder);
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
        for path in self.known_below(top) {
            let is_missing = path.symlink_metadata().is_err();
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
                changes.links.push(Link {
                    path,
                    target,
                    kind: FileChangeKind::Removed,
                });
            }
        }
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

    /// Adds the URL of each change, and repeats it for every link through which the file is served, up to
    /// [`MAX_LINKED_NAMES`].
    fn file_changes(&self, changes: Changes) -> Vec<FileChange> {
        let mut file_changes = Vec::with_capacity(changes.files.len());
        let mut report = |file_path: PathBuf, kind| {
            if let Some(url_path) = self.root.url_of(&file_path) {
                file_changes.push(FileChange {
                    file_path,
                    url_path,
                    kind,
                });
            }
        };
        let mut linked = HashSet::new();
        let mut is_truncated = false;
        let mut may_report = |name: &PathBuf| {
            is_truncated |= linked.len() == MAX_LINKED_NAMES;
            !is_truncated && linked.insert(name.clone())
        };
        for (file, kind) in changes.files {
            let names: Vec<_> = self
                .aliases
                .names_of(&file)
                .filter(&mut may_report)
                .collect();
            report(file, kind);
            for name in names {
                report(name, kind);
            }
        }
        for link in &changes.links {
            let files = below(&self.files, &link.target);
            let names = files.filter_map(|(file, _)| rebase(file, &link.target, &link.path));
            for name in names.filter(&mut may_report) {
                report(name, link.kind);
            }
        }
        if is_truncated {
            tracing::warn!(target: "pagewire::watch", reported = MAX_LINKED_NAMES, "files changed that many links lead to: not all of their names are reported to subscribers (remove links to large folders)");
        }
        file_changes
    }
}

#[cfg(test)]
mod tests;
