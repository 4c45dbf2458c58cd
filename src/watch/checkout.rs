//! Whether git is writing files right now: it holds a lock on its index from the first file of a
//! checkout to the last.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a lock counts. An older one is of a git that was killed, or of a checkout that is so
/// long that what it has written so far is told. Default 10 s.
const LONGEST_CHECKOUT: Duration = Duration::from_secs(10);

/// Whether a checkout is under way in the repository that a folder belongs to.
pub(super) fn is_running(dir: &Path) -> bool {
    let Some(repository) = dir.ancestors().find_map(repository_of) else {
        return false;
    };
    let locked = fs::metadata(repository.join("index.lock")).and_then(|lock| lock.modified());
    locked.is_ok_and(|at| at.elapsed().unwrap_or_default() < LONGEST_CHECKOUT)
}

/// Where git keeps what it knows of a working tree with this top, if it is one.
fn repository_of(top: &Path) -> Option<PathBuf> {
    let git = top.join(".git");
    let kind = fs::metadata(&git).ok()?;
    if kind.is_dir() {
        return Some(git);
    }
    // A linked working tree or a submodule: a file that says where.
    let text = fs::read_to_string(&git).ok()?;
    let place = text.strip_prefix("gitdir:")?.trim();
    Some(top.join(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_fresh_lock_counts_in_every_form_of_a_repository() {
        let top = tempfile::tempdir().unwrap();
        let site = top.path().join("linked/site");
        fs::create_dir_all(&site).unwrap();
        assert!(!is_running(&site));
        let repository = top.path().join("main/.git/worktrees/linked");
        fs::create_dir_all(&repository).unwrap();
        let pointer = top.path().join("linked/.git");
        fs::write(pointer, "gitdir: ../main/.git/worktrees/linked\n").unwrap();
        assert!(!is_running(&site));
        let lock = fs::File::create(repository.join("index.lock")).unwrap();
        assert!(is_running(&site));
        assert!(!is_running(&top.path().join("main")), "another index");
        lock.set_modified(SystemTime::now() - LONGEST_CHECKOUT)
            .unwrap();
        assert!(!is_running(&site), "nobody holds it any more");
    }
}
