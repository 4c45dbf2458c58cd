//! The log file of a detached daemon, whose size is bounded.

use crate::discovery::private_folder;
use crate::paths::OwnedPath;
use anyhow::Context;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Size of a log file. At the limit its content replaces that of a second file, `PID.old.log`, and the log
/// says so; so the last lines are always there, and a daemon's log takes at most twice as much. Default
/// 8 MiB.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Returns the path of the log of the daemon with this process id.
pub(super) fn path(folder: &Path, pid: u32) -> PathBuf {
    folder.join(format!("{pid}.log"))
}

/// Returns the process id in the name of a log file.
pub(super) fn pid_of(path: &Path) -> Option<u32> {
    let (pid, rest) = path.file_name()?.to_str()?.split_once('.')?;
    matches!(rest, "log" | "old.log").then(|| pid.parse().ok())?
}

/// Log file that is open for appending.
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    written: u64,
}

impl LogFile {
    /// Creates the log of this process.
    pub(super) fn create() -> anyhow::Result<Self> {
        let created = || {
            let path = path(&private_folder()?, std::process::id());
            OwnedPath::private_file(&path, b"")?.keep();
            let file = File::options().append(true).open(&path)?;
            Ok::<_, io::Error>(Self::new(file, path))
        };
        created().context(
            "cannot create the log file (make room for it, or set XDG_RUNTIME_DIR to another folder)",
        )
    }

    /// Returns another handle of the open file.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self {
            file,
            path,
            written: 0,
        }
    }

    /// Makes room for a line. Returns where the earlier lines are, if the file had no room; or why they are
    /// lost.
    pub(super) fn make_room(&mut self, line: &[u8]) -> Option<io::Result<PathBuf>> {
        if self.written == 0 || self.written + line.len() as u64 <= MAX_FILE_BYTES {
            return None;
        }
        self.written = 0;
        let old = self.path.with_extension("old.log");
        let copied = fs::copy(&self.path, &old);
        // Even if the copy has failed: the file must not grow.
        let truncated = self.file.set_len(0);
        Some(copied.and(truncated).map(|()| old))
    }

    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.written += line.len() as u64;
        self.file.write_all(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_file_keeps_its_last_lines_in_a_second_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), 7);
        let file = File::options().append(true).create(true).open(&path);
        let mut log = LogFile::new(file.unwrap(), path.clone());
        let line = |number: usize| format!("{number:0>1023}\n");
        let mut moved = 0;
        for number in 0..20_000 {
            let line = line(number);
            if let Some(old) = log.make_room(line.as_bytes()) {
                let old = fs::read_to_string(old.unwrap()).unwrap();
                assert!(old.ends_with(&tail(number)), "{number}");
                moved += 1;
            }
            log.write(line.as_bytes()).unwrap();
        }
        assert_eq!(moved, 2);
        let sizes = [&path, &path.with_extension("old.log")];
        let sizes = sizes.map(|path| fs::metadata(path).unwrap().len());
        assert!(
            sizes.iter().all(|size| *size <= MAX_FILE_BYTES),
            "{sizes:?}"
        );
        assert!(fs::read_to_string(&path).unwrap().ends_with(&line(19_999)));
    }

    /// Returns the end of the line before this one.
    fn tail(number: usize) -> String {
        format!("{}\n", number - 1)
    }

    #[test]
    fn a_log_file_that_cannot_be_copied_does_not_grow_either() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), 7);
        let file = File::options().append(true).create(true).open(&path);
        let mut log = LogFile::new(file.unwrap(), path.clone());
        fs::remove_file(&path).unwrap();
        let line = vec![b'x'; MAX_FILE_BYTES as usize];
        log.write(&line).unwrap();
        assert!(log.make_room(&line).unwrap().is_err());
        assert_eq!(log.file.metadata().unwrap().len(), 0);
    }

    #[test]
    fn log_files_are_named_after_their_process() {
        for (name, pid) in [
            ("7.log", Some(7)),
            ("7.old.log", Some(7)),
            ("7.json", None),
            ("x.log", None),
        ] {
            assert_eq!(pid_of(Path::new(name)), pid, "{name}");
        }
    }
}
