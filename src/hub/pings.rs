//! Numbered pings to one page. A pong proves that the page's transport received every frame queued
//! before the ping.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Ping numbers of one socket, and the callers that wait for their pongs.
#[derive(Default)]
pub(super) struct Pings {
    /// Number of the last ping.
    last: AtomicU64,
    /// Number of the last ping whose pong has arrived.
    answered: AtomicU64,
    /// By ping number. Never held across an await.
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<()>>>,
}

/// Handle to wait until all frames queued before a ping have arrived.
pub(crate) struct Confirmation(oneshot::Receiver<()>);

impl Confirmation {
    /// Waits for the pong. Returns false when the connection ended first.
    pub(crate) async fn arrived(self) -> bool {
        self.0.await.is_ok()
    }
}

impl Pings {
    /// Returns the number of the next ping.
    pub(super) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns the number of the next ping, and a confirmation, which completes when its pong
    /// arrives.
    pub(super) fn expect(&self) -> (u64, Confirmation) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        let number = self.next();
        waiting.insert(number, sender);
        (number, Confirmation(receiver))
    }

    /// Confirms this ping and all before it: a page may answer only the most recent ping (RFC 6455,
    /// section 5.5.3). Returns false, and changes nothing, if the pong answers no open ping: it was
    /// answered already, or it was never sent.
    pub(super) fn confirm(&self, number: u64) -> bool {
        let is_sent = number <= self.last.load(Ordering::Relaxed);
        if !is_sent || number <= self.answered.fetch_max(number, Ordering::Relaxed) {
            return false;
        }
        let mut waiting = self.lock();
        let later = waiting.split_off(&(number + 1));
        let confirmed = std::mem::replace(&mut *waiting, later);
        drop(waiting);
        for (_, sender) in confirmed {
            // The caller may have stopped waiting.
            let _ = sender.send(());
        }
        true
    }

    /// Ends all waits when the connection has ended: dropping a sender wakes its receiver.
    pub(super) fn abandon(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_counts_once_and_only_for_a_ping_that_was_sent() {
        let pings = Pings::default();
        assert_eq!((pings.next(), pings.next(), pings.next()), (1, 2, 3));
        for (number, counts) in [
            (0, false),
            (2, true),
            (2, false),
            (1, false),
            (4, false),
            (u64::MAX, false),
            (3, true),
        ] {
            assert_eq!(pings.confirm(number), counts, "a pong for ping {number}");
        }
    }
}
