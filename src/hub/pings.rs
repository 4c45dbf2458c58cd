//! Numbered pings to one page: a pong proves that the page's transport has every frame before it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

#[derive(Default)]
pub(super) struct Pings {
    last: AtomicU64,
    /// Held for moments, never across an await.
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<()>>>,
}

/// A frame on its way, whose arrival will be confirmed.
pub(crate) struct Confirmation(oneshot::Receiver<()>);

impl Confirmation {
    /// Waits for the pong: true, or false when the connection ended before it.
    pub(crate) async fn arrived(self) -> bool {
        self.0.await.is_ok()
    }
}

impl Pings {
    /// The number of the next ping.
    pub(super) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The next ping, and what waits for its pong.
    pub(super) fn expect(&self) -> (u64, Confirmation) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        let number = self.next();
        waiting.insert(number, sender);
        (number, Confirmation(receiver))
    }

    /// A pong came. Pongs may be left out by the page: one confirms all pings before it (RFC 6455,
    /// section 5.5.3).
    pub(super) fn confirm(&self, number: u64) {
        let mut waiting = self.lock();
        let later = waiting.split_off(&number.saturating_add(1));
        let confirmed = std::mem::replace(&mut *waiting, later);
        drop(waiting);
        for (_, sender) in confirmed {
            // The caller may have stopped waiting.
            let _ = sender.send(());
        }
    }

    /// The connection has ended: who waits is told by the dropped sender.
    pub(super) fn abandon(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
