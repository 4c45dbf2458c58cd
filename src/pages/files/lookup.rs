//! Decides which file would answer a request.

use super::store::FileLocation;
use crate::config::ProxyRule;
use crate::pages::request::PageRequest;
use crate::paths::{PathLookup, UrlPath};
use std::path::Path;

/// Result of looking for the file of a request.
pub(crate) struct FileLookup {
    /// What is at the request's path, or at that of the app index if it applies.
    pub(crate) location: FileLocation,
    /// The page of a single-page app, if the request is for one of its routes.
    pub(crate) app_index: Option<UrlPath>,
    /// Whether there is no file at the request's own path.
    pub(crate) is_missing: bool,
}

impl FileLookup {
    /// Looks for the file. A proxy rule with a prefix hides all files below it.
    pub(crate) fn find(request: &PageRequest<'_>, rule: Option<&ProxyRule>) -> Self {
        let location = locate(request, rule);
        let is_missing = matches!(
            location,
            FileLocation::Disk(PathLookup::NotFound | PathLookup::Folder(_))
        );
        // A proxy rule takes precedence over the app index.
        let app_index = app_index(request, &location).filter(|_| rule.is_none());
        let location = match &app_index {
            Some(index) => request.service.files.locate(index),
            None => location,
        };
        Self {
            location,
            app_index,
            is_missing,
        }
    }

    /// Returns the real path of the file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.location.file()
    }
}

/// Looks up the request's own path. With a proxy rule, a folder without an index page is reported as
/// such rather than redirected to its trailing slash: the rule then answers the request.
fn locate(request: &PageRequest<'_>, rule: Option<&ProxyRule>) -> FileLocation {
    let (files, path) = (&request.service.files, request.path);
    let Some(rule) = rule else {
        return files.locate(path);
    };
    if !rule.prefix.as_str().is_empty() {
        return FileLocation::Disk(PathLookup::NotFound);
    }
    let location = files.locate(path);
    if matches!(location, FileLocation::Disk(PathLookup::FolderWithoutSlash))
        && let FileLocation::Disk(folder @ PathLookup::Folder(_)) = files.locate(&path.to_folder())
    {
        return FileLocation::Disk(folder);
    }
    location
}

/// Returns the page of the single-page app if the request is for one of its routes: a navigation in the app's
/// folder to a path that names nothing else that is served. Unlike in `@web/dev-server`, a route may contain
/// dots (`/user/john.doe`), and a script that fetches a missing path does not get the page.
fn app_index(request: &PageRequest<'_>, location: &FileLocation) -> Option<UrlPath> {
    let index = request.service.app_index.as_ref()?;
    let is_missing = match location {
        FileLocation::Disk(PathLookup::NotFound) => true,
        FileLocation::Disk(PathLookup::Folder(_)) => !request.service.listing,
        _ => false,
    };
    let is_route = request.is_navigation() && request.path.as_str().starts_with(&index.folder);
    let applies = request.is_read() && is_missing && is_route;
    applies.then(|| UrlPath::parse(&index.page).ok())?
}
