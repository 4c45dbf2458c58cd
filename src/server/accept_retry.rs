//! Accepts that fail, and warnings that would repeat themselves.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause after an accept failed, which happens when the process is out of file descriptors. Without it
/// the loop would use up a core until one is free. Default 50 ms.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Warnings about one cause are logged at most this often: at a limit each further connection would log
/// one. Default 1 minute.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Rate limit of a warning.
#[derive(Default)]
pub(super) struct WarningLimit(Option<Instant>);

impl WarningLimit {
    /// Whether to log the warning now.
    pub(super) fn allows(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

/// Accepts the next connection. Failures are logged and followed by a pause.
pub(super) async fn accept<T>(
    mut poll_accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    warning: &mut WarningLimit,
) -> T {
    loop {
        match poll_fn(&mut poll_accept).await {
            Ok(accepted) => return accepted,
            // The client is gone already; the next one may be waiting.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if warning.allows() {
                    tracing::warn!(target: "pagewire::server", %error, "cannot accept connections; they wait until it succeeds");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
