//! The open hooks of one kind, in the order in which they are asked.

use super::filters::RequestFacts;
use super::hook::{Hook, HookType};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, UnitWeighter};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Requests of which it is known which hooks want them: filters, however many, are looked at once for
/// requests that look the same. Beyond, those that come least are looked at again. Default 16,384.
const KNOWN_REQUESTS: u64 = 16 * 1024;

/// A guess at how many there are, for the size of the table.
const EXPECTED_REQUESTS: usize = 512;

/// A snapshot that requests share and that is replaced whole.
pub(crate) struct HookOrder<K: HookType> {
    now: RwLock<Arc<HookSnapshot<K>>>,
    /// `now` has hooks: requests that nobody wants take no lock, which their cores would share.
    any: AtomicBool,
}

/// The open hooks at one moment, with their filters.
pub(crate) struct HookSnapshot<K: HookType> {
    hooks: Vec<Arc<Hook<K>>>,
    /// Any filter asks which file would answer.
    filters_by_file: bool,
    /// Any filter asks of which type the response is.
    filters_by_mime_type: bool,
    /// The places in `hooks` of those that want such a request. None while there are no hooks.
    wanting: Option<Wanting>,
}

type Wanting = Cache<Facts, Arc<[usize]>, UnitWeighter>;

/// [`RequestFacts`] that are kept.
#[derive(PartialEq, Eq, Hash)]
struct Facts {
    method: String,
    path: String,
    file: Option<PathBuf>,
    mime: Option<String>,
}

impl Equivalent<Facts> for RequestFacts<'_> {
    fn equivalent(&self, kept: &Facts) -> bool {
        self.path == kept.path
            && self.method == kept.method
            && self.file == kept.file.as_deref()
            && self.mime == kept.mime.as_deref()
    }
}

impl<K: HookType> Default for HookOrder<K> {
    fn default() -> Self {
        Self {
            now: RwLock::new(Arc::new(HookSnapshot::new(Vec::new()))),
            any: AtomicBool::new(false),
        }
    }
}

impl<K: HookType> HookOrder<K> {
    /// Whether nobody is asked.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// The hooks now.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Arc<HookSnapshot<K>> {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn add(&self, hook: Arc<Hook<K>>) {
        self.change(|order| order.push(hook));
    }

    /// Takes out one hook.
    pub(super) fn remove(&self, hook: &Arc<Hook<K>>) {
        self.change(|order| order.retain(|other| !Arc::ptr_eq(other, hook)));
    }

    /// Takes out what a plugin has.
    pub(super) fn remove_plugin(&self, name: &str) {
        self.change(|order| order.retain(|hook| hook.plugin() != name));
    }

    /// Whatever decides who is asked changes in here.
    pub(super) fn change(&self, change: impl FnOnce(&mut Vec<Arc<Hook<K>>>)) {
        let mut order = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let mut hooks = order.hooks.clone();
        change(&mut hooks);
        hooks.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.any.store(!hooks.is_empty(), Ordering::Release);
        *order = Arc::new(HookSnapshot::new(hooks));
    }
}

impl<K: HookType> HookSnapshot<K> {
    fn new(hooks: Vec<Arc<Hook<K>>>) -> Self {
        Self {
            filters_by_file: hooks.iter().any(|hook| hook.filters_by_file()),
            filters_by_mime_type: hooks.iter().any(|hook| hook.filters_by_mime_type()),
            wanting: (!hooks.is_empty())
                .then(|| Cache::with_weighter(EXPECTED_REQUESTS, KNOWN_REQUESTS, UnitWeighter)),
            hooks,
        }
    }

    /// All of them, in order.
    #[must_use]
    pub(crate) fn hooks(&self) -> &[Arc<Hook<K>>] {
        &self.hooks
    }

    /// Whether [`matching`](HookSnapshot::matching) has to be told the file.
    #[must_use]
    pub(crate) fn filters_by_file(&self) -> bool {
        self.filters_by_file
    }

    /// Whether [`matching`](HookSnapshot::matching) has to be told the type of the response.
    #[must_use]
    pub(crate) fn filters_by_mime_type(&self) -> bool {
        self.filters_by_mime_type
    }

    /// Whether anybody may want a request of which no more is known: neither file nor response.
    #[must_use]
    pub(crate) fn may_match(&self, request: RequestFacts<'_>) -> bool {
        self.filters_by_file || !self.matching(request).is_empty()
    }

    /// The places in [`hooks`](HookSnapshot::hooks) of those that want a request, in order.
    #[must_use]
    pub(crate) fn matching(&self, request: RequestFacts<'_>) -> Arc<[usize]> {
        let Some(known) = &self.wanting else {
            return Arc::default();
        };
        let request = RequestFacts {
            file: request.file.filter(|_| self.filters_by_file),
            mime: request.mime.filter(|_| self.filters_by_mime_type),
            ..request
        };
        if let Some(wanting) = known.get(&request) {
            return wanting;
        }
        let hooks = self.hooks.iter().enumerate();
        let wanting = hooks.filter(|(_, hook)| hook.matches(request));
        let wanting: Arc<[usize]> = wanting.map(|(place, _)| place).collect();
        let facts = Facts {
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            file: request.file.map(ToOwned::to_owned),
            mime: request.mime.map(str::to_owned),
        };
        known.insert(facts, wanting.clone());
        wanting
    }
}
