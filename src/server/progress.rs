//! Notices clients that do not read: connections on which bytes wait to be written and none is accepted.
//!
//! The operating system accepts bytes until its buffers are full, so on HTTP/1.1 a write that does not
//! succeed is enough. An HTTP/2 client can also read the connection and withhold the credit that single
//! responses need. Then response bytes wait in the HTTP library, and they are counted there.

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long bytes may wait for a client that accepts none. Then its connection is closed. A connection
/// without such bytes may be idle for longer. Default 60 s.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes that an HTTP/2 client has to accept in [`STALL_TIMEOUT`] while response bytes wait: more than the
/// keepalive of a connection takes. Default 1 KiB.
const MIN_PROGRESS_BYTES: u64 = 1024;

/// Progress of one connection, shared by its stream and its responses.
pub(super) struct Progress {
    /// Bytes that the client has accepted.
    written: AtomicU64,
    /// Pieces of HTTP/2 responses that wait in the HTTP library.
    waiting: AtomicUsize,
    /// [`STALL_TIMEOUT`] applies.
    is_limited: AtomicBool,
}

impl Progress {
    /// Without a limit, a client that is stopped at a breakpoint keeps its connection.
    pub(super) fn new(debug: bool) -> Self {
        Self {
            written: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            is_limited: AtomicBool::new(!debug),
        }
    }

    /// Ends the limit, because the connection is upgraded: what it carries then has its own timeouts.
    pub(super) fn end_limit(&self) {
        self.is_limited.store(false, Ordering::Relaxed);
    }

    fn is_limited(&self) -> bool {
        self.is_limited.load(Ordering::Relaxed)
    }

    /// For HTTP/2: waits until response bytes have waited for [`STALL_TIMEOUT`] without progress.
    pub(super) async fn stalled(&self) {
        let mut since = Instant::now();
        let mut accepted = 0;
        loop {
            let written = self.written.load(Ordering::Relaxed);
            let is_waiting = self.is_limited() && self.waiting.load(Ordering::Relaxed) > 0;
            if !is_waiting || written - accepted >= MIN_PROGRESS_BYTES {
                (since, accepted) = (Instant::now(), written);
            } else if since.elapsed() >= STALL_TIMEOUT {
                return;
            }
            sleep(STALL_TIMEOUT / 4).await;
        }
    }
}

/// Error of a connection whose client does not read.
pub(super) fn stall_error() -> io::Error {
    let text = "the client has not read its responses for 60 s";
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Stream whose writes fail when the client has accepted nothing for [`STALL_TIMEOUT`].
pub(super) struct TimedWrites<S> {
    stream: S,
    progress: Arc<Progress>,
    /// Timeout of the current write, while it waits.
    timeout: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedWrites<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>) -> Self {
        Self {
            stream,
            progress,
            timeout: None,
        }
    }

    fn check(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(written)) => {
                let written = written as u64;
                self.progress.written.fetch_add(written, Ordering::Relaxed);
                self.timeout = None;
            }
            Poll::Pending if self.progress.is_limited() => {
                let timeout = self
                    .timeout
                    .get_or_insert_with(|| Box::pin(sleep(STALL_TIMEOUT)));
                if timeout.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(stall_error()));
                }
            }
            _ => {}
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.check(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.check(cx, polled)
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

/// Body whose pieces are counted for as long as they wait to be sent.
pub(super) struct CountedBody<B> {
    body: B,
    progress: Arc<Progress>,
}

impl<B> CountedBody<B> {
    pub(super) fn new(body: B, progress: Arc<Progress>) -> Self {
        Self { body, progress }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let counted = |bytes| Piece::new(bytes, self.progress.clone());
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Guard of a piece of a response: it is dropped once its bytes are sent, or never will be.
pub(super) struct Piece {
    bytes: Bytes,
    progress: Arc<Progress>,
}

impl Piece {
    fn new(bytes: Bytes, progress: Arc<Progress>) -> Self {
        progress.waiting.fetch_add(1, Ordering::Relaxed);
        Self { bytes, progress }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.progress.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        self.bytes.copy_to_bytes(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    fn connection() -> (TimedWrites<DuplexStream>, DuplexStream, Arc<Progress>) {
        let (daemon, client) = duplex(1024);
        let progress = Arc::new(Progress::new(false));
        let stream = TimedWrites::new(daemon, progress.clone());
        (stream, client, progress)
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_fails_when_the_client_has_read_nothing_for_60_s() {
        let (mut stream, mut client, _) = connection();
        let start = Instant::now();
        let reads = async {
            // A slow client makes progress: a little within each timeout.
            for _ in 0..3 {
                sleep(STALL_TIMEOUT / 2).await;
                client.read_exact(&mut [0; 1024]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&[0; 8192]), reads);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), STALL_TIMEOUT / 2 * 3 + STALL_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upgraded_connection_may_wait_for_its_client() {
        let (mut stream, mut client, progress) = connection();
        progress.end_limit();
        let reads = async {
            sleep(STALL_TIMEOUT * 10).await;
            client.read_exact(&mut [0; 2048]).await.unwrap();
        };
        let (written, ()) = tokio::join!(stream.write_all(&[0; 2048]), reads);
        assert!(written.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_stalls_only_while_response_bytes_wait_and_few_are_accepted() {
        let progress = Arc::new(Progress::new(false));
        let waits = || Piece::new(Bytes::from_static(b"x"), progress.clone());
        let stalls_within = |limit| tokio::time::timeout(limit, progress.stalled());
        // Nothing waits, as in a stream of events without events.
        assert!(stalls_within(STALL_TIMEOUT * 10).await.is_err());
        let piece = waits();
        let accepts = async {
            loop {
                sleep(STALL_TIMEOUT / 2).await;
                let accepted = MIN_PROGRESS_BYTES;
                progress.written.fetch_add(accepted, Ordering::Relaxed);
            }
        };
        tokio::select! {
            () = progress.stalled() => panic!("the client makes progress"),
            () = accepts => unreachable!(),
            () = sleep(STALL_TIMEOUT * 10) => {}
        }
        // Only pings are written.
        let pings = async {
            loop {
                sleep(STALL_TIMEOUT / 2).await;
                progress.written.fetch_add(40, Ordering::Relaxed);
            }
        };
        let start = Instant::now();
        tokio::select! {
            () = progress.stalled() => {}
            () = pings => unreachable!(),
        }
        assert!(
            start.elapsed() <= STALL_TIMEOUT * 2,
            "{:?}",
            start.elapsed()
        );
        drop(piece);
        assert!(stalls_within(STALL_TIMEOUT * 10).await.is_err());
    }

    #[tokio::test]
    async fn a_response_waits_until_an_http_2_client_gives_credit_for_it() {
        const CREDIT: u32 = 1000;
        let (daemon, client) = duplex(64 * 1024);
        let progress = Arc::new(Progress::new(false));
        let counted = progress.clone();
        let service = hyper::service::service_fn(move |_| {
            let body = axum::body::Body::from(vec![0; 5000]);
            let body = CountedBody::new(body, counted.clone());
            std::future::ready(Ok::<_, std::convert::Infallible>(hyper::Response::new(
                body,
            )))
        });
        let executor = hyper_util::rt::TokioExecutor::new();
        let io = hyper_util::rt::TokioIo::new(daemon);
        let server = hyper::server::conn::http2::Builder::new(executor);
        tokio::spawn(server.serve_connection(io, service));
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(CREDIT);
        let (mut sender, connection) = builder.handshake::<_, Bytes>(client).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get("http://localhost/").body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let mut read = 0;
        while read < 5000 {
            let piece = body.data().await.unwrap().unwrap();
            read += piece.len();
            let is_waiting = progress.waiting.load(Ordering::Relaxed) == 1;
            assert!(is_waiting || read == 5000, "after {read}");
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        assert!(body.data().await.is_none());
        while progress.waiting.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
    }
}
