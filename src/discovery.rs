//! Makes the daemon known to programs that look for one: its file in the runtime folder. What is in
//! it, and how it is found, is the client library's to say (`pagewire_client::discovery`).

use pagewire_client::discovery::check_private;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) use pagewire_client::discovery::{Daemon, runtime_folder};

/// The file that describes this daemon, removed with this value.
pub(crate) struct Registration {
    path: PathBuf,
}

impl Registration {
    /// Writes the file. Whoever reads it reads all of it.
    pub(crate) fn write(daemon: &Daemon) -> io::Result<Self> {
        let path = private_folder()?.join(daemon.file_name());
        let beside = path.with_extension("json.new");
        write_private(&beside, &serde_json::to_vec(daemon)?)?;
        fs::rename(&beside, &path)?;
        Ok(Self { path })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The runtime folder, made if need be.
pub(crate) fn private_folder() -> io::Result<PathBuf> {
    let folder = runtime_folder();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    // Somebody else may have made it first: then it is not private.
    check_private(&folder)?;
    Ok(folder)
}

/// Writes a new file that only its owner can open (0600).
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    // What a process with our number left behind is not ours to keep.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)
}
