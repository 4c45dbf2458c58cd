//! A served folder: which file a URL path stands for, behind all links, and whether it may be served.

use super::{UrlPath, segment_url};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Names that are never served, whatever their case: credentials, repositories, and what says
/// how we serve. A trailing
/// `*` stands for any ending, a leading one for any beginning.
const DENIED_NAMES: &[&str] = &[
    ".env",
    ".env.*",
    ".git",
    ".hg",
    ".svn",
    ".npmrc",
    ".netrc",
    ".pypirc",
    ".htpasswd",
    ".ssh",
    ".aws",
    ".gnupg",
    "pagewire.toml",
    "*.pem",
    "*.key",
    "*.crt",
    "*.p12",
    "*.pfx",
];

/// What a URL path stands for under a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathLookup {
    /// A regular file: its real path.
    File(PathBuf),
    /// A folder that was asked for without its trailing slash.
    FolderWithoutSlash,
    /// A folder without an `index.html`: its real path.
    Folder(PathBuf),
    /// Nothing that can be served.
    NotFound,
    /// The name is on the deny list.
    DeniedName(String),
    /// A link that leads out of the root: the real path it leads to.
    OutsideRoot(PathBuf),
}

/// A served folder.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    dir: PathBuf,
    allowed_dirs: Vec<PathBuf>,
    allowed_names: Vec<String>,
    /// Never served, wherever it is: see [`Root::hide`].
    hidden: Vec<PathBuf>,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    /// It exists and is something else.
    #[error("root is not a directory: {} (pass an existing folder)", .0.display())]
    NotADirectory(PathBuf),
    /// It does not exist or cannot be read.
    #[error("root cannot be opened: {} (pass an existing folder)", .path.display())]
    Unreadable {
        /// The folder as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Root {
    /// Opens a folder for serving. `allowed_dirs` are further folders that links may lead
    /// into; `allowed_names` are taken off the deny list.
    pub(crate) fn open(
        dir: &Path,
        allowed_dirs: &[PathBuf],
        allowed_names: &[String],
    ) -> Result<Self, RootError> {
        Ok(Self {
            dir: real_dir(dir)?,
            allowed_dirs: allowed_dirs
                .iter()
                .map(|dir| real_dir(dir))
                .collect::<Result<_, _>>()?,
            allowed_names: allowed_names
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
            hidden: Vec::new(),
        })
    }

    /// Keeps a file or folder from being served, although it may lie in the root: the one that holds
    /// the control tokens (whoever could read it there would be a program), private keys.
    pub(crate) fn hide(&mut self, path: &Path) {
        self.hidden.extend(path.canonicalize());
    }

    /// The folder's real path.
    #[must_use]
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Looks a URL path up. A folder stands for its `index.html`.
    ///
    /// Asks the file system, so it may block for as long as that takes.
    #[must_use]
    pub(crate) fn find(&self, url: &UrlPath) -> PathLookup {
        if let Some(name) = url.segments().find(|name| self.denies(name)) {
            return PathLookup::DeniedName(name.to_owned());
        }
        match self.classify(&self.path_for(url)) {
            // A file is no folder, whatever the URL says.
            PathLookup::NotFound if url.names_a_folder() => {
                match self.classify(&self.dir.join(url.relative())) {
                    PathLookup::File(_) => PathLookup::NotFound,
                    found => found,
                }
            }
            PathLookup::Folder(_) if !url.names_a_folder() => PathLookup::FolderWithoutSlash,
            found => found,
        }
    }

    /// Where the file of a URL path would be. A folder stands for its `index.html`.
    #[must_use]
    pub(crate) fn path_for(&self, url: &UrlPath) -> PathBuf {
        let mut asked = self.dir.join(url.relative());
        if url.names_a_folder() {
            asked.push("index.html");
        }
        asked
    }

    /// What a path of the file system is to this root, behind all links.
    ///
    /// Asks the file system, so it may block for as long as that takes.
    #[must_use]
    pub(crate) fn classify(&self, asked: &Path) -> PathLookup {
        // First, because what is missing costs a call for each of its folders otherwise.
        let Ok(metadata) = asked.metadata() else {
            return PathLookup::NotFound;
        };
        let Ok(real) = asked.canonicalize() else {
            return PathLookup::NotFound;
        };
        if self.hidden.iter().any(|path| real.starts_with(path)) {
            return PathLookup::NotFound;
        }
        let Some(base) = self.bases().find(|base| real.starts_with(base)) else {
            return PathLookup::OutsideRoot(real);
        };
        let inside = real.strip_prefix(base).unwrap_or(&real);
        let denied = inside
            .components()
            .filter_map(|component| component.as_os_str().to_str())
            .find(|name| self.denies(name));
        if let Some(name) = denied {
            return PathLookup::DeniedName(name.to_owned());
        }
        if metadata.is_file() {
            PathLookup::File(real)
        } else if metadata.is_dir() {
            PathLookup::Folder(real)
        } else {
            PathLookup::NotFound
        }
    }

    /// The URL path that a file (or folder) of the root is served under, percent-encoded: what
    /// [`Root::find`] would take back to it. None for what is not in the root or never served.
    /// Does not ask the file system: it need not exist any more, and links are taken as they are.
    #[must_use]
    pub(crate) fn url_of(&self, file: &Path) -> Option<String> {
        if self.hidden.iter().any(|path| file.starts_with(path)) {
            return None;
        }
        let mut url = String::new();
        for component in file.strip_prefix(&self.dir).ok()?.components() {
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

    fn bases(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.dir).chain(&self.allowed_dirs)
    }

    /// Whether a name is never served.
    #[must_use]
    pub(crate) fn denies(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let denied = DENIED_NAMES.iter().any(|pattern| {
            if let Some(ending) = pattern.strip_prefix('*') {
                name.ends_with(ending)
            } else if let Some(beginning) = pattern.strip_suffix('*') {
                name.starts_with(beginning)
            } else {
                name == *pattern
            }
        });
        denied && !self.allowed_names.contains(&name)
    }
}

fn real_dir(dir: &Path) -> Result<PathBuf, RootError> {
    let real = dir.canonicalize().map_err(|source| RootError::Unreadable {
        path: dir.to_owned(),
        source,
    })?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(RootError::NotADirectory(dir.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_on_the_deny_list_are_refused_in_any_case() {
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
    fn a_file_that_is_never_served_has_no_url() {
        let site = tempfile::tempdir().unwrap();
        let mut root = Root::open(site.path(), &[], &[".npmrc".into()]).unwrap();
        let dir = root.dir().to_owned();
        std::fs::create_dir(dir.join("run")).unwrap();
        root.hide(&dir.join("run"));
        let url = |path: &str| root.url_of(&dir.join(path));
        assert_eq!(url(""), Some("/".into()));
        assert_eq!(
            url("a b/caf\u{e9} #1?.css"),
            Some("/a%20b/caf%C3%A9%20%231%3F.css".into())
        );
        assert_eq!(url(".npmrc"), Some("/.npmrc".into()), "it was allowed");
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
        fn the_url_of_a_file_leads_back_to_it(names in proptest::collection::vec("[^/\\\\\\pC]{1,8}", 1..4)) {
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
