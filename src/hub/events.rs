//! The event log: everything that happened to pages and watched files, in one order, for as long as
//! its byte limit allows.

use super::{Close, SocketInfo};
use crate::message::{PageConsole, PageError};
use bytes::Bytes;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Bytes of events that are held for subscribers that resume. The oldest are evicted first, and a
/// subscriber that resumes before them gets a gap. Default 64 MiB.
pub(crate) const LOG_BYTES: usize = 64 * 1024 * 1024;

/// Estimated cost of an event besides its content.
const EVENT_OVERHEAD_BYTES: usize = 256;

/// Place in the event log of one run of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Identifies the run.
    pub epoch: String,
    /// Sequence number of the newest event before this place; 0 = before the first event.
    pub sequence: u64,
}

/// Kinds of events that subscribers select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventKind {
    Message,
    Socket,
    Console,
    PageError,
    File,
}

/// Entry of the event log.
#[derive(Debug)]
pub(crate) struct Event {
    /// Consecutive, starting at 1.
    pub sequence: u64,
    /// By the daemon's clock.
    pub time: SystemTime,
    /// Snapshot of the page at the time of the event; none for a change of a file.
    pub socket: Option<Arc<SocketInfo>>,
    pub body: EventBody,
}

#[derive(Debug)]
pub(crate) enum EventBody {
    /// The page sent a text frame: a JSON object with a `type`.
    Message {
        /// The frame, verbatim; UTF-8.
        text: Bytes,
        /// The `type`.
        message_type: String,
        /// Set when the page can be replied to.
        request_id: Option<String>,
    },
    /// The page sent a binary frame.
    Binary(Bytes),
    SocketOpened {
        /// The page's previous socket, according to the page, if it has reconnected.
        previous_socket_id: Option<String>,
    },
    /// The page became ready, or its description changed.
    SocketUpdated,
    SocketClosed(Close),
    /// The page printed a console line.
    Console(PageConsole),
    /// The page reported an error.
    PageError(PageError),
    /// A watched file changed.
    File(FileChange),
}

/// Change of a watched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Absolute.
    pub file_path: PathBuf,
    /// URL path of the file, percent-encoded.
    pub url_path: String,
    pub kind: FileChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileChangeKind {
    Created,
    /// The content changed, or another file took its place.
    Modified,
    Removed,
}

impl FileChange {
    fn size(&self) -> usize {
        self.file_path.as_os_str().len() + self.url_path.len()
    }
}

impl EventBody {
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
    /// Returns the event's share of byte limits.
    pub(crate) fn size(&self) -> usize {
        EVENT_OVERHEAD_BYTES
            + match &self.body {
                EventBody::Message { text: content, .. } | EventBody::Binary(content) => {
                    content.len()
                }
                EventBody::Console(line) => line.size(),
                EventBody::PageError(error) => error.size(),
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

/// Range of events that a subscriber has lost: those after `after` and before `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The last sequence before the loss.
    pub after: u64,
    /// The first sequence after the loss.
    pub before: u64,
    pub reason: GapReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapReason {
    /// The log had evicted the events.
    Evicted,
    /// The events belong to an earlier run of the daemon.
    EpochChanged,
    /// The subscriber read too slowly, under [`OverflowPolicy::Gap`](super::OverflowPolicy::Gap).
    SubscriberSlow,
}

/// Ring buffer of events, bounded by [`LOG_BYTES`].
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

    /// Returns the sequence of the newest event; 0 before the first event.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Returns the sequence before the oldest event that is held.
    pub(super) fn evicted(&self) -> u64 {
        self.events
            .front()
            .map_or(self.newest, |event| event.sequence - 1)
    }

    /// Returns the events after a sequence, as far as they are held.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<Event>> {
        let skip = sequence.saturating_sub(self.evicted());
        self.events
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}
