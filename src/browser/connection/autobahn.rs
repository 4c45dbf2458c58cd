//! Runs the cases of the Autobahn test suite against the sockets of pages.
//!
//! An echo takes the place of the hub, since the suite sends text that is no message; all other code is
//! the daemon's own.

use super::{Connection, config, run_until_closed};
use crate::browser::closing;
use crate::browser::frame_writer::FrameWriter;
use crate::browser::read_ahead::ReadAhead;
use crate::hub::{Frame, Hub, SocketGuard};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::Instant;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;

/// The folder of the tests' Python packages. `tests/run` installs them.
const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/backends");

/// Cases of the suite that do not need compression.
const CASES: usize = 247;

/// Accepts connections and returns each message to its sender.
async fn echo(listener: TcpListener) {
    let hub = Hub::new();
    loop {
        let (stream, peer) = listener.accept().await.expect("a connection");
        let guard = hub.open_socket(peer.to_string(), String::new(), None);
        tokio::spawn(serve(stream, guard));
    }
}

async fn serve(stream: TcpStream, guard: SocketGuard) {
    // The suite sends messages of up to 16 MiB.
    let config = config().max_message_size(None).max_frame_size(None);
    let stream = FrameWriter::new(ReadAhead::new(stream));
    let socket = accept_async_with_config(stream, Some(config))
        .await
        .expect("an upgrade");
    let mut connection = Connection::new(socket, false);
    // The suite expects no pings.
    let end_of_the_suite = Instant::now() + Duration::from_hours(1);
    connection.timer.as_mut().reset(end_of_the_suite);
    let ending = run_until_closed(&mut connection, &guard, |guard, message| {
        let frame = match message {
            Message::Text(text) => Frame::Text(text.to_string().into()),
            Message::Binary(bytes) => Frame::Binary(bytes),
            other => panic!("{other:?} is not a message"),
        };
        guard.socket().outbox().push(frame).expect("room");
    })
    .await;
    closing::end(&mut connection.socket, ending.deadline).await;
}

#[tokio::test]
async fn every_case_of_the_autobahn_suite_ends_as_the_protocol_demands() {
    if !Path::new(PACKAGES).join("kosoku").exists() {
        let reason = format!("there is no kosoku in {PACKAGES} (tests/run installs it)");
        assert!(std::env::var_os("CI").is_none(), "{reason}");
        eprintln!("skipped: {reason}");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(echo(listener));
    let report = tempfile::tempdir().expect("a folder");
    // Cases 12 and 13 are about compression, which the daemon does not offer.
    let output = Command::new("python3")
        .env("PYTHONPATH", PACKAGES)
        .args(["-c", "from kosoku._cli import main; main()"])
        .args(["-m", "fuzzingclient", "-p", "2", "-x", "12.*", "-x", "13.*"])
        .arg("-o")
        .arg(report.path())
        .arg(address.to_string())
        .output()
        .await
        .expect("python3");
    server.abort();
    let index = std::fs::read(report.path().join("index.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let agents = index.as_object().expect("an object").values();
    let cases: Vec<_> = agents
        .flat_map(|cases| cases.as_object().expect("an object"))
        .collect();
    assert!(cases.len() >= CASES, "{} cases ran", cases.len());
    // The suite calls it not strict, but correct, to check a frame's text once the frame is complete.
    let is_clean = |case: &Value, name: &str| {
        let behavior = case[name].as_str();
        matches!(behavior, Some("OK" | "INFORMATIONAL" | "NON-STRICT"))
    };
    let unclean: Vec<_> = cases
        .into_iter()
        .filter(|(_, case)| !is_clean(case, "behavior") || !is_clean(case, "behaviorClose"))
        .map(|(case, ended)| format!("{case}: {ended}"))
        .collect();
    assert!(unclean.is_empty(), "{}", unclean.join("\n"));
}
