//! The write side of a socket: frames on their way to the operating system.
//!
//! Small frames are collected in one buffer and written at once. The payload of a large frame is written
//! from where it is, so that all pages of a broadcast share it. The WebSocket library writes its own
//! frames (pongs, the close frame) through this adapter too: each as a whole, and in order.

use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

/// Frames are collected up to this size before they are written, and larger payloads are not copied: a
/// page that does not read takes at most twice as much memory besides what it shares with others.
/// Default 64 KiB.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// Capacity of the buffer that a socket keeps while it has nothing to write. Default 4 KiB.
const IDLE_BUFFER_BYTES: usize = 4 * 1024;

/// WebSocket whose frames are written by a [`FrameWriter`].
pub(super) type FrameSocket<S> = WebSocketStream<FrameWriter<S>>;

/// Stream with the frames that wait to be written.
pub(super) struct FrameWriter<S> {
    stream: S,
    /// Encoded frames. The last may be only a header, whose payload is `shared`.
    buffer: Vec<u8>,
    /// How many bytes of the buffer are written.
    written: usize,
    /// What is left of a large payload. It follows the buffer.
    shared: Bytes,
}

impl<S> FrameWriter<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            written: 0,
            shared: Bytes::new(),
        }
    }

    /// Whether another frame may be added before these are written.
    pub(super) fn has_room(&self) -> bool {
        self.shared.is_empty() && self.buffer.len() < WRITE_BUFFER_BYTES
    }

    /// Adds a frame. To be called only if there is room.
    pub(super) fn push(&mut self, opcode: OpCode, payload: Bytes) {
        debug_assert!(self.has_room());
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        let is_shared = payload.len() > WRITE_BUFFER_BYTES;
        let copied = if is_shared { &[] } else { &payload[..] };
        self.buffer.reserve(header.len(length) + copied.len());
        header
            .format(length, &mut self.buffer)
            .expect("a vector accepts every write");
        self.buffer.extend_from_slice(copied);
        if is_shared {
            self.shared = payload;
        }
    }
}

impl<S: AsyncWrite + Unpin> FrameWriter<S> {
    /// Passes everything to the stream.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let copied = &self.buffer[self.written..];
            let stream = Pin::new(&mut self.stream);
            let written = match (copied.is_empty(), self.shared.is_empty()) {
                (true, true) => break,
                (false, true) => ready!(stream.poll_write(cx, copied))?,
                (_, false) => {
                    let both = [IoSlice::new(copied), IoSlice::new(&self.shared)];
                    ready!(stream.poll_write_vectored(cx, &both))?
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_copied = written.min(copied.len());
            self.written += of_copied;
            self.shared.advance(written - of_copied);
        }
        self.written = 0;
        self.buffer.clear();
        self.buffer.shrink_to(IDLE_BUFFER_BYTES);
        // An empty remainder would keep the whole payload allocated.
        self.shared = Bytes::new();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameWriter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameWriter<S> {
    /// Accepts all of these bytes or none, so that no other frame gets between them.
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.has_room() {
            ready!(self.poll_drain(cx))?;
        }
        self.buffer.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::Role;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::Data;

    const BINARY: OpCode = OpCode::Data(Data::Binary);

    #[tokio::test]
    async fn only_large_payloads_are_shared_and_they_are_released_once_they_are_written() {
        for (bytes, is_shared) in [(WRITE_BUFFER_BYTES, false), (WRITE_BUFFER_BYTES + 1, true)] {
            let payload = Bytes::from(vec![7; bytes]);
            let (stream, _page) = duplex(4 * WRITE_BUFFER_BYTES);
            let mut writer = FrameWriter::new(stream);
            writer.push(BINARY, payload.clone());
            assert_eq!(!payload.is_unique(), is_shared, "{bytes} bytes");
            writer.flush().await.expect("an open stream");
            assert!(payload.is_unique(), "{bytes} bytes are written");
            let idle = writer.buffer.capacity();
            assert!(idle <= IDLE_BUFFER_BYTES, "{idle} bytes are kept");
        }
    }

    #[tokio::test]
    async fn frames_of_the_daemon_and_of_the_library_arrive_whole_and_in_order() {
        let sizes = [
            1,
            WRITE_BUFFER_BYTES / 3,
            200_000,
            0,
            70_000,
            65_536,
            125,
            126,
        ];
        // So small that every write is cut short.
        let (stream, page) = duplex(1000);
        let stream = FrameWriter::new(stream);
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        let mut page = WebSocketStream::from_raw_socket(page, Role::Client, None).await;
        let writes = async {
            for size in sizes {
                if !socket.get_mut().has_room() {
                    socket.get_mut().flush().await.expect("an open stream");
                }
                socket.get_mut().push(BINARY, vec![7; size].into());
                let pong = Message::Pong(size.to_string().into());
                socket.send(pong).await.expect("an open stream");
            }
            socket.close(None).await.expect("an open stream");
            drop(socket);
        };
        let reads = async {
            let mut received = Vec::new();
            while let Some(Ok(message)) = page.next().await {
                received.push(message);
            }
            received
        };
        let ((), received) = tokio::join!(writes, reads);
        let sent = sizes.into_iter().flat_map(|size| {
            let message = Message::Binary(vec![7; size].into());
            [message, Message::Pong(size.to_string().into())]
        });
        let sent: Vec<_> = sent.chain([Message::Close(None)]).collect();
        assert!(received == sent, "{} frames arrived", received.len());
    }
}
