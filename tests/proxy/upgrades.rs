//! Upgraded connections are tunnelled, and only those of our own origin.

use super::{get_request, proxying_everything, response_bytes, upgrade};
use crate::support::{Http2, Wire, tls};
use rustix::process::Signal;

#[tokio::test]
async fn an_upgraded_connection_is_a_tunnel_until_either_side_or_the_daemon_ends_it() {
    let (backend, server) = proxying_everything(&[]).await;
    let mut tunnels = Vec::new();
    for origin in ["", "Origin: http://localhost:8000\r\n"] {
        let mut browser = Wire::connect(server.http()).await;
        // Bytes directly after the head belong to the other protocol.
        browser.write(upgrade("/socket?a", origin) + "early").await;
        let mut far = backend.accept().await;
        let head = far.read_until("\r\n\r\n").await.to_lowercase();
        assert!(head.starts_with("get /socket?a http/1.1\r\n"), "{head}");
        for line in ["\r\nconnection: upgrade\r\n", "\r\nupgrade: echo\r\n"] {
            assert!(head.contains(line), "{head}");
        }
        far.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Kept: 1\r\n\r\nhello")
            .await;
        let head = browser.read_until("\r\n\r\n").await.to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        for line in [
            "\r\nconnection: upgrade\r\n",
            "\r\nupgrade: echo\r\n",
            "\r\nx-kept: 1\r\n",
        ] {
            assert!(head.contains(line), "{head}");
        }
        assert!(!head.contains("content-length"), "{head}");
        browser.read_until("hello").await;
        far.read_until("early").await;
        browser.write("\0to").await;
        far.read_until("\0to").await;
        far.write("fro\r\n\r\n").await;
        browser.read_until("fro\r\n\r\n").await;
        tunnels.push((browser, far));
    }
    let (browser, mut far) = tunnels.remove(0);
    drop(browser);
    assert_eq!(far.read_to_end().await, "");
    drop(far);

    let (mut browser, mut far) = tunnels.remove(0);
    let mut events = Wire::connect(server.http()).await;
    events.write(get_request("/events", "")).await;
    let mut stream = backend.accept().await;
    stream.read_until("\r\n\r\n").await;
    stream
        .write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        .await;
    events.read_until("data: 1\n\n").await;
    server.signal(Signal::TERM);
    assert_eq!(browser.read_to_end().await, "");
    assert_eq!(far.read_to_end().await, "");
    events.read_to_end().await;
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0));
    assert!(!output.contains("still open"), "{output}");
}

#[tokio::test]
async fn an_upgrade_from_another_site_or_to_http_2_does_not_reach_the_backend() {
    let (backend, server) = proxying_everything(&[]).await;
    for origin in ["http://evil.example", "http://localhost:3000", "null"] {
        let mut browser = Wire::connect(server.http()).await;
        browser
            .write(upgrade("/socket", &format!("Origin: {origin}\r\n")))
            .await;
        let line = browser.read_until("\r\n").await;
        assert!(line.starts_with("HTTP/1.1 403"), "{origin}: {line}");
    }
    // An HTTP/2 tunnel would carry requests past the daemon, and HTTP/1.0 has no upgrades: both are forwarded
    // as ordinary requests.
    for (from, to) in [("echo", "h2c, echo"), ("HTTP/1.1", "HTTP/1.0")] {
        let request = upgrade("/first", "").replace(from, to);
        let request = request.replace("keep-alive,", "close,");
        let (received, response) = backend
            .exchange(&server, request, response_bytes("200 OK", "", "plain"))
            .await;
        assert_eq!(received.line(), "GET /first HTTP/1.1");
        assert_eq!((received.header("upgrade"), response.status), (None, 200));
    }
    // The refusal of a backend is forwarded; a backend that switches to another protocol is not
    // trusted.
    let request = upgrade("/socket", "").replace("keep-alive,", "close,");
    let (_, refused) = backend
        .exchange(
            &server,
            request,
            response_bytes("401 Unauthorized", "", "no"),
        )
        .await;
    assert_eq!((refused.status, refused.text().as_str()), (401, "no"));
    let response =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    let (_, response) = backend
        .exchange(&server, get_request("/", ""), response)
        .await;
    assert_eq!(response.status, 502);
}

#[tokio::test]
async fn over_tls_the_backend_sees_https_and_web_sockets_reach_it() {
    let (backend, server) = proxying_everything(&["--tls"]).await;
    let trusted = server.ready["authority_file"]
        .as_str()
        .expect("a certificate of its own");
    let address = server.http();
    let connect = |protocol: &'static str| async move {
        let protocols = [protocol];
        let connected = tls(address, "localhost", trusted.as_ref(), &protocols);
        connected.await.expect("a certificate that is trusted")
    };
    let mut browser = Http2::over(connect("h2").await).await;
    let location = format!("Location: http://{}/next\r\n", backend.address);
    let far = async {
        let mut wire = backend.accept().await;
        let received = wire.read_until("\r\n\r\n").await.to_lowercase();
        wire.write(response_bytes("302 Found", &location, "moved"))
            .await;
        received
    };
    let cookies = [("cookie", "a=b"), ("cookie", "c=d"), ("te", "trailers")];
    let (received, response) = tokio::join!(far, browser.get("https://localhost/x", &cookies));
    for line in [
        "get /x http/1.1",
        "host: localhost",
        "cookie: a=b; c=d",
        "x-forwarded-proto: https",
        "x-forwarded-port: 443",
    ] {
        let mut lines = received.lines();
        assert!(
            lines.any(|found| found == line),
            "{line} is missing in {received}"
        );
    }
    assert_eq!((response.status, response.text().as_str()), (302, "moved"));
    assert_eq!(response.header("location"), Some("/next"));

    let origin = "Origin: https://localhost:8000\r\n";
    let mut page = Wire::of(connect("http/1.1").await);
    page.write(upgrade("/socket", origin)).await;
    let mut far = backend.accept().await;
    far.read_until("\r\n\r\n").await;
    far.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello",
    )
    .await;
    page.read_until("hello").await;
    page.write("by wss").await;
    far.read_until("by wss").await;
}

#[tokio::test]
async fn a_websocket_handshake_with_a_body_is_refused_and_not_forwarded() {
    let (backend, server) = proxying_everything(&[]).await;
    for body in [
        "Content-Length: 3\r\n\r\n\u{1}\u{2}\u{3}",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ] {
        for protocol in ["websocket", "WebSocket"] {
            let head = "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n";
            let request = format!("{head}Upgrade: {protocol}\r\n{body}");
            let refused = server.exchange(request.as_bytes()).await;
            assert_eq!(refused.status, 400, "{protocol} {body:?}");
            assert!(refused.text().contains("must have no body"), "{body:?}");
        }
    }
    // The next request is the first one that the backend gets.
    let mut browser = Wire::connect(server.http()).await;
    browser.write(get_request("/next", "")).await;
    let mut far = backend.accept().await;
    let head = far.read_until("\r\n\r\n").await;
    assert!(head.starts_with("GET /next "), "{head}");
}
