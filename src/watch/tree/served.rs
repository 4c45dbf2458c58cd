//! Files that are ignored, and watched nevertheless because they were served: a build output, for example.

use super::{Changes, Entry, Tree};
use crate::hub::FileChangeKind;
use crate::paths::{PathLookup, UrlPath};
use crate::watch::aliases::rebase;
use std::path::{Path, PathBuf};

/// Most ignored files of a root that are watched because they were served. Changes of further ones are not
/// noticed, which the log says once. Default 4,096.
pub(super) const MAX_SERVED_FILES: usize = 4096;

impl Tree {
    /// Adds the files of URL paths that were served, unless they are watched already. Returns those that were
    /// added.
    pub(super) fn add_served(&mut self, urls: &[UrlPath]) -> Vec<PathBuf> {
        let names = urls.iter().map(|url| self.root.path_for(url));
        let mut names: Vec<_> = names.filter(|name| self.may_add(name)).collect();
        let room = MAX_SERVED_FILES.saturating_sub(self.served.len());
        if names.len() > room && !std::mem::replace(&mut self.is_served_full, true) {
            let file = &names[room];
            // Packages have many files, and are rarely changed.
            if file.iter().any(|name| name == "node_modules") {
                tracing::info!(target: "pagewire::watch", limit = MAX_SERVED_FILES, file = %file.display(), "pages load many files of packages: changes of this and further ones are not noticed (reload a page to see them)");
            } else {
                tracing::warn!(target: "pagewire::watch", limit = MAX_SERVED_FILES, file = %file.display(), "pages load many files that are ignored: changes of this and further ones are not noticed (name their folders with --watch-include)");
            }
        }
        names.truncate(room);
        self.served.extend(names.iter().cloned());
        self.unrouted.extend(names.iter().cloned());
        names
    }

    /// Sets the state of files that were added: the page that loaded them has this one.
    pub(super) fn set_served(&mut self, names: Vec<PathBuf>) {
        for name in names {
            if let Entry::File(state) = served_entry(&name, true) {
                self.files.insert(name, state);
            }
        }
    }

    fn may_add(&self, name: &Path) -> bool {
        let rules = self.rules_in(&self.root.dir());
        !self.is_watched(name)
            && !self.served.contains(name)
            && !rules.is_some_and(|rules| rules.ignores_explicitly(name))
            && self.root.url_of(name).is_some()
            && matches!(self.root.classify(name), PathLookup::File(_))
    }

    /// Whether changes of a file are noticed under this name, or under that of a link's target.
    fn is_watched(&self, name: &Path) -> bool {
        let mut links = name.ancestors();
        self.files.contains_key(name)
            || links.any(|link| {
                let target = self.aliases.target(link);
                let target = target.and_then(|target| rebase(name, link, target));
                target.is_some_and(|target| self.files.contains_key(&target))
            })
    }

    /// Compares a served file with the snapshot.
    pub(super) fn compare_served(&mut self, path: &Path, is_complete: bool, changes: &mut Changes) {
        match served_entry(path, is_complete) {
            Entry::Nothing => {
                if self.files.remove(path).is_some() {
                    changes
                        .files
                        .insert(path.to_owned(), FileChangeKind::Removed);
                }
            }
            entry => self.update(path, entry, is_complete, &mut None, changes),
        }
    }
}

/// Classifies a served file, which may be behind links.
pub(super) fn served_entry(path: &Path, is_complete: bool) -> Entry {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Entry::new(&metadata, is_complete),
        _ => Entry::Nothing,
    }
}
