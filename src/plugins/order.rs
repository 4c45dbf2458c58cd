//! The open hooks of one kind, in the order in which they are asked.

use super::filters::RequestFacts;
use super::hook::{Hook, Kind};
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
pub(crate) struct Order<K: Kind> {
    now: RwLock<Arc<Snapshot<K>>>,
    /// `now` has hooks: requests that nobody wants take no lock, which their cores would share.
    any: AtomicBool,
}

/// The open hooks at one moment, with their filters.
pub(crate) struct Snapshot<K: Kind> {
    hooks: Vec<Arc<Hook<K>>>,
    /// Any filter asks which file would answer.
    looks_at_files: bool,
    /// Any filter asks of which type the response is.
    looks_at_types: bool,
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

impl<K: Kind> Default for Order<K> {
    fn default() -> Self {
        Self {
            now: RwLock::new(Arc::new(Snapshot::new(Vec::new()))),
            any: AtomicBool::new(false),
        }
    }
}

impl<K: Kind> Order<K> {
    /// Whether nobody is asked.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// The hooks now.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Arc<Snapshot<K>> {
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
        *order = Arc::new(Snapshot::new(hooks));
    }
}

impl<K: Kind> Snapshot<K> {
    fn new(hooks: Vec<Arc<Hook<K>>>) -> Self {
        Self {
            looks_at_files: hooks.iter().any(|hook| hook.looks_at_files()),
            looks_at_types: hooks.iter().any(|hook| hook.looks_at_types()),
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

    /// Whether [`wanting`](Snapshot::wanting) has to be told the file.
    #[must_use]
    pub(crate) fn looks_at_files(&self) -> bool {
        self.looks_at_files
    }

    /// Whether [`wanting`](Snapshot::wanting) has to be told the type of the response.
    #[must_use]
    pub(crate) fn looks_at_types(&self) -> bool {
        self.looks_at_types
    }

    /// Whether anybody may want a request of which no more is known: neither file nor response.
    #[must_use]
    pub(crate) fn may_want(&self, request: RequestFacts<'_>) -> bool {
        self.looks_at_files || !self.wanting(request).is_empty()
    }

    /// The places in [`hooks`](Snapshot::hooks) of those that want a request, in order.
    #[must_use]
    pub(crate) fn wanting(&self, request: RequestFacts<'_>) -> Arc<[usize]> {
        let Some(known) = &self.wanting else {
            return Arc::default();
        };
        let request = RequestFacts {
            file: request.file.filter(|_| self.looks_at_files),
            mime: request.mime.filter(|_| self.looks_at_types),
            ..request
        };
        if let Some(wanting) = known.get(&request) {
            return wanting;
        }
        let hooks = self.hooks.iter().enumerate();
        let wanting = hooks.filter(|(_, hook)| hook.wants(request));
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
