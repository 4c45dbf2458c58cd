//! Tests of the cache of hook results.

use super::*;
use crate::config::Inject;
use crate::plugins::Prefixes;
use crate::plugins::{
    CallMessage, Calls, FailureMode, HookKind, HookOptions, InlineBody, Phase, PluginRegistry,
    RequestContext, RequestFilters, ResolveImport, ResolveImportOutcome, ResolvedImports, Serve,
    ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome, SessionOptions,
};
use allocation_counter::measure;
use std::collections::HashSet;

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
        omitted_body_bytes: 0,
    };
    (key, call)
}

#[tokio::test]
async fn an_invalidation_drops_matching_entries_and_calls_in_flight() {
    let plugins = Arc::new(PluginRegistry::new(Inject::WhenRequested, Vec::new()));
    let options = SessionOptions {
        hooks: vec![HookKind::Serve],
        ..SessionOptions::default()
    };
    let (session, _events) = plugins.open_session(options).unwrap();
    let options = HookOptions {
        filters: RequestFilters::default(),
        failure_mode: FailureMode::Fail,
        forward_headers: HashSet::new(),
        type_options: ServeOptions {
            phase: Phase::BeforeFiles,
            max_request_body_bytes: 0,
            scratch_dir: None,
        },
    };
    let (calls, mut stream) = Calls::new(1, None);
    let hook = Hook::new(session.session(), options, calls);
    let cache = &plugins.serve().cache;
    let mut call_and_get = async |path: &str, during_call: Option<Invalidation>| {
        let (key, call) = request(&hook, path);
        let answer = async {
            let Some(CallMessage::Call { id, .. }) = stream.recv().await else {
                panic!("no call")
            };
            during_call.map(|invalidation| cache.invalidate(&invalidation));
            let content = ServeContent {
                status: 0,
                content_type: String::new(),
                headers: Vec::new(),
                body: ServeBody::Inline(InlineBody::new(&[])),
                remember: true,
                verbatim: false,
                depends_on: vec!["/not/there".into()],
            };
            hook.resolve(id, ServeOutcome::Content(content));
        };
        let file = call.request.file.clone();
        let result = cache.call(&hook, key.clone(), call, file, true);
        let (result, ()) = tokio::join!(result, answer);
        assert!(result.is_ok());
        cache.get(&key).is_some()
    };
    let one_path = Invalidation {
        exact_paths: HashSet::from(["/a/x".into()]),
        ..Invalidation::default()
    };
    let of_file = |file: &str| Invalidation {
        files: HashSet::from([PathBuf::from(file)]),
        ..Invalidation::default()
    };
    let prefix = Invalidation {
        path_prefixes: Prefixes::new(vec!["/a/".into()]),
        ..Invalidation::default()
    };
    let all = Invalidation {
        all: true,
        ..Invalidation::default()
    };
    for (invalidation, removed) in [
        (one_path.clone(), 1),
        (prefix, 2),
        (of_file("/site/b"), 1),
        (of_file("/not/there"), 3),
        (of_file("/unknown"), 0),
        (all, 3),
    ] {
        for path in ["/a/x", "/a/y", "/b"] {
            assert!(call_and_get(path, None).await);
        }
        let paths = cache.invalidate(&invalidation);
        assert_eq!(paths.len(), removed, "{invalidation:?}");
    }
    assert!(!call_and_get("/b", Some(one_path)).await);
    cache.remove_hook(hook.id());
    let (key, _) = request(&hook, "/a/x");
    assert!(cache.get(&key).is_none());
}

#[test]
fn the_cache_counts_the_memory_of_its_results() {
    let site = tempfile::tempdir().unwrap();
    let cache = HookCache::<ResolveImport>::new(Arc::default());
    let begin = SystemTime::now();
    let insert = |number: usize| {
        let text = |part: usize| format!("./{number}-{part}{}.js", "x".repeat(number));
        let key = RequestKey {
            hook: 1,
            method: "GET".into(),
            path: text(0),
            query: String::new(),
            headers: vec![("accept".into(), Bytes::from(vec![b'a'; number]))],
            input_hash: 0,
        };
        let files = (0..number % 9).map(|part| site.path().join(text(part)));
        let outcome = ResolveImportOutcome::Resolved(ResolvedImports {
            specifiers: (0..number % 5).map(text).collect(),
            no_cache: false,
            depends_on: files.collect(),
        });
        let named_files = ResolveImport::dependencies(&outcome);
        let dependencies = dependencies(&key.path, None, &named_files, begin).unwrap();
        drop(named_files);
        let result = Arc::new(HookResult::new(outcome));
        let entry = CacheEntry {
            result,
            dependencies,
        };
        cache.entries.insert(key, entry);
    };
    let taken = measure(|| (0..500).for_each(insert)).bytes_current;
    let (taken, counted) = (taken.cast_unsigned(), cache.entries.weight());
    assert!(taken <= counted && counted < 2 * taken, "{taken} {counted}");
}
