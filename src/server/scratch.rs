//! The folder that holds the sessions' scratch folders.

use crate::discovery;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// `PID.scratch` in the runtime folder, which is never served. Removed with this value, and what is in
/// it.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it (0700).
    pub(super) fn create() -> io::Result<Self> {
        let path = discovery::private_folder()?.join(format!("{}.scratch", std::process::id()));
        // What a process with our number left behind is not ours to keep.
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
