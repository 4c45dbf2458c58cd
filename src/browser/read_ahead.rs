//! A stream that is read in larger pieces than it is asked for, without a buffer while nothing comes.
//!
//! The WebSocket library asks for the header of a frame and then for the rest of it, into a buffer that
//! each socket keeps. With this below it a message is one system call, however small that buffer is.

use std::io::{self, Cursor};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read at once, on the stack of who reads. Default 16 KiB.
const PIECE_BYTES: usize = 16 * 1024;

/// A stream, and what was read of it and not yet asked for.
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
            let mut piece = [MaybeUninit::uninit(); PIECE_BYTES];
            let mut piece = ReadBuf::uninit(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece))?;
            let read = piece.filled();
            let (now, ahead) = read.split_at(read.len().min(buffer.remaining()));
            buffer.put_slice(now);
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
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
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
    async fn octets_come_in_order_whatever_is_asked_for() {
        let sent: Vec<u8> = (0..3 * PIECE_BYTES).map(|n| n as u8).collect();
        let (mut from, to) = tokio::io::duplex(sent.len());
        from.write_all(&sent).await.unwrap();
        drop(from);
        let mut stream = ReadAhead::new(to);
        let mut read = Vec::new();
        for size in [1, 14, PIECE_BYTES, 3, 2 * PIECE_BYTES].into_iter().cycle() {
            let mut buffer = vec![0; size];
            let count = stream.read(&mut buffer).await.unwrap();
            read.extend_from_slice(&buffer[..count]);
            if count == 0 {
                break;
            }
        }
        assert_eq!(read, sent);
        assert_eq!(stream.ahead.get_ref().capacity(), 0, "nothing is kept");
    }
}
