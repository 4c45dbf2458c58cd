//! What pages send and do not read takes a bounded amount of the daemon's memory, and is reported.

use super::{MIB, assert_still_serving};
use crate::support::{Http2, Page, Site, TestServer, tls, within};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Large frames of a page: without limits they would take more than half a GiB.
const FRAMES: usize = 900;

/// Memory that the daemon may take beyond its event log, for buffers and the allocator.
const ALLOWED: usize = (64 + 64) * MIB;

/// Returns the resident memory of the daemon.
fn memory(server: &TestServer) -> usize {
    let pid = server.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("a size")
        * 1024
}

/// Waits until the daemon has handled everything that the page has sent, and returns how many faults it
/// has reported.
async fn faults(page: &mut Page) -> usize {
    page.send_json(&json!({"type": "pagewire:last"})).await;
    let mut faults = 0;
    loop {
        let frame = page.receive_json().await;
        let error = frame["error"].as_str().unwrap_or_default();
        if error.contains("pagewire:last") {
            return faults;
        }
        faults += usize::from(frame["type"] == "pagewire:fault");
    }
}

#[tokio::test]
async fn every_field_of_a_page_is_limited_and_the_fault_names_it() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let long = "x".repeat(900_000);
    for (mut frame, field, value, reason) in [
        (
            json!({"type": "pagewire:state"}),
            "page_id",
            json!(long),
            "page_id has 900000 bytes (the limit is 256)",
        ),
        (
            json!({"type": "pagewire:state"}),
            "tab_id",
            json!(long),
            "tab_id has 900000 bytes (the limit is 256)",
        ),
        (
            json!({"type": "pagewire:hello"}),
            "features",
            json!(vec![""; 250_000]),
            "features has 250000 entries (the limit is 64)",
        ),
        (
            json!({"type": "pagewire:hello"}),
            "features",
            json!([long]),
            "features has 900000 bytes (the limit is 64)",
        ),
        (
            json!({"type": "pagewire:result"}),
            "callId",
            json!(long),
            "callId has 900000 bytes (the limit is 256)",
        ),
        (
            json!({"type": "pagewire:console", "level": "log"}),
            "args",
            json!(vec![json!({}); 330_000]),
            "args has 330000 entries (the limit is 100)",
        ),
        (
            json!({"type": "pagewire:events"}),
            "events",
            json!(vec![0; 400_000]),
            "events has 400000 entries (the limit is 1000)",
        ),
        (
            json!({"type": "x"}),
            "id",
            json!(long),
            "id has 900002 bytes (the limit is 1024)",
        ),
        (
            json!({}),
            "type",
            json!(long),
            "type has 900000 bytes (the limit is 1024)",
        ),
    ] {
        frame[field] = value;
        page.send_json(&frame).await;
        let fault = page.receive_json().await;
        let error = fault["error"].as_str().expect("an error");
        assert!(error.contains(reason), "{error}");
    }
    // An error that quotes the frame does not return all of it.
    page.send(Message::text(Value::from(long).to_string()))
        .await;
    let fault = page.receive_text().await;
    assert!(fault.len() < 2000, "{} bytes", fault.len());
    assert_still_serving(&server, "long fields").await;
}

#[tokio::test]
async fn what_pages_say_about_themselves_takes_a_bounded_amount_of_memory() {
    let server = TestServer::start_with(&Site::page(), &["--console", "--log", "off"]).await;
    let mut page = server.page().await;
    let before = memory(&server);
    let long = "x".repeat(300_000);
    let level = json!({"type": "pagewire:console", "level": long, "args": []});
    let kind = json!({"type": "pagewire:error", "kind": long, "exception": {}});
    let stack = json!({"type": "pagewire:error", "kind": "csp", "exception": {"stack": long}});
    let state = json!({"type": "pagewire:state", "url": long, "title": long, "visibility": long});
    let refused = json!({"type": "pagewire:state", "page_id": long});
    let request = json!({"type": "x", "id": "y".repeat(500), "pagewire:request": false});
    let frames = [level, kind, stack, state, refused, request];
    let frames = frames.map(|frame| Message::text(frame.to_string()));
    let mut refusals = 0;
    for number in 0..FRAMES {
        page.send(frames[number % frames.len()].clone()).await;
        // A small message must not keep the large buffer that it was read into.
        page.send_json(&json!({"type": "small"})).await;
        if number % 100 == 99 {
            refusals += faults(&mut page).await;
        }
    }
    assert_eq!(refusals, FRAMES / frames.len());
    let taken = memory(&server).saturating_sub(before);
    assert!(taken < ALLOWED, "{} MiB", taken / MIB);
    assert_eq!(server.get("/").await.status, 200);
}

#[tokio::test]
async fn http_2_responses_that_are_not_read_take_little_memory_each() {
    const STREAMS: usize = 100;
    const CONNECTIONS: usize = 5;
    const ALLOWED_EACH: usize = 64 * 1024;
    let site = Site::page();
    site.write("large", vec![b'x'; 4 * MIB]);
    let server = TestServer::start_with(&site, &["--tls"]).await;
    let authority = server.ready["authority_file"].as_str().expect("a file");
    let before = memory(&server);
    let connect = || async {
        let connected = tls(server.http(), "localhost", authority.as_ref(), &["h2"]).await;
        Http2::over(connected.expect("a handshake")).await
    };
    let (mut connections, mut unread) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let mut connection = connect().await;
        for _ in 0..STREAMS {
            let stream = within("a stream", connection.begin("https://localhost/large", &[])).await;
            let response = stream.expect("an open connection").response;
            let response = within("a response", response).await.expect("a response");
            assert_eq!(response.status(), 200);
            unread.push(response);
        }
        connections.push(connection);
    }
    let taken = memory(&server).saturating_sub(before) / unread.len();
    assert!(taken < ALLOWED_EACH, "{} KiB", taken / 1024);
    let mut bystander = connect().await;
    assert_eq!(bystander.get("https://localhost/", &[]).await.status, 200);
}
