//! Targets of sends, and how they select sockets.

use super::patterns::{PatternError, Patterns};
use super::{Hub, Position, Socket, SocketInfo, Visibility};
use std::collections::HashSet;
use std::sync::Arc;

/// Memory of a compiled regular expression of a socket filter. A larger expression is refused. Default
/// 1 MiB.
const MAX_FILTER_BYTES: usize = 1024 * 1024;

/// Sockets that a send is addressed to. The edge refuses unset and empty targets, so that an empty
/// list never becomes a broadcast.
pub(crate) enum Target {
    /// Sockets with these ids. Unknown ids are reported.
    Sockets(Vec<String>),
    /// Every socket of these tabs.
    Tabs(Vec<String>),
    /// Every socket of these documents.
    Pages(Vec<String>),
    /// Ready sockets that match.
    Filter(SocketFilter),
    All,
}

/// Conditions on a socket. All that are set must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketFilter {
    pub url: Option<Patterns>,
    pub user_agent: Option<Patterns>,
    pub visibility: Option<Visibility>,
    /// Excludes documents in frames.
    pub top_level_only: bool,
}

/// Compiles a regular expression that a program sent; an empty one sets no condition.
async fn compile(expression: String) -> Result<Option<Patterns>, PatternError> {
    if expression.is_empty() {
        return Ok(None);
    }
    let compiled = Patterns::compile(vec![expression], MAX_FILTER_BYTES).await;
    compiled.map(Some)
}

impl SocketFilter {
    /// Compiles a filter; an empty regular expression sets no condition.
    pub(crate) async fn new(
        url_regex: String,
        user_agent_regex: String,
        visibility: Option<Visibility>,
        top_level_only: bool,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            url: compile(url_regex).await?,
            user_agent: compile(user_agent_regex).await?,
            visibility,
            top_level_only,
        })
    }

    /// Returns whether no condition is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.url.is_none()
            && self.user_agent.is_none()
            && self.visibility.is_none()
            && !self.top_level_only
    }

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

/// Sockets of a target at one moment.
pub(crate) struct Selection {
    /// In the order of the target's ids, otherwise in the order of connection.
    pub sockets: Vec<Arc<Socket>>,
    /// Ids without a connected socket.
    pub unknown: Vec<String>,
    /// Log position at that moment: events that the send causes come after it.
    pub position: Position,
}

impl Hub {
    /// Selects the sockets of a target, each once, without the excluded ones.
    pub(crate) fn select(&self, target: &Target, excluded: &[String]) -> Selection {
        let state = self.lock();
        let position = self.position_at(state.log.newest());
        let mut sockets = Vec::new();
        let mut unknown = Vec::new();
        let is_excluded = |id: &str| excluded.iter().any(|excluded| excluded == id);
        if let Target::Sockets(ids) = target {
            let mut seen = HashSet::new();
            for id in ids.iter().filter(|id| !is_excluded(id)) {
                // The usual target, a single id, does not pay for the set.
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

    /// Returns whether a connected page's client script announced this feature.
    pub(crate) fn has_feature(&self, socket_id: &str, feature: &str) -> bool {
        self.lock()
            .registry
            .get(socket_id)
            .is_some_and(|entry| entry.info.supports(feature))
    }

    /// Returns whether a page's client script can handle frames that need this feature.
    pub(crate) fn client_support(&self, socket_id: &str, feature: &str) -> ClientSupport {
        match self.lock().registry.get(socket_id) {
            Some(entry) if entry.info.ready && entry.info.features.is_empty() => {
                ClientSupport::ForeignClient
            }
            Some(entry) if entry.info.ready && !entry.info.supports(feature) => {
                ClientSupport::TooOld
            }
            _ => ClientSupport::Supported,
        }
    }
}

/// Whether a page's client script can handle a frame that only Pagewire's script understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientSupport {
    /// It announced the feature, or has sent no hello yet: then the feature is assumed.
    Supported,
    /// Pagewire's script, in a version without the feature.
    TooOld,
    /// No hello within its timeout: the script of `@web/dev-server`, or not a browser.
    ForeignClient,
}
