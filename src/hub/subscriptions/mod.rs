//! Subscriptions to the event log. Each has its own bounded queue, and no loss is silent.

mod queue;
mod subscribers;
#[cfg(test)]
mod tests;

pub(super) use subscribers::Subscribers;

use super::events::EventLog;
use super::{Event, EventKind, Frame, Gap, GapReason, Hub, Position, SocketFilter, State};
use crate::message::{ReportMode, ServerMessage};
use queue::{Loss, Queue};
use std::collections::HashSet;
use std::sync::Arc;
use subscribers::Subscriber;

/// Events that may wait for a subscriber that sets no other limit. At the limit the subscriber's
/// [`OverflowPolicy`] applies. Default 1,024.
pub(crate) const DEFAULT_QUEUE_EVENTS: usize = 1024;

pub(crate) struct SubscriptionOptions {
    /// At least one.
    pub kinds: Vec<EventKind>,
    /// Selects messages of these types only; empty = all.
    pub message_types: HashSet<String>,
    /// Selects events of matching sockets only. Events without a socket always match.
    pub sockets: Option<SocketFilter>,
    /// Replays the events after this position; none = begin with the next event.
    pub resume_after: Option<Position>,
    /// Refuses a subscription that would begin with a gap.
    pub strict_resume: bool,
    /// See [`DEFAULT_QUEUE_EVENTS`].
    pub max_queue_events: usize,
    pub overflow: OverflowPolicy,
    pub replies: ReplyMode,
}

/// Requests that a subscriber offers to answer, among the messages it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    None,
    /// Requests of these types.
    Types(HashSet<String>),
    All,
}

/// What happens when a subscriber's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverflowPolicy {
    /// The queued events are delivered, then the subscription ends with the position to resume from.
    Disconnect,
    /// The oldest events are dropped, and a gap reports which.
    Gap,
}

/// Why a subscription cannot resume.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResumeError {
    /// With `strict_resume`: the log has evicted events after the position.
    #[error(
        "the events after sequence {requested} have been evicted; the oldest held is {oldest} (list the sockets and subscribe from the list's position)"
    )]
    Evicted { requested: u64, oldest: u64 },
    /// With `strict_resume`: the position belongs to an earlier run of the daemon.
    #[error(
        "the daemon has restarted: the position has epoch {requested:?}, the daemon {current:?} (list the sockets and subscribe from the list's position)"
    )]
    EpochChanged { requested: String, current: String },
    #[error("position {requested} is beyond the newest event, {newest}")]
    InTheFuture { requested: u64, newest: u64 },
}

/// What a subscriber reads.
#[derive(Debug)]
pub(crate) enum SubscriptionItem {
    Event(Arc<Event>),
    Gap(Gap),
}

/// Why a subscription ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubscriptionEnd {
    /// The subscriber read too slowly. Events up to this sequence were delivered.
    Slow(u64),
}

/// Guard of a subscription: dropping it ends the subscription and its offer to answer requests.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    subscriber: Arc<Subscriber>,
    /// Position of the newest event when the subscription began.
    pub position: Position,
    /// Whether every event after the requested position is delivered.
    pub resumed: bool,
}

impl Subscription {
    /// Waits for the next event or gap, or for the end of the subscription. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<SubscriptionItem, SubscriptionEnd> {
        self.subscriber.next(&self.hub).await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.change_subscribers(|subscribers| subscribers.remove(&self.subscriber));
        state.requests.withdraw_offers(self.subscriber.id);
    }
}

/// Where a subscription begins in the log.
struct Start {
    /// The last sequence before the subscription.
    after: u64,
    /// Loss that the subscription begins with.
    lost: Option<Loss>,
    /// The log is read after this sequence; none = the subscription begins with the next event.
    read: Option<u64>,
}

impl Start {
    fn find(
        log: &EventLog,
        epoch: &str,
        options: &SubscriptionOptions,
    ) -> Result<Self, ResumeError> {
        let newest = log.newest();
        let Some(requested) = &options.resume_after else {
            return Ok(Self {
                after: newest,
                lost: None,
                read: None,
            });
        };
        if requested.epoch != epoch {
            if options.strict_resume {
                return Err(ResumeError::EpochChanged {
                    requested: requested.epoch.clone(),
                    current: epoch.to_owned(),
                });
            }
            return Ok(Self {
                after: 0,
                lost: Some(Loss {
                    reason: GapReason::EpochChanged,
                    before: Some(newest + 1),
                }),
                read: None,
            });
        }
        let requested = requested.sequence;
        if requested > newest {
            return Err(ResumeError::InTheFuture { requested, newest });
        }
        let oldest = log.evicted() + 1;
        let is_evicted = requested < log.evicted();
        if is_evicted && options.strict_resume {
            return Err(ResumeError::Evicted { requested, oldest });
        }
        Ok(Self {
            after: requested,
            lost: is_evicted.then_some(Loss {
                reason: GapReason::Evicted,
                before: Some(oldest),
            }),
            read: Some(requested.max(log.evicted())),
        })
    }
}

impl Hub {
    /// Returns which reports pages must send: those that have a subscriber.
    pub(crate) fn report_mode(&self) -> ReportMode {
        self.lock().subscribers.report_mode()
    }

    pub(crate) fn subscribe(
        self: &Arc<Self>,
        options: SubscriptionOptions,
    ) -> Result<Subscription, ResumeError> {
        if let Some(filter) = &options.sockets {
            let infos: Vec<_> = self.lock().registry.infos().cloned().collect();
            for info in infos {
                filter.prepare(&info.url, &info.user_agent);
            }
        }
        let mut state = self.lock();
        let start = Start::find(&state.log, &self.epoch, &options)?;
        let resumed = start.read.is_some() && start.lost.is_none();
        let queue = Queue::new(
            options.max_queue_events,
            options.overflow,
            start.after,
            start.lost,
            start.read,
        );
        let id = state.subscribers.next_id();
        let subscriber = Arc::new(Subscriber::new(id, options, queue));
        state.change_subscribers(|subscribers| subscribers.add(&subscriber));
        let position = self.position_at(state.log.newest());
        drop(state);
        Ok(Subscription {
            hub: self.clone(),
            subscriber,
            position,
            resumed,
        })
    }
}

impl State {
    /// Adds or removes a subscriber, and sends pages the report mode if that changes it.
    fn change_subscribers(&mut self, change: impl FnOnce(&mut Subscribers)) {
        let before = self.subscribers.report_mode();
        change(&mut self.subscribers);
        let after = self.subscribers.report_mode();
        if before == after {
            return;
        }
        let frame = Frame::Text(ServerMessage::ReportMode(after).encode().into());
        for entry in self.registry.after(0).filter(|entry| entry.info.ready) {
            // A page whose outbox is full does not read, so it reports nothing either.
            let _ = entry.socket.outbox().push(frame.clone());
        }
    }
}
