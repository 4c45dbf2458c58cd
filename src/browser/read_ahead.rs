//! Read-ahead adapter for idle streams: reads in large pieces, but holds no buffer while it has no data.
//!
//! The WebSocket library reads the header of a frame and then the rest of it, into a buffer that lives as
//! long as the socket. On top of this adapter that buffer can be small, and a message still takes a
//! single system call.

use std::io::{self, Cursor, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Size of a single read, whose buffer is on the caller's stack. Default 16 KiB.
const READ_BYTES: usize = 16 * 1024;

/// Stream with the bytes that were read ahead.
pub(super) struct ReadAhead<S> {
    stream: S,
    ahead: Cursor<Vec<u8>>,
}

impl<S> ReadAhead<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: Cursor::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.get_ref().is_empty() {
            let mut stack_buffer = [MaybeUninit::uninit(); READ_BYTES];
            let mut stack_buffer = ReadBuf::uninit(&mut stack_buffer);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut stack_buffer))?;
            let read = stack_buffer.filled();
            let (requested, ahead) = read.split_at(read.len().min(buffer.remaining()));
            buffer.put_slice(requested);
            self.ahead = Cursor::new(ahead.to_vec());
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.ahead).poll_read(cx, buffer))?;
        if self.ahead.position() == self.ahead.get_ref().len() as u64 {
            self.ahead = Cursor::default();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_arrive_in_order_for_reads_of_any_size() {
        let sent: Vec<u8> = (0..3 * READ_BYTES).map(|n| n as u8).collect();
        let (mut from, to) = tokio::io::duplex(sent.len());
        from.write_all(&sent).await.unwrap();
        drop(from);
        let mut stream = ReadAhead::new(to);
        let mut read = Vec::new();
        for size in [1, 14, READ_BYTES, 3, 2 * READ_BYTES].into_iter().cycle() {
            let mut buffer = vec![0; size];
            let count = stream.read(&mut buffer).await.unwrap();
            read.extend_from_slice(&buffer[..count]);
            if count == 0 {
                break;
            }
        }
        assert_eq!(read, sent);
        let buffered = stream.ahead.get_ref().capacity();
        assert_eq!(buffered, 0, "an idle stream holds no buffer");
    }
}
