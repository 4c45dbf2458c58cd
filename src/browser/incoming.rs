//! What pages say: to the daemon itself, or to the programs that listen.
//!
//! No message makes the daemon read, write or run anything: it changes what is known of its own
//! page, answers a call to that page, or goes to subscribers.

use crate::hub::{Close, CloseCause, SocketGuard};
use crate::message::{Down, Envelope, Hello, OWN_PREFIX, PageResult};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Handles one message; gives how the connection ends when it was the last.
pub(super) fn handle(guard: &SocketGuard, message: Message) -> Option<Close> {
    match message {
        Message::Text(text) => text_frame(guard, text),
        Message::Binary(data) => guard.hub().binary(guard.socket().id(), data),
        // Pings are answered by the protocol layer; a pong is a sign of life like any other.
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        Message::Close(frame) => {
            let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                (frame.code.into(), frame.reason.to_string())
            });
            return Some(Close {
                code,
                reason,
                cause: CloseCause::PageUnloaded,
            });
        }
    }
    None
}

fn text_frame(guard: &SocketGuard, text: Utf8Bytes) {
    let fault = match Envelope::parse(&text) {
        Ok(envelope) if envelope.kind.starts_with(OWN_PREFIX) => own(guard, &envelope.kind, &text),
        Ok(envelope) => {
            guard
                .hub()
                .message(guard.socket().id(), envelope, text.into());
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = fault {
        guard.hub().count_fault();
        tracing::debug!(target: "pagewire::browser", socket_id = guard.socket().id(), %error, "page sent no message");
        // A page whose outbox is full has worse to learn.
        let _ = guard
            .socket()
            .send_text(Down::Fault { error: &error }.encode());
    }
}

/// A message of the page protocol's own, or what is wrong with it.
fn own(guard: &SocketGuard, kind: &str, text: &str) -> Result<(), String> {
    let (hub, socket) = (guard.hub(), guard.socket());
    let malformed = |error: serde_json::Error| format!("{kind} cannot be read: {error}");
    match kind {
        "pagewire:hello" | "pagewire:state" => {
            let hello: Hello = serde_json::from_str(text).map_err(malformed)?;
            hub.hello(socket.id(), hello);
            if kind == "pagewire:hello" {
                let _ = socket.send_text(
                    Down::Hello {
                        socket_id: socket.id(),
                    }
                    .encode(),
                );
            }
        }
        "pagewire:result" => {
            let result: PageResult = serde_json::from_str(text).map_err(malformed)?;
            hub.import_result(socket.id(), result);
        }
        _ => {
            return Err(format!(
                "{kind} is not a message of this daemon (types that begin with {OWN_PREFIX} are its own)"
            ));
        }
    }
    Ok(())
}
