//! Filters of hooks.

use crate::proto;
use std::path::Path;

/// A filter of requests, evaluated in the daemon: a request that matches no filter is never sent to the
/// plugin. Paths are URL paths, percent-decoded, beginning with `/`; regular expressions use RE2 syntax,
/// unanchored. The daemon refuses an invalid one (`FIELD_INVALID`).
///
/// All conditions of a filter must hold. A hook matches if any of its filters does, see
/// [`ServeOptions`](crate::ServeOptions). Requests other than GET and HEAD match only with
/// [`methods`](Filter::methods).
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

    /// Paths with this prefix, such as `/virtual/`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        let path_prefixes = vec![prefix.into()];
        Self(proto::RequestFilter {
            path_prefixes,
            ..Default::default()
        })
    }

    /// Paths that match this regular expression, such as `\.vue$`.
    pub fn regex(regex: impl Into<String>) -> Self {
        let path_regexes = vec![regex.into()];
        Self(proto::RequestFilter {
            path_regexes,
            ..Default::default()
        })
    }

    /// Requests for which the file system has this file, whatever their URL. An absolute path in UTF-8.
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

    /// Every request. This is slow: each request waits for this plugin.
    pub fn all() -> Self {
        Self(proto::RequestFilter {
            match_all: true,
            ..Default::default()
        })
    }

    /// Excludes paths that match this regular expression. May be repeated.
    #[must_use]
    pub fn except(mut self, regex: impl Into<String>) -> Self {
        self.0.exclude_path_regexes.push(regex.into());
        self
    }

    /// The HTTP methods, in upper case. Default GET and HEAD.
    #[must_use]
    pub fn methods<I: IntoIterator<Item: Into<String>>>(mut self, methods: I) -> Self {
        self.0.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Requires a response of one of these MIME types. For [`transform`](crate::Plugin::transform)
    /// only. Default any.
    #[must_use]
    pub fn mime_types<I: IntoIterator<Item: Into<String>>>(mut self, mime_types: I) -> Self {
        self.0.mime_types = mime_types.into_iter().map(Into::into).collect();
        self
    }
}
