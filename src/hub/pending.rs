//! Requests to backends that a reload would disturb: navigations, and requests that change something. A page that
//! is reloaded meanwhile would cancel the navigation that a form began, or lose the answer.

use super::Hub;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// How soon the browser follows a redirect, or shows the answer, after a request has ended. Default 100 ms.
const FOLLOW_UP_TIME: Duration = Duration::from_millis(100);

/// Longest time that notifications of changes wait for requests: one may never end. Default 10 s.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Number of pending requests, and when the last one ended.
pub(super) struct PendingRequests(watch::Sender<(usize, Option<Instant>)>);

impl Default for PendingRequests {
    fn default() -> Self {
        Self(watch::Sender::new((0, None)))
    }
}

/// A pending request, until it is dropped.
pub(crate) struct PendingRequest(Arc<Hub>);

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.0.pending.0.send_modify(|(count, last_end)| {
            (*count, *last_end) = (*count - 1, Some(Instant::now()))
        });
    }
}

impl Hub {
    /// Counts a request as pending until the guard is dropped.
    #[must_use]
    pub(crate) fn begin_request(self: &Arc<Self>) -> PendingRequest {
        self.pending.0.send_modify(|(count, _)| *count += 1);
        PendingRequest(self.clone())
    }

    /// Whether a request is pending, or may be followed by another one.
    pub(crate) fn has_pending_requests(&self) -> bool {
        let (count, last_end) = *self.pending.0.borrow();
        count > 0 || last_end.is_some_and(|end| end.elapsed() < FOLLOW_UP_TIME)
    }

    /// Waits until no request is pending, for at most [`MAX_WAIT`].
    pub(crate) async fn pending_requests_ended(&self) {
        let mut pending = self.pending.0.subscribe();
        let ended = async {
            // These fail only if the sender is gone, which the hub owns.
            while let Ok((_, last_end)) = pending
                .wait_for(|(count, _)| *count == 0)
                .await
                .map(|last| *last)
            {
                let Some(end) = last_end else { return };
                let next = pending.wait_for(|(count, _)| *count > 0);
                if timeout_at(end + FOLLOW_UP_TIME, next).await.is_err() {
                    return;
                }
            }
        };
        if timeout(MAX_WAIT, ended).await.is_err() {
            tracing::warn!(target: "pagewire::hub", seconds = MAX_WAIT.as_secs(), "pages are notified of a change although a backend has not answered a request yet");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_once_no_request_follows_or_its_time_is_over() {
        let hub = Hub::new();
        hub.pending_requests_ended().await;
        let start = Instant::now();
        let form = hub.begin_request();
        let redirected = async {
            sleep(Duration::from_secs(1)).await;
            drop(form);
            sleep(FOLLOW_UP_TIME / 2).await;
            let page = hub.begin_request();
            sleep(Duration::from_secs(1)).await;
            drop(page);
        };
        tokio::join!(hub.pending_requests_ended(), redirected);
        assert_eq!(
            start.elapsed().as_millis(),
            2000 + FOLLOW_UP_TIME.as_millis() * 3 / 2
        );
        assert!(!hub.has_pending_requests());
        let _endless = hub.begin_request();
        let start = Instant::now();
        hub.pending_requests_ended().await;
        assert_eq!(start.elapsed(), MAX_WAIT);
    }
}
