//! The event log: everything that happened to pages and watched files, in one order, for as long as
//! its byte limit allows.

use super::{Close, SocketInfo};
use crate::message::{ALLOCATION_BYTES, HeapSize, PageConsole, PageError};
use bytes::Bytes;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Bytes of events that are held for subscribers that resume. The oldest are evicted first, and a
/// subscriber that resumes before them gets a gap. Default 64 MiB.
pub(crate) const LOG_BYTES: usize = 64 * 1024 * 1024;

/// Memory of an event besides its content: the event, its counters of references, and its place in the
/// log, which may have twice the capacity that it needs.
const EVENT_BYTES: usize =
    size_of::<Event>() + 2 * size_of::<usize>() + ALLOCATION_BYTES + 2 * size_of::<Arc<Event>>();

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

impl EventBody {
    /// Returns the type of a text message.
    pub(super) fn message_type(&self) -> Option<&str> {
        match self {
            Self::Message { message_type, .. } => Some(message_type),
            _ => None,
        }
    }
}

impl HeapSize for EventBody {
    fn heap_size(&self) -> usize {
        match self {
            Self::Message {
                text,
                message_type,
                request_id,
            } => text.heap_size() + message_type.heap_size() + request_id.heap_size(),
            Self::Binary(data) => data.heap_size(),
            Self::SocketOpened { previous_socket_id } => previous_socket_id.heap_size(),
            Self::SocketUpdated => 0,
            Self::SocketClosed(close) => close.reason.heap_size(),
            Self::Console(line) => line.heap_size(),
            Self::PageError(error) => error.heap_size(),
            Self::File(change) => {
                let path = change.file_path.capacity() + ALLOCATION_BYTES;
                path + change.url_path.heap_size()
            }
        }
    }
}

impl Event {
    /// Returns the memory of the event in bytes, without its snapshot of the page.
    fn own_size(&self) -> usize {
        EVENT_BYTES + self.body.heap_size()
    }

    /// Returns the memory of the event in bytes, including its snapshot of the page.
    pub(crate) fn size(&self) -> usize {
        self.own_size() + self.socket.as_ref().map_or(0, |socket| socket.size())
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
        self.bytes += event.own_size();
        if let Some(socket) = &event.socket
            && socket.log_references.add()
        {
            self.bytes += socket.size();
        }
        self.events.push_back(event.clone());
        while self.bytes > LOG_BYTES {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.own_size();
            if let Some(socket) = &oldest.socket
                && socket.log_references.remove()
            {
                self.bytes -= socket.size();
            }
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
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.events.range(skip.min(self.events.len())..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Hub;
    use crate::message::{Envelope, Hello};
    use allocation_counter::measure;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::HashSet;

    /// Runs a function that stores what it allocates, and returns how many bytes that takes.
    fn memory(run: impl FnOnce()) -> usize {
        usize::try_from(measure(run).bytes_current).expect("it stores something")
    }

    fn log_bytes(hub: &Hub) -> usize {
        hub.lock().log.bytes
    }

    /// Receives a frame as a page's connection does.
    fn receive(hub: &Hub, socket_id: &str, frame: &str) {
        let report = |body| hub.receive_report(socket_id, body);
        let envelope = Envelope::parse(frame).expect("a message");
        match envelope.kind.as_str() {
            "pagewire:state" => {
                hub.receive_state(socket_id, serde_json::from_str(frame).expect("a state"));
            }
            "pagewire:console" => {
                report(EventBody::Console(
                    serde_json::from_str(frame).expect("a line"),
                ));
            }
            "pagewire:error" => {
                report(EventBody::PageError(
                    serde_json::from_str(frame).expect("an error"),
                ));
            }
            "binary" => report(EventBody::Binary(frame.to_owned().into())),
            _ => hub.receive_message(socket_id, envelope, frame.to_owned().into()),
        }
    }

    fn text() -> impl Strategy<Value = String> {
        (0..3000_usize, "[a-zé\"]").prop_map(|(length, character)| character.repeat(length))
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(json!({})),
            text().prop_map(|text| json!({"json": text})),
            text().prop_map(|text| json!({"unserializable": text, "description": text})),
        ]
    }

    /// A frame of any kind that is recorded, with fields of any length.
    fn frame() -> impl Strategy<Value = Value> {
        let values = || prop::collection::vec(value(), 0..30);
        prop_oneof![
            (text(), 0..1000_usize).prop_map(|(text, kind)| {
                json!({"type": format!("x{}", "y".repeat(kind)), "text": text})
            }),
            text().prop_map(|text| json!({"type": "binary", "text": text})),
            (text(), text(), 0..64_usize).prop_map(|(url, title, features)| {
                let id = "i".repeat(url.len().min(256));
                json!({"type": "pagewire:state", "page_id": id, "tab_id": id, "url": url,
                    "title": title, "features": vec!["f".repeat(features); features]})
            }),
            (values(), text()).prop_map(|(args, stack)| {
                json!({"type": "pagewire:console", "level": "log", "args": args, "stack": stack})
            }),
            (text(), text(), text()).prop_map(|(name, message, url)| {
                json!({"type": "pagewire:error", "kind": "csp", "failed_urls": [url, name], "exception":
                    {"name": name, "message": message, "stack": message, "url": url, "thrown": name}})
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_log_counts_the_memory_that_its_events_take(
            frames in prop::collection::vec(frame(), 1..30)
        ) {
            let frames: Vec<_> = frames.iter().map(Value::to_string).collect();
            let hub = Hub::new();
            let _reports = hub.subscribe(crate::hub::SubscriptionOptions {
                kinds: vec![EventKind::Console, EventKind::PageError],
                message_types: HashSet::new(),
                sockets: None,
                resume_after: None,
                strict_resume: false,
                max_queue_events: 1,
                overflow: crate::hub::OverflowPolicy::Disconnect,
                replies: crate::hub::ReplyMode::None,
            });
            let guard = hub.open_socket(String::new(), String::new(), None);
            let before = log_bytes(&hub);
            let taken = memory(|| {
                for frame in &frames {
                    receive(&hub, guard.socket().id(), frame);
                }
            });
            let counted = log_bytes(&hub) - before;
            prop_assert!(taken <= counted, "{taken} bytes taken, {counted} counted");
            // The count includes what the allocator itself needs.
            prop_assert!(counted <= taken + taken / 2 + 2048, "{taken} bytes taken, {counted} counted");
        }
    }

    #[test]
    fn the_log_takes_no_more_than_its_limit_whatever_pages_change() {
        let hub = Hub::new();
        let guard = hub.open_socket(String::new(), String::new(), None);
        let update = |number: u64| {
            let hello = Hello {
                page_id: number.to_string(),
                title: "t".repeat(4000),
                features: vec![number.to_string(); 64],
                ..Hello::default()
            };
            hub.receive_state(guard.socket().id(), hello);
        };
        let taken = memory(|| (0..10_000).for_each(update));
        assert!(taken <= LOG_BYTES, "{taken} bytes");
        let held = hub.lock().log.events.len();
        assert!((5000..9500).contains(&held), "{held} events are held");
    }

    #[test]
    fn snapshots_of_pages_that_have_left_count_until_their_last_event_is_evicted() {
        let hub = Hub::new();
        let url = "u".repeat(16_000);
        let taken = memory(|| {
            let pages: Vec<_> = (0..6000)
                .map(|_| {
                    let guard = hub.open_socket(String::new(), String::new(), None);
                    let url = url.clone();
                    let hello = Hello {
                        url,
                        ..Hello::default()
                    };
                    hub.receive_state(guard.socket().id(), hello);
                    guard
                })
                .collect();
            // The updates of most pages have been evicted: only these messages hold their snapshots.
            for page in &pages {
                receive(&hub, page.socket().id(), r#"{"type":"x"}"#);
            }
        });
        assert!(taken <= LOG_BYTES + LOG_BYTES / 16, "{taken} bytes");
        let held: usize = {
            let state = hub.lock();
            state.log.events.iter().map(|event| event.own_size()).sum()
        };
        assert!(
            held < LOG_BYTES / 4,
            "snapshots take most of the limit: {held}"
        );
    }
}
