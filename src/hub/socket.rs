//! One connection of one page: its handle for senders, and the snapshot of what is known about it.

use super::outbox::{Frame, Outbox, PushError};
use super::pings::{Confirmation, Pings};
use super::{DocumentState, Visibility};
use crate::message::{ALLOCATION_BYTES, HeapSize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    pub(super) log_references: LogReferences,
}

/// Number of events in the log that hold a snapshot, which counts once against the log's limit.
#[derive(Debug, Default)]
pub(super) struct LogReferences(AtomicUsize);

impl LogReferences {
    /// Adds an event. Returns whether it is the first.
    pub(super) fn add(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Removes an event. Returns whether it was the last.
    pub(super) fn remove(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// A copy is another snapshot, which no event holds yet.
impl Clone for LogReferences {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl SocketInfo {
    /// Returns the memory of a snapshot in bytes, including what it may share with others.
    pub(super) fn size(&self) -> usize {
        let texts = [
            &self.socket_id,
            &self.page_id,
            &self.tab_id,
            &self.url,
            &self.title,
        ];
        let shared = self.user_agent.len() + self.remote_address.len();
        let features = size_of_val(&*self.features) + self.features.heap_size();
        // The snapshot and the three parts that it shares are allocations with counters of references.
        let allocations = 4 * (ALLOCATION_BYTES + 2 * size_of::<usize>());
        let texts = texts.into_iter().map(String::heap_size).sum::<usize>();
        size_of::<Self>() + texts + shared + features + allocations
    }

    /// Returns whether the page's client script announced this feature.
    pub(crate) fn supports(&self, feature: &str) -> bool {
        self.features.iter().any(|supported| supported == feature)
    }
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
