//! Whom a send is meant for.

use super::{Hub, Socket, SocketInfo, Visibility};
use regex::{Regex, RegexBuilder};
use std::collections::HashSet;
use std::sync::Arc;

/// Memory that one compiled regular expression of a program may take. A larger one is refused.
/// Default 1 MiB; matching time is linear whatever the expression.
pub(crate) const MAX_REGEX_BYTES: usize = 1024 * 1024;

/// Which sockets a send is meant for. Never empty by accident: the edge refuses unset and empty
/// targets.
pub(crate) enum Target {
    /// These sockets; unknown ids are reported.
    Sockets(Vec<String>),
    /// Every socket of these tabs.
    Tabs(Vec<String>),
    /// Every socket of these documents.
    Pages(Vec<String>),
    /// Ready sockets that match.
    Filter(SocketFilter),
    /// Every socket.
    All,
}

/// What a socket must be like. All fields that are set must match.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketFilter {
    /// On the page's URL.
    pub url: Option<Regex>,
    /// On the browser's name for itself.
    pub user_agent: Option<Regex>,
    /// In view or not.
    pub visibility: Option<Visibility>,
    /// No frames of other documents.
    pub top_level_only: bool,
}

/// A regular expression of a filter that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "regular expression does not compile: {expression} (RE2 syntax, no look-around or back-references): {reason}"
)]
pub(crate) struct FilterError {
    /// As it was given.
    pub expression: String,
    /// What the compiler said, in one line.
    pub reason: String,
}

/// Compiles an expression that a program sent; empty = none.
fn compile(expression: &str) -> Result<Option<Regex>, FilterError> {
    if expression.is_empty() {
        return Ok(None);
    }
    RegexBuilder::new(expression)
        .size_limit(MAX_REGEX_BYTES)
        .build()
        .map(Some)
        .map_err(|error| {
            let text = error.to_string();
            FilterError {
                expression: expression.to_owned(),
                reason: text.lines().last().unwrap_or_default().trim().to_owned(),
            }
        })
}

impl SocketFilter {
    /// Compiles the expressions; an empty one is none.
    pub(crate) fn new(
        url_regex: &str,
        user_agent_regex: &str,
        visibility: Option<Visibility>,
        top_level_only: bool,
    ) -> Result<Self, FilterError> {
        Ok(Self {
            url: compile(url_regex)?,
            user_agent: compile(user_agent_regex)?,
            visibility,
            top_level_only,
        })
    }

    /// Whether any field is set.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.url.is_none()
            && self.user_agent.is_none()
            && self.visibility.is_none()
            && !self.top_level_only
    }

    /// Whether a socket is like that.
    #[must_use]
    pub(crate) fn matches(&self, socket: &SocketInfo) -> bool {
        self.url
            .as_ref()
            .is_none_or(|url| url.is_match(&socket.url))
            && self
                .user_agent
                .as_ref()
                .is_none_or(|agent| agent.is_match(&socket.user_agent))
            && self
                .visibility
                .is_none_or(|visibility| visibility == socket.visibility)
            && (!self.top_level_only || socket.top_level)
    }
}

/// The sockets of a target at one instant.
pub(crate) struct Selection {
    /// Connected, in the order of the target or of connection.
    pub sockets: Vec<Arc<Socket>>,
    /// Ids that no connected socket has.
    pub unknown: Vec<String>,
    /// The place in the event log at that instant: what a send causes comes after it.
    pub position: super::Position,
}

impl Hub {
    /// Selects the sockets of a target, each once, without the excluded ones.
    #[must_use]
    pub(crate) fn select(&self, target: &Target, excluded: &[String]) -> Selection {
        let state = self.lock();
        let position = self.position_at(state.log.newest());
        let mut sockets = Vec::new();
        let mut unknown = Vec::new();
        let is_excluded = |id: &str| excluded.iter().any(|excluded| excluded == id);
        if let Target::Sockets(ids) = target {
            let mut seen = HashSet::new();
            for id in ids.iter().filter(|id| !is_excluded(id)) {
                // One alone, as nearly always, is not looked for in a set.
                if ids.len() > 1 && !seen.insert(id) {
                    continue;
                }
                match state.registry.get(id) {
                    Some(entry) => sockets.push(entry.socket.clone()),
                    None => unknown.push(id.clone()),
                }
            }
        } else if matches!(target, Target::All) {
            let all = state.registry.sockets();
            sockets.extend(all.filter(|socket| !is_excluded(socket.id())).cloned());
        } else {
            let matches = |info: &SocketInfo| match target {
                Target::Tabs(ids) => ids.contains(&info.tab_id),
                Target::Pages(ids) => ids.contains(&info.page_id),
                Target::Filter(filter) => info.ready && filter.matches(info),
                Target::All | Target::Sockets(_) => true,
            };
            sockets.extend(
                state
                    .registry
                    .after(0)
                    .filter(|entry| matches(&entry.info) && !is_excluded(entry.socket.id()))
                    .map(|entry| entry.socket.clone()),
            );
        }
        Selection {
            sockets,
            unknown,
            position,
        }
    }

    /// Whether a connected page's script has said that it can do this.
    #[must_use]
    pub(crate) fn has_feature(&self, socket_id: &str, feature: &str) -> bool {
        self.lock()
            .registry
            .get(socket_id)
            .is_some_and(|entry| entry.info.can(feature))
    }

    /// What a page makes of frames that need this feature of our script.
    #[must_use]
    pub(crate) fn client_support(&self, socket_id: &str, feature: &str) -> ClientSupport {
        match self.lock().registry.get(socket_id) {
            Some(entry) if entry.info.ready && entry.info.features.is_empty() => {
                ClientSupport::Foreign
            }
            Some(entry) if entry.info.ready && !entry.info.can(feature) => ClientSupport::TooOld,
            _ => ClientSupport::Ours,
        }
    }
}

/// What a page makes of a frame that only our script understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientSupport {
    /// It has our script, or has just come: then ours is assumed.
    Ours,
    /// Its script is ours and does not know such frames yet.
    TooOld,
    /// It had its time to say hello and did not: it has the ancestor's script, or is no browser.
    Foreign,
}
