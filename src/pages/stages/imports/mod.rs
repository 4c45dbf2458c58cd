//! The import stage: rewrites the imports of JavaScript modules to what plugins resolve them to, and
//! collects the preload hints of pages.
//!
//! `crate::javascript` finds imports and splices specifiers, and `page_modules` finds the inline modules of pages;
//! `cache` keeps what they found. `check` looks for syntax errors in scripts whose imports nothing resolves. `resolve`
//! calls the plugins. `graph` follows the imports of a page's modules, so that the browser can preload all of them
//! at once.

mod cache;
mod check;
mod graph;
mod page_modules;
mod relative_url;
mod resolve;

use super::collect::collect_or_skip;
use crate::blocking::run_sized;
use crate::javascript;
use crate::pages::errors::plugin_errors;
use crate::pages::fetch_metadata::SEC_FETCH_DEST;
use crate::pages::request::{MatchingHooks, PageRequest};
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::page_response::{PageResponse, Responder};
use crate::plugins::ResolveImport;
use axum::http::header::{self, HeaderValue};
use bytes::Bytes;
use cache::{Module, ModuleCache, SourceKind};
use check::SyntaxChecks;
use graph::ImportGraph;
pub(crate) use graph::PreloadHints;
use resolve::Resolution;
use std::sync::Arc;
use std::time::Duration;

/// Size limit. Larger modules and pages pass unchanged, which a response header reports. Default 16 MiB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Deadline for reading a streamed page. A slower one passes unchanged, which a response header reports.
/// Default 1 s.
const PAGE_DEADLINE: Duration = Duration::from_secs(1);

/// Name of this stage in the `pagewire-skipped` header.
const STAGE: &str = "imports";

/// Parsed modules, and which of them import which.
pub(crate) struct ModuleIndex {
    parsed: ModuleCache,
    graph: ImportGraph,
    checks: SyntaxChecks,
}

impl ModuleIndex {
    /// Returns an empty index. Pages have preload hints if `preload`.
    pub(crate) fn new(preload: bool) -> Self {
        Self {
            parsed: ModuleCache::new(),
            graph: ImportGraph::new(preload),
            checks: SyntaxChecks::new(),
        }
    }

    /// Returns the modules that a page with this entity tag will load beyond those that it names itself.
    pub(crate) async fn preloads(
        &self,
        request: &PageRequest<'_>,
        page: &Bytes,
        tag: &HeaderValue,
    ) -> PreloadHints {
        self.graph.preloads(request, page, tag).await
    }
}

/// Whether a hook may match the response to this request, assuming that it is a module or a page.
pub(crate) fn may_match(request: &PageRequest<'_>) -> bool {
    let snapshot = request.service.plugins.resolve_import().order.snapshot();
    let destination = request.parts.headers.get(&SEC_FETCH_DEST);
    let loads_code = destination.is_none_or(|destination| {
        let destination = destination.to_str().unwrap_or_default();
        ["script", "document", "frame", "worker"]
            .iter()
            .any(|suffix| destination.ends_with(suffix))
    });
    (loads_code || request.is_retry()) && snapshot.may_match(request.as_get().facts(None))
}

/// Checks the syntax of a script in the background.
pub(crate) fn check_syntax(request: &PageRequest<'_>, response: &PageResponse) {
    request.service.modules.checks.check(request, response);
}

/// Runs the stage: resolves the imports of this response.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) {
    let service = request.service;
    let (order, graph) = (
        &service.plugins.resolve_import().order,
        &service.modules.graph,
    );
    // Recording the imports of a backend's response would hold up its stream.
    let is_generated = match response.responder {
        Responder::Plugin(_) => true,
        Responder::File | Responder::Memory => response.body_file.is_none(),
        Responder::Daemon | Responder::Proxy(_) => false,
    };
    let records = is_generated && graph.records_imports(request);
    if order.is_empty() && !records || !response.is_transformable() {
        return;
    }
    let Some(kind) = SourceKind::of(response) else {
        return;
    };
    let snapshot = order.snapshot();
    let source_file = response.source_file.clone();
    let request = request.as_get().with_source_file(source_file.as_deref());
    let hooks = request.matching_hooks(snapshot);
    if hooks.is_empty() {
        let is_recorded = || graph.is_recorded(&request, response.tag.as_ref());
        if !records || kind == SourceKind::Page || is_recorded() {
            return;
        }
    }
    if kind == SourceKind::Page {
        response.vary_by_destination();
        if !request.is_navigation() {
            return;
        }
    }
    // Boxed to keep the future of responses without imports small.
    Box::pin(resolve_imports(&request, &hooks, kind, response)).await;
}

async fn resolve_imports(
    request: &PageRequest<'_>,
    hooks: &MatchingHooks<ResolveImport>,
    kind: SourceKind,
    response: &mut PageResponse,
) {
    let modules = &request.service.modules;
    // A page that its server writes slowly is not held up for its inline modules.
    let deadline = (kind == SourceKind::Page).then_some(PAGE_DEADLINE);
    let collected = collect_or_skip(request, response, MAX_BODY_BYTES, deadline, STAGE);
    let Some((body, tag)) = collected.await else {
        return;
    };
    let module = modules.parsed.get(request, &tag, kind, &body).await;
    let Some(module) = module.filter(|module| !module.imports.is_empty()) else {
        if kind == SourceKind::Script {
            modules.graph.record(request, &tag, &[]);
        }
        return;
    };
    let Resolution {
        specifiers,
        skipped,
        failed,
    } = resolve::resolve(request, hooks, &tag, &module).await;
    plugin_errors::report_skipped(&skipped, response);
    if let Some(failed) = failed {
        return plugin_errors::replace_with_error(response, *failed);
    }
    if kind == SourceKind::Script {
        let static_imports = module.static_imports(&specifiers);
        modules.graph.record(request, &tag, &static_imports);
    }
    if specifiers.iter().any(Option::is_some) {
        rewrite(request, response, &tag, body, module, specifiers).await;
    }
}

/// Replaces the specifiers in the body. The new body is cached.
async fn rewrite(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    tag: &HeaderValue,
    body: Bytes,
    module: Arc<Module>,
    specifiers: Vec<Option<String>>,
) {
    let variant = Variant {
        name: "imports",
        input_hash: resolve::specifiers_hash(&specifiers) as u64,
    };
    let write = async {
        let written = run_sized(body.len(), move || {
            // Always UTF-8: nothing else is parsed.
            let text = std::str::from_utf8(&body).ok()?;
            let specifiers: Vec<_> = specifiers.iter().map(Option::as_deref).collect();
            let written = javascript::rewrite(text, &module.imports, &specifiers);
            // Without the buffer's spare capacity, which the cache would keep and not count.
            Some(written.into_bytes().into_boxed_slice().into())
        });
        written.await.ok().flatten()
    };
    let cache = &request.service.derived;
    if let Some(derived) = cache.get_or_derive(tag, variant, write).await {
        response.headers.remove(header::LAST_MODIFIED);
        response.set_derived_body(derived, variant);
    }
}
