//! Calls and events wait until `server_start` has returned.

use super::Request;
use crate::Failure;
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// How long a call waits for `server_start`. After that it fails.
const MAX_START_WAIT: Duration = Duration::from_secs(10);
/// A waiting call fails this long before its deadline, so that its error still reaches the page.
const START_WAIT_MARGIN: Duration = Duration::from_millis(500);
/// The HTTP status of a call that has waited too long.
const STILL_STARTING_STATUS: u16 = 503;

/// Whether `server_start` has returned in this session.
#[derive(Clone)]
pub(super) struct Started(pub(super) watch::Receiver<bool>);

impl Started {
    /// Waits for `server_start`, as long as it takes.
    pub(super) async fn wait(&mut self) {
        // The session holds the sender, and ends its hooks before it drops it.
        let _ = self.0.wait_for(|started| *started).await;
    }

    /// Lets a call wait for `server_start`, but not longer than its page waits.
    pub(super) async fn wait_for_call(&mut self, request: &Request) -> Result<(), Failure> {
        let limit = max_wait(request.time_remaining());
        timeout(limit, self.wait()).await.map_err(|_| {
            let plugin = request.context().plugin_name();
            Failure::new(format!(
                "plugin \"{plugin}\" is still starting: server_start has not returned"
            ))
            .status(STILL_STARTING_STATUS)
        })
    }
}

fn max_wait(time_remaining: Option<Duration>) -> Duration {
    time_remaining.map_or(MAX_START_WAIT, |time| {
        time.saturating_sub(START_WAIT_MARGIN).min(MAX_START_WAIT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_waits_until_its_deadline_is_near_and_at_most_10_s() {
        let waits = |ms| max_wait(Some(Duration::from_millis(ms))).as_millis();
        assert_eq!([waits(250), waits(5000), waits(60_000)], [0, 4500, 10_000]);
        assert_eq!(max_wait(None), MAX_START_WAIT);
    }
}
