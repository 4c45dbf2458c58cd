//! Messages from pages, and replies to those that are requests. A page sends a request with
//! `sendMessageWaitForResponse`, and a subscriber replies.
//!
//! A request that awaits a reply gets exactly one reply or one error. While a required plugin is
//! starting, a request that no subscriber offers to answer is parked instead of refused.

mod parking;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use request::Reply;

use super::{EventBody, Hub, PushError, Socket, State};
use crate::message::Envelope;
use bytes::Bytes;
use parking::{ParkedRequest, ParkingQueue};
use request::{REQUEST_TIMEOUT, Request, TIMED_OUT};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Delivered requests of all pages that are open. At the limit the oldest fails early. Default 65,536.
const MAX_REQUESTS: usize = 65_536;

/// Delivered requests of one page that are open. At the limit the page's oldest fails early, so that a page
/// cannot use up the limit of all pages. Default 4,096.
const MAX_PAGE_REQUESTS: usize = 4096;

/// Ended requests of which it is known how they ended. A late reply to an older one is refused as if there
/// had been no request. Default 65,536.
const MAX_ENDED_REQUESTS: usize = 65_536;

/// Error of a request that nothing can answer.
const NO_OFFERS: &str = "no plugin answers requests of this type (a plugin declares a handler for requests, not only for messages)";

/// Why a request cannot be replied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplyError {
    #[error("no such request, or its page has disconnected")]
    NotFound,
    #[error("the request has already been answered")]
    AlreadyAnswered,
    /// See [`REQUEST_TIMEOUT`].
    #[error("the request has expired (a reply must come within 20 s)")]
    Expired,
}

/// Delivered and parked requests of all pages.
#[derive(Default)]
pub(super) struct Requests {
    /// Delivered requests by the sequence of their event, which is also the order of their deadlines.
    open: BTreeMap<u64, Request>,
    /// Sequences of each page's open requests in ascending order, by socket id.
    by_page: HashMap<String, VecDeque<u64>>,
    /// How delivered requests ended, by sequence.
    ended: BTreeMap<u64, Ended>,
    parking: ParkingQueue,
    /// Wakes [`Hub::expire_requests`] when there is a deadline to wait for.
    deadline_added: Arc<Notify>,
}

/// Record of an ended request, so that a late reply is refused with the precise reason.
struct Ended {
    error: ReplyError,
    remove_at: Instant,
}

impl Requests {
    /// Tracks a delivered request. At a limit the oldest fails.
    fn insert(&mut self, sequence: u64, request: Request) {
        let is_first = self.open.is_empty() && self.ended.is_empty();
        if self.open.len() >= MAX_REQUESTS
            && let Some(oldest) = self.open.keys().next().copied()
        {
            self.fail(oldest, "too many requests are waiting for a reply");
        }
        let socket_id = request.socket.id();
        if !self.by_page.contains_key(socket_id) {
            self.by_page.insert(socket_id.to_owned(), VecDeque::new());
        }
        let of_page = self.by_page.get_mut(socket_id).expect("just inserted");
        of_page.push_back(sequence);
        let excess = of_page.len() > MAX_PAGE_REQUESTS;
        let oldest = of_page.front().copied().filter(|_| excess);
        self.open.insert(sequence, request);
        if let Some(oldest) = oldest {
            self.fail(
                oldest,
                "too many requests of this page are waiting for a reply",
            );
        }
        if is_first {
            self.deadline_added.notify_one();
        }
    }

    /// Returns an open request, or why it cannot be replied to.
    fn open(&self, sequence: u64) -> Result<&Request, ReplyError> {
        let ended = self.ended.get(&sequence);
        let error = ended.map_or(ReplyError::NotFound, |ended| ended.error);
        self.open.get(&sequence).ok_or(error)
    }

    /// Ends an open request, and records how.
    fn end(&mut self, sequence: u64, error: ReplyError) -> Option<Request> {
        let request = self.open.remove(&sequence)?;
        if let Some(of_page) = self.by_page.get_mut(request.socket.id())
            && let Ok(index) = of_page.binary_search(&sequence)
        {
            of_page.remove(index);
        }
        if self.ended.len() >= MAX_ENDED_REQUESTS {
            self.ended.pop_first();
        }
        let remove_at = request.deadline + REQUEST_TIMEOUT;
        self.ended.insert(sequence, Ended { error, remove_at });
        Some(request)
    }

    /// Ends an open request with an error for its page. Later replies are refused.
    fn fail(&mut self, sequence: u64, error: &str) {
        if let Some(request) = self.end(sequence, ReplyError::Expired) {
            request.send_error(error);
        }
    }

    fn park(&mut self, parked: ParkedRequest) {
        self.parking.push(parked);
        self.deadline_added.notify_one();
    }

    /// Expires the requests that are due. Returns when to call this again, which is no later than the
    /// deadline of any request that is added until then.
    fn expire(&mut self, now: Instant) -> Option<Instant> {
        let next_open = loop {
            match self.open.first_key_value() {
                Some((sequence, request)) if request.deadline <= now => {
                    let sequence = *sequence;
                    self.fail(sequence, TIMED_OUT);
                }
                first => break first.map(|(_, request)| request.deadline),
            }
        };
        while let Some(first) = self.ended.first_entry()
            && first.get().remove_at <= now
        {
            first.remove();
        }
        let next_ended = self.ended.values().next();
        let next_ended = next_ended.map(|ended| ended.remove_at.min(now + REQUEST_TIMEOUT));
        let next_parked = self.parking.expire(now);
        [next_open, next_ended, next_parked]
            .into_iter()
            .flatten()
            .min()
    }

    /// Drops the requests of a page that has disconnected.
    pub(super) fn remove_socket(&mut self, socket_id: &str) {
        for sequence in self.by_page.remove(socket_id).into_iter().flatten() {
            self.open.remove(&sequence);
        }
        self.parking.remove_socket(socket_id);
    }

    /// Withdraws the offers of a subscriber that has disconnected. A request that only it offered to
    /// answer fails.
    pub(super) fn withdraw_offers(&mut self, subscriber_id: u64) {
        let mut unanswerable = Vec::new();
        for (sequence, request) in &mut self.open {
            let before = request.offers.len();
            request.offers.retain(|offer| *offer != subscriber_id);
            if before > 0 && request.offers.is_empty() {
                unanswerable.push(*sequence);
            }
        }
        for sequence in unanswerable {
            self.fail(
                sequence,
                "the plugin that offered to answer has disconnected",
            );
        }
    }
}

impl Hub {
    /// Handles a page's message: records it, and tracks it if it can be replied to.
    pub(crate) fn receive_message(&self, socket_id: &str, envelope: Envelope, text: Bytes) {
        self.deliver(&mut self.lock(), socket_id, envelope, text);
    }

    fn deliver(&self, state: &mut State, socket_id: &str, envelope: Envelope, text: Bytes) {
        let Some(entry) = state.registry.get(socket_id) else {
            return;
        };
        let (socket, info) = (entry.socket.clone(), entry.info.clone());
        let mut offers = Vec::new();
        let mut unanswerable = false;
        if let Some(id) = &envelope.id {
            offers = state.subscribers.offers(&info, &envelope.kind);
            unanswerable = envelope.is_request && offers.is_empty();
            if unanswerable && state.requests.parking.accepts(&envelope, &text) {
                state.requests.park(ParkedRequest {
                    request: Request::new(socket, id.clone(), true, offers),
                    envelope,
                    text,
                });
                return;
            }
        }
        let sequence = state.log.newest() + 1;
        let request_id = envelope.id.as_ref();
        let body = EventBody::Message {
            text,
            message_type: envelope.kind,
            request_id: request_id.map(|_| format!("{}.{sequence}", self.epoch)),
        };
        let event = state.log.append(Some(info), body);
        if let Some(id) = envelope.id {
            let request = Request::new(socket, id, envelope.is_request, offers);
            state.requests.insert(sequence, request);
            if unanswerable {
                state.requests.fail(sequence, NO_OFFERS);
            }
        }
        // Dispatched after the request is tracked: a subscriber may reply at once.
        state.subscribers.dispatch(&event);
    }

    /// Replies to a page's request; the first reply wins. Returns the page's socket, and whether its
    /// outbox accepted the reply. If it did not, the request stays open.
    pub(crate) fn reply(
        &self,
        request_id: &str,
        reply: &Reply<'_>,
    ) -> Result<(Arc<Socket>, Result<(), PushError>), ReplyError> {
        let sequence = request_id
            .split_once('.')
            .filter(|(epoch, _)| *epoch == self.epoch)
            .and_then(|(_, sequence)| sequence.parse().ok())
            .ok_or(ReplyError::NotFound)?;
        // A reply may be large, so it is encoded between the two times that the lock is taken.
        let id = self.lock().requests.open(sequence)?.id.clone();
        let frame = reply.encode(&id);
        let mut state = self.lock();
        let socket = state.requests.open(sequence)?.socket.clone();
        let sent = socket.send_text(frame);
        if sent.is_ok() {
            state.requests.end(sequence, ReplyError::AlreadyAnswered);
        }
        Ok((socket, sent))
    }

    /// Enables or disables the parking of requests that no subscriber offers to answer. Disabling it
    /// delivers the parked requests.
    pub(crate) fn set_request_parking(&self, enabled: bool) {
        let mut state = self.lock();
        for parked in state.requests.parking.set_enabled(enabled) {
            let socket_id = parked.request.socket.id().to_owned();
            self.deliver(&mut state, &socket_id, parked.envelope, parked.text);
        }
    }

    /// Expires requests at their deadlines, for as long as it is polled.
    pub(crate) async fn expire_requests(&self) {
        let deadline_added = self.lock().requests.deadline_added.clone();
        loop {
            let next = self.lock().requests.expire(Instant::now());
            match next {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => deadline_added.notified().await,
            }
        }
    }
}
