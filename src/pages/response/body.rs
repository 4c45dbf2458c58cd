//! A body of a request or of an answer from elsewhere: read into memory as far as somebody asks for
//! it, and passed on whole to who comes after.

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

/// How long a body that a plugin asks for may take to come. Then the answer is 408, and the plugin was
/// not asked. Default 30 s.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What all such bodies take in memory together. One for which there is no room is answered
/// with 503. Default 256 MiB.
pub(crate) const MAX_BUFFERED_BYTES: usize = 256 * 1024 * 1024;

/// Why a body could not be read. Nobody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request's body did not come within {} s", UPLOAD_TIMEOUT.as_secs())]
    TooSlow,
    #[error("the request's body ended too early")]
    Cut,
    #[error(
        "bodies of other requests and answers take all of the {MAX_BUFFERED_BYTES} bytes that there are for them (try again when some are done)"
    )]
    NoRoom,
}

impl BodyError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Cut => StatusCode::BAD_REQUEST,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A body that can be read ahead.
pub(crate) struct BufferedBody {
    read: VecDeque<Frame<Bytes>>,
    /// Of data in `read`.
    octets: usize,
    rest: Body,
    ended: bool,
    /// How long it may take to come, from when somebody asks for it; none = for ever.
    patience: Option<Duration>,
    due: Option<Instant>,
    room: Arc<Semaphore>,
    /// The room that `read` takes.
    taken: Option<OwnedSemaphorePermit>,
}

impl BufferedBody {
    /// A request's, whose octets take up `room` while they are in memory.
    pub(crate) fn of_request(body: Body, room: Arc<Semaphore>) -> Self {
        Self::of_answer(body, room, Some(UPLOAD_TIMEOUT))
    }

    /// An answer's, the same, which may take this long.
    pub(crate) fn of_answer(body: Body, room: Arc<Semaphore>, patience: Option<Duration>) -> Self {
        Self {
            read: VecDeque::new(),
            octets: 0,
            ended: body.is_end_stream(),
            rest: body,
            patience,
            due: None,
            room,
            taken: None,
        }
    }

    /// There is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.ended && self.octets == 0
    }

    /// All of it; none when it has more octets than this. No more are read than are needed to know, and
    /// nothing is lost at a fault.
    pub(crate) async fn whole(&mut self, max: usize) -> Result<Option<Bytes>, BodyError> {
        let from_now = self.patience.map(|patience| Instant::now() + patience);
        self.due = self.due.or(from_now);
        while !self.ended {
            let announced = usize::try_from(self.rest.size_hint().lower()).unwrap_or(usize::MAX);
            if self.octets.saturating_add(announced) > max || self.octets > max {
                return Ok(None);
            }
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.rest).poll_frame(cx));
            let frame = match self.due {
                Some(due) => timeout_at(due, frame)
                    .await
                    .map_err(|_| BodyError::TooSlow)?,
                None => frame.await,
            };
            match frame {
                Some(Err(_)) => return Err(BodyError::Cut),
                Some(Ok(frame)) => self.keep(frame)?,
                None => self.ended = true,
            }
        }
        Ok((self.octets <= max).then(|| self.joined()))
    }

    /// The body for who reads it to the end: what was read and what was not.
    pub(crate) fn into_body(self) -> Body {
        if self.read.is_empty() {
            self.rest
        } else {
            Body::new(self)
        }
    }

    fn keep(&mut self, frame: Frame<Bytes>) -> Result<(), BodyError> {
        let octets = frame.data_ref().map_or(0, Bytes::len);
        let permits = u32::try_from(octets).map_err(|_| BodyError::NoRoom)?;
        let room = self.room.clone().try_acquire_many_owned(permits);
        let room = room.map_err(|_| BodyError::NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(room),
            none => *none = Some(room),
        }
        self.octets += octets;
        self.read.push_back(frame);
        Ok(())
    }

    /// The data of what was read, which becomes one piece.
    fn joined(&mut self) -> Bytes {
        let is_data = |frame: &Frame<Bytes>| frame.data_ref().is_some();
        let pieces = self.read.iter().filter(|frame| is_data(frame)).count();
        if pieces > 1 {
            let mut whole = BytesMut::with_capacity(self.octets);
            for piece in self.read.iter().filter_map(Frame::data_ref) {
                whole.extend_from_slice(piece);
            }
            self.read.retain(|frame| !is_data(frame));
            self.read.push_front(Frame::data(whole.freeze()));
        }
        let whole = self.read.iter().find_map(Frame::data_ref);
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
        if let Some(frame) = self.read.pop_front() {
            self.octets -= frame.data_ref().map_or(0, Bytes::len);
            return Poll::Ready(Some(Ok(frame)));
        }
        self.taken = None;
        if self.ended {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && (self.ended || self.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        let read = self.octets as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + read);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + read);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn of_pieces(pieces: &'static [&'static str], room: usize) -> BufferedBody {
        let pieces = pieces.iter().map(|piece| Ok::<_, Infallible>(*piece));
        let body = Body::from_stream(stream::iter(pieces));
        BufferedBody::of_request(body, Arc::new(Semaphore::new(room)))
    }

    async fn text(body: Body) -> String {
        let read = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(read.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_was_read_for_one_is_there_for_the_next_and_whole_for_the_last() {
        for (asked, expected) in [
            (&[][..], &[][..]),
            (&[3], &[None]),
            (&[3, 9, 3], &[None, Some("one two"), None]),
            (&[7, 7], &[Some("one two"), Some("one two")]),
        ] {
            let mut body = of_pieces(&["one", " ", "two"], 100);
            for (max, expected) in asked.iter().zip(expected) {
                let whole = body.whole(*max).await.unwrap();
                assert_eq!(whole.as_deref(), expected.map(str::as_bytes), "{max}");
            }
            let room = body.room.clone();
            assert_eq!(text(body.into_body()).await, "one two");
            assert_eq!(room.available_permits(), 100, "it is given back");
        }
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_long_is_not_read() {
        let body = Body::from("longer than that");
        let mut body = BufferedBody::of_request(body, Arc::new(Semaphore::new(0)));
        assert_eq!(body.whole(5).await, Ok(None));
        assert!(body.read.is_empty());
        assert_eq!(body.whole(100).await, Err(BodyError::NoRoom));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up_after_its_time() {
        let begin = Instant::now();
        let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let mut body = BufferedBody::of_request(body, Arc::new(Semaphore::new(1)));
        assert_eq!(body.whole(5).await, Err(BodyError::TooSlow));
        assert_eq!(begin.elapsed().as_secs(), UPLOAD_TIMEOUT.as_secs());
    }
}
