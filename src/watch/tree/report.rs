//! What a comparison reports: each changed file under all of its names.

use super::{Changes, Tree, below};
use crate::hub::{FileChange, FileChangeKind};
use crate::watch::aliases::rebase;
use std::collections::HashSet;
use std::path::PathBuf;

/// Names through links under which one comparison reports changes. Further ones are not reported to
/// subscribers, which the log says; pages are then notified that anything may have changed, as always
/// when there are this many paths. Default 10,000.
pub(super) const MAX_LINKED_NAMES: usize = 10_000;

impl Tree {
    /// Adds the URL of each change, and repeats it for every link through which the file is served, up to
    /// [`MAX_LINKED_NAMES`].
    pub(super) fn file_changes(&self, changes: Changes) -> Vec<FileChange> {
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
            let mut names = names.peekable();
            // A link to a file that is gone has no other name.
            let own = names.peek().is_none().then(|| link.path.clone());
            let own = own.filter(|_| link.kind == FileChangeKind::Removed);
            for name in names.chain(own).filter(&mut may_report) {
                report(name, link.kind);
            }
        }
        if is_truncated {
            tracing::warn!(target: "pagewire::watch", reported = MAX_LINKED_NAMES, "files changed that many links lead to: not all of their names are reported to subscribers (remove links to large folders)");
        }
        file_changes
    }
}
