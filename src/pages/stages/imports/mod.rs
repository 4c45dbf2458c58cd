//! The import stage: rewrites the imports of JavaScript modules to what plugins resolve them to, and
//! collects the preload hints of pages.
//!
//! `source` finds imports and splices specifiers, and `html` finds the inline modules of pages; `cache`
//! keeps what they found. `resolve` calls the plugins. `graph` follows the imports of a page's modules,
//! so that the browser can preload all of them at once.

mod cache;
mod code_frame;
mod graph;
mod html;
mod relative_url;
mod resolve;
mod source;
mod stack;

use crate::pages::PageService;
use crate::pages::errors::plugin_errors;
use crate::pages::request::Subject;
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::page_response::{PageResponse, Responder, content_tag};
use crate::pages::stages::collect::{self, CollectError};
use crate::pages::stages::transform::has_representation;

use crate::paths::UrlPath;
use crate::plugins::{HookSnapshot, ResolveImport};
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;
use cache::{Module, ModuleCache, SourceKind};
use graph::ImportGraph;
pub(crate) use graph::PreloadHints;
use resolve::Resolution;
use std::time::Duration;

/// Size limit. Larger modules and pages pass unchanged, which a response header reports. Default 16 MiB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Deadline for reading a streamed page. A slower one passes unchanged, which a response header reports.
/// Default 1 s.
const PAGE_DEADLINE: Duration = Duration::from_secs(1);

/// Name of this stage in the `pagewire-skipped` header.
const STAGE: &str = "imports";

/// Parsed modules, and which of them import which.
pub(crate) struct ModuleIndex {
    parsed: ModuleCache,
    graph: ImportGraph,
}

impl ModuleIndex {
    /// Returns an empty index. Pages have preload hints if `preload`.
    pub(crate) fn new(preload: bool) -> Self {
        Self {
            parsed: ModuleCache::new(),
            graph: ImportGraph::new(preload),
        }
    }

    /// Returns the modules that a page will load beyond those that it names itself. `tag` is the page's
    /// entity tag, if it has one.
    pub(crate) async fn preloads(
        &self,
        pages: &PageService,
        request: &Parts,
        page: &Bytes,
        tag: Option<&HeaderValue>,
    ) -> PreloadHints {
        self.graph.preloads(pages, request, page, tag).await
    }
}

/// Whether a plugin may want to resolve the imports of the response to this request, assuming that it
/// is a module or a page.
pub(crate) fn may_want(pages: &PageService, request: &Parts, path: &UrlPath) -> bool {
    let hooks = pages.plugins.resolve_import().order.snapshot();
    let loads_code = request.headers.get("sec-fetch-dest").is_none_or(|dest| {
        let dest = dest.to_str().unwrap_or_default();
        ["script", "document", "frame", "worker"]
            .iter()
            .any(|suffix| dest.ends_with(suffix))
    });
    loads_code && hooks.may_match(Subject::as_get(request, path, None).facts(None))
}

/// Runs the stage: resolves the imports of this response.
pub(crate) async fn stage(
    pages: &PageService,
    request: &Parts,
    path: &UrlPath,
    answer: &mut PageResponse,
) {
    let hooks = &pages.plugins.resolve_import().order;
    // Recording the imports of a backend's response would hold up its stream.
    let is_generated = match answer.responder {
        Responder::Plugin(_) => true,
        Responder::File | Responder::Memory => answer.file.is_none(),
        Responder::Daemon | Responder::Proxy(_) => false,
    };
    let records = pages.modules.graph.records(pages, is_generated);
    if hooks.is_empty() && !records || !has_representation(answer) {
        return;
    }
    let Some(kind) = SourceKind::of(answer) else {
        return;
    };
    let hooks = hooks.snapshot();
    let source = answer.source.clone();
    let subject = Subject::as_get(request, path, source.as_deref());
    let matching = hooks.matching(subject.facts(None));
    if matching.is_empty() {
        let is_recorded = || {
            let tag = answer.tag.as_ref();
            pages.modules.graph.is_recorded(request, tag)
        };
        if !records || kind == SourceKind::Page || is_recorded() {
            return;
        }
    }
    // Boxed to keep the future of responses without imports small.
    Box::pin(resolve_imports(
        pages, &hooks, &matching, subject, kind, answer,
    ))
    .await;
}

async fn resolve_imports(
    pages: &PageService,
    hooks: &HookSnapshot<ResolveImport>,
    matching: &[usize],
    subject: Subject<'_>,
    kind: SourceKind,
    answer: &mut PageResponse,
) {
    // A page that its server writes slowly is not held up for its inline modules.
    let deadline = (kind == SourceKind::Page).then_some(PAGE_DEADLINE);
    let body =
        match collect::collect_body(pages, subject.request, answer, MAX_BYTES, deadline).await {
            Ok(body) => body,
            Err(CollectError::Head) => return collect::clear_body(answer),
            Err(CollectError::Fault(fault)) => return plugin_errors::show_instead(*fault, answer),
            Err(CollectError::TooLarge | CollectError::TooSlow | CollectError::Compressed) => {
                return plugin_errors::say_skipped(&[STAGE.to_owned()], answer);
            }
        };
    let Some(tag) = answer.tag.clone().or_else(|| content_tag(&body)) else {
        return;
    };
    let module = pages.modules.parsed.get(&tag, kind, &body, subject).await;
    let Some(module) = module.filter(|module| !module.imports.is_empty()) else {
        if kind == SourceKind::Script {
            pages.modules.graph.record(subject, &tag, &[]);
        }
        return;
    };
    let Resolution {
        specifiers,
        skipped,
        failed,
    } = resolve::resolve(pages, hooks, matching, subject, &tag, &module).await;
    plugin_errors::say_skipped(&skipped, answer);
    if let Some(failed) = failed {
        return plugin_errors::show_instead(*failed, answer);
    }
    if kind == SourceKind::Script {
        let static_imports = module.static_imports(&specifiers);
        pages.modules.graph.record(subject, &tag, &static_imports);
    }
    if specifiers.iter().any(Option::is_some) {
        rewrite(pages, answer, &tag, &body, &module, &specifiers).await;
    }
}

/// Replaces the body by the module with its specifiers replaced, which is cached.
async fn rewrite(
    pages: &PageService,
    answer: &mut PageResponse,
    tag: &HeaderValue,
    body: &Bytes,
    module: &Module,
    specifiers: &[Option<String>],
) {
    let variant = Variant {
        name: "imports",
        detail: resolve::specifiers_hash(specifiers) as u64,
    };
    let write = async {
        // Always UTF-8: nothing else is parsed.
        let text = std::str::from_utf8(body).ok()?;
        let specifiers: Vec<_> = specifiers.iter().map(Option::as_deref).collect();
        Some(source::rewrite(text, &module.imports, &specifiers).into())
    };
    if let Some(made) = pages.derived.get(tag, variant, write).await {
        answer.headers.remove(header::LAST_MODIFIED);
        answer.become_made(made, variant);
    }
}
