//! The state of a single path, which comparisons are based on.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Coarsest resolution of file timestamps on Linux. The second of two writes within it may leave size and
/// times unchanged. Therefore a file that was written this recently is compared once more. If its
/// writer is done, the file's next event counts as a change instead, even if the file looks the same.
pub(super) const TIMESTAMP_RESOLUTION: Duration = Duration::from_millis(10);

/// Metadata that distinguishes two versions of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

/// Last known state of a file.
#[derive(Clone, Copy)]
pub(super) struct FileState {
    pub(super) stamp: FileStamp,
    /// Whether the file was written less than [`TIMESTAMP_RESOLUTION`] before it was examined.
    pub(super) is_recent: bool,
}

/// Identity of a folder, whatever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FolderId {
    device: u64,
    inode: u64,
}

impl FolderId {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Returns the identity of the folder at a path, following links; none if there is no folder.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        metadata.is_dir().then(|| Self::of(&metadata))
    }
}

/// What exists at a path.
pub(super) enum Entry {
    File(FileState),
    /// A file that is being written, or was a moment ago.
    Unsettled,
    Folder(FolderId),
    /// Another name of a folder or file that is watched at this path.
    Alias(PathBuf),
    /// Nothing that can be served.
    Nothing,
}

impl Entry {
    /// Classifies a path that is not a link. `is_complete` states that its writer is known to be done.
    pub(super) fn new(metadata: &Metadata, is_complete: bool) -> Self {
        if metadata.is_dir() {
            return Self::Folder(FolderId::of(metadata));
        }
        if !metadata.is_file() {
            return Self::Nothing;
        }
        let modified = metadata.modified().ok();
        // A time in the future was set explicitly, so the file is not recent.
        let age = modified.and_then(|modified| modified.elapsed().ok());
        let is_recent = age.is_some_and(|age| age < TIMESTAMP_RESOLUTION);
        if is_recent && !is_complete {
            return Self::Unsettled;
        }
        Self::File(FileState {
            stamp: FileStamp {
                modified,
                size: metadata.len(),
                inode: metadata.ino(),
            },
            is_recent,
        })
    }
}
