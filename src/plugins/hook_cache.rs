//! Bounded cache of hook results. An entry is removed when a program invalidates it, when a file that it
//! depends on changes, or when its hook is withdrawn.
//!
//! Because the key holds everything that the plugin could see, changed content has another key and needs no
//! invalidation. The files that a result names as dependencies are checked with `stat` on each lookup. A
//! result whose call began before an invalidation is returned, but not cached.

use super::calls::CallError;
use super::dependents::Dependents;
use super::hook::{Hook, HookType};
use super::invalidation::{Dependency, Invalidation, changed_since};
use super::payload::{headers_size, path_size};
use crate::message::HeapSize;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

/// Cache size per hook type. Beyond it the least used entries are evicted, and their plugins are
/// called again. Default 64 MiB.
const RESULT_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Initial capacity of the cache's table.
const EXPECTED_ENTRIES: usize = 2048;

/// Files that a result may depend on; each costs a `stat` per lookup. A result with more is not
/// cached, which is logged. Default 256.
const MAX_DEPENDENCIES: usize = 256;

/// The cache key: everything that the plugin could see, so calls with equal keys have equal results.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestKey {
    /// See [`Hook::id`].
    pub hook: u64,
    /// Upper-case.
    pub method: String,
    /// Decoded; begins with `/`.
    pub path: String,
    /// As received, without `?`.
    pub query: String,
    /// The headers that the hook forwards, by lower-case name.
    pub headers: Vec<(String, Bytes)>,
    /// Hash of the call's input other than the request, such as the body to transform; 0 = none.
    pub input_hash: u128,
}

/// A plugin's outcome, and the value that the caller derived from it.
pub(crate) struct HookResult<H: HookType> {
    outcome: H::Outcome,
    derived: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl<H: HookType> HookResult<H> {
    fn new(outcome: H::Outcome) -> Self {
        Self {
            outcome,
            derived: OnceLock::new(),
        }
    }

    #[must_use]
    pub(crate) fn outcome(&self) -> &H::Outcome {
        &self.outcome
    }

    /// Returns the derived value, if it is set and of this type.
    #[must_use]
    pub(crate) fn derived<T: Any>(&self) -> Option<&T> {
        self.derived.get()?.downcast_ref()
    }

    /// Stores a value derived from the outcome, such as a finished response, so that later requests
    /// with this result need not derive it again.
    pub(crate) fn set_derived(&self, value: impl Any + Send + Sync) {
        // A concurrent caller derives the same value from the same outcome, so the first one stays.
        let _ = self.derived.set(Box::new(value));
    }
}

/// A result that is valid while its dependencies are unchanged.
struct CacheEntry<H: HookType> {
    result: Arc<HookResult<H>>,
    dependencies: Arc<[Dependency]>,
}

impl<H: HookType> Clone for CacheEntry<H> {
    fn clone(&self) -> Self {
        Self {
            result: self.result.clone(),
            dependencies: self.dependencies.clone(),
        }
    }
}

struct EntryWeighter<H>(PhantomData<fn() -> H>);

impl<H> Clone for EntryWeighter<H> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<H: HookType> Weighter<RequestKey, CacheEntry<H>> for EntryWeighter<H> {
    fn weight(&self, key: &RequestKey, entry: &CacheEntry<H>) -> u64 {
        const OVERHEAD: usize = 512;
        let dependencies: usize = entry.dependencies.iter().map(Dependency::size).sum();
        let outcome = entry.result.outcome();
        let named_files = H::dependencies(outcome);
        let named_files = named_files.iter().map(|file| path_size(file));
        let key = key.path.heap_size() + key.query.heap_size() + headers_size(&key.headers);
        (OVERHEAD + key + H::size(outcome) + named_files.sum::<usize>() + dependencies) as u64
    }
}

/// The result of a shared call, and when the call began.
struct SharedResult<H: HookType> {
    result: Result<Arc<HookResult<H>>, CallError>,
    begin: SystemTime,
}

impl<H: HookType> Clone for SharedResult<H> {
    fn clone(&self) -> Self {
        Self {
            result: self.result.clone(),
            begin: self.begin,
        }
    }
}

/// A call that several requests wait for. It is cancelled when the last of them is dropped.
type SharedCall<H> = Shared<BoxFuture<'static, SharedResult<H>>>;

/// Bounded cache of the results of one hook type, which also coalesces identical concurrent calls.
pub(crate) struct HookCache<H: HookType> {
    entries: Cache<RequestKey, CacheEntry<H>, EntryWeighter<H>>,
    dependents: Arc<Dependents>,
    /// Never held across an await.
    state: Mutex<State<H>>,
}

struct State<H: HookType> {
    /// Incremented by each invalidation. A result is cached only if its call began in this generation.
    generation: u64,
    /// Calls that identical requests may join.
    in_flight: HashMap<RequestKey, WeakShared<BoxFuture<'static, SharedResult<H>>>>,
}

impl<H: HookType> HookCache<H> {
    pub(super) fn new(dependents: Arc<Dependents>) -> Self {
        // A single shard, so that an entry may be as large as the largest body a result can carry.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(EXPECTED_ENTRIES)
            .weight_capacity(RESULT_CACHE_BYTES)
            .build()
            .expect("the capacity is given");
        Self {
            entries: Cache::with_options(
                options,
                EntryWeighter(PhantomData),
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            dependents,
            state: Mutex::new(State {
                generation: 0,
                in_flight: HashMap::new(),
            }),
        }
    }

    /// Returns the cached result for this key, if there is one and its dependencies are unchanged.
    #[must_use]
    pub(crate) fn get(&self, key: &RequestKey) -> Option<Arc<HookResult<H>>> {
        let entry = self.entries.get(key)?;
        // Blocks for about a microsecond per file, which is cheaper than moving to a blocking thread.
        if entry.dependencies.iter().all(Dependency::is_unchanged) {
            return Some(entry.result);
        }
        self.entries.remove(key);
        None
    }

    /// Calls the plugin, and caches the result if it is cacheable and `may_cache` is true. `file` is the file
    /// that would have been served without the plugin.
    pub(crate) async fn call(
        &self,
        hook: &Hook<H>,
        key: RequestKey,
        call: H::Call,
        file: Option<PathBuf>,
        may_cache: bool,
    ) -> Result<Arc<HookResult<H>>, CallError> {
        let generation = self.lock().generation;
        let begin = SystemTime::now();
        let result = Arc::new(HookResult::new(hook.call(call).await?));
        hook.record_answer(&key.path, result.outcome());
        let named_files = H::dependencies(result.outcome());
        let (dependents, path) = (self.dependents.clone(), key.path.clone());
        with_files(&named_files, move |files| dependents.add(&path, files)).await;
        if may_cache
            && H::is_cacheable(result.outcome())
            && let Some(dependencies) = dependencies(&key.path, file, &named_files, begin)
        {
            drop(named_files);
            let entry = CacheEntry {
                result: result.clone(),
                dependencies,
            };
            let state = self.lock();
            if state.generation == generation {
                self.entries.insert(key, entry);
            }
        }
        Ok(result)
    }

    /// Calls the plugin, or joins an identical call that is in flight. `call` builds the call if there
    /// is none to join.
    pub(crate) async fn call_coalesced(
        self: &Arc<Self>,
        hook: &Arc<Hook<H>>,
        key: &RequestKey,
        file: Option<&Path>,
        call: impl Fn() -> H::Call,
    ) -> Result<Arc<HookResult<H>>, CallError> {
        loop {
            let (shared, is_new) = self.shared_call(hook, key, file, &call);
            let SharedResult { result, begin } = shared.await;
            // A request that joined may have arrived after a change to a file that the plugin had already
            // read. It then calls again.
            let Some(joined) = result.as_ref().ok().filter(|_| !is_new) else {
                return result;
            };
            let files = H::dependencies(joined.outcome());
            let is_stale = with_files(&files, move |files| changed_since(files, begin)).await;
            if is_stale != Some(true) {
                return result;
            }
            if let Some(result) = self.get(key) {
                return Ok(result);
            }
        }
    }

    /// Returns the call in flight for this key, or begins one. The flag is true for a new call.
    fn shared_call(
        self: &Arc<Self>,
        hook: &Arc<Hook<H>>,
        key: &RequestKey,
        file: Option<&Path>,
        call: impl Fn() -> H::Call,
    ) -> (SharedCall<H>, bool) {
        let mut state = self.lock();
        if let Some(shared) = state.in_flight.get(key).and_then(WeakShared::upgrade) {
            return (shared, false);
        }
        let (call, hook, file) = (call(), hook.clone(), file.map(Path::to_owned));
        let guard = InFlightGuard {
            cache: self.clone(),
            key: key.clone(),
        };
        let shared = async move {
            let begin = SystemTime::now();
            let key = guard.key.clone();
            let result = guard.cache.call(&hook, key, call, file, true).await;
            SharedResult { result, begin }
        };
        let shared = shared.boxed().shared();
        if let Some(weak) = shared.downgrade() {
            state.in_flight.insert(key.clone(), weak);
        }
        (shared, true)
    }

    /// Removes one entry, because its result turned out to be unusable.
    pub(crate) fn remove(&self, key: &RequestKey) {
        self.entries.remove(key);
    }

    /// Removes all matching entries, and returns their URL paths.
    pub(super) fn invalidate(&self, invalidation: &Invalidation) -> Vec<String> {
        self.retain(|key, dependencies| !invalidation.matches(&key.path, dependencies))
    }

    /// Removes the entries of a hook id that is no longer in use.
    pub(super) fn remove_hook(&self, hook: u64) {
        self.retain(|key, _| key.hook != hook);
    }

    /// Removes the entries that `is_retained` rejects, and returns their URL paths.
    fn retain(&self, is_retained: impl Fn(&RequestKey, &[Dependency]) -> bool) -> Vec<String> {
        let mut state = self.lock();
        state.generation += 1;
        // Later requests must not join calls that began before this removal.
        state.in_flight.clear();
        let removed = Mutex::new(Vec::new());
        self.entries.retain(|key, entry| {
            let is_retained = is_retained(key, &entry.dependencies);
            if !is_retained {
                let mut removed = removed.lock().unwrap_or_else(PoisonError::into_inner);
                removed.push(key.path.clone());
            }
            is_retained
        });
        removed.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guard that removes a shared call from [`State::in_flight`] when it ends or is cancelled.
struct InFlightGuard<H: HookType> {
    cache: Arc<HookCache<H>>,
    key: RequestKey,
}

impl<H: HookType> Drop for InFlightGuard<H> {
    fn drop(&mut self) {
        // This may remove a newer call with the same key, begun after an invalidation. That call then
        // cannot be joined, which costs at most one further call.
        self.cache.lock().in_flight.remove(&self.key);
    }
}

/// Performs an action on files, on a blocking thread if they are many. Returns none only when the runtime
/// shuts down.
async fn with_files<T: Send + 'static>(
    files: &[&Path],
    action: impl FnOnce(&[&Path]) -> T + Send + 'static,
) -> Option<T> {
    if files.len() <= MAX_DEPENDENCIES {
        return Some(action(files));
    }
    let files: Vec<PathBuf> = files.iter().copied().map(Path::to_owned).collect();
    let action = move || action(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    tokio::task::spawn_blocking(action).await.ok()
}

/// Returns the dependencies of a result for this URL path, or `None` if the result must not be cached.
fn dependencies(
    path: &str,
    file: Option<PathBuf>,
    named_files: &[&Path],
    begin: SystemTime,
) -> Option<Arc<[Dependency]>> {
    if named_files.len() > MAX_DEPENDENCIES {
        tracing::warn!(target: "pagewire::plugins", path, files = named_files.len(), "hook result is not cached: it depends on more than {MAX_DEPENDENCIES} files");
        return None;
    }
    // The file that would have been served needs no check. A serve hook that reads it must name it as a
    // dependency; for the other hooks, the content of the file is part of the key.
    let mut dependencies: Vec<_> = file.map(Dependency::unchecked).into_iter().collect();
    for file in named_files {
        dependencies.push(Dependency::on_version(file, begin)?);
        // An invalidation may name the canonical path instead.
        let canonical = file.canonicalize().ok().filter(|path| path != file);
        dependencies.extend(canonical.map(Dependency::unchecked));
    }
    Some(dependencies.into())
}

#[cfg(test)]
mod tests;
