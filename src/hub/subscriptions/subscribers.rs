//! The index of subscribers, which dispatches each event to those that select it.

use super::SubscriptionOptions;
use super::queue::Queue;
use super::{ReplyMode, SubscriptionEnd, SubscriptionItem};
use crate::hub::{Event, EventKind, Hub, SocketFilter, SocketInfo};
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
    /// Filters by subscriber, of those that have one.
    filters: HashMap<u64, SocketFilter>,
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
        if let Some(filter) = &options.sockets {
            self.filters.insert(subscriber.id, filter.clone());
        }
        for kind in options.kinds.iter().copied().collect::<HashSet<_>>() {
            if kind != EventKind::Message || options.message_types.is_empty() {
                let subscribers = self.by_kind.entry(kind).or_default();
                subscribers.push(subscriber.clone());
                continue;
            }
            for message_type in &options.message_types {
                let subscribers = self.by_type.entry(message_type.clone()).or_default();
                subscribers.push(subscriber.clone());
            }
        }
    }

    pub(super) fn remove(&mut self, subscriber: &Subscriber) {
        self.filters.remove(&subscriber.id);
        for kind in &subscriber.options.kinds {
            remove_from(&mut self.by_kind, kind, subscriber.id);
        }
        for message_type in &subscriber.options.message_types {
            remove_from(&mut self.by_type, message_type, subscriber.id);
        }
    }

    /// Returns the filters of all subscribers.
    pub(in crate::hub) fn filters(&self) -> Vec<SocketFilter> {
        self.filters.values().cloned().collect()
    }

    /// Returns the subscribers that select an event of this page, each once. A text message has a type.
    fn matching(
        &self,
        socket: Option<&SocketInfo>,
        kind: EventKind,
        message_type: Option<&str>,
    ) -> impl Iterator<Item = &Arc<Subscriber>> {
        let of_type = message_type.and_then(|message_type| self.by_type.get(message_type));
        let of_kind = self.by_kind.get(&kind);
        let candidates = of_type.into_iter().chain(of_kind).flatten();
        candidates.filter(move |subscriber| subscriber.selects_socket(socket))
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
        let socket = event.socket.as_deref();
        let message_type = event.body.message_type();
        for subscriber in self.matching(socket, event.body.kind(), message_type) {
            subscriber.push(event.clone());
        }
    }

    /// Returns the ids of the subscribers that get this page's message and offer to answer requests like it.
    pub(in crate::hub) fn offers(&self, socket: &SocketInfo, message_type: &str) -> Vec<u64> {
        self.matching(Some(socket), EventKind::Message, Some(message_type))
            .filter(|subscriber| subscriber.offers_to_answer(message_type))
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

    /// Queues what the subscriber selects in the next batch of the log, if it has not caught up with the
    /// log. Returns whether it had not.
    fn read_log(&self, hub: &Hub) -> bool {
        if !self.lock().is_behind() {
            return false;
        }
        let batch = {
            let state = hub.lock();
            self.lock().read_batch(&state.log)
        };
        // Outside the hub's lock, since a filter may be slow. The index has not matched these events.
        let selected = batch.into_iter().filter(|event| self.selects(event));
        let selected: Vec<_> = selected.collect();
        self.lock().append(selected.into_iter());
        true
    }

    fn selects(&self, event: &Event) -> bool {
        let options = &self.options;
        let types = &options.message_types;
        let selects_type = types.is_empty()
            || match event.body.message_type() {
                Some(message_type) => types.contains(message_type),
                None => event.body.kind() != EventKind::Message,
            };
        options.kinds.contains(&event.body.kind())
            && selects_type
            && self.selects_socket(event.socket.as_deref())
    }

    fn selects_socket(&self, socket: Option<&SocketInfo>) -> bool {
        match (&self.options.sockets, socket) {
            (Some(filter), Some(socket)) => filter.matches(socket),
            _ => true,
        }
    }

    fn offers_to_answer(&self, message_type: &str) -> bool {
        match &self.options.replies {
            ReplyMode::None => false,
            ReplyMode::Types(types) => types.contains(message_type),
            ReplyMode::All => true,
        }
    }

    fn push(&self, event: Arc<Event>) {
        let wake = self.lock().push(event);
        if wake {
            self.filled.notify_one();
        }
    }

    /// Waits for the next event or gap, or for the end of the subscription. Cancel-safe.
    pub(super) async fn next(&self, hub: &Hub) -> Result<SubscriptionItem, SubscriptionEnd> {
        loop {
            let filled = self.filled.notified();
            if let Some(next) = self.lock().next() {
                return next;
            }
            if self.read_log(hub) {
                // The log may hold many batches in which nothing is selected.
                tokio::task::yield_now().await;
            } else {
                filled.await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
