//! The queue of one subscriber: bounded, and every loss is reported as a gap or as the end of the
//! subscription.

use super::{Gap, GapReason, OverflowPolicy, SubscriptionEnd, SubscriptionItem};
use crate::hub::Event;
use crate::hub::events::EventLog;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of events that may wait for one subscriber, in addition to its own limit of events. At the
/// limit the subscriber's [`OverflowPolicy`] applies; an empty queue accepts one event of any size.
/// Default 8 MiB.
const MAX_QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Events that are read from the log at once for a subscriber that resumes, by number and by bytes. The log
/// holds the others until the subscriber has read these. Default 256 and 1 MiB.
const MAX_BATCH_EVENTS: usize = 256;
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Bounded FIFO of events, with the loss that precedes them.
pub(super) struct Queue {
    max_events: usize,
    overflow: OverflowPolicy,
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Sequence up to which the log has been read, until the subscriber has caught up with it. Until then
    /// events are not pushed, because the log holds them.
    read: Option<u64>,
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
    /// Creates an empty queue for the events after sequence `delivered`, of which the log holds those after
    /// `read`.
    pub(super) fn new(
        max_events: usize,
        overflow: OverflowPolicy,
        delivered: u64,
        lost: Option<Loss>,
        read: Option<u64>,
    ) -> Self {
        Self {
            max_events,
            overflow,
            events: VecDeque::new(),
            bytes: 0,
            read,
            delivered,
            lost,
            overflowed: false,
        }
    }

    /// Returns whether the subscriber has to catch up with the log.
    pub(super) fn is_behind(&self) -> bool {
        self.read.is_some()
    }

    /// Reads the next batch from the log while the queue is empty. Once there is none, the subscriber has
    /// caught up. To be called under the hub's lock, so that no event is appended in between.
    pub(super) fn read_batch(&mut self, log: &EventLog) -> Vec<Arc<Event>> {
        let Some(mut read) = self.read else {
            return Vec::new();
        };
        // Events that were read and are not in the queue were delivered, or are not selected.
        self.delivered = read;
        if read < log.evicted() {
            if self.overflow == OverflowPolicy::Disconnect {
                self.overflowed = true;
                self.read = None;
                return Vec::new();
            }
            read = log.evicted();
            self.lost = Some(Loss {
                reason: GapReason::SubscriberSlow,
                before: Some(read + 1),
            });
        }
        let mut bytes = 0;
        let fits = |event: &&Arc<Event>| {
            let fits = bytes < MAX_BATCH_BYTES;
            bytes += event.size();
            fits
        };
        let unread = log.after(read).take(MAX_BATCH_EVENTS);
        let batch: Vec<_> = unread.take_while(fits).cloned().collect();
        self.read = batch.last().map(|event| event.sequence);
        batch
    }

    /// Queues events of a batch.
    pub(super) fn append(&mut self, events: impl Iterator<Item = Arc<Event>>) {
        for event in events {
            self.bytes += event.size();
            self.events.push_back(event);
        }
    }

    /// Queues an event, or applies the overflow policy. Returns whether the reader must be woken.
    pub(super) fn push(&mut self, event: Arc<Event>) -> bool {
        if self.overflowed || self.is_behind() {
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
        let waiting = self.events.len();
        waiting >= self.max_events || (waiting > 0 && self.bytes + size > MAX_QUEUE_BYTES)
    }

    fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        Some(event)
    }
}
