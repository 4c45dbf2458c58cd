//! Which requests a plugin is asked about, and how.

use crate::proto::{self, FailureMode, ServePhase};
use std::{path::Path, time::Duration};

/// Which requests a plugin is asked about. Evaluated in the daemon: what no filter matches never
/// leaves it. Paths are URL paths, percent-decoded, beginning with `/`; regular expressions are RE2
/// syntax, unanchored. The daemon refuses what does not compile (`FIELD_INVALID`).
///
/// Methods narrow: all conditions must hold. Several filters widen, see [`ServeOptions`].
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
        let file_paths = vec![file.as_ref().to_string_lossy().into_owned()];
        Self(proto::RequestFilter {
            file_paths,
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
}

/// What a plugin serves, and how it is asked. Made from a [`Filter`], or several of which any may
/// match: `Filter::path("/a.js").into()`, `[filter, another].into()`.
#[derive(Clone, Debug)]
pub struct ServeOptions(pub(crate) proto::ServeOpen);

impl ServeOptions {
    /// Serves what any of these filters matches.
    pub fn new<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
        let filters = filters.into_iter().map(|filter| filter.0).collect();
        Self(proto::ServeOpen {
            filters,
            ..Default::default()
        })
    }

    /// Is asked only when no file answers. Default: ahead of the file system.
    #[must_use]
    pub fn after_files(mut self) -> Self {
        self.0.phase = ServePhase::AfterFiles.into();
        self
    }

    /// Is asked ahead of every plugin, as an editor with unsaved buffers needs. Default: ahead of
    /// the file system, in the order that the daemon's configuration gives.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.0.phase = ServePhase::First.into();
        self
    }

    /// How long one call may take, from when it is due. Default 5 s; capped by the daemon; unlimited
    /// while it debugs. Then the page gets 504 and the handler is cancelled.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.hook_options().call_timeout = Some(crate::duration_to_proto(timeout));
        self
    }

    /// How many calls may run at once; up to 1,024 more wait in the daemon. Default 32.
    #[must_use]
    pub fn max_concurrent_calls(mut self, calls: u32) -> Self {
        self.hook_options().max_concurrent_calls = calls;
        self
    }

    /// What pages get when this plugin is too slow, overloaded or gone. Default
    /// [`FailureMode::Fail`]: they are told.
    #[must_use]
    pub fn failure_mode(mut self, mode: FailureMode) -> Self {
        self.hook_options().failure_mode = mode.into();
        self
    }

    /// The request headers to see, lower-case names; `*` = all. Default none. They take part in the
    /// key of remembered answers.
    #[must_use]
    pub fn forward_request_headers<I: IntoIterator<Item: Into<String>>>(
        mut self,
        names: I,
    ) -> Self {
        self.hook_options().forward_request_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// The largest request body to see, in bytes, 16 MiB at most. Of a larger one a handler sees
    /// that it was [left out](crate::Request::body_omitted). Default 0: none.
    #[must_use]
    pub fn max_request_body_bytes(mut self, bytes: u32) -> Self {
        self.0.max_request_body_bytes = bytes;
        self
    }

    fn hook_options(&mut self) -> &mut proto::HookOptions {
        self.0.options.get_or_insert_default()
    }
}

impl From<Filter> for ServeOptions {
    fn from(filter: Filter) -> Self {
        Self::new([filter])
    }
}

impl<const N: usize> From<[Filter; N]> for ServeOptions {
    fn from(filters: [Filter; N]) -> Self {
        Self::new(filters)
    }
}

impl From<Vec<Filter>> for ServeOptions {
    fn from(filters: Vec<Filter>) -> Self {
        Self::new(filters)
    }
}
