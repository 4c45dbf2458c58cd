//! Opens files so that neither a swapped folder nor a special file can harm.
//!
//! A path that was judged may lead elsewhere a moment later. [`open_real`] and [`version_at`] therefore
//! take a canonical path, and refuse what is reached through a link: what they open is at that very path.

use super::FileVersion;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Size of files that the daemon reads for itself: `pagewire.toml`, `.gitignore`, `package.json`,
/// certificates. A larger one is an error. Default 16 MiB.
const MAX_OWN_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Opens without waiting for the writer of a named pipe, and without becoming a terminal's process.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Only locates a file where that is possible: it needs no permission, and causes no file system event.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOCATE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const LOCATE: OFlags = READ;

/// Opens the regular file at a canonical path for reading. Fails with `NotFound` if a link has replaced a
/// part of the path, or if the file is not a regular one. Blocks for microseconds.
pub(crate) fn open_real(path: &Path) -> io::Result<(File, Metadata)> {
    regular(File::from(open_without_links(path, READ)?))
}

/// Opens the folder at a canonical path, as [`open_real`] opens a file.
pub(crate) fn open_real_folder(path: &Path) -> io::Result<OwnedFd> {
    open_without_links(path, READ.union(OFlags::DIRECTORY))
}

/// Returns the version of the file at a canonical path; none if a link has replaced a part of the path, or
/// if nothing exists there. Blocks for microseconds.
pub(crate) fn version_at(path: &Path) -> Option<FileVersion> {
    let file = File::from(open_without_links(path, LOCATE).ok()?);
    Some(FileVersion::of(&file.metadata().ok()?))
}

/// Reads a regular file of the daemon's own, following links. Named pipes and devices are errors: reading
/// one could wait forever. So are files larger than [`MAX_OWN_FILE_BYTES`].
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    // Checked before as well, because opening a named pipe resumes its writer.
    if !path.metadata()?.is_file() {
        return Err(not_regular());
    }
    let (file, metadata) = regular(File::from(rustix::fs::open(path, READ, Mode::empty())?))?;
    let mut content = Vec::with_capacity(metadata.len().min(MAX_OWN_FILE_BYTES) as usize);
    file.take(MAX_OWN_FILE_BYTES + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > MAX_OWN_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {MAX_OWN_FILE_BYTES} bytes"),
        ));
    }
    Ok(content)
}

/// Reads a regular file of the daemon's own as text: see [`read_regular`].
pub(crate) fn read_regular_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_regular(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

fn regular(file: File) -> io::Result<(File, Metadata)> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(not_regular())
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

fn open_without_links(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{CWD, ResolveFlags, openat2};
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Ok(file) => return Ok(file),
            Err(Errno::LOOP) => return Err(moved()),
            // Linux before 5.6, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    open_and_locate(path, flags)
}

/// Opens a file, and then asks the operating system for the path of what was opened.
fn open_and_locate(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    if location(&file)? == path {
        Ok(file)
    } else {
        Err(moved())
    }
}

#[cfg(target_vendor = "apple")]
fn location(file: &OwnedFd) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let path = rustix::fs::getpath(file)?.into_bytes();
    Ok(std::ffi::OsString::from_vec(path).into())
}

#[cfg(not(target_vendor = "apple"))]
fn location(file: &OwnedFd) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn moved() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "a link has replaced a part of its path (request it again)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Asserts on both ways to open: kernels without `openat2` take the second one.
    fn assert_opens(path: &Path, expected: bool) {
        for open in [open_without_links, open_and_locate] {
            assert_eq!(open(path, READ).is_ok(), expected, "{}", path.display());
            assert_eq!(open(path, LOCATE).is_ok(), expected, "{}", path.display());
        }
    }

    #[test]
    fn what_is_reached_through_a_link_is_not_opened() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().canonicalize().unwrap();
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/x"), "x").unwrap();
        symlink("a", dir.join("link")).unwrap();
        symlink("x", dir.join("a/b/link")).unwrap();
        assert_opens(&dir.join("a/b/x"), true);
        assert_opens(&dir.join("a/b"), true);
        assert_opens(&dir.join("link/b/x"), false);
        assert_opens(&dir.join("a/b/link"), false);
        assert_opens(&dir.join("a/b/missing"), false);
        let version = version_at(&dir.join("a/b/x"));
        assert!(version.is_some());
        fs::rename(dir.join("a/b"), dir.join("moved")).unwrap();
        symlink("../moved", dir.join("a/b")).unwrap();
        assert_eq!(
            FileVersion::at(&dir.join("a/b/x")),
            version,
            "the same file"
        );
        assert_eq!(version_at(&dir.join("a/b/x")), None, "but elsewhere");
        assert_opens(&dir.join("a/b/x"), false);
    }

    #[test]
    fn only_regular_files_of_a_bounded_size_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().canonicalize().unwrap();
        let pipe = dir.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap();
        for path in [&pipe, &dir.join("socket"), &dir, Path::new("/dev/zero")] {
            assert!(read_regular(path).is_err(), "{}", path.display());
            assert!(open_real(path).is_err(), "{}", path.display());
        }
        let file = dir.join("file");
        fs::write(&file, "text").unwrap();
        symlink(&file, dir.join("link")).unwrap();
        assert_eq!(read_regular_text(&dir.join("link")).unwrap(), "text");
        fs::File::create(&file)
            .unwrap()
            .set_len(MAX_OWN_FILE_BYTES + 1)
            .unwrap();
        let error = read_regular(&file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
