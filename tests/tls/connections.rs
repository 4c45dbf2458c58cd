//! Pages and their sockets work over HTTPS with HTTP/1.1 and HTTP/2.

use super::{http2, https, upgrade};
use crate::support::{Http2, HttpResponse, Site, TestServer, answer_on, cli, within};
use pagewire_client::Target;
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENT: &str = "/__pagewire__/client.js";

async fn http1(server: &TestServer, request: &str) -> HttpResponse {
    answer_on(https(server, &["http/1.1"]).await, request.as_bytes()).await
}

#[tokio::test]
async fn pages_are_served_over_http_2_and_http_1_with_the_client() {
    let server = TestServer::start_with(&Site::page(), &["--tls", "--inject", "always"]).await;
    let offered = https(&server, &["h2", "http/1.1"]).await;
    assert_eq!(offered.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let mut browser = Http2::over(offered).await;
    let by_http2 = browser
        .get("https://localhost/", &[("accept", "text/html")])
        .await;
    let request =
        "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    let by_http1 = http1(&server, request).await;
    // A client that negotiates no protocol in the handshake gets HTTP/1.1.
    let by_old = answer_on(https(&server, &[]).await, request.as_bytes()).await;
    for response in [by_http2, by_http1, by_old] {
        assert_eq!(response.status, 200);
        assert!(response.text().contains(CLIENT), "{}", response.text());
        let length = response.header("content-length").expect("a length");
        assert_eq!(length, response.body.len().to_string());
    }
    // Requests on one connection do not wait for each other.
    let mut streams = Vec::new();
    for _ in 0..50 {
        let stream = browser.begin("https://localhost/", &[]).await;
        streams.push(stream.expect("an open connection"));
    }
    for stream in streams {
        let response = within("a response", stream.response).await;
        assert_eq!(response.expect("a response").status(), 200);
    }
}

#[tokio::test]
async fn every_client_gets_the_https_url() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let url = format!("https://127.0.0.1:{}", server.http().port());
    assert_eq!(server.ready["http"], url);
    let info = cli(&server, &["info", "--json"]).await;
    assert_eq!(info.json()[0]["base_urls"][0], url);
    let pid = server.child.id().expect("it runs");
    let folder = Path::new(server.ready["token_file"].as_str().expect("a file")).parent();
    let file = folder.expect("a folder").join(format!("{pid}.json"));
    let left: Value =
        serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    assert_eq!(left["http"], url);
    assert_eq!(left["authority_file"], server.ready["authority_file"]);
    let output = cli(&server, &["sockets"]).await;
    assert!(output.stderr.contains(&url), "{}", output.stderr);
}

#[tokio::test]
async fn plain_http_is_redirected_to_https_on_the_same_host_and_path() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    for (method, host, target) in [
        ("GET", "localhost:8000", "/a%20b/?x=1&y"),
        ("POST", "127.0.0.1", "/"),
        ("GET", "localhost", "//evil.example/"),
    ] {
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let response = server.raw(request.as_bytes()).await;
        assert_eq!(response.status, 308, "{target}");
        let url = format!("https://{host}{target}");
        assert_eq!(response.header("location"), Some(url.as_str()));
        assert_eq!(
            response.header("cache-control"),
            Some("no-store"),
            "{target}"
        );
    }
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n", 403),
        ("GET / HTTP/1.1\r\n", 400),
        ("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET /#a HTTP/1.1\r\nHost: localhost\r\n", 400),
    ] {
        let response = server
            .raw(format!("{request}Connection: close\r\n\r\n").as_bytes())
            .await;
        assert_eq!(
            (response.status, response.header("location")),
            (status, None),
            "{request}"
        );
    }
    // Bytes that are neither TLS nor HTTP must not stop the daemon.
    for bytes in [&b"\x16\x03\x01\xff\xff"[..], b"\x16", b"\0\0\0", b"\n"] {
        let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
        stream.write_all(bytes).await.expect("an open connection");
    }
    assert_eq!(
        http2(&server)
            .await
            .get("https://localhost/", &[])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_page_connects_over_wss_and_receives_messages() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let port = server.http().port();
    let page = upgrade(&server, &format!("https://localhost:{port}")).await;
    let Ok(mut page) = page else {
        panic!("{:?}", page.err())
    };
    page.hello(&json!({"url": "https://localhost/"})).await;
    let client = server.client().await;
    let sent = client
        .send(&Target::socket(&page.id), json!({"type": "hi"}))
        .await;
    assert_eq!(sent.expect("a send").reached, 1);
    assert_eq!(page.receive_json().await["type"], "hi");
    // An attacker in the network could pose as a page of the same host without TLS.
    for origin in ["http", "ws"].map(|scheme| format!("{scheme}://localhost:{port}")) {
        assert_eq!(upgrade(&server, &origin).await.err(), Some(403), "{origin}");
    }
}

#[tokio::test]
async fn stopping_ends_connections_of_both_protocols() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut browser = http2(&server).await;
    assert_eq!(browser.get("https://localhost/", &[]).await.status, 200);
    let mut silent = https(&server, &["http/1.1"]).await;
    // A browser opens connections before it needs them.
    let early = TcpStream::connect(server.http()).await;
    let _early = early.expect("a listener");
    server.signal(rustix::process::Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("still open"), "{output}");
    let mut rest = Vec::new();
    let _ = within("the end", silent.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
}
