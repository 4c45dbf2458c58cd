//! Collects the body of a response in memory, for stages that need all of it.

use super::encode;
use crate::blocking::run_blocking;
use crate::pages::errors::error_page::error_page;
use crate::pages::errors::plugin_errors;
use crate::pages::request::PageRequest;
use crate::pages::response::body::{BodyError, BufferedBody};
use crate::pages::response::page_response::{PageResponse, Payload, sized_content_tag};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use std::time::Duration;

/// Why a body was not collected.
pub(super) enum CollectError {
    /// It is longer than the stage allows. The response is unchanged.
    TooLarge,
    /// It has a content coding that cannot be decoded. The response is unchanged.
    UnknownCoding,
    /// The response is a backend's response to HEAD, so it has no body.
    HeadResponse,
    /// It did not arrive in time. The response continues with what has arrived.
    TimedOut,
    /// It cannot be read. The page gets this error page instead.
    Failed(Box<PageResponse>),
}

/// Returns the body, decoded, if it has at most `max` bytes and arrives within `time_limit`. Afterwards
/// the response holds it in memory.
pub(super) async fn collect_body(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    max: usize,
    time_limit: Option<Duration>,
) -> Result<Bytes, CollectError> {
    if let Payload::Bytes(body) = &response.body
        && !response.headers.contains_key(header::CONTENT_ENCODING)
    {
        let body = body.clone();
        return (body.len() <= max)
            .then_some(body)
            .ok_or(CollectError::TooLarge);
    }
    if request.is_head() && matches!(response.body, Payload::Stream(_)) {
        return Err(CollectError::HeadResponse);
    }
    // Boxed to keep the future small for bodies in memory.
    Box::pin(read_body(request, response, max, time_limit)).await
}

/// Collects the body for a stage that leaves what it cannot collect, and reports that under its name. Returns the body
/// and its entity tag; `None` if the response is final as far as the stage is concerned.
pub(super) async fn collect_or_skip(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    max: usize,
    time_limit: Option<Duration>,
    stage: &str,
) -> Option<(Bytes, HeaderValue)> {
    match collect_body(request, response, max, time_limit).await {
        Ok(body) => {
            let tag = body_tag(response.tag.as_ref(), &body).await?;
            return Some((body, tag));
        }
        Err(CollectError::HeadResponse) => clear_body(response),
        Err(CollectError::Failed(error)) => plugin_errors::replace_with_error(response, *error),
        Err(CollectError::TooLarge | CollectError::TimedOut | CollectError::UnknownCoding) => {
            plugin_errors::report_skipped(&[stage.to_owned()], response);
        }
    }
    None
}

/// Returns the entity tag of a body that was collected: that of its response, or else one of the content.
pub(super) async fn body_tag(tag: Option<&HeaderValue>, body: &Bytes) -> Option<HeaderValue> {
    match tag {
        Some(tag) => Some(tag.clone()),
        None => sized_content_tag(body).await,
    }
}

async fn read_body(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    max: usize,
    time_limit: Option<Duration>,
) -> Result<Bytes, CollectError> {
    if announced_length(response).is_some_and(|length| length > max as u64) {
        return Err(CollectError::TooLarge);
    }
    if !encode::decode(response) {
        return Err(CollectError::UnknownCoding);
    }
    let failed =
        |status, text: &str| CollectError::Failed(Box::new(error_page(request, status, text)));
    match std::mem::replace(&mut response.body, Bytes::new().into()) {
        Payload::Bytes(body) => {
            response.body = body.clone().into();
            Ok(body)
        }
        Payload::File(file) => {
            let read = run_blocking(move || file.read()).await;
            let body = read.map_err(|error| {
                let text = format!("cannot read the file: {error}");
                failed(StatusCode::INTERNAL_SERVER_ERROR, &text)
            })?;
            response.body = body.clone().into();
            Ok(body)
        }
        Payload::Stream(body) => {
            let budget = request.service.body_budget.clone();
            let mut body = BufferedBody::for_response(body, budget, time_limit);
            let error = match body.read_all(max).await {
                Ok(Some(whole)) => {
                    response.body = whole.clone().into();
                    response.headers.remove(header::CONTENT_LENGTH);
                    return Ok(whole);
                }
                Ok(None) => CollectError::TooLarge,
                Err(BodyError::TimedOut) => CollectError::TimedOut,
                Err(error @ BodyError::OverBudget) => {
                    return Err(failed(error.status(), &error.to_string()));
                }
                Err(BodyError::Incomplete) => {
                    return Err(failed(
                        StatusCode::BAD_GATEWAY,
                        "the response body ended early",
                    ));
                }
            };
            response.body = Payload::Stream(body.into_body());
            Err(error)
        }
    }
}

/// Returns the length of the body if it is known before reading it.
fn announced_length(response: &PageResponse) -> Option<u64> {
    response.body.len().or_else(|| {
        let length = response.header(header::CONTENT_LENGTH);
        length.parse().ok()
    })
}

/// Removes the body of a response to HEAD, and the headers that describe it: those for GET would differ,
/// since a stage would change its body.
pub(super) fn clear_body(response: &mut PageResponse) {
    for name in [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::ETAG,
        header::LAST_MODIFIED,
    ] {
        response.headers.remove(name);
    }
    response.tag = None;
    response.body = Payload::Stream(Body::empty());
}
