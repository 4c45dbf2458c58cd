//! Bounded cache of the results of costly searches, by the hash of the text.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_128;

/// Memory of a verdict with its place in the map, rounded up, in bytes.
const VERDICT_BYTES: usize = 64;

/// Whether texts match, for those that are slow to search.
#[derive(Debug)]
pub(super) struct Verdicts {
    /// Past this number all are removed, and searched again.
    max: usize,
    /// Whether there are any. Read without the lock: most lists of expressions have none.
    has_any: AtomicBool,
    by_text: Mutex<HashMap<u128, bool>>,
}

impl Verdicts {
    /// Creates a cache for expressions of this size, of which it takes a quarter.
    pub(super) fn new(size: usize) -> Self {
        Self {
            max: size / (4 * VERDICT_BYTES),
            has_any: AtomicBool::new(false),
            by_text: Mutex::default(),
        }
    }

    pub(super) fn get(&self, text: &str) -> Option<bool> {
        if !self.has_any.load(Ordering::Relaxed) {
            return None;
        }
        self.lock().get(&xxh3_128(text.as_bytes())).copied()
    }

    pub(super) fn insert(&self, text: &str, verdict: bool) {
        let hash = xxh3_128(text.as_bytes());
        let mut by_text = self.lock();
        if by_text.len() >= self.max {
            by_text.clear();
        }
        by_text.insert(hash, verdict);
        self.has_any.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u128, bool>> {
        self.by_text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
