//! When a kept result holds no more: a file it was made from changed, or somebody said so.

use crate::paths::FileVersion;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that was written so shortly before it was read may be written again and look the same.
/// What depends on it is not kept until then.
const SETTLES: Duration = Duration::from_secs(1);

/// How far the clock that stamps files may be behind ours: they have a tick of their own.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// Whether any of these files was changed after this moment, as far as the file system says.
pub(super) fn changed_since(files: &[&Path], moment: SystemTime) -> bool {
    let moment = moment.checked_sub(CLOCK_TICK).unwrap_or(moment);
    let mut versions = files.iter().filter_map(|file| FileVersion::at(file));
    versions.any(|version| !version.is_older_than(moment))
}

/// A file that a result was made from.
#[derive(Debug)]
pub(super) struct Source {
    file: PathBuf,
    /// What it was; see [`Source::is_same`].
    read: Read,
}

#[derive(Debug)]
enum Read {
    /// Its content takes part in the key.
    Content,
    /// This version; none = it was not there.
    Version(Option<FileVersion>),
}

impl Source {
    /// A file whose content is compared by itself.
    pub(super) fn content(file: PathBuf) -> Self {
        let read = Read::Content;
        Self { file, read }
    }

    /// A file as it is. None when it may be another than the one that was read after `begin`.
    pub(super) fn settled(file: &Path, begin: SystemTime) -> Option<Self> {
        let version = FileVersion::at(file);
        let since = begin.checked_sub(SETTLES)?;
        version
            .is_none_or(|version| version.is_older_than(since))
            .then(|| Self {
                file: file.to_owned(),
                read: Read::Version(version),
            })
    }

    /// Whether it is what it was, as far as the file system says.
    pub(super) fn is_same(&self) -> bool {
        match &self.read {
            Read::Content => true,
            Read::Version(version) => FileVersion::at(&self.file) == *version,
        }
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.file.as_os_str().len()
    }
}

/// Which results are to be forgotten: what any of the fields names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Invalidation {
    /// All of them.
    pub all: bool,
    /// Those for these paths, decoded, whatever their query.
    pub exact_paths: Vec<String>,
    /// Those for paths that begin so.
    pub path_prefixes: Vec<String>,
    /// Those that were made from these files, absolute and without links.
    pub files: Vec<PathBuf>,
}

impl Invalidation {
    /// Whether a result for this path, made from these files, is to be forgotten.
    pub(super) fn names(&self, path: &str, sources: &[Source]) -> bool {
        let made_from = |file: &PathBuf| sources.iter().any(|source| source.file == *file);
        self.all
            || self.exact_paths.iter().any(|exact| exact == path)
            || self
                .path_prefixes
                .iter()
                .any(|prefix| path.starts_with(prefix.as_str()))
            || self.files.iter().any(made_from)
    }
}
