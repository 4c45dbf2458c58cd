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

use super::{Event, EventBody, Hub, PushError, Socket, State};
use crate::message::Envelope;
use bytes::Bytes;
use parking::{ParkedRequest, ParkingQueue};
use request::{REQUEST_TIMEOUT, Request, RequestState};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Delivered requests that are tracked, whether open or ended. At the limit the oldest is expired
/// early. Default 65,536.
const MAX_REQUESTS: usize = 65_536;

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
    delivered: BTreeMap<u64, Request>,
    parking: ParkingQueue,
    /// Wakes [`Hub::expire_requests`] when there is a deadline to wait for.
    deadline_added: Arc<Notify>,
}

impl Requests {
    /// Tracks a delivered request. At the limit the oldest is expired.
    fn insert(&mut self, sequence: u64, request: Request) {
        if self.delivered.len() >= MAX_REQUESTS
            && let Some((_, mut oldest)) = self.delivered.pop_first()
        {
            oldest.fail("too many requests are waiting for a reply");
        }
        let was_empty = self.delivered.is_empty();
        self.delivered.insert(sequence, request);
        if was_empty {
            self.deadline_added.notify_one();
        }
    }

    fn park(&mut self, parked: ParkedRequest) {
        self.parking.push(parked);
        self.deadline_added.notify_one();
    }

    /// Expires the requests that are due. Returns when to call this again.
    ///
    /// An ended request is tracked for another [`REQUEST_TIMEOUT`] after its deadline, so that a late
    /// reply is refused with the precise reason.
    fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.delivered.first_entry() {
            if first.get().deadline + REQUEST_TIMEOUT > now {
                break;
            }
            first.remove();
        }
        let is_due = |request: &Request| request.deadline <= now;
        for request in self
            .delivered
            .values_mut()
            .take_while(|request| is_due(request))
        {
            request.expire();
        }
        let parked = self.parking.expire(now);
        let next = self
            .delivered
            .values()
            .find(|request| !is_due(request))
            .map(|request| request.deadline);
        let next =
            next.or_else(|| Some(self.delivered.values().next()?.deadline + REQUEST_TIMEOUT));
        next.into_iter().chain(parked).min()
    }

    /// Drops the requests of a page that has disconnected.
    pub(super) fn remove_socket(&mut self, socket_id: &str) {
        self.delivered
            .retain(|_, request| request.socket.id() != socket_id);
        self.parking.remove_socket(socket_id);
    }

    /// Withdraws the offers of a subscriber that has disconnected. A request that only it offered to
    /// answer fails.
    pub(super) fn withdraw_offers(&mut self, subscriber_id: u64) {
        for request in self.delivered.values_mut() {
            let before = request.offers.len();
            request.offers.retain(|offer| *offer != subscriber_id);
            if before > 0 && request.offers.is_empty() {
                request.fail("the plugin that offered to answer has disconnected");
            }
        }
    }
}

impl State {
    fn admit_request(
        &mut self,
        socket: Arc<Socket>,
        id: Box<RawValue>,
        awaited: bool,
        event: &Event,
    ) {
        let offers = self.subscribers.offers(event);
        let unanswerable = awaited && offers.is_empty();
        let mut request = Request::new(socket, id, awaited, offers);
        if unanswerable {
            request.fail("no plugin answers messages of this type (none subscribes to it with answers_requests or answer_types)");
        }
        self.requests.insert(event.sequence, request);
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
        let id = envelope.id.clone();
        let id = id.and_then(|id| RawValue::from_string(id).ok());
        let request_id = id
            .as_ref()
            .map(|_| format!("{}.{}", self.epoch, state.log.newest() + 1));
        let body = EventBody::Message {
            text: text.clone(),
            message_type: envelope.kind.clone(),
            request_id,
        };
        let (body, id) = match id {
            Some(id) if envelope.is_request && state.requests.parking.accepts(text.len()) => {
                let event = Event {
                    sequence: 0,
                    time: SystemTime::now(),
                    socket: Some(info.clone()),
                    body,
                };
                if state.subscribers.offers(&event).is_empty() {
                    state.requests.park(ParkedRequest {
                        request: Request::new(socket, id, true, Vec::new()),
                        envelope,
                        text,
                    });
                    return;
                }
                (event.body, Some(id))
            }
            id => (body, id),
        };
        let event = state.log.append(Some(info), body);
        if let Some(id) = id {
            state.admit_request(socket, id, envelope.is_request, &event);
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
        let mut state = self.lock();
        let request = state
            .requests
            .delivered
            .get_mut(&sequence)
            .ok_or(ReplyError::NotFound)?;
        match request.state {
            RequestState::Answered => return Err(ReplyError::AlreadyAnswered),
            RequestState::Expired => return Err(ReplyError::Expired),
            RequestState::Open => {}
        }
        let sent = request.send(reply);
        if sent.is_ok() {
            request.state = RequestState::Answered;
        }
        Ok((request.socket.clone(), sent))
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
