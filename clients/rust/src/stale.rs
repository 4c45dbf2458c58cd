//! Selection of cached results to invalidate.

use crate::proto::InvalidateRequest;
use std::path::Path;

/// The stale cached results of hooks, for [`Client::invalidate`](crate::Client::invalidate). Paths are URL
/// paths, whatever the query, beginning with `/`.
///
/// ```
/// # use pagewire_client::Stale;
/// let saved = Stale::file("/srv/site/colors.scss").and(Stale::prefix("/themes/")).refresh_pages();
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "nothing is invalidated until it is passed to a client"]
pub struct Stale(pub(crate) InvalidateRequest);

impl Stale {
    /// Everything, of every plugin.
    pub fn all() -> Self {
        Self(InvalidateRequest {
            all: true,
            ..Default::default()
        })
    }

    /// Results for this path.
    pub fn path(path: impl Into<String>) -> Self {
        Self(InvalidateRequest {
            exact_paths: vec![path.into()],
            ..Default::default()
        })
    }

    /// Results for paths with this prefix.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self(InvalidateRequest {
            path_prefixes: vec![prefix.into()],
            ..Default::default()
        })
    }

    /// Results that depend on this file: an absolute path in UTF-8.
    pub fn file(file: impl AsRef<Path>) -> Self {
        Self(InvalidateRequest {
            file_paths: vec![crate::path_to_proto(file)],
            ..Default::default()
        })
    }

    /// The results of both selections.
    pub fn and(mut self, other: Self) -> Self {
        self.0.all |= other.0.all;
        self.0.exact_paths.extend(other.0.exact_paths);
        self.0.path_prefixes.extend(other.0.path_prefixes);
        self.0.file_paths.extend(other.0.file_paths);
        self.0.refresh_pages |= other.0.refresh_pages;
        self
    }

    /// Also refreshes the pages that use any of these results, as in watch mode: stylesheets are swapped,
    /// otherwise the page reloads. Default: pages are not refreshed.
    pub fn refresh_pages(mut self) -> Self {
        self.0.refresh_pages = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_combines_both_selections() {
        let both = Stale::path("/a")
            .and(Stale::path("/b").refresh_pages())
            .and(Stale::prefix("/c/"))
            .and(Stale::file("/srv/d"));
        assert_eq!(
            both.0,
            InvalidateRequest {
                all: false,
                exact_paths: vec!["/a".to_owned(), "/b".to_owned()],
                path_prefixes: vec!["/c/".to_owned()],
                file_paths: vec!["/srv/d".to_owned()],
                refresh_pages: true,
            }
        );
        assert!(both.and(Stale::all()).0.all);
    }
}
