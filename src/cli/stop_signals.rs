//! The signals that stop the daemon, and those that must not end it.

use rustix::process::Signal as Number;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that would end the process at once, and that say nothing to the daemon: they are for programs
/// that set timers or agree on a meaning. Without a handler its children and files would stay behind.
/// SIGXFSZ reports that a file has reached the limit of the shell (`ulimit -f`): only the write fails.
const WITHOUT_EFFECT: &[Number] = &[
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::VTALARM,
    Number::PROF,
    Number::IO,
    Number::XFSZ,
    #[cfg(target_os = "linux")]
    Number::STKFLT,
];

/// Realtime signals, which have no effect either. The C library uses the first ones itself.
#[cfg(target_os = "linux")]
const REALTIME: std::ops::RangeInclusive<i32> = 34..=64;
#[cfg(not(target_os = "linux"))]
const REALTIME: std::ops::Range<i32> = 0..0;

/// Signals that ask the daemon to stop.
pub(super) struct StopSignals {
    /// SIGTERM, SIGINT (Ctrl-C), SIGQUIT (Ctrl-\) and SIGPWR (the power fails).
    requests: Vec<Signal>,
    /// SIGHUP (the terminal was closed), which the system and the shell both send, and SIGXCPU (`ulimit -t`),
    /// which the system repeats every second.
    repeated: Vec<Signal>,
    _without_effect: Vec<Signal>,
}

impl StopSignals {
    /// Handles the signals from now on. SIGHUP and SIGQUIT stay ignored if the parent process had them
    /// ignored, as `nohup` does. Plugins are started with the default actions.
    pub(super) fn register() -> io::Result<Self> {
        let ignored = ignored_signals();
        let handle = |number: Number| signal(SignalKind::from_raw(number.as_raw()));
        let unless_ignored = |number: Number| {
            let is_ignored = ignored >> (number.as_raw() - 1) & 1 == 1;
            (!is_ignored).then(|| handle(number)).transpose()
        };
        let mut requests = vec![handle(Number::TERM)?, handle(Number::INT)?];
        requests.extend(unless_ignored(Number::QUIT)?);
        #[cfg(target_os = "linux")]
        requests.push(handle(Number::POWER)?);
        let mut repeated = vec![handle(Number::XCPU)?];
        repeated.extend(unless_ignored(Number::HUP)?);
        let without_effect = WITHOUT_EFFECT.iter().map(|number| handle(*number));
        let mut without_effect = without_effect.collect::<io::Result<Vec<_>>>()?;
        // Fails for those that the C library uses.
        without_effect.extend(REALTIME.filter_map(|raw| signal(SignalKind::from_raw(raw)).ok()));
        Ok(Self {
            requests,
            repeated,
            _without_effect: without_effect,
        })
    }

    /// Waits for the first signal.
    pub(super) async fn first(&mut self) {
        any(self.requests.iter_mut().chain(&mut self.repeated)).await;
    }

    /// Waits for another signal, except those that arrive repeatedly.
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
