//! The control token, in a file that only its owner can read.

use crate::{discovery, ids};
use std::io;
use std::path::{Path, PathBuf};

/// Token of this daemon, and guard of its file: dropping it removes the file.
pub(crate) struct TokenFile {
    path: PathBuf,
    secret: String,
}

impl TokenFile {
    /// Creates a random token and writes it, with a newline, to a new file of mode 0600 in the runtime
    /// folder.
    pub(crate) fn create() -> io::Result<Self> {
        let folder = discovery::private_folder()?;
        let secret = ids::secret();
        let pid = std::process::id();
        // The discovery file of a killed process with the same id must not be taken for ours.
        let _ = std::fs::remove_file(folder.join(format!("{pid}.json")));
        let path = folder.join(format!("{pid}.token"));
        discovery::write_private(&path, format!("{secret}\n").as_bytes())?;
        Ok(Self { path, secret })
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
