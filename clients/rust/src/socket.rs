//! Filters of sockets, and words for what is known of them.

use crate::proto::{DeliveryStatus, SocketFilter, Visibility};
use std::fmt;

/// Conditions on a socket; all that are given must hold. Sees ready sockets only.
impl SocketFilter {
    /// Sockets whose URL this regular expression is found in (RE2 syntax, unanchored).
    pub fn url(regex: impl Into<String>) -> Self {
        Self {
            url_regex: regex.into(),
            ..Self::default()
        }
    }

    /// Sockets whose User-Agent this regular expression is found in (RE2 syntax, unanchored).
    pub fn user_agent(regex: impl Into<String>) -> Self {
        Self {
            user_agent_regex: regex.into(),
            ..Self::default()
        }
    }

    /// Only pages that are at least partly visible.
    #[must_use]
    pub fn visible(mut self) -> Self {
        self.visibility = Visibility::Visible.into();
        self
    }

    /// Only pages that are hidden: in a background tab, minimised or covered.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.visibility = Visibility::Hidden.into();
        self
    }

    /// Only top-level documents, no frames.
    #[must_use]
    pub fn top_level(mut self) -> Self {
        self.top_level_only = true;
        self
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unspecified => "not delivered",
            Self::NotFound => "no such socket",
            Self::Gone => "closed meanwhile",
            Self::DroppedSlow => "its queue is full",
            Self::TimedOut => "no answer in time",
            Self::Unsupported => "its page does not support this",
        })
    }
}
