//! Rules for paths that are not watched: package and repository folders, matches of `.gitignore` files,
//! temporary files of editors, and what applications write beside their sources.

use super::patterns::{RootPatterns, WatchPatterns};
use crate::paths::read_regular;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Name of git's rule files.
pub(super) const FILE_NAME: &str = ".gitignore";

/// Folders that are not watched: they are large, or programs write to them, and nobody edits them by hand.
const IGNORED_FOLDERS: &[&str] = &[
    "node_modules",
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".sass-cache",
    ".parcel-cache",
    ".idea",
    ".vscode",
];

/// Endings of files that programs write while they run: databases, and bytecode.
const GENERATED_ENDINGS: &[&str] = &[
    ".sqlite", ".sqlite3", "-journal", "-wal", "-shm", ".pyc", ".pyo",
];

/// Ignore rules of a folder.
#[derive(Clone, Debug)]
pub(super) struct IgnoreRules {
    patterns: Arc<RootPatterns>,
    /// The `.gitignore` files that apply.
    git: GitRules,
    /// The folder is entered only because it contains something that is included.
    only_included: bool,
}

/// Linked list from a folder's own `.gitignore` to those of the folders around it.
#[derive(Clone, Debug, Default)]
struct GitRules(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    own: Gitignore,
    outer: GitRules,
}

/// What the rules say about a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// `is_explicit` if a pattern of the settings includes it.
    Watched {
        is_explicit: bool,
    },
    Ignored,
    /// An ignored folder with something that is included.
    Entered,
}

impl IgnoreRules {
    /// Returns the rules of the folders around a root.
    pub(super) fn around(root: &Path, patterns: &WatchPatterns) -> Self {
        Self {
            patterns: patterns.compile(root).into(),
            git: GitRules::around(root),
            only_included: false,
        }
    }

    /// Returns the rules inside a folder, given those around it.
    pub(super) fn inside(self, folder: &Path) -> Self {
        let verdict = self.verdict(folder, true);
        let is_root = folder == self.patterns.root();
        // An included folder is watched as a whole: rules around it name the folder, or all that is in it.
        let outer = match verdict {
            Verdict::Watched { is_explicit: true } => GitRules::default(),
            _ => self.git,
        };
        Self {
            git: outer.inside(folder),
            only_included: if is_root {
                self.patterns.only_included()
            } else {
                verdict == Verdict::Entered
            },
            patterns: self.patterns,
        }
    }

    /// Whether an entry of this folder is ignored. An ignored folder is never entered, so everything in
    /// it is ignored as well.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        self.verdict(path, is_folder) == Verdict::Ignored
    }

    /// Whether an entry of this folder may have to be looked at: a file that is not ignored, or a folder with
    /// something that is included.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        !self.ignores(path, false) || self.patterns.leads_to_included(path)
    }

    /// Whether the settings say that a file, or a folder around it, is not watched.
    pub(super) fn ignores_explicitly(&self, file: &Path) -> bool {
        self.patterns.ignores_file(file)
    }

    fn verdict(&self, path: &Path, is_folder: bool) -> Verdict {
        match self.patterns.ignores(path, is_folder) {
            Some(true) => return Verdict::Ignored,
            Some(false) => return Verdict::Watched { is_explicit: true },
            None => {}
        }
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let is_ignored = self.only_included
            || is_ignored_name(name, is_folder)
            || self.git.ignores(path, is_folder);
        if !is_ignored {
            Verdict::Watched { is_explicit: false }
        } else if is_folder && self.patterns.leads_to_included(path) {
            Verdict::Entered
        } else {
            Verdict::Ignored
        }
    }
}

impl GitRules {
    /// Returns the rules of the folders around a root, up to the top of its repository. They are empty
    /// if they would ignore the root itself: a build output that is served has to be watched.
    fn around(root: &Path) -> Self {
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
        let mut paths = in_root.ancestors().take_while(|path| path.starts_with(top));
        let is_ignored = |path: &Path| {
            let is_folder = path != in_root;
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            is_ignored_name(name, is_folder) || rules.ignores(path, is_folder)
        };
        if paths.any(is_ignored) {
            return Self::default();
        }
        rules
    }

    /// Returns the rules inside a folder, given those around it.
    fn inside(self, folder: &Path) -> Self {
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

    fn ignores(&self, path: &Path, is_folder: bool) -> bool {
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

/// Whether entries with this name are ignored wherever they are.
fn is_ignored_name(name: &str, is_folder: bool) -> bool {
    is_temporary(name)
        || if is_folder {
            IGNORED_FOLDERS.contains(&name)
        } else {
            is_generated(name)
        }
}

/// Whether this is a database with its journals (`db.sqlite3-wal`), or another file that programs write while
/// they run.
fn is_generated(name: &str) -> bool {
    name.contains(".sqlite3")
        || GENERATED_ENDINGS
            .iter()
            .any(|ending| name.ends_with(ending))
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
        let around = |root: &Path| IgnoreRules::around(root, &WatchPatterns::default());
        let no_repository = around(&root).inside(&root);
        assert!(!no_repository.ignores(&root.join("x.log"), false));
        fs::create_dir(top.join(".git")).unwrap();
        let rules = around(&root).inside(&root);
        assert!(rules.ignores(&root.join("x.log"), false));
        assert!(rules.ignores(&root.join("build"), true));
        let is_file_ignored = rules.ignores(&root.join("build"), false);
        assert!(!is_file_ignored, "the rule is for folders only");
        assert!(!rules.ignores(&root.join("x.css"), false));
        let rules = rules.inside(&inner);
        assert!(rules.ignores(&inner.join("x.log"), false));
        assert!(!rules.ignores(&inner.join("important.log"), false));
        let build = around(&root.join("build"));
        assert!(
            !build.ignores(&root.join("build/x.log"), false),
            "a served build output is watched"
        );
    }

    #[test]
    fn ignores_temporary_files_of_editors_and_what_programs_write() {
        let rules = IgnoreRules::around(Path::new("/site"), &WatchPatterns::default());
        for name in [
            "4913",
            ".a.css.swp",
            ".swp",
            "a.css~",
            ".#a.css",
            "#a.css#",
            "a.css___jb_tmp___",
            "db.sqlite3",
            "db.sqlite3-journal",
            "dev.db-wal",
            "a.pyc",
        ] {
            assert!(rules.ignores(Path::new(name), false), "{name}");
        }
        for name in [
            "a.css",
            "4913.css",
            "swp",
            "a.swp",
            "a#",
            ".hidden",
            "journal.html",
        ] {
            assert!(!rules.ignores(Path::new(name), false), "{name}");
        }
        for name in ["node_modules", "__pycache__", ".ipynb_checkpoints"] {
            let path = Path::new("/site").join(name);
            assert!(rules.ignores(&path, true), "{name}");
            assert!(!rules.ignores(&path, false), "{name}");
        }
    }

    #[test]
    fn a_pattern_of_the_settings_wins_over_all_other_rules() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        fs::write(root.join(FILE_NAME), "dist/\nout/**\n*.gen.js\n").unwrap();
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let patterns = WatchPatterns {
            ignore: list(&["*.log", "/tmp/", "dist/*.map"]),
            include: list(&[
                "dist/",
                "out/x/a.js",
                "node_modules/lit",
                "*.sqlite3",
                "b.gen.js",
            ]),
            only_included: false,
        };
        let around = IgnoreRules::around(root, &patterns).inside(root);
        // As the tree is walked: each folder around an entry must be entered.
        let is_ignored = |entry: &str| {
            let names: Vec<_> = entry.trim_end_matches('/').split('/').collect();
            let mut rules = around.clone();
            let mut path = root.to_owned();
            for (at, name) in names.iter().enumerate() {
                path.push(name);
                let is_last = at + 1 == names.len();
                if rules.ignores(&path, !is_last || entry.ends_with('/')) {
                    return true;
                }
                rules = rules.inside(&path);
            }
            false
        };
        for entry in [
            "a.log",
            "in/a.log",
            "tmp/x",
            "dist/a.map",
            "a.gen.js",
            "out/y",
            "out/x/b.js",
            "out/z/a.js",
            "node_modules/other/a.js",
            "node_modules/a.js",
            "dist/node_modules/a.js",
        ] {
            assert!(is_ignored(entry), "{entry}");
        }
        for entry in [
            "a.js",
            "in/tmp/x",
            "dist/a.js",
            "dist/in/a.js",
            "out/x/a.js",
            "node_modules/lit/index.js",
            "node_modules/lit/in/a.js",
            "db.sqlite3",
            "b.gen.js",
        ] {
            assert!(!is_ignored(entry), "{entry}");
        }
        assert!(around.ignores_explicitly(&root.join("tmp/in/x.js")));
        assert!(!around.ignores_explicitly(&root.join("out/y.js")));
    }

    #[test]
    fn a_folder_may_be_watched_for_what_is_included_alone() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        fs::write(root.join(FILE_NAME), "plugin\n").unwrap();
        let patterns = WatchPatterns {
            include: vec!["/plugin".to_owned(), "/a/b".to_owned()],
            only_included: true,
            ..WatchPatterns::default()
        };
        let rules = IgnoreRules::around(root, &patterns).inside(root);
        let path = |name: &str| root.join(name);
        assert!(!rules.ignores(&path("plugin"), false));
        assert!(rules.ignores(&path("plugin.d"), false));
        assert!(rules.ignores(&path("b"), true));
        assert!(!rules.ignores(&path("a"), true));
        let inside = rules.inside(&path("a"));
        assert!(!inside.ignores(&path("a/b"), true));
        assert!(inside.ignores(&path("a/plugin"), false));
        let included = inside.inside(&path("a/b"));
        assert!(!included.ignores(&path("a/b/c.py"), false));
    }
}
