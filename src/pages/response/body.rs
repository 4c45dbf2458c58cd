//! Body of a request or a backend's response that stages may read ahead: it is buffered as far as one
//! of them needs it, and then passed on complete.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use bytes::BytesMut;
use hyper::body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Deadline for a request body that a plugin reads. The response is 408 beyond it, and the plugin is
/// not called. Default 30 s.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Memory for all buffered bodies together. A request whose body does not fit is answered with 503.
/// Default 256 MiB.
pub(crate) const MAX_BUFFERED_BYTES: usize = 256 * 1024 * 1024;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request body did not arrive within {} s", UPLOAD_TIMEOUT.as_secs())]
    TimedOut,
    #[error("the request body ended early")]
    Incomplete,
    #[error(
        "the body cannot be buffered: other bodies take up all {MAX_BUFFERED_BYTES} bytes (try again later)"
    )]
    OverBudget,
}

impl BodyError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::OverBudget => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Body that can be read ahead. What is buffered takes permits of a byte budget.
pub(crate) struct BufferedBody {
    frames: VecDeque<Frame<Bytes>>,
    /// Length of the data in `frames`.
    buffered_bytes: usize,
    rest: Body,
    has_ended: bool,
    /// How long reading ahead may take; `None` = unlimited.
    time_limit: Option<Duration>,
    /// Set when reading ahead begins.
    deadline: Option<Instant>,
    budget: Arc<Semaphore>,
    /// Permits for `frames`.
    permit: Option<OwnedSemaphorePermit>,
}

impl BufferedBody {
    pub(crate) fn for_request(body: Body, budget: Arc<Semaphore>) -> Self {
        Self::for_response(body, budget, Some(UPLOAD_TIMEOUT))
    }

    pub(crate) fn for_response(
        body: Body,
        budget: Arc<Semaphore>,
        time_limit: Option<Duration>,
    ) -> Self {
        Self {
            frames: VecDeque::new(),
            buffered_bytes: 0,
            has_ended: body.is_end_stream(),
            rest: body,
            time_limit,
            deadline: None,
            budget,
            permit: None,
        }
    }

    /// Whether the body is known to be empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.has_ended && self.buffered_bytes == 0
    }

    /// Returns the whole body, or `None` if it is longer than `max` bytes. Reads no more than it takes to
    /// find out. The body can still be passed on afterwards, even after an error.
    pub(crate) async fn read_all(&mut self, max: usize) -> Result<Option<Bytes>, BodyError> {
        let from_now = self.time_limit.map(|limit| Instant::now() + limit);
        self.deadline = self.deadline.or(from_now);
        while !self.has_ended {
            let announced = usize::try_from(self.rest.size_hint().lower()).unwrap_or(usize::MAX);
            if self.buffered_bytes.saturating_add(announced) > max || self.buffered_bytes > max {
                return Ok(None);
            }
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.rest).poll_frame(cx));
            let frame = match self.deadline {
                Some(deadline) => timeout_at(deadline, frame)
                    .await
                    .map_err(|_| BodyError::TimedOut)?,
                None => frame.await,
            };
            match frame {
                Some(Err(_)) => return Err(BodyError::Incomplete),
                Some(Ok(frame)) => self.push(frame)?,
                None => self.has_ended = true,
            }
        }
        Ok((self.buffered_bytes <= max).then(|| self.joined()))
    }

    /// Returns the complete body: the buffered frames, then the rest.
    pub(crate) fn into_body(self) -> Body {
        if self.frames.is_empty() {
            self.rest
        } else {
            Body::new(self)
        }
    }

    fn push(&mut self, frame: Frame<Bytes>) -> Result<(), BodyError> {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let permits = u32::try_from(length).map_err(|_| BodyError::OverBudget)?;
        let permit = self.budget.clone().try_acquire_many_owned(permits);
        let permit = permit.map_err(|_| BodyError::OverBudget)?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        self.buffered_bytes += length;
        self.frames.push_back(frame);
        Ok(())
    }

    /// Returns the buffered data, after joining it into one frame.
    fn joined(&mut self) -> Bytes {
        let is_data = |frame: &Frame<Bytes>| frame.data_ref().is_some();
        let data_frames = self.frames.iter().filter(|frame| is_data(frame)).count();
        if data_frames > 1 {
            let mut whole = BytesMut::with_capacity(self.buffered_bytes);
            for data in self.frames.iter().filter_map(Frame::data_ref) {
                whole.extend_from_slice(data);
            }
            self.frames.retain(|frame| !is_data(frame));
            self.frames.push_front(Frame::data(whole.freeze()));
        }
        let whole = self.frames.iter().find_map(Frame::data_ref);
        whole.cloned().unwrap_or_default()
    }
}

impl HttpBody for BufferedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            self.buffered_bytes -= frame.data_ref().map_or(0, Bytes::len);
            return Poll::Ready(Some(Ok(frame)));
        }
        self.permit = None;
        if self.has_ended {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && (self.has_ended || self.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        let buffered = self.buffered_bytes as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + buffered);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + buffered);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn from_chunks(chunks: &'static [&'static str], budget: usize) -> BufferedBody {
        let chunks = chunks.iter().map(|chunk| Ok::<_, Infallible>(*chunk));
        let body = Body::from_stream(stream::iter(chunks));
        BufferedBody::for_request(body, Arc::new(Semaphore::new(budget)))
    }

    async fn text(body: Body) -> String {
        let read = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(read.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_body_can_be_read_several_times_and_then_passed_on_complete() {
        for (limits, expected) in [
            (&[][..], &[][..]),
            (&[3], &[None]),
            (&[3, 9, 3], &[None, Some("one two"), None]),
            (&[7, 7], &[Some("one two"), Some("one two")]),
        ] {
            let mut body = from_chunks(&["one", " ", "two"], 100);
            for (max, expected) in limits.iter().zip(expected) {
                let whole = body.read_all(*max).await.unwrap();
                assert_eq!(whole.as_deref(), expected.map(str::as_bytes), "{max}");
            }
            let budget = body.budget.clone();
            assert_eq!(text(body.into_body()).await, "one two");
            assert_eq!(budget.available_permits(), 100, "all permits are released");
        }
    }

    #[tokio::test]
    async fn a_body_that_announces_too_great_a_length_is_not_read() {
        let body = Body::from("longer than that");
        let mut body = BufferedBody::for_request(body, Arc::new(Semaphore::new(0)));
        assert_eq!(body.read_all(5).await, Ok(None));
        assert!(body.frames.is_empty());
        assert_eq!(body.read_all(100).await, Err(BodyError::OverBudget));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_times_out() {
        let start = Instant::now();
        let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let mut body = BufferedBody::for_request(body, Arc::new(Semaphore::new(1)));
        assert_eq!(body.read_all(5).await, Err(BodyError::TimedOut));
        assert_eq!(start.elapsed().as_secs(), UPLOAD_TIMEOUT.as_secs());
    }
}
