//! Import graph behind the preload hints of pages. A page names only its entry modules, and the browser
//! discovers the others one round trip per level. So their imports are followed here, and the page lists
//! all of them at once. These are only hints: a missing or superfluous one costs time, but
//! breaks nothing.
//!
//! Modules in files are read and parsed on demand. Imports of generated modules are recorded when the
//! module is served.

use super::cache::SourceKind;
use super::page_modules::find_modules;
use super::relative_url::{import_url, resolve_url};
use super::resolve;
use crate::blocking::run_sized;
use crate::message::HeapSize;
use crate::pages::files::store::FileLocation;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, Payload, Responder};
use crate::pages::stages::asset_modules::{self, Form};
use crate::pages::stages::packages;
use crate::paths::{PathLookup, UrlPath};
use axum::http::{HeaderValue, Request};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use memchr::memmem;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

/// Most preload hints of a page; the browser discovers the others itself. Default 512.
const MAX_PRELOADS: usize = 512;

/// Most modules of a page that gets hints on the daemon's machine, where a round trip takes less time than a hint: a
/// chain of 60 modules gains by them, and an application of 750 takes a fifth longer. Default 64.
const MAX_LOCAL_PRELOADS: usize = 64;

/// How long a page waits while its modules are followed. It gets the hints found until then; the next
/// request gets the rest. Default 20 ms.
const WALK_TIME_LIMIT: Duration = Duration::from_millis(20);

/// Modules of a page that are read and parsed at the same time.
const CONCURRENT_MODULES: usize = 8;

/// How long the hints of a page are reused. Default 1 s.
const HINTS_MAX_AGE: Duration = Duration::from_secs(1);

/// Memory for the hints of pages. Those of the least used pages are evicted beyond it, and found again. Default
/// 4 MiB.
const HINTS_BYTES: u64 = 4 * 1024 * 1024;

/// Memory for the recorded imports of generated modules. Those of the least used ones are evicted beyond it: pages
/// have no hints for what they import, until they are served again. Default 16 MiB.
const RECORDED_BYTES: u64 = 16 * 1024 * 1024;

/// Expected number of pages and of generated modules, which sizes the hash tables.
const EXPECTED_ENTRIES: usize = 256;

/// Import graph of the modules that were served.
pub(super) struct ImportGraph {
    preload: bool,
    /// Keyed by the hash of the page's path and entity tag.
    hints: Cache<u128, CachedHints, UrlsWeight>,
    /// Imports of generated modules, keyed by URL.
    recorded: Cache<String, RecordedImports, UrlsWeight>,
}

/// The memory of cached URLs.
#[derive(Clone)]
struct UrlsWeight;

impl UrlsWeight {
    /// The entry itself, and an entity tag.
    const OVERHEAD: usize = 256;

    fn of(urls: &[String]) -> usize {
        Self::OVERHEAD + size_of_val(urls) + urls.heap_size()
    }
}

impl Weighter<u128, CachedHints> for UrlsWeight {
    fn weight(&self, _: &u128, cached: &CachedHints) -> u64 {
        Self::of(&cached.hints.urls) as u64
    }
}

impl Weighter<String, RecordedImports> for UrlsWeight {
    fn weight(&self, url: &String, recorded: &RecordedImports) -> u64 {
        (url.heap_size() + Self::of(&recorded.imports)) as u64
    }
}

#[derive(Clone)]
struct RecordedImports {
    /// Entity tag of the module.
    tag: HeaderValue,
    /// URLs.
    imports: Arc<[String]>,
}

#[derive(Clone)]
struct CachedHints {
    created: Instant,
    hints: PreloadHints,
}

/// Modules that a page will load but does not name itself.
#[derive(Clone, Default)]
pub(crate) struct PreloadHints {
    pub(crate) urls: Arc<[String]>,
    /// Hash of the URLs; 0 when there are none.
    pub(crate) hash: u64,
}

impl PreloadHints {
    fn new(urls: Vec<String>) -> Self {
        let hash = if urls.is_empty() {
            0
        } else {
            xxh3_64(urls.join(" ").as_bytes())
        };
        let urls = urls.into();
        Self { urls, hash }
    }
}

impl ImportGraph {
    pub(super) fn new(preload: bool) -> Self {
        Self {
            preload,
            hints: Cache::with_weighter(EXPECTED_ENTRIES, HINTS_BYTES, UrlsWeight),
            recorded: Cache::with_weighter(EXPECTED_ENTRIES, RECORDED_BYTES, UrlsWeight),
        }
    }

    /// Whether the imports of generated modules are recorded, even if no hook resolves them. Modules in
    /// files need no record: they can be parsed when they are needed.
    pub(super) fn records_imports(&self, request: &PageRequest<'_>) -> bool {
        self.preload && request.service.plugins.inject_client()
    }

    /// Whether the imports of exactly this module are recorded.
    pub(super) fn is_recorded(&self, request: &PageRequest<'_>, tag: Option<&HeaderValue>) -> bool {
        let target = request.parts.uri.path_and_query();
        let recorded = target.and_then(|target| self.recorded.get(target.as_str()));
        recorded.is_some_and(|recorded| Some(&recorded.tag) == tag)
    }

    /// Records the imports of a served module with this entity tag.
    pub(super) fn record(
        &self,
        importer: &PageRequest<'_>,
        tag: &HeaderValue,
        specifiers: &[&str],
    ) {
        if !self.preload {
            return;
        }
        let url = url_of(importer);
        let imports = specifiers
            .iter()
            .filter_map(|specifier| import_url(&url, specifier));
        let recorded = RecordedImports {
            tag: tag.clone(),
            imports: imports.collect(),
        };
        self.recorded.insert(url, recorded);
    }

    /// Returns the hints for a page with this entity tag.
    pub(super) async fn preloads(
        &self,
        request: &PageRequest<'_>,
        page: &Bytes,
        tag: &HeaderValue,
    ) -> PreloadHints {
        if !self.preload {
            return PreloadHints::default();
        }
        let seed = xxh3_64(request.parts.uri.path().as_bytes());
        let key = xxh3_128_with_seed(tag.as_bytes(), seed ^ u64::from(request.is_local()));
        let is_fresh = |cached: &CachedHints| cached.created.elapsed() < HINTS_MAX_AGE;
        if let Some(cached) = self.hints.get(&key).filter(is_fresh) {
            return cached.hints;
        }
        let created = Instant::now();
        let (urls, is_complete) = Box::pin(self.walk(request, page, tag, created)).await;
        let hints = PreloadHints::new(urls);
        if is_complete {
            let hints = hints.clone();
            self.hints.insert(key, CachedHints { created, hints });
        }
        hints
    }

    /// Follows the imports of a page's modules, breadth first. Returns the URLs, and whether the walk was
    /// completed in time.
    async fn walk(
        &self,
        request: &PageRequest<'_>,
        page: &Bytes,
        tag: &HeaderValue,
        start: Instant,
    ) -> (Vec<String>, bool) {
        let text = page.clone();
        let modules = run_sized(page.len(), move || find_modules(&text)).await;
        let modules = modules.unwrap_or_default();
        if modules.controls_loading {
            return (Vec::new(), true);
        }
        let base = url_of(request);
        let named = modules
            .sources
            .iter()
            .filter_map(|source| resolve_url(&base, source));
        let mut seen: HashSet<String> = named.collect();
        let mut level: Vec<(String, bool)> = seen.iter().map(|url| (url.clone(), true)).collect();
        for url in inline_imports(request, page, tag).await {
            if seen.insert(url.clone()) {
                level.push((url, false));
            }
        }
        let is_local = request.is_local();
        let mut found = Vec::new();
        while !level.is_empty() {
            let lookups = level.into_iter().map(async |(url, is_named)| {
                let imports = self.imports_of(request, &url).await;
                (url, is_named, imports)
            });
            let mut lookups = pin!(stream::iter(lookups).buffered(CONCURRENT_MODULES));
            level = Vec::new();
            loop {
                // A lookup that is ready at once does not time out, however many there are.
                let deadline = start + WALK_TIME_LIMIT;
                let next = timeout_at(deadline, lookups.next()).await;
                let Some(next) = next.ok().filter(|_| Instant::now() < deadline) else {
                    return (found, false);
                };
                let Some((url, is_named, imports)) = next else {
                    break;
                };
                let Some(imports) = imports else { continue };
                for import in imports.iter() {
                    if seen.insert(import.clone()) {
                        level.push((import.clone(), false));
                    }
                }
                if !is_named {
                    found.push(url);
                }
                if is_local && found.len() > MAX_LOCAL_PRELOADS {
                    return (Vec::new(), true);
                }
                if found.len() >= MAX_PRELOADS {
                    return (found, true);
                }
            }
        }
        (found, true)
    }

    /// Returns the URLs that the module at this URL imports; `None` when it is not known to be a module.
    /// The module is requested with the headers of the page.
    async fn imports_of(&self, page: &PageRequest<'_>, url: &str) -> Option<Arc<[String]>> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.uri = url.parse().ok()?;
        parts.headers = page.parts.headers.clone();
        let path = UrlPath::parse(parts.uri.path()).ok()?;
        let request = PageRequest::new(page.service, &parts, &path, page.peer);
        // The module that exports the text of a script imports nothing.
        if asset_modules::form_of(&request).is_some_and(Form::is_of_source) {
            return Some(Arc::new([]));
        }
        let Some(mut response) = unmodified_file(&request).await else {
            let recorded = self.recorded.get(url);
            return recorded.map(|recorded| recorded.imports);
        };
        packages::stage(&request, &mut response).await;
        let imports = file_imports(&request, response).await?;
        let imports = imports
            .iter()
            .filter_map(|specifier| import_url(url, specifier));
        Some(imports.collect())
    }
}

/// Returns the file that answers a request, unless a hook or the proxy may replace or transform it.
async fn unmodified_file(request: &PageRequest<'_>) -> Option<PageResponse> {
    let (service, path) = (request.service, request.path);
    let facts = request.facts(None);
    let serve = service.plugins.serve().order.snapshot();
    let transform = service.plugins.transform().order.snapshot();
    let is_unmodified = !serve.filters_by_file()
        && !transform.filters_by_file()
        && serve.matching(facts).is_empty()
        && transform.matching(facts).is_empty();
    let is_proxied = service
        .proxy
        .rule(path)
        .is_some_and(|rule| !rule.prefix.as_str().is_empty());
    if !is_unmodified || is_proxied {
        return None;
    }
    match service.files.locate(path) {
        FileLocation::Cached(file) => Some(file.to_response(Responder::Memory)),
        FileLocation::Disk(PathLookup::File(real)) => service.files.read(path, real).await.ok(),
        FileLocation::Disk(_) => None,
    }
}

/// Returns the static imports of a file, resolved as in the response that the browser will get; `None`
/// when it is not a module.
async fn file_imports(request: &PageRequest<'_>, response: PageResponse) -> Option<Vec<String>> {
    let request = request.with_source_file(response.source_file.as_deref());
    let (Payload::Bytes(body), Some(tag)) = (&response.body, &response.tag) else {
        return None;
    };
    if !response.is_script() {
        return None;
    }
    if !may_import(body) {
        return Some(Vec::new());
    }
    let service = request.service;
    let parsed = &service.modules.parsed;
    let module = parsed.get(&request, tag, SourceKind::Script, body).await?;
    let hooks = request.matching_hooks(service.plugins.resolve_import().order.snapshot());
    let resolved = if hooks.is_empty() || module.imports.is_empty() {
        vec![None; module.imports.len()]
    } else {
        resolve::resolve(&request, &hooks, tag, &module)
            .await
            .specifiers
    };
    let static_imports = module.static_imports(&resolved).into_iter();
    Some(static_imports.map(str::to_owned).collect())
}

/// Returns the URLs that the inline modules of a page import. Its specifiers have been resolved already.
async fn inline_imports(request: &PageRequest<'_>, page: &Bytes, tag: &HeaderValue) -> Vec<String> {
    let parsed = &request.service.modules.parsed;
    let Some(module) = parsed.get(request, tag, SourceKind::Page, page).await else {
        return Vec::new();
    };
    let base = url_of(request);
    let as_written = vec![None; module.imports.len()];
    let static_imports = module.static_imports(&as_written).into_iter();
    static_imports
        .filter_map(|specifier| import_url(&base, specifier))
        .collect()
}

/// Whether the source contains a keyword that every import needs. Most modules of a large page are
/// leaves, which need not be parsed.
fn may_import(source: &[u8]) -> bool {
    ["import", "from"]
        .iter()
        .any(|word| memmem::find(source, word.as_bytes()).is_some())
}

/// Returns the path and query of the request.
fn url_of(request: &PageRequest<'_>) -> String {
    let target = request.parts.uri.path_and_query();
    target.map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;

    #[test]
    fn the_caches_count_the_memory_of_their_urls() {
        let graph = ImportGraph::new(true);
        let urls = |number: usize| -> Vec<String> {
            let url = |part: usize| format!("/{part}{}.js", "u".repeat(number));
            (0..number % 9).map(url).collect()
        };
        let insert_hints = |number: usize| {
            let hints = PreloadHints::new(urls(number));
            let created = Instant::now();
            graph
                .hints
                .insert(number as u128, CachedHints { created, hints });
        };
        let insert_recorded = |number: usize| {
            let recorded = RecordedImports {
                tag: HeaderValue::try_from(format!("\"{number:032x}\"")).expect("a tag"),
                imports: urls(number).into(),
            };
            graph.recorded.insert(format!("/{number}.js"), recorded);
        };
        let hints = measure(|| (0..500).for_each(insert_hints)).bytes_current;
        let recorded = measure(|| (0..500).for_each(insert_recorded)).bytes_current;
        for (taken, counted) in [
            (hints.cast_unsigned(), graph.hints.weight()),
            (recorded.cast_unsigned(), graph.recorded.weight()),
        ] {
            assert!(taken <= counted && counted < 2 * taken, "{taken} {counted}");
        }
    }
}
