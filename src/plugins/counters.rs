//! Counters and latencies of the calls to one plugin.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Histogram buckets within each power of two: latencies are precise to an eighth.
const STEPS: usize = 8;

/// Powers of two covered by the histogram, in microseconds; the last one is more than an hour.
const POWERS: usize = 33;

/// Counts since the plugin's first session. Each is exact, but they are read one by one: a reader may
/// see a call without its outcome.
pub(crate) struct Counters {
    calls: AtomicU64,
    passes: AtomicU64,
    failures: AtomicU64,
    timeouts: AtomicU64,
    late_results: AtomicU64,
    /// Histogram of the latencies of answered calls.
    latencies: [AtomicU32; STEPS * POWERS],
}

/// A snapshot of [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls sent to the plugin.
    pub calls: u64,
    /// Calls answered with a skip.
    pub passes: u64,
    /// Failures that the plugin reported, and calls lost to a disconnect or overload.
    pub failures: u64,
    /// Calls whose deadline passed.
    pub timeouts: u64,
    /// Results that no call was waiting for.
    pub late_results: u64,
    /// 99th percentile of answered calls; none = no call has been answered.
    pub latency_p99: Option<Duration>,
}

/// How a call ended, as the counters distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    /// The plugin answered with content.
    Content,
    /// The plugin skipped the request.
    Skip,
    /// The plugin reported a failure, disconnected, or was overloaded.
    Failure,
    Timeout,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            calls: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            late_results: AtomicU64::new(0),
            latencies: [const { AtomicU32::new(0) }; STEPS * POWERS],
        }
    }
}

impl Counters {
    pub(super) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Reverts [`count_call`](Counters::count_call) for a call that was never sent.
    pub(super) fn uncount_call(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_outcome(&self, outcome: CallOutcome, latency: Duration) {
        match outcome {
            CallOutcome::Content => {}
            CallOutcome::Skip => _ = self.passes.fetch_add(1, Ordering::Relaxed),
            CallOutcome::Failure => _ = self.failures.fetch_add(1, Ordering::Relaxed),
            CallOutcome::Timeout => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        self.latencies[bucket(latency)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_late_result(&self) {
        self.late_results.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads all counters.
    #[must_use]
    pub(crate) fn read(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            calls: load(&self.calls),
            passes: load(&self.passes),
            failures: load(&self.failures),
            timeouts: load(&self.timeouts),
            late_results: load(&self.late_results),
            latency_p99: self.latency_p99(),
        }
    }

    fn latency_p99(&self) -> Option<Duration> {
        let counts = self
            .latencies
            .each_ref()
            .map(|count| u64::from(count.load(Ordering::Relaxed)));
        let total: u64 = counts.iter().sum();
        // Rounded up, so that a single call is its own percentile.
        let rank = (total * 99).div_ceil(100);
        let mut seen = 0;
        let at = counts.iter().position(|count| {
            seen += count;
            rank > 0 && seen >= rank
        })?;
        Some(Duration::from_micros(upper_bound(at)))
    }
}

fn bucket(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros())
        .unwrap_or(u64::MAX)
        .max(1);
    let power = micros.ilog2() as usize;
    let step = if power >= 3 {
        (micros >> (power - 3)) as usize
    } else {
        (micros << (3 - power)) as usize
    };
    (power * STEPS + step % STEPS).min(STEPS * POWERS - 1)
}

/// Returns the upper bound of a bucket in microseconds.
fn upper_bound(bucket: usize) -> u64 {
    let (power, step) = (bucket / STEPS, (bucket % STEPS) as u64);
    ((STEPS as u64 + step + 1) << power) / STEPS as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_is_precise_to_an_eighth() {
        let counters = Counters::default();
        assert_eq!(counters.read().latency_p99, None);
        for millis in 1..=100 {
            counters.count_outcome(CallOutcome::Content, Duration::from_millis(millis));
        }
        let p99 = counters.read().latency_p99.unwrap();
        assert!(
            p99 >= Duration::from_millis(99) && p99 <= Duration::from_millis(112),
            "{p99:?}"
        );
        for latency in [Duration::ZERO, Duration::MAX] {
            counters.count_outcome(CallOutcome::Skip, latency);
        }
        assert_eq!(counters.read().passes, 2);
    }
}
