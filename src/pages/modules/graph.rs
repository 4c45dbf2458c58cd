//! Which modules import which, as far as is known: a page names its first ones, and the browser would
//! find the others a round trip a level. It is told of all at once, as hints: what is missing or too
//! much costs time and nothing else.

use super::{Kind, page, resolve};
use crate::pages::Pages;
use crate::pages::answer::{Answer, By, Payload, content_tag};
use crate::pages::files::Located;
use crate::pages::subject::Subject;
use crate::paths::{PathLookup, UrlPath};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use memchr::memmem;
use quick_cache::sync::Cache;
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

/// Modules that a page is told of at most; the browser finds the others by itself. Default 512.
const MAX_PRELOADS: usize = 512;

/// How long a page waits for its modules to be looked through. What was found until then is told,
/// and the rest to who asks next. Default 20 ms.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// Modules of a page that are looked through at the same time.
const LOOKS_AT_ONCE: usize = 8;

/// How long what a page was told may be told again. Default 1 s.
const FRESH: Duration = Duration::from_secs(1);

/// Pages whose hints are known, and modules of plugins whose imports are. Beyond, those
/// that are asked for least are looked through again when they come. Default 4,096 each.
const KNOWN: usize = 4096;

/// What is known.
pub(super) struct Graph {
    preload: bool,
    /// By the hash of path and page.
    told: Cache<u128, Told>,
    /// What modules import that no file says, by their URL.
    learned: Cache<String, Learned>,
}

#[derive(Clone)]
struct Learned {
    /// Of the module's content.
    tag: HeaderValue,
    imports: Arc<[String]>,
}

#[derive(Clone)]
struct Told {
    at: Instant,
    hints: Hints,
}

/// Modules that a page will load and does not name itself.
#[derive(Clone, Default)]
pub(in crate::pages) struct Hints {
    pub(in crate::pages) urls: Arc<[String]>,
    /// Tells them from others; 0 = there are none.
    pub(in crate::pages) hash: u64,
}

impl Hints {
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

impl Graph {
    pub(super) fn new(preload: bool) -> Self {
        Self {
            preload,
            told: Cache::new(KNOWN),
            learned: Cache::new(KNOWN),
        }
    }

    /// Whether imports are of interest that nobody resolves: of what somebody made. Those of files are
    /// looked up when they are needed.
    pub(super) fn learns(&self, pages: &Pages, is_made: bool) -> bool {
        self.preload && is_made && pages.plugins.inject_client()
    }

    /// Whether this very module was learned.
    pub(super) fn knows(&self, request: &Parts, tag: Option<&HeaderValue>) -> bool {
        let target = request.uri.path_and_query();
        let learned = target.and_then(|target| self.learned.get(target.as_str()));
        learned.is_some_and(|learned| Some(&learned.tag) == tag)
    }

    /// A module with this tag was served that imports these.
    pub(super) fn learn(&self, importer: Subject<'_>, tag: &HeaderValue, specifiers: &[&str]) {
        if !self.preload {
            return;
        }
        let url = url_of(importer.request);
        let imports = specifiers
            .iter()
            .filter_map(|specifier| imported(&url, specifier));
        let learned = Learned {
            tag: tag.clone(),
            imports: imports.collect(),
        };
        self.learned.insert(url, learned);
    }

    /// What a page is told; `tag` names its content, if it has one.
    pub(super) async fn preloads(
        &self,
        pages: &Pages,
        request: &Parts,
        page: &Bytes,
        tag: Option<&HeaderValue>,
    ) -> Hints {
        if !self.preload {
            return Hints::default();
        }
        let content = tag.map_or(&page[..], HeaderValue::as_bytes);
        let key = xxh3_128_with_seed(content, xxh3_64(request.uri.path().as_bytes()));
        if let Some(told) = self.told.get(&key).filter(|told| told.at.elapsed() < FRESH) {
            return told.hints;
        }
        let at = Instant::now();
        let (urls, is_all) = Box::pin(self.look(pages, request, page, at)).await;
        let hints = Hints::new(urls);
        if is_all {
            let hints = hints.clone();
            self.told.insert(key, Told { at, hints });
        }
        hints
    }

    /// The URLs, and whether there was time to look at all of them.
    async fn look(
        &self,
        pages: &Pages,
        request: &Parts,
        page: &Bytes,
        begin: Instant,
    ) -> (Vec<String>, bool) {
        let modules = page::modules(page);
        if modules.decides {
            return (Vec::new(), true);
        }
        let base = url_of(request);
        let named = modules
            .sources
            .iter()
            .filter_map(|source| joined(&base, source));
        let mut known: HashSet<String> = named.collect();
        let mut level: Vec<(String, bool)> = known.iter().map(|url| (url.clone(), true)).collect();
        for url in inline_imports(pages, request, page).await {
            if known.insert(url.clone()) {
                level.push((url, false));
            }
        }
        let mut found = Vec::new();
        while !level.is_empty() {
            let looks = level.into_iter().map(async |(url, is_named)| {
                let imports = self.imports_of(pages, request, &url).await;
                (url, is_named, imports)
            });
            let mut looks = pin!(stream::iter(looks).buffered(LOOKS_AT_ONCE));
            level = Vec::new();
            loop {
                let Ok(looked) = timeout_at(begin + LONGEST_LOOK, looks.next()).await else {
                    return (found, false);
                };
                let Some((url, is_named, imports)) = looked else {
                    break;
                };
                let Some(imports) = imports else { continue };
                for import in imports.iter() {
                    if known.insert(import.clone()) {
                        level.push((import.clone(), false));
                    }
                }
                if !is_named {
                    found.push(url);
                }
                if found.len() >= MAX_PRELOADS {
                    return (found, true);
                }
            }
        }
        (found, true)
    }

    /// The URLs that the module at this one imports; none when it is not known to be one.
    async fn imports_of(&self, pages: &Pages, page: &Parts, url: &str) -> Option<Arc<[String]>> {
        let (mut request, ()) = Request::new(()).into_parts();
        request.uri = url.parse().ok()?;
        request.headers = page.headers.clone();
        let path = UrlPath::parse(request.uri.path()).ok()?;
        let Some(answer) = file(pages, &request, &path).await else {
            return self.learned.get(url).map(|learned| learned.imports);
        };
        let imports = imports(pages, &request, &path, answer).await?;
        let imports = imports
            .iter()
            .filter_map(|specifier| imported(url, specifier));
        Some(imports.collect())
    }
}

/// The file that answers a request as it is, if nobody makes something else of it.
async fn file(pages: &Pages, request: &Parts, path: &UrlPath) -> Option<Answer> {
    let subject = Subject::as_get(request, path, None);
    let serve = pages.plugins.serve().order.snapshot();
    let transform = pages.plugins.transform().order.snapshot();
    let is_plain = !serve.filters_by_file()
        && !transform.filters_by_file()
        && serve.matching(subject.facts(None)).is_empty()
        && transform.matching(subject.facts(None)).is_empty();
    let is_proxied = pages
        .proxy
        .rule(path)
        .is_some_and(|rule| !rule.prefix.as_str().is_empty());
    if !is_plain || is_proxied {
        return None;
    }
    match pages.files.find(path) {
        Located::Memory(hot) => Some(hot.answer(By::Memory)),
        Located::Disk(PathLookup::File(real)) => pages.files.read(path, real).await.ok(),
        Located::Disk(_) => None,
    }
}

/// What a module imports that is this file, as the browser will be told.
async fn imports(
    pages: &Pages,
    request: &Parts,
    path: &UrlPath,
    answer: Answer,
) -> Option<Vec<String>> {
    let source = answer.source.clone();
    let subject = Subject::as_get(request, path, source.as_deref());
    let (Payload::Bytes(body), Some(tag)) = (&answer.body, &answer.tag) else {
        return None;
    };
    if !answer.is_script() {
        return None;
    }
    if !may_import(body) {
        return Some(Vec::new());
    }
    let module = pages
        .modules
        .parsed
        .get(tag, Kind::Script, body, subject)
        .await?;
    let hooks = pages.plugins.resolve_import().order.snapshot();
    let wanting = hooks.matching(subject.facts(None));
    let resolved = if wanting.is_empty() || module.imports.is_empty() {
        vec![None; module.imports.len()]
    } else {
        let asked = resolve::ask(pages, &hooks, &wanting, subject, tag, &module).await;
        asked.specifiers
    };
    let statics = module.statics(&resolved).into_iter();
    Some(statics.map(str::to_owned).collect())
}

/// What the inline modules of a page import, which has its specifiers resolved.
async fn inline_imports(pages: &Pages, request: &Parts, page: &Bytes) -> Vec<String> {
    let (Ok(path), Some(tag)) = (UrlPath::parse(request.uri.path()), content_tag(page)) else {
        return Vec::new();
    };
    let subject = Subject::as_get(request, &path, None);
    let module = pages
        .modules
        .parsed
        .get(&tag, Kind::Page, page, subject)
        .await;
    let Some(module) = module else {
        return Vec::new();
    };
    let base = url_of(request);
    let as_written = vec![None; module.imports.len()];
    let statics = module.statics(&as_written).into_iter();
    statics
        .filter_map(|specifier| imported(&base, specifier))
        .collect()
}

/// Whether there is a word without which nothing is imported. Most modules of a large page are leaves.
fn may_import(source: &[u8]) -> bool {
    ["import", "from"]
        .iter()
        .any(|word| memmem::find(source, word.as_bytes()).is_some())
}

/// Path and query.
fn url_of(request: &Parts) -> String {
    let target = request.uri.path_and_query();
    target.map_or_else(String::new, ToString::to_string)
}

/// The URL that an import of this specifier in a module with that URL is loaded from. Bare ones are
/// loaded from nowhere.
fn imported(importer: &str, specifier: &str) -> Option<String> {
    let is_url = ["/", "./", "../"]
        .iter()
        .any(|start| specifier.starts_with(start));
    is_url.then(|| joined(importer, specifier))?
}

/// A relative URL as the browser makes an absolute one of it; none where it goes to another host or
/// has letters that the browser would write in another way: then there would be two of it.
fn joined(base: &str, reference: &str) -> Option<String> {
    let is_ordinary =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:@/?%".contains(&byte);
    let (path, query) = match reference.find('?') {
        Some(at) => reference.split_at(at),
        None => (reference, ""),
    };
    let first = path.split('/').next().unwrap_or_default();
    if path.is_empty()
        || path.starts_with("//")
        || first.contains(':')
        || !reference.bytes().all(is_ordinary)
        || path.to_ascii_lowercase().contains("%2e")
    {
        return None;
    }
    let base = base.split('?').next().unwrap_or_default();
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut names: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').skip(1).collect()
    };
    let mut rest = path.trim_start_matches('/').split('/').peekable();
    while let Some(name) = rest.next() {
        match name {
            "." | ".." => {
                if name == ".." {
                    names.pop();
                }
                if rest.peek().is_none() {
                    names.push("");
                }
            }
            name => names.push(name),
        }
    }
    Some(format!("/{}{query}", names.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_urls_are_those_that_the_browser_makes_of_them() {
        for (base, reference, url) in [
            ("/", "./a.js", Some("/a.js")),
            ("/x/page?q=/y/", "a.js?v=1", Some("/x/a.js?v=1")),
            ("/x/y/z.js", "../a.js", Some("/x/a.js")),
            ("/x.js", "../../a.js", Some("/a.js")),
            ("/x/y.js", "/a/./b/../c.js", Some("/a/c.js")),
            ("/x/y.js", "..", Some("/")),
            ("/x/y.js", "./z/.", Some("/x/z/")),
            ("/x/y.js", "a//b.js", Some("/x/a//b.js")),
            ("/", "//host/a.js", None),
            ("/", "https://host/a.js", None),
            ("/", "data:text/javascript,1", None),
            ("/", "./a b.js", None),
            ("/", "./a\\b.js", None),
            ("/", "./%2e%2E/b.js", None),
            ("/", "./caf\u{e9}.js", None),
            ("/", "#a", None),
            ("/", "", None),
        ] {
            assert_eq!(
                joined(base, reference).as_deref(),
                url,
                "{base} {reference}"
            );
        }
        assert_eq!(imported("/x/y.js", "a.js"), None, "it is bare");
        assert_eq!(imported("/x/y.js", "./a.js").as_deref(), Some("/x/a.js"));
    }
}
