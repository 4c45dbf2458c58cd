//! What plugins said of requests that the daemon may say again by itself: answers and skips, until
//! somebody invalidates them, a file they were made from changes, or the hook is withdrawn.

use super::calls::CallError;
use super::hook::Hook;
use super::serve::{Serve, ServeBody, ServeCall, ServeOutcome};
use super::stale::{Source, Stale};
use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What is remembered takes so much memory together. Beyond, what is asked for least goes, and its
/// plugins are asked again. Default 64 MiB.
const REMEMBERED_BYTES: u64 = 64 * 1024 * 1024;

/// A guess at how many answers there are, for the size of the table.
const REMEMBERED_ANSWERS: usize = 2048;

/// Files that an answer may name as what it was made from; each is one `stat` a request. The answer
/// from more is not remembered, which the log says. Default 256.
const MAX_FILES: usize = 256;

/// Requests that one answer is for: all that the plugin cannot tell apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
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
}

/// An answer that holds while its files do.
#[derive(Clone)]
struct Kept {
    outcome: Arc<ServeOutcome>,
    sources: Arc<[Source]>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<RequestKey, Kept> for Weight {
    fn weight(&self, key: &RequestKey, kept: &Kept) -> u64 {
        const OVERHEAD: usize = 512;
        let headers = |headers: &[(String, Bytes)]| -> usize {
            let sizes = headers.iter().map(|(name, value)| name.len() + value.len());
            sizes.sum()
        };
        let content = match &*kept.outcome {
            ServeOutcome::Content(content) => {
                let body = match &content.body {
                    ServeBody::Inline { body, .. } => body.len(),
                    ServeBody::File(_) => 0,
                };
                body + headers(&content.headers)
            }
            _ => 0,
        };
        let files: usize = kept.sources.iter().map(Source::size).sum();
        let key = key.path.len() + key.query.len() + headers(&key.headers);
        (OVERHEAD + key + content + files) as u64
    }
}

/// What the plugins said, by whom and of what.
pub struct Remembered {
    kept: Cache<RequestKey, Kept, Weight>,
    /// How often something was forgotten: what was asked before is not kept. Held for moments, never
    /// across an await.
    forgettings: Mutex<u64>,
}

impl Default for Remembered {
    fn default() -> Self {
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
                Weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            forgettings: Mutex::default(),
        }
    }
}

impl Remembered {
    /// What the plugin said of such a request, if that is remembered and holds.
    #[must_use]
    pub fn find(&self, key: &RequestKey) -> Option<Arc<ServeOutcome>> {
        let kept = self.kept.get(key)?;
        // Blocks for a microsecond a file; going to another thread costs more.
        if kept.sources.iter().all(Source::is_same) {
            return Some(kept.outcome);
        }
        self.kept.remove(key);
        None
    }

    /// Asks the plugin, and remembers what it says if it allows that. With a body a request is like
    /// no other.
    pub async fn ask(
        &self,
        hook: &Hook<Serve>,
        key: RequestKey,
        call: ServeCall,
    ) -> Result<Arc<ServeOutcome>, CallError> {
        let file = call.request.file.clone();
        let reads = matches!(&*key.method, "GET" | "HEAD");
        let has_body = call.body_omitted || !call.body.is_empty();
        let forgettings = *self.lock();
        let begin = SystemTime::now();
        let outcome = Arc::new(hook.ask(call).await?);
        if reads && !has_body {
            // What the request would have got by itself stands in for: changes of it are the
            // plugin's to name.
            let file = file.map(Source::content);
            if let Some(sources) = sources(&key, &outcome, begin) {
                let kept = Kept {
                    outcome: outcome.clone(),
                    sources: file.into_iter().chain(sources).collect(),
                };
                let now = self.lock();
                if *now == forgettings {
                    self.kept.insert(key, kept);
                }
            }
        }
        Ok(outcome)
    }

    /// Forgets one answer: it cannot be used.
    pub fn forget_one(&self, key: &RequestKey) {
        self.kept.remove(key);
    }

    /// Forgets what this names, and says how many answers that were.
    pub fn forget(&self, stale: &Stale) -> usize {
        self.retain(|key, sources| !stale.names(&key.path, sources))
    }

    /// A hook is withdrawn.
    pub(super) fn end(&self, hook: u64) {
        self.retain(|key, _| key.hook != hook);
    }

    fn retain(&self, stays: impl Fn(&RequestKey, &[Source]) -> bool) -> usize {
        let mut forgettings = self.lock();
        *forgettings += 1;
        let forgotten = AtomicUsize::new(0);
        self.kept.retain(|key, kept| {
            let stays = stays(key, &kept.sources);
            forgotten.fetch_add(usize::from(!stays), Ordering::Relaxed);
            stays
        });
        forgotten.into_inner()
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.forgettings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files that an answer holds with; none when it is not to be remembered.
fn sources(key: &RequestKey, outcome: &ServeOutcome, begin: SystemTime) -> Option<Vec<Source>> {
    match outcome {
        ServeOutcome::Skip { remember: true } => Some(Vec::new()),
        ServeOutcome::Content(content) if content.remember => {
            if content.depends_on.len() > MAX_FILES {
                tracing::warn!(target: "pagewire::plugins", path = key.path, files = content.depends_on.len(), "an answer depends on more than {MAX_FILES} files and is not remembered");
                return None;
            }
            let body = match &content.body {
                ServeBody::File(file) => Some(file),
                ServeBody::Inline { .. } => None,
            };
            let mut sources = Vec::new();
            for file in body.into_iter().chain(&content.depends_on) {
                // One that may have changed since the plugin read it tells nothing.
                sources.push(Source::settled(file, begin)?);
                // It can be named by its real path as well.
                let real = file.canonicalize().ok().filter(|real| real != file);
                sources.extend(real.map(Source::content));
            }
            Some(sources)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::{
        Calls, FailureMode, HookKind, HookOptions, OpenSession, Outgoing, Phase, Plugins,
        RequestContext, ServeContent, ServeOptions,
    };
    use std::path::{Path, PathBuf};

    fn request(hook: &Hook<Serve>, path: &str) -> (RequestKey, ServeCall) {
        let key = RequestKey {
            hook: hook.id(),
            method: "GET".into(),
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
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
        let plugins = Arc::new(Plugins::default());
        let asked = OpenSession {
            hooks: vec![HookKind::Serve],
            ..OpenSession::default()
        };
        let (session, _events) = plugins.open_session(asked).unwrap();
        let options = HookOptions {
            filters: Vec::new(),
            failure_mode: FailureMode::Fail,
            forward_headers: Vec::new(),
            own: ServeOptions {
                phase: Phase::BeforeFiles,
                max_request_body_bytes: 0,
                scratch_dir: None,
            },
        };
        let (calls, mut stream) = Calls::new(1, None);
        let hook = Hook::new(session.session(), options, calls);
        let remembered = Remembered::default();
        let mut ask = async |path: &str, meanwhile: Option<Stale>| {
            let (key, call) = request(&hook, path);
            let answer = async {
                let Some(Outgoing::Call { id, .. }) = stream.recv().await else {
                    panic!("no call")
                };
                meanwhile.map(|stale| remembered.forget(&stale));
                let content = ServeContent {
                    status: 0,
                    content_type: String::new(),
                    headers: Vec::new(),
                    body: ServeBody::inline(Bytes::new()),
                    remember: true,
                    verbatim: false,
                    depends_on: vec!["/not/there".into()],
                };
                hook.resolve(id, ServeOutcome::Content(content));
            };
            let (outcome, ()) = tokio::join!(remembered.ask(&hook, key.clone(), call), answer);
            assert!(outcome.is_ok());
            remembered.find(&key).is_some()
        };
        let one_path = Stale {
            exact_paths: vec!["/a/x".into()],
            ..Stale::default()
        };
        let of_file = |file: &str| Stale {
            files: vec![PathBuf::from(file)],
            ..Stale::default()
        };
        let prefix = Stale {
            path_prefixes: vec!["/a/".into()],
            ..Stale::default()
        };
        let all = Stale {
            all: true,
            ..Stale::default()
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
            assert_eq!(remembered.forget(&stale), forgotten, "{stale:?}");
        }
        assert!(!ask("/b", Some(one_path)).await);
        remembered.end(hook.id());
        let (key, _) = request(&hook, "/a/x");
        assert!(remembered.find(&key).is_none());
    }
}
