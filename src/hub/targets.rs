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

    /// Searches a page's texts ahead of [`matches`](Self::matches) under the hub's lock.
    pub(super) fn prepare(&self, url: &str, user_agent: &str) {
        if let Some(patterns) = &self.url {
            patterns.prepare(url);
        }
        if let Some(patterns) = &self.user_agent {
            patterns.prepare(user_agent);
        }
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
    ///
    /// Under the lock sockets are only looked up or copied, so that neither long lists nor slow filters
    /// delay anything else.
    pub(crate) fn select(&self, target: &Target, excluded: &[String]) -> Selection {
        let excluded: HashSet<&str> = excluded.iter().map(String::as_str).collect();
        let is_excluded = |id: &str| !excluded.is_empty() && excluded.contains(id);
        match target {
            Target::Sockets(ids) => {
                let mut seen = HashSet::new();
                let ids = ids.iter().filter(|id| !is_excluded(id));
                // The usual target, a single id, does not pay for the set.
                let is_single = ids.clone().nth(1).is_none();
                let ids = ids.filter(|id| is_single || seen.insert(id.as_str()));
                self.look_up(&ids.collect::<Vec<_>>())
            }
            Target::All => {
                let state = self.lock();
                let sequence = state.log.newest();
                let mut sockets: Vec<_> = state.registry.sockets().cloned().collect();
                drop(state);
                sockets.retain(|socket| !is_excluded(socket.id()));
                self.selection(sockets, Vec::new(), sequence)
            }
            Target::Tabs(ids) => {
                let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
                self.select_matching(|id, info| {
                    ids.contains(info.tab_id.as_str()) && !is_excluded(id)
                })
            }
            Target::Pages(ids) => {
                let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
                self.select_matching(|id, info| {
                    ids.contains(info.page_id.as_str()) && !is_excluded(id)
                })
            }
            Target::Filter(filter) => self
                .select_matching(|id, info| info.ready && filter.matches(info) && !is_excluded(id)),
        }
    }

    /// Selects the sockets with these ids, which must be distinct.
    fn look_up(&self, ids: &[&String]) -> Selection {
        let mut sockets = Vec::with_capacity(ids.len());
        let mut unknown = Vec::new();
        let state = self.lock();
        for id in ids {
            match state.registry.get(id) {
                Some(entry) => sockets.push(entry.socket.clone()),
                None => unknown.push((*id).clone()),
            }
        }
        let sequence = state.log.newest();
        drop(state);
        self.selection(sockets, unknown, sequence)
    }

    /// Selects the sockets that match at this moment. The lock is not held while they are matched.
    fn select_matching(&self, matches: impl Fn(&str, &SocketInfo) -> bool) -> Selection {
        let state = self.lock();
        let sequence = state.log.newest();
        let entries: Vec<_> = state.registry.after(0).cloned().collect();
        drop(state);
        let entries = entries.into_iter();
        let selected = entries.filter(|entry| matches(entry.socket.id(), &entry.info));
        let sockets = selected.map(|entry| entry.socket).collect();
        self.selection(sockets, Vec::new(), sequence)
    }

    fn selection(
        &self,
        sockets: Vec<Arc<Socket>>,
        unknown: Vec<String>,
        sequence: u64,
    ) -> Selection {
        Selection {
            sockets,
            unknown,
            position: self.position_at(sequence),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_select_the_ids_that_are_not_excluded() {
        const IDS: usize = 150_000;
        let hub = Hub::new();
        let open = |_| hub.open_socket(String::new(), String::new(), None);
        let pages: Vec<_> = (0..3).map(open).collect();
        let page_id = |page: usize| pages[page].socket().id().to_owned();
        let strangers = |name: &str| -> Vec<String> {
            (0..IDS).map(|number| format!("{name}{number}")).collect()
        };
        let mut ids = strangers("unknown");
        ids.extend([page_id(2), page_id(0), page_id(2), page_id(1)]);
        let mut excluded = strangers("other");
        excluded.extend([page_id(0), "unknown7".to_owned()]);
        let selected = |target: &Target| -> Vec<String> {
            let sockets = hub.select(target, &excluded).sockets;
            sockets
                .iter()
                .map(|socket| socket.id().to_owned())
                .collect()
        };

        let target = Target::Sockets(ids.clone());
        assert_eq!(selected(&target), [page_id(2), page_id(1)]);
        let unknown = hub.select(&target, &excluded).unknown;
        assert_eq!(unknown.len(), IDS - 1);
        assert_eq!(unknown[6..8], ["unknown6", "unknown8"]);
        assert_eq!(selected(&Target::All), [page_id(1), page_id(2)]);
        ids.push(String::new());
        assert_eq!(
            selected(&Target::Tabs(ids.clone())),
            [page_id(1), page_id(2)]
        );
        assert_eq!(selected(&Target::Pages(ids)), [page_id(1), page_id(2)]);
    }
}
