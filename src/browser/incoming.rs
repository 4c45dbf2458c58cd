//! What pages say: to the daemon itself, or to the programs that listen.
//!
//! No message makes the daemon read, write or run anything: it changes what is known of its own
//! page, answers a call to that page, or goes to subscribers.

use crate::hub::{Close, CloseCause, EventBody, SocketGuard};
use crate::message::{Envelope, PageEvents, RESERVED_PREFIX, ServerMessage};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Handles one message; gives how the connection ends when it was the last.
pub(super) fn handle(guard: &SocketGuard, message: Message) -> Option<Close> {
    match message {
        Message::Text(text) => text_frame(guard, text),
        Message::Binary(data) => guard
            .hub()
            .receive_report(guard.socket().id(), EventBody::Binary(data)),
        Message::Pong(payload) => {
            if let Ok(number) = <[u8; 8]>::try_from(payload.as_ref()) {
                guard.socket().pong(u64::from_be_bytes(number));
            }
        }
        // Pings are answered by the protocol layer.
        Message::Ping(_) | Message::Frame(_) => {}
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
        Ok(envelope) if envelope.kind.starts_with(RESERVED_PREFIX) => {
            own(guard, &envelope.kind, &text)
        }
        Ok(envelope) => {
            guard
                .hub()
                .receive_message(guard.socket().id(), envelope, text.into());
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = fault {
        guard.hub().count_refused_frame();
        tracing::debug!(target: "pagewire::browser", socket_id = guard.socket().id(), %error, "page sent no message");
        // A page whose outbox is full has worse to learn.
        let _ = guard
            .socket()
            .send_text(ServerMessage::Fault { error: &error }.encode());
    }
}

/// A message of the page protocol's own, or what is wrong with it.
fn own(guard: &SocketGuard, kind: &str, text: &str) -> Result<(), String> {
    let (hub, id) = (guard.hub(), guard.socket().id());
    let malformed = |error: serde_json::Error| format!("{kind} cannot be read: {error}");
    match kind {
        "pagewire:hello" => hub.receive_hello(id, serde_json::from_str(text).map_err(malformed)?),
        "pagewire:state" => hub.receive_state(id, serde_json::from_str(text).map_err(malformed)?),
        "pagewire:result" => {
            hub.receive_import_result(id, serde_json::from_str(text).map_err(malformed)?)
        }
        "pagewire:console" => {
            let line = serde_json::from_str(text).map_err(malformed)?;
            hub.receive_report(id, EventBody::Console(line));
        }
        "pagewire:error" => {
            let fault = serde_json::from_str(text).map_err(malformed)?;
            hub.receive_report(id, EventBody::PageError(fault));
        }
        "pagewire:events" => {
            let batch: PageEvents<'_> = serde_json::from_str(text).map_err(malformed)?;
            for event in batch.events {
                let envelope = Envelope::parse(event.get()).map_err(|error| error.to_string())?;
                match envelope.kind.as_str() {
                    kind @ ("pagewire:console" | "pagewire:error") => {
                        own(guard, kind, event.get())?;
                    }
                    other => return Err(format!("{other} does not belong into {kind}")),
                }
            }
        }
        _ => {
            return Err(format!(
                "{kind} is not a message of this daemon (types that begin with {RESERVED_PREFIX} are its own)"
            ));
        }
    }
    Ok(())
}
