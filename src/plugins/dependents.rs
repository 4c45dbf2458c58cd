//! Which URL paths plugins answer from which files: a change of the file is one of theirs.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pairs of a file and a URL path that are known. At the bound all are forgotten, which the log says,
/// and learned again as pages ask. Default 65,536.
const MAX_PAIRS: usize = 64 * 1024;

/// Everything that plugins named as what their answers are made from.
#[derive(Default)]
pub(crate) struct Dependents {
    /// Held for moments, never across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_file: HashMap<PathBuf, BTreeSet<Arc<str>>>,
    pairs: usize,
}

impl Dependents {
    /// The answer for this URL path was made from these files. Asks the file system, so that a file is
    /// known by its real path as well.
    pub(super) fn add(&self, path: &str, files: &[&Path]) {
        if files.is_empty() {
            return;
        }
        let real = |file: &&Path| file.canonicalize().ok();
        let real: Vec<_> = files.iter().filter_map(real).collect();
        let path: Arc<str> = path.into();
        let mut state = self.lock();
        for file in files
            .iter()
            .copied()
            .chain(real.iter().map(PathBuf::as_path))
        {
            state.add(file, &path);
        }
    }

    /// The URL paths, decoded, whose answers are made from any of these files.
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
            tracing::info!(target: "pagewire::plugins", pairs = self.pairs, "plugins made answers from so many files that which ones is learned anew");
            *self = Self::default();
        }
        // Most are known: no copy of the file's name for those.
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
    fn a_file_is_known_by_every_name_and_the_bound_holds() {
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
