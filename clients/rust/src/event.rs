//! Events of pages and sockets, as a subscription delivers them.

use crate::{
    ConsoleLevel, FileChanged, Gap, JsValue, PageError, Position, Result, Socket, SocketClosed,
    proto::{self, browser_message::Frame, subscribe_messages_response as wire},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// One event of the daemon's log. The opening of a socket comes before all its other events, its closing
/// after them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its position in the log.
    pub position: Position,
    /// When the daemon logged it, by the daemon's clock.
    pub time: SystemTime,
    /// What happened.
    pub what: What,
}

/// What happened. A match needs a `_` arm, because later versions may add variants.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A page sent a message.
    Message(Message),
    /// A socket was connected.
    SocketOpened {
        /// The socket when it opened; its page may not have sent its hello yet.
        socket: Socket,
        /// The previous socket of the same document. Empty = none.
        previous_socket_id: String,
    },
    /// A socket became ready or its description changed: the complete socket after the change.
    SocketUpdated(Socket),
    /// A socket was closed; no events of it follow.
    SocketClosed(SocketClosed),
    /// A page wrote to its console.
    Console(ConsoleEntry),
    /// An error in a page that its code did not handle. If a resource did not load because a plugin failed, its
    /// `failed_resource` has that [failure](crate::FailedResource).
    PageError(PageError),
    /// A watched file changed.
    FileChanged(FileChanged),
    /// Events were lost to this subscriber. The bounds are exact; the events at the bounds are not lost.
    Gap(Gap),
}

/// A console call of a page.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConsoleEntry {
    /// The page's socket.
    pub socket_id: String,
    /// The console method.
    pub level: ConsoleLevel,
    /// The arguments as passed; a format string is not expanded.
    pub args: Vec<JsValue>,
    /// The call stack of errors and warnings, in the browser's own format. Empty = unknown.
    pub stack: String,
    /// The URL of the script that made the call. Empty = unknown.
    pub url: String,
    /// The line of the call in `url`, 1-based. 0 = unknown.
    pub line: u32,
    /// The column of the call in `line`, 1-based. 0 = unknown.
    pub column: u32,
}

/// A message of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Message(pub(crate) proto::BrowserMessage);

impl Message {
    /// The socket that sent it; `Target::socket` with this id reaches the same page.
    pub fn socket_id(&self) -> &str {
        &self.0.socket_id
    }

    /// The `type` of the message; empty for a binary one.
    pub fn message_type(&self) -> &str {
        &self.0.r#type
    }

    /// The text as the page sent it, byte for byte. `None` for a binary message, and for one whose content
    /// was [omitted](Message::omitted_bytes).
    pub fn text(&self) -> Option<&str> {
        match &self.0.frame {
            Some(Frame::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a binary message.
    pub fn binary(&self) -> Option<&Bytes> {
        match &self.0.frame {
            Some(Frame::Binary(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The message as a Rust value.
    ///
    /// # Errors
    /// [`Error::Json`](crate::Error::Json) when it is not a `T`, or not text.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_str(self.text().unwrap_or_default())?)
    }

    /// The id for [`Client::reply`](crate::Client::reply), if the message is a request.
    pub fn request_id(&self) -> Option<&str> {
        Some(self.0.request_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Size of a message whose content was omitted, because it is larger than
    /// [`max_event_bytes`](crate::SubscribeOptions::max_event_bytes). 0 = the content is present.
    pub fn omitted_bytes(&self) -> u64 {
        self.0.omitted_bytes
    }
}

impl Event {
    /// The event, or `None` for a kind that this version does not know.
    pub(crate) fn from_proto(event: proto::SubscribeMessagesResponse) -> Option<Self> {
        let what = match event.event? {
            wire::Event::Message(message) => What::Message(Message(message)),
            wire::Event::SocketOpened(opened) => What::SocketOpened {
                socket: opened.socket?,
                previous_socket_id: opened.previous_socket_id,
            },
            wire::Event::SocketUpdated(updated) => What::SocketUpdated(updated.socket?),
            wire::Event::SocketClosed(closed) => What::SocketClosed(closed),
            wire::Event::Console(entry) => What::Console(ConsoleEntry {
                level: entry.level(),
                socket_id: entry.socket_id,
                args: entry.args.into_iter().map(JsValue::from_proto).collect(),
                stack: entry.stack,
                url: entry.url,
                line: entry.line,
                column: entry.column,
            }),
            wire::Event::PageError(error) => What::PageError(error),
            wire::Event::FileChanged(change) => What::FileChanged(change),
            wire::Event::Gap(gap) => What::Gap(gap),
            wire::Event::Subscribed(_) => return None,
        };
        let time = event.time.and_then(|time| time.try_into().ok());
        Some(Self {
            position: event.position.unwrap_or_default(),
            time: time.unwrap_or(SystemTime::UNIX_EPOCH),
            what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FailedResource, Hook, SourceLocation};

    fn received(event: wire::Event) -> What {
        let event = proto::SubscribeMessagesResponse {
            event: Some(event),
            ..Default::default()
        };
        Event::from_proto(event).unwrap().what
    }

    #[test]
    fn a_console_entry_has_the_place_of_the_call() {
        let What::Console(entry) = received(wire::Event::Console(proto::ConsoleEntry {
            url: "http://localhost/a.js".to_owned(),
            line: 3,
            column: 5,
            ..Default::default()
        })) else {
            panic!("a console entry");
        };
        assert_eq!(entry.url, "http://localhost/a.js");
        assert_eq!((entry.line, entry.column), (3, 5));
    }

    #[test]
    fn an_error_of_a_resource_names_the_failed_plugin() {
        let resource = FailedResource {
            plugin_name: "p".to_owned(),
            hook: Hook::Serve.into(),
            url: "/bad.js?v=1".to_owned(),
            status: 500,
            message: "no such color".to_owned(),
            location: Some(SourceLocation {
                file: "bad.ts".to_owned(),
                line: 3,
                column: 7,
                ..Default::default()
            }),
        };
        let What::PageError(error) = received(wire::Event::PageError(PageError {
            failed_resource: Some(resource.clone()),
            ..Default::default()
        })) else {
            panic!("a page error");
        };
        assert_eq!(error.failed_resource, Some(resource));
    }
}
