//! Links on the way to what is served. Turning one of them changes what is behind a name, although nothing
//! happens at the name itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Most links on the way to one file, as in Linux. A file behind more of them cannot be opened. Default 40.
const MAX_LINKS: usize = 40;

/// Index from paths, such as those of links, to the names that have to be compared when something happens
/// there. Paths are canonical up to their last component.
#[derive(Default)]
pub(super) struct LinkRoutes {
    names: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    paths: BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl LinkRoutes {
    /// Sets the paths on the way to a name. Returns the folders in which no path is left.
    pub(super) fn set(&mut self, name: &Path, paths: Vec<PathBuf>) -> Vec<PathBuf> {
        for path in &paths {
            let names = self.names.entry(path.clone()).or_default();
            names.insert(name.to_owned());
        }
        let before = if paths.is_empty() {
            self.paths.remove(name)
        } else {
            self.paths.insert(name.to_owned(), paths)
        };
        let after = self.paths.get(name).map_or(&[][..], Vec::as_slice);
        let mut unused = Vec::new();
        for path in before.unwrap_or_default() {
            if after.contains(&path) {
                continue;
            }
            if let Some(names) = self.names.get_mut(&path) {
                names.remove(name);
                if names.is_empty() {
                    self.names.remove(&path);
                    unused.extend(path.parent().map(Path::to_owned));
                }
            }
        }
        unused.retain(|folder| !self.has_path_in(folder));
        unused
    }

    fn has_path_in(&self, folder: &Path) -> bool {
        let below = super::aliases::below(&self.names, folder);
        let mut parents = below.map(|(path, _)| path.parent());
        parents.any(|parent| parent == Some(folder))
    }

    /// Returns the names that have to be compared when something happens at a path.
    pub(super) fn names_at(&self, path: &Path) -> impl Iterator<Item = &PathBuf> {
        self.names.get(path).into_iter().flatten()
    }

    pub(super) fn contains(&self, path: &Path) -> bool {
        self.names.contains_key(path)
    }

    pub(super) fn names(&self) -> Vec<PathBuf> {
        self.paths.keys().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

/// What a path leads to.
#[derive(Clone, Default)]
pub(super) struct LinkTarget {
    /// The links on the way, each by the canonical path of its folder.
    pub(super) links: Vec<PathBuf>,
    /// The canonical path of what the last one leads to, which may not exist.
    pub(super) path: PathBuf,
}

/// Follows absolute paths, and each folder on the way only once: most names are in few folders. It is for one
/// batch, because a link may be turned later.
#[derive(Default)]
pub(super) struct LinkFollower(HashMap<PathBuf, LinkTarget>);

impl LinkFollower {
    pub(super) fn follow(&mut self, path: &Path) -> LinkTarget {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return follow_from(LinkTarget::default(), components(path));
        };
        let target = match self.0.get(folder) {
            Some(target) => target.clone(),
            None => {
                let target = self.follow(folder);
                self.0.insert(folder.to_owned(), target.clone());
                target
            }
        };
        follow_from(target, vec![name.to_owned()])
    }
}

/// Follows the rest of a path, the last name first, from what its folder leads to.
fn follow_from(folder: LinkTarget, mut rest: Vec<OsString>) -> LinkTarget {
    let LinkTarget {
        mut links,
        path: mut real,
    } = folder;
    while let Some(name) = rest.pop() {
        match Path::new(&name).components().next() {
            Some(Component::ParentDir) => {
                real.pop();
            }
            Some(Component::RootDir) => real = PathBuf::from("/"),
            _ => {
                real.push(&name);
                if let Ok(target) = fs::read_link(&real)
                    && links.len() < MAX_LINKS
                {
                    links.push(real.clone());
                    real.pop();
                    rest.extend(components(&target));
                }
            }
        }
    }
    LinkTarget { links, path: real }
}

/// Returns the components of a path, the last one first.
fn components(path: &Path) -> Vec<OsString> {
    let names = path.components().rev();
    let names = names.filter(|name| *name != Component::CurDir);
    names.map(|name| name.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_link_of_a_chain_is_found() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().canonicalize().unwrap();
        fs::create_dir_all(dir.join("data/v1")).unwrap();
        symlink("v1", dir.join("data/..data")).unwrap();
        symlink("..data/a.css", dir.join("data/a.css")).unwrap();
        symlink("data", dir.join("other")).unwrap();
        symlink(dir.join("data/../other/a.css"), dir.join("b.css")).unwrap();
        symlink("loop", dir.join("loop")).unwrap();
        let mut follower = LinkFollower::default();
        let mut follow = |path: &Path| follower.follow(path);
        let target = follow(&dir.join("b.css"));
        let links = ["b.css", "other", "data/a.css", "data/..data"];
        assert_eq!(target.links, links.map(|link| dir.join(link)));
        assert_eq!(target.path, dir.join("data/v1/a.css"), "it does not exist");
        assert_eq!(follow(&dir.join("loop")).links.len(), MAX_LINKS);
        // The folders are known by now.
        let target = follow(&dir.join("other/../other/a.css"));
        let links = ["other", "other", "data/a.css", "data/..data"];
        assert_eq!(target.links, links.map(|link| dir.join(link)));
    }

    #[test]
    fn a_folder_is_unused_once_no_path_in_it_leads_to_a_name() {
        let mut routes = LinkRoutes::default();
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (a, b) = (Path::new("/site/a"), Path::new("/site/b"));
        assert_eq!(
            routes.set(a, paths(&["/x/1", "/y/1"])),
            [""; 0].map(PathBuf::from)
        );
        assert_eq!(
            routes.set(b, paths(&["/x/1", "/y/2"])),
            [""; 0].map(PathBuf::from)
        );
        assert_eq!(
            routes.names_at(Path::new("/x/1")).collect::<Vec<_>>(),
            [a, b]
        );
        assert_eq!(routes.set(a, paths(&["/z/1"])), [""; 0].map(PathBuf::from));
        assert_eq!(routes.set(b, Vec::new()), paths(&["/x", "/y"]));
        assert!(!routes.contains(Path::new("/x/1")) && routes.contains(Path::new("/z/1")));
        assert_eq!(routes.set(a, Vec::new()), paths(&["/z"]));
        assert!(routes.is_empty());
    }
}
