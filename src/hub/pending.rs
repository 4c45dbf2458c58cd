//! Requests to backends that matter to the notifications of changes. A reload would cancel a navigation, such as
//! the one that a form began, or lose the response to a request that changes something. And a file that changes
//! meanwhile was probably written by the backend.

use super::Hub;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// How soon the browser follows a redirect, or shows the page, after a request has ended. Default 100 ms.
const FOLLOW_UP_TIME: Duration = Duration::from_millis(100);

/// How long after a request a change is noticed that the backend made during it. It is short: what a developer
/// saves meanwhile is taken for the backend's. Default 40 ms.
const NOTICE_TIME: Duration = Duration::from_millis(40);

/// Longest time that notifications and reloads wait for requests: one may never end. Default 30 s.
const MAX_REQUEST_WAIT: Duration = Duration::from_secs(30);

/// A request to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Navigation,
    /// A script's request that is neither GET nor HEAD.
    Write,
    /// A script's request for a page, such as those that wait for the effect of a change.
    Page,
}

const KINDS: usize = 3;

/// Whether the backend wrote a file that changes now, by the requests that are pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackendWrites {
    /// A navigation or a request that writes is pending, or has just ended.
    Likely,
    /// Only requests of scripts for pages are pending, or a request has ended a moment ago.
    Possible,
}

/// For each kind, the number of pending requests, and when the last one ended.
#[derive(Default)]
pub(super) struct RequestCounts([Pending; KINDS]);

struct Pending(watch::Sender<(usize, Option<Instant>)>);

impl Default for Pending {
    fn default() -> Self {
        Self(watch::Sender::new((0, None)))
    }
}

impl Pending {
    /// Whether a request is pending, or the last one ended less than `time` ago.
    fn any(&self, time: Duration) -> bool {
        let (count, last_end) = *self.0.borrow();
        count > 0 || last_end.is_some_and(|end| end.elapsed() < time)
    }

    /// Waits until no request is pending, for at most [`MAX_REQUEST_WAIT`].
    async fn ended(&self) {
        let mut pending = self.0.subscribe();
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
        if timeout(MAX_REQUEST_WAIT, ended).await.is_err() {
            tracing::warn!(target: "pagewire::hub", seconds = MAX_REQUEST_WAIT.as_secs(), "pages may reload for a change although a backend has not answered a request yet");
        }
    }
}

/// A pending request, until it is dropped.
pub(crate) struct PendingRequest(Arc<Hub>, RequestKind);

impl Drop for PendingRequest {
    fn drop(&mut self) {
        let Self(hub, kind) = self;
        hub.pending.of(*kind).0.send_modify(|(count, last_end)| {
            (*count, *last_end) = (*count - 1, Some(Instant::now()));
        });
    }
}

impl RequestCounts {
    fn of(&self, kind: RequestKind) -> &Pending {
        &self.0[kind as usize]
    }
}

impl Hub {
    /// Counts a request as pending until the guard is dropped.
    #[must_use]
    pub(crate) fn begin_request(self: &Arc<Self>, kind: RequestKind) -> PendingRequest {
        let pending = self.pending.of(kind);
        pending.0.send_modify(|(count, _)| *count += 1);
        PendingRequest(self.clone(), kind)
    }

    /// Returns whether the backend wrote a file that changes now. `None`: it handles no request.
    pub(crate) fn backend_writes(&self) -> Option<BackendWrites> {
        let any = |kind, time| self.pending.of(kind).any(time);
        let disturbing = [RequestKind::Navigation, RequestKind::Write];
        if disturbing.iter().any(|kind| any(*kind, NOTICE_TIME)) {
            return Some(BackendWrites::Likely);
        }
        let is_possible = any(RequestKind::Page, FOLLOW_UP_TIME)
            || disturbing.iter().any(|kind| any(*kind, FOLLOW_UP_TIME));
        is_possible.then_some(BackendWrites::Possible)
    }

    /// Waits until no navigation is pending.
    pub(crate) async fn navigations_ended(&self) {
        self.pending.of(RequestKind::Navigation).ended().await;
    }

    /// Waits until no request is pending that a reload would disturb.
    pub(crate) async fn page_may_reload(&self) {
        self.pending.of(RequestKind::Write).ended().await;
        self.navigations_ended().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_once_no_request_follows_or_its_time_is_over() {
        let hub = Hub::new();
        hub.page_may_reload().await;
        let start = Instant::now();
        let form = hub.begin_request(RequestKind::Navigation);
        let redirected = async {
            sleep(Duration::from_secs(1)).await;
            drop(form);
            sleep(FOLLOW_UP_TIME / 2).await;
            let page = hub.begin_request(RequestKind::Navigation);
            sleep(Duration::from_secs(1)).await;
            drop(page);
        };
        tokio::join!(hub.page_may_reload(), redirected);
        assert_eq!(
            start.elapsed().as_millis(),
            2000 + FOLLOW_UP_TIME.as_millis() * 3 / 2
        );
        assert_eq!(hub.backend_writes(), None);
        let _endless = hub.begin_request(RequestKind::Write);
        let start = Instant::now();
        hub.navigations_ended().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        hub.page_may_reload().await;
        assert_eq!(start.elapsed(), MAX_REQUEST_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_probably_writes_during_a_request_and_perhaps_shortly_after_it() {
        let hub = Hub::new();
        for (kind, expected) in [
            (RequestKind::Navigation, BackendWrites::Likely),
            (RequestKind::Write, BackendWrites::Likely),
            (RequestKind::Page, BackendWrites::Possible),
        ] {
            assert_eq!(hub.backend_writes(), None);
            let request = hub.begin_request(kind);
            assert_eq!(hub.backend_writes(), Some(expected));
            drop(request);
            assert_eq!(hub.backend_writes(), Some(expected));
            sleep(NOTICE_TIME).await;
            assert_eq!(hub.backend_writes(), Some(BackendWrites::Possible));
            sleep(FOLLOW_UP_TIME).await;
        }
    }
}
