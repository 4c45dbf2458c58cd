//! The index of subscribers, which dispatches each event to those that select it.

use super::SubscriptionOptions;
use super::queue::Queue;
use super::{ReplyMode, SubscriptionEnd, SubscriptionItem};
use crate::hub::{Event, EventBody, EventKind};
use crate::message::ReportMode;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Subscribers by what they select, so that an event costs nothing to the others.
#[derive(Default)]
pub(in crate::hub) struct Subscribers {
    /// Subscribers to all events of a kind; for messages, those that select no types.
    by_kind: HashMap<EventKind, Vec<Arc<Subscriber>>>,
    /// Subscribers to messages of certain types.
    by_type: HashMap<String, Vec<Arc<Subscriber>>>,
    last_id: u64,
}

impl Subscribers {
    /// Returns a new id for a subscriber.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn add(&mut self, subscriber: &Arc<Subscriber>) {
        let options = &subscriber.options;
        for kind in options.kinds.iter().copied().collect::<HashSet<_>>() {
            if kind != EventKind::Message || options.message_types.is_empty() {
                let subscribers = self.by_kind.entry(kind).or_default();
                subscribers.push(subscriber.clone());
                continue;
            }
            for message_type in options.message_types.iter().collect::<HashSet<_>>() {
                let subscribers = self.by_type.entry(message_type.clone()).or_default();
                subscribers.push(subscriber.clone());
            }
        }
    }

    pub(super) fn remove(&mut self, subscriber: &Subscriber) {
        for kind in &subscriber.options.kinds {
            remove_from(&mut self.by_kind, kind, subscriber.id);
        }
        for message_type in &subscriber.options.message_types {
            remove_from(&mut self.by_type, message_type, subscriber.id);
        }
    }

    /// Returns the subscribers that select this event, each once.
    fn matching(&self, event: &Event) -> impl Iterator<Item = &Arc<Subscriber>> {
        let of_type = match &event.body {
            EventBody::Message { message_type, .. } => self.by_type.get(message_type),
            _ => None,
        };
        let of_kind = self.by_kind.get(&event.body.kind());
        let candidates = of_type.into_iter().chain(of_kind).flatten();
        candidates.filter(|subscriber| subscriber.selects_socket_of(event))
    }

    /// Returns which reports pages must send: those that have a subscriber.
    pub(in crate::hub) fn report_mode(&self) -> ReportMode {
        ReportMode {
            console: self.by_kind.contains_key(&EventKind::Console),
            errors: self.by_kind.contains_key(&EventKind::PageError),
        }
    }

    /// Queues an event for all its subscribers.
    pub(in crate::hub) fn dispatch(&self, event: &Arc<Event>) {
        for subscriber in self.matching(event) {
            subscriber.push(event.clone());
        }
    }

    /// Returns the ids of the subscribers that get this event and offer to answer requests like it.
    pub(in crate::hub) fn offers(&self, event: &Event) -> Vec<u64> {
        self.matching(event)
            .filter(|subscriber| subscriber.offers_to_answer(event))
            .map(|subscriber| subscriber.id)
            .collect()
    }
}

fn remove_from<K: Eq + Hash>(index: &mut HashMap<K, Vec<Arc<Subscriber>>>, key: &K, id: u64) {
    let Some(subscribers) = index.get_mut(key) else {
        return;
    };
    subscribers.retain(|subscriber| subscriber.id != id);
    if subscribers.is_empty() {
        index.remove(key);
    }
}

/// Subscriber with its queue, shared by the index and by its reader.
pub(super) struct Subscriber {
    pub(super) id: u64,
    options: SubscriptionOptions,
    /// Never held across an await. Writers lock it under the hub's lock.
    queue: Mutex<Queue>,
    /// Wakes the one reader.
    filled: Notify,
}

impl Subscriber {
    pub(super) fn new(id: u64, options: SubscriptionOptions, queue: Queue) -> Self {
        Self {
            id,
            options,
            queue: Mutex::new(queue),
            filled: Notify::new(),
        }
    }

    /// Queues the events among these that the subscriber selects. They come from the log, so the index
    /// has not matched them.
    pub(super) fn replay<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) {
        let selected = events.filter(|event| self.selects(event)).cloned();
        self.lock().replay(selected);
    }

    fn selects(&self, event: &Event) -> bool {
        let options = &self.options;
        let types = &options.message_types;
        let selects_type = types.is_empty()
            || match &event.body {
                EventBody::Message { message_type, .. } => types.contains(message_type),
                EventBody::Binary(_) => false,
                _ => true,
            };
        options.kinds.contains(&event.body.kind()) && selects_type && self.selects_socket_of(event)
    }

    fn selects_socket_of(&self, event: &Event) -> bool {
        match (&self.options.sockets, &event.socket) {
            (Some(filter), Some(socket)) => filter.matches(socket),
            _ => true,
        }
    }

    fn offers_to_answer(&self, event: &Event) -> bool {
        match (&self.options.replies, &event.body) {
            (ReplyMode::All, _) => true,
            (ReplyMode::Types(types), EventBody::Message { message_type, .. }) => {
                types.contains(message_type)
            }
            _ => false,
        }
    }

    fn push(&self, event: Arc<Event>) {
        let wake = self.lock().push(event);
        if wake {
            self.filled.notify_one();
        }
    }

    /// Waits for the next event or gap, or for the end of the subscription. Cancel-safe.
    pub(super) async fn next(&self) -> Result<SubscriptionItem, SubscriptionEnd> {
        loop {
            let filled = self.filled.notified();
            if let Some(next) = self.lock().next() {
                return next;
            }
            filled.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
