//! Who listens to the event log: a bounded queue each, and no silent loss.

use super::events::{Event, EventBody, EventKind, EventLog, Gap, GapReason};
use super::{Frame, Hub, Position, SocketFilter, State};
use crate::message::{ReportMode, ServerMessage};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events that may wait for a subscriber unless it asks for another number. At the bound the
/// subscriber's [`OverflowPolicy`] decides. Default 1,024.
pub(crate) const DEFAULT_QUEUE_EVENTS: usize = 1024;

/// Bytes of events that may wait for a subscriber, whatever its number. Default 8 MiB.
pub(crate) const MAX_QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// What a subscriber wants.
pub(crate) struct SubscriptionOptions {
    /// At least one.
    pub kinds: Vec<EventKind>,
    /// Only messages of these types; empty = all.
    pub message_types: Vec<String>,
    /// Of the events that are of a socket, only those of such sockets.
    pub sockets: Option<SocketFilter>,
    /// Begin behind this place; none = with what comes next.
    pub resume_after: Option<Position>,
    /// Refuse rather than begin with a gap.
    pub strict_resume: bool,
    /// See [`DEFAULT_QUEUE_EVENTS`].
    pub max_queue_events: usize,
    /// What happens when the queue is full.
    pub overflow: OverflowPolicy,
    /// Which requests among its messages it offers to answer.
    pub replies: ReplyMode,
}

/// Which of the requests that a subscriber gets it offers to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    /// None.
    None,
    /// Those of these types.
    Types(Vec<String>),
    /// All.
    All,
}

/// What happens when a subscriber's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverflowPolicy {
    /// It gets what is queued; then the subscription ends and says where to resume.
    Disconnect,
    /// The oldest go, and a gap says which.
    Gap,
}

/// Why a subscription could not begin where it was asked to.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResumeError {
    /// Strict, and the log no longer reaches back so far.
    #[error(
        "events after sequence {asked} are no longer held (the oldest held is {oldest}); list the sockets and subscribe from there"
    )]
    Evicted {
        /// The position asked for.
        asked: u64,
        /// The first sequence that is held.
        oldest: u64,
    },
    /// Strict, and the position belongs to an earlier run.
    #[error(
        "position is of epoch {asked:?}, the daemon's is {current:?}: it has restarted; list the sockets and subscribe from there"
    )]
    EpochChanged {
        /// The position's epoch.
        asked: String,
        /// The hub's.
        current: String,
    },
    /// The position has not been reached.
    #[error("position {asked} is beyond the newest event, {newest}")]
    InTheFuture {
        /// The position asked for.
        asked: u64,
        /// The newest sequence.
        newest: u64,
    },
}

/// What a subscriber gets.
#[derive(Debug)]
pub(crate) enum SubscriptionItem {
    /// An event it asked for.
    Event(Arc<Event>),
    /// A loss.
    Gap(Gap),
}

/// Why a subscription ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubscriptionEnd {
    /// It read too slowly. Everything up to this sequence was delivered.
    Slow(u64),
}

/// A listener. Dropping it ends the subscription, and with it its offer to answer requests.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    shared: Arc<Subscriber>,
    /// The place from which it is in force.
    pub position: Position,
    /// Whether everything behind the position it asked for will be delivered.
    pub resumed: bool,
}

pub(super) struct Subscriber {
    pub(super) id: u64,
    options: SubscriptionOptions,
    /// Held for moments, taken under the hub's lock by the sender.
    queue: Mutex<Queue>,
    /// Wakes the one reader.
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Events at the front that came from the log when the subscription began: they are held
    /// there anyway and do not count against the bounds.
    replayed: usize,
    /// Everything up to here was delivered, or lies before the subscription.
    delivered: u64,
    /// Set when events behind `delivered` were lost: why, and the first sequence behind the
    /// loss, or none when that is the front of the queue.
    lost: Option<(GapReason, Option<u64>)>,
    /// Set when the queue overflowed and the subscription ends behind it.
    overflowed: bool,
}

/// Who listens, by what they listen to: an event costs nothing to those who do not want it.
#[derive(Default)]
pub(super) struct Subscribers {
    /// Of all events of a kind; of messages, those who want any type.
    by_kind: HashMap<EventKind, Vec<Arc<Subscriber>>>,
    /// Of messages of a type.
    by_type: HashMap<String, Vec<Arc<Subscriber>>>,
    last_id: u64,
}

impl State {
    /// Changes who listens, and tells the pages when that changes what they are to report.
    fn change_subscribers(&mut self, change: impl FnOnce(&mut Subscribers)) {
        let before = self.subscribers.report_mode();
        change(&mut self.subscribers);
        let after = self.subscribers.report_mode();
        if before == after {
            return;
        }
        let frame = Frame::Text(ServerMessage::ReportMode(after).encode().into());
        for entry in self.registry.after(0).filter(|entry| entry.info.ready) {
            // A page that does not read will not report either.
            let _ = entry.socket.outbox().push(frame.clone());
        }
    }
}

impl Subscribers {
    fn add(&mut self, subscriber: &Arc<Subscriber>) {
        let options = &subscriber.options;
        for kind in options.kinds.iter().copied().collect::<HashSet<_>>() {
            if kind != EventKind::Message || options.message_types.is_empty() {
                let wanting = self.by_kind.entry(kind).or_default();
                wanting.push(subscriber.clone());
                continue;
            }
            for kind in options.message_types.iter().collect::<HashSet<_>>() {
                let wanting = self.by_type.entry(kind.clone()).or_default();
                wanting.push(subscriber.clone());
            }
        }
    }

    fn remove(&mut self, leaving: &Subscriber) {
        for kind in &leaving.options.kinds {
            leave(&mut self.by_kind, kind, leaving.id);
        }
        for kind in &leaving.options.message_types {
            leave(&mut self.by_type, kind, leaving.id);
        }
    }

    /// Who wants this event, each once.
    fn wanting(&self, event: &Event) -> impl Iterator<Item = &Arc<Subscriber>> {
        let of_type = match &event.body {
            EventBody::Message { kind, .. } => self.by_type.get(kind),
            _ => None,
        };
        let of_kind = self.by_kind.get(&event.body.kind());
        let of_either = of_type.into_iter().chain(of_kind).flatten();
        of_either.filter(|subscriber| subscriber.wants_socket(event))
    }

    /// What somebody wants to hear of the pages' own accord.
    pub(super) fn report_mode(&self) -> ReportMode {
        ReportMode {
            console: self.by_kind.contains_key(&EventKind::Console),
            errors: self.by_kind.contains_key(&EventKind::PageError),
        }
    }

    pub(super) fn offer(&self, event: &Arc<Event>) {
        for subscriber in self.wanting(event) {
            subscriber.push(event.clone());
        }
    }

    /// The subscribers that get this event and offer to answer requests.
    pub(super) fn answerers(&self, event: &Event) -> Vec<u64> {
        self.wanting(event)
            .filter(|subscriber| subscriber.answers(event))
            .map(|subscriber| subscriber.id)
            .collect()
    }
}

/// Takes one out of those that want this.
fn leave<K: Eq + Hash>(all: &mut HashMap<K, Vec<Arc<Subscriber>>>, wanted: &K, id: u64) {
    let Some(wanting) = all.get_mut(wanted) else {
        return;
    };
    wanting.retain(|subscriber| subscriber.id != id);
    if wanting.is_empty() {
        all.remove(wanted);
    }
}

impl Subscriber {
    /// Of an event that was logged before it came, which nobody has looked up for it.
    fn wants(&self, event: &Event) -> bool {
        let options = &self.options;
        let types = &options.message_types;
        let wanted_type = types.is_empty()
            || match &event.body {
                EventBody::Message { kind, .. } => types.contains(kind),
                EventBody::Binary(_) => false,
                _ => true,
            };
        options.kinds.contains(&event.body.kind()) && wanted_type && self.wants_socket(event)
    }

    fn wants_socket(&self, event: &Event) -> bool {
        match (&self.options.sockets, &event.socket) {
            (Some(filter), Some(socket)) => filter.matches(socket),
            _ => true,
        }
    }

    fn answers(&self, event: &Event) -> bool {
        match (&self.options.replies, &event.body) {
            (ReplyMode::All, _) => true,
            (ReplyMode::Types(types), EventBody::Message { kind, .. }) => types.contains(kind),
            _ => false,
        }
    }

    fn push(&self, event: Arc<Event>) {
        {
            let mut queue = self.lock();
            if queue.overflowed {
                return;
            }
            let size = event.size();
            while queue.is_full(&self.options, size) {
                match self.options.overflow {
                    OverflowPolicy::Disconnect => {
                        queue.overflowed = true;
                        drop(queue);
                        self.filled.notify_one();
                        return;
                    }
                    OverflowPolicy::Gap => {
                        if queue.pop().is_none() {
                            break;
                        }
                        queue.lost = Some((GapReason::SubscriberSlow, None));
                    }
                }
            }
            queue.bytes += size;
            queue.events.push_back(event);
        }
        self.filled.notify_one();
    }

    fn next(&self) -> Option<Result<SubscriptionItem, SubscriptionEnd>> {
        let mut queue = self.lock();
        let front = queue.events.front().map(|event| event.sequence);
        if let Some((reason, behind)) = queue.lost
            && let Some(before) = behind.or(front)
        {
            let gap = Gap {
                after: queue.delivered,
                before,
                reason,
            };
            queue.lost = None;
            queue.delivered = before - 1;
            return Some(Ok(SubscriptionItem::Gap(gap)));
        }
        if let Some(event) = queue.pop() {
            queue.delivered = event.sequence;
            return Some(Ok(SubscriptionItem::Event(event)));
        }
        queue
            .overflowed
            .then_some(Err(SubscriptionEnd::Slow(queue.delivered)))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_full(&self, options: &SubscriptionOptions, size: usize) -> bool {
        let waiting = self.events.len() - self.replayed;
        waiting >= options.max_queue_events || (waiting > 0 && self.bytes + size > MAX_QUEUE_BYTES)
    }

    fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        if self.replayed > 0 {
            self.replayed -= 1;
        } else {
            self.bytes -= event.size();
        }
        Some(event)
    }

    fn begin(
        log: &EventLog,
        epoch: &str,
        options: &SubscriptionOptions,
    ) -> Result<Self, ResumeError> {
        let newest = log.newest();
        let Some(after) = &options.resume_after else {
            return Ok(Self {
                delivered: newest,
                ..Self::default()
            });
        };
        if after.epoch != epoch {
            if options.strict_resume {
                return Err(ResumeError::EpochChanged {
                    asked: after.epoch.clone(),
                    current: epoch.to_owned(),
                });
            }
            let lost = Some((GapReason::EpochChanged, Some(newest + 1)));
            return Ok(Self {
                lost,
                ..Self::default()
            });
        }
        if after.sequence > newest {
            return Err(ResumeError::InTheFuture {
                asked: after.sequence,
                newest,
            });
        }
        let lost = if after.sequence < log.evicted() {
            if options.strict_resume {
                return Err(ResumeError::Evicted {
                    asked: after.sequence,
                    oldest: log.evicted() + 1,
                });
            }
            Some((GapReason::Evicted, Some(log.evicted() + 1)))
        } else {
            None
        };
        Ok(Self {
            delivered: after.sequence,
            lost,
            ..Self::default()
        })
    }
}

impl Hub {
    /// What pages are to report, because somebody listens.
    #[must_use]
    pub(crate) fn report_mode(&self) -> ReportMode {
        self.lock().subscribers.report_mode()
    }

    /// Begins to listen.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        options: SubscriptionOptions,
    ) -> Result<Subscription, ResumeError> {
        let mut state = self.lock();
        let queue = Queue::begin(&state.log, &self.epoch, &options)?;
        let replays = options
            .resume_after
            .as_ref()
            .is_some_and(|position| position.epoch == self.epoch);
        let resumed = replays && queue.lost.is_none();
        let from = queue.delivered;
        state.subscribers.last_id += 1;
        let shared = Arc::new(Subscriber {
            id: state.subscribers.last_id,
            options,
            queue: Mutex::new(queue),
            filled: Notify::new(),
        });
        if replays {
            let mut queue = shared.lock();
            queue.events = state
                .log
                .after(from)
                .filter(|event| shared.wants(event))
                .cloned()
                .collect();
            queue.replayed = queue.events.len();
        }
        state.change_subscribers(|subscribers| subscribers.add(&shared));
        let position = self.position_at(state.log.newest());
        drop(state);
        Ok(Subscription {
            hub: self.clone(),
            shared,
            position,
            resumed,
        })
    }
}

impl Subscription {
    /// The next event or gap, or how it ended. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Result<SubscriptionItem, SubscriptionEnd> {
        loop {
            let filled = self.shared.filled.notified();
            if let Some(next) = self.shared.next() {
                return next;
            }
            filled.await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.change_subscribers(|subscribers| subscribers.remove(&self.shared));
        state.withdraw_offers(self.shared.id);
    }
}
