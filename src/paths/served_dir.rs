//! A folder that is served, by the path at which it was given.

use std::borrow::Cow;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    #[error("root is not a directory: {} (pass an existing folder)", .0.display())]
    NotADirectory(PathBuf),
    #[error("root cannot be opened: {} (pass an existing folder)", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}

/// Folder whose path may lead through links. They are followed each time, because each of them can be turned
/// to another folder: a build's `result`, Capistrano's `current`, the `..data` of a Kubernetes volume.
#[derive(Clone, Debug)]
pub(super) struct ServedDir {
    /// Absolute, as it was given.
    path: PathBuf,
    /// Canonical, at the start.
    real: PathBuf,
}

impl ServedDir {
    pub(super) fn open(dir: &Path) -> Result<Self, RootError> {
        let unreadable = |source| RootError::Unreadable {
            path: dir.to_owned(),
            source,
        };
        let path = std::path::absolute(dir).map_err(unreadable)?;
        let real = dir.canonicalize().map_err(unreadable)?;
        if !real.is_dir() {
            return Err(RootError::NotADirectory(dir.to_owned()));
        }
        // A path with `..` but without links needs no resolution later.
        let path = if without_parents(&path) == real {
            real.clone()
        } else {
            path
        };
        Ok(Self { path, real })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the canonical path. While a link leads nowhere, it is the one at the start.
    ///
    /// Blocks on file system access if the given path is not canonical.
    pub(super) fn real(&self) -> Cow<'_, Path> {
        if self.path == self.real {
            return Cow::Borrowed(&self.real);
        }
        let real = self.path.canonicalize().ok();
        real.map_or(Cow::Borrowed(&*self.real), Cow::Owned)
    }

    /// Returns the folder that the path leads to now, by its canonical path.
    pub(super) fn pinned(&self) -> Self {
        let real = self.real().into_owned();
        Self {
            path: real.clone(),
            real,
        }
    }
}

/// Removes each `..` together with the name before it.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            component => plain.push(component),
        }
    }
    plain
}
