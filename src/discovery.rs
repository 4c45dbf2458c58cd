//! The discovery file, by which programs find a running daemon. Its format and the lookup are defined by
//! the client library (`pagewire_client::discovery`).

use crate::paths::OwnedPath;
use pagewire_client::discovery::check_private;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

pub(crate) use pagewire_client::discovery::{Daemon, runtime_folder};

/// Guard of this daemon's discovery file: dropping it removes the file.
pub(crate) struct Registration {
    _file: OwnedPath,
}

impl Registration {
    /// Writes the file atomically: a reader never sees a part of it.
    pub(crate) fn write(daemon: &Daemon) -> io::Result<Self> {
        let path = private_folder()?.join(daemon.file_name());
        let file = OwnedPath::private_file(&path, &serde_json::to_vec(daemon)?)?;
        Ok(Self { _file: file })
    }
}

/// Returns the runtime folder; creates it if it does not exist.
pub(crate) fn private_folder() -> io::Result<PathBuf> {
    let folder = runtime_folder();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| {
            let folder = folder.display();
            let text = format!(
                "cannot create {folder}: {error} (set XDG_RUNTIME_DIR to a folder that you can write to)"
            );
            io::Error::new(error.kind(), text)
        })?;
    // Another user may have created it first; then it is not private.
    check_private(&folder)?;
    Ok(folder)
}
