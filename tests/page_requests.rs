//! Requests of pages: a subscriber replies, and the page gets exactly one reply or one error.

use crate::support::{Page, Site, TestServer, within};
use pagewire_client::{SubscribeOptions, Subscription, What};
use serde_json::{Value, json};
use tonic::Code;

fn request(id: &Value) -> Value {
    json!({"type": "ask", "id": id, "pagewire:request": true})
}

async fn offer(server: &TestServer) -> Subscription {
    let options = SubscribeOptions::new()
        .message_types(["ask"])
        .answers_requests();
    server
        .client()
        .await
        .subscribe(options)
        .await
        .expect("a stream")
}

async fn request_id(subscription: &mut Subscription) -> String {
    let event = within("a request", subscription.next())
        .await
        .expect("open")
        .expect("an event");
    let What::Message(message) = event.what else {
        panic!("{event:?}")
    };
    message.request_id().expect("a request id").to_owned()
}

#[tokio::test]
async fn the_first_reply_wins_and_reaches_the_requesting_page() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let (mut requesting, mut other) = (server.page().await, server.page().await);
    let mut subscription = offer(&server).await;
    // The page's own id is returned byte for byte, whatever JSON it is.
    for id in [json!(1), json!("a\"b"), json!(1.5)] {
        requesting.send_json(&request(&id)).await;
        let request_id = request_id(&mut subscription).await;
        client
            .reply_json(&request_id, r#"{"n":9007199254740993}"#)
            .await
            .expect("the first answer");
        assert_eq!(
            requesting.receive_text().await,
            format!(
                r#"{{"type":"message-response","id":{id},"response":{{"n":9007199254740993}}}}"#
            )
        );
        let late = client
            .reply(&request_id, &json!("late"))
            .await
            .expect_err("refused");
        assert_eq!(
            (late.code(), late.reason()),
            (Some(Code::FailedPrecondition), Some("ALREADY_ANSWERED"))
        );
    }
    other.send_json(&json!({"no": "type"})).await;
    assert_eq!(other.receive_json().await["type"], "pagewire:fault");
}

#[tokio::test]
async fn an_error_is_a_reply() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let mut subscription = offer(&server).await;
    page.send_json(&request(&json!(7))).await;
    let request_id = request_id(&mut subscription).await;
    server
        .client()
        .await
        .reply_error(&request_id, "no such thing")
        .await
        .expect("an answer");
    assert_eq!(
        page.receive_json().await,
        json!({"type": "message-response", "id": 7, "error": "no such thing"})
    );
}

async fn assert_error(page: &mut Page, id: i64, part: &str) {
    let response = page.receive_json().await;
    assert_eq!(
        (&response["type"], &response["id"]),
        (&json!("message-response"), &json!(id))
    );
    assert!(
        response["error"]
            .as_str()
            .is_some_and(|error| error.contains(part)),
        "{response}"
    );
}

#[tokio::test]
async fn without_a_responder_a_request_fails_at_once() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    // Neither a subscription that only observes nor one that answers other types is a responder.
    let listening = SubscribeOptions::new().message_types(["ask"]);
    let _listening = server
        .client()
        .await
        .subscribe(listening)
        .await
        .expect("a stream");
    let others = SubscribeOptions::new()
        .message_types(["other"])
        .answers_requests();
    let _others = server
        .client()
        .await
        .subscribe(others)
        .await
        .expect("a stream");
    page.send_json(&request(&json!(1))).await;
    assert_error(&mut page, 1, "no plugin answers").await;
}

#[tokio::test]
async fn one_subscription_can_answer_some_types_and_observe_others() {
    let server = TestServer::start(&Site::page()).await;
    let (client, mut page) = (server.client().await, server.page().await);
    let options = SubscribeOptions::new()
        .message_types(["ask", "note"])
        .answers(["ask"]);
    let mut subscription = client.subscribe(options).await.expect("a stream");
    page.send_json(&json!({"type": "note", "id": 1, "pagewire:request": true}))
        .await;
    assert_error(&mut page, 1, "no plugin answers").await;
    request_id(&mut subscription).await;
    page.send_json(&request(&json!(2))).await;
    let request_id = request_id(&mut subscription).await;
    client.reply(&request_id, &json!(3)).await.expect("answer");
    assert_eq!(page.receive_json().await["response"], 3);

    let never = SubscribeOptions::new()
        .message_types(["ask"])
        .answers(["aks"]);
    let never = client.subscribe(never).await.expect_err("refused");
    assert_eq!(never.reason(), Some("FIELD_INVALID"));
    assert!(never.to_string().contains("\"aks\""), "{never}");
    let both = SubscribeOptions::new().answers_requests().answers(["ask"]);
    let both = client.subscribe(both).await.expect_err("refused");
    assert_eq!(both.reason(), Some("FIELD_INVALID"));
}

#[tokio::test]
async fn pending_requests_fail_when_the_last_responder_disconnects() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let (mut first, mut second) = (offer(&server).await, offer(&server).await);
    page.send_json(&request(&json!(1))).await;
    let request_id = request_id(&mut first).await;
    assert_eq!(self::request_id(&mut second).await, request_id);
    drop(first);
    drop(second);
    assert_error(&mut page, 1, "has disconnected").await;
    let late = server
        .client()
        .await
        .reply(&request_id, &json!(1))
        .await
        .expect_err("refused");
    assert_eq!(late.reason(), Some("REQUEST_EXPIRED"));
}

#[tokio::test]
async fn an_id_without_the_request_mark_allows_a_reply_and_never_gets_an_error() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    // Without a subscriber nothing is sent, as with `@web/dev-server`.
    page.send_json(&json!({"type": "ask", "id": 1})).await;
    // The request has been processed once the message after it is answered.
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    let mut listening = client
        .subscribe(SubscribeOptions::new())
        .await
        .expect("a stream");
    page.send_json(&json!({"type": "ask", "id": 2})).await;
    let request_id = request_id(&mut listening).await;
    client
        .reply(&request_id, &json!("answer"))
        .await
        .expect("an answer");
    assert_eq!(
        page.receive_json().await,
        json!({"type": "message-response", "id": 2, "response": "answer"})
    );
}

#[tokio::test]
async fn an_unknown_request_or_one_of_a_closed_page_is_not_found() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let epoch = client.info().await.expect("info").epoch;
    for id in [
        "",
        "x",
        "x.1",
        &format!("{epoch}.99"),
        &format!("{epoch}.x"),
    ] {
        let refused = client.reply(id, &json!(1)).await.expect_err("refused");
        assert_eq!(
            (refused.code(), refused.reason()),
            (Some(Code::NotFound), Some("REQUEST_NOT_FOUND")),
            "{id}"
        );
    }
    let mut page = server.page().await;
    let options = SubscribeOptions::new()
        .messages()
        .sockets()
        .answers_requests();
    let mut events = client.subscribe(options).await.expect("a stream");
    page.send_json(&request(&json!(1))).await;
    let request_id = request_id(&mut events).await;
    drop(page);
    let closed = within("the socket's end", events.next())
        .await
        .expect("open")
        .expect("an event");
    assert!(matches!(closed.what, What::SocketClosed(_)));
    let refused = client
        .reply(&request_id, &json!(1))
        .await
        .expect_err("refused");
    assert_eq!(refused.reason(), Some("REQUEST_NOT_FOUND"));
}
