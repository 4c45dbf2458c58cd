//! Files and folders that this process created and removes again.

use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Guard of a file or folder that this process created. Dropping it removes the file, or the folder with
/// its contents. What another process has put at the path in the meantime is left alone, and so is
/// everything that a symbolic link there leads to.
#[derive(Debug)]
pub(crate) struct OwnedPath {
    path: PathBuf,
    identity: Identity,
}

/// Identity of a file, whatever its path. The time of its creation distinguishes it from a later file
/// that got the same number; some file systems do not record it.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    created: Option<SystemTime>,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            created: metadata.created().ok(),
        }
    }
}

impl OwnedPath {
    /// Guards what was just created at this path.
    pub(crate) fn created(path: PathBuf) -> io::Result<Self> {
        let identity = Identity::of(&path.symlink_metadata()?);
        Ok(Self { path, identity })
    }

    /// Creates a folder that only its owner can open (0700).
    pub(crate) fn private_folder(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(&path)?;
        Self::created(path)
    }

    /// Writes a file that only its owner can open (0600), and replaces an earlier one. A reader sees all
    /// of the content or none, and nothing is left behind if it cannot be written, as on a full disk.
    ///
    /// # Errors
    /// The error of the operating system, with the path.
    pub(crate) fn private_file(path: &Path, content: &[u8]) -> io::Result<Self> {
        Self::replace(path, content)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    fn replace(path: &Path, content: &[u8]) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        // An interrupted write of an earlier process may have left one behind.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        let mut written = Self::created(temporary)?;
        file.write_all(content)?;
        written.rename(path)?;
        Ok(written)
    }

    /// Moves it to another path, and replaces a file there.
    pub(crate) fn rename(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the guard without removing anything, and returns the path.
    pub(crate) fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }
}

impl Drop for OwnedPath {
    fn drop(&mut self) {
        // The empty path of `keep` does not exist.
        let Ok(metadata) = self.path.symlink_metadata() else {
            return;
        };
        if Identity::of(&metadata) != self.identity {
            return;
        }
        // On failure it stays, and is removed by the next program that lists the runtime folder.
        let _ = if metadata.is_dir() {
            fs::remove_dir_all(&self.path)
        } else {
            fs::remove_file(&self.path)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn removes_what_it_created_and_nothing_that_took_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        drop(OwnedPath::private_file(&path, b"ours").unwrap());
        assert!(!path.exists());

        let owned = OwnedPath::private_file(&path, b"ours").unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "theirs").unwrap();
        fs::rename(&other, &path).unwrap();
        drop(owned);
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn a_link_in_place_of_a_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("file"), "").unwrap();
        for parent_is_linked in [false, true] {
            let parent = folder.path().join("parent");
            fs::create_dir(&parent).unwrap();
            let owned = OwnedPath::private_folder(parent.join("precious")).unwrap();
            fs::remove_dir_all(&parent).unwrap();
            if parent_is_linked {
                symlink(folder.path(), &parent).unwrap();
            } else {
                fs::create_dir(&parent).unwrap();
                symlink(&precious, parent.join("precious")).unwrap();
            }
            drop(owned);
            assert!(precious.join("file").exists(), "{parent_is_linked}");
            let _ = fs::remove_file(&parent);
            let _ = fs::remove_dir_all(&parent);
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_earlier_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in-the-way");
        fs::create_dir_all(path.join("not-empty")).unwrap();
        let error = OwnedPath::private_file(&path, b"token").unwrap_err();
        assert!(error.to_string().contains("in-the-way: "), "{error}");
        let names = fs::read_dir(folder.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["in-the-way"]);
    }
}
