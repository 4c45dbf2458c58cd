//! What plugins answered that the daemon may say again by itself, until somebody invalidates it, a
//! file it was made from changes, or the hook is withdrawn.

use super::calls::CallError;
use super::dependents::Dependents;
use super::hook::{Hook, HookType, size_of_headers};
use super::invalidation::{Invalidation, Source, changed_since};
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

/// What is remembered of one kind of hook takes so much memory together. Beyond, what is asked for
/// least goes, and its plugins are asked again. Default 64 MiB.
const REMEMBERED_BYTES: u64 = 64 * 1024 * 1024;

/// A guess at how many answers there are, for the size of the table.
const REMEMBERED_ANSWERS: usize = 2048;

/// Files that an answer may name as what it was made from; each is one `stat` a request. The answer
/// from more is not remembered, which the log says. Default 256.
const MAX_FILES: usize = 256;

/// Questions that one answer is for: all that the plugin cannot tell apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestKey {
    /// Whom it was asked: see [`Hook::id`].
    pub hook: u64,
    /// Upper-case.
    pub method: String,
    /// Decoded; begins with `/`.
    pub path: String,
    /// As received, without `?`.
    pub query: String,
    /// Those the plugin asked for; names are lower-case.
    pub headers: Vec<(String, Bytes)>,
    /// Hash of what it was asked about beside the request; 0 = nothing.
    pub input_hash: u128,
}

/// What a plugin answered, and what the edge made of it.
pub(crate) struct HookResult<K: HookType> {
    outcome: K::Outcome,
    derived: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl<K: HookType> HookResult<K> {
    fn new(outcome: K::Outcome) -> Self {
        Self {
            outcome,
            derived: OnceLock::new(),
        }
    }

    /// The answer.
    #[must_use]
    pub(crate) fn outcome(&self) -> &K::Outcome {
        &self.outcome
    }

    /// What [`set_derived`](HookResult::set_derived) was given.
    #[must_use]
    pub(crate) fn derived<T: Any>(&self) -> Option<&T> {
        self.derived.get()?.downcast_ref()
    }

    /// Keeps what was made of the answer beside it, for who gets the same answer next.
    pub(crate) fn set_derived(&self, made: impl Any + Send + Sync) {
        // Who came first has made the same.
        let _ = self.derived.set(Box::new(made));
    }
}

/// An answer that holds while its files do.
struct Kept<K: HookType> {
    said: Arc<HookResult<K>>,
    sources: Arc<[Source]>,
}

impl<K: HookType> Clone for Kept<K> {
    fn clone(&self) -> Self {
        Self {
            said: self.said.clone(),
            sources: self.sources.clone(),
        }
    }
}

struct Weight<K>(PhantomData<fn() -> K>);

impl<K> Clone for Weight<K> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<K: HookType> Weighter<RequestKey, Kept<K>> for Weight<K> {
    fn weight(&self, key: &RequestKey, kept: &Kept<K>) -> u64 {
        const OVERHEAD: usize = 512;
        let files: usize = kept.sources.iter().map(Source::size).sum();
        let key = key.path.len() + key.query.len() + size_of_headers(&key.headers);
        (OVERHEAD + key + K::size(kept.said.outcome()) + files) as u64
    }
}

/// What a plugin said, and when it was asked.
struct Answered<K: HookType> {
    result: Result<Arc<HookResult<K>>, CallError>,
    begin: SystemTime,
}

impl<K: HookType> Clone for Answered<K> {
    fn clone(&self) -> Self {
        Self {
            result: self.result.clone(),
            begin: self.begin,
        }
    }
}

/// A call that several requests may wait for. It is cancelled when none does.
type Asking<K> = Shared<BoxFuture<'static, Answered<K>>>;

/// What plugins said, by whom they were asked and of what.
pub(crate) struct HookCache<K: HookType> {
    kept: Cache<RequestKey, Kept<K>, Weight<K>>,
    dependents: Arc<Dependents>,
    /// Held for moments, never across an await.
    state: Mutex<State<K>>,
}

struct State<K: HookType> {
    /// How often something was forgotten: what was asked before is not kept.
    forgettings: u64,
    /// What is being asked by [`HookCache::call_coalesced`].
    asking: HashMap<RequestKey, WeakShared<BoxFuture<'static, Answered<K>>>>,
}

impl<K: HookType> HookCache<K> {
    pub(super) fn new(dependents: Arc<Dependents>) -> Self {
        // One shard: a body of the largest size that a result may carry fits in as well.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(REMEMBERED_ANSWERS)
            .weight_capacity(REMEMBERED_BYTES)
            .build()
            .expect("the capacity is given");
        Self {
            kept: Cache::with_options(
                options,
                Weight(PhantomData),
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            dependents,
            state: Mutex::new(State {
                forgettings: 0,
                asking: HashMap::new(),
            }),
        }
    }

    /// What the plugin said to such a question, if that is remembered and holds.
    #[must_use]
    pub(crate) fn get(&self, key: &RequestKey) -> Option<Arc<HookResult<K>>> {
        let kept = self.kept.get(key)?;
        // Blocks for a microsecond a file; going to another thread costs more.
        if kept.sources.iter().all(Source::is_same) {
            return Some(kept.said);
        }
        self.kept.remove(key);
        None
    }

    /// Asks the plugin, and remembers what it says if it and `may_keep` allow that. `file` would have
    /// answered the request by itself.
    pub(crate) async fn call(
        &self,
        hook: &Hook<K>,
        key: RequestKey,
        call: K::Call,
        file: Option<PathBuf>,
        may_keep: bool,
    ) -> Result<Arc<HookResult<K>>, CallError> {
        let forgettings = self.lock().forgettings;
        let begin = SystemTime::now();
        let said = Arc::new(HookResult::new(hook.call(call).await?));
        let files = K::files(said.outcome());
        self.dependents.add(&key.path, &files);
        if may_keep
            && K::may_keep(said.outcome())
            && let Some(sources) = sources(&key.path, file, &files, begin)
        {
            drop(files);
            let kept = Kept {
                said: said.clone(),
                sources,
            };
            let state = self.lock();
            if state.forgettings == forgettings {
                self.kept.insert(key, kept);
            }
        }
        Ok(said)
    }

    /// What the plugin says to a question whose answer is the same whoever asks: it is asked once by all
    /// who want to know at the same time. `call` makes what it is asked.
    pub(crate) async fn call_coalesced(
        self: &Arc<Self>,
        hook: &Arc<Hook<K>>,
        key: &RequestKey,
        file: Option<&Path>,
        call: impl Fn() -> K::Call,
    ) -> Result<Arc<HookResult<K>>, CallError> {
        loop {
            let (asking, is_ours) = self.asking(hook, key, file, &call);
            let Answered { result, begin } = asking.await;
            // Who joined may have come after a file that the plugin had read before was changed.
            let may_be_old =
                |said: &Arc<HookResult<K>>| changed_since(&K::files(said.outcome()), begin);
            if is_ours || !result.as_ref().is_ok_and(may_be_old) {
                return result;
            }
            if let Some(said) = self.get(key) {
                return Ok(said);
            }
        }
    }

    /// The call for this key, and whether it was begun now.
    fn asking(
        self: &Arc<Self>,
        hook: &Arc<Hook<K>>,
        key: &RequestKey,
        file: Option<&Path>,
        call: impl Fn() -> K::Call,
    ) -> (Asking<K>, bool) {
        let mut state = self.lock();
        if let Some(asking) = state.asking.get(key).and_then(WeakShared::upgrade) {
            return (asking, false);
        }
        let (call, hook, file) = (call(), hook.clone(), file.map(Path::to_owned));
        let done = Done {
            cache: self.clone(),
            key: key.clone(),
        };
        let asking = async move {
            let begin = SystemTime::now();
            let key = done.key.clone();
            let result = done.cache.call(&hook, key, call, file, true).await;
            Answered { result, begin }
        };
        let asking = asking.boxed().shared();
        if let Some(weak) = asking.downgrade() {
            state.asking.insert(key.clone(), weak);
        }
        (asking, true)
    }

    /// Forgets one answer: it cannot be used.
    pub(crate) fn remove(&self, key: &RequestKey) {
        self.kept.remove(key);
    }

    /// Forgets what this names, and says for which URL paths that was.
    pub(super) fn invalidate(&self, stale: &Invalidation) -> Vec<String> {
        self.retain(|key, sources| !stale.names(&key.path, sources))
    }

    /// A hook is withdrawn, or has other filters than under this id.
    pub(super) fn remove_hook(&self, hook: u64) {
        self.retain(|key, _| key.hook != hook);
    }

    fn retain(&self, stays: impl Fn(&RequestKey, &[Source]) -> bool) -> Vec<String> {
        let mut state = self.lock();
        state.forgettings += 1;
        // Who asks from now on does not join those that were asked before.
        state.asking.clear();
        let forgotten = Mutex::new(Vec::new());
        self.kept.retain(|key, kept| {
            let stays = stays(key, &kept.sources);
            if !stays {
                let mut forgotten = forgotten.lock().unwrap_or_else(PoisonError::into_inner);
                forgotten.push(key.path.clone());
            }
            stays
        });
        forgotten
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shared call is over, or nobody waits for it any more.
struct Done<K: HookType> {
    cache: Arc<HookCache<K>>,
    key: RequestKey,
}

impl<K: HookType> Drop for Done<K> {
    fn drop(&mut self) {
        // One that was begun anew meanwhile is no longer joined: it is asked once more, no worse.
        self.cache.lock().asking.remove(&self.key);
    }
}

/// The files that an answer holds with; none when it is not to be remembered.
fn sources(
    path: &str,
    file: Option<PathBuf>,
    files: &[&Path],
    begin: SystemTime,
) -> Option<Arc<[Source]>> {
    if files.len() > MAX_FILES {
        tracing::warn!(target: "pagewire::plugins", path, files = files.len(), "an answer depends on more than {MAX_FILES} files and is not remembered");
        return None;
    }
    // What the request would have got by itself stands in for, or takes part in the key: changes of it
    // are the plugin's to name.
    let mut sources: Vec<_> = file.map(Source::content).into_iter().collect();
    for file in files {
        // One that may have changed since the plugin read it tells nothing.
        sources.push(Source::settled(file, begin)?);
        // It can be named by its real path as well.
        let real = file.canonicalize().ok().filter(|real| real != file);
        sources.extend(real.map(Source::content));
    }
    Some(sources.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inject;
    use crate::plugins::{
        CallMessage, Calls, FailureMode, HookKind, HookOptions, InlineBody, Phase, PluginRegistry,
        RequestContext, Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome,
        SessionOptions,
    };

    fn request(hook: &Hook<Serve>, path: &str) -> (RequestKey, ServeCall) {
        let key = RequestKey {
            hook: hook.id(),
            method: "GET".into(),
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            input_hash: 0,
        };
        let request = RequestContext {
            method: "GET".into(),
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            traceparent: String::new(),
            raw_target: path.into(),
            host: String::new(),
            file: Some(Path::new("/site").join(&path[1..])),
        };
        let call = ServeCall {
            request,
            body: Bytes::new(),
            body_omitted: false,
        };
        (key, call)
    }

    #[tokio::test]
    async fn what_is_named_is_forgotten_also_while_it_is_asked() {
        let plugins = Arc::new(PluginRegistry::new(Inject::Asked, Vec::new()));
        let asked = SessionOptions {
            hooks: vec![HookKind::Serve],
            ..SessionOptions::default()
        };
        let (session, _events) = plugins.open_session(asked).unwrap();
        let options = HookOptions {
            filters: Vec::new(),
            failure_mode: FailureMode::Fail,
            forward_headers: Vec::new(),
            type_options: ServeOptions {
                phase: Phase::BeforeFiles,
                max_request_body_bytes: 0,
                scratch_dir: None,
            },
        };
        let (calls, mut stream) = Calls::new(1, None);
        let hook = Hook::new(session.session(), options, calls);
        let cache = &plugins.serve().cache;
        let mut ask = async |path: &str, meanwhile: Option<Invalidation>| {
            let (key, call) = request(&hook, path);
            let answer = async {
                let Some(CallMessage::Call { id, .. }) = stream.recv().await else {
                    panic!("no call")
                };
                meanwhile.map(|stale| cache.invalidate(&stale));
                let content = ServeContent {
                    status: 0,
                    content_type: String::new(),
                    headers: Vec::new(),
                    body: ServeBody::Inline(InlineBody::new(Bytes::new())),
                    remember: true,
                    verbatim: false,
                    depends_on: vec!["/not/there".into()],
                };
                hook.resolve(id, ServeOutcome::Content(content));
            };
            let file = call.request.file.clone();
            let asked = cache.call(&hook, key.clone(), call, file, true);
            let (outcome, ()) = tokio::join!(asked, answer);
            assert!(outcome.is_ok());
            cache.get(&key).is_some()
        };
        let one_path = Invalidation {
            exact_paths: vec!["/a/x".into()],
            ..Invalidation::default()
        };
        let of_file = |file: &str| Invalidation {
            files: vec![PathBuf::from(file)],
            ..Invalidation::default()
        };
        let prefix = Invalidation {
            path_prefixes: vec!["/a/".into()],
            ..Invalidation::default()
        };
        let all = Invalidation {
            all: true,
            ..Invalidation::default()
        };
        for (stale, forgotten) in [
            (one_path.clone(), 1),
            (prefix, 2),
            (of_file("/site/b"), 1),
            (of_file("/not/there"), 3),
            (of_file("/unknown"), 0),
            (all, 3),
        ] {
            for path in ["/a/x", "/a/y", "/b"] {
                assert!(ask(path, None).await);
            }
            assert_eq!(cache.invalidate(&stale).len(), forgotten, "{stale:?}");
        }
        assert!(!ask("/b", Some(one_path)).await);
        cache.remove_hook(hook.id());
        let (key, _) = request(&hook, "/a/x");
        assert!(cache.get(&key).is_none());
    }
}
