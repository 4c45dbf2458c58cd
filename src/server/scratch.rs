//! The folder that contains the scratch folders of plugin sessions.

use crate::discovery;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Guard of `PID.scratch` in the runtime folder, which is never served. Dropping it removes the folder
/// and its contents.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Creates the folder with mode 0700.
    pub(super) fn create() -> io::Result<Self> {
        let path = discovery::private_folder()?.join(format!("{}.scratch", std::process::id()));
        // An earlier process with the same id may have left one behind.
        let _ = fs::remove_dir_all(&path);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
