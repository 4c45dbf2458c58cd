//! The queue of one subscriber: bounded, and every loss is reported as a gap or as the end of the
//! subscription.

use super::{Gap, GapReason, OverflowPolicy, SubscriptionEnd, SubscriptionItem};
use crate::hub::Event;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of events that may wait for one subscriber, in addition to its own limit of events. At the
/// limit the subscriber's [`OverflowPolicy`] applies; an empty queue accepts one event of any size.
/// Default 8 MiB.
const MAX_QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Bounded FIFO of events, with the loss that precedes them.
pub(super) struct Queue {
    /// Limit of events that wait besides replayed ones.
    max_events: usize,
    overflow: OverflowPolicy,
    events: VecDeque<Arc<Event>>,
    /// Bytes of the events that are not replayed.
    bytes: usize,
    /// Events at the front that were replayed from the log when the subscription began. The log holds
    /// them anyway, so they do not count against the limits.
    replayed: usize,
    /// Sequence up to which every event was delivered or precedes the subscription.
    delivered: u64,
    /// Loss of events after `delivered`, not yet reported.
    lost: Option<Loss>,
    /// The queue has overflowed, and the subscription ends after the events in it.
    overflowed: bool,
}

/// Loss of events that a gap will report.
#[derive(Clone, Copy)]
pub(super) struct Loss {
    pub(super) reason: GapReason,
    /// The first sequence after the loss; none = the front of the queue.
    pub(super) before: Option<u64>,
}

impl Queue {
    /// Creates an empty queue for the events after sequence `delivered`.
    pub(super) fn new(
        max_events: usize,
        overflow: OverflowPolicy,
        delivered: u64,
        lost: Option<Loss>,
    ) -> Self {
        Self {
            max_events,
            overflow,
            events: VecDeque::new(),
            bytes: 0,
            replayed: 0,
            delivered,
            lost,
            overflowed: false,
        }
    }

    /// Fills the empty queue with events from the log.
    pub(super) fn replay(&mut self, events: impl Iterator<Item = Arc<Event>>) {
        self.events = events.collect();
        self.replayed = self.events.len();
    }

    /// Queues an event, or applies the overflow policy. Returns whether the reader must be woken.
    pub(super) fn push(&mut self, event: Arc<Event>) -> bool {
        if self.overflowed {
            return false;
        }
        let size = event.size();
        while self.is_full(size) {
            match self.overflow {
                OverflowPolicy::Disconnect => {
                    self.overflowed = true;
                    return true;
                }
                OverflowPolicy::Gap => {
                    if self.pop().is_none() {
                        break;
                    }
                    self.lost = Some(Loss {
                        reason: GapReason::SubscriberSlow,
                        before: None,
                    });
                }
            }
        }
        self.bytes += size;
        self.events.push_back(event);
        true
    }

    /// Takes the next event or gap, or the end of the subscription. None while the queue is empty.
    pub(super) fn next(&mut self) -> Option<Result<SubscriptionItem, SubscriptionEnd>> {
        let front = self.events.front().map(|event| event.sequence);
        if let Some(loss) = self.lost
            && let Some(before) = loss.before.or(front)
        {
            let gap = Gap {
                after: self.delivered,
                before,
                reason: loss.reason,
            };
            self.lost = None;
            self.delivered = before - 1;
            return Some(Ok(SubscriptionItem::Gap(gap)));
        }
        if let Some(event) = self.pop() {
            self.delivered = event.sequence;
            return Some(Ok(SubscriptionItem::Event(event)));
        }
        self.overflowed
            .then_some(Err(SubscriptionEnd::Slow(self.delivered)))
    }

    fn is_full(&self, size: usize) -> bool {
        let waiting = self.events.len() - self.replayed;
        waiting >= self.max_events || (waiting > 0 && self.bytes + size > MAX_QUEUE_BYTES)
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
}
