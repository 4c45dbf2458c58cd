//! One request of a page, from its arrival to its reply or error.

use crate::hub::{PushError, Socket};
use crate::message::ServerMessage;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a page's request waits for its reply; then it fails. Default 20 s, as in
/// `@web/dev-server`.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Reply to a page's request.
pub(crate) enum Reply<'a> {
    /// JSON text, already validated.
    Response(&'a str),
    /// Message of the error that the page's promise is rejected with.
    Error(&'a str),
}

/// Request of a page, with the socket to reply to.
pub(super) struct Request {
    pub(super) socket: Arc<Socket>,
    /// The page's own id of the request: JSON, verbatim.
    id: Box<RawValue>,
    /// The page awaits a reply. A frame with an id that is not marked as a request can be replied to,
    /// but gets no error if nothing replies.
    awaited: bool,
    /// Ids of the connected subscribers that offer to reply.
    pub(super) offers: Vec<u64>,
    pub(super) deadline: Instant,
    pub(super) state: RequestState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestState {
    Open,
    Answered,
    Expired,
}

impl Request {
    /// Creates an open request whose timeout starts now.
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
            state: RequestState::Open,
        }
    }

    /// Queues a reply for the page.
    pub(super) fn send(&self, reply: &Reply<'_>) -> Result<(), PushError> {
        let response = match reply {
            Reply::Response(json) => {
                Some(serde_json::from_str::<&RawValue>(json).expect("the caller checked the JSON"))
            }
            Reply::Error(_) => None,
        };
        let error = match reply {
            Reply::Response(_) => None,
            Reply::Error(text) => Some(*text),
        };
        self.socket.send_text(
            ServerMessage::Response {
                id: &self.id,
                response,
                error,
            }
            .encode(),
        )
    }

    /// Fails the request because its timeout elapsed.
    pub(super) fn expire(&mut self) {
        self.fail("no reply within 20 s");
    }

    /// Ends an open request: later replies are refused, and a page that awaits one gets this error.
    pub(super) fn fail(&mut self, error: &str) {
        if self.state != RequestState::Open {
            return;
        }
        self.state = RequestState::Expired;
        if self.awaited {
            // A full outbox means that the page does not read. Its own timeout of 20 s ends the wait.
            let _ = self.send(&Reply::Error(error));
        }
    }
}
