//! Requests of pages that nobody answers yet, while a plugin that must be there is still starting:
//! they are delivered once it is ready, as if the page had made them then.

use super::Hub;
use super::requests::Request;
use crate::message::Envelope;
use bytes::Bytes;
use std::collections::VecDeque;
use tokio::time::Instant;

/// Requests that may be parked, and their bytes. One more is delivered, and so refused, at once.
/// Default 1,024 and 16 MiB.
const MAX_PARKED: usize = 1024;
const MAX_PARKED_BYTES: usize = 16 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Parking {
    /// A plugin that may answer is still starting.
    open: bool,
    /// In the order of their deadlines.
    parked: VecDeque<Parked>,
    bytes: usize,
}

struct Parked {
    request: Request,
    envelope: Envelope,
    text: Bytes,
}

impl Parking {
    /// Whether a request of this size can wait here.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.open && self.parked.len() < MAX_PARKED && self.bytes + bytes <= MAX_PARKED_BYTES
    }

    pub(super) fn park(&mut self, request: Request, envelope: Envelope, text: Bytes) {
        self.bytes += text.len();
        self.parked.push_back(Parked {
            request,
            envelope,
            text,
        });
    }

    /// Ends what is due and says when to look again.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.parked.front_mut() {
            if first.request.deadline > now {
                return Some(first.request.deadline);
            }
            first.request.expire();
            self.bytes -= first.text.len();
            self.parked.pop_front();
        }
        None
    }

    /// A page has gone: nobody waits any more.
    pub(super) fn forget_socket(&mut self, socket_id: &str) {
        self.parked
            .retain(|parked| parked.request.socket.id() != socket_id);
        self.bytes = self.parked.iter().map(|parked| parked.text.len()).sum();
    }
}

impl Hub {
    /// Whether a page's request that nobody answers is to wait. When it is not any more, those that
    /// wait are delivered.
    pub(crate) fn set_request_parking(&self, open: bool) {
        let mut state = self.lock();
        let parking = &mut state.requests.parking;
        parking.open = open;
        if open {
            return;
        }
        parking.bytes = 0;
        for parked in std::mem::take(&mut parking.parked) {
            let socket_id = parked.request.socket.id().to_owned();
            self.deliver(&mut state, &socket_id, parked.envelope, parked.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::requests::REQUEST_TIMEOUT;
    use crate::hub::{Frame, OutboxItem};
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn a_parked_request_waits_no_longer_than_any_other_and_without_room_not_at_all() {
        let hub = Hub::new();
        let guard = hub.open_socket(String::new(), String::new(), None);
        hub.set_request_parking(true);
        let ask = |text: &Bytes| {
            let frame = r#"{"type":"ask","id":1,"pagewire:request":true}"#;
            let envelope = Envelope::parse(frame).unwrap();
            hub.receive_message(guard.socket().id(), envelope, text.clone());
        };
        let hear = async || {
            let outbox = guard.socket().outbox();
            let OutboxItem::Frame(Frame::Text(text), _) = poll_fn(|cx| outbox.poll_next(cx)).await
            else {
                panic!("no answer");
            };
            String::from_utf8(text.into_bytes().to_vec()).unwrap()
        };
        let began = Instant::now();
        for _ in 0..2 {
            ask(&Bytes::from(vec![b' '; MAX_PARKED_BYTES]));
        }
        let refused = hear().await;
        assert!(refused.contains("nobody answers"), "{refused}");
        assert_eq!(began.elapsed().as_secs(), 0);
        let clock = hub.clone();
        let expired = tokio::select! {
            () = clock.expire_requests() => unreachable!(),
            expired = hear() => expired,
        };
        assert!(expired.contains("no answer within 20000ms"), "{expired}");
        assert_eq!(began.elapsed(), REQUEST_TIMEOUT);
        // Its room is free again.
        ask(&Bytes::from(vec![b' '; MAX_PARKED_BYTES]));
        hub.set_request_parking(false);
        assert!(hear().await.contains("nobody answers"));
    }
}
