//! Module sources that a program sends to pages as an import: served under an unguessable path for
//! as long as the import takes.

use super::Hub;
use crate::ids;
use crate::message::CODE_PATH;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the source of an import without `await_result` is served: nothing reports when the pages
/// have loaded it. Default 60 s.
const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// Bytes of all sources that are served at once. A source that would exceed it is refused. Default
/// 64 MiB.
const MAX_CODE_BYTES: usize = 64 * 1024 * 1024;

/// Estimated cost of a source besides its content: its name, its entry and the task that removes it.
const SOURCE_OVERHEAD_BYTES: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the code of all current imports together may have at most {MAX_CODE_BYTES} bytes (wait until some imports have ended)"
)]
pub(crate) struct CodeLimitExceeded;

/// Sources that are served now.
#[derive(Default)]
pub(super) struct PublishedSources {
    /// Never held across an await.
    state: Mutex<SourcesState>,
}

#[derive(Default)]
struct SourcesState {
    by_name: HashMap<String, Bytes>,
    /// What the sources count against [`MAX_CODE_BYTES`].
    bytes: usize,
}

fn size(source: &Bytes) -> usize {
    SOURCE_OVERHEAD_BYTES + source.len()
}

impl PublishedSources {
    fn lock(&self) -> MutexGuard<'_, SourcesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guard of a published source: dropping it ends the publication.
pub(crate) struct PublishedCode {
    hub: Arc<Hub>,
    name: String,
}

impl PublishedCode {
    /// Returns the URL path that the source is served at.
    pub(crate) fn path(&self) -> String {
        format!("{CODE_PATH}{}", self.name)
    }

    /// Serves the source for another [`CODE_LIFETIME`].
    pub(crate) fn outlive_the_call(self) {
        tokio::spawn(async move {
            tokio::time::sleep(CODE_LIFETIME).await;
            drop(self);
        });
    }
}

impl Drop for PublishedCode {
    fn drop(&mut self) {
        let mut sources = self.hub.sources.lock();
        if let Some(source) = sources.by_name.remove(&self.name) {
            sources.bytes -= size(&source);
        }
    }
}

impl Hub {
    /// Serves a module source to pages until the guard is dropped.
    pub(crate) fn publish_code(
        self: &Arc<Self>,
        source: String,
    ) -> Result<PublishedCode, CodeLimitExceeded> {
        let source = Bytes::from(source);
        let name = format!("{}.js", ids::random());
        let mut sources = self.sources.lock();
        if sources.bytes + size(&source) > MAX_CODE_BYTES {
            return Err(CodeLimitExceeded);
        }
        sources.bytes += size(&source);
        sources.by_name.insert(name.clone(), source);
        drop(sources);
        Ok(PublishedCode {
            hub: self.clone(),
            name,
        })
    }

    /// Returns the source that is published under this file name.
    pub(crate) fn code(&self, name: &str) -> Option<Bytes> {
        self.sources.lock().by_name.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_sources_are_bounded_too_and_free_their_space() {
        let hub = Hub::new();
        let publish = |_| hub.publish_code(String::new()).ok();
        let published: Vec<_> = (0..).map_while(publish).collect();
        assert_eq!(published.len(), MAX_CODE_BYTES / SOURCE_OVERHEAD_BYTES);
        drop(published);
        let large = "x".repeat(MAX_CODE_BYTES - SOURCE_OVERHEAD_BYTES);
        assert!(hub.publish_code(large).is_ok());
    }
}
