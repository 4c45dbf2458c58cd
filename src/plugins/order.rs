//! The open hooks of one type in call order, and which of them match a request.

use super::filters::RequestFacts;
use super::hook::{Hook, HookType};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, UnitWeighter};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Entries in the filter-match cache, which makes the cost of a request independent of the number of
/// filters. Beyond it the least used entries are evicted. Default 16,384.
const MATCH_CACHE_ENTRIES: u64 = 16 * 1024;

/// Initial capacity of the filter-match cache.
const EXPECTED_ENTRIES: usize = 512;

/// The call order: a snapshot that requests share, replaced as a whole on each change.
pub(crate) struct HookOrder<H: HookType> {
    snapshot: RwLock<Arc<HookSnapshot<H>>>,
    /// Whether the snapshot has hooks. Read without the lock, so that requests contend for nothing
    /// while no hook is open.
    has_hooks: AtomicBool,
}

/// The open hooks at one moment, with a cache of the hooks that match a request.
pub(crate) struct HookSnapshot<H: HookType> {
    hooks: Vec<Arc<Hook<H>>>,
    filters_by_file: bool,
    filters_by_mime_type: bool,
    /// Maps a request to the indices of the matching hooks; `None` if there are no hooks.
    matches: Option<MatchCache>,
}

type MatchCache = Cache<OwnedFacts, Arc<[usize]>, UnitWeighter>;

/// Owned form of [`RequestFacts`], the key of the filter-match cache.
#[derive(PartialEq, Eq, Hash)]
struct OwnedFacts {
    method: String,
    path: String,
    file: Option<PathBuf>,
    mime: Option<String>,
}

impl Equivalent<OwnedFacts> for RequestFacts<'_> {
    fn equivalent(&self, owned: &OwnedFacts) -> bool {
        self.path == owned.path
            && self.method == owned.method
            && self.file == owned.file.as_deref()
            && self.mime == owned.mime.as_deref()
    }
}

impl<H: HookType> Default for HookOrder<H> {
    fn default() -> Self {
        Self {
            snapshot: RwLock::new(Arc::new(HookSnapshot::new(Vec::new()))),
            has_hooks: AtomicBool::new(false),
        }
    }
}

impl<H: HookType> HookOrder<H> {
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_hooks.load(Ordering::Acquire)
    }

    #[must_use]
    pub(crate) fn snapshot(&self) -> Arc<HookSnapshot<H>> {
        self.snapshot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn add(&self, hook: Arc<Hook<H>>) {
        self.change(|hooks| hooks.push(hook));
    }

    pub(super) fn remove(&self, hook: &Arc<Hook<H>>) {
        self.change(|hooks| hooks.retain(|other| !Arc::ptr_eq(other, hook)));
    }

    pub(super) fn remove_plugin(&self, name: &str) {
        self.change(|hooks| hooks.retain(|hook| hook.plugin() != name));
    }

    /// Replaces the snapshot. Every change to the hooks or their filters must happen inside `change`,
    /// because the new snapshot starts with an empty filter-match cache.
    pub(super) fn change(&self, change: impl FnOnce(&mut Vec<Arc<Hook<H>>>)) {
        let mut snapshot = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let mut hooks = snapshot.hooks.clone();
        change(&mut hooks);
        hooks.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.has_hooks.store(!hooks.is_empty(), Ordering::Release);
        *snapshot = Arc::new(HookSnapshot::new(hooks));
    }
}

impl<H: HookType> HookSnapshot<H> {
    fn new(hooks: Vec<Arc<Hook<H>>>) -> Self {
        Self {
            filters_by_file: hooks.iter().any(|hook| hook.filters_by_file()),
            filters_by_mime_type: hooks.iter().any(|hook| hook.filters_by_mime_type()),
            matches: (!hooks.is_empty())
                .then(|| Cache::with_weighter(EXPECTED_ENTRIES, MATCH_CACHE_ENTRIES, UnitWeighter)),
            hooks,
        }
    }

    /// All hooks in call order.
    #[must_use]
    pub(crate) fn hooks(&self) -> &[Arc<Hook<H>>] {
        &self.hooks
    }

    /// Whether [`matching`](HookSnapshot::matching) needs the file that would be served.
    #[must_use]
    pub(crate) fn filters_by_file(&self) -> bool {
        self.filters_by_file
    }

    /// Whether [`matching`](HookSnapshot::matching) needs the MIME type of the response.
    #[must_use]
    pub(crate) fn filters_by_mime_type(&self) -> bool {
        self.filters_by_mime_type
    }

    /// Whether any hook may match the request once its file and response are known.
    #[must_use]
    pub(crate) fn may_match(&self, request: RequestFacts<'_>) -> bool {
        self.filters_by_file || !self.matching(request).is_empty()
    }

    /// Returns the indices of the matching hooks in [`hooks`](HookSnapshot::hooks), in call order.
    #[must_use]
    pub(crate) fn matching(&self, request: RequestFacts<'_>) -> Arc<[usize]> {
        let Some(matches) = &self.matches else {
            return Arc::default();
        };
        // Facts that no filter looks at would only multiply the entries.
        let request = RequestFacts {
            file: request.file.filter(|_| self.filters_by_file),
            mime: request.mime.filter(|_| self.filters_by_mime_type),
            ..request
        };
        if let Some(indices) = matches.get(&request) {
            return indices;
        }
        let hooks = self.hooks.iter().enumerate();
        let matching = hooks.filter(|(_, hook)| hook.matches(request));
        let indices: Arc<[usize]> = matching.map(|(index, _)| index).collect();
        let facts = OwnedFacts {
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            file: request.file.map(ToOwned::to_owned),
            mime: request.mime.map(str::to_owned),
        };
        matches.insert(facts, indices.clone());
        indices
    }
}
