//! Dispatches the messages that a page sends.
//!
//! A page cannot make the daemon read, write or execute anything. A message updates the state of its own
//! page, replies to a call to that page, or is delivered to subscribers.

use super::daemon_urls::DaemonUrls;
use crate::hub::{EventBody, SocketGuard};
use crate::message::{
    Envelope, FailedFetches, FailedResource, PageError, PageEvents, RESERVED_PREFIX, ServerMessage,
    truncate,
};
use bytes::Bytes;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Longest error about a frame, which may quote the frame; a longer one is truncated. Default 1 KiB.
const MAX_FAULT_BYTES: usize = 1024;

/// Handles a message.
pub(super) fn handle(guard: &SocketGuard, urls: &DaemonUrls, message: Message) {
    match message {
        Message::Text(text) => text_frame(guard, urls, text),
        Message::Binary(data) => {
            let body = EventBody::Binary(detached(&data));
            guard.hub().receive_report(guard.socket().id(), body);
        }
        // The connection handles control frames.
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
    }
}

fn text_frame(guard: &SocketGuard, urls: &DaemonUrls, text: Utf8Bytes) {
    let handled = match Envelope::parse(&text) {
        Ok(envelope) if envelope.kind.starts_with(RESERVED_PREFIX) => {
            protocol_message(guard, urls, &envelope.kind, &text)
        }
        Ok(envelope) => {
            let text = detached(text.as_bytes());
            guard
                .hub()
                .receive_message(guard.socket().id(), envelope, text);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(mut error) = handled {
        truncate(&mut error, MAX_FAULT_BYTES);
        guard.hub().count_refused_frame();
        tracing::debug!(target: "pagewire::browser", socket_id = guard.socket().id(), %error, "page sent an invalid frame");
        // Fails when the outbox is full, and then the page is disconnected anyway.
        let _ = guard
            .socket()
            .send_text(ServerMessage::Fault { error: &error }.encode());
    }
}

/// Copies a payload that outlives its frame: it may be a small part of the connection's read buffer, all of
/// which it would keep allocated.
fn detached(payload: &[u8]) -> Bytes {
    Bytes::copy_from_slice(payload)
}

/// Handles a message of the page protocol itself. Returns what is wrong with it.
fn protocol_message(
    guard: &SocketGuard,
    urls: &DaemonUrls,
    kind: &str,
    text: &str,
) -> Result<(), String> {
    let (hub, id) = (guard.hub(), guard.socket().id());
    let malformed = |error: serde_json::Error| format!("malformed {kind}: {error}");
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
            let mut error: PageError = serde_json::from_str(text).map_err(malformed)?;
            urls.explain(hub, &mut error);
            hub.receive_report(id, EventBody::PageError(error));
        }
        "pagewire:failed" => {
            let fetches: FailedFetches = serde_json::from_str(text).map_err(malformed)?;
            explain_fetches(guard, urls, &fetches);
        }
        "pagewire:events" => {
            let batch: PageEvents<'_> = serde_json::from_str(text).map_err(malformed)?;
            for event in batch.events {
                let envelope = Envelope::parse(event.get()).map_err(|error| error.to_string())?;
                match envelope.kind.as_str() {
                    kind @ ("pagewire:console" | "pagewire:error") => {
                        protocol_message(guard, urls, kind, event.get())?;
                    }
                    other => return Err(format!("{kind} must not contain {other}")),
                }
            }
        }
        _ => {
            return Err(format!(
                "unknown message type {kind} (types that begin with {RESERVED_PREFIX} are reserved; use another prefix)"
            ));
        }
    }
    Ok(())
}

/// Replies with the failures of plugins because of which the page did not get scripts and stylesheets.
/// Not to pages of other origins, which must not learn from it what they cannot read.
fn explain_fetches(guard: &SocketGuard, urls: &DaemonUrls, fetches: &FailedFetches) {
    if !urls.is_own_page {
        return;
    }
    let found = fetches.urls.iter();
    let found = found.filter_map(|url| urls.failure(guard.hub(), url));
    let found: Vec<_> = found.filter(|failure| failure.is_code).collect();
    if found.is_empty() {
        return;
    }
    let failures: Vec<&FailedResource> = found.iter().map(|failure| &**failure).collect();
    let frame = ServerMessage::Failed {
        failures: &failures,
    }
    .encode();
    if guard.socket().send_text(frame).is_err() {
        tracing::debug!(target: "pagewire::browser", socket_id = guard.socket().id(), "a page reads too slowly and does not show the failure of a plugin");
    }
}
