//! The control token, in a file that only its owner can read.

use crate::paths::OwnedPath;
use crate::{discovery, ids};
use std::io;
use std::path::Path;

/// Token of this daemon, with its file. Dropping it removes the file.
pub(crate) struct TokenFile {
    file: OwnedPath,
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
        let file = OwnedPath::private_file(&path, format!("{secret}\n").as_bytes())?;
        Ok(Self { file, secret })
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    #[must_use]
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}
