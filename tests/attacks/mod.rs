//! Attacks that are known to work on development servers, sent to the real binary as raw bytes. Each must
//! fail, and the daemon must serve other clients as before afterwards.

mod connections;
mod content;
mod control_port;
mod files;
mod lists;
mod memory;
mod origins;
mod programs;
mod silent_connections;
mod sockets;
mod swaps;
mod targets;

use crate::support::{HttpResponse, TestServer};
use pagewire_client::Target;
use serde_json::json;

const SOCKET_PATHS: [&str; 2] = ["/__pagewire__/socket", "/wds"];
const CLIENT_PATHS: [&str; 2] = [
    "/__pagewire__/client.js",
    "/__web-dev-server__web-socket.js",
];

/// Content of every file that must not be served.
const SECRET: &str = "content-that-must-not-be-served";

const MIB: usize = 1024 * 1024;

fn contains(response: &HttpResponse, text: &str) -> bool {
    response
        .body
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// Asserts that a page and a request are served as if nothing had happened.
async fn assert_still_serving(server: &TestServer, after: &str) {
    assert_eq!(server.get("/").await.status, 200, "after {after}");
    let mut page = server.page().await;
    let target = Target::socket(&page.id);
    let client = server.client().await;
    let sent = client.send(&target, json!({"type": "still-here"})).await;
    assert_eq!(sent.expect("the send succeeds").reached, 1, "after {after}");
    assert_eq!(
        page.receive_json().await["type"],
        "still-here",
        "after {after}"
    );
}

#[track_caller]
fn assert_same_origin_only(response: &HttpResponse, what: &str) {
    let policy = response.header("cross-origin-resource-policy");
    assert_eq!(
        policy,
        Some("same-origin"),
        "{what}: {:?}",
        response.headers
    );
    let shares = |(name, _): &(String, String)| name.starts_with("access-control-");
    let shared = response.headers.iter().any(shares);
    assert!(!shared, "{what}: {:?}", response.headers);
}
