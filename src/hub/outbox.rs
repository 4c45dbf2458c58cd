//! The bounded queue of frames on their way to one page.

use super::Close;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Bytes that may wait for one page. A frame that would exceed it is refused and reported as
/// `DROPPED_SLOW`; an empty outbox accepts one frame of any allowed size. Default 1 MiB.
pub(crate) const OUTBOX_BYTES: usize = 1024 * 1024;

/// Cost of a frame besides its content, so that many empty frames are not free.
const FRAME_OVERHEAD_BYTES: usize = 32;

/// Capacity of the queue, in frames, that an idle page may keep allocated.
const IDLE_CAPACITY: usize = 64;

/// WebSocket message for a page. The bytes are shared: a broadcast is encoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(Text),
    Binary(Bytes),
    /// A ping with this number as its payload. Its pong confirms every frame before it.
    Ping(u64),
}

/// Bytes that are known to be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

impl Text {
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Frame {
    fn size(&self) -> usize {
        FRAME_OVERHEAD_BYTES
            + match self {
                Self::Text(Text(bytes)) | Self::Binary(bytes) => bytes.len(),
                Self::Ping(_) => 0,
            }
    }
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// The page reads too slowly; see [`OUTBOX_BYTES`].
    Full,
    /// The connection has ended or is ending.
    Closed,
}

/// Bounded multi-producer queue with one reader, the socket's write loop.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Never held across an await.
    state: Mutex<State>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Frame>,
    /// Bytes that are queued, or that the reader has taken and not yet written.
    bytes: usize,
    /// The connection ends with this once all frames are written.
    close: Option<Close>,
    /// The connection has ended.
    closed: bool,
}

/// What the reader has to write next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutboxItem {
    /// A frame and its size, which the reader passes to [`Outbox::written`] afterwards.
    Frame(Frame, usize),
    /// The close frame. There are no more frames before it.
    Close(Close),
}

impl Outbox {
    /// Queues a frame.
    pub(crate) fn push(&self, frame: Frame) -> Result<(), PushError> {
        self.push_with(|state| {
            let fits = state.bytes == 0 || state.bytes + frame.size() <= OUTBOX_BYTES;
            if fits {
                Ok((frame, ()))
            } else {
                Err(PushError::Full)
            }
        })
    }

    /// Queues a ping, even if the outbox is full: a ping is small, and it follows a frame that was
    /// accepted. The queue is locked while `number` is called, so pings are queued in the order of
    /// their numbers.
    pub(crate) fn push_ping<T>(&self, number: impl FnOnce() -> (u64, T)) -> Result<T, PushError> {
        self.push_with(|_| {
            let (number, result) = number();
            Ok((Frame::Ping(number), result))
        })
    }

    fn push_with<T>(
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

    /// Ends the connection once the queued frames are written. Returns false, and changes nothing,
    /// if it was ending already.
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

    /// Drops all queued frames and refuses new ones: the connection has ended.
    pub(crate) fn shut_down(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.frames = VecDeque::new();
    }

    /// Returns whether the operating system has accepted everything that was queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().bytes == 0
    }

    /// Returns whether the connection has ended or is ending.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.lock();
        state.closed || state.close.is_some()
    }

    /// Takes the next item. Only one task may poll.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<OutboxItem> {
        if let Some(item) = self.take() {
            return Poll::Ready(item);
        }
        self.reader.register(cx.waker());
        // A frame may have been queued between the check and the registration.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Frees the space of frames that the operating system has accepted.
    pub(crate) fn written(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        // An idle page should not keep the memory of its busiest moment.
        if state.bytes == 0 && state.frames.capacity() > IDLE_CAPACITY {
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
    use crate::hub::CloseCause;

    fn frame(size: usize) -> Frame {
        Frame::Binary(Bytes::from(vec![0; size]))
    }

    #[test]
    fn an_empty_outbox_accepts_one_frame_of_any_size_and_then_no_other() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push(frame(OUTBOX_BYTES * 4)), Ok(()));
        assert_eq!(outbox.push(frame(1)), Err(PushError::Full));
        assert!(matches!(outbox.take(), Some(OutboxItem::Frame(..))));
        // A frame that is taken but not yet written still occupies its space.
        assert_eq!(outbox.push(frame(1)), Err(PushError::Full));
        outbox.written(OUTBOX_BYTES * 4 + FRAME_OVERHEAD_BYTES);
        assert_eq!(outbox.push(frame(1)), Ok(()));
    }

    #[test]
    fn queued_frames_precede_the_close_and_later_ones_are_refused() {
        let outbox = Outbox::default();
        outbox.push(Frame::Ping(1)).unwrap();
        let close = Close {
            code: 1001,
            reason: "x".into(),
            cause: CloseCause::ServerStopping,
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
