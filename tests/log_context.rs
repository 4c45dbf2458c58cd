//! Log lines carry the context they were logged in: the connection and the request, the socket of a page,
//! the session of a plugin. The default level creates no spans, so its lines have no context.

use crate::support::{Http2, Session, Site, TestServer, tls};
use serde_json::{Value, json};
use std::path::Path;

/// A warning about the path `/outside` of [`site`].
const WARNING: &str = "a link to a file outside the root";

/// Returns a site with a link out of its root.
fn site() -> Site {
    let site = Site::page();
    let link = site.path().join("outside");
    std::os::unix::fs::symlink("/dev/null", link).expect("a link");
    site
}

async fn server(arguments: &[&str]) -> TestServer {
    let json = ["--log-format", "json"];
    TestServer::start_with(&site(), &[&json, arguments].concat()).await
}

/// Waits for a line of the log with this text and returns its spans, outermost first.
async fn spans(server: &mut TestServer, text: &str) -> Vec<Value> {
    let line = server.wait_for_log(text).await;
    let line: Value = serde_json::from_str(&line).expect("a JSON object");
    line["spans"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_warning_names_the_request_and_the_connection_it_belongs_to() {
    let mut server = server(&["--log", "info,server=debug,pages=debug"]).await;
    assert_eq!(server.get("/outside?query").await.status, 403);
    let spans = spans(&mut server, WARNING).await;
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert_eq!(spans[0]["name"], "connection");
    let peer = spans[0]["peer"].as_str().expect("a peer");
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let request = json!({"name": "request", "method": "GET", "path": "/outside"});
    assert_eq!(spans[1], request);
}

#[tokio::test]
async fn the_text_format_puts_the_context_before_the_message() {
    let mut server = TestServer::start_with(&site(), &["--log", "info,pages=debug"]).await;
    assert_eq!(server.get("/outside").await.status, 403);
    let line = server.wait_for_log(WARNING).await;
    let context = r#" WARN request{method=GET path="/outside"}: pagewire::pages: "#;
    assert!(line.contains(context), "{line}");
    let line = server.wait_for_log("status=403").await;
    assert!(
        line.contains("DEBUG pagewire::pages: GET /outside status=403 time="),
        "{line}"
    );
}

#[tokio::test]
async fn a_request_over_http_2_names_its_connection_too() {
    let mut server = server(&["--tls", "--log", "debug"]).await;
    let authority = server.ready["authority_file"].as_str().expect("a file");
    let stream = tls(server.http(), "localhost", Path::new(authority), &["h2"]).await;
    let mut connection = Http2::over(stream.expect("a TLS connection")).await;
    let url = format!("https://localhost:{}/outside", server.http().port());
    assert_eq!(connection.get(&url, &[]).await.status, 403);
    let spans = spans(&mut server, WARNING).await;
    let names: Vec<_> = spans.iter().map(|span| &span["name"]).collect();
    assert_eq!(names, ["connection", "request"]);
}

#[tokio::test]
async fn lines_about_a_socket_or_a_plugin_name_it() {
    let mut server = server(&["--log", "debug"]).await;
    let session = Session::open(&server, "chat").await;
    let expected = json!({"name": "session", "plugin": "chat"});
    assert_eq!(spans(&mut server, "plugin connected").await, [expected]);
    drop(session);

    let page = server.page().await;
    let id = page.id.clone();
    drop(page);
    let spans = spans(&mut server, "socket closed").await;
    let expected = json!({"name": "socket", "socket_id": id});
    assert_eq!(spans.last(), Some(&expected), "{spans:?}");
}

#[tokio::test]
async fn the_default_level_has_no_context() {
    let mut server = server(&[]).await;
    let _session = Session::open(&server, "chat").await;
    assert_eq!(server.get("/outside").await.status, 403);
    for text in ["plugin connected", WARNING] {
        assert_eq!(spans(&mut server, text).await, [] as [Value; 0], "{text}");
    }
}
