//! Record of the URL paths that a plugin answers, for the pages that are refreshed when it was restarted because
//! its files changed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// URL paths that are recorded for one plugin. Beyond it the record stands for any path: once the plugin was
/// restarted, pages are notified that anything may have changed, as always when there are this many paths.
/// Default 1,024.
const MAX_ANSWERED_PATHS: usize = 1024;

/// URL paths that a plugin answers.
#[derive(Default)]
pub(super) struct Answered(Mutex<AnsweredPaths>);

/// A set of decoded URL paths.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AnsweredPaths {
    These(BTreeSet<String>),
    /// Too many to list.
    Any,
}

impl Default for AnsweredPaths {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl AnsweredPaths {
    fn add(&mut self, path: &str) {
        let Self::These(paths) = self else { return };
        if paths.contains(path) {
            return;
        }
        if paths.len() >= MAX_ANSWERED_PATHS {
            *self = Self::Any;
        } else {
            paths.insert(path.to_owned());
        }
    }

    /// Adds the paths of another set.
    pub(super) fn extend(&mut self, other: Self) {
        match other {
            Self::These(paths) => paths.iter().for_each(|path| self.add(path)),
            Self::Any => *self = Self::Any,
        }
    }
}

impl Answered {
    pub(super) fn add(&self, path: &str) {
        self.lock().add(path);
    }

    /// Returns the paths since the last call.
    pub(super) fn take(&self) -> AnsweredPaths {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, AnsweredPaths> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answered_paths_beyond_the_bound_are_any_path() {
        let answered = Answered::default();
        for _ in 0..2 {
            for number in 0..MAX_ANSWERED_PATHS {
                answered.add(&format!("/{number}"));
            }
        }
        let mut paths = answered.take();
        assert!(matches!(&paths, AnsweredPaths::These(paths) if paths.len() == MAX_ANSWERED_PATHS));
        assert_eq!(answered.take(), AnsweredPaths::default());
        answered.add("/one-more");
        paths.extend(answered.take());
        assert_eq!(paths, AnsweredPaths::Any);
    }
}
