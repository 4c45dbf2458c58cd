//! Rules for paths that are not watched: package and repository folders, matches of `.gitignore` files,
//! and temporary files of editors.

use crate::paths::read_regular;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Name of git's rule files.
pub(super) const FILE_NAME: &str = ".gitignore";

/// Folders that are never watched: they are large, and not edited by hand.
const IGNORED_FOLDERS: &[&str] = &["node_modules", ".git", ".hg", ".svn"];

/// Ignore rules of a folder: a linked list from its own `.gitignore` to those of the folders around it.
#[derive(Clone, Debug, Default)]
pub(super) struct IgnoreRules(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    own: Gitignore,
    outer: IgnoreRules,
}

impl IgnoreRules {
    /// Returns the rules of the folders around a root, up to the top of its repository. They are empty
    /// if they would ignore the root itself: a build output that is served has to be watched.
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
        let rules = folders.into_iter().fold(Self::default(), Self::inside);
        let in_root = root.join("a");
        let mut paths = in_root.ancestors();
        if paths.any(|path| path.starts_with(top) && rules.ignores(path, path != in_root)) {
            return Self::default();
        }
        rules
    }

    /// Returns the rules inside a folder, given those around it.
    pub(super) fn inside(self, folder: &Path) -> Self {
        let file = folder.join(FILE_NAME);
        let content = match read_regular(&file) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return self,
            Err(error) => {
                tracing::warn!(target: "pagewire::watch", file = %file.display(), %error, "cannot read a .gitignore: its rules do not apply");
                return self;
            }
        };
        let text = String::from_utf8_lossy(&content);
        let mut rules = GitignoreBuilder::new(folder);
        let mut errors = text
            .trim_start_matches('\u{feff}')
            .lines()
            .filter_map(|line| rules.add_line(Some(file.clone()), line).err());
        let first_error = errors.next();
        let more_errors = errors.count();
        if let Some(error) = first_error {
            tracing::warn!(target: "pagewire::watch", %error, more_errors, "cannot parse a line of a .gitignore; its other lines apply");
        }
        let Ok(own) = rules.build() else {
            tracing::warn!(target: "pagewire::watch", file = %file.display(), "cannot combine the rules of a .gitignore: they do not apply");
            return self;
        };
        Self(Some(Arc::new(Node { own, outer: self })))
    }

    /// Whether an entry of this folder is ignored. An ignored folder is never entered, so everything in
    /// it is ignored as well.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if is_temporary(name) || (is_folder && IGNORED_FOLDERS.contains(&name)) {
            return true;
        }
        let mut rules = self;
        while let Some(node) = &rules.0 {
            match node.own.matched(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => rules = &node.outer,
            }
        }
        false
    }
}

/// Whether this is a temporary file of an editor: vim's swap files and its test for a writable folder
/// (`4913`), Emacs' lock, backup and auto-save files, and those of the JetBrains and GNOME editors.
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
    fn the_nearest_rule_wins_and_rules_outside_the_repository_are_ignored() {
        let outside = tempfile::tempdir().unwrap();
        let top = outside.path().join("repository");
        let root = top.join("site");
        let inner = root.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::write(outside.path().join(FILE_NAME), "*.css").unwrap();
        fs::write(top.join(FILE_NAME), "*.log\n/site/build/\n").unwrap();
        fs::write(inner.join(FILE_NAME), "!important.log\n").unwrap();
        let no_repository = IgnoreRules::around(&root).inside(&root);
        assert!(!no_repository.ignores(&root.join("x.log"), false));
        fs::create_dir(top.join(".git")).unwrap();
        let rules = IgnoreRules::around(&root).inside(&root);
        assert!(rules.ignores(&root.join("x.log"), false));
        assert!(rules.ignores(&root.join("build"), true));
        let is_file_ignored = rules.ignores(&root.join("build"), false);
        assert!(!is_file_ignored, "the rule is for folders only");
        assert!(!rules.ignores(&root.join("x.css"), false));
        let rules = rules.inside(&inner);
        assert!(rules.ignores(&inner.join("x.log"), false));
        assert!(!rules.ignores(&inner.join("important.log"), false));
        let build = IgnoreRules::around(&root.join("build"));
        assert!(
            !build.ignores(&root.join("build/x.log"), false),
            "a served build output is watched"
        );
    }

    #[test]
    fn ignores_temporary_files_of_editors() {
        let rules = IgnoreRules::default();
        for name in [
            "4913",
            ".a.css.swp",
            ".swp",
            "a.css~",
            ".#a.css",
            "#a.css#",
            "a.css___jb_tmp___",
        ] {
            assert!(rules.ignores(Path::new(name), false), "{name}");
        }
        for name in ["a.css", "4913.css", "swp", "a.swp", "a#", ".hidden"] {
            assert!(!rules.ignores(Path::new(name), false), "{name}");
        }
        assert!(rules.ignores(Path::new("/site/node_modules"), true));
        assert!(!rules.ignores(Path::new("/site/node_modules"), false));
    }
}
