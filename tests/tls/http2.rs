//! HTTP/2 requests pass the same checks as HTTP/1.1 requests.

use super::{http2, https, upgrade};
use crate::support::{Site, TestServer, survives_cancellations, within};
use pagewire_client::Target;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_host_of_an_http_2_request_is_checked() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut browser = http2(&server).await;
    for (url, host, status) in [
        ("https://localhost/", "localhost", 200),
        ("https://LOCALHOST/", "localhost", 200),
        ("https://localhost:8000/", "", 200),
        ("https://evil.example/", "", 403),
        ("https://evil.example/", "evil.example", 403),
        ("https://localhost/", "evil.example", 400),
        ("https://evil.example/", "localhost", 400),
        ("https://localhost:1/", "localhost:2", 400),
        ("https://user@localhost/", "", 400),
        ("https://localhost/missing", "", 404),
        ("https://localhost/__pagewire__/socket", "", 426),
    ] {
        let headers = [("host", host)];
        let headers = if host.is_empty() { &[][..] } else { &headers };
        let response = browser.get(url, headers).await;
        assert_eq!(response.status, status, "{url} with Host {host:?}");
        let policy = response.header("cross-origin-resource-policy");
        assert_eq!(policy, Some("same-origin"), "{url}");
        let is_named = response.text().contains("--allow-host evil.example");
        assert_eq!(is_named, status == 403, "{url}");
    }
    let long = format!("https://localhost/{}", "a".repeat(20_000));
    assert_eq!(browser.get(&long, &[]).await.status, 414);
    let large = "a".repeat(100_000);
    let response = browser.get("https://localhost/", &[("x", &large)]).await;
    assert_eq!(response.status, 431);
}

#[tokio::test]
async fn configured_headers_are_sent_over_http_2() {
    let arguments = ["--tls", "--cross-origin-isolated", "--header", "X-A: 1"];
    let server = TestServer::start_with(&Site::page(), &arguments).await;
    let mut browser = http2(&server).await;
    let response = browser.get("https://localhost/", &[]).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-a"), Some("1"));
    let policy = response.header("cross-origin-embedder-policy");
    assert_eq!(policy, Some("require-corp"));
}

#[tokio::test]
async fn concurrent_requests_of_an_http_2_connection_are_bounded() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut browser = http2(&server).await;
    let response = browser.get("https://localhost/", &[]).await;
    assert_eq!((response.status, browser.max_streams()), (200, 128));
    // Further requests wait for their turn, and all of them are answered.
    let mut streams = Vec::new();
    for _ in 0..200 {
        let stream = browser.begin("https://localhost/", &[]);
        let stream = within("capacity for a stream", stream).await;
        streams.push(stream.expect("an open connection"));
    }
    for stream in streams {
        let response = within("a response", stream.response).await;
        assert_eq!(response.expect("a response").status(), 200);
    }
}

/// Returns a request as HTTP/2 bytes: client libraries refuse to send such paths.
fn raw_http2(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ] {
        // A literal without indexing (RFC 7541, section 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0".to_vec();
    bytes.push(u8::try_from(block.len()).expect("it is short"));
    // HEADERS that end stream 1.
    bytes.extend_from_slice(&[1, 5, 0, 0, 0, 1]);
    bytes.extend_from_slice(&block);
    bytes
}

/// Returns the first byte of the first response, the index of the status in HPACK's static table; 0 if
/// the stream was reset or the connection ended.
async fn first_byte(server: &TestServer, path: &str) -> u8 {
    let mut stream = https(server, &["h2"]).await;
    let sent = stream.write_all(&raw_http2(path)).await;
    sent.expect("an open connection");
    loop {
        let mut head = [0; 9];
        if within("a frame", stream.read_exact(&mut head))
            .await
            .is_err()
        {
            return 0;
        }
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        let read = within("a frame", stream.read_exact(&mut payload)).await;
        read.expect("a whole frame");
        match head[3] {
            1 => return payload[0],
            3 | 7 => return 0,
            _ => {}
        }
    }
}

#[tokio::test]
async fn http_2_paths_obey_the_same_rules() {
    const OK: u8 = 0x88;
    const BAD_REQUEST: u8 = 0x8c;
    const NOT_FOUND: u8 = 0x8d;
    let site = Site::page();
    site.write(".env", "SECRET=1");
    let server = TestServer::start_with(&site, &["--tls"]).await;
    assert_eq!(first_byte(&server, "/").await, OK);
    // The library removes the fragment; the remaining path is resolved like any other.
    assert_eq!(first_byte(&server, "/#x").await, OK);
    assert_eq!(first_byte(&server, "/missing#/../").await, NOT_FOUND);
    for path in ["/../x", "/%2e%2e/x", "*", "//../x", "/%"] {
        assert_eq!(first_byte(&server, path).await, BAD_REQUEST, "{path}");
    }
    for path in [
        "",
        "x",
        "https://evil.example/",
        "/\0",
        "/.env",
        "/.env#",
        "/%2eenv",
    ] {
        assert_ne!(first_byte(&server, path).await, OK, "{path}");
    }
}

#[tokio::test]
async fn a_page_that_cancels_many_requests_at_once_keeps_its_connection() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let headers = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/"),
    ];
    for requests in [1, 100, 1000, 4000] {
        let stream = https(&server, &["h2"]).await;
        let survived = survives_cancellations(stream, &headers, requests).await;
        assert!(survived, "{requests} cancelled requests");
    }
}

#[tokio::test]
async fn rapidly_reset_requests_do_not_affect_other_pages() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut bystander = http2(&server).await;
    let page = upgrade(
        &server,
        &format!("https://localhost:{}", server.http().port()),
    )
    .await;
    let Ok(mut page) = page else {
        panic!("{:?}", page.err())
    };
    page.hello(&json!({})).await;
    for _ in 0..4 {
        let mut attacker = http2(&server).await;
        for _ in 0..5000 {
            let Some(stream) = attacker.begin("https://localhost/", &[]).await else {
                break;
            };
            stream.reset();
        }
    }
    // A client that leaves every stream open and reads nothing.
    let mut greedy = http2(&server).await;
    let mut open = Vec::new();
    for _ in 0..128 {
        open.extend(greedy.begin("https://localhost/", &[]).await);
    }
    assert_eq!(bystander.get("https://localhost/", &[]).await.status, 200);
    let client = server.client().await;
    let sent = client
        .send(&Target::socket(&page.id), json!({"type": "hi"}))
        .await;
    assert_eq!(sent.expect("a send").reached, 1);
    assert_eq!(page.receive_json().await["type"], "hi");
}
