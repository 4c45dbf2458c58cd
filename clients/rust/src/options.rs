//! What a plugin's hooks are asked about, and how.

use crate::{
    Filter, LiveFilters,
    proto::{self, FailureMode, ServePhase},
};
use std::time::Duration;

/// What a plugin serves, and how it is asked. Made from a [`Filter`], or several of which any may
/// match: `Filter::path("/a.js").into()`, `[filter, another].into()`.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Without filters: those of the moment are put into it when the hook opens.
    pub(crate) open: proto::ServeOpen,
    pub(crate) filters: LiveFilters,
}

impl ServeOptions {
    /// Is asked only when no file answers. Default: ahead of the file system.
    #[must_use]
    pub fn after_files(mut self) -> Self {
        self.open.phase = ServePhase::AfterFiles.into();
        self
    }

    /// Is asked ahead of every plugin, as an editor with unsaved buffers needs. Default: ahead of
    /// the file system, in the order that the daemon's configuration gives.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.open.phase = ServePhase::First.into();
        self
    }

    /// The largest request body to see, in bytes, 16 MiB at most. Of a larger one a handler sees
    /// that it was [left out](crate::Request::body_omitted). Default 0: none.
    #[must_use]
    pub fn max_request_body_bytes(mut self, bytes: u32) -> Self {
        self.open.max_request_body_bytes = bytes;
        self
    }
}

/// Which responses a plugin changes, and how it is asked. Made from a [`Filter`], or several of
/// which any may match: `Filter::mime("text/css").into()`, `[filter, another].into()`.
#[derive(Clone, Debug)]
pub struct TransformOptions {
    /// Without filters: those of the moment are put into it when the hook opens.
    pub(crate) open: proto::TransformOpen,
    pub(crate) filters: LiveFilters,
}

impl TransformOptions {
    /// The largest body to change, in bytes. A larger response passes this plugin by, and a header
    /// of it says so. Default 1 MiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: u32) -> Self {
        self.open.max_body_bytes = bytes;
        self
    }
}

/// Which modules' imports a plugin resolves, and how it is asked. Made from a [`Filter`] on the
/// importing module's request, or several of which any may match.
#[derive(Clone, Debug)]
pub struct ResolveOptions {
    /// Without filters: those of the moment are put into it when the hook opens.
    pub(crate) open: proto::ResolveImportOpen,
    pub(crate) filters: LiveFilters,
}

impl ResolveOptions {
    /// Is asked only about specifiers that any of these regular expressions is found in (RE2 syntax,
    /// unanchored); `^[^./]` are the bare ones. Default all.
    #[must_use]
    pub fn specifiers<I: IntoIterator<Item: Into<String>>>(mut self, regexes: I) -> Self {
        self.open.specifier_regexes = regexes.into_iter().map(Into::into).collect();
        self
    }
}

/// What the options of all hooks have in common.
macro_rules! hook_options {
    ($options:ident, $open:ident) => {
        impl $options {
            /// Is asked about what any of these filters matches. Without one it is asked about
            /// nothing, until there are [others](Self::live_filters).
            pub fn new<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
                Self {
                    open: proto::$open::default(),
                    filters: LiveFilters::new(filters),
                }
            }

            /// A handle that replaces the filters while the plugin runs. Clones of the options share
            /// it, so that it outlives a plugin that is run again.
            pub fn live_filters(&self) -> LiveFilters {
                self.filters.clone()
            }

            /// How long one call may take, from when it is due. Default 5 s; capped by the daemon;
            /// unlimited while it debugs. Then the page gets 504 and the handler is cancelled.
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

            /// The request headers to see, lower-case names; `*` = all. Default none. They take
            /// part in the key of remembered and cached results.
            #[must_use]
            pub fn forward_request_headers<I: IntoIterator<Item: Into<String>>>(
                mut self,
                names: I,
            ) -> Self {
                self.hook_options().forward_request_headers =
                    names.into_iter().map(Into::into).collect();
                self
            }

            fn hook_options(&mut self) -> &mut proto::HookOptions {
                self.open.options.get_or_insert_default()
            }
        }

        impl From<Filter> for $options {
            fn from(filter: Filter) -> Self {
                Self::new([filter])
            }
        }

        impl<const N: usize> From<[Filter; N]> for $options {
            fn from(filters: [Filter; N]) -> Self {
                Self::new(filters)
            }
        }

        impl From<Vec<Filter>> for $options {
            fn from(filters: Vec<Filter>) -> Self {
                Self::new(filters)
            }
        }
    };
}

hook_options!(ServeOptions, ServeOpen);
hook_options!(TransformOptions, TransformOpen);
hook_options!(ResolveOptions, ResolveImportOpen);
