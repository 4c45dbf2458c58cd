//! Requests of pages: a page asks with `sendMessageWaitForResponse`, a subscriber answers. A
//! request that awaits an answer gets exactly one answer or one error (promise P6).

use super::events::{Event, EventBody};
use super::outbox::PushError;
use super::parked::Parking;
use super::{Hub, Socket, State};
use crate::message::{Envelope, ServerMessage};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a page's request may wait for its answer. Then it gets an error. The ancestor's
/// 20 s.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests that are remembered, answered or not. Beyond it the oldest is expired early.
/// Default 65,536.
const MAX_REQUESTS: usize = 65_536;

/// An answer to a page.
pub(crate) enum Reply<'a> {
    /// It worked: checked JSON text.
    Response(&'a str),
    /// It did not: why.
    Error(&'a str),
}

/// Why a request cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplyError {
    /// There was never such a request, or its page has gone.
    #[error("no such request: its page has gone, or it never was")]
    NotFound,
    /// Somebody was faster.
    #[error("the request has been answered")]
    AlreadyAnswered,
    /// It waited longer than [`REQUEST_TIMEOUT`].
    #[error("the request has expired (it waited for 20 s)")]
    Expired,
}

#[derive(Default)]
pub(super) struct Requests {
    /// By the sequence of their event, which is also the order of their deadlines.
    all: BTreeMap<u64, Request>,
    /// Tells the clock that there is a deadline again.
    first_came: Arc<Notify>,
    pub(super) parking: Parking,
}

pub(super) struct Request {
    pub(super) socket: Arc<Socket>,
    /// As the page wrote it: JSON.
    id: Box<RawValue>,
    /// The page awaits an answer. An unmarked frame with an id can be answered too, but is
    /// never answered for the plugins.
    awaited: bool,
    /// Subscribers that offer to answer and have not left.
    offers: Vec<u64>,
    pub(super) deadline: Instant,
    state: RequestState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestState {
    Open,
    Answered,
    Expired,
}

impl Request {
    fn new(socket: Arc<Socket>, id: Box<RawValue>, awaited: bool, offers: Vec<u64>) -> Self {
        Self {
            socket,
            id,
            awaited,
            offers,
            deadline: Instant::now() + REQUEST_TIMEOUT,
            state: RequestState::Open,
        }
    }

    fn send(&self, answer: &Reply<'_>) -> Result<(), PushError> {
        let response = match answer {
            Reply::Response(json) => {
                Some(serde_json::from_str::<&RawValue>(json).expect("the caller checked the JSON"))
            }
            Reply::Error(_) => None,
        };
        let error = match answer {
            Reply::Response(_) => None,
            Reply::Error(text) => Some(*text),
        };
        self.socket.send_text(
            ServerMessage::Response {
                id: &self.id,
                response,
                error,
            }
            .encode(),
        )
    }

    /// It waited too long.
    pub(super) fn expire(&mut self) {
        self.end("no answer within 20000ms");
    }

    /// Ends an open request for the plugins, and says so to a page that waits.
    fn end(&mut self, error: &str) {
        if self.state != RequestState::Open {
            return;
        }
        self.state = RequestState::Expired;
        if self.awaited {
            // A full outbox means that the page does not read; its own 20 s end the wait.
            let _ = self.send(&Reply::Error(error));
        }
    }
}

impl Requests {
    /// Ends what is due and says when to look again. An ended request is remembered for as
    /// long as it could wait, so that a late answer is told why it is refused.
    fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.all.first_entry() {
            if first.get().deadline + REQUEST_TIMEOUT > now {
                break;
            }
            first.remove();
        }
        let due = |request: &Request| request.deadline <= now;
        for request in self.all.values_mut().take_while(|request| due(request)) {
            request.expire();
        }
        let parked = self.parking.expire(now);
        let next = self
            .all
            .values()
            .find(|request| !due(request))
            .map(|request| request.deadline);
        let next = next.or_else(|| Some(self.all.values().next()?.deadline + REQUEST_TIMEOUT));
        next.into_iter().chain(parked).min()
    }

    /// A page has gone: nobody waits any more.
    pub(super) fn forget_socket(&mut self, socket_id: &str) {
        self.all
            .retain(|_, request| request.socket.id() != socket_id);
        self.parking.forget_socket(socket_id);
    }
}

impl State {
    /// A subscriber has left: requests that only it offered to answer get their error.
    pub(super) fn withdraw_offers(&mut self, subscriber_id: u64) {
        for request in self.requests.all.values_mut() {
            let before = request.offers.len();
            request.offers.retain(|offer| *offer != subscriber_id);
            if before > 0 && request.offers.is_empty() {
                request.end("the plugin that would have answered has gone");
            }
        }
    }

    fn admit_request(
        &mut self,
        socket: Arc<Socket>,
        id: Box<RawValue>,
        awaited: bool,
        event: &Event,
    ) {
        let offers = self.subscribers.answerers(event);
        let unanswerable = awaited && offers.is_empty();
        let mut request = Request::new(socket, id, awaited, offers);
        if unanswerable {
            request.end("nobody answers messages of this type (no subscriber offers to)");
        }
        if self.requests.all.len() >= MAX_REQUESTS
            && let Some((_, mut oldest)) = self.requests.all.pop_first()
        {
            oldest.end("too many requests are waiting for an answer");
        }
        let was_empty = self.requests.all.is_empty();
        self.requests.all.insert(event.sequence, request);
        if was_empty {
            self.requests.first_came.notify_one();
        }
    }
}

impl Hub {
    /// A page sent a message.
    pub(crate) fn receive_message(&self, socket_id: &str, envelope: Envelope, text: Bytes) {
        self.deliver(&mut self.lock(), socket_id, envelope, text);
    }

    pub(super) fn deliver(
        &self,
        state: &mut State,
        socket_id: &str,
        envelope: Envelope,
        text: Bytes,
    ) {
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
            kind: envelope.kind.clone(),
            request_id,
        };
        let (body, id) = match id {
            Some(id) if envelope.is_request && state.requests.parking.has_room(text.len()) => {
                let event = Event {
                    sequence: 0,
                    time: SystemTime::now(),
                    socket: Some(info.clone()),
                    body,
                };
                if state.subscribers.answerers(&event).is_empty() {
                    let request = Request::new(socket, id, true, Vec::new());
                    state.requests.parking.park(request, envelope, text);
                    state.requests.first_came.notify_one();
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
        // After the request is known: a subscriber may answer at once.
        state.subscribers.offer(&event);
    }

    /// Answers a page's request. The first answer wins. Gives the socket that was meant, and
    /// whether its outbox took the answer; one that did not leaves the request open.
    pub(crate) fn reply(
        &self,
        request_id: &str,
        answer: &Reply<'_>,
    ) -> Result<(Arc<Socket>, Result<(), PushError>), ReplyError> {
        let sequence = request_id
            .split_once('.')
            .filter(|(epoch, _)| *epoch == self.epoch)
            .and_then(|(_, sequence)| sequence.parse().ok())
            .ok_or(ReplyError::NotFound)?;
        let mut state = self.lock();
        let request = state
            .requests
            .all
            .get_mut(&sequence)
            .ok_or(ReplyError::NotFound)?;
        match request.state {
            RequestState::Answered => return Err(ReplyError::AlreadyAnswered),
            RequestState::Expired => return Err(ReplyError::Expired),
            RequestState::Open => {}
        }
        let sent = request.send(answer);
        if sent.is_ok() {
            request.state = RequestState::Answered;
        }
        Ok((request.socket.clone(), sent))
    }

    /// Gives requests that waited too long their error, for as long as it is polled.
    pub(crate) async fn expire_requests(&self) {
        let first_came = self.lock().requests.first_came.clone();
        loop {
            let next = self.lock().requests.expire(Instant::now());
            match next {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => first_came.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{
        EventKind, Frame, OutboxItem, OverflowPolicy, ReplyMode, SubscriptionOptions,
    };
    use std::future::poll_fn;

    fn offer() -> SubscriptionOptions {
        SubscriptionOptions {
            kinds: vec![EventKind::Message],
            message_types: Vec::new(),
            sockets: None,
            resume_after: None,
            strict_resume: false,
            max_queue_events: 16,
            overflow: OverflowPolicy::Disconnect,
            replies: ReplyMode::All,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_20_s_and_a_late_answer_is_told_so_for_as_long_again() {
        let hub = Hub::new();
        let guard = hub.open_socket(String::new(), String::new(), None);
        let _subscription = hub.subscribe(offer()).unwrap();
        let frame = r#"{"type":"ask","id":1,"pagewire:request":true}"#;
        let began = Instant::now();
        let ask = async {
            hub.receive_message(
                guard.socket().id(),
                Envelope::parse(frame).unwrap(),
                frame.into(),
            );
            let outbox = guard.socket().outbox();
            let OutboxItem::Frame(Frame::Text(text), _) = poll_fn(|cx| outbox.poll_next(cx)).await
            else {
                panic!("no answer");
            };
            String::from_utf8(text.into_bytes().to_vec()).unwrap()
        };
        let clock = hub.clone();
        let answer = tokio::select! {
            () = clock.expire_requests() => unreachable!(),
            answer = ask => answer,
        };
        assert!(
            answer.contains(r#""id":1,"error":"no answer within 20000ms""#),
            "{answer}"
        );
        assert_eq!(began.elapsed(), REQUEST_TIMEOUT);
        let request_id = format!("{}.2", hub.epoch());
        let late = || hub.reply(&request_id, &Reply::Response("1")).map(|_| ());
        assert_eq!(late(), Err(ReplyError::Expired));
        tokio::select! {
            () = clock.expire_requests() => unreachable!(),
            () = tokio::time::sleep(REQUEST_TIMEOUT * 2) => {}
        }
        assert_eq!(late(), Err(ReplyError::NotFound));
    }
}
