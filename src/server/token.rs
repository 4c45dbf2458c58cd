//! The control token, in a file that only its owner can read.

use crate::ids;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The token of one run of the daemon. The file is removed with this value.
pub struct TokenFile {
    path: PathBuf,
    secret: String,
}

impl TokenFile {
    /// Makes a token and writes it, with a newline, to a new file (0600) in the runtime folder.
    pub fn create() -> io::Result<Self> {
        let folder = runtime_folder()?;
        let secret = ids::secret();
        let path = folder.join(format!("{}.token", std::process::id()));
        // What a process with our number left behind is not ours to keep.
        let _ = std::fs::remove_file(&path);
        let mut file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(format!("{secret}\n").as_bytes())?;
        Ok(Self { path, secret })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `$XDG_RUNTIME_DIR/pagewire`, or a private folder of ours in the temporary folder.
fn runtime_folder() -> io::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir).join("pagewire"),
        None => std::env::temp_dir().join(format!("pagewire-{user}")),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    // Somebody else may have made it first: then it is not private.
    let metadata = folder.symlink_metadata()?;
    if !metadata.is_dir() || metadata.uid() != user || metadata.mode() & 0o077 != 0 {
        let text = format!(
            "{} is not a folder that only you can open (remove it, or set XDG_RUNTIME_DIR)",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(folder)
}
