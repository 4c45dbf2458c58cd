//! Calls to one hook of one plugin: numbered, bounded, with a deadline, and answered in any order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// Calls that may queue in the daemon while the plugin has its maximum number outstanding. Further
/// calls fail at once with [`CallError::Overloaded`]. Default 1,024.
pub(crate) const MAX_QUEUED_CALLS: usize = 1024;

/// Why a call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    TimedOut,
    /// The plugin got the call, and disconnected before it answered.
    Disconnected,
    /// The hook was closed, or lost all its filters, before the transport had taken the call.
    NotSent,
    /// [`MAX_QUEUED_CALLS`] calls are queued.
    Overloaded,
}

/// Why the plugin may stop working on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelReason {
    /// The client dropped the request.
    ClientDisconnected,
    /// The deadline passed.
    Deadline,
}

/// A message to the plugin.
#[derive(Debug)]
pub(crate) enum CallMessage<C> {
    Call {
        /// Unique in the stream and increasing.
        id: u64,
        call: C,
        /// Time left; none = no deadline.
        time_remaining: Option<Duration>,
    },
    Cancel {
        id: u64,
        reason: CancelReason,
    },
}

/// The daemon's end of a hook's stream: sends calls of type `C` and matches results of type `R` to
/// them.
pub(crate) struct Calls<C, R> {
    outgoing: mpsc::Sender<CallMessage<C>>,
    slots: Semaphore,
    queued: AtomicUsize,
    last_id: AtomicU64,
    /// None once the stream has ended. Never held across an await.
    outstanding: Mutex<Option<OutstandingCalls<R>>>,
    timeout: Option<Duration>,
}

struct OutstandingCalls<R> {
    by_id: HashMap<u64, Outstanding<R>>,
    /// Whether the hook has no filters, so that further calls are not sent.
    is_paused: bool,
}

/// A call that has no result yet.
struct Outstanding<R> {
    result: oneshot::Sender<Result<R, CallError>>,
    /// Whether the transport has taken the call from the queue of messages.
    is_taken: bool,
}

impl<C, R> Calls<C, R> {
    /// Allows `max_concurrent` outstanding calls. Each may take `timeout`, time in the queue included
    /// (none = unlimited). The receiver yields the messages to send to the plugin.
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
            outstanding: Mutex::new(Some(OutstandingCalls {
                by_id: HashMap::new(),
                is_paused: false,
            })),
            timeout,
        };
        (calls, receiver)
    }

    /// Calls the plugin and waits for the result. Dropping the future cancels the call.
    pub(crate) async fn call(&self, call: C) -> Result<R, CallError> {
        let due = Instant::now();
        let deadline = self.timeout.map(|timeout| due + timeout);
        let mut cancel = CancelOnDrop {
            calls: self,
            id: None,
            reason: CancelReason::ClientDisconnected,
        };
        let answered = self.send_and_wait(call, deadline, &mut cancel);
        let result = match deadline {
            None => answered.await,
            Some(deadline) => {
                let Ok(result) = tokio::time::timeout_at(deadline, answered).await else {
                    cancel.reason = CancelReason::Deadline;
                    return Err(CallError::TimedOut);
                };
                result
            }
        };
        cancel.id = None;
        result
    }

    async fn send_and_wait(
        &self,
        call: C,
        deadline: Option<Instant>,
        cancel: &mut CancelOnDrop<'_, C, R>,
    ) -> Result<R, CallError> {
        let slot = {
            let queued = QueueGuard(&self.queued);
            if queued.0.fetch_add(1, Ordering::Relaxed) >= MAX_QUEUED_CALLS {
                return Err(CallError::Overloaded);
            }
            self.slots.acquire().await.map_err(|_| CallError::NotSent)?
        };
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, result) = oneshot::channel();
        let call_state = Outstanding {
            result: sender,
            is_taken: false,
        };
        match self.lock().as_mut() {
            Some(open) if !open.is_paused => open.by_id.insert(id, call_state),
            _ => return Err(CallError::NotSent),
        };
        cancel.id = Some(id);
        let time_remaining = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let message = CallMessage::Call {
            id,
            call,
            time_remaining,
        };
        self.outgoing
            .send(message)
            .await
            .map_err(|_| CallError::NotSent)?;
        let result = result.await;
        drop(slot);
        result.unwrap_or(Err(CallError::Disconnected))
    }

    /// Hands a result to the call it answers. Returns false for late, repeated and unknown ids, which
    /// are ignored.
    #[must_use]
    pub(crate) fn resolve(&self, id: u64, result: R) -> bool {
        let call = self.remove(id);
        call.is_some_and(|call| call.result.send(Ok(result)).is_ok())
    }

    /// Records that the transport has taken a call from the queue of messages. Returns false for a call
    /// that nobody waits for any more, which need not be sent.
    #[must_use]
    pub(crate) fn mark_taken(&self, id: u64) -> bool {
        let mut outstanding = self.lock();
        let call = outstanding
            .as_mut()
            .and_then(|open| open.by_id.get_mut(&id));
        call.map(|call| call.is_taken = true).is_some()
    }

    /// Stops or continues sending calls. Once it has stopped, the transport takes no call, and those that it
    /// had not taken count as not sent.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        let mut outstanding = self.lock();
        let Some(open) = outstanding.as_mut() else {
            return;
        };
        open.is_paused = is_paused;
        if is_paused {
            for (_, call) in open.by_id.extract_if(|_, call| !call.is_taken) {
                // The caller may have stopped waiting.
                let _ = call.result.send(Err(CallError::NotSent));
            }
        }
    }

    /// Fails all outstanding and queued calls, because the stream has ended. Only calls that the transport
    /// has taken may have reached the plugin; the others count as not sent.
    pub(crate) fn close(&self) {
        self.slots.close();
        let outstanding = self.lock().take();
        for call in outstanding
            .into_iter()
            .flat_map(|open| open.by_id.into_values())
        {
            let error = if call.is_taken {
                CallError::Disconnected
            } else {
                CallError::NotSent
            };
            // The caller may have stopped waiting.
            let _ = call.result.send(Err(error));
        }
    }

    fn remove(&self, id: u64) -> Option<Outstanding<R>> {
        self.lock().as_mut()?.by_id.remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, Option<OutstandingCalls<R>>> {
        self.outstanding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call as queued until it is dropped.
struct QueueGuard<'a>(&'a AtomicUsize);

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Guard that cancels the call with this id, unless the id was cleared because the call ended.
struct CancelOnDrop<'a, C, R> {
    calls: &'a Calls<C, R>,
    id: Option<u64>,
    reason: CancelReason,
}

impl<C, R> Drop for CancelOnDrop<'_, C, R> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let is_taken = self.calls.remove(id).is_some_and(|call| call.is_taken);
        if !is_taken {
            // The call is not sent, so there is nothing to cancel.
            return;
        }
        // A full channel means that the plugin is not reading; it will notice the deadline that came
        // with the call.
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
    async fn results_are_matched_to_calls_in_any_order() {
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
            assert!(!calls.resolve(ids["a"], "repeated"));
            assert!(!calls.resolve(99, "unknown"));
        };
        let (a, b, ()) = tokio::join!(calls.call("a"), calls.call("b"), plugin);
        assert_eq!((a, b), (Ok("A"), Ok("B")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_cancels_the_call_and_includes_time_in_the_queue() {
        let (calls, mut stream) = Calls::<&str, &str>::new(1, Some(Duration::from_secs(5)));
        let take = async {
            let Some(CallMessage::Call { id, .. }) = stream.recv().await else {
                panic!()
            };
            assert!(calls.mark_taken(id));
        };
        let (first, second, ()) = tokio::join!(calls.call("a"), calls.call("b"), take);
        assert_eq!(
            (first, second),
            (Err(CallError::TimedOut), Err(CallError::TimedOut))
        );
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
    async fn closing_the_stream_fails_every_call_and_only_a_taken_one_was_sent() {
        let (calls, mut stream) = Calls::<&str, &str>::new(2, None);
        let end = async {
            let Some(CallMessage::Call { id, .. }) = stream.recv().await else {
                panic!()
            };
            assert!(calls.mark_taken(id));
            tokio::task::yield_now().await;
            calls.close();
        };
        let (first, second, third, ()) =
            tokio::join!(calls.call("a"), calls.call("b"), calls.call("c"), end);
        assert_eq!(first, Err(CallError::Disconnected));
        let not_sent = Err(CallError::NotSent);
        assert_eq!((second, third), (not_sent, not_sent));
        assert_eq!(calls.call("later").await, not_sent);
    }

    #[tokio::test]
    async fn a_call_that_was_cancelled_before_the_transport_took_it_is_not_sent() {
        let (calls, mut stream) = Calls::<&str, &str>::new(1, None);
        tokio::select! {
            biased;
            _ = calls.call("a") => panic!(),
            () = std::future::ready(()) => {}
        }
        let Some(CallMessage::Call { id, .. }) = stream.recv().await else {
            panic!()
        };
        assert!(!calls.mark_taken(id));
        assert!(stream.try_recv().is_err(), "there is nothing to cancel");
    }

    #[tokio::test]
    async fn no_call_is_sent_while_the_hook_is_paused_but_a_taken_one_is_answered() {
        let (calls, mut stream) = Calls::<&str, &str>::new(3, None);
        let pause = async {
            let Some(CallMessage::Call { id: taken, .. }) = stream.recv().await else {
                panic!()
            };
            assert!(calls.mark_taken(taken));
            calls.set_paused(true);
            let Some(CallMessage::Call { id: queued, .. }) = stream.recv().await else {
                panic!()
            };
            assert!(!calls.mark_taken(queued));
            assert_eq!(calls.call("later").await, Err(CallError::NotSent));
            assert!(calls.resolve(taken, "A"));
        };
        let (taken, queued, ()) = tokio::join!(calls.call("a"), calls.call("b"), pause);
        assert_eq!((taken, queued), (Ok("A"), Err(CallError::NotSent)));

        calls.set_paused(false);
        let answer = async {
            let Some(CallMessage::Call { id, .. }) = stream.recv().await else {
                panic!()
            };
            assert!(calls.mark_taken(id) && calls.resolve(id, "C"));
        };
        assert_eq!(tokio::join!(calls.call("c"), answer).0, Ok("C"));
    }
}
