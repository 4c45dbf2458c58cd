//! Timeouts and limits of requests, with paused time.

use super::parking::MAX_PARKED_BYTES;
use super::request::REQUEST_TIMEOUT;
use super::{Reply, ReplyError};
use crate::hub::{
    EventKind, Frame, Hub, OutboxItem, OverflowPolicy, ReplyMode, Socket, SubscriptionOptions,
};
use crate::message::Envelope;
use bytes::Bytes;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::future::poll_fn;
use tokio::time::Instant;

const REQUEST: &str = r#"{"type":"ask","id":1,"pagewire:request":true}"#;

/// Delivers [`REQUEST`] with this text as its frame.
fn send_request(hub: &Hub, socket: &Socket, text: Bytes) {
    hub.receive_message(socket.id(), Envelope::parse(REQUEST).unwrap(), text);
}

/// Waits for the next frame to the page.
async fn next_text(socket: &Socket) -> String {
    let outbox = socket.outbox();
    let OutboxItem::Frame(Frame::Text(text), _) = poll_fn(|cx| outbox.poll_next(cx)).await else {
        panic!("expected a text frame");
    };
    String::from_utf8(text.into_bytes().to_vec()).unwrap()
}

/// As [`next_text`], while the hub expires requests.
async fn next_text_while_expiring(hub: &Hub, socket: &Socket) -> String {
    tokio::select! {
        () = hub.expire_requests() => unreachable!(),
        text = next_text(socket) => text,
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_expires_after_20_s_and_a_late_reply_is_refused_as_expired_for_20_s_more() {
    let hub = Hub::new();
    let guard = hub.open_socket(String::new(), String::new(), None);
    let options = SubscriptionOptions {
        kinds: vec![EventKind::Message],
        message_types: HashSet::new(),
        sockets: None,
        resume_after: None,
        strict_resume: false,
        max_queue_events: 16,
        overflow: OverflowPolicy::Disconnect,
        replies: ReplyMode::All,
    };
    let _subscription = hub.subscribe(options).unwrap();
    let start = Instant::now();
    send_request(&hub, guard.socket(), REQUEST.into());
    let error = next_text_while_expiring(&hub, guard.socket()).await;
    assert!(
        error.contains(r#""id":1,"error":"no reply within 20 s""#),
        "{error}"
    );
    assert_eq!(start.elapsed(), REQUEST_TIMEOUT);
    let request_id = format!("{}.2", hub.epoch());
    let late = || {
        hub.reply(&request_id, &Reply::Response(RawValue::NULL))
            .map(|_| ())
    };
    assert_eq!(late(), Err(ReplyError::Expired));
    tokio::select! {
        () = hub.expire_requests() => unreachable!(),
        () = tokio::time::sleep(REQUEST_TIMEOUT * 2) => {}
    }
    assert_eq!(late(), Err(ReplyError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_parked_request_expires_like_any_other() {
    let hub = Hub::new();
    let guard = hub.open_socket(String::new(), String::new(), None);
    hub.set_request_parking(true);
    let start = Instant::now();
    send_request(&hub, guard.socket(), REQUEST.into());
    let error = next_text_while_expiring(&hub, guard.socket()).await;
    assert!(error.contains("no reply within 20 s"), "{error}");
    assert_eq!(start.elapsed(), REQUEST_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_request_beyond_the_parking_limit_is_refused_at_once() {
    let hub = Hub::new();
    let guard = hub.open_socket(String::new(), String::new(), None);
    hub.set_request_parking(true);
    let fill = || Bytes::from(vec![b' '; MAX_PARKED_BYTES - 1024]);
    send_request(&hub, guard.socket(), fill());
    send_request(&hub, guard.socket(), fill());
    let refused = next_text(guard.socket()).await;
    assert!(refused.contains("no plugin answers"), "{refused}");
    // The first request's expiry frees its space for another, which is delivered in the end.
    let expired = next_text_while_expiring(&hub, guard.socket()).await;
    assert!(expired.contains("no reply within 20 s"), "{expired}");
    send_request(&hub, guard.socket(), fill());
    hub.set_request_parking(false);
    let refused = next_text(guard.socket()).await;
    assert!(refused.contains("no plugin answers"), "{refused}");
}
