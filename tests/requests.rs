//! A page asks, a subscriber answers: exactly one answer or one error.

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
async fn the_first_answer_wins_and_reaches_the_page_that_asked() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let (mut asks, mut other) = (server.page().await, server.page().await);
    let mut subscription = offer(&server).await;
    // The page's own id comes back as it was written, whatever JSON it is.
    for id in [json!(1), json!("a\"b"), json!(1.5)] {
        asks.say(&request(&id)).await;
        let request_id = request_id(&mut subscription).await;
        client
            .reply_json(&request_id, r#"{"n":9007199254740993}"#)
            .await
            .expect("the first answer");
        assert_eq!(
            asks.hear_text().await,
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
    other.say(&json!({"no": "type"})).await;
    assert_eq!(other.hear().await["type"], "pagewire:fault");
}

#[tokio::test]
async fn an_error_is_an_answer() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let mut subscription = offer(&server).await;
    page.say(&request(&json!(7))).await;
    let request_id = request_id(&mut subscription).await;
    server
        .client()
        .await
        .reply_error(&request_id, "no such thing")
        .await
        .expect("an answer");
    assert_eq!(
        page.hear().await,
        json!({"type": "message-response", "id": 7, "error": "no such thing"})
    );
}

async fn hears_error(page: &mut Page, id: i64, part: &str) {
    let answer = page.hear().await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("message-response"), &json!(id))
    );
    assert!(
        answer["error"]
            .as_str()
            .is_some_and(|error| error.contains(part)),
        "{answer}"
    );
}

#[tokio::test]
async fn nobody_who_offers_is_an_error_at_once() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    // Listening is not offering, and other types do not count.
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
    page.say(&request(&json!(1))).await;
    hears_error(&mut page, 1, "no plugin answers").await;
}

#[tokio::test]
async fn one_subscription_can_answer_some_types_and_only_hear_others() {
    let server = TestServer::start(&Site::page()).await;
    let (client, mut page) = (server.client().await, server.page().await);
    let options = SubscribeOptions::new()
        .message_types(["ask", "tell"])
        .answers(["ask"]);
    let mut subscription = client.subscribe(options).await.expect("a stream");
    page.say(&json!({"type": "tell", "id": 1, "pagewire:request": true}))
        .await;
    hears_error(&mut page, 1, "no plugin answers").await;
    request_id(&mut subscription).await;
    page.say(&request(&json!(2))).await;
    let request_id = request_id(&mut subscription).await;
    client.reply(&request_id, &json!(3)).await.expect("answer");
    assert_eq!(page.hear().await["response"], 3);

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
async fn the_last_offerer_leaving_is_an_error_at_once() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let (mut first, mut second) = (offer(&server).await, offer(&server).await);
    page.say(&request(&json!(1))).await;
    let request_id = request_id(&mut first).await;
    assert_eq!(self::request_id(&mut second).await, request_id);
    drop(first);
    drop(second);
    hears_error(&mut page, 1, "has disconnected").await;
    let late = server
        .client()
        .await
        .reply(&request_id, &json!(1))
        .await
        .expect_err("refused");
    assert_eq!(late.reason(), Some("REQUEST_EXPIRED"));
}

#[tokio::test]
async fn an_unmarked_id_can_be_answered_and_is_never_answered_for_the_plugins() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    // Nobody listens: silence, as with the ancestor.
    page.say(&json!({"type": "ask", "id": 1})).await;
    // It has been taken once what is behind it is answered.
    page.say(&json!({"no": "type"})).await;
    assert_eq!(page.hear().await["type"], "pagewire:fault");
    let mut listening = client
        .subscribe(SubscribeOptions::new())
        .await
        .expect("a stream");
    page.say(&json!({"type": "ask", "id": 2})).await;
    let request_id = request_id(&mut listening).await;
    client
        .reply(&request_id, &json!("answer"))
        .await
        .expect("an answer");
    assert_eq!(
        page.hear().await,
        json!({"type": "message-response", "id": 2, "response": "answer"})
    );
}

#[tokio::test]
async fn a_request_that_never_was_or_whose_page_has_gone_is_not_found() {
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
    page.say(&request(&json!(1))).await;
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
