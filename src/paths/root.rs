//! A served folder: maps URL paths to canonical file paths, and decides whether they may be served.

use super::denied_names::is_denied;
use super::served_dir::{RootError, ServedDir};
use super::{UrlPath, segment_url};
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// The result of looking up a path in a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathLookup {
    /// A regular file, by its canonical path.
    File(PathBuf),
    /// A folder, but the URL path lacks the trailing slash.
    FolderWithoutSlash,
    /// A folder without an `index.html`, by its canonical path.
    Folder(PathBuf),
    /// Nothing exists at the path, or nothing that can be served.
    NotFound,
    /// A name in the path is on the deny list.
    DeniedName(String),
    /// A symbolic link leads out of the root, to this canonical path.
    OutsideRoot(PathBuf),
}

/// A served folder.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    dir: ServedDir,
    allowed_dirs: Vec<ServedDir>,
    allowed_names: Vec<String>,
    /// Canonical paths that are never served: see [`Root::hide`].
    hidden: Vec<PathBuf>,
}

impl Root {
    /// Opens a folder for serving. Links may also lead into `allowed_dirs`, and `allowed_names` are
    /// exempt from the deny list.
    pub(crate) fn open(
        dir: &Path,
        allowed_dirs: &[PathBuf],
        allowed_names: &[String],
    ) -> Result<Self, RootError> {
        Ok(Self {
            dir: ServedDir::open(dir)?,
            allowed_dirs: allowed_dirs
                .iter()
                .map(|dir| ServedDir::open(dir))
                .collect::<Result<_, _>>()?,
            allowed_names: allowed_names
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
            hidden: Vec::new(),
        })
    }

    /// Excludes a file or folder from being served, even if it is inside the root. Used for private keys
    /// and for the folder of the control tokens: a page that could read a token could act as a program.
    pub(crate) fn hide(&mut self, path: &Path) {
        self.hidden.extend(path.canonicalize());
    }

    /// Returns the folder's canonical path, following links that may have been turned meanwhile.
    #[must_use]
    pub(crate) fn dir(&self) -> Cow<'_, Path> {
        self.dir.real()
    }

    /// The folder's path as it was given, absolute.
    #[must_use]
    pub(crate) fn given_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the root with the folder that its path leads to now, whatever becomes of links on the way.
    #[must_use]
    pub(crate) fn pinned(&self) -> Self {
        Self {
            dir: self.dir.pinned(),
            ..self.clone()
        }
    }

    /// Looks up a URL path. A folder is looked up as its `index.html`.
    ///
    /// Blocks on file system access.
    #[must_use]
    pub(crate) fn find(&self, url: &UrlPath) -> PathLookup {
        if let Some(name) = url.segments().find(|name| self.denies(name)) {
            return PathLookup::DeniedName(name.to_owned());
        }
        match self.classify(&self.given_path_for(url)) {
            // No `index.html`: it may be a folder without one. A file is not found under a URL that
            // ends with a slash.
            PathLookup::NotFound if url.names_a_folder() => {
                match self.classify(&self.dir.path().join(url.relative())) {
                    PathLookup::File(_) => PathLookup::NotFound,
                    found => found,
                }
            }
            PathLookup::Folder(_) if !url.names_a_folder() => PathLookup::FolderWithoutSlash,
            found => found,
        }
    }

    /// Returns the file path for a URL path, which need not exist. A folder is mapped to its
    /// `index.html`.
    #[must_use]
    pub(crate) fn path_for(&self, url: &UrlPath) -> PathBuf {
        Self::path_in(&self.dir.real(), url)
    }

    /// Returns the file path for a URL path in the folder as it was given.
    #[must_use]
    pub(crate) fn given_path_for(&self, url: &UrlPath) -> PathBuf {
        Self::path_in(self.dir.path(), url)
    }

    fn path_in(dir: &Path, url: &UrlPath) -> PathBuf {
        let mut path = dir.join(url.relative());
        if url.names_a_folder() {
            path.push("index.html");
        }
        path
    }

    /// Follows links and classifies a file path, as [`Root::find`] does for a URL path.
    ///
    /// Blocks on file system access.
    #[must_use]
    pub(crate) fn classify(&self, path: &Path) -> PathLookup {
        // Checked first because it is one call, while `canonicalize` makes one per component.
        let Ok(metadata) = path.metadata() else {
            return PathLookup::NotFound;
        };
        let Ok(real) = path.canonicalize() else {
            return PathLookup::NotFound;
        };
        if self.hidden.iter().any(|path| real.starts_with(path)) {
            return PathLookup::NotFound;
        }
        let mut bases = self.bases();
        let Some(base) = bases.find(|base| real.starts_with(base)) else {
            return PathLookup::OutsideRoot(real.clone());
        };
        let mut names = real
            .components()
            .skip(base.components().count())
            .map(|component| component.as_os_str().to_string_lossy());
        if let Some(name) = names.find(|name| self.denies(name)) {
            return PathLookup::DeniedName(name.into_owned());
        }
        drop(names);
        if metadata.is_file() {
            PathLookup::File(real)
        } else if metadata.is_dir() {
            PathLookup::Folder(real)
        } else {
            PathLookup::NotFound
        }
    }

    /// Returns the percent-encoded URL path of a file or folder in the root, the inverse of
    /// [`Root::find`]. None if it is outside the root or never served. Does not access the file system:
    /// the file need not exist, and links are not followed.
    #[must_use]
    pub(crate) fn url_of(&self, file: &Path) -> Option<String> {
        if self.hidden.iter().any(|path| file.starts_with(path)) {
            return None;
        }
        let mut url = String::new();
        for component in file.strip_prefix(self.dir()).ok()?.components() {
            let Component::Normal(name) = component else {
                return None;
            };
            let name = name.to_str()?;
            if self.denies(name) || name.chars().any(|c| c.is_control() || c == '\\') {
                return None;
            }
            url.push('/');
            url.push_str(&segment_url(name));
        }
        Some(if url.is_empty() { "/".to_owned() } else { url })
    }

    /// The folders that canonical paths may be in.
    fn bases(&self) -> impl Iterator<Item = Cow<'_, Path>> {
        let dirs = std::iter::once(&self.dir).chain(&self.allowed_dirs);
        dirs.map(ServedDir::real)
    }

    /// Whether a name is on the deny list, and not exempt from it.
    fn denies(&self, name: &str) -> bool {
        is_denied(name) && !self.allowed_names.contains(&name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn denied_names_are_refused_in_any_case() {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join(".ENV"), "secret").unwrap();
        std::fs::write(site.path().join("server.PEM"), "secret").unwrap();
        std::os::unix::fs::symlink(site.path().join(".ENV"), site.path().join("public")).unwrap();
        let root = Root::open(site.path(), &[], &[]).unwrap();
        for raw in [
            "/pagewire.toml",
            "/.env",
            "/.ENV",
            "/.env/.",
            "/server.pem",
            "/.git/config",
            "/public",
        ] {
            let found = root.find(&UrlPath::parse(raw).unwrap());
            assert!(
                matches!(found, PathLookup::DeniedName(_)),
                "{raw}: {found:?}"
            );
        }
        let root = Root::open(site.path(), &[], &[".ENV".into()]).unwrap();
        let found = root.find(&UrlPath::parse("/.ENV").unwrap());
        assert!(matches!(found, PathLookup::File(_)), "{found:?}");
    }

    #[test]
    fn a_link_out_of_the_root_needs_permission() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("x.js"), "").unwrap();
        let site = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), site.path().join("lib")).unwrap();
        let url = UrlPath::parse("/lib/x.js").unwrap();
        let root = Root::open(site.path(), &[], &[]).unwrap();
        assert!(matches!(root.find(&url), PathLookup::OutsideRoot(_)));
        let root = Root::open(site.path(), &[outside.path().to_owned()], &[]).unwrap();
        assert!(matches!(root.find(&url), PathLookup::File(_)));
    }

    #[test]
    fn links_that_lead_to_a_root_or_an_allowed_folder_are_followed_each_time() {
        let temp = tempfile::tempdir().unwrap();
        let dir = |name: &str| temp.path().canonicalize().unwrap().join(name);
        for folder in ["v1", "v2", "shared1", "shared2"] {
            std::fs::create_dir(dir(folder)).unwrap();
            std::fs::write(dir(folder).join("x.js"), folder).unwrap();
        }
        let turn = |link: &str, target: &str| {
            let _ = std::fs::remove_file(dir(link));
            std::os::unix::fs::symlink(target, dir(link)).unwrap();
        };
        turn("inner", "v1");
        turn("current", "inner");
        turn("shared", "shared1");
        let root = Root::open(&dir("current"), &[dir("shared")], &[]).unwrap();
        let found = |url: &str| root.find(&UrlPath::parse(url).unwrap());
        for folder in ["v1", "v2"] {
            turn(&format!("{folder}/lib"), "../shared");
        }
        for (version, shared) in [("v1", "shared1"), ("v2", "shared2")] {
            turn("inner", version);
            turn("shared", shared);
            let file = dir(version).join("x.js");
            assert_eq!(root.url_of(&file).as_deref(), Some("/x.js"));
            assert_eq!(found("/x.js"), PathLookup::File(file));
            assert_eq!(
                found("/lib/x.js"),
                PathLookup::File(dir(shared).join("x.js"))
            );
        }
        let pinned = root.pinned();
        turn("inner", "v1");
        assert_eq!((&*pinned.dir(), &*root.dir()), (&*dir("v2"), &*dir("v1")));
        std::fs::remove_file(dir("inner")).unwrap();
        assert_eq!(found("/x.js"), PathLookup::NotFound);
    }

    #[test]
    fn a_file_that_is_never_served_has_no_url() {
        let site = tempfile::tempdir().unwrap();
        let mut root = Root::open(site.path(), &[], &[".npmrc".into()]).unwrap();
        let dir = root.dir().into_owned();
        std::fs::create_dir(dir.join("run")).unwrap();
        root.hide(&dir.join("run"));
        let url = |path: &str| root.url_of(&dir.join(path));
        assert_eq!(url(""), Some("/".into()));
        assert_eq!(
            url("a b/caf\u{e9} #1?.css"),
            Some("/a%20b/caf%C3%A9%20%231%3F.css".into())
        );
        assert_eq!(url(".npmrc"), Some("/.npmrc".into()), "the name is allowed");
        for path in [
            ".env",
            ".git/config",
            "a/SERVER.pem",
            "run/1.token",
            "a\\b",
            "a\nb",
            "../x",
            "/etc/x",
        ] {
            assert_eq!(url(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn the_url_of_a_file_parses_back_to_its_path(names in proptest::collection::vec("[^/\\\\\\pC]{1,8}", 1..4)) {
            let site = tempfile::tempdir().unwrap();
            let root = Root::open(site.path(), &[], &[]).unwrap();
            let file = root.dir().join(names.join("/"));
            if let Some(url) = root.url_of(&file) && !names.iter().any(|name| name == "." || name == "..") {
                let path = UrlPath::parse(&url).unwrap();
                prop_assert_eq!(path.segments().collect::<Vec<_>>(), names);
            }
        }

        #[test]
        fn no_url_path_leaves_the_root(raw in "/([a-c./%]|%2e|%2f|%5c|\\.\\.|~){0,24}") {
            let site = tempfile::tempdir().unwrap();
            let root = Root::open(site.path(), &[], &[]).unwrap();
            if let Ok(url) = UrlPath::parse(&raw) {
                prop_assert!(url.segments().all(|name| name != ".." && name != "." && !name.contains('\\')));
                prop_assert!(!matches!(root.find(&url), PathLookup::OutsideRoot(_)));
            }
        }
    }
}
