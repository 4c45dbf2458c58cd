//! One request of a page, from its arrival to its reply or error.

use crate::hub::Socket;
use crate::message::ServerMessage;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a page's request waits for its reply; then it fails. Default 20 s, as in
/// `@web/dev-server`.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Error of a request whose timeout has elapsed.
pub(super) const TIMED_OUT: &str = "no reply within 20 s";

/// Reply to a page's request.
pub(crate) enum Reply<'a> {
    Response(&'a RawValue),
    /// Message of the error that the page's promise is rejected with.
    Error(&'a str),
}

impl Reply<'_> {
    /// Encodes the frame that replies to the request with this id.
    pub(super) fn encode(&self, id: &RawValue) -> String {
        let (response, error) = match self {
            Self::Response(json) => (Some(*json), None),
            Self::Error(text) => (None, Some(*text)),
        };
        ServerMessage::Response {
            id,
            response,
            error,
        }
        .encode()
    }
}

/// Open request of a page, with the socket to reply to.
pub(super) struct Request {
    pub(super) socket: Arc<Socket>,
    /// The page's own id of the request: JSON, verbatim.
    pub(super) id: Box<RawValue>,
    /// The page awaits a reply. A frame with an id that is not marked as a request can be replied to,
    /// but gets no error if nothing replies.
    awaited: bool,
    /// Ids of the connected subscribers that offer to reply.
    pub(super) offers: Vec<u64>,
    pub(super) deadline: Instant,
}

impl Request {
    /// Creates a request whose timeout starts now.
    pub(super) fn new(
        socket: Arc<Socket>,
        id: Box<RawValue>,
        awaited: bool,
        offers: Vec<u64>,
    ) -> Self {
        Self {
            socket,
            id,
            awaited,
            offers,
            deadline: Instant::now() + REQUEST_TIMEOUT,
        }
    }

    /// Sends an error to a page that awaits a reply.
    pub(super) fn send_error(&self, error: &str) {
        if self.awaited {
            // A full outbox means that the page does not read. Its own timeout of 20 s ends the wait.
            let _ = self.socket.send_text(Reply::Error(error).encode(&self.id));
        }
    }
}
