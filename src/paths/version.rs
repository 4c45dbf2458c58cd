//! What tells two versions of a file apart.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A version of a file, as far as the file system tells it from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Moves with every write, also where a tool sets the time of modification back.
    changed: (i64, i64),
}

impl FileVersion {
    /// The version that this is the metadata of.
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

    /// The version that is at a path now, behind its links; none when there is none. Blocks.
    #[must_use]
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self::of(&metadata))
    }

    /// Whether it was written before this moment, and not touched since.
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
