//! Links in the tree and to its root. Each link on the way to a name is watched, because turning it changes
//! what the name leads to.

use super::{Changes, Entry, Tree};
use crate::hub::{FileChange, FileChangeKind};
use crate::paths::{PathLookup, UrlPath};
use crate::watch::aliases::rebase;
use crate::watch::batch::WriteState;
use crate::watch::fs_events::{FsEvents, WatchLimitReached};
use crate::watch::link_routes::LinkFollower;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

impl Tree {
    /// Classifies a link, which is ignored unless it can be served.
    pub(super) fn link_entry(&self, path: &Path, url: &str, is_complete: bool) -> Entry {
        let Ok(url) = UrlPath::parse(url) else {
            return Entry::Nothing;
        };
        let is_served = matches!(
            self.root.find(&url),
            PathLookup::File(_) | PathLookup::FolderWithoutSlash
        );
        let folder = path.parent();
        let in_linked_folder =
            folder.is_none_or(|dir| dir.canonicalize().is_ok_and(|real| real != dir));
        match (path.canonicalize(), path.metadata()) {
            _ if !is_served => Entry::Nothing,
            // Links to folders inside linked folders are not followed: two folders linked to each other would
            // recurse forever.
            (_, Ok(metadata)) if in_linked_folder && metadata.is_dir() => Entry::Nothing,
            (Ok(real), Ok(_)) if real.starts_with(self.root.dir()) => Entry::Alias(real),
            (Ok(_), Ok(metadata)) => Entry::new(&metadata, is_complete),
            _ => Entry::Nothing,
        }
    }

    /// Returns the names to compare because of events at paths on the way to them, with whether the writer
    /// is known to be done.
    pub(super) fn names_behind(
        &self,
        paths: &BTreeMap<PathBuf, WriteState>,
    ) -> BTreeMap<PathBuf, bool> {
        let names = paths.iter().flat_map(|(path, state)| {
            let names = self.routes.names_at(path);
            names.map(move |name| (name.clone(), *state == WriteState::Complete))
        });
        names.collect()
    }

    /// Watches the links on the way to names that have been compared.
    pub(super) fn update_routes(
        &mut self,
        events: &mut Option<FsEvents>,
    ) -> Result<(), WatchLimitReached> {
        let names: BTreeSet<_> = std::mem::take(&mut self.unrouted).into_iter().collect();
        let Some(events) = events else {
            return Ok(()); // Polling compares every name.
        };
        let mut limit = Ok(());
        let mut follower = LinkFollower::default();
        // Watching a folder again costs a switch to the watcher's thread.
        let mut watched = BTreeSet::new();
        for name in names {
            let paths = self.paths_to(&name, &mut follower);
            if paths.is_empty() && self.routes.is_empty() {
                continue;
            }
            let folders: BTreeSet<_> = paths.iter().filter_map(|path| path.parent()).collect();
            for folder in folders {
                if !self.folders.contains_key(folder) && watched.insert(folder.to_owned()) {
                    limit = limit.and(events.watch_links(folder));
                }
            }
            for unused in self.routes.set(&name, paths) {
                events.unwatch_links(&unused);
            }
        }
        limit
    }

    /// Returns the paths whose events may change what a name leads to, other than the name itself.
    fn paths_to(&self, name: &Path, follower: &mut LinkFollower) -> Vec<PathBuf> {
        let root = self.root.dir();
        if *name == *root {
            return follower.follow(self.given_root.given_dir()).links;
        }
        let is_served = self.served.contains(name);
        if !is_served && !name.is_symlink() {
            return Vec::new();
        }
        let target = follower.follow(name);
        let mut paths = BTreeSet::new();
        for path in target.links.iter().chain([&target.path]) {
            let is_target = *path == target.path;
            if !path.starts_with(&root) {
                paths.insert(path.clone());
                // The folder of a file may be replaced as a whole.
                let folder = path.parent().filter(|_| is_target && !path.is_dir());
                paths.extend(folder.map(Path::to_owned));
            } else if is_served {
                // The folders between are not watched otherwise.
                let folders = path.ancestors().take_while(|folder| **folder != *root);
                paths.extend(folders.map(Path::to_owned));
            } else if !is_target && path != name {
                paths.insert(path.clone());
            }
        }
        paths.into_iter().collect()
    }

    /// Watches another folder if a link to the root has been turned. Returns the changes: what is in one of the
    /// folders, or differs between them.
    pub(super) fn follow_root(&mut self, events: &mut Option<FsEvents>) -> Option<Vec<FileChange>> {
        let before = self.dir();
        let dir = self.given_root.dir().into_owned();
        if dir == before || !dir.is_dir() {
            return None;
        }
        tracing::debug!(target: "pagewire::watch", before = %before.display(), now = %dir.display(), "a link to the root was turned");
        let mut next = Self::new(self.given_root.clone(), self.patterns.clone());
        let moved = |path: &PathBuf| rebase(path, &before, &dir);
        next.served = self.served.iter().filter_map(moved).collect();
        next.unrouted = next.served.iter().cloned().collect();
        if let Some(events) = events {
            for folder in self.folders.keys() {
                events.unwatch(folder);
            }
            for name in self.routes.names() {
                for unused in self.routes.set(&name, Vec::new()) {
                    events.unwatch_links(&unused);
                }
            }
        }
        next.scan(events);
        let mut changed = Changes::default();
        for (file, state) in &next.files {
            let old = rebase(file, &dir, &before).and_then(|old| self.files.get(&old));
            let kind = match old {
                None => FileChangeKind::Created,
                Some(old) if old.stamp == state.stamp => continue,
                Some(_) => FileChangeKind::Modified,
            };
            changed.files.insert(file.clone(), kind);
        }
        let mut removed = Changes::default();
        for file in self.files.keys() {
            if rebase(file, &before, &dir).is_none_or(|new| !next.files.contains_key(&new)) {
                removed.files.insert(file.clone(), FileChangeKind::Removed);
            }
        }
        let mut changes = next.file_changes(changed);
        changes.extend(self.file_changes(removed));
        *self = next;
        Some(changes)
    }
}
