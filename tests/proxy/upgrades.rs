//! Upgraded connections are tunnelled, and only those of our own origin.

use super::{everything, get, says, upgrade};
use crate::support::{Http2, Wire, tls};
use rustix::process::Signal;

#[tokio::test]
async fn an_upgraded_connection_is_a_tunnel_until_either_end_or_the_daemon_stops() {
    let (backend, server) = everything(&[]).await;
    let mut tunnels = Vec::new();
    for origin in ["", "Origin: http://localhost:8000\r\n"] {
        let mut browser = Wire::connect(server.http()).await;
        // What follows the head at once belongs to the other protocol.
        browser.say(upgrade("/socket?a", origin) + "early").await;
        let mut far = backend.accept().await;
        let head = far.hear("\r\n\r\n").await.to_lowercase();
        assert!(head.starts_with("get /socket?a http/1.1\r\n"), "{head}");
        for line in ["\r\nconnection: upgrade\r\n", "\r\nupgrade: echo\r\n"] {
            assert!(head.contains(line), "{head}");
        }
        far.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Kept: 1\r\n\r\nhello")
            .await;
        let head = browser.hear("\r\n\r\n").await.to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        for line in [
            "\r\nconnection: upgrade\r\n",
            "\r\nupgrade: echo\r\n",
            "\r\nx-kept: 1\r\n",
        ] {
            assert!(head.contains(line), "{head}");
        }
        assert!(!head.contains("content-length"), "{head}");
        browser.hear("hello").await;
        far.hear("early").await;
        browser.say("\0to").await;
        far.hear("\0to").await;
        far.say("fro\r\n\r\n").await;
        browser.hear("fro\r\n\r\n").await;
        tunnels.push((browser, far));
    }
    let (browser, mut far) = tunnels.remove(0);
    drop(browser);
    assert_eq!(far.hear_all().await, "");
    drop(far);

    let (mut browser, mut far) = tunnels.remove(0);
    let mut events = Wire::connect(server.http()).await;
    events.say(get("/events", "")).await;
    let mut stream = backend.accept().await;
    stream.hear("\r\n\r\n").await;
    stream
        .say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        .await;
    events.hear("data: 1\n\n").await;
    server.signal(Signal::TERM);
    assert_eq!(browser.hear_all().await, "");
    assert_eq!(far.hear_all().await, "");
    events.hear_all().await;
    let (code, said) = server.ended().await;
    assert_eq!(code, Some(0));
    assert!(!said.contains("still open"), "{said}");
}

#[tokio::test]
async fn an_upgrade_from_another_site_or_to_another_http_does_not_reach_the_backend() {
    let (backend, server) = everything(&[]).await;
    for origin in ["http://evil.example", "http://localhost:3000", "null"] {
        let mut browser = Wire::connect(server.http()).await;
        browser
            .say(upgrade("/socket", &format!("Origin: {origin}\r\n")))
            .await;
        let line = browser.hear("\r\n").await;
        assert!(line.starts_with("HTTP/1.1 403"), "{origin}: {line}");
    }
    // An HTTP/2 of its own would carry requests past us; without it the request is an ordinary one.
    let request = upgrade("/first", "").replace("echo", "h2c, echo");
    let request = request.replace("keep-alive,", "close,");
    let (asked, answer) = backend
        .exchange(&server, request, says("200 OK", "", "plain"))
        .await;
    assert_eq!(asked.line(), "GET /first HTTP/1.1");
    assert_eq!((asked.header("upgrade"), answer.status), (None, 200));
    // A backend that refuses an upgrade is quoted; one that offers another protocol is not trusted.
    let request = upgrade("/socket", "").replace("keep-alive,", "close,");
    let (_, refused) = backend
        .exchange(&server, request, says("401 Unauthorized", "", "no"))
        .await;
    assert_eq!((refused.status, refused.text().as_str()), (401, "no"));
    let response =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    let (_, answer) = backend.exchange(&server, get("/", ""), response).await;
    assert_eq!(answer.status, 502);
}

#[tokio::test]
async fn behind_tls_the_backend_is_told_so_and_web_sockets_of_pages_reach_it() {
    let (backend, server) = everything(&["--tls"]).await;
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
        let asked = wire.hear("\r\n\r\n").await.to_lowercase();
        wire.say(says("302 Found", &location, "moved")).await;
        asked
    };
    let cookies = [("cookie", "a=b"), ("cookie", "c=d"), ("te", "trailers")];
    let (asked, answer) = tokio::join!(far, browser.get("https://localhost/x", &cookies));
    for line in [
        "get /x http/1.1",
        "host: localhost",
        "cookie: a=b; c=d",
        "x-forwarded-proto: https",
        "x-forwarded-port: 443",
    ] {
        let mut lines = asked.lines();
        assert!(lines.any(|found| found == line), "{line} in {asked}");
    }
    assert_eq!((answer.status, answer.text().as_str()), (302, "moved"));
    assert_eq!(answer.header("location"), Some("/next"));

    let origin = "Origin: https://localhost:8000\r\n";
    let mut page = Wire::of(connect("http/1.1").await);
    page.say(upgrade("/socket", origin)).await;
    let mut far = backend.accept().await;
    far.hear("\r\n\r\n").await;
    far.say(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello",
    )
    .await;
    page.hear("hello").await;
    page.say("by wss").await;
    far.hear("by wss").await;
}
