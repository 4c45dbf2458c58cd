//! A folder of one session's own, for files that it has served.

use crate::ids;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// A new folder that only its owner can open (0700). It is removed with this value, and what is in it.
#[derive(Debug)]
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Makes it in this folder.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let path = folder.join(ids::random());
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        // What cannot be removed goes with the daemon, or with the next one.
        let remove = move || drop(fs::remove_dir_all(path));
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
