//! File versions: a cheap check whether a file has changed.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Metadata that distinguishes two versions of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// The inode change time. It moves with every write, even if a tool resets the modification time.
    changed: (i64, i64),
}

impl FileVersion {
    #[must_use]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns the current version of a file, following links; none if it does not exist. Blocks on a
    /// `stat`.
    #[must_use]
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self::of(&metadata))
    }

    /// Whether the file was last changed before this moment.
    #[must_use]
    pub(crate) fn is_older_than(&self, moment: SystemTime) -> bool {
        let moment = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        let moment = (
            i64::try_from(moment.as_secs()).unwrap_or(i64::MAX),
            i64::from(moment.subsec_nanos()),
        );
        self.modified.max(self.changed) < moment
    }
}

impl fmt::Display for FileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.modified;
        write!(f, "{:x}-{seconds:x}.{nanos:x}", self.size)
    }
}
