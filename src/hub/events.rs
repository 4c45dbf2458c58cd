//! The event log: what happened, in one order, for as long as its bytes allow.

use super::{Close, FileChange, SocketInfo};
use crate::message::{PageConsole, PageError};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

/// Bytes of events that are held for subscribers who come back. The oldest go first, and a
/// subscriber who asks for them is told with a gap. Default 64 MiB.
pub(crate) const LOG_BYTES: usize = 64 * 1024 * 1024;

/// What an event costs in the log beside its content, roughly.
const EVENT_OVERHEAD_BYTES: usize = 256;

/// A place in the log of one run of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Which run.
    pub epoch: String,
    /// The number of the newest event before this place; 0 = before the first.
    pub sequence: u64,
}

/// The kinds of events that subscribers choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventKind {
    /// A page said something.
    Message,
    /// A socket opened, changed or closed.
    Socket,
    /// A page printed a line.
    Console,
    /// Something went wrong in a page.
    PageError,
    /// A watched file changed.
    File,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Event {
    /// Gapless, from 1.
    pub sequence: u64,
    /// The daemon's clock.
    pub time: SystemTime,
    /// The page it happened to, as it was known then; none for a file.
    pub socket: Option<Arc<SocketInfo>>,
    /// What it was.
    pub body: EventBody,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum EventBody {
    /// The page sent a text frame: a JSON object with a type.
    Message {
        /// The frame as it came; UTF-8.
        text: Bytes,
        /// Its `type`.
        kind: String,
        /// Set when the page can be answered.
        request_id: Option<String>,
    },
    /// The page sent a binary frame, as it came.
    Binary(Bytes),
    /// The page connected.
    SocketOpened {
        /// The socket that this page says it had before it reconnected.
        previous_socket_id: Option<String>,
    },
    /// The page became ready, or said something new of itself.
    SocketUpdated,
    /// The connection ended.
    SocketClosed(Close),
    /// The page printed a line.
    Console(PageConsole),
    /// Something went wrong in the page.
    PageError(PageError),
    /// A watched file changed.
    File(FileChange),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseCause {
    /// The page closed it: a navigation, a closed tab.
    PageUnloaded,
    /// It broke without a close frame.
    ConnectionLost,
    /// Two pings went unanswered.
    NoPong,
    /// The same, and it did not even read what was sent.
    Slow,
    /// A program asked for it.
    ClosedByApi,
    /// The daemon stops.
    ServerStopping,
    /// The page broke the WebSocket protocol or one of our limits.
    ProtocolError,
}

impl EventBody {
    /// The kind it counts as.
    #[must_use]
    pub(crate) fn kind(&self) -> EventKind {
        match self {
            Self::Message { .. } | Self::Binary(_) => EventKind::Message,
            Self::SocketOpened { .. } | Self::SocketUpdated | Self::SocketClosed(_) => {
                EventKind::Socket
            }
            Self::Console(_) => EventKind::Console,
            Self::PageError(_) => EventKind::PageError,
            Self::File(_) => EventKind::File,
        }
    }
}

impl Event {
    /// What it counts for in byte bounds.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        EVENT_OVERHEAD_BYTES
            + match &self.body {
                EventBody::Message { text: content, .. } | EventBody::Binary(content) => {
                    content.len()
                }
                EventBody::Console(line) => line.size(),
                EventBody::PageError(fault) => fault.size(),
                EventBody::File(change) => change.size(),
                EventBody::SocketOpened { .. }
                | EventBody::SocketUpdated
                | EventBody::SocketClosed(_) => self
                    .socket
                    .as_ref()
                    .map_or(0, |socket| socket.url.len() + socket.title.len()),
            }
    }
}

/// Events that a subscriber did not and will not get: those after `after` and before `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The last sequence before the loss.
    pub after: u64,
    /// The first sequence behind it.
    pub before: u64,
    /// Why.
    pub reason: GapReason,
}

/// Why events are lost to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapReason {
    /// They were older than the log reaches.
    Evicted,
    /// They belong to an earlier run of the daemon.
    EpochChanged,
    /// The subscriber read too slowly and asked to go on.
    SubscriberSlow,
}

#[derive(Default)]
pub(super) struct EventLog {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    newest: u64,
}

impl EventLog {
    pub(super) fn append(
        &mut self,
        socket: Option<Arc<SocketInfo>>,
        body: EventBody,
    ) -> Arc<Event> {
        self.newest += 1;
        let event = Arc::new(Event {
            sequence: self.newest,
            time: SystemTime::now(),
            socket,
            body,
        });
        self.bytes += event.size();
        self.events.push_back(event.clone());
        while self.bytes > LOG_BYTES {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.size();
        }
        event
    }

    /// The sequence of the newest event; 0 when there was none.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// The sequence before the oldest event that is held.
    pub(super) fn evicted(&self) -> u64 {
        self.events
            .front()
            .map_or(self.newest, |event| event.sequence - 1)
    }

    /// The events after a sequence that are still held.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<Event>> {
        let skip = sequence.saturating_sub(self.evicted());
        self.events
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}
