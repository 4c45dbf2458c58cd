//! One connection of one page: its handle for senders, and the snapshot of what is known about it.

use super::outbox::{Frame, Outbox, PushError};
use super::pings::{Confirmation, Pings};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::SetOnce;

/// Immutable snapshot of a connected page. An update replaces it.
#[derive(Clone, Debug)]
pub(crate) struct SocketInfo {
    /// Identifies one connection: random, never reused.
    pub socket_id: String,
    /// Connection number, which increases by one with each connection: the order of lists.
    pub number: u64,
    /// Identifies one document, across reconnects. Empty until the hello.
    pub page_id: String,
    /// Identifies one tab, across reloads. Empty until the hello.
    pub tab_id: String,
    /// `location.href`. Empty until the hello.
    pub url: String,
    /// `document.title`. Empty until the hello.
    pub title: String,
    /// From the upgrade request.
    pub user_agent: Arc<str>,
    pub visibility: Visibility,
    /// False for a document in a frame.
    pub top_level: bool,
    /// The peer's address and port.
    pub remote_address: Arc<str>,
    /// When the upgrade was accepted.
    pub connect_time: SystemTime,
    /// The hello was received, or its 1 s timeout elapsed.
    pub ready: bool,
    pub document_state: DocumentState,
    /// Features of the page's client script. Empty without a hello.
    pub features: Arc<[String]>,
}

impl SocketInfo {
    /// Returns whether the page's client script announced this feature.
    pub(crate) fn supports(&self, feature: &str) -> bool {
        self.features.iter().any(|supported| supported == feature)
    }
}

/// `document.visibilityState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// The page did not report it.
    #[default]
    Unknown,
    Visible,
    Hidden,
}

/// `document.readyState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DocumentState {
    /// The page did not report it.
    #[default]
    Unknown,
    Loading,
    Interactive,
    Complete,
}

/// Handle of a connection, shared by the connection and by senders.
pub(crate) struct Socket {
    id: String,
    outbox: Outbox,
    pings: Pings,
    /// Set once, when the page is ready or its connection has ended: true if it sent a hello.
    ready: SetOnce<bool>,
}

impl Socket {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            outbox: Outbox::default(),
            pings: Pings::default(),
            ready: SetOnce::new(),
        }
    }

    /// See [`SocketInfo::socket_id`].
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Queues a text frame.
    pub(crate) fn send_text(&self, text: String) -> Result<(), PushError> {
        self.outbox.push(Frame::Text(text.into()))
    }

    /// Queues a ping whose pong confirms every frame queued before it. None when the connection
    /// has ended or is ending.
    #[must_use]
    pub(crate) fn confirm(&self) -> Option<Confirmation> {
        self.outbox.push_ping(|| self.pings.expect()).ok()
    }

    /// Queues a keepalive ping.
    pub(crate) fn ping(&self) -> Result<(), PushError> {
        self.outbox.push(Frame::Ping(self.pings.next()))
    }

    /// Handles a pong, which confirms every frame queued before its ping. Returns whether it answers a
    /// ping of this socket that was not answered before.
    pub(crate) fn pong(&self, payload: &[u8]) -> bool {
        <[u8; 8]>::try_from(payload)
            .is_ok_and(|number| self.pings.confirm(u64::from_be_bytes(number)))
    }

    /// Waits until the page is ready. Returns whether it sent a hello; false when its 1 s timeout
    /// elapsed or the connection ended first.
    pub(crate) async fn ready(&self) -> bool {
        *self.ready.wait().await
    }

    /// Wakes all callers of [`Socket::ready`]. Only the first call has an effect.
    pub(super) fn set_ready(&self, sent_hello: bool) {
        let _ = self.ready.set(sent_hello);
    }

    /// Drops queued frames, and wakes all callers that wait for this page.
    pub(super) fn shut_down(&self) {
        self.outbox.shut_down();
        self.pings.abandon();
        self.set_ready(false);
    }
}
