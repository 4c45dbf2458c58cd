//! Calls to one hook of one plugin: numbered, bounded, with a deadline, answered out of order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// Calls that may wait in the daemon for a plugin that has its allowed number outstanding.
/// One more fails at once, as overload. Default 1,024.
pub(crate) const MAX_QUEUED_CALLS: usize = 1024;

/// Why a call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The deadline passed.
    TimedOut,
    /// The plugin has gone, or has withdrawn the hook, while it held the call.
    Disconnected,
    /// It had gone before it was asked.
    NotSent,
    /// [`MAX_QUEUED_CALLS`] are waiting.
    Overloaded,
}

/// Why the plugin may stop working on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelReason {
    /// Who made the request has left.
    ClientDisconnected,
    /// The deadline passed.
    Deadline,
}

/// What goes to the plugin.
#[derive(Debug)]
pub(crate) enum CallMessage<C> {
    /// Work.
    Call {
        /// Unique in the stream, increasing.
        id: u64,
        /// What to do.
        call: C,
        /// Time left; none = no deadline.
        time_remaining: Option<Duration>,
    },
    /// No longer wanted.
    Cancel {
        /// The call.
        id: u64,
        /// Why.
        reason: CancelReason,
    },
}

/// The daemon's end of a hook's stream: calls of type `C`, results of type `R`.
pub(crate) struct Calls<C, R> {
    outgoing: mpsc::Sender<CallMessage<C>>,
    slots: Semaphore,
    queued: AtomicUsize,
    last_id: AtomicU64,
    /// None once the stream has ended. Held for moments, never across an await.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<R>>>>,
    timeout: Option<Duration>,
}

impl<C, R> Calls<C, R> {
    /// `max_concurrent` calls may be outstanding, each for `timeout` from the moment it is due
    /// (none = for ever). The receiver is what the stream sends.
    #[must_use]
    pub(crate) fn new(
        max_concurrent: usize,
        timeout: Option<Duration>,
    ) -> (Self, mpsc::Receiver<CallMessage<C>>) {
        // Room for every outstanding call and its cancellation.
        let (outgoing, receiver) = mpsc::channel(2 * max_concurrent);
        let calls = Self {
            outgoing,
            slots: Semaphore::new(max_concurrent),
            queued: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
            waiting: Mutex::new(Some(HashMap::new())),
            timeout,
        };
        (calls, receiver)
    }

    /// Asks the plugin and waits. Dropping the future cancels the call.
    pub(crate) async fn call(&self, call: C) -> Result<R, CallError> {
        let due = Instant::now();
        let deadline = self.timeout.map(|timeout| due + timeout);
        let mut outstanding = Outstanding {
            calls: self,
            id: None,
            reason: CancelReason::ClientDisconnected,
        };
        let answered = self.ask(call, deadline, &mut outstanding);
        let result = match deadline {
            None => answered.await,
            Some(deadline) => {
                let Ok(result) = tokio::time::timeout_at(deadline, answered).await else {
                    outstanding.reason = CancelReason::Deadline;
                    return Err(CallError::TimedOut);
                };
                result
            }
        };
        outstanding.id = None;
        result
    }

    async fn ask(
        &self,
        call: C,
        deadline: Option<Instant>,
        outstanding: &mut Outstanding<'_, C, R>,
    ) -> Result<R, CallError> {
        let slot = {
            let queued = Queued(&self.queued);
            if queued.0.fetch_add(1, Ordering::Relaxed) >= MAX_QUEUED_CALLS {
                return Err(CallError::Overloaded);
            }
            self.slots.acquire().await.map_err(|_| CallError::NotSent)?
        };
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, result) = oneshot::channel();
        self.lock()
            .as_mut()
            .ok_or(CallError::NotSent)?
            .insert(id, sender);
        outstanding.id = Some(id);
        let time_remaining = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let message = CallMessage::Call {
            id,
            call,
            time_remaining,
        };
        self.outgoing
            .send(message)
            .await
            .map_err(|_| CallError::Disconnected)?;
        let result = result.await.map_err(|_| CallError::Disconnected);
        drop(slot);
        result
    }

    /// A result came. False, and nothing changes, when it is late, doubled or unknown.
    #[must_use]
    pub(crate) fn resolve(&self, id: u64, result: R) -> bool {
        let waiting = self.lock().as_mut().and_then(|waiting| waiting.remove(&id));
        waiting.is_some_and(|waiting| waiting.send(result).is_ok())
    }

    /// The stream has ended: whoever waits is told so.
    pub(crate) fn close(&self) {
        self.slots.close();
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<R>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call among the queued for as long as it lives.
struct Queued<'a>(&'a AtomicUsize);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Cancels a call that was sent and not answered.
struct Outstanding<'a, C, R> {
    calls: &'a Calls<C, R>,
    id: Option<u64>,
    reason: CancelReason,
}

impl<C, R> Drop for Outstanding<'_, C, R> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        if let Some(waiting) = self.calls.lock().as_mut() {
            waiting.remove(&id);
        }
        // Without room the plugin is not reading, and learns from the deadline it was given.
        let _ = self.calls.outgoing.try_send(CallMessage::Cancel {
            id,
            reason: self.reason,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_reach_their_calls_in_any_order() {
        let (calls, mut stream) = Calls::<&str, &str>::new(2, None);
        let plugin = async {
            let mut ids = HashMap::new();
            for _ in 0..2 {
                let Some(CallMessage::Call { id, call, .. }) = stream.recv().await else {
                    panic!()
                };
                ids.insert(call, id);
            }
            assert!(calls.resolve(ids["b"], "B"));
            assert!(calls.resolve(ids["a"], "A"));
            assert!(!calls.resolve(ids["a"], "doubled"));
            assert!(!calls.resolve(99, "unknown"));
        };
        let (a, b, ()) = tokio::join!(calls.call("a"), calls.call("b"), plugin);
        assert_eq!((a, b), (Ok("A"), Ok("B")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_cancels_the_call_and_includes_the_time_in_the_queue() {
        let (calls, mut stream) = Calls::<&str, &str>::new(1, Some(Duration::from_secs(5)));
        let (first, second) = tokio::join!(calls.call("a"), calls.call("b"));
        assert_eq!(
            (first, second),
            (Err(CallError::TimedOut), Err(CallError::TimedOut))
        );
        assert!(matches!(
            stream.recv().await,
            Some(CallMessage::Call { id: 1, .. })
        ));
        let cancel = stream.recv().await;
        assert!(
            matches!(
                cancel,
                Some(CallMessage::Cancel {
                    id: 1,
                    reason: CancelReason::Deadline
                })
            ),
            "{cancel:?}"
        );
    }

    #[tokio::test]
    async fn the_end_of_the_stream_ends_every_call() {
        let (calls, stream) = Calls::<&str, &str>::new(1, None);
        let end = async {
            tokio::task::yield_now().await;
            calls.close();
        };
        let (first, second, ()) = tokio::join!(calls.call("a"), calls.call("b"), end);
        assert_eq!(
            (first, second),
            (Err(CallError::Disconnected), Err(CallError::NotSent))
        );
        assert_eq!(calls.call("c").await, Err(CallError::NotSent));
        drop(stream);
    }
}
