//! A session's scratch directory, for files that its plugin has the daemon serve.

use crate::ids;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// A new directory that only its owner can access (0700). Dropping it removes the directory and its
/// contents in the background.
#[derive(Debug)]
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Creates a directory with a random name in `parent`.
    pub(crate) fn create(parent: &Path) -> io::Result<Self> {
        let path = parent.join(ids::random());
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        // What cannot be removed now is removed together with the parent directory.
        let remove = move || drop(fs::remove_dir_all(path));
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
