//! What is not watched: folders of packages and repositories, what `.gitignore` files name, and
//! the files that editors keep beside the one that is saved.

use ignore::Match;
use ignore::gitignore::Gitignore;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

/// Where git's rules are.
pub(super) const FILE_NAME: &str = ".gitignore";

/// Folders that are never watched: large, and nobody edits them.
const FOLDERS: &[&str] = &["node_modules", ".git", ".hg", ".svn"];

/// The rules that hold in a folder: its own `.gitignore`, then that of the folder around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    own: Gitignore,
    around: Rules,
}

impl Rules {
    /// The rules of the folders around a root, up to the top of its repository. None when by them
    /// nothing in the root would count: who serves what a build made wants it watched.
    pub(super) fn around(root: &Path) -> Self {
        let is_top = |folder: &Path| folder.join(".git").exists();
        let Some(top) = root.ancestors().find(|folder| is_top(folder)) else {
            return Self::default();
        };
        let mut folders: Vec<_> = root
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(top))
            .collect();
        folders.reverse();
        let rules = folders.into_iter().fold(Self::default(), Self::of);
        let in_root = root.join("a");
        let mut paths = in_root.ancestors();
        if paths.any(|path| path.starts_with(top) && rules.ignore(path, path != in_root)) {
            return Self::default();
        }
        rules
    }

    /// The rules in a folder, when these hold around it.
    pub(super) fn of(self, folder: &Path) -> Self {
        let file = folder.join(FILE_NAME);
        if !file.is_file() {
            return self;
        }
        let (own, error) = Gitignore::new(&file);
        if let Some(error) = error {
            tracing::warn!(target: "pagewire::watch", %error, "a line of a .gitignore cannot be read; the others count");
        }
        Self(Some(Arc::new(Link { own, around: self })))
    }

    /// Whether what is in their folder by this path does not count. Nothing in a folder that is
    /// ignored counts: it is never entered.
    pub(super) fn ignore(&self, path: &Path, is_folder: bool) -> bool {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if is_temporary(name) || (is_folder && FOLDERS.contains(&name)) {
            return true;
        }
        let mut rules = self;
        while let Some(link) = &rules.0 {
            match link.own.matched(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => rules = &link.around,
            }
        }
        false
    }
}

/// Files of editors: vim's swap files and the one it tries a folder with, Emacs' locks, copies and
/// unsaved texts, those of JetBrains' and GNOME's editors.
fn is_temporary(name: &str) -> bool {
    let is_swap = name.starts_with('.')
        && name
            .rsplit_once('.')
            .is_some_and(|(_, ending)| matches!(ending, "swp" | "swo" | "swn" | "swx"));
    is_swap
        || name == "4913"
        || name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name.starts_with(".goutputstream-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_rule_wins_and_those_above_the_repository_do_not_count() {
        let outside = tempfile::tempdir().unwrap();
        let top = outside.path().join("repository");
        let root = top.join("site");
        let inner = root.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::write(outside.path().join(FILE_NAME), "*.css").unwrap();
        fs::write(top.join(FILE_NAME), "*.log\n/site/made/\n").unwrap();
        fs::write(inner.join(FILE_NAME), "!kept.log\n").unwrap();
        let alone = Rules::around(&root).of(&root);
        assert!(!alone.ignore(&root.join("x.log"), false), "no repository");
        fs::create_dir(top.join(".git")).unwrap();
        let rules = Rules::around(&root).of(&root);
        assert!(rules.ignore(&root.join("x.log"), false));
        assert!(rules.ignore(&root.join("made"), true));
        assert!(!rules.ignore(&root.join("made"), false), "only a folder");
        assert!(!rules.ignore(&root.join("x.css"), false));
        let rules = rules.of(&inner);
        assert!(rules.ignore(&inner.join("x.log"), false));
        assert!(!rules.ignore(&inner.join("kept.log"), false));
        let made = Rules::around(&root.join("made"));
        assert!(
            !made.ignore(&root.join("made/x.log"), false),
            "it is served"
        );
    }

    #[test]
    fn files_beside_the_one_that_is_saved_do_not_count() {
        let rules = Rules::default();
        for name in [
            "4913",
            ".a.css.swp",
            ".swp",
            "a.css~",
            ".#a.css",
            "#a.css#",
            "a.css___jb_tmp___",
        ] {
            assert!(rules.ignore(Path::new(name), false), "{name}");
        }
        for name in ["a.css", "4913.css", "swp", "a.swp", "a#", ".hidden"] {
            assert!(!rules.ignore(Path::new(name), false), "{name}");
        }
        assert!(rules.ignore(Path::new("/site/node_modules"), true));
        assert!(!rules.ignore(Path::new("/site/node_modules"), false));
    }
}
