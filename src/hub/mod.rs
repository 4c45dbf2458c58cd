//! The hub: which pages are connected, what is sent to them, what they say, who listens.
//!
//! No HTTP and no gRPC here. The edges meet in these types: `browser` registers sockets and
//! reports what they say, `control` selects, sends and subscribes.
//!
//! One mutex guards the registry and the event log together, because their order is one
//! promise: a snapshot of the sockets and a position in the log taken under it fit each other
//! exactly. Nothing is awaited and no plugin is called while it is held.

mod changes;
mod code;
mod events;
mod imports;
mod outbox;
mod parked;
mod pings;
mod requests;
mod sockets;
mod subscriptions;
mod targets;

pub(crate) use changes::{FileChange, FileChangeKind};
pub(crate) use events::{
    CloseCause, Event, EventBody, EventKind, Gap, GapReason, LOG_BYTES, Position,
};
pub(crate) use imports::ImportOutcome;
pub(crate) use outbox::{Close, Frame, OUTBOX_BYTES, Outbox, OutboxItem, PushError};
pub(crate) use pings::Confirmation;
pub(crate) use requests::{Reply, ReplyError};
pub(crate) use sockets::{DocumentState, Socket, SocketGuard, SocketInfo, Visibility};
pub(crate) use subscriptions::{
    DEFAULT_QUEUE_EVENTS, OverflowPolicy, ReplyMode, ResumeError, Subscription, SubscriptionEnd,
    SubscriptionItem, SubscriptionOptions,
};
pub(crate) use targets::{ClientSupport, MAX_REGEX_BYTES, Selection, SocketFilter, Target};

use crate::ids;
use events::EventLog;
use requests::Requests;
use sockets::Registry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use subscriptions::Subscribers;

/// All connected pages, the event log and its subscribers.
pub(crate) struct Hub {
    epoch: String,
    /// Held for moments: see the module's text.
    state: Mutex<State>,
    imports: imports::Imports,
    code: code::Code,
    /// Frames of pages that were no messages.
    faults: AtomicU64,
    /// HTML pages that were served with the client, and without.
    pages_with_client: AtomicU64,
    pages_without_client: AtomicU64,
}

struct State {
    registry: Registry,
    log: EventLog,
    subscribers: Subscribers,
    requests: Requests,
    changes: changes::Changes,
}

impl Hub {
    /// An empty hub with an epoch of its own.
    #[must_use]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: ids::random(),
            state: Mutex::new(State {
                registry: Registry::default(),
                log: EventLog::default(),
                subscribers: Subscribers::default(),
                requests: Requests::default(),
                changes: changes::Changes::default(),
            }),
            imports: imports::Imports::default(),
            code: code::Code::default(),
            faults: AtomicU64::new(0),
            pages_with_client: AtomicU64::new(0),
            pages_without_client: AtomicU64::new(0),
        })
    }

    /// Changes whenever the daemon starts: positions of different epochs do not compare.
    #[must_use]
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The place in the event log after the newest event.
    #[must_use]
    pub(crate) fn position(&self) -> Position {
        let sequence = self.lock().log.newest();
        self.position_at(sequence)
    }

    /// The position with this sequence in this hub's epoch.
    #[must_use]
    pub(crate) fn position_at(&self, sequence: u64) -> Position {
        Position {
            epoch: self.epoch.clone(),
            sequence,
        }
    }

    /// A page sent something that is no message. It is answered, counted and not delivered.
    pub(crate) fn count_refused_frame(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames of pages that were no messages, since the start.
    #[must_use]
    pub(crate) fn refused_frames(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// An HTML page is served. Who finds nobody connected is told which is missing: a page, or
    /// the client in it.
    pub(crate) fn count_page(&self, with_client: bool) {
        let counter = if with_client {
            &self.pages_with_client
        } else {
            &self.pages_without_client
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// HTML pages served with the client and without it, since the start.
    #[must_use]
    pub(crate) fn page_counts(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (
            load(&self.pages_with_client),
            load(&self.pages_without_client),
        )
    }

    /// A panic under the lock leaves the state as consistent as the statement it happened in;
    /// serving on beats refusing everything.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Appends an event of a socket and hands it to the subscribers that want it.
    fn record(&mut self, socket: Arc<SocketInfo>, body: EventBody) {
        let event = self.log.append(Some(socket), body);
        self.subscribers.offer(&event);
    }
}
