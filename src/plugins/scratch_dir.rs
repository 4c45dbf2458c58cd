//! Scratch directories: a private folder per session, for files that the plugin asks the daemon to serve.
//!
//! A plugin can replace its folder by a symbolic link. Such a link is neither served nor followed when the
//! folder is removed: the paths are canonical from the start, and [`OwnedPath`] compares identities.

use crate::ids;
use crate::paths::OwnedPath;
use std::fs;
use std::io;
use std::path::Path;
use tokio::runtime::Handle;

/// The folder that contains the scratch directories of all sessions. Only its owner can access it
/// (0700). Dropping it removes the folder and its contents.
pub(crate) struct ScratchRoot(OwnedPath);

impl ScratchRoot {
    /// Creates the folder in an existing one. What an earlier process left behind is removed first.
    pub(crate) fn create(parent: &Path, name: &str) -> io::Result<Self> {
        let path = parent.canonicalize()?.join(name);
        let _ = fs::remove_dir_all(&path);
        OwnedPath::private_folder(path).map(Self)
    }

    /// Its canonical path.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A session's scratch directory. Only its owner can access it (0700). Dropping it removes the
/// directory and its contents in the background.
#[derive(Debug)]
pub(crate) struct ScratchDir(Option<OwnedPath>);

impl ScratchDir {
    /// Creates a directory with a random name in the folder of a [`ScratchRoot`].
    pub(crate) fn create(root: &Path) -> io::Result<Self> {
        let owned = OwnedPath::private_folder(root.join(ids::random()))?;
        Ok(Self(Some(owned)))
    }

    /// The canonical path. It stays the same whatever the plugin puts in its place.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        let owned = self.0.as_ref();
        owned.expect("it is taken only on drop").path()
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let owned = self.0.take();
        // What cannot be removed now is removed together with the root.
        let remove = move || drop(owned);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
