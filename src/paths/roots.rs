//! All served folders: the root, and further folders mounted under URL prefixes.

use super::{PathLookup, Prefix, Root, UrlPath};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// First segment of the URLs by which `@web/dev-server` serves files outside its root:
/// `/__wds-outside-root__/2/x` is `../../x`. Here they only reach files in served folders.
const OUTSIDE_ROOT: &str = "__wds-outside-root__";

/// The root and the mounted folders.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    root: Root,
    /// Longest prefix first.
    mounts: Vec<(Prefix, Root)>,
}

impl Roots {
    #[must_use]
    pub(crate) fn new(root: Root, mut mounts: Vec<(Prefix, Root)>) -> Self {
        mounts.sort_by_key(|(prefix, _)| Reverse(prefix.as_str().len()));
        Self { root, mounts }
    }

    /// Returns the root's canonical path: see [`Root::dir`].
    #[must_use]
    pub(crate) fn dir(&self) -> Cow<'_, Path> {
        self.root.dir()
    }

    /// The canonical paths of all folders, the root first.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = Cow<'_, Path>> {
        self.all().map(Root::dir)
    }

    /// All folders with their prefixes; the root's prefix is empty.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Prefix, Root)> {
        let root = std::iter::once((Prefix::default(), self.root.clone()));
        root.chain(self.mounts.iter().cloned())
    }

    /// Excludes a file or folder from being served: see [`Root::hide`].
    pub(crate) fn hide(&mut self, path: &Path) {
        self.root.hide(path);
        for (_, root) in &mut self.mounts {
            root.hide(path);
        }
    }

    /// Looks up a URL path.
    ///
    /// Blocks on file system access.
    #[must_use]
    pub(crate) fn find(&self, url: &UrlPath) -> PathLookup {
        if let Some(path) = self.outside_root(url) {
            // Not found rather than forbidden, so that it does not reveal which files exist.
            return match self.classify(&path) {
                PathLookup::OutsideRoot(_) => PathLookup::NotFound,
                found => found,
            };
        }
        let (root, url) = self.split(url);
        root.find(&url)
    }

    /// Classifies a file path: see [`Root::classify`].
    #[must_use]
    pub(crate) fn classify(&self, path: &Path) -> PathLookup {
        let mut found = self.all().map(|root| root.classify(path));
        found
            .find(|found| !matches!(found, PathLookup::OutsideRoot(_)))
            .unwrap_or_else(|| PathLookup::OutsideRoot(path.to_owned()))
    }

    /// Returns the file path for a URL path, which need neither exist nor be allowed.
    #[must_use]
    pub(crate) fn path_for(&self, url: &UrlPath) -> PathBuf {
        self.outside_root(url).unwrap_or_else(|| {
            let (root, url) = self.split(url);
            root.path_for(&url)
        })
    }

    /// Returns the file path for a URL path in the folders as they were given, so that it leads through the
    /// links to them.
    #[must_use]
    pub(crate) fn given_path_for(&self, url: &UrlPath) -> PathBuf {
        self.outside_root(url).unwrap_or_else(|| {
            let (root, url) = self.split(url);
            root.given_path_for(&url)
        })
    }

    /// Returns the percent-encoded URL path of a file: see [`Root::url_of`]. If several served folders
    /// contain it, the innermost one counts.
    #[must_use]
    pub(crate) fn url_of(&self, file: &Path) -> Option<String> {
        let urls = self.each().filter_map(|(prefix, root)| {
            let url = root.url_of(file)?;
            Some((
                root.dir().as_os_str().len(),
                format!("{}{url}", prefix.as_str()),
            ))
        });
        urls.max().map(|(_, url)| url)
    }

    fn all(&self) -> impl Iterator<Item = &Root> {
        std::iter::once(&self.root).chain(self.mounts.iter().map(|(_, root)| root))
    }

    /// Splits a URL path into the folder that serves it and the path below that folder.
    fn split(&self, url: &UrlPath) -> (&Root, UrlPath) {
        let mounted = |(prefix, root)| Some((root, url.below(prefix)?));
        let mut mounts = self.mounts.iter().map(|(prefix, root)| (prefix, root));
        mounts
            .find_map(mounted)
            .unwrap_or_else(|| (&self.root, url.clone()))
    }

    /// Returns the file path that an [`OUTSIDE_ROOT`] URL names; none for other URLs.
    fn outside_root(&self, url: &UrlPath) -> Option<PathBuf> {
        let mut names = url.segments();
        if names.next() != Some(OUTSIDE_ROOT) {
            return None;
        }
        let ups: usize = names
            .next()
            .filter(|ups| ups.bytes().all(|b| b.is_ascii_digit()))?
            .parse()
            .ok()?;
        let root = self.root.dir();
        let folder = root.ancestors().nth(ups)?;
        Some(folder.join(names.collect::<PathBuf>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(roots: &Roots, url: &str) -> PathLookup {
        roots.find(&UrlPath::parse(url).unwrap())
    }

    #[test]
    fn a_mounted_folder_is_served_below_its_prefix_only() {
        let temp = tempfile::tempdir().unwrap();
        let dir = |name: &str, files: &[&str]| {
            let dir = temp.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            for file in files {
                std::fs::write(dir.join(file), name).unwrap();
            }
            dir.canonicalize().unwrap()
        };
        let site = dir("site", &["a.js", "server.pem"]);
        let shared = dir("shared", &["a.js", "b.js", "server.pem"]);
        let other = dir("other", &["a.js"]);
        let open = |dir: &Path| Root::open(dir, &[], &[]).unwrap();
        let prefix = |text: &str| text.parse::<Prefix>().unwrap();
        let mounts = vec![
            (prefix("/lib"), open(&shared)),
            (prefix("/lib/deep"), open(&other)),
        ];
        let roots = Roots::new(open(&site), mounts);
        for (url, file) in [
            ("/a.js", site.join("a.js")),
            ("/lib/a.js", shared.join("a.js")),
            ("/lib/deep/a.js", other.join("a.js")),
            ("/__wds-outside-root__/0/a.js", site.join("a.js")),
            ("/__wds-outside-root__/1/shared/b.js", shared.join("b.js")),
            ("/__wds-outside-root__/1/other/a.js", other.join("a.js")),
        ] {
            assert_eq!(found(&roots, url), PathLookup::File(file), "{url}");
        }
        let outside = temp.path().join("secret.js");
        std::fs::write(&outside, "").unwrap();
        for url in [
            "/library/a.js",
            "/lib/site/a.js",
            "/__wds-outside-root__/x/a.js",
            "/__wds-outside-root__/1/secret.js",
            "/__wds-outside-root__/99/etc/passwd",
        ] {
            assert_eq!(found(&roots, url), PathLookup::NotFound, "{url}");
        }
        for url in [
            "/lib/server.pem",
            "/__wds-outside-root__/1/shared/server.pem",
        ] {
            assert!(
                matches!(found(&roots, url), PathLookup::DeniedName(_)),
                "{url}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_url_path_reaches_a_file_outside_all_served_folders(
            raw in "/(lib|site|secret|x|__wds-outside-root__|[0-3]|\\.\\.|%2e%2e|%2f|/){1,10}"
        ) {
            let temp = tempfile::tempdir().unwrap();
            let dir = |name: &str| {
                let dir = temp.path().join(name);
                std::fs::create_dir_all(dir.join("x")).unwrap();
                std::fs::write(dir.join("secret"), name).unwrap();
                dir.canonicalize().unwrap()
            };
            let (site, shared, _outside) = (dir("site"), dir("shared"), dir("x"));
            std::fs::write(temp.path().join("secret"), "").unwrap();
            let open = |dir: &Path| Root::open(dir, &[], &[]).unwrap();
            let mounts = vec![("/lib".parse().unwrap(), open(&shared))];
            let roots = Roots::new(open(&site), mounts);
            if let Ok(url) = UrlPath::parse(&raw)
                && let PathLookup::File(file) | PathLookup::Folder(file) = roots.find(&url)
            {
                prop_assert!(file.starts_with(&site) || file.starts_with(&shared), "{raw}: {file:?}");
            }
        }
    }
}
