//! The transform stage: plugins change the response, one after the other. What was made of the same
//! content for the same request is not made twice.

use crate::pages::PageService;
use crate::pages::errors::plugin_errors;
use crate::pages::errors::plugin_errors::CallFailure;
use crate::pages::files::mime;
use crate::pages::files::virtual_file;
use crate::pages::request::Subject;
use crate::pages::response::page_response::{CachedResponse, PageResponse, Responder, hash_tag};
use crate::pages::stages::collect::{self, CollectError};

use crate::paths::UrlPath;
use crate::plugins::{
    Hook, HookSnapshot, Transform, TransformCall, TransformContent, TransformOutcome,
};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Headers that say when a response was made and not what it is (RFC 9110, section 6.6.1; RFC 9111,
/// section 5.1): plugins see them, but what they make does not depend on them.
const OF_THE_MOMENT: [HeaderName; 2] = [header::DATE, header::AGE];

/// Whether a plugin may want to change what a request gets, whatever that will be.
pub(crate) fn may_want(pages: &PageService, request: &Parts, path: &UrlPath) -> bool {
    let hooks = pages.plugins.transform().order.snapshot();
    hooks.may_match(Subject::as_get(request, path, None).facts(None))
}

/// The stage: asks the plugins that want to change this answer, in order.
pub(crate) async fn stage(
    pages: &PageService,
    request: &Parts,
    path: &UrlPath,
    answer: &mut PageResponse,
) {
    let hooks = &pages.plugins.transform().order;
    if hooks.is_empty() {
        return;
    }
    let hooks = hooks.snapshot();
    let source = answer.source.clone();
    let subject = Subject::as_get(request, path, source.as_deref());
    let wanting = wanting(&hooks, subject, answer);
    if !wanting.is_empty() && has_representation(answer) {
        // Boxed: what nobody changes need not have the room for it.
        Box::pin(change(pages, &hooks, wanting, subject, answer)).await;
    }
}

/// Whether an answer is a whole thing that plugins or files made, and that ends.
pub(crate) fn has_representation(answer: &PageResponse) -> bool {
    let partial = [
        StatusCode::NO_CONTENT,
        StatusCode::RESET_CONTENT,
        StatusCode::PARTIAL_CONTENT,
    ];
    answer.status.is_success()
        && !partial.contains(&answer.status)
        && !answer.verbatim
        && answer.responder != Responder::Daemon
        && !answer.is_event_stream()
}

/// The places of those that want the answer as it is now.
fn wanting(
    hooks: &HookSnapshot<Transform>,
    subject: Subject<'_>,
    answer: &PageResponse,
) -> Arc<[usize]> {
    let mime = hooks.filters_by_mime_type().then(|| answer.essence());
    hooks.matching(subject.facts(mime))
}

async fn change(
    pages: &PageService,
    hooks: &HookSnapshot<Transform>,
    mut places: Arc<[usize]>,
    subject: Subject<'_>,
    answer: &mut PageResponse,
) {
    let mut skipped = Vec::new();
    let mut at = 0;
    while let Some(place) = places.get(at).copied() {
        let hook = &hooks.hooks()[place];
        match change_by(pages, hook, subject, answer).await {
            Ok(()) => {}
            Err(Passed::Responder) => skipped.push(hook.plugin().to_owned()),
            Err(Passed::Failed(failed)) => {
                plugin_errors::show_instead(*failed, answer);
                break;
            }
        }
        at += 1;
        if hooks.filters_by_mime_type() {
            // It may be of another type now.
            places = wanting(hooks, subject, answer);
            at = places.partition_point(|other| *other <= place);
        }
    }
    plugin_errors::say_skipped(&skipped, answer);
}

/// Why a plugin has not changed an answer that it wanted to.
enum Passed {
    /// It was passed by: the next one gets the answer as it is.
    Responder,
    /// The page gets this.
    Failed(Box<PageResponse>),
}

impl From<CollectError> for Passed {
    fn from(fault: CollectError) -> Self {
        match fault {
            CollectError::Fault(answer) => Self::Failed(answer),
            _ => Self::Responder,
        }
    }
}

async fn change_by(
    pages: &PageService,
    hook: &Arc<Hook<Transform>>,
    subject: Subject<'_>,
    answer: &mut PageResponse,
) -> Result<(), Passed> {
    let (request, path, plugin) = (subject.request, subject.path, hook.plugin());
    let read = collect::collect_body(
        pages,
        request,
        answer,
        hook.type_options().max_body_bytes,
        None,
    )
    .await;
    if matches!(read, Err(CollectError::Head)) {
        collect::clear_body(answer);
        return Ok(());
    }
    let body = read?;
    let about = fingerprint(answer, &body);
    let key = subject.key(hook, about);
    let cache = &pages.plugins.transform().cache;
    let asked = match cache.get(&key) {
        Some(said) => Ok(said),
        None => {
            let content_type = answer.header(header::CONTENT_TYPE).to_owned();
            let headers = listed(&answer.headers);
            let call = || TransformCall {
                request: subject.context(&key),
                content_type: content_type.clone(),
                headers: headers.clone(),
                body: body.clone(),
            };
            let asked = cache.call_coalesced(hook, &key, subject.file, call);
            asked.await
        }
    };
    let said = match asked {
        Ok(said) => said,
        Err(error) => match plugin_errors::unanswered(pages, request, hook, path, error) {
            CallFailure::Shown(failed) => return Err(Passed::Failed(failed)),
            CallFailure::PassedBy => return Err(Passed::Responder),
            CallFailure::NotThere => return Ok(()),
        },
    };
    if let Some(finished) = said.derived::<CachedResponse>() {
        become_finished(answer, finished);
        return Ok(());
    }
    let failed = match said.outcome() {
        TransformOutcome::Skip => return Ok(()),
        TransformOutcome::Content(content) => match apply(content, about, answer) {
            Ok(()) => {
                if let Some(finished) = CachedResponse::of(answer) {
                    said.set_derived(finished);
                }
                return Ok(());
            }
            Err(message) => {
                cache.remove(&key);
                plugin_errors::broken(request, plugin, path, message)
            }
        },
        TransformOutcome::Failure(failure) => {
            plugin_errors::reported(request, plugin, path, failure)
        }
    };
    Err(Passed::Failed(Box::new(failed)))
}

/// What was made of the same before, at this moment.
fn become_finished(answer: &mut PageResponse, finished: &CachedResponse) {
    let of_the_moment = OF_THE_MOMENT.map(|name| answer.headers.get(name).cloned());
    *answer = finished.answer(answer.responder.clone(), answer.source.take());
    for (name, value) in OF_THE_MOMENT.into_iter().zip(of_the_moment) {
        if let Some(value) = value {
            answer.headers.insert(name, value);
        }
    }
}

fn listed(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    let headers = headers.iter();
    headers
        .filter(|(name, _)| *name != header::CONTENT_LENGTH)
        .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
        .collect()
}

/// Tells apart what a plugin may make something else of.
fn fingerprint(answer: &PageResponse, body: &Bytes) -> u128 {
    let mut hash = Xxh3::new();
    let mut add = |part: &[u8]| {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(answer.status.as_str().as_bytes());
    match &answer.tag {
        Some(tag) => add(tag.as_bytes()),
        None => add(&xxh3_128(body).to_le_bytes()),
    }
    for (name, value) in answer.headers.iter() {
        // A file gets its date once that cannot be said of another version.
        if !OF_THE_MOMENT.contains(name) && name != header::LAST_MODIFIED {
            add(name.as_str().as_bytes());
            add(value.as_bytes());
        }
    }
    hash.digest128()
}

/// Makes the changes to an answer that was `about`, or says what is wrong with them.
fn apply(content: &TransformContent, about: u128, answer: &mut PageResponse) -> Result<(), String> {
    let mime = match content.content_type.as_str() {
        "" => None,
        given => Some(virtual_file::checked_type(given)?),
    };
    let set = content
        .headers
        .iter()
        .map(|(name, value)| virtual_file::checked_header(name, value))
        .collect::<Result<Vec<_>, _>>()?;
    let removed = content
        .remove_headers
        .iter()
        .map(|name| HeaderName::from_bytes(name.as_bytes()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("a name in remove_headers is not valid: {error}"))?;

    // What was said of the content before holds no more.
    answer.file = None;
    for name in [header::ETAG, header::LAST_MODIFIED, header::CONTENT_LENGTH] {
        answer.headers.remove(name);
    }
    if let Some(mime) = &mime {
        let is_utf8 = match &content.body {
            Some(body) => body.is_utf8,
            None => answer.header(header::CONTENT_TYPE).contains("utf-8"),
        };
        // It was checked to be one.
        if let Ok(value) = HeaderValue::try_from(mime::with_charset(mime, is_utf8)) {
            answer.headers.insert(header::CONTENT_TYPE, value);
        }
    }
    for name in removed.iter().chain(set.iter().map(|(name, _)| name)) {
        answer.headers.remove(name);
    }
    for (name, value) in set {
        answer.headers.append(name, value);
    }
    let before = match &content.body {
        Some(body) => {
            answer.body = body.body.clone().into();
            body.hash
        }
        None => about,
    };
    answer.tag = tag(before, answer);
    if let (Responder::Proxy(_), Some(tag)) = (&answer.responder, &answer.tag) {
        // The last stage leaves to backends what they say of their own.
        let tag = tag.clone();
        answer.headers.entry(header::ETAG).or_insert(tag);
    }
    Ok(())
}

/// Names what was made: a 304 brings its type back, too.
fn tag(body: u128, answer: &PageResponse) -> Option<HeaderValue> {
    let mime = answer.header(header::CONTENT_TYPE).as_bytes();
    hash_tag(xxh3_128(&[&body.to_le_bytes(), mime].concat()))
}
