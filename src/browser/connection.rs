//! The connection of one page: a single task that reads, writes and pings.
//!
//! Reading and writing are polled side by side, so that neither blocks the other. All frames in the
//! outbox are collected in one buffer and written at once.

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

/// Interval of pings. Two unanswered pings close the socket. Default 10 s.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time limit for the page's part of the closing handshake. After it the connection is dropped.
/// Default 1 s.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Time limit for a page's hello. After it the page counts as ready without one. Default 1 s.
const HELLO_GRACE: Duration = Duration::from_secs(1);

/// Unanswered pings after which a page is unresponsive.
const MAX_MISSED_PINGS: u64 = 2;

/// Close code for a page that does not answer pings, or does not read. The page may reconnect.
const CLOSE_UNRESPONSIVE: u16 = 4000;

/// Read buffer of each socket. Small, because most sockets are idle most of the time; it grows for a
/// message whose header announces more. Default 256 B.
const READ_BUFFER_BYTES: usize = 256;

/// Frames are collected up to this size before they are written. Default 64 KiB.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// Returns the limits of a page's socket.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(MAX_PAGE_FRAME_BYTES))
        .max_frame_size(Some(MAX_PAGE_FRAME_BYTES))
}

/// Runs the connection until it ends, and reports its end to the hub.
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
        let close = run_until_closed(connection, &guard).await;
        tracing::debug!(
            target: "pagewire::browser",
            socket_id = guard.socket().id(), code = close.code, cause = ?close.cause, "socket closed"
        );
        guard.closed(close);
    }
}

async fn run_until_closed<S>(mut connection: Box<Connection<S>>, guard: &SocketGuard) -> Close
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match connection.step(guard.socket().outbox()).await {
            Step::Incoming(message) => {
                connection.last_answered_ping = connection.last_ping;
                if let Some(close) = incoming::handle(guard, message) {
                    break close;
                }
            }
            Step::Timer if connection.last_ping == 0 => {
                guard.hub().ready_without_hello(guard.socket().id());
                connection.ping(guard.socket(), PING_INTERVAL.saturating_sub(HELLO_GRACE));
            }
            Step::Timer if connection.is_unresponsive() => {
                let close = unresponsive_close(guard.socket().outbox());
                break Box::pin(close_handshake(&mut connection, close)).await;
            }
            Step::Timer => connection.ping(guard.socket(), PING_INTERVAL),
            // Boxed, so that the futures that close a connection take no memory while it is open.
            Step::Close(close) => break Box::pin(close_handshake(&mut connection, close)).await,
            Step::Failed(error) => break Box::pin(close_failed(&mut connection, error)).await,
        }
    }
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    /// Bytes of the outbox that are in the socket's buffer, and not yet written to the operating system.
    unwritten: usize,
    /// Fires when the page is due for a ping, or its hello is overdue.
    timer: Pin<Box<Sleep>>,
    /// Number of the last ping.
    last_ping: u64,
    /// Number of the last ping after which a frame arrived. Any frame counts as an answer.
    last_answered_ping: u64,
    /// Whether unanswered pings are tolerated.
    debug: bool,
}

enum Step {
    Incoming(Message),
    Timer,
    Close(Close),
    /// The connection was lost, or the page violated the protocol.
    Failed(Option<Error>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Boxed, so that futures it is moved through do not each reserve space for it.
    fn new(socket: WebSocketStream<S>, debug: bool) -> Box<Self> {
        Box::new(Self {
            socket,
            unwritten: 0,
            timer: Box::pin(tokio::time::sleep(HELLO_GRACE)),
            last_ping: 0,
            last_answered_ping: 0,
            debug,
        })
    }

    /// Drains the outbox until there is something to handle.
    async fn step(&mut self, outbox: &Outbox) -> Step {
        poll_fn(|cx| self.poll_step(outbox, cx)).await
    }

    fn poll_step(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Step> {
        match self.poll_write(outbox, cx) {
            Poll::Ready(Ok(close)) => return Poll::Ready(Step::Close(close)),
            Poll::Ready(Err(error)) => return Poll::Ready(Step::Failed(Some(error))),
            Poll::Pending => {}
        }
        match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(Step::Incoming(message)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Step::Failed(Some(error))),
            Poll::Ready(None) => return Poll::Ready(Step::Failed(None)),
            Poll::Pending => {}
        }
        self.timer.as_mut().poll(cx).map(|()| Step::Timer)
    }

    /// Pending when everything is written, or the page does not read; ready when the outbox requests a
    /// close.
    fn poll_write(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<Result<Close, Error>> {
        let mut socket = Pin::new(&mut self.socket);
        let mut close = None;
        while socket.as_mut().poll_ready(cx)?.is_ready() {
            match outbox.poll_next(cx) {
                Poll::Ready(OutboxItem::Frame(frame, size)) => {
                    self.unwritten += size;
                    socket.as_mut().start_send(message(frame))?;
                }
                Poll::Ready(OutboxItem::Close(requested)) => {
                    close = Some(requested);
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
        self.last_ping += 1;
        // Fails when the outbox is full. The page is unresponsive then as well.
        let _ = socket.ping();
        self.timer.as_mut().reset(Instant::now() + next_in);
    }

    fn is_unresponsive(&self) -> bool {
        !self.debug && self.last_ping - self.last_answered_ping >= MAX_MISSED_PINGS
    }
}

/// Distinguishes a page that does not read its pings from one that does not answer them.
fn unresponsive_close(outbox: &Outbox) -> Close {
    let (reason, cause) = if outbox.is_empty() {
        ("the page did not answer pings", CloseCause::NoPong)
    } else {
        ("the page did not read its messages", CloseCause::Slow)
    };
    Close {
        code: CLOSE_UNRESPONSIVE,
        reason: reason.to_owned(),
        cause,
    }
}

/// Performs the closing handshake (RFC 6455, section 7.1.2), as far as the page takes part in it.
async fn close_handshake<S>(connection: &mut Connection<S>, close: Close) -> Close
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
    // On timeout the connection is dropped.
    let _ = tokio::time::timeout(CLOSE_GRACE, handshake).await;
    close
}

/// Closes a failed connection. If the page violated the protocol, it gets a close frame with the reason.
async fn close_failed<S>(connection: &mut Connection<S>, error: Option<Error>) -> Close
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (code, reason) = match error {
        Some(Error::Capacity(CapacityError::MessageTooLong { size, max_size })) => (
            1009,
            format!("message of {size} bytes exceeds the limit of {max_size}"),
        ),
        Some(Error::Capacity(error)) => (1009, error.to_string()),
        Some(Error::Utf8(_)) => (1007, "text frame is not valid UTF-8".to_owned()),
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
    // Reads and discards what is still in flight: closing a connection with unread bytes resets it, and
    // then the page may not see the close frame (1006 instead of the code).
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

/// Converts text of the hub, which is valid UTF-8. It is validated again, since unsafe code is forbidden.
fn utf8(bytes: bytes::Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Hub;
    use tokio_tungstenite::tungstenite::protocol::Role;

    /// Capacity of the pipe between daemon and page.
    const BUFFER_BYTES: usize = 4096;

    #[tokio::test(start_paused = true)]
    async fn distinguishes_pages_that_do_not_read_from_pages_that_do_not_answer_pings() {
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
            let start = Instant::now();
            let close = run_until_closed(Connection::new(socket, false), &guard).await;
            assert_eq!((close.code, close.cause), (CLOSE_UNRESPONSIVE, cause));
            assert_eq!(start.elapsed(), PING_INTERVAL * 2 + CLOSE_GRACE);
        }
    }
}
