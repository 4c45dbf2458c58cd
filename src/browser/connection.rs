//! The connection of one page: a single task that reads, writes and pings.
//!
//! Reading and writing are polled side by side, so that neither blocks the other. All small frames in
//! the outbox are collected in one buffer and written at once.

use super::closing::{self, Ending};
use super::daemon_urls::DaemonUrls;
use super::frame_writer::{FrameSocket, FrameWriter};
use super::incoming;
use crate::hub::{Close, Frame, Outbox, OutboxItem, SocketGuard};
use futures_util::{Sink, Stream};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Largest message from a page. A larger one closes its socket with 1009. Default 1 MiB.
pub(crate) const MAX_PAGE_FRAME_BYTES: usize = 1024 * 1024;

/// Interval of pings. Two unanswered pings close the socket. Default 10 s.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time limit for a page's hello. After it the page counts as ready without one. Default 1 s.
const HELLO_GRACE: Duration = Duration::from_secs(1);

/// Unanswered pings after which a page is unresponsive.
const MAX_MISSED_PINGS: u64 = 2;

/// Read buffer of each socket. Small, because most sockets are idle most of the time; it grows for a
/// message whose header announces more. Default 256 B.
const READ_BUFFER_BYTES: usize = 256;

/// Pongs and the close frame that the WebSocket library may hold. Further pongs replace the last one (RFC
/// 6455, section 5.5.3). Default 1 KiB.
const MAX_CONTROL_BYTES: usize = 1024;

/// Returns the limits of a page's socket.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        // The library writes only pongs and the close frame. `FrameWriter` collects them.
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_CONTROL_BYTES)
        .max_message_size(Some(MAX_PAGE_FRAME_BYTES))
        .max_frame_size(Some(MAX_PAGE_FRAME_BYTES))
}

/// Runs the connection until it ends, and reports its end to the hub.
pub(super) fn run<S>(
    socket: FrameSocket<S>,
    guard: SocketGuard,
    urls: DaemonUrls,
    debug: bool,
) -> impl Future<Output = ()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Connection::new(socket, debug);
    async move {
        let handle = |guard: &SocketGuard, message| incoming::handle(guard, &urls, message);
        let Ending { close, deadline } = run_until_closed(&mut connection, &guard, handle).await;
        tracing::debug!(
            target: "pagewire::browser",
            socket_id = guard.socket().id(), code = close.code, cause = ?close.cause, "socket closed"
        );
        guard.closed(close);
        Box::pin(closing::end(&mut connection.socket, deadline)).await;
    }
}

/// Runs the connection until one side closes it, and passes on the page's messages.
async fn run_until_closed<S>(
    connection: &mut Connection<S>,
    guard: &SocketGuard,
    handle: impl Fn(&SocketGuard, Message),
) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match connection.step(guard.socket().outbox()).await {
            Step::Incoming(Message::Close(frame)) => break closing::by_page(frame),
            Step::Incoming(Message::Pong(payload)) => {
                if guard.socket().pong(&payload) {
                    connection.last_answered_ping = connection.last_ping;
                }
            }
            // The WebSocket library answers pings. They do not show that the page reads the answers.
            Step::Incoming(Message::Ping(_)) => connection.owes_pong = true,
            Step::Incoming(message) => {
                connection.last_answered_ping = connection.last_ping;
                handle(guard, message);
            }
            Step::Timer if connection.last_ping == 0 => {
                guard.hub().ready_without_hello(guard.socket().id());
                connection.ping(guard.socket(), PING_INTERVAL.saturating_sub(HELLO_GRACE));
            }
            Step::Timer if connection.is_unresponsive() => {
                let close = closing::unresponsive(guard.socket().outbox());
                break Box::pin(closing::by_daemon(&mut connection.socket, close)).await;
            }
            Step::Timer => connection.ping(guard.socket(), PING_INTERVAL),
            // Boxed, so that the futures that close a connection take no memory while it is open.
            Step::Close(close) => {
                break Box::pin(closing::by_daemon(&mut connection.socket, close)).await;
            }
            Step::Failed(error) => {
                break Box::pin(closing::failed(&mut connection.socket, error)).await;
            }
        }
    }
}

/// State of an open connection.
struct Connection<S> {
    socket: FrameSocket<S>,
    /// Bytes of the outbox that are not yet written to the operating system.
    unwritten: usize,
    /// Whether an answer to a ping of the page waits to be written.
    owes_pong: bool,
    /// Fires when the page is due for a ping, or its hello is overdue.
    timer: Pin<Box<Sleep>>,
    /// Number of the last ping.
    last_ping: u64,
    /// Number of the last ping after which the page sent a message or answered a ping.
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
    fn new(socket: FrameSocket<S>, debug: bool) -> Box<Self> {
        Box::new(Self {
            socket,
            unwritten: 0,
            owes_pong: false,
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
            Poll::Ready(Err(error)) => return Poll::Ready(Step::Failed(Some(error.into()))),
            Poll::Pending => {}
        }
        match self.poll_read(cx) {
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(Step::Incoming(message)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Step::Failed(Some(error))),
            Poll::Ready(None) => return Poll::Ready(Step::Failed(None)),
            Poll::Pending => {}
        }
        self.timer.as_mut().poll(cx).map(|()| Step::Timer)
    }

    /// Reads a message. Pending while a pong waits to be written: a page that pings and does not read must
    /// not make the daemon collect pongs.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let mut socket = Pin::new(&mut self.socket);
        if self.owes_pong {
            ready!(socket.as_mut().poll_flush(cx))?;
            self.owes_pong = false;
        }
        socket.poll_next(cx)
    }

    /// Pending when everything is written, or the page does not read; ready when the outbox requests a
    /// close.
    fn poll_write(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<io::Result<Close>> {
        loop {
            let writer = self.socket.get_mut();
            if !writer.has_room() {
                ready!(self.poll_flush(outbox, cx))?;
                continue;
            }
            match outbox.poll_next(cx) {
                Poll::Ready(OutboxItem::Frame(frame, size)) => {
                    self.unwritten += size;
                    push(writer, frame);
                }
                Poll::Ready(OutboxItem::Close(close)) => {
                    let _ = self.poll_flush(outbox, cx)?;
                    return Poll::Ready(Ok(close));
                }
                Poll::Pending => {
                    ready!(self.poll_flush(outbox, cx))?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Writes the frames of the outbox to the operating system.
    fn poll_flush(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unwritten > 0 {
            ready!(Pin::new(self.socket.get_mut()).poll_flush(cx))?;
            outbox.written(std::mem::take(&mut self.unwritten));
        }
        Poll::Ready(Ok(()))
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

fn push<S>(writer: &mut FrameWriter<S>, frame: Frame) {
    match frame {
        Frame::Text(text) => writer.push(OpCode::Data(Data::Text), text.into_bytes()),
        Frame::Binary(bytes) => writer.push(OpCode::Data(Data::Binary), bytes),
        Frame::Ping(number) => {
            let number = number.to_be_bytes().to_vec();
            writer.push(OpCode::Control(Control::Ping), number.into());
        }
    }
}

#[cfg(test)]
mod autobahn;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::closing::{CLOSE_GRACE, CLOSE_UNRESPONSIVE};
    use crate::hub::{CloseCause, Hub};
    use futures_util::SinkExt;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    /// Capacity of the pipe between daemon and page.
    const BUFFER_BYTES: usize = 4096;

    fn page() -> SocketGuard {
        Hub::new().open_socket(String::new(), String::new(), None)
    }

    /// Runs a connection until it is closed.
    async fn run(stream: DuplexStream, guard: &SocketGuard) -> Close {
        let stream = FrameWriter::new(stream);
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await;
        let mut connection = Connection::new(socket, false);
        run_until_closed(&mut connection, guard, |_, _| {})
            .await
            .close
    }

    #[tokio::test(start_paused = true)]
    async fn distinguishes_pages_that_do_not_read_from_pages_that_do_not_answer_pings() {
        for (bytes, cause) in [
            (0, CloseCause::NoPong),
            (BUFFER_BYTES * 2, CloseCause::Slow),
        ] {
            let guard = page();
            let sent = guard.socket().send_text("x".repeat(bytes));
            assert_eq!(sent, Ok(()));
            let (daemon, _page) = duplex(BUFFER_BYTES);
            let start = Instant::now();
            let close = run(daemon, &guard).await;
            assert_eq!((close.code, close.cause), (CLOSE_UNRESPONSIVE, cause));
            assert_eq!(start.elapsed(), PING_INTERVAL * 2 + CLOSE_GRACE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_pings_and_does_not_read_is_not_read_either_and_is_closed() {
        const PINGS: usize = 100_000;
        // A masked ping without a payload.
        let ping = [0x89, 0x80, 0, 0, 0, 0];
        let guard = page();
        let (daemon, mut page) = duplex(BUFFER_BYTES);
        let pings = async {
            for sent in 0..PINGS {
                if page.write_all(&ping).await.is_err() {
                    return sent;
                }
            }
            PINGS
        };
        let (close, sent) = tokio::join!(run(daemon, &guard), pings);
        assert_eq!(close.cause, CloseCause::Slow);
        // One pipe is full of pongs, the other one of pings.
        let accepted = 2 * BUFFER_BYTES / ping.len() + BUFFER_BYTES;
        assert!(sent <= accepted, "{sent} pings were accepted");
    }

    #[tokio::test(start_paused = true)]
    async fn only_messages_and_pongs_to_open_pings_keep_a_page_connected() {
        let pong = |number: u64| Message::Pong(number.to_be_bytes().to_vec().into());
        for (frame, cause) in [
            (Message::Ping("x".into()), Some(CloseCause::NoPong)),
            (Message::Pong("".into()), Some(CloseCause::NoPong)),
            (pong(0), Some(CloseCause::NoPong)),
            (pong(1000), Some(CloseCause::NoPong)),
            (pong(u64::MAX), Some(CloseCause::NoPong)),
            (Message::Binary("x".into()), None),
        ] {
            let guard = page();
            let (daemon, page) = duplex(BUFFER_BYTES);
            let (mut reader, writer) = tokio::io::split(page);
            let mut writer = WebSocketStream::from_raw_socket(
                tokio::io::join(tokio::io::empty(), writer),
                Role::Client,
                None,
            )
            .await;
            let page = async {
                let mut interval = tokio::time::interval(PING_INTERVAL / 2);
                let mut sink = tokio::io::sink();
                let reads = tokio::io::copy(&mut reader, &mut sink);
                let writes = async {
                    while writer.send(frame.clone()).await.is_ok() {
                        interval.tick().await;
                    }
                };
                tokio::join!(reads, writes)
            };
            let both = async { tokio::join!(run(daemon, &guard), page).0 };
            let closed = timeout(PING_INTERVAL * 6, both).await;
            let found = closed.ok().map(|close| close.cause);
            assert_eq!(found, cause, "{frame:?}");
        }
    }
}
