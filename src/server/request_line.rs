//! Finds a `#` in the request target, which no browser sends.
//!
//! The HTTP library cuts a fragment off before anybody sees it (RFC 9112, section 3.2 has none in a
//! request target). We parse what is left once, so nothing can be smuggled past our checks; but what
//! a malformed request is answered must not depend on who reads it, so it is refused with 400. In
//! HTTP/2 nothing can be seen: its frames are decoded where the fragment is cut off.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the stream and the service of one connection tell each other. Both run in its one task.
#[derive(Clone)]
pub(super) struct RequestLine {
    /// The next octets begin a request.
    begins: Arc<AtomicBool>,
    /// The request being read has a fragment in its target.
    has_fragment: Arc<AtomicBool>,
}

/// A connection whose request lines are looked at as they pass. Of requests that arrive together
/// only the first is looked at.
pub(super) struct Watched<S> {
    stream: S,
    line: RequestLine,
    /// A `#` was seen in the line so far.
    seen: bool,
    /// Something was seen in the line so far: empty lines before a request are none of it.
    started: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S) -> (Self, RequestLine) {
        let line = RequestLine {
            begins: Arc::new(AtomicBool::new(true)),
            has_fragment: Arc::default(),
        };
        (
            Self {
                stream,
                line: line.clone(),
                seen: false,
                started: false,
            },
            line,
        )
    }

    fn look(&mut self, octets: &[u8]) {
        if !self.line.begins.load(Ordering::Relaxed) {
            return;
        }
        for octet in octets {
            match octet {
                b'\r' | b'\n' if !self.started => {}
                b'\n' => {
                    self.started = false;
                    self.line.begins.store(false, Ordering::Relaxed);
                    let seen = std::mem::take(&mut self.seen);
                    self.line.has_fragment.store(seen, Ordering::Relaxed);
                    return;
                }
                _ => {
                    self.started = true;
                    self.seen |= *octet == b'#';
                }
            }
        }
    }
}

impl RequestLine {
    /// Whether the request that has just been read has a fragment in its target.
    pub(super) fn has_fragment(&self) -> bool {
        self.has_fragment.swap(false, Ordering::Relaxed)
    }

    /// The response is made: what comes next is a request.
    pub(super) fn begins_again(&self) {
        self.begins.store(true, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if polled.is_ready() {
            self.look(&buffer.filled()[before..]);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, octets)
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
