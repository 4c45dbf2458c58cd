//! The files of a root as they were last seen, and what is different now.

use super::notices::{LimitReached, Notices};
use super::rules::{self, Rules};
use super::{Batch, Writer};
use crate::hub::{FileChange, FileChangeKind};
use crate::paths::{PathLookup, Root, UrlPath};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The coarsest tick of a file system's clock on Linux. Of two writes within one tick the second
/// may leave no trace, so a file that was written this recently is looked at once more, unless whoever
/// wrote it is done: then its next notice counts, whatever it looks like.
const TICK: Duration = Duration::from_millis(10);

/// What tells two versions of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

/// A file as it was last seen.
#[derive(Clone, Copy)]
struct Seen {
    stamp: Stamp,
    /// It was written within the same tick.
    is_young: bool,
}

/// What there is at a path.
enum Entry {
    File(Seen),
    /// A file that is being written, or was a moment ago.
    Fresh,
    Folder,
    /// A link to a folder or file of the root itself, which is watched where it is.
    Alias(PathBuf),
    /// Nothing that is served.
    Nothing,
}

/// Changes of one comparison; the last of a file counts.
type Changes = BTreeMap<PathBuf, FileChangeKind>;

/// Everything that is watched in a root.
pub(super) struct Tree {
    root: Root,
    files: BTreeMap<PathBuf, Seen>,
    /// Watched folders, with the rules that hold in them.
    folders: BTreeMap<PathBuf, Rules>,
    /// Links within the root, and what they lead to: a change there is one here too.
    aliases: BTreeMap<PathBuf, PathBuf>,
    /// Files to be looked at once more.
    fresh: Vec<PathBuf>,
}

impl Tree {
    pub(super) fn new(root: Root) -> Self {
        Self {
            root,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            aliases: BTreeMap::new(),
            fresh: Vec::new(),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        self.root.dir()
    }

    /// Files that are watched.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Looks at everything for the first time.
    pub(super) fn learn(&mut self, notices: &mut Option<Notices>) {
        if let Some(notices) = notices {
            notices.watch_around(self.root.dir());
        }
        let mut unsettled = Batch {
            all: true,
            ..Batch::default()
        };
        for _ in 0..2 {
            self.find(&unsettled, notices);
            unsettled = Batch {
                paths: self
                    .fresh
                    .drain(..)
                    .map(|path| (path, Writer::Unknown))
                    .collect(),
                all: false,
            };
            if unsettled.is_empty() {
                return;
            }
            // What was written just before is no change after.
            std::thread::sleep(TICK);
        }
        // Still being written: told once it has settled.
        self.fresh = unsettled.paths.into_keys().collect();
        self.repeat_fresh(notices.as_ref());
    }

    /// Whether a notice for this path may mean anything.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        path == self.root.dir()
            || self.folders.contains_key(path)
            || path
                .parent()
                .and_then(|folder| self.folders.get(folder))
                .is_some_and(|rules| !rules.ignore(path, false))
                && self.root.url_of(path).is_some()
    }

    /// Finds what has changed.
    pub(super) fn compare(
        &mut self,
        batch: &Batch,
        notices: &mut Option<Notices>,
    ) -> Vec<FileChange> {
        let changes = self.find(batch, notices);
        self.repeat_fresh(notices.as_ref());
        self.told(changes)
    }

    /// Has files that are being written looked at once more; polling does anyway.
    fn repeat_fresh(&mut self, notices: Option<&Notices>) {
        let fresh = std::mem::take(&mut self.fresh);
        if let Some(notices) = notices {
            notices.repeat(fresh);
        }
    }

    /// Compares. When the operating system has no more notices to give, says so once and gives
    /// them up.
    fn find(&mut self, batch: &Batch, notices: &mut Option<Notices>) -> Changes {
        let mut changes = Changes::new();
        let root = self.root.dir().to_owned();
        let mut limit = Ok(());
        if batch.all || batch.paths.contains_key(&root) {
            limit = self.enter(&root, notices, &mut changes);
        } else {
            for (path, writer) in &batch.paths {
                let is_done = *writer == Writer::Done;
                limit = limit.and(self.look(path, is_done, notices, &mut changes));
            }
        }
        if limit.is_err() && notices.take().is_some() {
            tracing::warn!(target: "pagewire::watch", folders = self.folders.len(), "the operating system watches no more folders: files are polled, which is slower (raise the limit: sysctl fs.inotify.max_user_watches=524288)");
        }
        changes
    }

    /// Compares what is at a path with what was.
    fn look(
        &mut self,
        path: &Path,
        is_done: bool,
        notices: &mut Option<Notices>,
        changes: &mut Changes,
    ) -> Result<(), LimitReached> {
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        let Some(rules) = self.folders.get(parent).cloned() else {
            return Ok(());
        };
        let mut limit = Ok(());
        if path
            .file_name()
            .is_some_and(|name| name == rules::FILE_NAME)
        {
            // Other rules: other files count.
            limit = self.enter(parent, notices, changes);
        }
        limit.and(match self.entry(path, is_done) {
            Entry::Folder if rules.ignore(path, true) => {
                self.forget(path, notices, changes);
                Ok(())
            }
            Entry::Folder => self.enter(path, notices, changes),
            entry => {
                if self.folders.contains_key(path) {
                    self.forget(path, notices, changes);
                }
                self.note(path, entry, is_done, notices, changes);
                Ok(())
            }
        })
    }

    /// Watches a folder with all that is in it, and compares all that with what was there. First
    /// watched, then read: what comes between is found twice rather than never.
    fn enter(
        &mut self,
        top: &Path,
        notices: &mut Option<Notices>,
        changes: &mut Changes,
    ) -> Result<(), LimitReached> {
        let mut unseen = self.below(top);
        let mut limit = Ok(());
        let mut waiting = vec![top.to_owned()];
        while let Some(folder) = waiting.pop() {
            if let Some(notices) = notices
                && limit.is_ok()
            {
                limit = notices.watch(&folder, folder == self.root.dir());
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue; // It has gone, or is not ours to read: what was in it is unseen.
            };
            let around = match folder.parent() {
                Some(parent) if folder != self.root.dir() => self.folders.get(parent).cloned(),
                _ => Some(Rules::around(&folder)),
            };
            let rules = around.unwrap_or_default().of(&folder);
            unseen.remove(&folder);
            self.aliases.remove(&folder);
            if self.files.remove(&folder).is_some() {
                changes.insert(folder.clone(), FileChangeKind::Removed);
            }
            for path in entries.flatten().map(|entry| entry.path()) {
                let entry = self.entry(&path, false);
                let is_folder = matches!(entry, Entry::Folder);
                if rules.ignore(&path, is_folder) {
                    continue;
                }
                if is_folder {
                    waiting.push(path);
                } else {
                    unseen.remove(&path);
                    self.note(&path, entry, false, notices, changes);
                }
            }
            self.folders.insert(folder, rules);
        }
        for path in unseen {
            self.forget(&path, notices, changes);
        }
        limit
    }

    /// What was known at a path and below it.
    fn below(&self, top: &Path) -> BTreeSet<PathBuf> {
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

    /// Takes in what is at a path, which is no folder.
    fn note(
        &mut self,
        path: &Path,
        entry: Entry,
        is_done: bool,
        notices: &mut Option<Notices>,
        changes: &mut Changes,
    ) {
        match entry {
            Entry::File(seen) => {
                self.aliases.remove(path);
                let before = self.files.insert(path.to_owned(), seen);
                let kind = match before {
                    None => FileChangeKind::Created,
                    Some(before) if before.stamp == seen.stamp && !(before.is_young && is_done) => {
                        return;
                    }
                    Some(_) => FileChangeKind::Modified,
                };
                changes.insert(path.to_owned(), kind);
            }
            Entry::Fresh => self.fresh.push(path.to_owned()),
            Entry::Alias(target) => {
                self.files.remove(path);
                let before = self.aliases.insert(path.to_owned(), target.clone());
                if before.as_ref() != Some(&target) {
                    let turned = before.into_iter().chain([target]);
                    let names = turned.flat_map(|target| self.by_link(path, &target));
                    changes.extend(names.map(|name| (name, FileChangeKind::Modified)));
                }
            }
            Entry::Nothing | Entry::Folder => self.forget(path, notices, changes),
        }
    }

    /// Forgets what was at a path and below it. What has gone is a change; what only counts no
    /// more is none.
    fn forget(&mut self, top: &Path, notices: &mut Option<Notices>, changes: &mut Changes) {
        for path in self.below(top) {
            let has_gone = path.symlink_metadata().is_err();
            if self.files.remove(&path).is_some() && has_gone {
                changes.insert(path.clone(), FileChangeKind::Removed);
            }
            if self.folders.remove(&path).is_some()
                && let Some(notices) = notices
            {
                notices.unwatch(&path);
            }
            if let Some(target) = self.aliases.remove(&path)
                && has_gone
            {
                let names = self.by_link(&path, &target).into_iter();
                changes.extend(names.map(|name| (name, FileChangeKind::Removed)));
            }
        }
    }

    /// The names that a link gives to the files that it leads to.
    fn by_link(&self, link: &Path, target: &Path) -> Vec<PathBuf> {
        self.below(target)
            .into_iter()
            .filter(|path| self.files.contains_key(path))
            .filter_map(|file| renamed(&file, target, link))
            .collect()
    }

    fn entry(&self, path: &Path, is_done: bool) -> Entry {
        let Some(url) = self.root.url_of(path) else {
            return Entry::Nothing;
        };
        let Ok(metadata) = path.symlink_metadata() else {
            return Entry::Nothing;
        };
        if metadata.is_symlink() {
            return self.link(path, &url);
        }
        entry_of(&metadata, is_done)
    }

    /// A link, as far as pages may follow it. Of a link to a single file outside the root changes
    /// are noticed when the link changes, or by polling.
    fn link(&self, path: &Path, url: &str) -> Entry {
        let Ok(url) = UrlPath::parse(url) else {
            return Entry::Nothing;
        };
        let served = matches!(
            self.root.find(&url),
            PathLookup::File(_) | PathLookup::FolderWithoutSlash
        );
        // Links behind links are not followed: two that lead to each other would never end.
        let folder = path.parent();
        let behind_link = folder.is_none_or(|dir| dir.canonicalize().is_ok_and(|real| real != dir));
        match (path.canonicalize(), path.metadata()) {
            _ if !served || behind_link => Entry::Nothing,
            (Ok(real), Ok(_)) if real.starts_with(self.root.dir()) => Entry::Alias(real),
            (Ok(_), Ok(metadata)) => entry_of(&metadata, false),
            _ => Entry::Nothing,
        }
    }

    /// The changes with their URLs, those of links included.
    fn told(&self, changes: Changes) -> Vec<FileChange> {
        let mut told = Vec::with_capacity(changes.len());
        for (file, kind) in changes {
            let aliases = self.aliases.iter();
            let by_link = aliases.filter_map(|(link, target)| renamed(&file, target, link));
            let mut names: Vec<_> = by_link.collect();
            names.insert(0, file);
            told.extend(names.into_iter().filter_map(|file_path| {
                let url_path = self.root.url_of(&file_path)?;
                Some(FileChange {
                    file_path,
                    url_path,
                    kind,
                })
            }));
        }
        told
    }
}

/// The same file below another folder.
fn renamed(file: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let inside = file.strip_prefix(from).ok()?;
    // Joining an empty path would add a slash.
    let is_it = inside.as_os_str().is_empty();
    Some(if is_it {
        to.to_owned()
    } else {
        to.join(inside)
    })
}

fn entry_of(metadata: &fs::Metadata, is_done: bool) -> Entry {
    if metadata.is_dir() {
        return Entry::Folder;
    }
    if !metadata.is_file() {
        return Entry::Nothing;
    }
    let modified = metadata.modified().ok();
    // A time in the future is one that somebody set.
    let age = modified.and_then(|modified| modified.elapsed().ok());
    let is_young = age.is_some_and(|age| age < TICK);
    if is_young && !is_done {
        return Entry::Fresh;
    }
    Entry::File(Seen {
        stamp: Stamp {
            modified,
            size: metadata.len(),
            inode: metadata.ino(),
        },
        is_young,
    })
}
