//! Bound on the memory for messages of programs that have not arrived whole.
//!
//! The gRPC library reserves as much as a message announces, and reads it piece by piece: without a bound
//! that is the largest message times the streams of all connections, whatever their flow control allows.

use crate::control::{MAX_REQUEST_BYTES, incomplete_message};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Announced bytes of all messages that have arrived in part, of all programs together. Further messages are
/// not read until others are complete, except for small ones. Default 256 MiB.
const MAX_INCOMPLETE_BYTES: usize = 256 * 1024 * 1024;

/// Size up to which messages are read without regard to [`MAX_INCOMPLETE_BYTES`], as most of them arrive in one
/// piece.
const SMALL_BYTES: usize = 16 * 1024;

/// Time for a larger message to arrive, including the time that it waits for others. Then its call fails.
/// Default 30 s.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Length of the prefix of a message: a flag, and the number of its bytes.
const PREFIX_BYTES: usize = 5;

const UNIT_BYTES: usize = 1024;

/// Budget for incomplete messages. Clones share it.
#[derive(Clone)]
pub(super) struct IncomingMessages {
    budget: Arc<Semaphore>,
    /// None with `--debug`.
    timeout: Option<Duration>,
}

impl IncomingMessages {
    pub(super) fn new(debug: bool) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(MAX_INCOMPLETE_BYTES / UNIT_BYTES)),
            timeout: (!debug).then_some(MESSAGE_TIMEOUT),
        }
    }

    /// Lets the messages of a request take part in the budget.
    pub(super) fn limit(self, request: Request) -> Request {
        request.map(|body| {
            Body::new(LimitedBody {
                body,
                messages: self,
                position: Position::default(),
                waiting: None,
                share: None,
                deadline: None,
            })
        })
    }
}

type Acquire = dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send;

/// Body of a request, with the share of its incomplete message.
struct LimitedBody {
    body: Body,
    messages: IncomingMessages,
    position: Position,
    /// A piece that is passed on once its message has a share.
    waiting: Option<(Bytes, Pin<Box<Acquire>>)>,
    share: Option<OwnedSemaphorePermit>,
    /// Of the incomplete message, if it is not small.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(deadline) = &mut this.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            (this.share, this.waiting) = (None, None);
            return Poll::Ready(Some(Err(axum::Error::new(incomplete_message(
                MESSAGE_TIMEOUT,
                MAX_INCOMPLETE_BYTES,
            )))));
        }
        if this.waiting.is_none() {
            let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
            let Some(Ok(frame)) = frame else {
                return Poll::Ready(frame);
            };
            let Ok(piece) = frame.into_data() else {
                // Trailers, which no client of gRPC sends.
                return Poll::Ready(None);
            };
            let was_incomplete = this.position.missing > 0;
            let begun = this.position.advance(&piece);
            if was_incomplete && (begun.is_some() || this.position.missing == 0) {
                (this.share, this.deadline) = (None, None);
            }
            // The gRPC library itself refuses one that is too large.
            let large = begun.filter(|bytes| (SMALL_BYTES..=MAX_REQUEST_BYTES).contains(bytes));
            let Some(bytes) = large else {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            };
            let units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX);
            let share = this.messages.budget.clone().acquire_many_owned(units);
            this.waiting = Some((piece, Box::pin(share)));
            let mut deadline = this.messages.timeout.map(|time| Box::pin(sleep(time)));
            if let Some(deadline) = &mut deadline {
                // It wakes the task in any case; polled here to register it.
                let _ = deadline.as_mut().poll(cx);
            }
            this.deadline = deadline;
        }
        if let Some((_, share)) = &mut this.waiting {
            // Fails only if the semaphore is closed, which it never is.
            this.share = ready!(share.as_mut().poll(cx)).ok();
        }
        let piece = this.waiting.take().map(|(piece, _)| piece);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Position in a stream of messages.
#[derive(Default)]
struct Position {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that have arrived.
    prefix_bytes: usize,
    /// Bytes of the message that have not arrived.
    missing: usize,
}

impl Position {
    /// Moves past a piece of the stream. Returns the length of the message that begins in it and does not end
    /// in it, if there is one.
    fn advance(&mut self, mut piece: &[u8]) -> Option<usize> {
        let mut begun = None;
        loop {
            let skipped = self.missing.min(piece.len());
            self.missing -= skipped;
            piece = &piece[skipped..];
            if piece.is_empty() {
                return begun.filter(|_| self.missing > 0);
            }
            let taken = (PREFIX_BYTES - self.prefix_bytes).min(piece.len());
            self.prefix[self.prefix_bytes..][..taken].copy_from_slice(&piece[..taken]);
            self.prefix_bytes += taken;
            piece = &piece[taken..];
            if self.prefix_bytes < PREFIX_BYTES {
                return None;
            }
            self.prefix_bytes = 0;
            let [_, length @ ..] = self.prefix;
            self.missing = u32::from_be_bytes(length) as usize;
            begun = Some(self.missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt, stream};
    use std::convert::Infallible;
    use std::future::poll_fn;
    use tonic::Status;

    /// Returns a body with the beginning of a message.
    fn beginning(messages: &IncomingMessages, announced: usize, arrived: &[u8]) -> Body {
        let announced = u32::try_from(announced).unwrap().to_be_bytes();
        let piece = Bytes::from([&[0][..], &announced, arrived].concat());
        let pieces = stream::iter([Ok::<_, Infallible>(piece)]).chain(stream::pending());
        let request = Request::new(Body::from_stream(pieces));
        messages.clone().limit(request).into_body()
    }

    async fn next(body: &mut Body) -> Result<Bytes, axum::Error> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        let data = frame.expect("it has not ended")?.into_data();
        Ok(data.expect("data"))
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_arrive_in_part_take_bounded_memory_and_small_ones_pass() {
        let messages = IncomingMessages::new(false);
        let mut incomplete = Vec::new();
        for _ in 0..MAX_INCOMPLETE_BYTES / MAX_REQUEST_BYTES {
            let mut body = beginning(&messages, MAX_REQUEST_BYTES, b"x");
            assert!(next(&mut body).now_or_never().is_some());
            incomplete.push(body);
        }
        let mut further = beginning(&messages, MAX_REQUEST_BYTES, b"x");
        assert!(next(&mut further).now_or_never().is_none());
        for (announced, arrived) in [(100, 10), (100, 100), (200_000, 200_000)] {
            let mut body = beginning(&messages, announced, &vec![0; arrived]);
            let piece = next(&mut body).now_or_never().expect("small, or complete");
            assert_eq!(piece.unwrap().len(), PREFIX_BYTES + arrived);
        }
        drop(incomplete.pop());
        assert!(next(&mut further).now_or_never().is_some());
        // Those that do not arrive in time fail, and leave room to others.
        let mut late = beginning(&messages, MAX_REQUEST_BYTES, b"x");
        assert!(next(&mut late).now_or_never().is_none());
        let error = next(incomplete.first_mut().unwrap()).await.unwrap_err();
        let status = Status::from_error(error.into_inner());
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert!(status.message().contains("268435456"), "{status:?}");
        assert!(next(&mut late).await.is_err());
        assert_eq!(
            messages.budget.available_permits(),
            MAX_REQUEST_BYTES / UNIT_BYTES
        );
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let message =
            |length: u32| [&[0][..], &length.to_be_bytes(), &vec![7; length as usize]].concat();
        let stream = [message(3), message(0), message(40), message(1)].concat();
        for size in 1..=stream.len() {
            let mut position = Position::default();
            let begun: Vec<_> = stream
                .chunks(size)
                .filter_map(|piece| position.advance(piece))
                .collect();
            assert_eq!(position.missing, 0, "{size}");
            assert_eq!(position.prefix_bytes, 0, "{size}");
            // Its content begins at byte 18.
            let is_cut = size < 18 + 40;
            assert_eq!(begun.contains(&40), is_cut, "{size}");
        }
    }
}
