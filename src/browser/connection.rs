//! One page's connection: one task that reads, writes and pings.
//!
//! Reading and writing are polled side by side, so that neither waits for the other. All
//! frames that wait in the outbox go into one buffer and leave in one write.

use super::incoming;
use crate::hub::{Close, CloseCause, Frame, Outbox, OutboxItem, SocketGuard};
use futures_util::{Sink, Stream, StreamExt};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// Largest message from a page. A larger one closes its socket with 1009. Default 1 MiB.
pub(crate) const MAX_PAGE_FRAME_BYTES: usize = 1024 * 1024;

/// How often a page is pinged. Two unanswered pings close its socket. Default 10 s.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long a page may take for its part of the closing handshake. Then the connection is
/// dropped. Default 1 s.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How long a page has to say hello before it counts as ready without. Default 1 s.
const HELLO_GRACE: Duration = Duration::from_secs(1);

/// Pings that may be unanswered.
const MAX_MISSED_PINGS: u64 = 2;

/// Close code for a page that does not answer pings or does not read: it may come back.
const CLOSE_UNRESPONSIVE: u16 = 4000;

/// Small, because most sockets are idle most of the time and each has one; a message that is longer gets
/// the room that its header asks for. Default 256 B.
const READ_BUFFER_BYTES: usize = 256;

/// Frames are collected up to this size before they are written.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// The limits of a page's socket.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(MAX_PAGE_FRAME_BYTES))
        .max_frame_size(Some(MAX_PAGE_FRAME_BYTES))
}

/// Runs the connection to its end and says how it ended.
pub(super) fn run<S>(
    socket: WebSocketStream<S>,
    guard: SocketGuard,
    debug: bool,
) -> impl Future<Output = ()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = Connection::new(socket, debug);
    async move {
        let end = until_end(connection, &guard).await;
        tracing::debug!(
            target: "pagewire::browser",
            socket_id = guard.socket().id(), code = end.code, cause = ?end.cause, "socket closed"
        );
        guard.closed(end);
    }
}

async fn until_end<S>(mut connection: Box<Connection<S>>, guard: &SocketGuard) -> Close
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match connection.step(guard.socket().outbox()).await {
            Step::Incoming(message) => {
                connection.pongs = connection.pings;
                if let Some(end) = incoming::handle(guard, message) {
                    break end;
                }
            }
            Step::Timer if connection.pings == 0 => {
                guard.hub().ready_without_hello(guard.socket().id());
                connection.ping(guard.socket(), PING_INTERVAL.saturating_sub(HELLO_GRACE));
            }
            Step::Timer if connection.is_unresponsive() => {
                let close = unresponsive(guard.socket().outbox());
                break Box::pin(close_politely(&mut connection, close)).await;
            }
            Step::Timer => connection.ping(guard.socket(), PING_INTERVAL),
            // Boxed: a connection need not have the room for its end as long as it lives.
            Step::Close(close) => break Box::pin(close_politely(&mut connection, close)).await,
            Step::Lost(error) => break Box::pin(lost(&mut connection, error)).await,
        }
    }
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    /// Bytes of the outbox that are in the socket's buffer and not yet with the operating
    /// system.
    unwritten: usize,
    /// When to look after the page next.
    timer: Pin<Box<Sleep>>,
    /// The number of the last ping.
    pings: u64,
    /// The number of the last ping that something came after.
    pongs: u64,
    debug: bool,
}

enum Step {
    Incoming(Message),
    Timer,
    Close(Close),
    Lost(Option<Error>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// In a box: every future that it is handed on by would have room for one of its own.
    fn new(socket: WebSocketStream<S>, debug: bool) -> Box<Self> {
        Box::new(Self {
            socket,
            unwritten: 0,
            timer: Box::pin(tokio::time::sleep(HELLO_GRACE)),
            pings: 0,
            pongs: 0,
            debug,
        })
    }

    /// Writes what waits, until something happens.
    async fn step(&mut self, outbox: &Outbox) -> Step {
        poll_fn(|cx| self.poll_step(outbox, cx)).await
    }

    fn poll_step(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Step> {
        match self.poll_write(outbox, cx) {
            Poll::Ready(Ok(close)) => return Poll::Ready(Step::Close(close)),
            Poll::Ready(Err(error)) => return Poll::Ready(Step::Lost(Some(error))),
            Poll::Pending => {}
        }
        match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(Step::Incoming(message)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Step::Lost(Some(error))),
            Poll::Ready(None) => return Poll::Ready(Step::Lost(None)),
            Poll::Pending => {}
        }
        self.timer.as_mut().poll(cx).map(|()| Step::Timer)
    }

    /// Pending when everything is written or the page does not read; ready when the outbox
    /// says to close.
    fn poll_write(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Result<Close, Error>> {
        let mut socket = Pin::new(&mut self.socket);
        let mut close = None;
        while socket.as_mut().poll_ready(cx)?.is_ready() {
            match outbox.poll_next(cx) {
                Poll::Ready(OutboxItem::Frame(frame, size)) => {
                    self.unwritten += size;
                    socket.as_mut().start_send(message(frame))?;
                }
                Poll::Ready(OutboxItem::Close(end)) => {
                    close = Some(end);
                    break;
                }
                Poll::Pending => break,
            }
        }
        if self.unwritten > 0 && socket.poll_flush(cx)?.is_ready() {
            outbox.written(self.unwritten);
            self.unwritten = 0;
        }
        close.map_or(Poll::Pending, |close| Poll::Ready(Ok(close)))
    }

    fn ping(&mut self, socket: &crate::hub::Socket, next_in: Duration) {
        self.pings += 1;
        // A full outbox takes no ping; the page is then unresponsive all the same.
        let _ = socket.ping();
        self.timer.as_mut().reset(Instant::now() + next_in);
    }

    fn is_unresponsive(&self) -> bool {
        !self.debug && self.pings - self.pongs >= MAX_MISSED_PINGS
    }
}

/// Pings that a page does not read are no pings that it does not answer.
fn unresponsive(outbox: &Outbox) -> Close {
    let (reason, cause) = if outbox.is_empty() {
        ("pings were not answered", CloseCause::NoPong)
    } else {
        ("what was sent was not read", CloseCause::Slow)
    };
    Close {
        code: CLOSE_UNRESPONSIVE,
        reason: reason.to_owned(),
        cause,
    }
}

/// The closing handshake as far as the page takes part (RFC 6455, section 7.1.2).
async fn close_politely<S>(connection: &mut Connection<S>, close: Close) -> Close
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame {
        code: CloseCode::from(close.code),
        reason: Utf8Bytes::from(close.reason.as_str()),
    };
    let handshake = async {
        if connection.socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = connection.socket.next().await {}
        }
    };
    // A page that does not answer in time is dropped.
    let _ = tokio::time::timeout(CLOSE_GRACE, handshake).await;
    close
}

/// The connection broke, or the page broke the protocol and is told so.
async fn lost<S>(connection: &mut Connection<S>, error: Option<Error>) -> Close
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (code, reason) = match error {
        Some(Error::Capacity(CapacityError::MessageTooLong { size, max_size })) => (
            1009,
            format!("message of {size} bytes (the limit is {max_size})"),
        ),
        Some(Error::Capacity(error)) => (1009, error.to_string()),
        Some(Error::Utf8(_)) => (1007, "text is not UTF-8".to_owned()),
        Some(
            Error::Protocol(
                tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            )
            | Error::Io(_),
        )
        | None => {
            return Close {
                code: 1006,
                reason: String::new(),
                cause: CloseCause::ConnectionLost,
            };
        }
        Some(error) => (1002, error.to_string().chars().take(100).collect()),
    };
    let frame = CloseFrame {
        code: CloseCode::from(code),
        reason: Utf8Bytes::from(reason.as_str()),
    };
    let close = Close {
        code,
        reason,
        cause: CloseCause::ProtocolError,
    };
    // What is still on its way is taken and dropped: a connection that ends with octets unread is
    // reset, and then the page may never see the close frame (1006 instead of the code).
    let drain = async {
        if connection.socket.close(Some(frame)).await.is_ok() {
            let stream = connection.socket.get_mut();
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
        }
    };
    let _ = tokio::time::timeout(CLOSE_GRACE, drain).await;
    close
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(utf8(text.into_bytes())),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping(number) => Message::Ping(number.to_be_bytes().to_vec().into()),
    }
}

/// The core's `Text` was made from a `String`; checking it again is what safety costs here.
fn utf8(bytes: bytes::Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Hub;
    use tokio_tungstenite::tungstenite::protocol::Role;

    /// What lies between daemon and page.
    const BUFFER_BYTES: usize = 4096;

    #[tokio::test(start_paused = true)]
    async fn a_page_that_reads_nothing_is_told_from_one_that_answers_no_pings() {
        for (bytes, cause) in [
            (0, CloseCause::NoPong),
            (BUFFER_BYTES * 2, CloseCause::Slow),
        ] {
            let guard = Hub::new().open_socket(String::new(), String::new(), None);
            let sent = guard.socket().send_text("x".repeat(bytes));
            assert_eq!(sent, Ok(()));
            let (daemon, _page) = tokio::io::duplex(BUFFER_BYTES);
            let socket =
                WebSocketStream::from_raw_socket(daemon, Role::Server, Some(config())).await;
            let began = Instant::now();
            let end = until_end(Connection::new(socket, false), &guard).await;
            assert_eq!((end.code, end.cause), (CLOSE_UNRESPONSIVE, cause));
            assert_eq!(began.elapsed(), PING_INTERVAL * 2 + CLOSE_GRACE);
        }
    }
}
