//! Timeouts and limits of requests, with paused time.

use super::parking::MAX_PARKED_BYTES;
use super::request::REQUEST_TIMEOUT;
use super::{MAX_PAGE_REQUESTS, MAX_REQUESTS, Reply, ReplyError};
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

/// Like [`next_text`], while the hub expires requests.
async fn next_text_while_expiring(hub: &Hub, socket: &Socket) -> String {
    tokio::select! {
        () = hub.expire_requests() => unreachable!(),
        text = next_text(socket) => text,
    }
}

fn answers_all() -> SubscriptionOptions {
    SubscriptionOptions {
        kinds: vec![EventKind::Message],
        message_types: HashSet::new(),
        sockets: None,
        resume_after: None,
        strict_resume: false,
        max_queue_events: 16,
        overflow: OverflowPolicy::Disconnect,
        replies: ReplyMode::All,
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_expires_after_20_s_and_a_late_reply_is_refused_as_expired_for_20_s_more() {
    let hub = Hub::new();
    let guard = hub.open_socket(String::new(), String::new(), None);
    let _subscription = hub.subscribe(answers_all()).unwrap();
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
    // The first request's expiry frees its space, so another request is parked. It fails only when parking
    // ends, because no subscriber answers it.
    let expired = next_text_while_expiring(&hub, guard.socket()).await;
    assert!(expired.contains("no reply within 20 s"), "{expired}");
    send_request(&hub, guard.socket(), fill());
    hub.set_request_parking(false);
    let refused = next_text(guard.socket()).await;
    assert!(refused.contains("no plugin answers"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn the_open_requests_of_one_page_are_bounded_and_leave_those_of_others_alone() {
    let hub = Hub::new();
    let _subscription = hub.subscribe(answers_all()).unwrap();
    let other = hub.open_socket(String::new(), String::new(), None);
    send_request(&hub, other.socket(), REQUEST.into());
    let greedy = hub.open_socket(String::new(), String::new(), None);
    let send_many = |count: usize| {
        for _ in 0..count {
            send_request(&hub, greedy.socket(), REQUEST.into());
        }
    };
    send_many(MAX_PAGE_REQUESTS);
    assert_eq!(hub.lock().requests.open.len(), MAX_PAGE_REQUESTS + 1);
    assert!(greedy.socket().outbox().is_empty());
    send_many(1);
    assert_eq!(hub.lock().requests.open.len(), MAX_PAGE_REQUESTS + 1);
    let refused = next_text(greedy.socket()).await;
    assert!(
        refused.contains("too many requests of this page"),
        "{refused}"
    );
    assert!(other.socket().outbox().is_empty());

    drop(greedy);
    let state = hub.lock();
    assert_eq!(state.requests.open.len(), 1);
    let pages: Vec<_> = state.requests.by_page.keys().collect();
    assert_eq!(pages, [other.socket().id()]);
}

#[tokio::test(start_paused = true)]
async fn the_open_requests_of_all_pages_are_bounded_and_the_oldest_fails() {
    let hub = Hub::new();
    let _subscription = hub.subscribe(answers_all()).unwrap();
    let open = || hub.open_socket(String::new(), String::new(), None);
    let oldest = open();
    send_request(&hub, oldest.socket(), REQUEST.into());
    let mut pages = Vec::new();
    for number in 0..MAX_REQUESTS - 1 {
        if number % MAX_PAGE_REQUESTS == 0 {
            pages.push(open());
        }
        send_request(&hub, pages.last().unwrap().socket(), REQUEST.into());
    }
    assert_eq!(hub.lock().requests.open.len(), MAX_REQUESTS);
    assert!(oldest.socket().outbox().is_empty());
    let newest = open();
    send_request(&hub, newest.socket(), REQUEST.into());
    assert_eq!(hub.lock().requests.open.len(), MAX_REQUESTS);
    let refused = next_text(oldest.socket()).await;
    assert!(
        refused.contains("too many requests are waiting"),
        "{refused}"
    );
    pages.push(newest);
    assert!(pages.iter().all(|page| page.socket().outbox().is_empty()));
}

#[tokio::test(start_paused = true)]
async fn answered_requests_do_not_count_against_the_limit_of_their_page() {
    let hub = Hub::new();
    let _subscription = hub.subscribe(answers_all()).unwrap();
    let page = hub.open_socket(String::new(), String::new(), None);
    let outbox = page.socket().outbox();
    send_request(&hub, page.socket(), REQUEST.into());
    for _ in 0..2 * MAX_PAGE_REQUESTS {
        send_request(&hub, page.socket(), REQUEST.into());
        let request_id = format!("{}.{}", hub.epoch(), hub.position().sequence);
        let reply = Reply::Response(RawValue::TRUE);
        hub.reply(&request_id, &reply).unwrap().1.unwrap();
        let OutboxItem::Frame(_, size) = poll_fn(|cx| outbox.poll_next(cx)).await else {
            panic!("expected a frame");
        };
        outbox.written(size);
        let twice = hub.reply(&request_id, &reply).map(|_| ());
        assert_eq!(twice, Err(ReplyError::AlreadyAnswered));
    }
    // The slow one is still open.
    let first = format!("{}.2", hub.epoch());
    assert!(hub.reply(&first, &Reply::Response(RawValue::NULL)).is_ok());
    assert!(hub.lock().requests.open.is_empty());
}
