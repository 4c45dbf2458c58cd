//! Backends behind TLS and on socket files: everything works as with plain HTTP.

use super::certificates::{Authority, Identity};
use super::{get_request, response_bytes, upgrade};
use crate::support::{HttpResponse, Site, TestServer, Wire, upgrade_request, within};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Connection = Box<dyn Duplex>;

/// Backend that sends exactly the bytes that a test gives it.
pub struct AnyBackend {
    listener: Listener,
    /// The value of `--proxy`.
    pub rule: String,
    folder: TempDir,
}

enum Listener {
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener),
}

impl AnyBackend {
    /// Listens with TLS, with a certificate that its `ca_file` trusts.
    pub async fn tls(host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, authority.pem()).expect("a file");
        let acceptor = authority.issue(&Identity::of(&[host])).acceptor();
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        Self {
            listener: Listener::Tls(listener, acceptor),
            rule: format!("https://{host}:{port} ca_file={}", file.display()),
            folder,
        }
    }

    pub fn unix() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.sock");
        Self {
            listener: Listener::Unix(UnixListener::bind(&file).expect("a socket file")),
            rule: format!("unix:{}", file.display()),
            folder,
        }
    }

    /// Returns one backend of each kind.
    async fn each() -> [Self; 2] {
        [Self::tls("localhost").await, Self::unix()]
    }

    pub async fn proxied(&self, arguments: &[&str]) -> TestServer {
        let arguments = [&["--proxy", &self.rule], arguments].concat();
        TestServer::start_with(&Site::new([]), &arguments).await
    }

    async fn connection(&self) -> Connection {
        match &self.listener {
            Listener::Tls(listener, acceptor) => {
                let accepted = within("a connection", listener.accept()).await;
                let (stream, _) = accepted.expect("a connection");
                let stream = within("a handshake", acceptor.accept(stream)).await;
                Box::new(stream.expect("a handshake"))
            }
            Listener::Unix(listener) => {
                let accepted = within("a connection", listener.accept()).await;
                Box::new(accepted.expect("a connection").0)
            }
        }
    }

    pub async fn accept(&self) -> Wire<Connection> {
        Wire::of(self.connection().await)
    }

    /// Sends a request through a daemon, and returns its head as the backend received it, and the response as
    /// the browser received it.
    pub async fn exchange(
        &self,
        server: &TestServer,
        request: &str,
        response: &str,
    ) -> (String, HttpResponse) {
        let backend = async {
            let mut wire = self.accept().await;
            let received = wire.read_until("\r\n\r\n").await;
            wire.write(response).await;
            wire.close().await;
            received.to_lowercase()
        };
        tokio::join!(backend, server.raw(request.as_bytes()))
    }
}

#[tokio::test]
async fn bodies_and_events_are_streamed_in_both_directions() {
    for backend in AnyBackend::each().await {
        let server = backend.proxied(&[]).await;
        let mut browser = Wire::connect(server.http()).await;
        browser
            .write(get_request("/events", "Accept: text/event-stream\r\n"))
            .await;
        let mut stream = backend.accept().await;
        stream.read_until("\r\n\r\n").await;
        stream
            .write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            .await;
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            stream.write(event).await;
            stream.flush().await;
            browser.read_until(event).await;
        }
        drop(browser);
        stream.read_to_end().await;

        let mut browser = Wire::connect(server.http()).await;
        browser
            .write("POST /up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        let mut upload = backend.accept().await;
        upload.read_until("\r\n\r\n").await;
        for piece in ["first", "other"] {
            browser.write(format!("5\r\n{piece}\r\n")).await;
            upload.read_until(piece).await;
        }
        upload
            .write(response_bytes("413 Payload Too Large", "", "enough"))
            .await;
        upload.flush().await;
        let response = browser.read_until("enough").await;
        assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    }
}

#[tokio::test]
async fn a_web_socket_reaches_the_backend() {
    for backend in AnyBackend::each().await {
        let server = backend.proxied(&[]).await;
        let url = format!("ws://localhost:{}/socket", server.http().port());
        let request = url.into_client_request().expect("a URL");
        let stream = within("a connection", TcpStream::connect(server.http())).await;
        let page = tokio_tungstenite::client_async(request, stream.expect("a listener"));
        let far = async { tokio_tungstenite::accept_async(backend.connection().await).await };
        let both = Box::pin(async { tokio::join!(page, far) });
        let (page, far) = within("an upgrade", both).await;
        let (mut page, _) = page.expect("an upgrade");
        let mut far = far.expect("an upgrade");
        let large = Message::binary(vec![7; 1024 * 1024]);
        for message in [Message::text("hello"), large] {
            within("room", page.send(message.clone()))
                .await
                .expect("open");
            let received = within("a message", far.next()).await;
            let received = received.expect("open").expect("a message");
            assert_eq!(received, message);
            within("room", far.send(received)).await.expect("open");
            let echo = within("an echo", page.next()).await;
            assert_eq!(echo.expect("open").expect("a message"), message);
        }
        drop(page);
        let end = within("the end", far.next()).await;
        assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    }
}

#[tokio::test]
async fn an_upgrade_from_another_site_does_not_reach_the_backend() {
    for backend in AnyBackend::each().await {
        let server = backend.proxied(&[]).await;
        let mut browser = Wire::connect(server.http()).await;
        browser
            .write(upgrade("/socket", "Origin: http://evil.example\r\n"))
            .await;
        let line = browser.read_until("\r\n").await;
        assert!(line.starts_with("HTTP/1.1 403"), "{line}");
        // It is the first request that the backend receives.
        let response = response_bytes("200 OK", "", "");
        let request = get_request("/first", "");
        let (received, _) = backend.exchange(&server, &request, &response).await;
        assert!(received.starts_with("get /first "), "{received}");
    }
}

#[tokio::test]
async fn redirects_and_cookies_of_an_https_backend_are_rewritten_to_our_origin() {
    let backend = AnyBackend::tls("localhost").await;
    let server = backend.proxied(&[]).await;
    let own = backend.rule.split(' ').next().expect("a URL").to_owned();
    let other_scheme = own.replace("https", "http");
    for (name, value, expected) in [
        ("location", format!("{own}/a?b#c"), Some("/a?b#c")),
        ("location", own.replace("localhost", "127.0.0.1"), Some("/")),
        ("location", "/a".into(), Some("/a")),
        ("location", "../a".into(), Some("../a")),
        // The backend combines the Host that it received with its own scheme.
        ("location", "https://localhost:8000/a".into(), Some("/a")),
        ("location", "http://localhost:8000/a".into(), Some("/a")),
        (
            "location",
            format!("{other_scheme}/a"),
            Some(&*format!("{other_scheme}/a")),
        ),
        (
            "location",
            "https://other.example/".into(),
            Some("https://other.example/"),
        ),
        ("content-location", format!("{own}/a.json"), Some("/a.json")),
        ("refresh", format!("3; url={own}/a"), Some("3; url=/a")),
        (
            "set-cookie",
            "a=b; Domain=localhost; Secure".into(),
            Some("a=b; Secure"),
        ),
        // These would bind the browser's localhost, and every other server there.
        ("strict-transport-security", "max-age=9".into(), None),
        ("alt-svc", "h3=\":443\"".into(), None),
    ] {
        let response = response_bytes("303 See Other", &format!("{name}: {value}\r\n"), "");
        let (received, response) = backend
            .exchange(&server, &get_request("/x", ""), &response)
            .await;
        for line in ["host: localhost:8000", "x-forwarded-proto: http"] {
            assert!(received.lines().any(|found| found == line), "{received}");
        }
        assert_eq!(response.header(name), expected, "{value}");
    }
    // Browsers accept Secure cookies from a plain http server on localhost only.
    for (host, cookie, expected) in [
        ("192.168.1.7:8000", "a=b; Secure; HttpOnly", "a=b; HttpOnly"),
        (
            "192.168.1.7:8000",
            "a=b; SameSite=None; Secure; Partitioned",
            "a=b",
        ),
        (
            "192.168.1.7:8000",
            "a=b; SameSite=Lax; secure",
            "a=b; SameSite=Lax",
        ),
        (
            "192.168.1.7:8000",
            "__Host-a=b; Secure; Path=/",
            "__Host-a=b; Secure; Path=/",
        ),
        (
            "[::1]:8000",
            "a=b; SameSite=None; Secure",
            "a=b; SameSite=None; Secure",
        ),
    ] {
        let request = get_request("/x", "").replace("localhost:8000", host);
        let response = response_bytes("200 OK", &format!("Set-Cookie: {cookie}\r\n"), "");
        let (_, response) = backend.exchange(&server, &request, &response).await;
        assert_eq!(response.header("set-cookie"), Some(expected), "{cookie}");
    }
}

#[tokio::test]
async fn a_backend_on_a_socket_file_gets_the_browsers_host_and_its_redirects_stay() {
    let backend = AnyBackend::unix();
    let server = backend.proxied(&[]).await;
    for (location, expected) in [
        ("/a", "/a"),
        ("http://localhost:8000/a", "/a"),
        ("http://localhost/a", "/a"),
        ("//localhost/a", "/a"),
        ("http://localhost:3000/a", "http://localhost:3000/a"),
        ("https://localhost:8000/a", "https://localhost:8000/a"),
    ] {
        let headers =
            format!("Location: {location}\r\nSet-Cookie: a=b; Domain=localhost; Secure\r\n");
        let response = response_bytes("302 Found", &headers, "");
        let request = get_request("/x", "Origin: http://localhost:8000\r\n");
        let (received, response) = backend.exchange(&server, &request, &response).await;
        for line in ["host: localhost:8000", "origin: http://localhost:8000"] {
            assert!(received.lines().any(|found| found == line), "{received}");
        }
        assert_eq!(response.header("location"), Some(expected));
        assert_eq!(response.header("set-cookie"), Some("a=b; Secure"));
    }
}

#[tokio::test]
async fn an_app_on_a_socket_file_is_served_below_a_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join("app.sock")).expect("a socket file");
    let host = |headers: HeaderMap| async move { format!("{:?}", headers.get("host")) };
    let app = Router::new().route("/v1/host", get(host)).route(
        "/v1/echo",
        post(|request: Request| async { Body::new(request.into_body()) }),
    );
    tokio::spawn(axum::serve(listener, app).into_future());
    let rules = "[proxy]\n'/api' = 'unix:app.sock:/v1'\n";
    let site = Site::new([("pagewire.toml", rules)]);
    // Relative to the file, whatever the current folder is.
    std::fs::rename(folder.path().join("app.sock"), site.path().join("app.sock")).expect("a name");
    let server = TestServer::start(&site).await;
    assert_eq!(server.get("/api/host").await.text(), "Some(\"localhost\")");
    // A connection that was used before is used again.
    assert_eq!(server.get("/api/host").await.status, 200);
    let upload = "POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    assert_eq!(server.raw(upload.as_bytes()).await.text(), "hello");
    assert_eq!(server.get("/app.sock").await.status, 404);
}

#[tokio::test]
async fn a_missing_socket_file_is_reported_and_its_backend_may_start_later() {
    let backend = AnyBackend::unix();
    let server = backend.proxied(&[]).await;
    let file = PathBuf::from(backend.rule.strip_prefix("unix:").expect("a file"));
    let hidden = backend.folder.path().join("hidden");
    std::fs::rename(&file, &hidden).expect("a new name");
    let response = server.get("/").await;
    let text = response.text();
    assert_eq!(response.status, 502);
    for part in [&*backend.rule, "No such file", "start the server"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    std::fs::rename(&hidden, &file).expect("its old name");
    let response = response_bytes("200 OK", "", "back");
    let (_, response) = backend
        .exchange(&server, &get_request("/", ""), &response)
        .await;
    assert_eq!(response.text(), "back");
}

#[tokio::test]
async fn an_https_backend_may_be_an_ip_address_and_its_name_is_sent_to_it() {
    for (host, name) in [("localhost", Some("localhost")), ("127.0.0.1", None)] {
        let backend = AnyBackend::tls(host).await;
        let server = backend.proxied(&[]).await;
        let Listener::Tls(listener, acceptor) = &backend.listener else {
            panic!("a TLS listener");
        };
        let far = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            let stream = within("a handshake", acceptor.accept(stream)).await;
            let stream = stream.expect("a handshake");
            let (_, session) = stream.get_ref();
            // The protocol in which WebSockets begin.
            assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
            let sent = session.server_name().map(str::to_owned);
            let mut wire = Wire::of(stream);
            wire.read_until("\r\n\r\n").await;
            wire.write(response_bytes("200 OK", "", "secure")).await;
            wire.close().await;
            sent
        };
        let (sent, response) = tokio::join!(far, server.get("/"));
        assert_eq!(sent.as_deref(), name);
        assert_eq!(response.text(), "secure");
    }
}

#[tokio::test]
async fn a_backend_that_ends_tls_within_a_response_never_looks_complete() {
    let backend = AnyBackend::tls("localhost").await;
    let server = backend.proxied(&[]).await;
    for head in [
        "Content-Length: 9\r\n",
        "Transfer-Encoding: chunked\r\n",
        "",
    ] {
        let response =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{head}\r\n3\r\nabc\r\n");
        let far = async {
            let mut wire = backend.accept().await;
            wire.read_until("\r\n\r\n").await;
            wire.write(&response).await;
            wire.flush().await;
            // Without the alert that ends TLS.
            drop(wire);
        };
        let request = get_request("/", "");
        let ((), response) = tokio::join!(far, server.raw(request.as_bytes()));
        let text = response.text();
        let length = response.header("content-length").map(str::to_owned);
        let is_complete = match length {
            Some(length) => length == text.len().to_string(),
            None => text.ends_with("0\r\n\r\n"),
        };
        assert!(response.status == 0 || !is_complete, "{head:?}: {text:?}");
    }
}

/// Answers every connection with the same bytes after the first bytes of it, and counts none.
pub async fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut wire = Wire::of(stream);
            wire.read_some().await;
            wire.write(bytes).await;
            wire.close().await;
        }
    });
    address
}

#[tokio::test]
async fn a_backend_of_the_other_protocol_is_named_with_the_url_to_set() {
    let plain = answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    let closing = answering(b"").await;
    let tls = AnyBackend::tls("localhost").await;
    let Listener::Tls(listener, acceptor) = tls.listener else {
        panic!("a TLS listener");
    };
    let encrypted = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Sends the alert to a client that does not speak TLS.
            let _ = acceptor.accept(stream).await;
        }
    });
    for (rule, parts) in [
        (
            format!("https://{plain}"),
            ["it does not speak TLS", "write http://"],
        ),
        (
            format!("https://{closing}"),
            ["not completed", "write http://"],
        ),
        (
            format!("http://{encrypted}"),
            ["it answers with TLS", "write https://"],
        ),
        (
            format!("http://{closing}"),
            ["connection closed", "if it expects TLS, write https://"],
        ),
    ] {
        let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
        for request in [
            get_request("/", "").into_bytes(),
            upgrade_request("/", b"Host: localhost\r\n"),
        ] {
            let mut wire = Wire::connect(server.http()).await;
            wire.write(request).await;
            let head = wire.read_until("\r\n").await;
            assert!(head.starts_with("HTTP/1.1 502"), "{rule}: {head}");
            for part in [rule.as_str(), parts[0], parts[1]] {
                // The order in the text.
                wire.read_until(part).await;
            }
        }
    }
}
