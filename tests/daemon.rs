//! The daemon process: its ready line, its addresses, its shutdown.

use crate::support::{Session, Site, TestServer, assert_status, command, within};
use pagewire_client::proto::server_start_response::Event;
use pagewire_client::{Client, Target};
use rustix::process::Signal;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tonic::Code;

#[tokio::test]
async fn the_ready_line_is_one_line_and_every_address_in_it_answers() {
    let mut server = TestServer::start(&Site::page()).await;
    assert_eq!(server.ready["pagewire"], env!("CARGO_PKG_VERSION"));
    assert_eq!(server.ready["controls"], json!([server.ready["control"]]));
    assert_eq!(server.get("/").await.status, 200);
    server
        .client()
        .await
        .info()
        .await
        .expect("the control service answers");
    server.signal(Signal::TERM);
    let more = within("the end of standard output", server.stdout.next_line())
        .await
        .expect("a pipe");
    assert_eq!(more, None);
}

#[tokio::test]
async fn the_token_file_is_readable_by_its_owner_only_and_removed_on_exit() {
    let server = TestServer::start(&Site::page()).await;
    let path = server.ready["token_file"]
        .as_str()
        .expect("a token file")
        .to_owned();
    let mode = std::fs::metadata(&path)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let content = std::fs::read_to_string(&path).expect("the token");
    assert_eq!(content, format!("{}\n", server.token));
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    assert!(!std::path::Path::new(&path).exists());
}

#[tokio::test]
async fn pages_are_served_on_both_loopback_addresses() {
    let server = TestServer::start(&Site::page()).await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(request).await.status, 200);
    let v6 = format!("[::1]:{}", server.http().port())
        .parse()
        .expect("an address");
    assert_eq!(crate::support::raw_request(v6, request).await.status, 200);
}

#[tokio::test]
async fn without_a_port_the_next_free_port_is_used() {
    let site = Site::page();
    let serve = || {
        let mut command = command();
        command.arg("serve").arg(site.path());
        command
    };
    let first = TestServer::spawn(serve()).await;
    let second = TestServer::spawn(serve()).await;
    assert!(first.http().port() >= 8000);
    assert!(second.http().port() > first.http().port());
    assert_eq!(second.get("/").await.status, 200);
}

#[tokio::test]
async fn sigterm_and_ctrl_c_drain() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = TestServer::start(&Site::page()).await;
        let mut page = server.page().await;
        let mut session = Session::open(&server, "watcher").await;
        assert!(matches!(session.event().await, Some(Event::Ready(_))));

        server.signal(signal);
        let stopping = session.event().await;
        let Some(Event::Stopping(stopping)) = stopping else {
            panic!("{stopping:?}")
        };
        assert!(stopping.grace.is_some_and(|grace| grace.seconds == 2));
        // Pages stay connected until the plugins have finished: a final message still arrives.
        let client = server.client().await;
        let report = client
            .send(&Target::all(), &json!({"type": "bye"}))
            .await
            .expect("the send succeeds");
        assert_eq!(report.reached, 1);
        drop(session);

        assert_eq!(page.receive_json().await["type"], "bye");
        assert_eq!(page.receive_close().await.0, 1001);
        assert_eq!(server.wait_for_exit().await.0, Some(0));
    }
}

#[tokio::test]
async fn a_plugin_that_does_not_exit_is_cut_off_with_status_ok() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = Session::open(&server, "stubborn").await;
    server.signal(Signal::TERM);
    while session.event().await.is_some() {}
    assert_eq!(server.wait_for_exit().await.0, Some(0));
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = Session::open(&server, "stubborn").await;
    assert!(matches!(session.event().await, Some(Event::Ready(_))));
    server.signal(Signal::TERM);
    assert!(matches!(session.event().await, Some(Event::Stopping(_))));
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(1));
}

#[tokio::test]
async fn the_daemon_exits_at_the_end_of_standard_input_if_configured() {
    let site = Site::page();
    let mut command = command();
    command
        .arg("serve")
        .arg(site.path())
        .args([
            "--port",
            "0",
            "--control",
            "127.0.0.1:0",
            "--exit-with-stdin",
        ])
        .stdin(Stdio::piped());
    let mut server = TestServer::spawn(command).await;
    assert_eq!(server.get("/").await.status, 200);
    drop(server.child.stdin.take());
    assert_eq!(server.wait_for_exit().await.0, Some(0));
}

#[tokio::test]
async fn a_control_socket_file_is_private_needs_no_token_and_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("control.sock");
    let control = format!("unix:{}", path.display());
    let server = TestServer::start_with(&Site::page(), &["--control", &control]).await;
    assert_eq!(server.ready["control"], control);
    assert_eq!(server.ready["token_file"], json!(null));
    let mode = std::fs::metadata(&path)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        1
    );
    server
        .client()
        .await
        .info()
        .await
        .expect("it answers without a token");
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_control_socket_is_taken_over_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("control.sock");
    let control = format!("unix:{}", path.display());
    let mut killed = TestServer::start_with(&Site::page(), &["--control", &control]).await;
    killed.child.kill().await.expect("a kill");
    assert!(path.exists());
    let server = TestServer::start_with(&Site::page(), &["--control", &control]).await;
    server.client().await.info().await.expect("it answers");

    let mut second = command();
    second
        .arg("serve")
        .arg(folder.path())
        .args(["--port", "0", "--control", &control]);
    let (code, output) = run(second).await;
    assert_eq!(code, Some(2));
    assert!(output.contains("in use by another process"), "{output}");

    let file = folder.path().join("file");
    std::fs::write(&file, "precious").expect("a file");
    let mut third = command();
    third
        .arg("serve")
        .arg(folder.path())
        .args(["--port", "0", "--control"]);
    third.arg(format!("unix:{}", file.display()));
    let (code, output) = run(third).await;
    assert_eq!(code, Some(2));
    assert!(output.contains("exists and is not a socket"), "{output}");
    assert_eq!(
        std::fs::read_to_string(&file).expect("the file"),
        "precious"
    );
}

#[tokio::test]
async fn several_control_addresses_serve_the_same_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let unix = format!("unix:{}", folder.path().join("c").display());
    let arguments = ["--control", "127.0.0.1:0", "--control", &unix];
    let server = TestServer::start_with(&Site::page(), &arguments).await;
    let _page = server.page().await;
    let controls = server.ready["controls"].as_array().expect("controls");
    assert_eq!(controls.len(), 2);
    assert_eq!(
        server
            .client()
            .await
            .sockets()
            .await
            .expect("over TCP")
            .len(),
        1
    );
    let client = Client::connect(unix.parse().expect("an endpoint"))
        .await
        .expect("over the file");
    assert_eq!(client.sockets().await.expect("over the file").len(), 1);
}

/// Sends `GetServerInfo` with a socket path as authority, as some libraries do, and returns the type of
/// the frame that answers it (RFC 9113, section 6).
async fn response_frame_type(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> u8 {
    let path = b"/pagewire.v1.ControlService/GetServerInfo";
    let authority = b"tmp%2Fpagewire.sock";
    let headers = [
        &[0x83, 0x86, 0x44, path.len() as u8],
        path.as_slice(),
        &[0x40, 10],
        b":authority",
        &[authority.len() as u8],
        authority,
        &[0x5f, 16],
        b"application/grpc",
        &[0x40, 2],
        b"te",
        &[8],
        b"trailers",
    ]
    .concat();
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, headers.len() as u8, 1, 4, 0, 0, 0, 1],
        &headers,
        &[0, 0, 5, 0, 1, 0, 0, 0, 1],
        &[0; 5],
    ]
    .concat();
    stream.write_all(&request).await.expect("a connection");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let [_, high, low, kind, _, stream_id @ ..] = head;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        stream.read_exact(&mut payload).await.expect("its payload");
        if stream_id == [0, 0, 0, 1] {
            return kind;
        }
    }
}

#[tokio::test]
async fn a_socket_path_is_accepted_as_authority_only_on_a_socket_file() {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("c");
    let unix = format!("unix:{}", path.display());
    let arguments = ["--control", "127.0.0.1:0", "--control", &unix];
    let server = TestServer::start_with(&Site::page(), &arguments).await;
    let file = UnixStream::connect(&path).await.expect("the file");
    assert_eq!(
        within("an answer", response_frame_type(file)).await,
        HEADERS
    );
    let port = TcpStream::connect(server.control()).await;
    let port = port.expect("the port");
    assert_eq!(
        within("an answer", response_frame_type(port)).await,
        RST_STREAM
    );
}

#[tokio::test]
async fn the_control_service_requires_the_token() {
    let server = TestServer::start(&Site::page()).await;
    let endpoint = |token: Option<&str>| {
        let endpoint: pagewire_client::Endpoint = server.control().parse().expect("an endpoint");
        match token {
            Some(token) => endpoint.with_token(token),
            None => endpoint,
        }
    };
    let almost = format!("{}x", &server.token[..server.token.len() - 1]);
    for (token, reason) in [
        (None, "TOKEN_MISSING"),
        (Some("wrong"), "TOKEN_INVALID"),
        (Some(almost.as_str()), "TOKEN_INVALID"),
    ] {
        let refused = match Client::connect(endpoint(token)).await {
            Ok(client) => client.info().await.map(|_| ()),
            Err(error) => Err(error),
        };
        let error = refused.expect_err("it should have been refused");
        assert_eq!(error.reason(), Some(reason), "{error}");
        assert_eq!(error.code(), Some(Code::Unauthenticated));
    }
}

#[tokio::test]
async fn logs_go_to_standard_error_as_text_or_json() {
    let server = TestServer::start_with(&Site::page(), &["--log-format", "json"]).await;
    let _session = Session::open(&server, "logged").await;
    server.signal(Signal::TERM);
    let (_, output) = server.wait_for_exit().await;
    for line in output.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a JSON object a line");
        assert!(line["level"].is_string());
    }
    assert!(output.contains("logged"), "{output}");

    let mut command = command();
    command.args(["serve", "--log", "loud"]);
    let (code, output) = run(command).await;
    assert_eq!(code, Some(2));
    assert!(
        output.contains("\"loud\"") && output.contains("info,pages=debug"),
        "{output}"
    );
}

#[tokio::test]
async fn an_unread_log_blocks_nothing_and_reports_dropped_lines() {
    let site = Site::page();
    let mut server = TestServer::start_with(&site, &["--log", "info,pagewire::pages=debug"]).await;
    // More lines than the pipe and the queue behind it hold; each response logs one.
    let path = format!("/{}", "x".repeat(200));
    for _ in 0..6000 {
        assert_eq!(server.get(&path).await.status, 404);
    }
    let line = server.wait_for_log("dropped log lines").await;
    assert!(line.contains("WARN"), "{line}");
    assert_eq!(server.get("/after").await.status, 404);
    server.wait_for_log("/after").await;
}

#[tokio::test]
async fn a_hook_of_a_closed_session_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let session = Session::open(&server, "gone").await;
    let session_id = session.started.session_id.clone();
    drop(session);
    let mut client = server.client().await.raw();
    let refused = async {
        loop {
            let requests = tokio_stream::empty();
            let request = crate::support::with_session(&session_id, requests);
            match client.serve(request).await {
                Ok(_) => tokio::task::yield_now().await,
                refused => break refused,
            }
        }
    };
    let refused = within("the session's end", refused).await.map(|_| ());
    assert_status(refused, Code::FailedPrecondition, "SESSION_GONE");
}

/// Runs a command to its end and returns its exit code and standard error.
async fn run(mut command: tokio::process::Command) -> (Option<i32>, String) {
    let mut child = command.spawn().expect("it starts");
    let mut output = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    within("its end", stderr.read_to_string(&mut output))
        .await
        .expect("a pipe");
    (
        within("its end", child.wait())
            .await
            .expect("a wait")
            .code(),
        output,
    )
}
