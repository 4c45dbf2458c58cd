//! Recent responses that failures of plugins replaced, so that a page error can name its cause.

use super::Hub;
use crate::message::{FailedResource, HeapSize};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Failed responses that are remembered. Beyond it the oldest are forgotten: page errors do not name them as the
/// cause, and pages do not show them. Default 256.
const MAX_FAILURES: usize = 256;

/// Memory of the failed responses that are remembered, like [`MAX_FAILURES`]. Default 4 MiB.
const MAX_FAILURES_BYTES: usize = 4 * 1024 * 1024;

/// Recent failures, oldest first; at most one for each URL.
#[derive(Default)]
pub(super) struct RecentFailures {
    /// Whether there are any: without, a good response costs only this.
    any: AtomicBool,
    /// Never held across an await, nor together with the hub's own lock.
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    recent: VecDeque<Arc<FailedResource>>,
    bytes: usize,
}

fn size(failure: &FailedResource) -> usize {
    size_of::<FailedResource>() + failure.heap_size()
}

impl Failures {
    fn remove(&mut self, url: &str) -> Option<Arc<FailedResource>> {
        let index = self.recent.iter().position(|failure| failure.url == url)?;
        let failure = self.recent.remove(index)?;
        self.bytes -= size(&failure);
        Some(failure)
    }

    fn add(&mut self, mut failure: FailedResource) {
        // The page that requested it as code may not have asked for the cause yet.
        failure.is_code |= self
            .remove(&failure.url)
            .is_some_and(|former| former.is_code);
        self.bytes += size(&failure);
        self.recent.push_back(failure.into());
        while (self.recent.len() > MAX_FAILURES || self.bytes > MAX_FAILURES_BYTES)
            && let Some(oldest) = self.recent.pop_front()
        {
            self.bytes -= size(&oldest);
        }
    }
}

impl RecentFailures {
    fn change(&self, change: impl FnOnce(&mut Failures)) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut failures);
        self.any
            .store(!failures.recent.is_empty(), Ordering::Relaxed);
    }

    fn find(&self, url: &str) -> Option<Arc<FailedResource>> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recent = failures.recent.iter();
        recent.find(|failure| failure.url == url).cloned()
    }
}

impl Hub {
    /// Records that a plugin's failure is the response to the request for its URL.
    pub(crate) fn add_failure(&self, failure: FailedResource) {
        self.failures.change(|failures| failures.add(failure));
    }

    /// Records that a URL, given by path and query, has another response than a plugin's failure.
    pub(crate) fn remove_failure(&self, url: &str) {
        if self.failures.any.load(Ordering::Relaxed) {
            self.failures.change(|failures| {
                failures.remove(url);
            });
        }
    }

    /// Returns the failure that was the last response to a URL, given by path and query.
    pub(crate) fn failure(&self, url: &str) -> Option<Arc<FailedResource>> {
        self.failures.find(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;

    fn failure(url: &str, message: &str) -> FailedResource {
        FailedResource {
            url: url.to_owned(),
            message: message.to_owned(),
            ..FailedResource::default()
        }
    }

    #[test]
    fn the_newest_failure_of_a_url_counts_until_it_has_another_response() {
        let hub = Hub::new();
        let message = |url| hub.failure(url).map(|failure| failure.message.clone());
        hub.remove_failure("/a.js");
        hub.add_failure(failure("/a.js", "first"));
        hub.add_failure(failure("/a.js?v=1", "other"));
        hub.add_failure(failure("/a.js", "second"));
        assert_eq!(message("/a.js").as_deref(), Some("second"));
        hub.remove_failure("/a.js");
        assert_eq!(message("/a.js"), None);
        assert_eq!(message("/a.js?v=1").as_deref(), Some("other"));
        hub.remove_failure("/a.js?v=1");
        assert!(!hub.failures.any.load(Ordering::Relaxed));
    }

    #[test]
    fn remembered_failures_are_bounded_by_number_and_memory_and_the_newest_stay() {
        let hub = Hub::new();
        for number in 0..=MAX_FAILURES {
            hub.add_failure(failure(&format!("/{number}"), ""));
        }
        assert!(hub.failure("/0").is_none());
        assert!(hub.failure("/1").is_some());
        let long = "x".repeat(64 * 1024);
        let taken = measure(|| {
            for number in 0..MAX_FAILURES {
                hub.add_failure(failure(&format!("/long{number}"), &long));
            }
        });
        let limit = i64::try_from(MAX_FAILURES_BYTES).expect("a small number");
        assert!(taken.bytes_current <= limit, "{taken:?}");
        assert!(hub.failure("/long0").is_none());
        let newest = format!("/long{}", MAX_FAILURES - 1);
        assert!(hub.failure(&newest).is_some());
    }
}
