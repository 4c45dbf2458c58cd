//! The command line: what it prints, its exit codes, and its errors.

mod connecting;
mod daemon;
mod eval;
mod import;
mod messages;
mod navigation;
mod send;
mod sockets;
mod usage;
mod wait;

use crate::support::{CommandOutput, Page, TestServer, assert_output, cli};
use serde_json::{Value, json};

/// Asserts exit code 2, an empty standard output and these words on standard error.
#[track_caller]
fn refused(run: &CommandOutput, words: &[&str]) {
    assert_output(run, 2, "");
    for word in words {
        assert!(run.stderr.contains(word), "no {word:?} in: {}", run.stderr);
    }
}

/// Sends a message and asserts that it is the first one that the page receives.
async fn assert_nothing_was_sent(server: &TestServer, page: &mut Page) {
    assert_output(
        &cli(server, &["send", r#"{"type":"first"}"#]).await,
        0,
        "reached 1 page\n",
    );
    let message = page.receive_json().await;
    assert_eq!(message["type"], "first", "another message came first");
}

fn value(json: &str) -> String {
    format!("\"ok\":true,\"value\":{{\"json\":{json}}}")
}

fn exception(fields: &Value) -> String {
    format!("\"ok\":false,\"exception\":{fields}")
}

fn thrown() -> String {
    exception(&json!({
        "phase": "call", "name": "TypeError", "message": "x is not a function",
        "stack": "TypeError: x is not a function\n    at default (/x.js:3:7)",
        "url": "/x.js", "line": 3, "column": 7,
    }))
}

/// Imports the requested module as a browser would, reports this value, and returns the source.
async fn run_import(server: &TestServer, page: &mut Page, value: Value) -> String {
    let frame = page.receive_json().await;
    let path = frame["data"]["importPath"]
        .as_str()
        .expect("a path")
        .to_owned();
    let source = server.get(&path).await.text();
    let mut result = json!({"type": "pagewire:result", "callId": frame["data"]["callId"]});
    for (key, value) in value.as_object().expect("fields") {
        result[key] = value.clone();
    }
    page.send_json(&result).await;
    source
}
