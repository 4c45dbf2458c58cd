//! The serve stage: asks the plugins that want this request, in order, until one answers. What is
//! remembered of a plugin stands for the plugin.

use super::answer::{Answer, By};
use super::body::{BodyFault, RequestBody};
use super::place::{self, Place};
use super::{Pages, failure, virtual_file};
use crate::config::ProxyRule;
use crate::paths::UrlPath;
use crate::plugins::{
    FailureMode, Hook, HookFailure, Phase, RequestContext, RequestFacts, RequestKey, Serve,
    ServeCall, ServeOutcome,
};
use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;

const SKIPPED: HeaderName = HeaderName::from_static("pagewire-skipped");

type Hooks = [Arc<Hook<Serve>>];

/// A request as the plugins see it.
pub(super) struct Asked<'a> {
    pages: &'a Pages,
    request: &'a Parts,
    path: &'a UrlPath,
    rule: Option<&'a ProxyRule>,
    /// None until somebody has to know: an answer that is remembered needs no file system.
    place: Option<Place>,
    body: RequestBody,
    /// Plugins that failed and whose failure mode lets the request go on.
    skipped: Vec<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        pages: &'a Pages,
        request: &'a Parts,
        path: &'a UrlPath,
        rule: Option<&'a ProxyRule>,
        body: RequestBody,
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
    pub(super) async fn place(&mut self) -> &Place {
        if self.place.is_none() {
            self.place = Some(place::find(self.pages, self.request, self.path, self.rule).await);
        }
        self.place.as_ref().expect("it was just found")
    }

    /// For who comes after the plugins: the file, the body, and who was passed over.
    pub(super) async fn into_rest(mut self) -> (Place, Body, Vec<String>) {
        let place = match self.place.take() {
            Some(place) => place,
            None => place::find(self.pages, self.request, self.path, self.rule).await,
        };
        (place, self.body.into_body(), self.skipped)
    }

    fn file(&self) -> Option<&Path> {
        self.place.as_ref().and_then(Place::file)
    }

    fn facts(&self) -> RequestFacts<'_> {
        RequestFacts {
            method: self.request.method.as_str(),
            path: self.path.as_str(),
            file: self.file(),
            mime: None,
        }
    }

    fn key_for(&self, hook: &Hook<Serve>) -> RequestKey {
        RequestKey {
            hook: hook.id(),
            method: self.request.method.to_string(),
            path: self.path.as_str().to_owned(),
            query: self.request.uri.query().unwrap_or_default().to_owned(),
            headers: self
                .request
                .headers
                .iter()
                .filter(|(name, _)| hook.forwards(name.as_str()))
                .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
        }
    }

    /// The call, with the body if the plugin asks for one of its size.
    async fn call_for(
        &mut self,
        hook: &Hook<Serve>,
        key: &RequestKey,
    ) -> Result<ServeCall, BodyFault> {
        self.place().await;
        let body = match hook.own().max_request_body_bytes {
            _ if self.body.is_empty() => Some(Bytes::new()),
            0 => None,
            max => self.body.whole(max).await?,
        };
        let header = |name: HeaderName| {
            let value = self.request.headers.get(name);
            let value = value.and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let raw_target = self.request.uri.path_and_query();
        Ok(ServeCall {
            request: RequestContext {
                method: key.method.clone(),
                path: key.path.clone(),
                query: key.query.clone(),
                headers: key.headers.clone(),
                traceparent: header(HeaderName::from_static("traceparent")),
                raw_target: raw_target.map(ToString::to_string).unwrap_or_default(),
                host: header(header::HOST),
                file: self.file().map(Path::to_owned),
            },
            body_omitted: body.is_none(),
            body: body.unwrap_or_default(),
        })
    }
}

/// A broken plugin that was passed over stays visible.
pub(super) fn say_skipped(skipped: &[String], answer: &mut Answer) {
    if let Ok(names) = HeaderValue::from_str(&skipped.join(", "))
        && !skipped.is_empty()
    {
        answer.headers.insert(SKIPPED, names);
    }
}

/// Asks the plugins that come before the file system.
pub(super) async fn before_files(hooks: &Hooks, asked: &mut Asked<'_>) -> Option<Answer> {
    let before = |hook: &&Arc<Hook<Serve>>| hook.phase() != Phase::AfterFiles;
    ask(hooks.iter().filter(before), asked).await
}

/// Asks the plugins that stand in for missing files.
pub(super) async fn after_files(hooks: &Hooks, asked: &mut Asked<'_>) -> Option<Answer> {
    let after = |hook: &&Arc<Hook<Serve>>| hook.phase() == Phase::AfterFiles;
    ask(hooks.iter().filter(after), asked).await
}

async fn ask(
    hooks: impl Iterator<Item = &Arc<Hook<Serve>>>,
    asked: &mut Asked<'_>,
) -> Option<Answer> {
    for hook in hooks {
        if hook.looks_at_files() {
            asked.place().await;
        }
        if !hook.wants(asked.facts()) {
            continue;
        }
        if let Some(mut answer) = ask_one(hook, asked).await {
            say_skipped(&asked.skipped, &mut answer);
            return Some(answer);
        }
    }
    None
}

/// None when the next one is to be asked.
async fn ask_one(hook: &Hook<Serve>, asked: &mut Asked<'_>) -> Option<Answer> {
    let (pages, request, path) = (asked.pages, asked.request, asked.path);
    let plugin = hook.plugin();
    let remembered = pages.plugins.remembered();
    let key = asked.key_for(hook);
    let outcome = match remembered.find(&key).filter(|_| asked.body.is_empty()) {
        Some(outcome) => Ok(outcome),
        None => match asked.call_for(hook, &key).await {
            Ok(call) => remembered.ask(hook, key.clone(), call).await,
            Err(fault) => return Some(unread(request, fault)),
        },
    };
    let mut answer = match outcome.as_deref() {
        Ok(ServeOutcome::Skip { .. }) => return None,
        Ok(ServeOutcome::Content(content)) => {
            let answer = virtual_file::answer(pages, hook, path, content).await;
            answer.unwrap_or_else(|message| {
                remembered.forget_one(&key);
                let failure = HookFailure {
                    message,
                    ..HookFailure::default()
                };
                report(request, plugin, path, &failure)
            })
        }
        Ok(ServeOutcome::Failure(failure)) => report(request, plugin, path, failure),
        Err(error) => {
            tracing::warn!(target: "pagewire::pages", plugin, %path, ?error, "plugin did not answer");
            if hook.failure_mode() == FailureMode::Skip {
                asked.skipped.push(plugin.to_owned());
                return None;
            }
            failure::unanswered(request, plugin, *error)
        }
    };
    answer.by = By::Plugin(plugin.to_owned());
    Some(answer)
}

fn report(request: &Parts, plugin: &str, path: &UrlPath, failure: &HookFailure) -> Answer {
    tracing::warn!(target: "pagewire::pages", plugin, %path, message = failure.message, "plugin reported a failure");
    failure::reported(request, plugin, failure)
}

/// A request whose body cannot be given to a plugin that asks for it.
fn unread(request: &Parts, fault: BodyFault) -> Answer {
    let mut answer = failure::refused(request, fault.status(), &fault.to_string());
    if fault == BodyFault::NoRoom {
        failure::ask_again(&mut answer);
    }
    answer
}
