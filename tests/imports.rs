//! `SendImport` and its outcomes.

use crate::support::{Page, Site, TestServer, within};
use futures_util::future::join_all;
use pagewire_client::{DeliveryStatus, Import, ImportError, ImportRow, JsValue, Target};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Answers the next import that the page receives.
async fn answer(page: &mut Page, field: &str, value: Value) -> Value {
    let frame = page.receive_json().await;
    let mut result = json!({"type": "pagewire:result", "callId": frame["data"]["callId"]});
    result[field] = value;
    page.send_json(&result).await;
    frame
}

#[tokio::test]
async fn an_import_without_a_result_uses_the_web_dev_server_frame() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let import = Import::path("/x.js")
        .arg_json("{\"b\":1.50,\"a\":9007199254740993}")
        .arg("s");
    let report = server
        .client()
        .await
        .send_import(&Target::all(), import)
        .await
        .expect("a report");
    assert_eq!(report.reached, 1);
    assert_eq!(
        page.receive_text().await,
        r#"{"type":"import","data":{"importPath":"/x.js","args":[{"b":1.50,"a":9007199254740993},"s"]}}"#
    );
}

#[tokio::test]
async fn kinds_of_values_are_distinguished() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    for (output, received) in [
        (
            json!({"json": {"n": 1.5}}),
            JsValue::Json("{\"n\":1.5}".into()),
        ),
        (json!({"undefined": true}), JsValue::Undefined),
        (json!({}), JsValue::Undefined),
        (
            json!({"unserializable": "-0"}),
            JsValue::Unserializable("-0".into()),
        ),
        (
            json!({"unserializable": "123n"}),
            JsValue::Unserializable("123n".into()),
        ),
        (
            json!({"description": "<div>"}),
            JsValue::Description("<div>".into()),
        ),
        (
            json!({"description": "[1,2", "truncated": true}),
            JsValue::Truncated("[1,2".into()),
        ),
    ] {
        let target = Target::all();
        let call = client.import_value(&target, Import::path("/x.js"));
        let (report, frame) = tokio::join!(call, answer(&mut page, "value", output));
        assert!(frame["data"]["callId"].is_string(), "{frame}");
        let rows = report.expect("a report").rows;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].outcome, Ok(received));
    }
}

#[tokio::test]
async fn an_exception_includes_its_location() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let thrown = json!({"phase": "call", "name": "TypeError", "message": "x is not a function",
        "stack": "TypeError: x", "url": "http://localhost/x.js", "line": 3, "column": 7});
    let target = Target::all();
    let call = client.import_value(&target, Import::path("/x.js"));
    let (report, _) = tokio::join!(call, answer(&mut page, "exception", thrown));
    let row = report.expect("a report").rows.remove(0);
    let Err(ImportError::Exception(thrown)) = row.outcome else {
        panic!("{row:?}")
    };
    assert_eq!(
        (thrown.name.as_str(), thrown.line, thrown.column),
        ("TypeError", 3, 7)
    );
}

#[tokio::test]
async fn every_selected_socket_has_one_row() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let (mut quick, slow) = (server.page().await, server.page().await);
    let silent = server.wds_page().await;
    let silent_id = client.sockets().await.expect("a list").remove(2).socket_id;
    let target = Target::sockets([&quick.id, &slow.id, &silent_id, "unknown"]);
    let import = Import::path("/x.js").timeout(Duration::from_millis(1500));
    let call = client.import_value(&target, import);
    let (report, _) = tokio::join!(call, answer(&mut quick, "value", json!({"json": 1})));
    let report = report.expect("a report");
    let outcome = |id: &str| {
        let rows: Vec<_> = report
            .rows
            .iter()
            .filter(|row| row.socket_id == id)
            .collect();
        assert_eq!(rows.len(), 1, "{id}");
        rows[0].outcome.clone()
    };
    assert_eq!(outcome(&quick.id), Ok(JsValue::Json("1".into())));
    assert_eq!(
        outcome(&slow.id),
        Err(ImportError::Unanswered(DeliveryStatus::TimedOut))
    );
    assert_eq!(
        outcome(&silent_id),
        Err(ImportError::Unanswered(DeliveryStatus::Unsupported))
    );
    assert_eq!(
        outcome("unknown"),
        Err(ImportError::Unanswered(DeliveryStatus::NotFound))
    );
    assert_eq!((report.report.reached, report.report.selected()), (2, 4));
    drop((slow, silent));
}

#[tokio::test]
async fn a_page_that_disconnects_is_reported_at_once() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let begin = Instant::now();
    let target = Target::all();
    let import = Import::path("/x.js").timeout(Duration::from_mins(1));
    let leave = async {
        page.receive_json().await;
        drop(page);
    };
    let (report, ()) = tokio::join!(
        within("the row", client.import_value(&target, import)),
        leave
    );
    let row = report.expect("a report").rows.remove(0);
    assert_eq!(
        row.outcome,
        Err(ImportError::Unanswered(DeliveryStatus::Gone))
    );
    assert!(begin.elapsed() < Duration::from_mins(1));
}

#[tokio::test]
async fn a_result_is_accepted_only_from_the_target_page() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let (mut asked_page, mut other) = (server.page().await, server.page().await);
    let target = Target::socket(&asked_page.id);
    let call = client.import_value(&target, Import::path("/x.js"));
    let answers = async {
        let frame = asked_page.receive_json().await;
        let result = |json: &str| json!({"type": "pagewire:result", "callId": frame["data"]["callId"], "value": {"json": json}});
        other.send_json(&result("forged")).await;
        // The daemon has read the other page's frame once it answers that page's next one.
        other.send_json(&json!({"no": "type"})).await;
        assert_eq!(other.receive_json().await["type"], "pagewire:fault");
        asked_page.send_json(&result("real")).await;
    };
    let (report, ()) = tokio::join!(call, answers);
    let outcome = report.expect("a report").rows.remove(0).outcome;
    assert_eq!(outcome, Ok(JsValue::Json("\"real\"".into())));
}

#[tokio::test]
async fn an_awaited_import_waits_for_the_hello() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = Page::connect(server.http(), "/__pagewire__/socket").await;
    let target = Target::all();
    let call = client.import_value(&target, Import::path("/x.js"));
    let hello = async {
        page.send_json(&json!({"type": "pagewire:hello", "features": ["import.await"]}))
            .await;
        assert_eq!(page.receive_json().await["type"], "pagewire:hello");
        answer(&mut page, "value", json!({"json": 2})).await;
    };
    let (report, ()) = tokio::join!(call, hello);
    let outcome = report.expect("a report").rows.remove(0).outcome;
    assert_eq!(outcome, Ok(JsValue::Json("2".into())));
}

#[tokio::test]
async fn an_unusable_module_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    for path in ["", "x.js", "./x.js", "lit", "1:2"] {
        let refused = client
            .send_import(&Target::all(), Import::path(path))
            .await
            .expect_err("refused");
        assert_eq!(refused.reason(), Some("FIELD_INVALID"), "{path:?}");
    }
    for path in ["/x.js", "https://x.test/y.js", "data:text/javascript,1"] {
        client
            .send_import(&Target::all(), Import::path(path))
            .await
            .expect("accepted");
    }
    let bad = Import::path("/x.js").arg_json("{");
    let refused = client
        .send_import(&Target::all(), bad)
        .await
        .expect_err("refused");
    assert!(refused.to_string().contains("args_json[0]"), "{refused}");
}

#[tokio::test]
async fn an_oversized_result_is_replaced_by_a_description() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let target = Target::all();
    let call = client.import_value(&target, Import::path("/x.js").max_result_bytes(10));
    let (report, frame) = tokio::join!(
        call,
        answer(&mut page, "value", json!({"json": "0123456789"}))
    );
    assert_eq!(frame["data"]["maxBytes"], 10);
    let outcome = report.expect("a report").rows.remove(0).outcome;
    assert_eq!(outcome, Ok(JsValue::Truncated("\"0123456789\"".into())));
}

#[tokio::test]
async fn code_is_served_once_under_an_unguessable_path() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let target = Target::all();
    let call = client.import_value(&target, Import::code("export default () => 'code';"));
    let import = async {
        let frame = page.receive_json().await;
        let path = frame["data"]["importPath"]
            .as_str()
            .expect("a path")
            .to_owned();
        assert!(
            path.starts_with("/__pagewire__/code/") && path.len() > 40,
            "{path}"
        );
        let module = server.get(&path).await;
        assert_eq!(module.text(), "export default () => 'code';");
        assert_eq!(
            module.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
        assert_eq!(module.header("cache-control"), Some("no-store"));
        page.send_json(&json!({"type": "pagewire:result", "callId": frame["data"]["callId"], "value": {"json": "code"}})).await;
        path
    };
    let (report, path) = tokio::join!(call, import);
    let outcome = report.expect("a report").rows.remove(0).outcome;
    assert_eq!(outcome, Ok(JsValue::Json("\"code\"".into())));
    assert_eq!(server.get(&path).await.status, 404);
}

#[tokio::test]
async fn code_that_is_not_awaited_is_served_after_the_call() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let client = server.client().await;
    client
        .send_import(&Target::all(), Import::code("1"))
        .await
        .expect("a report");
    let frame = page.receive_json().await;
    let path = frame["data"]["importPath"].as_str().expect("a path");
    assert_eq!(server.get(path).await.text(), "1");
}

#[tokio::test]
async fn results_of_many_pages_share_the_room_of_one_response() {
    const PAGES: usize = 5;
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut pages = Vec::new();
    for _ in 0..PAGES {
        pages.push(server.page().await);
    }
    let large = "x".repeat(900_000);
    let target = Target::all();
    let call = client.import_value(&target, Import::path("/x.js"));
    let answers = pages
        .iter_mut()
        .map(|page| answer(page, "value", json!({"json": large})));
    let (report, _) = tokio::join!(call, join_all(answers));
    let rows = report.expect("a report").rows;
    let whole = |row: &&ImportRow| matches!(row.outcome, Ok(JsValue::Json(_)));
    assert_eq!((rows.len(), rows.iter().filter(whole).count()), (PAGES, 3));
}
