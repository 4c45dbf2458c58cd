//! Which file would answer a request.

use crate::config::ProxyRule;
use crate::pages::PageService;
use crate::pages::files::store::FileLocation;
use crate::paths::{PathLookup, UrlPath};
use axum::http::request::Parts;
use axum::http::{Method, header};
use std::path::Path;

/// What the file system has for a request.
pub(crate) struct FileLookup {
    /// For the request's path, or for that of the page which stands in for it.
    pub(crate) located: FileLocation,
    /// The page of a single-page app, where the request is for one of its routes.
    pub(crate) index: Option<UrlPath>,
    /// Nothing is at the request's own path.
    pub(crate) is_missing: bool,
}

impl FileLookup {
    /// The real path of the file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.located.file()
    }
}

/// Looks for the file, unless this rule of the proxy names a prefix around it.
pub(crate) fn find(
    pages: &PageService,
    request: &Parts,
    path: &UrlPath,
    rule: Option<&ProxyRule>,
) -> FileLookup {
    let located = locate(pages, path, rule);
    let is_missing = matches!(
        located,
        FileLocation::Disk(PathLookup::NotFound | PathLookup::Folder(_))
    );
    // A rule answers what is missing, before the app does.
    let index = app_index(pages, request, path, &located).filter(|_| rule.is_none());
    let located = match &index {
        Some(index) => pages.files.find(index),
        None => located,
    };
    FileLookup {
        located,
        index,
        is_missing,
    }
}

/// A folder whose page nobody wrote is not in the way of the rule that answers what is missing.
fn locate(pages: &PageService, path: &UrlPath, rule: Option<&ProxyRule>) -> FileLocation {
    let Some(rule) = rule else {
        return pages.files.find(path);
    };
    if !rule.prefix.as_str().is_empty() {
        return FileLocation::Disk(PathLookup::NotFound);
    }
    let located = pages.files.find(path);
    if matches!(located, FileLocation::Disk(PathLookup::FolderWithoutSlash))
        && let FileLocation::Disk(folder @ PathLookup::Folder(_)) =
            pages.files.find(&path.to_folder())
    {
        return FileLocation::Disk(folder);
    }
    located
}

/// The page of a single-page app, for what is one of its own routes (the ancestor's rule): a page
/// is asked for, in its folder, by a name without an extension, and nothing else is there.
fn app_index(
    pages: &PageService,
    request: &Parts,
    path: &UrlPath,
    located: &FileLocation,
) -> Option<UrlPath> {
    let index = pages.app_index.as_ref()?;
    let is_missing = match located {
        FileLocation::Disk(PathLookup::NotFound) => true,
        FileLocation::Disk(PathLookup::Folder(_)) => !pages.listing,
        _ => false,
    };
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let accept = request
        .headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let wants_page = accept.is_some_and(|accept| {
        (accept.contains("text/html") || accept.contains("*/*"))
            && !accept.contains("application/json")
    });
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let is_route = !name.contains('.') && path.as_str().starts_with(&index.folder);
    (reads && is_missing && wants_page && is_route).then(|| UrlPath::parse(&index.page).ok())?
}
