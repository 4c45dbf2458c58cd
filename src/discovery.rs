//! The discovery file, by which programs find a running daemon. Its format and the lookup are defined by
//! the client library (`pagewire_client::discovery`).

use pagewire_client::discovery::check_private;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) use pagewire_client::discovery::{Daemon, runtime_folder};

/// Guard of this daemon's discovery file: dropping it removes the file.
pub(crate) struct Registration {
    path: PathBuf,
}

impl Registration {
    /// Writes the file atomically: a reader never sees a part of it.
    pub(crate) fn write(daemon: &Daemon) -> io::Result<Self> {
        let path = private_folder()?.join(daemon.file_name());
        let temporary = path.with_extension("json.new");
        write_private(&temporary, &serde_json::to_vec(daemon)?)?;
        fs::rename(&temporary, &path)?;
        Ok(Self { path })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns the runtime folder; creates it if it does not exist.
pub(crate) fn private_folder() -> io::Result<PathBuf> {
    let folder = runtime_folder();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    // Another user may have created it first; then it is not private.
    check_private(&folder)?;
    Ok(folder)
}

/// Writes a new file that only its owner can open (0600).
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    // An earlier process with the same id may have left one behind.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)
}
