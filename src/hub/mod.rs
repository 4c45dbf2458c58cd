//! The hub: connected pages, frames on their way to them, and the event log with its subscribers.
//!
//! The edges meet here: `browser` registers sockets and passes on what pages send; `control` selects
//! sockets, sends to them and subscribes. The hub knows neither HTTP nor gRPC.
//!
//! One mutex guards the socket registry and the event log together, so a list of sockets and a log
//! position taken under it match exactly. Nothing is awaited and no plugin is called while it is held.

mod changes;
mod close;
mod code;
mod events;
mod failures;
mod imports;
mod outbox;
mod page_counts;
mod patterns;
mod pending;
mod pings;
mod registry;
mod requests;
mod served;
mod socket;
mod subscriptions;
mod targets;
mod verdicts;

pub(crate) use crate::message::{DocumentState, Visibility};
pub(crate) use close::{Close, CloseCause};
pub(crate) use events::{
    Event, EventBody, EventKind, FileChange, FileChangeKind, Gap, GapReason, LOG_BYTES, Position,
};
pub(crate) use imports::ImportOutcome;
pub(crate) use outbox::{Frame, OUTBOX_BYTES, Outbox, OutboxItem, PushError};
pub(crate) use page_counts::{PageCounts, WithoutClient};
pub(crate) use patterns::{PatternError, Patterns};
pub(crate) use pending::{BackendWrites, RequestKind};
pub(crate) use pings::Confirmation;
pub(crate) use registry::SocketGuard;
pub(crate) use requests::{Reply, ReplyError};
pub(crate) use served::ServedFiles;
pub(crate) use socket::{Socket, SocketInfo};
pub(crate) use subscriptions::{
    DEFAULT_QUEUE_EVENTS, OverflowPolicy, ReplyMode, ResumeError, Subscription, SubscriptionEnd,
    SubscriptionItem, SubscriptionOptions,
};
pub(crate) use targets::{ClientSupport, Selection, SocketFilter, Target};

use crate::ids;
use changes::RecentChanges;
use code::PublishedSources;
use events::EventLog;
use failures::RecentFailures;
use imports::PendingImports;
use pending::RequestCounts;
use registry::Registry;
use requests::Requests;
use served::Served;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use subscriptions::Subscribers;

/// Shared state of all connected pages, the event log and its subscribers.
pub(crate) struct Hub {
    epoch: String,
    /// Never held across an await: see the module documentation.
    state: Mutex<State>,
    imports: PendingImports,
    sources: PublishedSources,
    served: Served,
    failures: RecentFailures,
    pending: RequestCounts,
    /// Frames from pages that were not valid messages.
    refused_frames: AtomicU64,
    page_counts: PageCounts,
    /// See [`Hub::set_backend_delay`].
    backend_delay: OnceLock<Duration>,
}

#[derive(Default)]
struct State {
    registry: Registry,
    log: EventLog,
    subscribers: Subscribers,
    requests: Requests,
    changes: RecentChanges,
}

impl Hub {
    /// Creates an empty hub with a new epoch.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: ids::random(),
            state: Mutex::default(),
            imports: PendingImports::default(),
            sources: PublishedSources::default(),
            served: Served::default(),
            failures: RecentFailures::default(),
            pending: RequestCounts::default(),
            backend_delay: OnceLock::new(),
            refused_frames: AtomicU64::new(0),
            page_counts: PageCounts::default(),
        })
    }

    /// Returns the id of this run of the daemon. Positions of different epochs are not comparable.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Returns the position of the newest event.
    pub(crate) fn position(&self) -> Position {
        let sequence = self.lock().log.newest();
        self.position_at(sequence)
    }

    /// Returns the position with this sequence in the hub's epoch.
    pub(crate) fn position_at(&self, sequence: u64) -> Position {
        Position {
            epoch: self.epoch.clone(),
            sequence,
        }
    }

    /// Counts a frame from a page that was not a valid message.
    pub(crate) fn count_refused_frame(&self) {
        self.refused_frames.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many frames from pages were not valid messages, since the start.
    pub(crate) fn refused_frames(&self) -> u64 {
        self.refused_frames.load(Ordering::Relaxed)
    }

    /// Returns the counters of served HTML pages. When no page is connected, they show whether no page was
    /// opened or the pages lack the client.
    pub(crate) fn page_counts(&self) -> &PageCounts {
        &self.page_counts
    }

    /// Locks the state, even after a panic under the lock: the state is then as consistent as the
    /// statement that panicked left it, and continuing is better than refusing every call.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Appends an event to the log and dispatches it to its subscribers.
    fn record(&mut self, socket: Option<Arc<SocketInfo>>, body: EventBody) {
        let event = self.log.append(socket, body);
        self.subscribers.dispatch(&event);
    }
}
