//! An answer's body as one piece, for stages that have to see all of it.

use crate::pages::PageService;
use crate::pages::errors::error_page;
use crate::pages::files::store::blocking;
use crate::pages::response::body::{BodyError, BufferedBody};
use crate::pages::response::page_response::{PageResponse, Payload};
use crate::pages::stages::encode;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use std::time::Duration;

/// Why a body is not there as one piece.
pub(crate) enum CollectError {
    /// It has more octets than the stage takes. It is as it was.
    TooLarge,
    /// It is compressed in a way that we do not read. It is as it was.
    Compressed,
    /// It is an answer to HEAD from elsewhere: there is none.
    Head,
    /// It did not come in the time that there is. What came goes on.
    TooSlow,
    /// It cannot be read. The page gets this instead.
    Fault(Box<PageResponse>),
}

/// The answer's body, which it has as such from now on and without compression, if it has at most
/// `max` octets and comes within `patience`, where there is a bound.
pub(crate) async fn collect_body(
    pages: &PageService,
    request: &Parts,
    answer: &mut PageResponse,
    max: usize,
    patience: Option<Duration>,
) -> Result<Bytes, CollectError> {
    if let Payload::Bytes(body) = &answer.body
        && !answer.headers.contains_key(header::CONTENT_ENCODING)
    {
        let body = body.clone();
        return (body.len() <= max)
            .then_some(body)
            .ok_or(CollectError::TooLarge);
    }
    if request.method == Method::HEAD && matches!(answer.body, Payload::Stream(_)) {
        return Err(CollectError::Head);
    }
    Box::pin(read(pages, request, answer, max, patience)).await
}

async fn read(
    pages: &PageService,
    request: &Parts,
    answer: &mut PageResponse,
    max: usize,
    patience: Option<Duration>,
) -> Result<Bytes, CollectError> {
    if announced(answer).is_some_and(|octets| octets > max as u64) {
        return Err(CollectError::TooLarge);
    }
    if !encode::decode(answer) {
        return Err(CollectError::Compressed);
    }
    let refused = |status, text: &str| {
        CollectError::Fault(Box::new(error_page::refused(request, status, text)))
    };
    match std::mem::replace(&mut answer.body, Bytes::new().into()) {
        Payload::Bytes(body) => {
            answer.body = body.clone().into();
            Ok(body)
        }
        Payload::File(file) => {
            let read = blocking(move || file.read()).await;
            let body = read.map_err(|error| {
                let text = format!("the file cannot be read: {error}");
                refused(StatusCode::INTERNAL_SERVER_ERROR, &text)
            })?;
            answer.body = body.clone().into();
            Ok(body)
        }
        Payload::Stream(body) => {
            let mut body = BufferedBody::of_answer(body, pages.body_room.clone(), patience);
            let fault = match body.whole(max).await {
                Ok(Some(read)) => {
                    answer.body = read.clone().into();
                    answer.headers.remove(header::CONTENT_LENGTH);
                    return Ok(read);
                }
                Ok(None) => CollectError::TooLarge,
                Err(BodyError::TooSlow) => CollectError::TooSlow,
                Err(fault @ BodyError::NoRoom) => {
                    return Err(refused(fault.status(), &fault.to_string()));
                }
                Err(BodyError::Cut) => {
                    return Err(refused(
                        StatusCode::BAD_GATEWAY,
                        "the answer ended too early",
                    ));
                }
            };
            answer.body = Payload::Stream(body.into_body());
            Err(fault)
        }
    }
}

/// The octets of the body before it is read, as far as anybody says.
fn announced(answer: &PageResponse) -> Option<u64> {
    answer.body.len().or_else(|| {
        let length = answer.header(header::CONTENT_LENGTH);
        length.parse().ok()
    })
}

/// What was said of a body that is answered to HEAD, and would be another for GET.
pub(crate) fn clear_body(answer: &mut PageResponse) {
    for name in [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::ETAG,
        header::LAST_MODIFIED,
    ] {
        answer.headers.remove(name);
    }
    answer.tag = None;
    answer.body = Payload::Stream(Body::empty());
}
