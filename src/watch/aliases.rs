//! Links within the watched tree: names under which other paths of the tree are served as well.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// Map of links to their targets, searchable both ways.
#[derive(Default)]
pub(super) struct Aliases {
    targets: BTreeMap<PathBuf, PathBuf>,
    links: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
}

impl Aliases {
    /// Adds or replaces a link, and returns its former target.
    pub(super) fn insert(&mut self, link: &Path, target: &Path) -> Option<PathBuf> {
        let before = self.remove(link);
        self.targets.insert(link.to_owned(), target.to_owned());
        let links = self.links.entry(target.to_owned()).or_default();
        links.insert(link.to_owned());
        before
    }

    /// Removes a link, and returns its target.
    pub(super) fn remove(&mut self, link: &Path) -> Option<PathBuf> {
        let target = self.targets.remove(link)?;
        if let Some(links) = self.links.get_mut(&target) {
            links.remove(link);
            if links.is_empty() {
                self.links.remove(&target);
            }
        }
        Some(target)
    }

    /// Returns the target of a link.
    pub(super) fn target(&self, link: &Path) -> Option<&PathBuf> {
        self.targets.get(link)
    }

    /// Returns the links at this path and below it.
    pub(super) fn below<'a>(&'a self, top: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        below(&self.targets, top).map(|(link, _)| link)
    }

    /// Returns the links that lead to this path or below it.
    pub(super) fn leading_below<'a>(&'a self, top: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        below(&self.links, top).flat_map(|(_, links)| links)
    }

    /// Returns the other names of a file. Links inside linked folders are not followed, since two folders
    /// linked to each other would have names without end.
    pub(super) fn names_of<'a>(&'a self, file: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let targets = file.ancestors().take_while(|_| !self.links.is_empty());
        let links = targets.filter_map(|target| Some((target, self.links.get(target)?)));
        links.flat_map(move |(target, links)| {
            let names = links.iter();
            names.filter_map(move |link| rebase(file, target, link))
        })
    }
}

/// Returns the entries of a map of paths at `top` and below it.
pub(super) fn below<'a, T>(
    paths: &'a BTreeMap<PathBuf, T>,
    top: &'a Path,
) -> impl Iterator<Item = (&'a PathBuf, &'a T)> {
    let from_here = paths.range::<Path, _>((Bound::Included(top), Bound::Unbounded));
    from_here.take_while(move |(path, _)| path.starts_with(top))
}

/// Replaces the leading folder `from` of a path by `to`.
pub(super) fn rebase(file: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let rest = file.strip_prefix(from).ok()?;
    // Joining an empty path would add a slash.
    Some(if rest.as_os_str().is_empty() {
        to.to_owned()
    } else {
        to.join(rest)
    })
}
