//! Scratch directories: a private folder per session, for files that its plugin has the daemon serve.

use crate::ids;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// The folder that contains the scratch directories of all sessions. Only its owner can access it
/// (0700). Dropping it removes the folder and its contents.
pub(crate) struct ScratchRoot(PathBuf);

impl ScratchRoot {
    /// Creates the folder. One that an earlier process left behind is removed first.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let _ = fs::remove_dir_all(path);
        create_private(path)?;
        Ok(Self(path.canonicalize()?))
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchRoot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A session's scratch directory. Only its owner can access it (0700). Dropping it removes the
/// directory and its contents in the background.
#[derive(Debug)]
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Creates a directory with a random name in the folder of a [`ScratchRoot`].
    pub(crate) fn create(root: &Path) -> io::Result<Self> {
        let path = root.join(ids::random());
        create_private(&path)?;
        Ok(Self(path))
    }

    /// The canonical path. It stays the same whatever the plugin puts in its place, since a link there must
    /// not lead the daemon elsewhere.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        // What cannot be removed now is removed together with the root.
        let remove = move || drop(fs::remove_dir_all(path));
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}
