//! Page requests that arrived while a plugin that may answer them is still starting. They are
//! delivered once it is ready, as if the page had sent them then.

use super::request::{Request, TIMED_OUT};
use crate::message::{Envelope, HeapSize};
use bytes::Bytes;
use std::collections::VecDeque;
use tokio::time::Instant;

/// Limits on parked requests: their number, and the memory that they take. A request that would
/// exceed a limit is not parked: it fails at once, unless a connected subscriber offers to answer it.
/// Default 1,024 and 16 MiB.
const MAX_PARKED: usize = 1024;
pub(super) const MAX_PARKED_BYTES: usize = 16 * 1024 * 1024;

/// Bounded queue of undelivered requests, in the order of their deadlines.
#[derive(Default)]
pub(super) struct ParkingQueue {
    /// A plugin that may answer is still starting.
    enabled: bool,
    parked: VecDeque<ParkedRequest>,
    bytes: usize,
}

pub(super) struct ParkedRequest {
    pub(super) request: Request,
    pub(super) envelope: Envelope,
    pub(super) text: Bytes,
}

impl ParkedRequest {
    fn size(&self) -> usize {
        size(&self.envelope, &self.text)
    }
}

/// Returns the memory of a parked request in bytes.
fn size(envelope: &Envelope, text: &Bytes) -> usize {
    // The request has a copy of the id.
    let id = 2 * envelope.id.heap_size();
    size_of::<ParkedRequest>() + envelope.kind.heap_size() + id + text.heap_size()
}

impl ParkingQueue {
    /// Returns whether a request with this frame may be parked.
    pub(super) fn accepts(&self, envelope: &Envelope, text: &Bytes) -> bool {
        self.enabled
            && self.parked.len() < MAX_PARKED
            && self.bytes + size(envelope, text) <= MAX_PARKED_BYTES
    }

    pub(super) fn push(&mut self, parked: ParkedRequest) {
        self.bytes += parked.size();
        self.parked.push_back(parked);
    }

    /// Enables or disables parking. Disabling returns the parked requests, for delivery; enabling
    /// returns none.
    pub(super) fn set_enabled(&mut self, enabled: bool) -> VecDeque<ParkedRequest> {
        self.enabled = enabled;
        if enabled {
            return VecDeque::new();
        }
        self.bytes = 0;
        std::mem::take(&mut self.parked)
    }

    /// Expires the requests that are due. Returns the next deadline.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.parked.front_mut() {
            if first.request.deadline > now {
                return Some(first.request.deadline);
            }
            first.request.send_error(TIMED_OUT);
            self.bytes -= first.size();
            self.parked.pop_front();
        }
        None
    }

    /// Drops the requests of a page that has disconnected.
    pub(super) fn remove_socket(&mut self, socket_id: &str) {
        self.parked
            .retain(|parked| parked.request.socket.id() != socket_id);
        self.bytes = self.parked.iter().map(ParkedRequest::size).sum();
    }
}
