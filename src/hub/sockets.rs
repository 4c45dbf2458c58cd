//! The registry of connected pages.

use super::outbox::{Frame, Outbox, PushError};
use super::pings::{Confirmation, Pings};
use super::{Close, CloseCause, EventBody, EventKind, Hub, State};
use crate::ids;
use crate::message::{Hello, ServerMessage};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::SetOnce;

/// What is known of a connected page. A snapshot: it never changes, it is replaced.
#[derive(Clone, Debug)]
pub(crate) struct SocketInfo {
    /// One connection. Made here, random, never reused.
    pub socket_id: String,
    /// Grows with every connection: the order of lists.
    pub number: u64,
    /// One document, across reconnects. Empty until the hello.
    pub page_id: String,
    /// One tab, across reloads. Empty until the hello.
    pub tab_id: String,
    /// `location.href`. Empty until the hello.
    pub url: String,
    /// `document.title`.
    pub title: String,
    /// From the upgrade request.
    pub user_agent: Arc<str>,
    /// As the page said.
    pub visibility: Visibility,
    /// Whether the document is no frame of another.
    pub top_level: bool,
    /// The peer's address and port.
    pub remote_address: Arc<str>,
    /// When the upgrade was accepted.
    pub connect_time: SystemTime,
    /// It said hello, or had a second to.
    pub ready: bool,
    /// How far the document is loaded.
    pub document_state: DocumentState,
    /// What its script can do. Empty when it never said hello.
    pub features: Arc<[String]>,
}

impl SocketInfo {
    /// Whether its script has said that it can do this.
    #[must_use]
    pub(crate) fn can(&self, feature: &str) -> bool {
        self.features.iter().any(|said| said == feature)
    }
}

/// `document.visibilityState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// The page did not say.
    #[default]
    Unknown,
    /// On a screen.
    Visible,
    /// In the background.
    Hidden,
}

/// `document.readyState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DocumentState {
    /// The page did not say.
    #[default]
    Unknown,
    /// Being parsed.
    Loading,
    /// Parsed; resources still load.
    Interactive,
    /// Loaded.
    Complete,
}

/// One connection of one page, as senders hold it.
pub(crate) struct Socket {
    id: String,
    outbox: Outbox,
    pings: Pings,
    /// Set once the page is ready, to whether it said hello; or when it closed before.
    ready: SetOnce<bool>,
}

impl Socket {
    /// See [`SocketInfo::socket_id`].
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Frames on their way to the page.
    #[must_use]
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Queues a text frame.
    pub(crate) fn send_text(&self, text: String) -> Result<(), PushError> {
        self.outbox.push(Frame::Text(text.into()))
    }

    /// Queues a ping, whose pong confirms every frame queued before. None when the connection
    /// has ended or is ending.
    #[must_use]
    pub(crate) fn confirm(&self) -> Option<Confirmation> {
        self.outbox.push_ping(|| self.pings.expect()).ok()
    }

    /// Queues a ping, to see whether the page is there.
    pub(crate) fn ping(&self) -> Result<(), PushError> {
        self.outbox.push(Frame::Ping(self.pings.next()))
    }

    /// A pong came: it confirms every frame before its ping.
    pub(crate) fn pong(&self, number: u64) {
        self.pings.confirm(number);
    }

    /// Waits until the page said hello (true), or had a second to or closed (false).
    pub(crate) async fn ready(&self) -> bool {
        *self.ready.wait().await
    }
}

#[derive(Default)]
pub(super) struct Registry {
    entries: HashMap<String, Entry>,
    /// By connection number: lists go in this order.
    order: BTreeMap<u64, Arc<Socket>>,
    last_number: u64,
    /// What the last hello said: nearly all pages have the same script and say the same.
    features: Arc<[String]>,
}

pub(super) struct Entry {
    pub(super) socket: Arc<Socket>,
    pub(super) info: Arc<SocketInfo>,
}

impl Registry {
    pub(super) fn get(&self, socket_id: &str) -> Option<&Entry> {
        self.entries.get(socket_id)
    }

    /// All sockets in the order in which they connected, after this connection number.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = &Entry> {
        self.order
            .range(number + 1..)
            .filter_map(|(_, socket)| self.entries.get(&socket.id))
    }

    /// All sockets in the order in which they connected.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Arc<Socket>> {
        self.order.values()
    }

    fn shared(&mut self, features: Vec<String>) -> Arc<[String]> {
        if *self.features != *features {
            self.features = features.into();
        }
        self.features.clone()
    }
}

/// A registered socket, held by its connection. Dropping it takes the socket off the list,
/// as a lost connection unless [`SocketGuard::closed`] said otherwise.
pub(crate) struct SocketGuard {
    hub: Arc<Hub>,
    socket: Arc<Socket>,
    end: Close,
}

impl SocketGuard {
    /// The socket.
    #[must_use]
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// The hub it is registered in.
    #[must_use]
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Says how the connection ended.
    pub(crate) fn closed(mut self, end: Close) {
        self.end = end;
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        let Some(entry) = state.registry.entries.remove(&self.socket.id) else {
            return;
        };
        state.registry.order.remove(&entry.info.number);
        state.requests.forget_socket(&self.socket.id);
        state.record(entry.info, EventBody::SocketClosed(self.end.clone()));
        drop(state);
        self.socket.outbox.shut();
        self.socket.pings.abandon();
        let _ = self.socket.ready.set(false);
        self.hub.imports.socket_closed(&self.socket.id);
    }
}

impl Hub {
    /// Registers a connection. From now on it is listed and can be sent to; call this before
    /// the upgrade is answered, so that nothing sent right after the page's `open` is lost.
    pub(crate) fn open_socket(
        self: &Arc<Self>,
        remote_address: String,
        user_agent: String,
        previous_socket_id: Option<String>,
    ) -> SocketGuard {
        let socket = Arc::new(Socket {
            id: ids::random(),
            outbox: Outbox::default(),
            pings: Pings::default(),
            ready: SetOnce::new(),
        });
        let mut state = self.lock();
        let registry = &mut state.registry;
        registry.last_number += 1;
        let info = Arc::new(SocketInfo {
            socket_id: socket.id.clone(),
            number: registry.last_number,
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
        });
        registry.order.insert(info.number, socket.clone());
        let entry = Entry {
            socket: socket.clone(),
            info: info.clone(),
        };
        registry.entries.insert(socket.id.clone(), entry);
        state.record(info, EventBody::SocketOpened { previous_socket_id });
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

    /// A page said hello: it is ready, and gets its name and what it is to report.
    ///
    /// Answered under the lock, so that what it is to report cannot be overtaken by a change.
    pub(crate) fn receive_hello(&self, socket_id: &str, hello: Hello) {
        let mut state = self.lock();
        let watch = state.subscribers.report_mode();
        // A page that reports of its own accord must hear when nothing is wanted.
        let reports = hello.features.iter().any(|feature| feature == "console");
        let missed = state.changes.missed_by(&hello);
        state.describe(socket_id, hello);
        let Some(entry) = state.registry.get(socket_id) else {
            return;
        };
        let socket = &entry.socket;
        // A page that does not read will not miss it.
        let _ = socket.send_text(ServerMessage::Hello { socket_id }.encode());
        if watch.any() || reports {
            let _ = socket.send_text(ServerMessage::ReportMode(watch).encode());
        }
        if let Some(frame) = missed {
            let _ = socket.send_text(frame);
        }
        let _ = socket.ready.set(true);
    }

    /// A page said something new of itself.
    pub(crate) fn receive_state(&self, socket_id: &str, hello: Hello) {
        let mut state = self.lock();
        state.describe(socket_id, hello);
        if let Some(entry) = state.registry.get(socket_id) {
            let _ = entry.socket.ready.set(true);
        }
    }

    /// A page had its second to say hello: it is ready without.
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
            let _ = entry.socket.ready.set(false);
        }
    }

    /// A page sent a binary frame, printed a line, or reports an error. Lines and errors that
    /// nobody asked for are dropped: they were on their way when the last listener left.
    pub(crate) fn receive_report(&self, socket_id: &str, body: EventBody) {
        let mut state = self.lock();
        let watch = state.subscribers.report_mode();
        let wanted = match body.kind() {
            EventKind::Console => watch.console,
            EventKind::PageError => watch.errors,
            EventKind::Message | EventKind::Socket | EventKind::File => true,
        };
        let Some(entry) = state.registry.get(socket_id).filter(|_| wanted) else {
            return;
        };
        let info = entry.info.clone();
        state.record(info, body);
    }

    /// At most `limit` sockets that connected after connection `number`, oldest first, whether
    /// there are more, and the place in the log that fits the list.
    #[must_use]
    pub(crate) fn list_sockets(
        &self,
        number: u64,
        limit: usize,
        matches: impl Fn(&SocketInfo) -> bool,
    ) -> (Vec<Arc<SocketInfo>>, bool, super::Position) {
        let state = self.lock();
        let mut sockets: Vec<_> = state
            .registry
            .after(number)
            .map(|entry| &entry.info)
            .filter(|info| matches(info))
            .take(limit.saturating_add(1))
            .cloned()
            .collect();
        let more = sockets.len() > limit;
        sockets.truncate(limit);
        (sockets, more, self.position_at(state.log.newest()))
    }

    /// How many sockets are open.
    #[must_use]
    pub(crate) fn socket_count(&self) -> usize {
        self.lock().registry.entries.len()
    }

    /// Ends every connection: the daemon stops.
    pub(crate) fn close_all(&self, code: u16, reason: &str) {
        let sockets: Vec<_> = self.lock().registry.sockets().cloned().collect();
        for socket in sockets {
            socket.outbox.close(Close {
                code,
                reason: reason.to_owned(),
                cause: CloseCause::ServerStopping,
            });
        }
    }
}

impl State {
    fn describe(&mut self, socket_id: &str, hello: Hello) {
        let features = self.registry.shared(hello.features);
        self.update(socket_id, |info| {
            info.page_id = hello.page_id;
            info.tab_id = hello.tab_id;
            info.url = hello.url;
            info.title = hello.title;
            info.visibility = match hello.visibility.as_str() {
                "visible" => Visibility::Visible,
                "hidden" => Visibility::Hidden,
                _ => Visibility::Unknown,
            };
            info.document_state = match hello.document_state.as_str() {
                "loading" => DocumentState::Loading,
                "interactive" => DocumentState::Interactive,
                "complete" => DocumentState::Complete,
                _ => DocumentState::Unknown,
            };
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
        self.record(info, EventBody::SocketUpdated);
    }
}
