//! The registry of connected pages, and what pages report about themselves.

use super::socket::LogReferences;
use super::{
    Close, CloseCause, DocumentState, EventBody, EventKind, Hub, Position, Socket, SocketFilter,
    SocketInfo, State, Visibility,
};
use crate::ids;
use crate::message::{Hello, ServerMessage};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

/// Feature of a client script that reports console lines and errors.
const REPORTS_FEATURE: &str = "console";

/// Connected sockets, by id and by connection number.
#[derive(Default)]
pub(super) struct Registry {
    entries: HashMap<String, Entry>,
    /// By connection number: the order of lists.
    order: BTreeMap<u64, Arc<Socket>>,
    last_number: u64,
    /// Features in the last hello. Nearly all pages have the same script, so they share one list.
    features: Arc<[String]>,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) socket: Arc<Socket>,
    pub(super) info: Arc<SocketInfo>,
}

impl Registry {
    pub(super) fn get(&self, socket_id: &str) -> Option<&Entry> {
        self.entries.get(socket_id)
    }

    /// Returns the entries after this connection number, in the order of connection.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = &Entry> {
        self.order
            .range((Bound::Excluded(number), Bound::Unbounded))
            .filter_map(|(_, socket)| self.entries.get(socket.id()))
    }

    /// Returns the descriptions of all pages.
    pub(super) fn infos(&self) -> impl Iterator<Item = &Arc<SocketInfo>> {
        self.entries.values().map(|entry| &entry.info)
    }

    /// Returns all sockets in the order of connection.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Arc<Socket>> {
        self.order.values()
    }

    fn insert(&mut self, socket: Arc<Socket>, info: Arc<SocketInfo>) {
        self.order.insert(info.number, socket.clone());
        let id = socket.id().to_owned();
        self.entries.insert(id, Entry { socket, info });
    }

    fn remove(&mut self, socket_id: &str) -> Option<Entry> {
        let entry = self.entries.remove(socket_id)?;
        self.order.remove(&entry.info.number);
        Some(entry)
    }

    /// Returns the features as a shared list, which is the previous page's if they are equal.
    fn share_features(&mut self, features: Vec<String>) -> Arc<[String]> {
        if *self.features != *features {
            self.features = features.into();
        }
        self.features.clone()
    }
}

/// Guard of a registered socket, owned by its connection. Dropping it removes the socket, as a lost
/// connection unless [`SocketGuard::closed`] recorded how it ended.
pub(crate) struct SocketGuard {
    hub: Arc<Hub>,
    socket: Arc<Socket>,
    end: Close,
}

impl SocketGuard {
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Removes the socket and records how its connection ended.
    pub(crate) fn closed(mut self, end: Close) {
        self.end = end;
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        let Some(entry) = state.registry.remove(self.socket.id()) else {
            return;
        };
        state.requests.remove_socket(self.socket.id());
        let is_fault = self.end.cause == CloseCause::ProtocolError;
        let url = is_fault.then(|| entry.info.url.clone());
        state.record(Some(entry.info), EventBody::SocketClosed(self.end.clone()));
        drop(state);
        if let Some(url) = url {
            let Close { code, reason, .. } = &self.end;
            tracing::warn!(target: "pagewire::hub", url, code, reason, "a page was disconnected for what it sent");
        }
        self.socket.shut_down();
        self.hub.imports.remove_socket(self.socket.id());
    }
}

impl Hub {
    /// Lets the filters of subscribers search a page's new URL and user agent without the hub's lock: events
    /// of the page are then matched under it by the results.
    fn prepare_filters(&self, url: &str, user_agent: &str) {
        let filters = self.lock().subscribers.filters();
        for filter in filters {
            filter.prepare(url, user_agent);
        }
    }

    /// Registers a connection, which makes the page listed and reachable. To be called before the
    /// upgrade is answered, so that frames sent right after the page's `open` event are not lost.
    pub(crate) fn open_socket(
        self: &Arc<Self>,
        remote_address: String,
        user_agent: String,
        previous_socket_id: Option<String>,
    ) -> SocketGuard {
        let socket = Arc::new(Socket::new(ids::random()));
        self.prepare_filters("", &user_agent);
        let mut state = self.lock();
        state.registry.last_number += 1;
        let info = Arc::new(SocketInfo {
            socket_id: socket.id().to_owned(),
            number: state.registry.last_number,
            page_id: String::new(),
            tab_id: String::new(),
            url: String::new(),
            title: String::new(),
            user_agent: user_agent.into(),
            visibility: Visibility::Unknown,
            top_level: true,
            remote_address: remote_address.into(),
            connect_time: SystemTime::now(),
            ready: false,
            document_state: DocumentState::Unknown,
            features: Arc::default(),
            log_references: LogReferences::default(),
        });
        state.registry.insert(socket.clone(), info.clone());
        state.record(Some(info), EventBody::SocketOpened { previous_socket_id });
        drop(state);
        let end = Close {
            code: 1006,
            reason: String::new(),
            cause: CloseCause::ConnectionLost,
        };
        SocketGuard {
            hub: self.clone(),
            socket,
            end,
        }
    }

    /// Handles a page's hello: marks the page as ready, and replies with its socket id, the report mode
    /// and the changes it missed.
    ///
    /// The report mode is queued under the lock, so that a later one cannot overtake it. The changes are
    /// encoded after it: they may be many, and a page handles them in any order.
    pub(crate) fn receive_hello(&self, socket_id: &str, hello: Hello) {
        self.prepare_filters(&hello.url, "");
        let mut state = self.lock();
        let mode = state.subscribers.report_mode();
        // A page with this feature reports until it gets a mode, so it needs one even without subscribers.
        let reports = hello
            .features
            .iter()
            .any(|feature| feature == REPORTS_FEATURE);
        let missed = state.changes.missed_by(&hello);
        state.describe(socket_id, hello);
        let Some(entry) = state.registry.get(socket_id) else {
            return;
        };
        let socket = entry.socket.clone();
        // These fail only if the page does not read, and then it would not read a reply either.
        let _ = socket.send_text(ServerMessage::Hello { socket_id }.encode());
        if mode.any() || reports {
            let _ = socket.send_text(ServerMessage::ReportMode(mode).encode());
        }
        drop(state);
        if let Some(frame) = missed.encode(self) {
            let _ = socket.send_text(frame);
        }
        socket.set_ready(true);
    }

    /// Handles a page's updated description of itself.
    pub(crate) fn receive_state(&self, socket_id: &str, hello: Hello) {
        self.prepare_filters(&hello.url, "");
        let mut state = self.lock();
        state.describe(socket_id, hello);
        if let Some(entry) = state.registry.get(socket_id) {
            entry.socket.set_ready(true);
        }
    }

    /// Marks a page as ready because its 1 s timeout for the hello has elapsed.
    pub(crate) fn ready_without_hello(&self, socket_id: &str) {
        let mut state = self.lock();
        let waits = state
            .registry
            .get(socket_id)
            .is_some_and(|entry| !entry.info.ready);
        if waits {
            state.update(socket_id, |info| info.ready = true);
        }
        if let Some(entry) = state.registry.get(socket_id) {
            entry.socket.set_ready(false);
        }
    }

    /// Records a binary frame, a console line or an error of a page. Lines and errors without a
    /// subscriber are dropped: the page sent them before it was notified that the last one had disconnected.
    pub(crate) fn receive_report(&self, socket_id: &str, body: EventBody) {
        let mut state = self.lock();
        let mode = state.subscribers.report_mode();
        let is_requested = match body.kind() {
            EventKind::Console => mode.console,
            EventKind::PageError => mode.errors,
            EventKind::Message | EventKind::Socket | EventKind::File => true,
        };
        let Some(entry) = state.registry.get(socket_id).filter(|_| is_requested) else {
            return;
        };
        let info = entry.info.clone();
        state.record(Some(info), body);
    }

    /// Returns at most `limit` matching sockets after connection number `number`, oldest first;
    /// whether there are more; and the log position at which the list is exact. The lock is not held
    /// while the sockets are matched.
    pub(crate) fn list_sockets(
        &self,
        number: u64,
        limit: usize,
        filter: &SocketFilter,
    ) -> (Vec<Arc<SocketInfo>>, bool, Position) {
        let wanted = limit.saturating_add(1);
        let candidates = if filter.is_empty() {
            wanted
        } else {
            usize::MAX
        };
        let state = self.lock();
        let sequence = state.log.newest();
        let infos = state.registry.after(number).map(|entry| &entry.info);
        let infos: Vec<_> = infos.take(candidates).cloned().collect();
        drop(state);
        // A filter matches only ready sockets: the values it tests are unknown before the hello.
        let matches =
            |info: &Arc<SocketInfo>| filter.is_empty() || info.ready && filter.matches(info);
        let matching = infos.into_iter().filter(matches);
        let mut sockets: Vec<_> = matching.take(wanted).collect();
        let more = sockets.len() > limit;
        sockets.truncate(limit);
        (sockets, more, self.position_at(sequence))
    }

    /// Returns the number of open sockets.
    pub(crate) fn socket_count(&self) -> usize {
        self.lock().registry.entries.len()
    }

    /// Closes every connection because the daemon is stopping.
    pub(crate) fn close_all(&self, code: u16, reason: &str) {
        let sockets: Vec<_> = self.lock().registry.sockets().cloned().collect();
        for socket in sockets {
            socket.outbox().close(Close {
                code,
                reason: reason.to_owned(),
                cause: CloseCause::ServerStopping,
            });
        }
    }
}

impl State {
    /// Replaces a page's description, which makes the page ready.
    fn describe(&mut self, socket_id: &str, hello: Hello) {
        let features = self.registry.share_features(hello.features);
        self.update(socket_id, |info| {
            info.page_id = hello.page_id;
            info.tab_id = hello.tab_id;
            info.url = hello.url;
            info.title = hello.title;
            info.visibility = hello.visibility;
            info.document_state = hello.document_state;
            info.top_level = hello.top_level;
            info.features = features;
            info.ready = true;
        });
    }

    fn update(&mut self, socket_id: &str, change: impl FnOnce(&mut SocketInfo)) {
        let Some(entry) = self.registry.entries.get_mut(socket_id) else {
            return;
        };
        change(Arc::make_mut(&mut entry.info));
        let info = entry.info.clone();
        self.record(Some(info), EventBody::SocketUpdated);
    }
}
