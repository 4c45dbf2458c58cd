//! The control token, in a file that only its owner can read.

use crate::{discovery, ids};
use std::io;
use std::path::{Path, PathBuf};

/// The token of one run of the daemon. The file is removed with this value.
pub(crate) struct TokenFile {
    path: PathBuf,
    secret: String,
}

impl TokenFile {
    /// Makes a token and writes it, with a newline, to a new file (0600) in the runtime folder.
    pub(crate) fn create() -> io::Result<Self> {
        let folder = discovery::private_folder()?;
        let secret = ids::secret();
        let pid = std::process::id();
        // A process with our number that was killed must not be taken for us.
        let _ = std::fs::remove_file(folder.join(format!("{pid}.json")));
        let path = folder.join(format!("{pid}.token"));
        discovery::write_private(&path, format!("{secret}\n").as_bytes())?;
        Ok(Self { path, secret })
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The token.
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
