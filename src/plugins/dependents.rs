//! Index from files to the URL paths whose responses plugins make from them.
//!
//! When such a file changes, pages that loaded one of these paths are notified, although they never
//! requested the file itself.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pairs of a file and a URL path in the index. At the bound the index is cleared, which is logged, and
/// rebuilt as pages request resources. Default 65,536.
const MAX_PAIRS: usize = 64 * 1024;

/// The index, filled from the dependencies that hook results name.
#[derive(Default)]
pub(crate) struct Dependents {
    /// Never held across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_file: HashMap<PathBuf, BTreeSet<Arc<str>>>,
    pairs: usize,
}

impl Dependents {
    /// Records that the response for this URL path depends on these files, under the names given and
    /// under their canonical paths. Blocks on file system access.
    pub(super) fn add(&self, path: &str, files: &[&Path]) {
        if files.is_empty() {
            return;
        }
        let canonical = |file: &&Path| file.canonicalize().ok();
        let canonical: Vec<_> = files.iter().filter_map(canonical).collect();
        let path: Arc<str> = path.into();
        let mut state = self.lock();
        for file in files
            .iter()
            .copied()
            .chain(canonical.iter().map(PathBuf::as_path))
        {
            state.add(file, &path);
        }
    }

    /// Returns the decoded URL paths whose responses depend on any of these files.
    pub(crate) fn paths_of<'a>(&self, files: impl Iterator<Item = &'a Path>) -> BTreeSet<Arc<str>> {
        let state = self.lock();
        let paths = files.filter_map(|file| state.by_file.get(file));
        paths.flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, file: &Path, path: &Arc<str>) {
        if self.pairs >= MAX_PAIRS {
            tracing::info!(target: "pagewire::plugins", pairs = self.pairs, "dependency index is full; rebuilding it");
            *self = Self::default();
        }
        // Most pairs are known, so the file name is only copied for a new file.
        let is_new = match self.by_file.get_mut(file) {
            Some(paths) => paths.insert(path.clone()),
            None => {
                let paths = BTreeSet::from([path.clone()]);
                self.by_file.insert(file.to_owned(), paths);
                true
            }
        };
        self.pairs += usize::from(is_new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_every_name_and_the_index_stays_bounded() {
        let dependents = Dependents::default();
        let temp = tempfile::tempdir().unwrap();
        let (file, link) = (temp.path().join("a"), temp.path().join("b"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        dependents.add("/x", &[&link]);
        dependents.add("/y", &[&link, Path::new("/not/there")]);
        let of = |file: &Path| {
            let paths = dependents.paths_of(std::iter::once(file));
            paths.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(&file.canonicalize().unwrap()), ["/x", "/y"]);
        assert_eq!(of(&link), ["/x", "/y"]);
        assert_eq!(of(Path::new("/not/there")), ["/y"]);
        assert_eq!(of(Path::new("/else")), [""; 0]);
        for number in 0..=MAX_PAIRS {
            dependents.add(&format!("/{number}"), &[Path::new("/one")]);
        }
        assert!(dependents.lock().pairs <= MAX_PAIRS);
        assert!(!of(Path::new("/one")).is_empty());
    }
}
