//! Options of the hooks.

use crate::{
    Filter, LiveFilters,
    proto::{self, FailureMode, ServePhase},
};
use std::time::Duration;

/// Filters and options of a serve hook. Created from one [`Filter`] or several, any of which may match:
/// `Filter::path("/a.js").into()`, `[filter, another].into()`.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The opening message. Its filters are empty: `filters` are added when the hook opens.
    pub(crate) open: proto::ServeOpen,
    pub(crate) filters: LiveFilters,
}

impl ServeOptions {
    /// Calls the hook only when no file matches. Default: before the file system.
    #[must_use]
    pub fn after_files(mut self) -> Self {
        self.open.phase = ServePhase::AfterFiles.into();
        self
    }

    /// Calls the hook before all other plugins, as an editor with unsaved buffers needs. Default: before the
    /// file system, in the order of the daemon's configuration.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.open.phase = ServePhase::First.into();
        self
    }

    /// The largest request body to receive, in bytes, at most 16 MiB. Reading a larger one is the error
    /// [`BodyTooLarge`](crate::BodyTooLarge). Default 0: no bodies.
    #[must_use]
    pub fn max_request_body_bytes(mut self, bytes: u32) -> Self {
        self.open.max_request_body_bytes = bytes;
        self
    }
}

/// Filters and options of a transform hook. Created from one [`Filter`] or several, any of which may match:
/// `Filter::mime("text/css").into()`, `[filter, another].into()`.
#[derive(Clone, Debug)]
pub struct TransformOptions {
    /// The opening message. Its filters are empty: `filters` are added when the hook opens.
    pub(crate) open: proto::TransformOpen,
    pub(crate) filters: LiveFilters,
}

impl TransformOptions {
    /// The largest body to transform, in bytes. A larger response is passed on unchanged, and its
    /// `pagewire-skipped` header names this plugin. Default 1 MiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: u32) -> Self {
        self.open.max_body_bytes = bytes;
        self
    }
}

/// Filters and options of a resolve-import hook. Created from one [`Filter`] on the request of the importing
/// module, or several, any of which may match.
#[derive(Clone, Debug)]
pub struct ResolveOptions {
    /// The opening message. Its filters are empty: `filters` are added when the hook opens.
    pub(crate) open: proto::ResolveImportOpen,
    pub(crate) filters: LiveFilters,
}

impl ResolveOptions {
    /// Limits the hook to specifiers that match any of these regular expressions (RE2 syntax, unanchored);
    /// `^[^./]` matches the bare ones. Default all.
    #[must_use]
    pub fn specifiers<I: IntoIterator<Item: Into<String>>>(mut self, regexes: I) -> Self {
        self.open.specifier_regexes = regexes.into_iter().map(Into::into).collect();
        self
    }
}

/// Options that all hooks share.
macro_rules! hook_options {
    ($options:ident, $open:ident) => {
        impl $options {
            /// Calls the hook for requests that match any of these filters. Without filters it is not
            /// called until [some are set](Self::live_filters).
            pub fn new<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
                Self {
                    open: proto::$open::default(),
                    filters: LiveFilters::new(filters),
                }
            }

            /// A handle that replaces the filters while the plugin runs. Clones of the options share it, so
            /// that it stays valid when the plugin is run again.
            pub fn live_filters(&self) -> LiveFilters {
                self.filters.clone()
            }

            /// Time limit of one call. Default 5 s; capped by the daemon; unlimited with `--debug`. After it
            /// the page gets 504 and the handler is cancelled.
            #[must_use]
            pub fn call_timeout(mut self, timeout: Duration) -> Self {
                self.hook_options().call_timeout = Some(crate::duration_to_proto(timeout));
                self
            }

            /// Limit of concurrent calls; up to 1,024 more wait in the daemon. Default 32.
            #[must_use]
            pub fn max_concurrent_calls(mut self, calls: u32) -> Self {
                self.hook_options().max_concurrent_calls = calls;
                self
            }

            /// What happens when this plugin is too slow, overloaded or disconnected. Default
            /// [`FailureMode::Fail`]: pages show the error.
            #[must_use]
            pub fn failure_mode(mut self, mode: FailureMode) -> Self {
                self.hook_options().failure_mode = mode.into();
                self
            }

            /// The request headers to receive, lower-case names; `*` = all. Default none. They are part of
            /// the cache key of results.
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
