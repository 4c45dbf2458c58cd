//! Subscriptions: a program gets every matching event, or a gap, or a clear end.

use crate::support::{Page, Site, TestServer, assert_status, within};
use pagewire_client::proto::{self, subscribe_messages_response::Event as Wire};
use pagewire_client::{
    Event, Position, SocketFilter, SubscribeOptions, Subscription, Target, What,
};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tonic::Code;

async fn next(subscription: &mut Subscription) -> Event {
    within("an event", subscription.next())
        .await
        .expect("an open stream")
        .expect("an event")
}

async fn next_message(subscription: &mut Subscription) -> pagewire_client::Message {
    match next(subscription).await.what {
        What::Message(message) => message,
        other => panic!("expected a message, got {other:?}"),
    }
}

#[tokio::test]
async fn a_message_arrives_unchanged_with_its_socket() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let mut messages = client
        .subscribe(SubscribeOptions::new())
        .await
        .expect("a stream");
    let text = r#"{ "n":9007199254740993, "type":"x", "a":1, "a":2 }"#;
    page.send(Message::text(text)).await;
    let message = next_message(&mut messages).await;
    assert_eq!(message.text(), Some(text));
    assert_eq!(
        (message.socket_id(), message.message_type()),
        (page.id.as_str(), "x")
    );
    assert_eq!(message.request_id(), None);
    page.send(Message::binary(vec![1, 2, 3])).await;
    let message = next_message(&mut messages).await;
    assert_eq!(
        message.binary().map(|bytes| bytes.to_vec()),
        Some(vec![1, 2, 3])
    );
}

#[tokio::test]
async fn types_and_pages_are_filtered_in_the_daemon() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut a = Page::open_as(server.http(), &json!({"url": "http://localhost/a"})).await;
    let mut b = Page::open_as(server.http(), &json!({"url": "http://localhost/b"})).await;
    let by_type = SubscribeOptions::new().message_types(["selected"]);
    let mut by_type = client.subscribe(by_type).await.expect("a stream");
    let by_page = SubscribeOptions::new().from_sockets(SocketFilter::url("/b$"));
    let mut by_page = client.subscribe(by_page).await.expect("a stream");
    for page in [&mut a, &mut b] {
        page.send_json(&json!({"type": "other"})).await;
        page.send_json(&json!({"type": "selected"})).await;
    }
    let mut from = vec![];
    for _ in 0..2 {
        let message = next_message(&mut by_type).await;
        assert_eq!(message.message_type(), "selected");
        from.push(message.socket_id().to_owned());
    }
    from.sort();
    let mut ids = [a.id.clone(), b.id.clone()];
    ids.sort();
    assert_eq!(from, ids);
    for expected in ["other", "selected"] {
        let message = next_message(&mut by_page).await;
        assert_eq!(
            (message.socket_id(), message.message_type()),
            (b.id.as_str(), expected)
        );
    }
}

#[tokio::test]
async fn a_list_and_a_subscription_from_its_position_miss_nothing() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let first = server.page().await;
    let list = client.list_sockets(None).await.expect("a list");
    assert_eq!(list.sockets.len(), 1);
    // One page connects and one disconnects between the list and the subscription.
    let mut second = server.page().await;
    second.send_json(&json!({"type": "early"})).await;
    drop(first);
    let options = SubscribeOptions::new()
        .sockets()
        .messages()
        .resume_after(list.position);
    let mut events = client.subscribe(options).await.expect("a stream");
    assert!(events.resumed());
    let (mut opened, mut closed, mut output) = (0, 0, 0);
    while (opened, closed, output) != (1, 1, 1) {
        match next(&mut events).await.what {
            What::SocketOpened { .. } => opened += 1,
            What::SocketClosed(_) => closed += 1,
            What::Message(message) => {
                assert_eq!(message.message_type(), "early");
                output += 1;
            }
            What::SocketUpdated(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_different_epoch_is_a_gap_or_an_error_when_strict() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let position = Position {
        epoch: "another".into(),
        sequence: 7,
    };
    let options = || SubscribeOptions::new().resume_after(position.clone());
    let mut events = client.subscribe(options()).await.expect("a stream");
    assert!(!events.resumed());
    let What::Gap(gap) = next(&mut events).await.what else {
        panic!("no gap")
    };
    assert_eq!(gap.reason(), proto::gap::Reason::EpochChanged);
    let refused = client
        .subscribe(options().strict_resume())
        .await
        .expect_err("refused");
    assert_eq!(
        (refused.code(), refused.reason()),
        (Some(Code::OutOfRange), Some("EPOCH_CHANGED"))
    );
    let future = Position {
        epoch: client.info().await.expect("info").epoch,
        sequence: 999,
    };
    let refused = client
        .subscribe(SubscribeOptions::new().resume_after(future))
        .await
        .expect_err("refused");
    assert_eq!(refused.reason(), Some("FIELD_INVALID"));
}

/// Subscribes and reads only the first message; then the page sends `count` messages, all of which the
/// daemon has read when this returns. Needs a runtime with several threads: sending occupies one for seconds on
/// a busy machine, and meanwhile the connection to the daemon must answer pings.
async fn fall_behind(
    server: &TestServer,
    overflow: proto::OverflowPolicy,
    count: u32,
) -> tonic::Streaming<proto::SubscribeMessagesResponse> {
    let mut page = server.page().await;
    let request = proto::SubscribeMessagesRequest {
        max_queue: 4,
        overflow: overflow.into(),
        ..Default::default()
    };
    let mut raw = server.client().await.raw();
    let mut stream = raw
        .subscribe_messages(request)
        .await
        .expect("a stream")
        .into_inner();
    let first = within("subscribed", stream.message())
        .await
        .expect("open")
        .expect("a message");
    assert!(matches!(first.event, Some(Wire::Subscribed(_))));
    // Each fills a transport window: unread messages soon wait in the queue.
    let filler = "x".repeat(900 * 1024);
    for n in 0..count {
        page.send_json(&json!({"type": "n", "n": n, "filler": filler}))
            .await;
    }
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_gets_its_queued_events_and_then_an_end_from_which_it_can_resume() {
    let server = TestServer::start(&Site::page()).await;
    let mut stream = fall_behind(&server, proto::OverflowPolicy::Disconnect, 60).await;
    let mut last = None;
    let end = loop {
        match within("an event", stream.message()).await {
            Ok(Some(event)) => last = event.position,
            Ok(None) => panic!("the stream ended without a reason"),
            Err(status) => break status,
        }
    };
    let last = last.expect("some events");
    let status = assert_status::<()>(Err(end), Code::ResourceExhausted, "SUBSCRIBER_SLOW");
    assert!(
        status
            .message()
            .contains(&format!("sequence {}", last.sequence)),
        "{}",
        status.message()
    );

    // Nothing is lost: the remaining events are in the log.
    let client = server.client().await;
    let mut rest = client
        .subscribe(SubscribeOptions::new().resume_after(last))
        .await
        .expect("a stream");
    assert!(rest.resumed());
    let mut n = 0;
    while n < 59 {
        let message: serde_json::Value = next_message(&mut rest).await.json().expect("JSON");
        let output = message["n"].as_u64().expect("n");
        assert!(n == 0 || output == n + 1, "{output} after {n}");
        n = output;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_that_prefers_gaps_gets_the_exact_bounds_of_its_loss() {
    let server = TestServer::start(&Site::page()).await;
    let mut stream = fall_behind(&server, proto::OverflowPolicy::Gap, 60).await;
    let (mut last, mut gaps, mut n) = (0, 0, None);
    while n != Some(59) {
        let event = within("an event", stream.message())
            .await
            .expect("open")
            .expect("an event");
        let sequence = event.position.expect("a position").sequence;
        match event.event {
            Some(Wire::Gap(gap)) => {
                gaps += 1;
                assert_eq!(gap.reason(), proto::gap::Reason::SubscriberSlow);
                assert_eq!(gap.after_sequence, last);
                assert!(gap.before_sequence > gap.after_sequence + 1);
                last = gap.before_sequence - 1;
            }
            Some(Wire::Message(message)) => {
                assert!(
                    last == 0 || sequence == last + 1,
                    "{sequence} after {last}: a silent loss"
                );
                last = sequence;
                let Some(proto::browser_message::Frame::Text(text)) = message.frame else {
                    panic!()
                };
                n = serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["n"].as_u64();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(gaps > 0);
}

#[tokio::test]
async fn a_large_message_is_delivered_without_content_and_marked() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let options = SubscribeOptions::new().max_event_bytes(100);
    let mut messages = client.subscribe(options).await.expect("a stream");
    let message = json!({"type": "large", "filler": "x".repeat(200)});
    page.send_json(&message).await;
    let received = next_message(&mut messages).await;
    assert_eq!((received.text(), received.message_type()), (None, "large"));
    assert_eq!(received.omitted_bytes(), message.to_string().len() as u64);
}

#[tokio::test]
async fn replies_to_a_send_follow_the_position_in_its_report() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    page.send_json(&json!({"type": "before"})).await;
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    let report = client
        .send(&Target::all(), &json!({"type": "do"}))
        .await
        .expect("a report");
    page.receive_json().await;
    page.send_json(&json!({"type": "after"})).await;
    let options = SubscribeOptions::new().resume_after(report.position);
    let mut messages = client.subscribe(options).await.expect("a stream");
    assert_eq!(next_message(&mut messages).await.message_type(), "after");
}

#[tokio::test]
async fn pages_report_console_and_errors_while_a_subscriber_listens() {
    let server = TestServer::start_with(&Site::page(), &["--inject", "always"]).await;
    let client = server.client().await;
    let mut page = server.page().await;
    assert!(!server.get("/").await.text().contains("recorder.js"));

    let mut events = client
        .subscribe(SubscribeOptions::new().console().page_errors())
        .await
        .expect("a stream");
    assert_eq!(
        page.receive_json().await,
        json!({"type": "pagewire:watch", "console": true, "errors": true})
    );
    // A page that connects now gets the report mode after its hello, and the recorder before its own scripts.
    let mut later = server.page().await;
    assert_eq!(later.receive_json().await["type"], "pagewire:watch");
    let html = server.navigate("/").await.text();
    let recorder = html
        .find("<script src=\"/__pagewire__/recorder.js\">")
        .expect("the recorder");
    assert!(recorder < html.find("<title>").expect("a title"), "{html}");

    page.send_json(&json!({"type": "pagewire:events", "events": [
        {"type": "pagewire:console", "level": "warn", "args": [
            {"json": {"n": 1}}, {"undefined": true}, {"unserializable": "NaN"}, {"description": "<p>"}, {"json": null},
        ], "stack": "at x"},
        {"type": "pagewire:error", "kind": "csp", "exception": {"message": "blocked", "url": "http://x/", "line": 3}},
    ]})).await;
    let What::Console(line) = next(&mut events).await.what else {
        panic!("no console line")
    };
    assert_eq!(line.socket_id, page.id);
    let texts: Vec<_> = line.args.iter().map(ToString::to_string).collect();
    assert_eq!(texts, [r#"{"n":1}"#, "undefined", "NaN", "<p>", "null"]);
    let What::PageError(error) = next(&mut events).await.what else {
        panic!("no error")
    };
    assert_eq!(error.kind(), proto::page_error::Kind::Csp);
    assert_eq!(
        error
            .exception
            .as_ref()
            .map(|thrown| (thrown.message.as_str(), thrown.line)),
        Some(("blocked", 3))
    );

    drop(events);
    assert_eq!(
        page.receive_json().await,
        json!({"type": "pagewire:watch", "console": false, "errors": false})
    );
}

#[tokio::test]
async fn evicted_events_are_a_gap_with_exact_bounds_or_an_error_when_strict() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let begin = client.list_sockets(None).await.expect("a list").position;
    let mut page = server.page().await;
    // The log holds 64 MiB; this is more.
    let filler = "x".repeat(1024 * 1024 - 1024);
    for n in 0..70 {
        page.send_json(&json!({"type": "n", "n": n, "filler": filler}))
            .await;
    }
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");

    let options = || {
        SubscribeOptions::new()
            .messages()
            .sockets()
            .resume_after(begin.clone())
    };
    let refused = client
        .subscribe(options().strict_resume())
        .await
        .expect_err("refused");
    assert_eq!(
        (refused.code(), refused.reason()),
        (Some(Code::OutOfRange), Some("POSITION_EVICTED"))
    );

    let mut events = client.subscribe(options()).await.expect("a stream");
    assert!(!events.resumed());
    let What::Gap(gap) = next(&mut events).await.what else {
        panic!("no gap")
    };
    assert_eq!(gap.reason(), proto::gap::Reason::Evicted);
    assert_eq!(gap.after_sequence, begin.sequence);
    let mut last = gap.before_sequence - 1;
    // Opened, hello and 70 messages: every event after the gap is delivered.
    while last < 72 {
        let sequence = next(&mut events).await.position.sequence;
        assert_eq!(sequence, last + 1);
        last = sequence;
    }
}
