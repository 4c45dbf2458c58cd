//! Filters of sockets, and texts of delivery statuses.

use crate::proto::{DeliveryStatus, SocketFilter, Visibility};
use std::fmt;

/// Conditions on a socket, all of which must hold. Only ready sockets match.
impl SocketFilter {
    /// Sockets whose URL matches this regular expression (RE2 syntax, unanchored).
    pub fn url(regex: impl Into<String>) -> Self {
        Self {
            url_regex: regex.into(),
            ..Self::default()
        }
    }

    /// Sockets whose User-Agent matches this regular expression (RE2 syntax, unanchored).
    pub fn user_agent(regex: impl Into<String>) -> Self {
        Self {
            user_agent_regex: regex.into(),
            ..Self::default()
        }
    }

    /// Requires the page to be at least partly visible.
    #[must_use]
    pub fn visible(mut self) -> Self {
        self.visibility = Visibility::Visible.into();
        self
    }

    /// Requires the page to be hidden: in a background tab, minimised or covered.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.visibility = Visibility::Hidden.into();
        self
    }

    /// Requires a top-level document instead of a frame.
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
            Self::Gone => "the socket was closed",
            Self::DroppedSlow => "the queue of the page is full",
            Self::TimedOut => "no response in time",
            Self::Unsupported => "the page does not support this",
        })
    }
}
