//! Detects a running git checkout: git holds a lock on its index from the first file it writes to the
//! last.

use crate::paths::read_regular_text;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Age beyond which a lock is ignored. It was left by a killed process, or the checkout takes so long
/// that the files written so far should be reported. Default 10 s.
const MAX_LOCK_AGE: Duration = Duration::from_secs(10);

/// Whether a checkout is running in the repository that contains this folder.
pub(super) fn is_running(dir: &Path) -> bool {
    let Some(git_dir) = dir.ancestors().find_map(git_dir_of) else {
        return false;
    };
    let locked = fs::metadata(git_dir.join("index.lock")).and_then(|lock| lock.modified());
    locked.is_ok_and(|at| at.elapsed().unwrap_or_default() < MAX_LOCK_AGE)
}

/// Returns git's own folder for the working tree with this top folder, if it is one.
fn git_dir_of(top: &Path) -> Option<PathBuf> {
    let git = top.join(".git");
    let metadata = fs::metadata(&git).ok()?;
    if metadata.is_dir() {
        return Some(git);
    }
    // In a linked working tree or a submodule, `.git` is a file with the path of the folder.
    let text = read_regular_text(&git).ok()?;
    let git_dir = text.strip_prefix("gitdir:")?.trim();
    Some(top.join(git_dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_recent_lock_is_found_in_linked_working_trees_too() {
        let top = tempfile::tempdir().unwrap();
        let site = top.path().join("linked/site");
        fs::create_dir_all(&site).unwrap();
        assert!(!is_running(&site));
        let git_dir = top.path().join("main/.git/worktrees/linked");
        fs::create_dir_all(&git_dir).unwrap();
        let pointer = top.path().join("linked/.git");
        fs::write(pointer, "gitdir: ../main/.git/worktrees/linked\n").unwrap();
        assert!(!is_running(&site));
        let lock = fs::File::create(git_dir.join("index.lock")).unwrap();
        assert!(is_running(&site));
        let is_main_locked = is_running(&top.path().join("main"));
        assert!(!is_main_locked, "the main working tree has its own index");
        lock.set_modified(SystemTime::now() - MAX_LOCK_AGE).unwrap();
        assert!(!is_running(&site), "an old lock is ignored");
    }
}
