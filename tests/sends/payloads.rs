//! Payloads, logs and commands arrive unchanged and in order.

use crate::support::{Page, Site, TestServer, within};
use pagewire_client::proto;
use pagewire_client::proto::target::Selector;
use pagewire_client::{ConsoleLevel, DeliveryStatus, Target};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn json_arrives_byte_for_byte_and_invalid_json_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let text = r#"{ "type":"x", "n":9007199254740993, "f":1.50, "a":1,"a":2, "s":"\u00e9é\/" }"#;
    client
        .send_json(&Target::all(), text)
        .await
        .expect("a send");
    assert_eq!(page.receive_text().await, text);
    for text in ["", "{", "{\"type\":\"x\"} trailing", "'x'", "{type:1}"] {
        let refused = client
            .send_json(&Target::all(), text)
            .await
            .expect_err("refused");
        assert_eq!(refused.reason(), Some("FIELD_INVALID"), "{text:?}");
    }
    client
        .send_text(&Target::all(), "plain, not JSON")
        .await
        .expect("a send");
    assert_eq!(page.receive_text().await, "plain, not JSON");
    client
        .send_binary(&Target::all(), vec![0, 255, 1])
        .await
        .expect("a send");
    assert_eq!(
        page.receive().await.expect("a frame"),
        Message::binary(vec![0, 255, 1])
    );
}

#[tokio::test]
async fn sends_of_one_caller_arrive_in_order() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    for n in 0..200 {
        client
            .send(&Target::all(), &json!({"type": "n", "n": n}))
            .await
            .expect("a send");
    }
    for n in 0..200 {
        assert_eq!(page.receive_json().await["n"], n);
    }
}

#[tokio::test]
async fn a_stream_of_sends_reports_each_in_order_and_survives_an_invalid_one() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let send = |json: &str, target| proto::SendStreamRequest {
        send: Some(proto::SendRequest {
            target,
            payload: Some(proto::send_request::Payload::Json(json.into())),
            ..Default::default()
        }),
    };
    let all = Some(proto::Target {
        selector: Some(Selector::All(proto::AllSockets {})),
        ..Default::default()
    });
    let (sender, requests) = mpsc::channel(4);
    let mut client = server.client().await.raw();
    // Headers are sent before the first message is read.
    let stream = client.send_stream(ReceiverStream::new(requests));
    let mut responses = within("headers", stream)
        .await
        .expect("a stream")
        .into_inner();
    for (json, target, ok) in [
        ("{\"type\":\"a\"}", all.clone(), true),
        ("{\"type\":\"b\"}", None, false),
        ("{", all.clone(), false),
        ("{\"type\":\"c\"}", all, true),
    ] {
        sender
            .send(send(json, target))
            .await
            .expect("an open stream");
        let response = within("a response", responses.message())
            .await
            .expect("open")
            .expect("one");
        match response.outcome {
            Some(proto::send_stream_response::Outcome::Report(report)) => {
                assert!(ok && report.reached == 1);
            }
            Some(proto::send_stream_response::Outcome::Error(error)) => {
                assert!(!ok);
                assert_eq!((error.code, error.reason.as_str()), (3, "FIELD_INVALID"));
            }
            None => panic!("a response without an outcome"),
        }
    }
    assert_eq!(page.receive_json().await["type"], "a");
    assert_eq!(page.receive_json().await["type"], "c");
}

#[tokio::test]
async fn a_console_log_is_verbatim_and_falls_back_to_an_encoded_module() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let text = "100% #1 </script>\n\u{1F600} \"quoted\"";
    let mut page = server.page().await;
    client
        .console_log(&Target::all(), ConsoleLevel::Warn, "me", text)
        .await
        .expect("a send");
    let frame = page.receive_json().await;
    assert_eq!(
        frame,
        json!({"type": "pagewire:log", "level": "warn", "source": "me", "text": text, "args": []})
    );
    drop(page);

    // The `@web/dev-server` client can only import.
    let mut silent = server.wds_page().await;
    let ready = async {
        while !client
            .sockets()
            .await
            .expect("a list")
            .iter()
            .any(|s| s.ready && s.client_features.is_empty())
        {
            tokio::task::yield_now().await;
        }
    };
    within("the silent page to be ready", ready).await;
    client
        .console_log(&Target::all(), ConsoleLevel::Log, "", text)
        .await
        .expect("a send");
    let frame = silent.receive_json().await;
    assert_eq!(frame["type"], "import");
    let url = frame["data"]["importPath"].as_str().expect("a URL");
    let module = url
        .strip_prefix("data:text/javascript,")
        .expect("a data URL");
    assert!(!module.contains(['#', '<', '\n', '"', ' ']), "{module}");
    let decoded = percent_encoding::percent_decode_str(module)
        .decode_utf8()
        .expect("UTF-8");
    let call = format!(
        "console.log(\"%s\",{});",
        serde_json::to_string(text).expect("a string")
    );
    assert!(decoded.starts_with(&call), "{decoded}");
}

#[tokio::test]
async fn commands_reach_pages() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    client.reload(&Target::all()).await.expect("a send");
    assert_eq!(
        page.receive_json().await,
        json!({"type": "pagewire:command", "command": "reload"})
    );
    client
        .navigate(&Target::all(), "/next")
        .await
        .expect("a send");
    assert_eq!(
        page.receive_json().await,
        json!({"type": "pagewire:command", "command": "navigate", "url": "/next"})
    );
    client
        .swap_stylesheets(&Target::all(), ["/a.css"])
        .await
        .expect("a send");
    assert_eq!(
        page.receive_json().await,
        json!({"type": "pagewire:command", "command": "styles", "paths": ["/a.css"]})
    );
    let refused = client
        .swap_stylesheets(&Target::all(), ["a.css"])
        .await
        .expect_err("refused");
    assert!(refused.to_string().contains("\"/a.css\""), "{refused}");
}

#[tokio::test]
async fn a_page_without_support_for_a_command_is_not_sent_it() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let older = json!({"features": ["command.reload"]});
    let mut page = Page::open_as(server.http(), &older).await;
    let report = client
        .navigate(&Target::all(), "/next")
        .await
        .expect("a report");
    let rows: Vec<_> = report.unreached.iter().map(|row| row.status).collect();
    assert_eq!(
        (report.reached, rows),
        (0, vec![DeliveryStatus::Unsupported])
    );
    client.reload(&Target::all()).await.expect("a send");
    assert_eq!(page.receive_json().await["command"], "reload");
}

#[tokio::test]
async fn a_frame_above_the_limit_is_refused_and_one_below_it_arrives() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let large = "x".repeat(16 * 1024 * 1024);
    client
        .send_text(&Target::all(), large.clone())
        .await
        .expect("16 MiB");
    assert_eq!(page.receive_text().await.len(), large.len());
    let refused = client
        .send_text(&Target::all(), large + "x")
        .await
        .expect_err("refused");
    assert_eq!(refused.reason(), Some("FIELD_INVALID"));
}
