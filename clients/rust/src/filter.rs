//! Which requests a plugin is asked about.

use crate::proto;
use std::path::Path;

/// Which requests a plugin is asked about. Evaluated in the daemon: what no filter matches never
/// leaves it. Paths are URL paths, percent-decoded, beginning with `/`; regular expressions are RE2
/// syntax, unanchored. The daemon refuses what does not compile (`FIELD_INVALID`).
///
/// Methods narrow: all conditions must hold. Several filters widen, see
/// [`ServeOptions`](crate::ServeOptions).
/// Requests other than GET and HEAD match only if [`methods`](Filter::methods) says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub(crate) proto::RequestFilter);

impl Filter {
    /// This path.
    pub fn path(path: impl Into<String>) -> Self {
        Self::paths([path])
    }

    /// Any of these paths.
    pub fn paths<I: IntoIterator<Item: Into<String>>>(paths: I) -> Self {
        let exact_paths = paths.into_iter().map(Into::into).collect();
        Self(proto::RequestFilter {
            exact_paths,
            ..Default::default()
        })
    }

    /// Paths that begin with this, `/virtual/` say.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        let path_prefixes = vec![prefix.into()];
        Self(proto::RequestFilter {
            path_prefixes,
            ..Default::default()
        })
    }

    /// Paths that this regular expression is found in, `\.vue$` say.
    pub fn regex(regex: impl Into<String>) -> Self {
        let path_regexes = vec![regex.into()];
        Self(proto::RequestFilter {
            path_regexes,
            ..Default::default()
        })
    }

    /// Requests that the file system would answer with this file, whatever their URL. An absolute
    /// path in UTF-8.
    pub fn file(file: impl AsRef<Path>) -> Self {
        let file_paths = vec![crate::path_to_proto(file)];
        Self(proto::RequestFilter {
            file_paths,
            ..Default::default()
        })
    }

    /// Responses of this MIME type, without parameters: `text/css`, `text/*`. For
    /// [`transform`](crate::Plugin::transform) only.
    pub fn mime(mime_type: impl Into<String>) -> Self {
        Self(proto::RequestFilter {
            mime_types: vec![mime_type.into()],
            ..Default::default()
        })
    }

    /// Every request. The slow path: each one then waits for this plugin.
    pub fn all() -> Self {
        Self(proto::RequestFilter {
            match_all: true,
            ..Default::default()
        })
    }

    /// Narrows to paths that this regular expression is not found in. May be repeated.
    #[must_use]
    pub fn except(mut self, regex: impl Into<String>) -> Self {
        self.0.exclude_path_regexes.push(regex.into());
        self
    }

    /// The HTTP methods, upper-case. Default GET and HEAD.
    #[must_use]
    pub fn methods<I: IntoIterator<Item: Into<String>>>(mut self, methods: I) -> Self {
        self.0.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Narrows to responses of any of these MIME types. For [`transform`](crate::Plugin::transform)
    /// only. Default any.
    #[must_use]
    pub fn mime_types<I: IntoIterator<Item: Into<String>>>(mut self, mime_types: I) -> Self {
        self.0.mime_types = mime_types.into_iter().map(Into::into).collect();
        self
    }
}
