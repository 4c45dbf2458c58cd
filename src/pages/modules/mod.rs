//! The stage that knows JavaScript modules: what plugins say that imports stand for is put into the
//! source, and what a page will load is told to the browser at once.

mod frame;
mod graph;
mod page;
mod parsed;
mod resolve;
mod source;
mod stack;

use super::answer::{Answer, By, content_tag};
use super::derived::Variant;
use super::subject::Subject;
use super::transform::has_representation;
use super::whole::{self, NotWhole};
use super::{Pages, faults};
use crate::paths::UrlPath;
use crate::plugins::{HookSnapshot, ResolveImport};
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;
use graph::Graph;
pub(super) use graph::Hints;
use parsed::{Module, Parsed};
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

/// Larger modules and pages are passed on as they are, which a header says. Default 16 MiB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How long a page from elsewhere may take to come before it is passed on as it is, which a header says.
/// Default 1 s.
const PAGE_PATIENCE: Duration = Duration::from_secs(1);

/// Who is named in the header where no plugin was passed by, but we.
const IMPORTS: &str = "imports";

/// What is known of modules.
pub(super) struct Modules {
    parsed: Parsed,
    graph: Graph,
}

impl Modules {
    /// Nothing yet; pages are told of what they will load if `preload`.
    pub(super) fn new(preload: bool) -> Self {
        Self {
            parsed: Parsed::new(),
            graph: Graph::new(preload),
        }
    }

    /// What a page will load beside what it names itself; `tag` names its content, if it has one.
    pub(super) async fn preloads(
        &self,
        pages: &Pages,
        request: &Parts,
        page: &Bytes,
        tag: Option<&HeaderValue>,
    ) -> Hints {
        self.graph.preloads(pages, request, page, tag).await
    }
}

/// What a response is, as far as imports go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Page,
}

impl Kind {
    fn of(answer: &Answer) -> Option<Self> {
        if answer.is_script() {
            Some(Self::Script)
        } else if answer.is_html() {
            Some(Self::Page)
        } else {
            None
        }
    }
}

/// Whether a plugin may want to resolve imports of what a request gets, if that is a module or a page.
pub(super) fn may_want(pages: &Pages, request: &Parts, path: &UrlPath) -> bool {
    let hooks = pages.plugins.resolve_import().order.snapshot();
    let loads_code = request.headers.get("sec-fetch-dest").is_none_or(|dest| {
        let dest = dest.to_str().unwrap_or_default();
        ["script", "document", "frame", "worker"]
            .iter()
            .any(|kind| dest.ends_with(kind))
    });
    loads_code && hooks.may_match(Subject::as_get(request, path, None).facts(None))
}

/// The stage: asks the plugins what the imports of this answer stand for.
pub(super) async fn stage(pages: &Pages, request: &Parts, path: &UrlPath, answer: &mut Answer) {
    let hooks = &pages.plugins.resolve_import().order;
    // What a backend makes passes through: it would be held up.
    let is_made = match answer.by {
        By::Plugin(_) => true,
        By::File | By::Memory => answer.file.is_none(),
        By::Daemon | By::Proxy(_) => false,
    };
    let learns = pages.modules.graph.learns(pages, is_made);
    if hooks.is_empty() && !learns || !has_representation(answer) {
        return;
    }
    let Some(kind) = Kind::of(answer) else { return };
    let hooks = hooks.snapshot();
    let source = answer.source.clone();
    let subject = Subject::as_get(request, path, source.as_deref());
    let wanting = hooks.matching(subject.facts(None));
    if wanting.is_empty() {
        let is_news = || !pages.modules.graph.knows(request, answer.tag.as_ref());
        if !learns || kind == Kind::Page || !is_news() {
            return;
        }
    }
    // Boxed: what has no imports need not have the room for it.
    Box::pin(imports(pages, &hooks, &wanting, subject, kind, answer)).await;
}

async fn imports(
    pages: &Pages,
    hooks: &HookSnapshot<ResolveImport>,
    wanting: &[usize],
    subject: Subject<'_>,
    kind: Kind,
    answer: &mut Answer,
) {
    // A page that is written while it is read is not held up for its inline modules.
    let patience = (kind == Kind::Page).then_some(PAGE_PATIENCE);
    let body = match whole::whole(pages, subject.request, answer, MAX_BYTES, patience).await {
        Ok(body) => body,
        Err(NotWhole::Head) => return whole::forget_body(answer),
        Err(NotWhole::Fault(fault)) => return faults::show_instead(*fault, answer),
        Err(NotWhole::TooLarge | NotWhole::TooSlow | NotWhole::Compressed) => {
            return faults::say_skipped(&[IMPORTS.to_owned()], answer);
        }
    };
    let Some(tag) = answer.tag.clone().or_else(|| content_tag(&body)) else {
        return;
    };
    let module = pages.modules.parsed.get(&tag, kind, &body, subject).await;
    let Some(module) = module.filter(|module| !module.imports.is_empty()) else {
        if kind == Kind::Script {
            pages.modules.graph.learn(subject, &tag, &[]);
        }
        return;
    };
    let resolve::Resolved {
        specifiers,
        skipped,
        failed,
    } = resolve::ask(pages, hooks, wanting, subject, &tag, &module).await;
    faults::say_skipped(&skipped, answer);
    if let Some(failed) = failed {
        return faults::show_instead(*failed, answer);
    }
    if kind == Kind::Script {
        let statics = module.statics(&specifiers);
        pages.modules.graph.learn(subject, &tag, &statics);
    }
    if specifiers.iter().any(Option::is_some) {
        rewrite(pages, answer, &tag, &body, &module, &specifiers).await;
    }
}

/// Puts the specifiers in. The same module with the same ones is not written twice.
async fn rewrite(
    pages: &Pages,
    answer: &mut Answer,
    tag: &HeaderValue,
    body: &Bytes,
    module: &Module,
    specifiers: &[Option<String>],
) {
    let variant = Variant {
        name: "imports",
        detail: fingerprint(specifiers) as u64,
    };
    let write = async {
        // It was read as such.
        let text = std::str::from_utf8(body).ok()?;
        let specifiers: Vec<_> = specifiers.iter().map(Option::as_deref).collect();
        Some(source::rewrite(text, &module.imports, &specifiers).into())
    };
    if let Some(made) = pages.derived.get(tag, variant, write).await {
        answer.headers.remove(header::LAST_MODIFIED);
        answer.become_made(made, variant);
    }
}

/// Tells apart what imports may stand for.
fn fingerprint(specifiers: &[Option<String>]) -> u128 {
    let mut hash = Xxh3::new();
    for specifier in specifiers {
        let text = specifier.as_deref().unwrap_or_default();
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest128()
}
