//! Paths that may have changed, collected until they settle.

use crate::paths::UrlPath;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long a batch must stay unchanged before it is compared, so that a program that writes many files
/// causes one notification. Longer than the resolution of file timestamps. Default 15 ms.
pub(super) const SETTLE_TIME: Duration = Duration::from_millis(15);

/// Shorter settle time for a single saved file: its writer has closed it or renamed it into place, and
/// nothing else was written at the same time. A developer is waiting for it. Default 4 ms.
const SAVE_SETTLE_TIME: Duration = Duration::from_millis(4);

/// Most paths of a single save: the file, and the temporary file that was renamed to it.
const MAX_SAVE_PATHS: usize = 2;

/// Progress of the program that writes a file, as far as events show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WriteState {
    #[default]
    Unknown,
    Writing,
    /// The file was closed, or was renamed into place as a whole.
    Complete,
}

/// Set of paths that may have changed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) paths: BTreeMap<PathBuf, WriteState>,
    /// Anything may have changed.
    pub(super) all: bool,
    /// URL paths that were served for the first time.
    pub(super) served: Vec<UrlPath>,
}

impl Batch {
    /// Returns a batch that covers everything.
    pub(super) fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.all && self.served.is_empty()
    }

    pub(super) fn add(&mut self, path: PathBuf, state: WriteState) {
        let known = self.paths.entry(path).or_default();
        if state != WriteState::Unknown {
            *known = state;
        }
    }

    /// Returns how long the batch must stay unchanged before it is compared.
    pub(super) fn settle_time(&self) -> Duration {
        // A folder that is moved into place may contain many files.
        let is_saved = |(path, state): (&PathBuf, &WriteState)| {
            *state == WriteState::Complete && !path.is_dir()
        };
        let is_save = !self.all && self.paths.len() <= MAX_SAVE_PATHS;
        if is_save && self.paths.iter().all(is_saved) {
            SAVE_SETTLE_TIME
        } else {
            SETTLE_TIME
        }
    }
}
