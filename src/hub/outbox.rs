//! The queue of frames on their way to one page.

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Bytes that may wait for one page. A frame that would exceed it is refused and reported as
/// `DROPPED_SLOW`; an empty outbox takes one frame of any allowed size. Default 1 MiB.
pub(crate) const OUTBOX_BYTES: usize = 1024 * 1024;

/// A WebSocket message for a page. The bytes are shared: a broadcast is encoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// UTF-8 text.
    Text(Text),
    /// Anything.
    Binary(Bytes),
    /// A ping whose payload is this number: its pong confirms every frame before it.
    Ping(u64),
}

/// Bytes that are known to be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

impl Text {
    /// The text's bytes.
    #[must_use]
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// What a frame costs beside its content: many empty ones are not free.
const FRAME_OVERHEAD_BYTES: usize = 32;

impl Frame {
    fn size(&self) -> usize {
        FRAME_OVERHEAD_BYTES
            + match self {
                Self::Text(Text(bytes)) | Self::Binary(bytes) => bytes.len(),
                Self::Ping(_) => 0,
            }
    }
}

/// How the daemon ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// WebSocket close code.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
    /// As the event log says it.
    pub cause: super::CloseCause,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// The page reads too slowly; see [`OUTBOX_BYTES`].
    Full,
    /// The connection has ended or is ending.
    Closed,
}

/// A bounded queue with one reader, the socket's write loop.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Held for moments, never across an await.
    state: Mutex<State>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Frame>,
    /// Queued, or taken by the reader and not yet written.
    bytes: usize,
    close: Option<Close>,
    closed: bool,
}

/// What the reader is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutboxItem {
    /// Write this frame, then [`Outbox::written`] its size.
    Frame(Frame, usize),
    /// All frames are taken: end the connection so.
    Close(Close),
}

impl Outbox {
    /// Queues a frame behind all others.
    pub(crate) fn push(&self, frame: Frame) -> Result<(), PushError> {
        self.put(|state| {
            let fits = state.bytes == 0 || state.bytes + frame.size() <= OUTBOX_BYTES;
            if fits {
                Ok((frame, ()))
            } else {
                Err(PushError::Full)
            }
        })
    }

    /// Queues a ping behind all other frames, also when there is no room: it is a few octets, and
    /// follows a frame that found some. Its number is made while the queue is held, so that
    /// numbers are in the order of the queue.
    pub(crate) fn push_ping<T>(&self, number: impl FnOnce() -> (u64, T)) -> Result<T, PushError> {
        self.put(|_| {
            let (number, result) = number();
            Ok((Frame::Ping(number), result))
        })
    }

    fn put<T>(
        &self,
        frame: impl FnOnce(&State) -> Result<(Frame, T), PushError>,
    ) -> Result<T, PushError> {
        let mut state = self.lock();
        if state.closed || state.close.is_some() {
            return Err(PushError::Closed);
        }
        let (frame, result) = frame(&state)?;
        state.bytes += frame.size();
        state.frames.push_back(frame);
        drop(state);
        self.reader.wake();
        Ok(result)
    }

    /// Ends the connection once the queued frames are written. The first caller's reason
    /// counts. False when it was ending already.
    pub(crate) fn close(&self, close: Close) -> bool {
        let first = {
            let mut state = self.lock();
            let first = state.close.is_none() && !state.closed;
            if first {
                state.close = Some(close);
            }
            first
        };
        self.reader.wake();
        first
    }

    /// Refuses frames from now on and drops those that wait: the connection has ended.
    pub(crate) fn shut(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.frames = VecDeque::new();
    }

    /// Whether the operating system has taken all that was queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().bytes == 0
    }

    /// Whether the connection has ended or is ending.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.lock();
        state.closed || state.close.is_some()
    }

    /// The next thing to do, in order. One task may poll.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<OutboxItem> {
        if let Some(next) = self.take() {
            return Poll::Ready(next);
        }
        self.reader.register(cx.waker());
        // A frame may have come between the look and the registration.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Frees the room of frames that the operating system has taken.
    pub(crate) fn written(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        // An idle page should not hold the memory of its busiest moment.
        if state.bytes == 0 && state.frames.capacity() > 64 {
            state.frames.shrink_to_fit();
        }
    }

    fn take(&self) -> Option<OutboxItem> {
        let mut state = self.lock();
        if let Some(frame) = state.frames.pop_front() {
            let size = frame.size();
            return Some(OutboxItem::Frame(frame, size));
        }
        state.close.clone().map(OutboxItem::Close)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(size: usize) -> Frame {
        Frame::Binary(Bytes::from(vec![0; size]))
    }

    #[test]
    fn an_empty_outbox_takes_one_frame_of_any_size_and_then_no_other() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push(frame(OUTBOX_BYTES * 4)), Ok(()));
        assert_eq!(outbox.push(frame(1)), Err(PushError::Full));
        assert!(matches!(outbox.take(), Some(OutboxItem::Frame(..))));
        // Taken is not written: the room is free only then.
        assert_eq!(outbox.push(frame(1)), Err(PushError::Full));
        outbox.written(OUTBOX_BYTES * 4 + FRAME_OVERHEAD_BYTES);
        assert_eq!(outbox.push(frame(1)), Ok(()));
    }

    #[test]
    fn frames_leave_before_the_close_and_none_enter_after_it() {
        let outbox = Outbox::default();
        outbox.push(Frame::Ping(1)).unwrap();
        let close = Close {
            code: 1001,
            reason: "x".into(),
            cause: super::super::CloseCause::ServerStopping,
        };
        assert!(outbox.close(close.clone()));
        assert_eq!(outbox.push(Frame::Ping(2)), Err(PushError::Closed));
        assert_eq!(
            outbox.take(),
            Some(OutboxItem::Frame(Frame::Ping(1), FRAME_OVERHEAD_BYTES))
        );
        assert_eq!(outbox.take(), Some(OutboxItem::Close(close)));
    }
}
