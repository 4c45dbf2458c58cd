//! How a connection ends: the closing handshake (RFC 6455, section 7), begun by either side.

use super::frame_writer::FrameSocket;
use crate::hub::{Close, CloseCause, Outbox};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

/// Time limit for the page's part of the closing handshake. After it the connection is dropped.
/// Default 1 s.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Close code for a page that does not answer pings, or does not read. The page may reconnect.
pub(super) const CLOSE_UNRESPONSIVE: u16 = 4000;

/// Close code of either side for a violation of the protocol.
const CLOSE_PROTOCOL_ERROR: u16 = 1002;

/// How a connection ends, and when it is dropped if the page does not take part in that.
pub(super) struct Ending {
    pub(super) close: Close,
    pub(super) deadline: Instant,
}

impl Ending {
    fn now(close: Close) -> Self {
        let deadline = Instant::now() + CLOSE_GRACE;
        Self { close, deadline }
    }
}

/// Returns how a page is closed that ignores pings. Distinguishes a page that does not read them from
/// one that does not answer them.
pub(super) fn unresponsive(outbox: &Outbox) -> Close {
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

/// Returns how the page closed the connection. The WebSocket library replies to its close frame, and
/// replaces an invalid code by 1002.
pub(super) fn by_page(frame: Option<CloseFrame>) -> Ending {
    let (code, reason) = frame.map_or((1005, String::new()), |frame| {
        (frame.code.into(), frame.reason.to_string())
    });
    let cause = if code == CLOSE_PROTOCOL_ERROR {
        CloseCause::ProtocolError
    } else {
        CloseCause::PageUnloaded
    };
    Ending::now(Close {
        code,
        reason,
        cause,
    })
}

/// Sends a close frame and waits for the page's, as far as the page takes part in the handshake.
pub(super) async fn by_daemon<S>(socket: &mut FrameSocket<S>, close: Close) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ending = Ending::now(close);
    let handshake = async {
        if send(socket, &ending.close).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // On timeout the connection is dropped.
    let _ = timeout_at(ending.deadline, handshake).await;
    ending
}

/// Closes a failed connection. If the page violated the protocol, it gets a close frame with the reason.
pub(super) async fn failed<S>(socket: &mut FrameSocket<S>, error: Option<Error>) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (code, reason) = match error {
        Some(Error::Capacity(CapacityError::MessageTooLong { size, max_size })) => (
            1009,
            format!("message of {size} bytes exceeds the limit of {max_size}"),
        ),
        Some(Error::Capacity(error)) => (1009, error.to_string()),
        Some(Error::Utf8(_)) => (1007, "text is not valid UTF-8".to_owned()),
        Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_))
        | None => {
            return Ending::now(Close {
                code: 1006,
                reason: String::new(),
                cause: CloseCause::ConnectionLost,
            });
        }
        Some(error) => (
            CLOSE_PROTOCOL_ERROR,
            error.to_string().chars().take(100).collect(),
        ),
    };
    let ending = Ending::now(Close {
        code,
        reason,
        cause: CloseCause::ProtocolError,
    });
    let _ = timeout_at(ending.deadline, send(socket, &ending.close)).await;
    ending
}

/// Writes what is left, and discards what the page still sends until it has closed its side: closing a
/// connection with unread bytes resets it, and then the page may not see the close frame (1006 instead
/// of the code).
pub(super) async fn end<S>(socket: &mut FrameSocket<S>, deadline: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let drain = async {
        // Queues the reply to the page's close frame, if there is one.
        let _ = socket.flush().await;
        let stream = socket.get_mut();
        if stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout_at(deadline, drain).await;
}

async fn send<S>(socket: &mut FrameSocket<S>, close: &Close) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame {
        code: CloseCode::from(close.code),
        reason: Utf8Bytes::from(close.reason.as_str()),
    };
    socket.close(Some(frame)).await
}
