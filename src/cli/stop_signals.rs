//! The signals that stop the daemon.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT (Ctrl-C), SIGQUIT (Ctrl-\) and SIGHUP (the terminal was closed).
pub(super) struct StopSignals {
    requests: Vec<Signal>,
    hangup: Option<Signal>,
    /// SIGXFSZ: a file has reached the limit of the shell (`ulimit -f`). Only the write fails.
    _file_limit: Signal,
}

impl StopSignals {
    /// Handles the signals from now on. SIGHUP and SIGQUIT stay ignored if the parent process had them
    /// ignored, as `nohup` does.
    pub(super) fn register() -> io::Result<Self> {
        let ignored = ignored_signals();
        let unless_ignored = |kind: SignalKind| {
            let is_ignored = ignored >> (kind.as_raw_value() - 1) & 1 == 1;
            (!is_ignored).then(|| signal(kind)).transpose()
        };
        let mut requests = vec![
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ];
        requests.extend(unless_ignored(SignalKind::quit())?);
        let hangup = unless_ignored(SignalKind::hangup())?;
        Ok(Self {
            requests,
            hangup,
            _file_limit: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the first signal.
    pub(super) async fn first(&mut self) {
        any(self.requests.iter_mut().chain(&mut self.hangup)).await;
    }

    /// Waits for another signal. SIGHUP does not count: when a terminal is closed, the system sends one and
    /// the shell another.
    pub(super) async fn next(&mut self) {
        any(self.requests.iter_mut()).await;
    }
}

async fn any<'a>(signals: impl Iterator<Item = &'a mut Signal>) {
    let mut signals: Vec<_> = signals.collect();
    poll_fn(|cx| {
        let mut polled = signals.iter_mut().map(|signal| signal.poll_recv(cx));
        if polled.any(|polled| polled.is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Returns the signals that are ignored, as a bit mask from signal 1 on. Without `/proc` they are not
/// known, and all count as ignored: they keep the effect that they have without a handler.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(u64::MAX)
}
