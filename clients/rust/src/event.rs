//! What happens in pages and to sockets, as a subscription tells it.

use crate::{
    ConsoleLevel, FileChanged, Gap, JsValue, PageError, Position, Result, Socket, SocketClosed,
    proto::{self, browser_message::Frame, subscribe_messages_response as wire},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// One event of the daemon's log. Of one socket: its opening comes before all its events, its
/// closing after them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its place in the log.
    pub position: Position,
    /// When the daemon logged it, by the daemon's clock.
    pub time: SystemTime,
    /// What happened.
    pub what: What,
}

/// What happened. A match needs a `_` arm: later versions tell more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A page sent a message.
    Message(Message),
    /// A socket was connected.
    SocketOpened {
        /// The socket as it was when it opened; its page may not have said what it is.
        socket: Socket,
        /// The socket that the same document had before. Empty = none.
        previous_socket_id: String,
    },
    /// A socket became ready, or what is known of it changed: the whole socket, after the change.
    SocketUpdated(Socket),
    /// A socket was closed; nothing of it follows.
    SocketClosed(SocketClosed),
    /// A page wrote to its console.
    Console(ConsoleEntry),
    /// Something failed in a page and no code of the page took it.
    PageError(PageError),
    /// A watched file changed.
    FileChanged(FileChanged),
    /// Events are lost to this subscriber; the bounds are exact and not themselves lost.
    Gap(Gap),
}

/// What a page wrote to its console.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConsoleEntry {
    /// The page's socket.
    pub socket_id: String,
    /// The console method used.
    pub level: ConsoleLevel,
    /// The arguments as passed, a format string unexpanded.
    pub args: Vec<JsValue>,
    /// Where it was called, in the browser's own format. Empty = not known.
    pub stack: String,
}

/// A message that a page sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message(proto::BrowserMessage);

impl Message {
    /// The socket it came from: `Target::socket` with it reaches the same page.
    pub fn socket_id(&self) -> &str {
        &self.0.socket_id
    }

    /// The `type` of the message; empty for a binary one.
    pub fn message_type(&self) -> &str {
        &self.0.r#type
    }

    /// The text as the page sent it, byte for byte. `None` for a binary message, and for one whose
    /// content was [left out](Message::omitted_bytes).
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
    /// [`Error::Json`](crate::Error::Json) when it is not a `T`, or not text at all.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_str(self.text().unwrap_or_default())?)
    }

    /// Names the page's request, if it is one that can be answered with
    /// [`Client::reply`](crate::Client::reply).
    pub fn request_id(&self) -> Option<&str> {
        Some(self.0.request_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Size of a message whose content was left out, because it is larger than
    /// [`max_event_bytes`](crate::SubscribeOptions::max_event_bytes). 0 = the content is here.
    pub fn omitted_bytes(&self) -> u64 {
        self.0.omitted_bytes
    }
}

impl Event {
    /// The event, or `None` for one that this version does not know.
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
