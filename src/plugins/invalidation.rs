//! When cached results become stale: a file they were made from changed, or a program invalidated them.

use super::payload::path_size;
use crate::paths::FileVersion;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file written this recently may be written again without a visible change of its version, so
/// results that depend on it are not cached yet.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// How far file timestamps may lag behind the system clock: they come from a coarser clock tick.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// Whether any of these files may have changed after this moment.
pub(super) fn changed_since(files: &[&Path], moment: SystemTime) -> bool {
    let moment = moment.checked_sub(CLOCK_TICK).unwrap_or(moment);
    let mut versions = files.iter().filter_map(|file| FileVersion::at(file));
    versions.any(|version| !version.is_older_than(moment))
}

/// A file that a cached result was made from.
#[derive(Debug)]
pub(super) struct Dependency {
    file: PathBuf,
    check: Check,
}

/// How a cache lookup checks that a dependency has not changed.
#[derive(Debug)]
enum Check {
    /// Not at all. An [`Invalidation`] can still name the file.
    Nothing,
    /// Its version must be this one; none = the file must not exist.
    Version(Option<FileVersion>),
}

impl Dependency {
    /// Creates a dependency that only an [`Invalidation`] makes stale.
    pub(super) fn unchecked(file: PathBuf) -> Self {
        Self {
            file,
            check: Check::Nothing,
        }
    }

    /// Creates a dependency on the file's current version. Returns none if the file may have changed
    /// since it was read, given that it was read after `begin`.
    pub(super) fn on_version(file: &Path, begin: SystemTime) -> Option<Self> {
        let version = FileVersion::at(file);
        let settled = begin.checked_sub(SETTLE_TIME)?;
        version
            .is_none_or(|version| version.is_older_than(settled))
            .then(|| Self {
                file: file.to_owned(),
                check: Check::Version(version),
            })
    }

    /// Whether the file is unchanged. Blocks on a `stat`.
    pub(super) fn is_unchanged(&self) -> bool {
        match &self.check {
            Check::Nothing => true,
            Check::Version(version) => FileVersion::at(&self.file) == *version,
        }
    }

    /// Its memory in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + path_size(&self.file)
    }
}

/// A program's request to drop cached results. A result is dropped if any field matches it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Invalidation {
    pub all: bool,
    /// Decoded URL paths; queries are ignored.
    pub exact_paths: HashSet<String>,
    /// Of decoded URL paths.
    pub path_prefixes: Prefixes,
    /// Absolute paths of files that results were made from.
    pub files: HashSet<PathBuf>,
}

/// Sorted prefixes, of which none begins with another one: a text is then looked up in logarithmic time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes(Vec<String>);

impl Prefixes {
    pub(crate) fn new(mut prefixes: Vec<String>) -> Self {
        prefixes.sort_unstable();
        prefixes.dedup_by(|longer, shorter| longer.starts_with(shorter.as_str()));
        Self(prefixes)
    }

    /// Whether the text begins with any of the prefixes: only the last one that does not sort after the text
    /// can be its beginning.
    fn are_in(&self, text: &str) -> bool {
        let end = self.0.partition_point(|prefix| prefix.as_str() <= text);
        let last = self.0[..end].last();
        last.is_some_and(|prefix| text.starts_with(prefix.as_str()))
    }
}

impl Invalidation {
    /// Whether a result for this URL path with these dependencies is to be dropped.
    pub(super) fn matches(&self, path: &str, dependencies: &[Dependency]) -> bool {
        self.all
            || self.exact_paths.contains(path)
            || self.path_prefixes.are_in(path)
            || dependencies
                .iter()
                .any(|one| self.files.contains(&one.file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_by_each_of_its_prefixes() {
        let prefixes = ["/b", "/a/c", "/a", "/a", "/ab/", "/é"].map(str::to_owned);
        let prefixes = Prefixes::new(prefixes.into());
        for path in ["/a", "/a/x", "/ab", "/ab/", "/a/c/d", "/b", "/bé", "/é/x"] {
            assert!(prefixes.are_in(path), "{path}");
        }
        for path in ["", "/", "/c", "/A", "/à"] {
            assert!(!prefixes.are_in(path), "{path}");
        }
        assert!(!Prefixes::default().are_in("/a"));
        assert!(Prefixes::new(vec!["/".into(), "/b".into()]).are_in("/a"));
    }
}
