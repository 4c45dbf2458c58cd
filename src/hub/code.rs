//! Module sources that a program has pages import: served under a path that nobody can guess,
//! for as long as the import takes.

use super::Hub;
use crate::ids;
use crate::message::CODE_PATH;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a source whose import is not awaited is served, and how long any is at most. Default
/// 60 s.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// Bytes of all sources that are served at once. One more is refused. Default 64 MiB.
const MAX_CODE_BYTES: usize = 64 * 1024 * 1024;

/// Too much code is being imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{MAX_CODE_BYTES} bytes of code are being imported, which is the limit (wait for some imports to end)"
)]
pub(crate) struct CodeLimitExceeded;

#[derive(Default)]
pub(super) struct Code {
    /// By file name. Held for moments, never across an await.
    sources: Mutex<HashMap<String, Bytes>>,
}

impl Code {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source that is served until this is dropped.
pub(crate) struct PublishedCode {
    hub: Arc<Hub>,
    name: String,
}

impl PublishedCode {
    /// Its URL path.
    #[must_use]
    pub(crate) fn path(&self) -> String {
        format!("{CODE_PATH}{}", self.name)
    }

    /// Serves it for [`CODE_LIFETIME`] from now: nobody says when the pages have it.
    pub(crate) fn outlive_the_call(self) {
        tokio::spawn(async move {
            tokio::time::sleep(CODE_LIFETIME).await;
            drop(self);
        });
    }
}

impl Drop for PublishedCode {
    fn drop(&mut self) {
        self.hub.code.lock().remove(&self.name);
    }
}

impl Hub {
    /// Serves a module source to pages.
    pub(crate) fn publish_code(
        self: &Arc<Self>,
        source: String,
    ) -> Result<PublishedCode, CodeLimitExceeded> {
        let mut sources = self.code.lock();
        let held: usize = sources.values().map(Bytes::len).sum();
        if held + source.len() > MAX_CODE_BYTES {
            return Err(CodeLimitExceeded);
        }
        let name = format!("{}.js", ids::random());
        sources.insert(name.clone(), source.into());
        Ok(PublishedCode {
            hub: self.clone(),
            name,
        })
    }

    /// The source that is served under this file name.
    #[must_use]
    pub(crate) fn code(&self, name: &str) -> Option<Bytes> {
        self.code.lock().get(name).cloned()
    }
}
