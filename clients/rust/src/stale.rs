//! What the daemon is to forget.

use crate::proto::InvalidateRequest;
use std::path::Path;

/// Which remembered and cached results of hooks are stale, for
/// [`Client::invalidate`](crate::Client::invalidate). Paths are URL paths, whatever the query,
/// beginning with `/`.
///
/// ```
/// # use pagewire_client::Stale;
/// let saved = Stale::file("/srv/site/colors.scss").and(Stale::prefix("/themes/")).refresh_pages();
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "nothing is forgotten until a client invalidates it"]
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

    /// Results for paths that begin with this.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self(InvalidateRequest {
            path_prefixes: vec![prefix.into()],
            ..Default::default()
        })
    }

    /// Whatever was made from this file: an absolute path in UTF-8.
    pub fn file(file: impl AsRef<Path>) -> Self {
        Self(InvalidateRequest {
            file_paths: vec![crate::path_to_proto(file)],
            ..Default::default()
        })
    }

    /// The other too.
    pub fn and(mut self, other: Self) -> Self {
        self.0.all |= other.0.all;
        self.0.exact_paths.extend(other.0.exact_paths);
        self.0.path_prefixes.extend(other.0.path_prefixes);
        self.0.file_paths.extend(other.0.file_paths);
        self.0.refresh_pages |= other.0.refresh_pages;
        self
    }

    /// Also has the pages that use any of it act, as in watch mode: styles are swapped, else the
    /// page reloads. Default: pages keep what they have.
    pub fn refresh_pages(mut self) -> Self {
        self.0.refresh_pages = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_and_are_stale() {
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
