//! The serve stage: asks the plugins that want this request, in order, until one answers. What is
//! remembered of a plugin stands for the plugin.

use crate::pages::PageService;
use crate::pages::errors::error_page;
use crate::pages::errors::plugin_errors;
use crate::pages::errors::plugin_errors::CallFailure;
use crate::pages::files::lookup::{self, FileLookup};
use crate::pages::files::virtual_file;
use crate::pages::request::Subject;
use crate::pages::response::body::{BodyError, BufferedBody};
use crate::pages::response::page_response::{CachedResponse, PageResponse, Responder};

use crate::config::ProxyRule;
use crate::paths::UrlPath;
use crate::plugins::{
    Hook, HookSnapshot, Phase, RequestKey, Serve, ServeBody, ServeCall, ServeOutcome,
};
use axum::body::Body;
use axum::http::request::Parts;
use bytes::Bytes;
use std::sync::Arc;

/// A request as the plugins see it.
pub(crate) struct ServeContext<'a> {
    pages: &'a PageService,
    request: &'a Parts,
    path: &'a UrlPath,
    rule: Option<&'a ProxyRule>,
    /// None until somebody has to know: an answer that is remembered needs no file system.
    place: Option<FileLookup>,
    body: BufferedBody,
    /// Plugins that failed and whose failure mode lets the request go on.
    skipped: Vec<String>,
}

impl<'a> ServeContext<'a> {
    pub(crate) fn new(
        pages: &'a PageService,
        request: &'a Parts,
        path: &'a UrlPath,
        rule: Option<&'a ProxyRule>,
        body: BufferedBody,
    ) -> Self {
        Self {
            pages,
            request,
            path,
            rule,
            place: None,
            body,
            skipped: Vec::new(),
        }
    }

    /// Which file would answer.
    pub(crate) fn place(&mut self) -> &FileLookup {
        if self.place.is_none() {
            self.place = Some(lookup::find(self.pages, self.request, self.path, self.rule));
        }
        self.place.as_ref().expect("it was just found")
    }

    /// For who comes after the plugins: the file, the body, and who was passed over.
    pub(crate) fn into_rest(mut self) -> (FileLookup, Body, Vec<String>) {
        let place = match self.place.take() {
            Some(place) => place,
            None => lookup::find(self.pages, self.request, self.path, self.rule),
        };
        (place, self.body.into_body(), self.skipped)
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            request: self.request,
            path: self.path,
            method: self.request.method.as_str(),
            file: self.place.as_ref().and_then(FileLookup::file),
        }
    }

    /// The call, with the body if the plugin asks for one of its size.
    async fn call_for(
        &mut self,
        hook: &Hook<Serve>,
        key: &RequestKey,
    ) -> Result<ServeCall, BodyError> {
        self.place();
        let body = match hook.type_options().max_request_body_bytes {
            _ if self.body.is_empty() => Some(Bytes::new()),
            0 => None,
            max => self.body.whole(max).await?,
        };
        Ok(ServeCall {
            request: self.subject().context(key),
            body_omitted: body.is_none(),
            body: body.unwrap_or_default(),
        })
    }
}

/// The plugins that want a request.
pub(crate) struct Wanting {
    hooks: Arc<HookSnapshot<Serve>>,
    /// Their places among the hooks.
    places: Arc<[usize]>,
}

/// Who wants this request, in whichever phase; none when nobody does.
pub(crate) fn wanting(asked: &mut ServeContext<'_>) -> Option<Wanting> {
    let order = &asked.pages.plugins.serve().order;
    if order.is_empty() {
        return None;
    }
    let hooks = order.snapshot();
    if hooks.filters_by_file() {
        asked.place();
    }
    let places = hooks.matching(asked.subject().facts(None));
    (!places.is_empty()).then_some(Wanting { hooks, places })
}

/// Asks the plugins that come before the file system.
pub(crate) async fn before_files(
    wanting: &Wanting,
    asked: &mut ServeContext<'_>,
) -> Option<PageResponse> {
    ask(wanting, asked, |phase| phase != Phase::AfterFiles).await
}

/// Asks the plugins that stand in for missing files.
pub(crate) async fn after_files(
    wanting: &Wanting,
    asked: &mut ServeContext<'_>,
) -> Option<PageResponse> {
    ask(wanting, asked, |phase| phase == Phase::AfterFiles).await
}

async fn ask(
    wanting: &Wanting,
    asked: &mut ServeContext<'_>,
    is_due: impl Fn(Phase) -> bool,
) -> Option<PageResponse> {
    for place in wanting.places.iter() {
        let hook = &wanting.hooks.hooks()[*place];
        if is_due(hook.phase())
            && let Some(mut answer) = ask_one(hook, asked).await
        {
            answer.source = asked.subject().file.map(Arc::from);
            plugin_errors::say_skipped(&asked.skipped, &mut answer);
            return Some(answer);
        }
    }
    None
}

/// None when the next one is to be asked.
async fn ask_one(hook: &Hook<Serve>, asked: &mut ServeContext<'_>) -> Option<PageResponse> {
    let (pages, request, path) = (asked.pages, asked.request, asked.path);
    let plugin = hook.plugin();
    let cache = &pages.plugins.serve().cache;
    let key = asked.subject().key(hook, 0);
    let said = match cache.get(&key).filter(|_| asked.body.is_empty()) {
        Some(said) => Ok(said),
        None => match asked.call_for(hook, &key).await {
            Ok(call) => {
                let file = call.request.file.clone();
                let reads = matches!(key.method.as_str(), "GET" | "HEAD");
                let may_keep = reads && !call.body_omitted && call.body.is_empty();
                let asked = cache.call(hook, key.clone(), call, file, may_keep);
                asked.await
            }
            Err(fault) => return Some(unread(request, fault)),
        },
    };
    let said = match said {
        Ok(said) => said,
        Err(error) => match plugin_errors::unanswered(pages, request, hook, path, error) {
            CallFailure::Shown(answer) => return Some(*answer),
            CallFailure::PassedBy => {
                asked.skipped.push(plugin.to_owned());
                return None;
            }
            CallFailure::NotThere => return None,
        },
    };
    let by = Responder::Plugin(plugin.to_owned());
    match said.outcome() {
        ServeOutcome::Skip { .. } => None,
        ServeOutcome::Content(content) => {
            if let Some(finished) = said.derived::<CachedResponse>() {
                return Some(finished.answer(by, None));
            }
            let answer = virtual_file::answer(pages, hook, asked.subject(), content).await;
            match answer {
                Ok(mut answer) => {
                    answer.responder = by;
                    if matches!(content.body, ServeBody::Inline(_))
                        && let Some(finished) = CachedResponse::of(&answer)
                    {
                        said.set_derived(finished);
                    }
                    Some(answer)
                }
                Err(message) => {
                    cache.remove(&key);
                    Some(plugin_errors::broken(request, plugin, path, message))
                }
            }
        }
        ServeOutcome::Failure(failure) => {
            Some(plugin_errors::reported(request, plugin, path, failure))
        }
    }
}

/// A request whose body cannot be given to a plugin that asks for it.
fn unread(request: &Parts, fault: BodyError) -> PageResponse {
    let mut answer = error_page::refused(request, fault.status(), &fault.to_string());
    if fault == BodyError::NoRoom {
        error_page::ask_again(&mut answer);
    }
    answer
}
