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
    pub fn park_requests(&self, open: bool) {
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
