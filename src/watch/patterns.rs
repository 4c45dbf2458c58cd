//! The settings `watch_ignore` and `watch_include`: patterns with precedence over all other rules.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::{Path, PathBuf};

/// Patterns of files that are not watched, and of files that are watched although they would be ignored.
#[derive(Clone, Debug, Default)]
pub(crate) struct WatchPatterns {
    pub(crate) ignore: Vec<String>,
    pub(crate) include: Vec<String>,
    /// Nothing else than what `include` names is watched.
    pub(crate) only_included: bool,
}

/// The patterns, compiled for a root.
#[derive(Debug)]
pub(super) struct RootPatterns {
    root: PathBuf,
    patterns: Gitignore,
    /// The folders around included files, which have to be entered.
    leading: Gitignore,
    only_included: bool,
}

impl WatchPatterns {
    pub(super) fn compile(&self, root: &Path) -> RootPatterns {
        // The last pattern that matches wins: what is ignored explicitly is not watched.
        let include = self.include.iter().map(|pattern| format!("!{pattern}"));
        RootPatterns {
            root: root.to_owned(),
            patterns: build(root, include.chain(self.ignore.iter().cloned())),
            leading: build(root, self.include.iter().flat_map(|it| folders_around(it))),
            only_included: self.only_included,
        }
    }
}

fn build(root: &Path, lines: impl Iterator<Item = String>) -> Gitignore {
    let mut builder = GitignoreBuilder::new(root);
    for line in lines {
        let added = builder.add_line(None, &line);
        if let Err(error) = added.map(drop) {
            tracing::warn!(target: "pagewire::watch", line, %error, "a pattern of watch_ignore or watch_include does not apply");
        }
    }
    builder.build().unwrap_or_else(|error| {
        tracing::warn!(target: "pagewire::watch", %error, "the patterns of watch_ignore and watch_include do not apply");
        Gitignore::empty()
    })
}

/// Returns patterns for the folders that contain what a pattern names: `/a/` and `/a/b/` for `a/b/c.js`. A
/// pattern that applies in every folder has none.
fn folders_around(pattern: &str) -> Vec<String> {
    let names: Vec<_> = pattern.trim_matches('/').split('/').collect();
    let around = names[..names.len() - 1].iter();
    let around = around.take_while(|name| !name.contains("**"));
    let mut folder = String::from("/");
    around
        .map(|name| {
            folder.push_str(name);
            folder.push('/');
            folder.clone()
        })
        .collect()
}

impl RootPatterns {
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn only_included(&self) -> bool {
        self.only_included
    }

    /// Returns whether a pattern ignores a path or includes it. `None` if no pattern matches.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> Option<bool> {
        if !path.starts_with(&self.root) || path == self.root {
            return None;
        }
        match self.patterns.matched(path, is_folder) {
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
            Match::None => None,
        }
    }

    /// Whether a file, or a folder around it, is ignored explicitly.
    pub(super) fn ignores_file(&self, file: &Path) -> bool {
        let mut paths = file.ancestors().enumerate();
        paths.any(|(depth, path)| self.ignores(path, depth > 0) == Some(true))
    }

    /// Whether a folder contains something that a pattern includes.
    pub(super) fn leads_to_included(&self, folder: &Path) -> bool {
        folder.starts_with(&self.root) && self.leading.matched(folder, true).is_ignore()
    }
}
