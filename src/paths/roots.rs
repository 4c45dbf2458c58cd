//! Which folder answers a URL path: the root, or another that is mounted under a prefix.

use super::{PathLookup, Prefix, Root, UrlPath};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// The ancestor's URLs of files outside its root: `/__wds-outside-root__/2/x` is `../../x`. Here
/// they reach files of served folders and no others.
const OUTSIDE_ROOT: &str = "__wds-outside-root__";

/// All served folders.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    root: Root,
    /// Longest prefix first.
    mounts: Vec<(Prefix, Root)>,
}

impl Roots {
    /// The root, and what is mounted over it.
    #[must_use]
    pub(crate) fn new(root: Root, mut mounts: Vec<(Prefix, Root)>) -> Self {
        mounts.sort_by_key(|(prefix, _)| Reverse(prefix.as_str().len()));
        Self { root, mounts }
    }

    /// The root's real path.
    #[must_use]
    pub(crate) fn dir(&self) -> &Path {
        self.root.dir()
    }

    /// The folders' real paths, the root's first.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.all().map(Root::dir)
    }

    /// Each folder with where it is served; the root's prefix is empty.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Prefix, Root)> {
        let root = std::iter::once((Prefix::default(), self.root.clone()));
        root.chain(self.mounts.iter().cloned())
    }

    /// Keeps a folder from being served: see [`Root::hide`].
    pub(crate) fn hide(&mut self, dir: &Path) {
        self.root.hide(dir);
        for (_, root) in &mut self.mounts {
            root.hide(dir);
        }
    }

    /// Looks a URL path up.
    ///
    /// Asks the file system, so it may block for as long as that takes.
    #[must_use]
    pub(crate) fn find(&self, url: &UrlPath) -> PathLookup {
        if let Some(asked) = self.outside_root(url) {
            // What lies elsewhere is not told from what does not exist.
            return match self.classify(&asked) {
                PathLookup::OutsideRoot(_) => PathLookup::NotFound,
                found => found,
            };
        }
        let (root, url) = self.of(url);
        root.find(&url)
    }

    /// What a path of the file system is to the served folders: see [`Root::classify`].
    #[must_use]
    pub(crate) fn classify(&self, asked: &Path) -> PathLookup {
        let mut found = self.all().map(|root| root.classify(asked));
        found
            .find(|found| !matches!(found, PathLookup::OutsideRoot(_)))
            .unwrap_or_else(|| PathLookup::OutsideRoot(asked.to_owned()))
    }

    /// Where the file of a URL path would be. Nothing is said of whether it may be served.
    #[must_use]
    pub(crate) fn path_for(&self, url: &UrlPath) -> PathBuf {
        self.outside_root(url).unwrap_or_else(|| {
            let (root, url) = self.of(url);
            root.path_for(&url)
        })
    }

    /// The URL path that a file is served under, percent-encoded: see [`Root::url_of`]. Of several
    /// folders around it the innermost counts.
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

    /// Whether a name is never served in the folder of a URL path.
    #[must_use]
    pub(crate) fn denies(&self, url: &UrlPath, name: &str) -> bool {
        self.of(url).0.denies(name)
    }

    fn all(&self) -> impl Iterator<Item = &Root> {
        std::iter::once(&self.root).chain(self.mounts.iter().map(|(_, root)| root))
    }

    /// The folder that a path lies in, and the path from there.
    fn of(&self, url: &UrlPath) -> (&Root, UrlPath) {
        let mounted = |(prefix, root)| Some((root, url.below(prefix)?));
        let mut mounts = self.mounts.iter().map(|(prefix, root)| (prefix, root));
        mounts
            .find_map(mounted)
            .unwrap_or_else(|| (&self.root, url.clone()))
    }

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
        let folder = self.root.dir().ancestors().nth(ups)?;
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
    fn a_mounted_folder_answers_below_its_prefix_and_nowhere_else() {
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
        fn no_url_path_reaches_a_file_outside_of_every_served_folder(
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
