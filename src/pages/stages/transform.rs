//! The transform stage: calls the plugins whose hooks match the response, in order; each may change it. A
//! cached result for the same request and content replaces the call.

use super::collect::{self, CollectError, body_tag, collect_body};
use crate::pages::errors::plugin_errors::{self, FailedCall};
use crate::pages::files::{mime, virtual_file};
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{CachedResponse, PageResponse, Responder, hash_tag};
use crate::plugins::{
    Hook, HookSnapshot, Transform, TransformCall, TransformContent, TransformOutcome,
};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Headers about the time of a response, not its content (RFC 9110, section 6.6.1; RFC 9111,
/// section 5.1). Plugins see them, but cached results do not depend on them.
const TIME_HEADERS: [HeaderName; 2] = [header::DATE, header::AGE];

/// Whether a hook may match the response to this request, whatever it will be.
pub(crate) fn may_match(request: &PageRequest<'_>) -> bool {
    let snapshot = request.service.plugins.transform().order.snapshot();
    snapshot.may_match(request.as_get().facts(None))
}

/// Runs the stage.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) {
    let order = &request.service.plugins.transform().order;
    if order.is_empty() {
        return;
    }
    let snapshot = order.snapshot();
    let source_file = response.source_file.clone();
    let request = request.as_get().with_source_file(source_file.as_deref());
    let indices = matching(&snapshot, &request, response);
    if !indices.is_empty() && response.is_transformable() {
        // Boxed to keep the future small for responses that no plugin changes.
        Box::pin(call_hooks(&request, &snapshot, indices, response)).await;
    }
}

/// Returns the indices of the hooks that match the response as it is now.
fn matching(
    snapshot: &HookSnapshot<Transform>,
    request: &PageRequest<'_>,
    response: &PageResponse,
) -> Arc<[usize]> {
    let mime = snapshot.filters_by_mime_type().then(|| response.essence());
    snapshot.matching(request.facts(mime.as_deref()))
}

async fn call_hooks(
    request: &PageRequest<'_>,
    snapshot: &HookSnapshot<Transform>,
    mut indices: Arc<[usize]>,
    response: &mut PageResponse,
) {
    let mut skipped = Vec::new();
    let mut next = 0;
    while let Some(index) = indices.get(next).copied() {
        let hook = &snapshot.hooks()[index];
        match call_hook(request, hook, response).await {
            Ok(()) => {}
            Err(TransformError::Skipped) => skipped.push(hook.plugin().to_owned()),
            Err(TransformError::Failed(error)) => {
                plugin_errors::replace_with_error(response, *error);
                break;
            }
        }
        next += 1;
        if snapshot.filters_by_mime_type() {
            // The hook may have changed the type.
            indices = matching(snapshot, request, response);
            next = indices.partition_point(|other| *other <= index);
        }
    }
    plugin_errors::report_skipped(&skipped, response);
}

/// Why a plugin did not change a response.
enum TransformError {
    /// The response continues to the next hook unchanged.
    Skipped,
    /// The page gets this error page.
    Failed(Box<PageResponse>),
}

impl From<CollectError> for TransformError {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::Failed(error) => Self::Failed(error),
            _ => Self::Skipped,
        }
    }
}

async fn call_hook(
    request: &PageRequest<'_>,
    hook: &Arc<Hook<Transform>>,
    response: &mut PageResponse,
) -> Result<(), TransformError> {
    let max = hook.type_options().max_body_bytes;
    let collected = collect_body(request, response, max, None).await;
    if matches!(collected, Err(CollectError::HeadResponse)) {
        collect::clear_body(response);
        return Ok(());
    }
    let body = collected?;
    let body_tag = body_tag(response.tag.as_ref(), &body).await;
    let input_hash = input_hash(response, body_tag.as_ref());
    let key = request.key(hook, input_hash);
    let cache = &request.service.plugins.transform().cache;
    let called = match cache.get(&key) {
        Some(result) => Ok(result),
        None => {
            let content_type = response.header(header::CONTENT_TYPE).to_owned();
            let headers = call_headers(&response.headers);
            let call = || TransformCall {
                request: request.hook_context(&key),
                content_type: content_type.clone(),
                headers: headers.clone(),
                body: body.clone(),
            };
            cache
                .call_coalesced(hook, &key, request.source_file, call)
                .await
        }
    };
    let result = match called {
        Ok(result) => result,
        Err(error) => {
            if let Some(next) = plugin_errors::successor(request, hook, error, true).await {
                if !next.matches(request.facts(Some(&response.essence()))) {
                    return Ok(());
                }
                return Box::pin(call_hook(request, &next, response)).await;
            }
            match plugin_errors::failed_call(request, hook, error) {
                FailedCall::Fail(error) => return Err(TransformError::Failed(error)),
                FailedCall::Skip => return Err(TransformError::Skipped),
                FailedCall::Ignore => return Ok(()),
            }
        }
    };
    if let Some(cached) = result.derived::<CachedResponse>() {
        apply_cached(cached, response);
        return Ok(());
    }
    let error = match result.outcome() {
        TransformOutcome::Skip => return Ok(()),
        TransformOutcome::Content(content) => match apply(content, input_hash, response) {
            Ok(()) => {
                if let Some(cached) = CachedResponse::of(response) {
                    result.set_derived(cached);
                }
                return Ok(());
            }
            Err(message) => {
                cache.remove(&key);
                plugin_errors::invalid_result(request, hook, message)
            }
        },
        TransformOutcome::Failure(failure) => {
            plugin_errors::reported_failure(request, hook, failure)
        }
    };
    Err(TransformError::Failed(Box::new(error)))
}

/// Replaces the response by a cached one that was made from the same input. The time headers stay.
fn apply_cached(cached: &CachedResponse, response: &mut PageResponse) {
    let time_headers = TIME_HEADERS.map(|name| response.headers.get(name).cloned());
    *response = cached.to_response(response.responder.clone(), response.source_file.take());
    for (name, value) in TIME_HEADERS.into_iter().zip(time_headers) {
        if let Some(value) = value {
            response.headers.insert(name, value);
        }
    }
}

/// Returns the headers that a plugin gets with the response.
fn call_headers(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    let headers = headers.iter();
    headers
        .filter(|(name, _)| *name != header::CONTENT_LENGTH)
        .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
        .collect()
}

/// Hashes everything about the response, whose body has this tag, that the result of a hook may depend on.
fn input_hash(response: &PageResponse, body_tag: Option<&HeaderValue>) -> u128 {
    let mut hash = Xxh3::new();
    let mut add = |part: &[u8]| {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(response.status.as_str().as_bytes());
    add(body_tag.map_or(&[][..], HeaderValue::as_bytes));
    for (name, value) in response.headers.iter() {
        // The same version of a file has no `Last-Modified` yet just after it was written.
        if !TIME_HEADERS.contains(name) && name != header::LAST_MODIFIED {
            add(name.as_str().as_bytes());
            add(value.as_bytes());
        }
    }
    hash.digest128()
}

/// Applies the changes that a hook returned. `input_hash` is the hash of the unchanged response. The error
/// says what is wrong with the changes; the response is then unchanged.
fn apply(
    content: &TransformContent,
    input_hash: u128,
    response: &mut PageResponse,
) -> Result<(), String> {
    let mime = match content.content_type.as_str() {
        "" => None,
        given => Some(virtual_file::parse_content_type(given)?),
    };
    let set = virtual_file::parse_headers(&content.headers, &response.headers)?;
    let (names, max) = (content.remove_headers.len(), virtual_file::MAX_HEADERS);
    if names > max {
        return Err(format!(
            "the result removes {names} headers, and the limit is {max}"
        ));
    }
    let removed = content
        .remove_headers
        .iter()
        .map(|name| HeaderName::from_bytes(name.as_bytes()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("a name in remove_headers is not valid: {error}"))?;

    response.body_file = None;
    // These describe the body before the change.
    for name in [header::ETAG, header::LAST_MODIFIED, header::CONTENT_LENGTH] {
        response.headers.remove(name);
    }
    if let Some(mime) = &mime {
        let is_utf8 = match &content.body {
            Some(body) => body.is_utf8,
            None => response.header(header::CONTENT_TYPE).contains("utf-8"),
        };
        // Always valid: it was checked above.
        if let Ok(value) = HeaderValue::try_from(mime::with_charset(mime, is_utf8)) {
            response.headers.insert(header::CONTENT_TYPE, value);
        }
    }
    for name in removed.iter().chain(set.iter().map(|(name, _)| name)) {
        response.headers.remove(name);
    }
    for (name, value) in set {
        response.headers.append(name, value);
    }
    let body_hash = match &content.body {
        Some(body) => {
            response.body = body.body.clone().into();
            body.hash
        }
        None => input_hash,
    };
    response.tag = transformed_tag(body_hash, response);
    if let (Responder::Proxy(_), Some(tag)) = (&response.responder, &response.tag) {
        // The reply stage does not add an `ETag` to responses of backends.
        let tag = tag.clone();
        response.headers.entry(header::ETAG).or_insert(tag);
    }
    Ok(())
}

/// Returns the entity tag of a transformed response. It covers the MIME type: a 304 must not bring back
/// the previous one.
fn transformed_tag(body_hash: u128, response: &PageResponse) -> Option<HeaderValue> {
    let mime = response.header(header::CONTENT_TYPE).as_bytes();
    hash_tag(xxh3_128(&[&body_hash.to_le_bytes(), mime].concat()))
}
