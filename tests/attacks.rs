//! Attacks that worked on dev servers, against the real binary with raw octets. None may work
//! here, and after each of them the daemon answers everybody else as before.

use crate::support::{Answer, Page, ServeHook, Session, Site, TestServer, command, raw_request};
use crate::support::{fails_with, tls, within};
use pagewire_client::proto::{self, serve_content, serve_result};
use pagewire_client::{
    DeliveryStatus, Import, JsValue, SocketFilter, SubscribeOptions, Target, What,
};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_types::StatusExt;

const SOCKET_PATHS: [&str; 2] = ["/__pagewire__/socket", "/wds"];
const CLIENT_PATHS: [&str; 2] = [
    "/__pagewire__/client.js",
    "/__web-dev-server__web-socket.js",
];

/// The content of every file that must not get out.
const SECRET: &str = "what-nobody-may-read";

const MIB: usize = 1024 * 1024;

fn contains(answer: &Answer, text: &str) -> bool {
    answer
        .body
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// A page and a request are served as if nothing had happened.
async fn lives(server: &TestServer, after: &str) {
    assert_eq!(server.get("/").await.status, 200, "after {after}");
    let mut page = server.page().await;
    let target = Target::socket(&page.id);
    let client = server.client().await;
    let sent = client.send(&target, json!({"type": "still-here"})).await;
    assert_eq!(sent.expect("a send").reached, 1, "after {after}");
    assert_eq!(page.hear().await["type"], "still-here", "after {after}");
}

// ---------------------------------------------------------------- cross-origin and rebinding

/// Sends a request and reads one response, whether or not the connection goes on.
async fn exchange(server: &TestServer, request: &[u8]) -> Answer {
    let mut stream = within("a connection", TcpStream::connect(server.http()))
        .await
        .expect("a listener");
    within("the request to go", stream.write_all(request))
        .await
        .expect("an open connection");
    read_response(&mut stream).await
}

async fn read_response(stream: &mut TcpStream) -> Answer {
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let read = within("a response", stream.read_buf(&mut received)).await;
        assert!(read.expect("a response") > 0, "closed without a response");
    };
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut answer = Answer {
        status: status.expect("a status"),
        headers,
        body: received.split_off(end + 4),
    };
    if answer.status == 304 {
        return answer;
    }
    let length = answer.header("content-length").unwrap_or("0").parse();
    let length = length.expect("a length");
    while answer.body.len() < length {
        let read = within("the body", stream.read_buf(&mut answer.body)).await;
        assert!(read.expect("the body") > 0, "closed within the body");
    }
    answer
}

/// An upgrade request with these header lines.
fn upgrade(path: &str, headers: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    .into_bytes();
    request.extend_from_slice(headers);
    request.extend_from_slice(b"\r\n");
    request
}

/// How many sockets have ever been opened or closed, as the event log counts.
async fn events_so_far(server: &TestServer) -> u64 {
    let list = server.client().await.list_sockets(None).await;
    list.expect("a list").position.sequence
}

#[tokio::test]
async fn an_upgrade_from_another_origin_is_refused_and_never_listed() {
    let server = TestServer::start(&Site::page()).await;
    let port = server.http().port();
    let foreign: Vec<Vec<u8>> = [
        "http://evil.example".to_owned(),
        "https://evil.example".into(),
        format!("http://evil.example:{port}"),
        format!("http://localhost.evil.example:{port}"),
        format!("http://localhost:{port}.evil.example"),
        format!("http://localhost:{port}@evil.example"),
        format!("http://localhost:{port}/"),
        format!("http://localhost:{port} http://evil.example"),
        // Another dev server of the same user is another origin.
        "http://localhost:1".into(),
        "http://localhost".into(),
        format!("https://192.0.2.1:{port}"),
        // An address literal that is not the one we were reached by.
        format!("http://192.0.2.1:{port}"),
        "http://10.0.0.1".into(),
        format!("http://[2001:db8::1]:{port}"),
        // Sandboxed frames and local files.
        "null".into(),
        "file://".into(),
        "chrome-extension://abcdefgh".into(),
        String::new(),
        "http://".into(),
        "://".into(),
        "http://[::1".into(),
        format!("http://localhost:{port}x"),
        "x".repeat(10_000),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([b"http://\xff\xfe".to_vec()])
    .collect();
    for path in SOCKET_PATHS {
        for origin in &foreign {
            let shown = String::from_utf8_lossy(origin);
            let mut headers = format!("Host: localhost:{port}\r\nOrigin: ").into_bytes();
            headers.extend_from_slice(origin);
            headers.extend_from_slice(b"\r\n");
            let answer = exchange(&server, &upgrade(path, &headers)).await;
            assert_eq!(answer.status, 403, "{path} from {shown:?}");
            // Whoever allowed "null" would allow every sandboxed frame: no flag is named.
            assert_eq!(
                answer.text().contains("--allow-origin"),
                shown != "null",
                "{shown:?}"
            );
        }
        let own = format!("Origin: http://localhost:{port}\r\n");
        let evil = "Origin: http://evil.example\r\n";
        for two in [[&own, evil], [evil, &own], [&own, &own]] {
            let headers = format!("Host: localhost:{port}\r\n{}{}", two[0], two[1]);
            let answer = exchange(&server, &upgrade(path, headers.as_bytes())).await;
            assert_eq!(answer.status, 403, "{path} with two: {two:?}");
        }
    }
    assert_eq!(
        events_so_far(&server).await,
        0,
        "no socket was opened, not even for a moment"
    );
    lives(&server, "foreign origins").await;
}

#[tokio::test]
async fn an_upgrade_from_our_own_origin_works_by_every_name_of_ours() {
    let server = TestServer::start(&Site::page()).await;
    let port = server.http().port();
    let mut opened = 0;
    for (host, origin) in [
        ("localhost", "http://localhost"),
        ("localhost", "http://127.0.0.1"),
        ("127.0.0.1", "http://[::1]"),
        ("192.0.2.7", "http://192.0.2.7"),
        ("[2001:db8::1]", "http://[2001:db8::1]"),
    ] {
        let headers = format!("Host: {host}:{port}\r\nOrigin: {origin}:{port}\r\n");
        let answer = exchange(&server, &upgrade(SOCKET_PATHS[0], headers.as_bytes())).await;
        assert_eq!(answer.status, 101, "{host} from {origin}");
        opened += 1;
        assert!(events_so_far(&server).await >= opened, "it was listed");
    }
    // A program that is no browser has no origin.
    let headers = format!("Host: localhost:{port}\r\n");
    let answer = exchange(&server, &upgrade(SOCKET_PATHS[1], headers.as_bytes())).await;
    assert_eq!(answer.status, 101);
}

#[tokio::test]
async fn an_origin_that_was_allowed_may_connect_and_no_other() {
    let arguments = ["--allow-origin", "http://friend.example"];
    let server = TestServer::start_with(&Site::page(), &arguments).await;
    for (origin, status) in [
        ("http://friend.example", 101),
        ("https://friend.example", 403),
        ("http://friend.example:81", 403),
        ("http://friend.example.evil.example", 403),
        ("http://evil.example", 403),
    ] {
        let headers = format!("Host: localhost\r\nOrigin: {origin}\r\n");
        let answer = exchange(&server, &upgrade(SOCKET_PATHS[0], headers.as_bytes())).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_and_the_text_names_the_flag() {
    let server = TestServer::start(&Site::new([("index.html", SECRET), ("app.js", SECRET)])).await;
    let port = server.http().port();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        "evil-localhost".into(),
        "2130706433".into(),
        "0x7f000001".into(),
        "EVIL.example.".into(),
    ] {
        for path in ["/", "/app.js", "/missing", CLIENT_PATHS[0]] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = server.raw(request.as_bytes()).await;
            assert_eq!(answer.status, 403, "{host} {path}");
            assert!(answer.text().contains("--allow-host "), "{host} {path}");
            assert!(!contains(&answer, SECRET), "{host} {path}");
        }
        for path in SOCKET_PATHS {
            let headers = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
            let answer = exchange(&server, &upgrade(path, headers.as_bytes())).await;
            assert_eq!(answer.status, 403, "{host} {path}");
            assert!(answer.text().contains("--allow-host "), "{host} {path}");
        }
    }
    assert_eq!(events_so_far(&server).await, 0, "no socket was opened");
}

#[tokio::test]
async fn a_name_that_was_allowed_is_served_and_its_pages_may_connect() {
    let arguments = ["--allow-host", "Dev.Test", "--allow-host", ".below.example"];
    let server = TestServer::start_with(&Site::page(), &arguments).await;
    let port = server.http().port();
    for (host, status) in [
        ("dev.test", 200),
        ("DEV.test", 200),
        ("a.below.example", 200),
        ("a.b.below.example", 200),
        ("below.example", 403),
        ("notbelow.example", 403),
        ("sub.dev.test", 403),
        ("dev.test.evil.example", 403),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        assert_eq!(
            server.raw(request.as_bytes()).await.status,
            status,
            "{host}"
        );
    }
    for (origin, status) in [
        (format!("http://dev.test:{port}"), 101),
        ("http://evil.example".to_owned(), 403),
        (format!("http://a.below.example:{port}"), 403),
    ] {
        let headers = format!("Host: dev.test:{port}\r\nOrigin: {origin}\r\n");
        let answer = exchange(&server, &upgrade(SOCKET_PATHS[0], headers.as_bytes())).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn a_malformed_host_is_a_bad_request_and_never_a_panic() {
    let server = TestServer::start(&Site::new([("index.html", SECRET)])).await;
    let hosts: [&[u8]; 16] = [
        b"",
        b"Host: localhost\r\nHost: localhost\r\n",
        b"Host: localhost\r\nHost: evil.example\r\n",
        b"Host:\r\n",
        b"Host: :80\r\n",
        b"Host: a b\r\n",
        b"Host: [::1\r\n",
        b"Host: [::1]x\r\n",
        b"Host: [zz]\r\n",
        b"Host: localhost:x\r\n",
        b"Host: localhost:99999\r\n",
        b"Host: localhost:-1\r\n",
        b"Host: user@localhost\r\n",
        b"Host: localhost, evil.example\r\n",
        b"Host: localhost/evil\r\n",
        b"Host: \xff\xfe\r\n",
    ];
    for host in hosts {
        let shown = String::from_utf8_lossy(host);
        for path in ["/", CLIENT_PATHS[0]] {
            let mut request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
            request.extend_from_slice(host);
            request.extend_from_slice(b"\r\n");
            let answer = server.raw(&request).await;
            assert_eq!(answer.status, 400, "{path} with {shown:?}");
            assert!(!contains(&answer, SECRET), "{path} with {shown:?}");
        }
        let answer = exchange(&server, &upgrade(SOCKET_PATHS[0], host)).await;
        assert_eq!(answer.status, 400, "an upgrade with {shown:?}");
    }
    let old = server.raw(b"GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.status, 400, "HTTP/1.0 without a host");
    lives(&server, "malformed hosts").await;
}

#[tokio::test]
async fn a_classic_script_of_another_site_gets_nothing() {
    let server = TestServer::start(&Site::new([("index.html", "hi"), ("app.js", SECRET)])).await;
    let fetch = |site: &str, mode: &str, dest: &str| {
        format!("Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\n")
    };
    for path in ["/app.js", CLIENT_PATHS[0], CLIENT_PATHS[1], "/missing.js"] {
        let stolen = server
            .get_with(path, &fetch("cross-site", "no-cors", "script"))
            .await;
        assert_eq!(stolen.status, 403, "{path}");
        assert!(!contains(&stolen, SECRET), "{path}");
    }
    for (path, headers) in [
        ("/app.js", fetch("same-origin", "no-cors", "script")),
        ("/app.js", fetch("same-origin", "cors", "script")),
        ("/app.js", fetch("none", "navigate", "document")),
        // A link on another site to a page of ours.
        ("/", fetch("cross-site", "navigate", "document")),
        ("/app.js", String::new()),
    ] {
        assert_eq!(
            server.get_with(path, &headers).await.status,
            200,
            "{path} {headers}"
        );
    }
}

/// A hook that answers this path.
async fn serve_hook(server: &TestServer, path: &str) -> (Session, ServeHook) {
    let request = proto::ServerStartRequest {
        plugin_name: "plugin".into(),
        hooks: vec![proto::Hook::Serve.into()],
        ..Default::default()
    };
    let mut session = Session::open_as(server, request).await.expect("a session");
    let filter = proto::RequestFilter {
        exact_paths: vec![path.into()],
        ..Default::default()
    };
    let open = proto::ServeOpen {
        filters: vec![filter],
        ..Default::default()
    };
    let hook = session.serve(open).await.expect("a hook");
    (session, hook)
}

#[track_caller]
fn is_ours_alone(answer: &Answer, what: &str) {
    let policy = answer.header("cross-origin-resource-policy");
    assert_eq!(policy, Some("same-origin"), "{what}: {:?}", answer.headers);
    let shares = |(name, _): &(String, String)| name.starts_with("access-control-");
    let shared = answer.headers.iter().any(shares);
    assert!(!shared, "{what}: {:?}", answer.headers);
}

#[tokio::test]
async fn every_kind_of_response_is_for_our_own_origin_alone() {
    let site = Site::new([
        ("index.html", "<!doctype html>"),
        ("app.js", "1"),
        ("folder/index.html", ""),
        (".env", SECRET),
    ]);
    let server = TestServer::start(&site).await;
    let known = |answer: Answer| {
        let tag = answer.header("etag").expect("a tag");
        format!("If-None-Match: {tag}\r\n")
    };
    let file_known = known(server.get("/app.js").await);
    let client_known = known(server.get(CLIENT_PATHS[0]).await);
    let evil = "Origin: http://evil.example\r\n";
    let script =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n";
    let preflight = "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n";
    let websocket = "Origin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let [client, ancestors] = CLIENT_PATHS;
    let [socket, alias] = SOCKET_PATHS;
    for (method, target, headers, status) in [
        ("GET", "/", "", 200),
        ("GET", "/app.js", evil, 200),
        ("GET", "/app.js", file_known.as_str(), 304),
        ("GET", "/app.js", script, 403),
        ("GET", "/missing", evil, 404),
        ("GET", "/missing", "Accept: text/html\r\n", 404),
        ("GET", "/folder", evil, 302),
        ("GET", "/.env", evil, 403),
        ("GET", "/../x", evil, 400),
        ("POST", "/app.js", evil, 405),
        ("OPTIONS", "/app.js", preflight, 405),
        ("GET", client, evil, 200),
        ("GET", ancestors, evil, 200),
        ("GET", client, client_known.as_str(), 304),
        ("POST", client, evil, 405),
        ("OPTIONS", client, preflight, 405),
        ("GET", socket, evil, 426),
        ("GET", socket, websocket, 403),
        ("GET", alias, websocket, 403),
        ("OPTIONS", alias, preflight, 405),
        ("GET", "http://localhost/", evil, 400),
    ] {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let what = format!("{method} {target} with {headers:?}");
        let answer = exchange(&server, request.as_bytes()).await;
        assert_eq!(answer.status, status, "{what}");
        is_ours_alone(&answer, &what);
    }
    let foreign_host = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    is_ours_alone(&exchange(&server, foreign_host).await, "a foreign host");
    let head = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    is_ours_alone(&server.raw(head).await, "HEAD");

    let (_session, mut hook) = serve_hook(&server, "/plugin.js").await;
    let answers = async {
        let call = hook.call().await;
        let content = proto::ServeContent {
            body: Some(serve_content::Body::InlineBody("1".into())),
            headers: vec![proto::Header {
                name: "Cross-Origin-Resource-Policy".into(),
                value: "cross-origin".into(),
            }],
            ..Default::default()
        };
        let outcome = serve_result::Outcome::Content(content);
        hook.answer(call.call_id, outcome).await;
    };
    let (answer, ()) = tokio::join!(server.get_with("/plugin.js", evil), answers);
    assert_eq!((answer.status, answer.text().as_str()), (200, "1"));
    is_ours_alone(&answer, "a plugin's answer");
}

#[tokio::test]
async fn a_request_target_that_is_no_path_is_a_bad_request() {
    let server = TestServer::start(&Site::new([("index.html", SECRET)])).await;
    for line in [
        "GET http://localhost/ HTTP/1.1",
        "GET http://evil.example/ HTTP/1.1",
        "GET https://localhost/index.html HTTP/1.1",
        "GET ftp://localhost/ HTTP/1.1",
        "GET file:///index.html HTTP/1.1",
        "GET localhost/index.html HTTP/1.1",
        "GET index.html HTTP/1.1",
        "GET ../index.html HTTP/1.1",
        "GET \\index.html HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT evil.example:80 HTTP/1.1",
        "GET ws://localhost/__pagewire__/socket HTTP/1.1",
    ] {
        let request = format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert_eq!(answer.status, 400, "{line}");
        assert!(!contains(&answer, SECRET), "{line}");
    }
    lives(&server, "targets that are no path").await;
}

#[tokio::test]
async fn pages_cannot_borrow_the_daemons_power() {
    let server = TestServer::start(&Site::page()).await;
    let mut evil = server.page().await;
    let mut victim = server.page().await;
    // What the daemon would say, said by a page.
    for kind in [
        "pagewire:command",
        "pagewire:log",
        "pagewire:import",
        "pagewire:reload",
    ] {
        let message = json!({
            "type": kind, "command": "reload", "level": "log", "text": "x",
            "target": {"all": {}}, "socket_id": victim.id,
        });
        evil.say(&message).await;
        let answer = evil.hear().await;
        assert_eq!(answer["type"], "pagewire:fault", "{kind}");
    }
    for kind in [
        "import",
        "message-response",
        "Send",
        "pagewire.v1.ControlService/Send",
    ] {
        let data = json!({"importPath": "/evil.js", "args": []});
        evil.say(&json!({"type": kind, "data": data, "id": 1, "path": "/etc/passwd"}))
            .await;
    }
    // A result for an import that was another page's to answer.
    let client = server.client().await;
    let target = Target::socket(&victim.id);
    let import = client.import_value(&target, Import::path("/x.js"));
    let pages = async {
        // The first thing that the victim hears: nothing of the above came through.
        let asked = victim.hear().await;
        assert_eq!(asked["type"], "import");
        assert_eq!(asked["data"]["importPath"], "/x.js");
        let result = |value: &str| {
            let call_id = &asked["data"]["callId"];
            json!({"type": "pagewire:result", "callId": call_id, "ok": true, "value": {"unserializable": value}})
        };
        evil.say(&result("forged")).await;
        // Heard in order: behind the answer to this, the forgery has been read.
        evil.say(&json!({"type": "pagewire:nonsense"})).await;
        assert_eq!(evil.hear().await["type"], "pagewire:fault");
        victim.say(&result("genuine")).await;
    };
    let (report, ()) = tokio::join!(import, pages);
    let rows = report.expect("an import").rows;
    assert_eq!(
        rows[0].outcome,
        Ok(JsValue::Unserializable("genuine".into()))
    );
}

// ---------------------------------------------------------------------------- the control port

#[tokio::test]
async fn a_page_that_speaks_http_1_to_the_control_port_gets_nothing_useful() {
    let server = TestServer::start(&Site::page()).await;
    let control = server.control().parse().expect("an address");
    let token = &server.token;
    for (line, headers, body) in [
        ("GET / HTTP/1.1", String::new(), ""),
        (
            "OPTIONS / HTTP/1.1",
            "Origin: http://evil.example\r\n".into(),
            "",
        ),
        (
            "POST /pagewire.v1.ControlService/GetServerInfo HTTP/1.1",
            "Content-Type: application/grpc\r\nContent-Length: 5\r\n".into(),
            "\0\0\0\0\0",
        ),
        // gRPC-web, even with the token.
        (
            "POST /pagewire.v1.ControlService/GetServerInfo HTTP/1.1",
            format!(
                "Authorization: Bearer {token}\r\nContent-Type: application/grpc-web\r\nContent-Length: 5\r\n"
            ),
            "\0\0\0\0\0",
        ),
        (
            "GET / HTTP/1.1",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                .into(),
            "",
        ),
        (
            "GET /__pagewire__/socket HTTP/1.1",
            "Connection: Upgrade\r\nUpgrade: websocket\r\n".into(),
            "",
        ),
    ] {
        let request = format!("{line}\r\nHost: localhost\r\n{headers}\r\n{body}");
        let answer = raw_request(control, request.as_bytes()).await;
        assert_eq!(answer.status, 505, "{line} {headers} is not answered");
        assert!(
            answer.body.len() < 256,
            "{line} {headers}: {:?}",
            answer.text()
        );
        assert!(!contains(&answer, "pagewire"), "{line} {headers}");
    }
    server
        .client()
        .await
        .info()
        .await
        .expect("programs are answered as before");
}

#[tokio::test]
async fn without_the_token_no_service_answers_and_nothing_is_done() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let url = format!("http://{}", server.control());
    let endpoint = Channel::from_shared(url).expect("a URL");
    let channel = within("a connection", endpoint.connect())
        .await
        .expect("a listener");
    let almost = format!("Bearer {}x", &server.token[..server.token.len() - 1]);
    for (given, reason) in [
        (None, "TOKEN_MISSING"),
        (Some(String::new()), "TOKEN_INVALID"),
        (Some("Bearer ".into()), "TOKEN_INVALID"),
        (Some("Bearer wrong".into()), "TOKEN_INVALID"),
        (Some(server.token.clone()), "TOKEN_INVALID"),
        (Some(format!("Basic {}", server.token)), "TOKEN_INVALID"),
        (
            Some(format!("Bearer {}{}", server.token, server.token)),
            "TOKEN_INVALID",
        ),
        (
            Some(format!("Bearer {}", &server.token[1..])),
            "TOKEN_INVALID",
        ),
        (Some(almost), "TOKEN_INVALID"),
    ] {
        fn with<T>(given: Option<&String>, message: T) -> Request<T> {
            let mut request = Request::new(message);
            if let Some(given) = given {
                let value = given.parse().expect("a header");
                request.metadata_mut().insert("authorization", value);
            }
            request
        }
        let given = given.as_ref();
        let refused = |status, what: &str| {
            let status: Result<(), tonic::Status> = status;
            let status = fails_with(status, Code::Unauthenticated, reason);
            let names_remedy = status.message().contains("token_file");
            assert!(names_remedy, "{what} with {given:?}: {}", status.message());
        };
        let health = HealthClient::new(channel.clone())
            .check(with(given, HealthCheckRequest::default()))
            .await;
        refused(health.map(|_| ()), "health");
        let nothing = tokio_stream::empty::<ServerReflectionRequest>();
        let reflection = ServerReflectionClient::new(channel.clone())
            .server_reflection_info(with(given, nothing))
            .await;
        refused(reflection.map(|_| ()), "reflection");
        let mut control = proto::control_service_client::ControlServiceClient::new(channel.clone());
        let info = control
            .get_server_info(with(given, proto::GetServerInfoRequest {}))
            .await;
        refused(info.map(|_| ()), "info");
        let start = control
            .server_start(with(given, proto::ServerStartRequest::default()))
            .await;
        refused(start.map(|_| ()), "a session");
        let everyone = proto::Target {
            selector: Some(proto::target::Selector::All(proto::AllSockets {})),
            exclude_socket_ids: Vec::new(),
        };
        let send = proto::SendRequest {
            target: Some(everyone),
            payload: Some(proto::send_request::Payload::Json(
                "{\"type\":\"evil\"}".into(),
            )),
            delivery: None,
        };
        refused(control.send(with(given, send)).await.map(|_| ()), "a send");
    }
    let client = server.client().await;
    client
        .send(&Target::all(), json!({"type": "first"}))
        .await
        .expect("a send");
    assert_eq!(page.hear().await["type"], "first", "nothing came before it");
}

// --------------------------------------------------------------------------------------- files

/// A site in `www`, with secrets beside it: a file, and a folder whose name begins like the site's.
fn site_with_neighbours() -> Site {
    let site = Site::new([
        ("www/index.html", "<!doctype html><title>t</title>"),
        ("www/app.js", "1"),
        ("www/a/b/c.js", "1"),
        ("www-secret/x", SECRET),
        ("www-secret/index.html", SECRET),
        ("secret", SECRET),
        ("secret.js", SECRET),
        ("index.html", SECRET),
    ]);
    site.write("etc/passwd", SECRET);
    site
}

async fn serve_www(site: &Site, arguments: &[&str]) -> TestServer {
    let mut command = command();
    command
        .arg("serve")
        .arg(site.path().join("www"))
        .args(["--port", "0", "--control", "127.0.0.1:0"])
        .args(arguments);
    TestServer::spawn(command).await
}

/// What a machine's password file begins with.
const PASSWD: &str = "root:";

async fn get_refused(server: &TestServer, target: &str) -> Answer {
    for accept in ["", "Accept: text/html\r\n"] {
        let answer = server.get_with(target, accept).await;
        assert!(
            (400..500).contains(&answer.status),
            "{target}: {}",
            answer.status
        );
        assert!(!contains(&answer, SECRET), "{target}");
        assert!(!contains(&answer, PASSWD), "{target}");
    }
    server.get(target).await
}

#[tokio::test]
async fn no_path_leads_out_of_the_root() {
    let site = site_with_neighbours();
    let server = serve_www(&site, &[]).await;
    let ups = "/..".repeat(40);
    let absolute = site.path().join("secret").display().to_string();
    for target in [
        "/../secret",
        "/../index.html",
        "/..",
        "/../",
        "/%2e%2e/secret",
        "/%2E%2E/secret",
        "/.%2e/secret",
        "/%2e./secret",
        "/..%2fsecret",
        "/..%2Fsecret",
        "/%2e%2e%2fsecret",
        "/a/../../secret",
        "/a/b/../../../secret",
        "/a/%2e%2e/%2e%2e/secret",
        "/a/..%5c..%5csecret",
        "/..%5csecret",
        "/..\\secret",
        "/a\\..\\..\\secret",
        "/index.html/../../secret",
        "/missing/../../secret",
        "/./../secret",
        "//../secret",
        "/a//../../secret",
        "/.../secret",
        "/....//secret",
        "/..;/secret",
        "/..%00/secret",
        "/..%0a/secret",
        "/..%20/secret",
        "/%20../secret",
        // Decoded once, not twice; and no other spelling of a dot or a slash counts.
        "/%252e%252e/secret",
        "/%252e%252e%252fsecret",
        "/%25%32%65%25%32%65/secret",
        "/%c0%ae%c0%ae/secret",
        "/%e0%80%ae%e0%80%ae/secret",
        "/..%c0%afsecret",
        "/%ef%bc%8e%ef%bc%8e/secret",
        "/..%ef%bc%8fsecret",
        "/%u002e%u002e/secret",
        // The prefix without its separator.
        "/../www-secret/x",
        "/..%2fwww-secret/x",
        "/%2e%2e/www-secret/",
        "/a/../../www-secret/x",
        "/-secret/x",
        "-secret/x",
        // With what other servers strip or rewrite.
        "/../secret?raw",
        "/../secret?import&raw",
        "/..%2fsecret?x=/index.html",
        "/%3f/../../secret",
        "/@fs/etc/passwd",
        "/@fs/../secret",
        "/~/secret",
        "/node_modules/../../secret",
        "/__pagewire__/../../secret",
        "/__pagewire__/..%2f..%2fsecret",
        "/__pagewire__/client.js/../../../secret",
        // Absolute.
        "//etc/passwd",
        "///etc/passwd",
        "/%2fetc/passwd",
        "/%2Fetc%2Fpasswd",
        "/.//etc/passwd",
        "/a/b//etc/passwd",
        "/file:///etc/passwd",
        "/file:%2f%2f%2fetc%2fpasswd",
        "/proc/self/environ",
        "//proc/self/environ",
        &format!("/{absolute}"),
        &format!("/{}", absolute.replace('/', "%2f")),
        &format!("{ups}/etc/passwd"),
        &format!("{ups}{absolute}"),
        &format!("{}/etc/passwd", ups.replace("..", "%2e%2e")),
    ] {
        get_refused(&server, target).await;
    }
    assert_eq!(server.get("/%2561pp.js").await.status, 404, "decoded twice");
    // What stays inside is served, so the table above says something.
    for target in [
        "/a/../app.js",
        "/a/b/../../app.js",
        "//app.js",
        "/./app.js",
        "/%61pp.js",
    ] {
        assert_eq!(server.get(target).await.status, 200, "{target}");
    }
    lives(&server, "traversals").await;
}

#[tokio::test]
async fn a_fragment_in_a_request_target_is_a_bad_request() {
    let site = site_with_neighbours();
    let server = serve_www(&site, &[]).await;
    for target in [
        "/app.js#/../../secret",
        "/#/../../secret",
        "/app.js#",
        "/#",
        "/a/#/../../secret",
        "/../secret#/index.html",
        "/..#/secret",
        "/app.js?x#y",
        "/missing#/../app.js",
    ] {
        assert_eq!(get_refused(&server, target).await.status, 400, "{target}");
    }
    // Encoded it is a character of a name, and elsewhere it is none of a target.
    get_refused(&server, "/%23/../../secret").await;
    for (target, headers) in [("/app.js?%23", ""), ("/app.js", "X: #\r\nReferer: /#\r\n")] {
        assert_eq!(
            server.get_with(target, headers).await.status,
            200,
            "{target}"
        );
    }
    // Empty lines before a request are skipped (RFC 9112, section 2.2).
    let late = b"\r\n\r\nGET /app.js# HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(late).await.status, 400, "behind empty lines");
    // One refusal does not stick to the connection.
    let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
    for (target, status) in [
        ("/app.js", 200),
        ("/app.js#", 400),
        ("/app.js", 200),
        ("/#", 400),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX: #\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("an open connection");
        assert_eq!(read_response(&mut stream).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn the_ancestors_paths_outside_of_the_root_are_not_found() {
    let site = site_with_neighbours();
    let server = serve_www(&site, &[]).await;
    for target in [
        "/__wds-outside-root__/1/secret",
        "/__wds-outside-root__/1/secret.js",
        "/__wds-outside-root__/1/www-secret/x",
        "/__wds-outside-root__/9/etc/passwd",
        "/__wds-outside-root__/99/etc/passwd",
        "/__wds-outside-root__/-1/secret",
        "/__wds-outside-root__/1e1/etc/passwd",
        "/__wds-outside-root__/0x2/etc/passwd",
        "/__wds-outside-root__/Infinity/etc/passwd",
        "/__wds-outside-root__/%31/secret",
        "/__wds-outside-root__//etc/passwd",
        "/__wds-outside-root__/1/",
        "/__wds-outside-root__/",
    ] {
        assert_eq!(get_refused(&server, target).await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn a_link_that_leads_out_of_the_root_is_refused_unless_its_folder_is_allowed() {
    let site = site_with_neighbours();
    let www = site.path().join("www");
    let link = |to: &Path, name: &str| symlink(to, www.join(name)).expect("a link");
    link(&site.path().join("secret"), "file");
    link(Path::new("../secret"), "relative");
    link(&site.path().join("www-secret"), "folder");
    link(Path::new("file"), "chain");
    link(Path::new("/"), "everything");
    link(Path::new("/etc"), "etc");
    link(Path::new("loop"), "loop");
    link(Path::new("nowhere"), "dangling");
    link(&www.join("app.js"), "inside");
    site.write("www-secret/.env", SECRET);
    let secret = site.path().join("secret").display().to_string();

    let server = serve_www(&site, &[]).await;
    for target in [
        "/file",
        "/relative",
        "/chain",
        "/folder/x",
        "/folder/",
        "/folder",
        "/etc/passwd",
    ] {
        let answer = get_refused(&server, target).await;
        assert_eq!(answer.status, 403, "{target}");
        assert!(answer.text().contains("--allow-dir"), "{target}");
    }
    for target in [
        format!("/everything{secret}"),
        "/everything/etc/passwd".into(),
        "/everything/".into(),
        "/folder/missing".into(),
        "/folder/../file".into(),
        "/loop".into(),
        "/dangling".into(),
    ] {
        get_refused(&server, &target).await;
    }
    assert_eq!(
        server.get("/inside").await.text(),
        "1",
        "a link within the root"
    );

    let allowed = site.path().join("www-secret").display().to_string();
    let server = serve_www(&site, &["--allow-dir", &allowed]).await;
    assert_eq!(server.get("/folder/x").await.text(), SECRET);
    for target in [
        "/file",
        "/relative",
        "/chain",
        "/folder/../file",
        "/../www-secret/x",
        "/folder/.env",
    ] {
        get_refused(&server, target).await;
    }
}

#[tokio::test]
async fn names_on_the_deny_list_are_never_served() {
    let site = Site::new([
        ("www/index.html", "hi"),
        ("www/.env", SECRET),
        ("www/.ENV", SECRET),
        ("www/.env.local", SECRET),
        ("www/.git/config", SECRET),
        ("www/.GIT/HEAD", SECRET),
        ("www/sub/.git/index.html", SECRET),
        ("www/server.pem", SECRET),
        ("www/Server.KEY", SECRET),
        ("www/.npmrc", SECRET),
        ("www/.ssh/id_rsa", SECRET),
        ("www/.hidden.txt", "seen"),
        ("www/.well-known/x.txt", "seen"),
        ("www/environment.js", "seen"),
    ]);
    let www = site.path().join("www");
    symlink(www.join(".env"), www.join("public.txt")).expect("a link");
    symlink(www.join(".git"), www.join("public")).expect("a link");
    let server = serve_www(&site, &[]).await;
    for target in [
        "/.env",
        "/.ENV",
        "/.Env",
        "/%2eenv",
        "/.%65nv",
        "/.env/",
        "/.env/.",
        "/./.env",
        "//.env",
        "/sub/../.env",
        "/.env?raw",
        "/.env?import&raw",
        "/.env?.txt",
        "/.env?/index.html",
        "/.env.local",
        "/.ENV.LOCAL",
        "/.git",
        "/.git/",
        "/.git/config",
        "/.GIT/HEAD",
        "/.Git/config",
        "/.git//config",
        "/.git/./config",
        "/sub/.git/",
        "/sub/.git/index.html",
        "/server.pem",
        "/server.PEM",
        "/server.pem?x",
        "/server.pem/.",
        "/Server.KEY",
        "/.npmrc",
        "/.ssh/id_rsa",
        // By a link: the real path counts.
        "/public.txt",
        "/public/config",
    ] {
        let answer = get_refused(&server, target).await;
        assert_eq!(answer.status, 403, "{target}");
        assert!(answer.text().contains("--allow-file"), "{target}");
    }
    for target in [
        "/.env%00.txt",
        "/.env#.txt",
        "/.env%20",
        "/.env%2f..%2f.env%5c",
        "/.env::$DATA",
    ] {
        get_refused(&server, target).await;
    }
    for target in ["/.hidden.txt", "/.well-known/x.txt", "/environment.js"] {
        assert_eq!(server.get(target).await.text(), "seen", "{target}");
    }

    let server = serve_www(
        &site,
        &["--allow-file", ".Env", "--allow-file", "server.pem"],
    )
    .await;
    for target in ["/.env", "/.ENV", "/server.pem", "/public.txt"] {
        assert_eq!(server.get(target).await.text(), SECRET, "{target}");
    }
    for target in [
        "/.env.local",
        "/.git/config",
        "/Server.KEY",
        "/public/config",
    ] {
        assert_eq!(get_refused(&server, target).await.status, 403, "{target}");
    }
}

#[tokio::test]
async fn the_control_token_is_not_served_even_from_a_root_that_holds_it() {
    // A script of the page port's origin could read it, and would then be a program.
    let site = site_with_neighbours();
    let mut command = command();
    let runtime = site.path().join("www");
    command
        .arg("serve")
        .arg(&runtime)
        .args(["--port", "0", "--control", "127.0.0.1:0"])
        .env("XDG_RUNTIME_DIR", &runtime);
    let server = TestServer::spawn(command).await;
    let file = server.ready["token_file"].as_str().expect("a token file");
    let target = file.strip_prefix(runtime.to_str().expect("UTF-8"));
    let target = target.expect("the token is below the root");
    symlink(file, runtime.join("linked.txt")).expect("a link");
    for target in [target, "/linked.txt", "/a/../linked.txt"] {
        let answer = get_refused(&server, target).await;
        assert!(!contains(&answer, &server.token), "{target}");
    }
    assert_eq!(server.get("/app.js").await.status, 200);
}

#[tokio::test]
async fn nul_and_broken_percent_sequences_are_bad_requests() {
    let server = TestServer::start(&Site::new([("index.html", "hi"), ("app.js", SECRET)])).await;
    let targets: [&[u8]; 16] = [
        b"/a\0.js",
        b"/app.js\0.html",
        b"/%00",
        b"/app.js%00",
        b"/app.js%00.html",
        b"/%",
        b"/app.js%",
        b"/%a",
        b"/%zz",
        b"/%+1",
        b"/%u0061pp.js",
        b"/%ff",
        b"/%c3%28",
        b"/%0d%0aSet-Cookie:%20x",
        b"/%7f",
        b"/app.js%1b",
    ];
    for target in targets {
        let request = [
            b"GET ",
            target,
            b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ];
        let answer = server.raw(&request.concat()).await;
        let shown = String::from_utf8_lossy(target);
        assert_eq!(answer.status, 400, "{shown:?}");
        assert!(!contains(&answer, SECRET), "{shown:?}");
        assert_eq!(answer.header("set-cookie"), None, "{shown:?}");
    }
    lives(&server, "broken targets").await;
}

#[tokio::test]
async fn a_hostile_name_is_escaped_in_every_error_page() {
    let server = TestServer::start(&Site::page()).await;
    let raw = server.get_with("/<script>alert(1)</script>", "Accept: text/html\r\n");
    assert!(!contains(&raw.await, "<script"), "what was not encoded");
    for (target, status) in [
        ("/%3Cscript%3Ealert(1)%3C/script%3E", 404),
        ("/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E", 404),
        ("/%27onload=alert(1)%3Cx%3E", 404),
        ("/%3C/title%3E%3Csvg/onload=alert(1)%3E", 404),
        ("/%26lt;script%26gt;%3Cx%3E", 404),
        ("/%3Cimg%20src=x%3E.pem", 403),
        ("/missing?%3Cscript%3Ealert(1)%3C/script%3E", 404),
    ] {
        let answer = server.get_with(target, "Accept: text/html,*/*\r\n").await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let page = answer.text();
        // The page's own script asks again; nothing else in it is live.
        assert_eq!(page.matches("<script").count(), 1, "{target}: {page}");
        for live in ["<script>alert", "<img", "<svg", "<x>", "\"><img", "'onload"] {
            assert!(!page.contains(live), "{target}: {page}");
        }
        let named = target
            .split('?')
            .next()
            .is_some_and(|path| path.contains("%3C"));
        assert_eq!(page.contains("&lt;"), named, "{target}: {page}");
        // For programs it is plain text, which no browser takes for HTML.
        let plain = server.get(target).await;
        assert_eq!(
            plain.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }
}

#[tokio::test]
async fn a_redirect_never_leaves_the_origin() {
    let site = Site::new([
        ("index.html", ""),
        ("evil.example/dir/index.html", ""),
        ("dir/index.html", ""),
        ("@evil.example/index.html", ""),
        ("http:/evil.example/index.html", ""),
    ]);
    let server = TestServer::start(&site).await;
    for (target, location) in [
        ("/dir", "/dir/"),
        ("//evil.example/dir", "/evil.example/dir/"),
        ("///evil.example/dir", "/evil.example/dir/"),
        ("/%2fevil.example/dir", "/evil.example/dir/"),
        ("/%2f%2fevil.example/dir", "/evil.example/dir/"),
        ("/.//evil.example/dir", "/evil.example/dir/"),
        ("/dir/..//evil.example/dir", "/evil.example/dir/"),
        ("//evil.example", "/evil.example/"),
        ("//evil.example/..//dir", "/dir/"),
        ("/@evil.example", "/@evil.example/"),
        ("/http:/evil.example", "/http:/evil.example/"),
        ("/dir?//evil.example", "/dir/?//evil.example"),
    ] {
        let answer = server.get(target).await;
        let found = (answer.status, answer.header("location"));
        assert_eq!(found, (302, Some(location)), "{target}");
    }
    for target in [
        "/\\evil.example/dir",
        "/%5cevil.example/dir",
        "/%5c%5cevil.example/dir",
        "/dir%0d%0aLocation:%20//evil.example",
    ] {
        let answer = server.get(target).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (400, None),
            "{target}"
        );
    }
}

#[tokio::test]
async fn no_request_changes_a_file() {
    let site = Site::new([("index.html", "hi"), ("app.js", "mine")]);
    let server = TestServer::start(&site).await;
    for method in [
        "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "BREW",
    ] {
        for target in ["/app.js", "/new.js", "/", CLIENT_PATHS[0], SOCKET_PATHS[0]] {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: localhost\r\nCookie: c=do-not-echo\r\n\
                 Content-Length: 5\r\nConnection: close\r\n\r\nevil!"
            );
            let answer = server.raw(request.as_bytes()).await;
            assert_eq!(answer.status, 405, "{method} {target}");
            let allow = answer.header("allow").unwrap_or_default().replace(' ', "");
            assert_eq!(allow, "GET,HEAD", "{method} {target}");
            assert!(!contains(&answer, "do-not-echo"), "{method} {target}");
        }
    }
    for target in ["evil.example:80", "/app.js", "localhost"] {
        let request =
            format!("CONNECT {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let status = server.raw(request.as_bytes()).await.status;
        assert!((400..500).contains(&status), "CONNECT {target}: {status}");
    }
    for headers in [
        "X-HTTP-Method-Override: DELETE\r\n",
        "X-Method-Override: PUT\r\n",
    ] {
        assert_eq!(
            server
                .get_with("/app.js?_method=DELETE", headers)
                .await
                .text(),
            "mine"
        );
    }
    let mut left: Vec<_> = std::fs::read_dir(site.path())
        .expect("the site")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["app.js", "index.html"]);
    assert_eq!(
        std::fs::read_to_string(site.path().join("app.js")).expect("it"),
        "mine"
    );
    lives(&server, "other methods").await;
}

// ---------------------------------------------------------------------------------- exhaustion

#[tokio::test]
async fn a_head_without_measure_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let headers = |count: usize| "X-Header: y\r\n".repeat(count);
    let long = |length: usize| "a".repeat(length);
    for (what, request) in [
        (
            "10,000 headers",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
                headers(10_000)
            ),
        ),
        (
            "a request line of 1 MiB",
            format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", long(MIB)),
        ),
        (
            "a query of 1 MiB",
            format!("GET /?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", long(MIB)),
        ),
        (
            "a header of 1 MiB",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
                long(MIB)
            ),
        ),
        (
            "a header name of 1 MiB",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{}: x\r\n\r\n",
                long(MIB)
            ),
        ),
        (
            "a host of 1 MiB",
            format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", long(MIB)),
        ),
        (
            "a method of 1 MiB",
            format!("{} / HTTP/1.1\r\nHost: localhost\r\n\r\n", long(MIB)),
        ),
        ("empty lines without end", "\r\n".repeat(MIB)),
        ("no HTTP at all", "\0".repeat(MIB)),
    ] {
        let status = server.raw(request.as_bytes()).await.status;
        // 0: it was closed without an answer.
        assert!(
            status == 0 || (400..500).contains(&status),
            "{what}: {status}"
        );
        lives(&server, what).await;
    }
    let fine = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
        headers(90)
    );
    assert_eq!(
        server.raw(fine.as_bytes()).await.status,
        200,
        "many headers, within measure"
    );
}

#[tokio::test]
async fn connections_that_never_finish_their_request_keep_nobody_out() {
    let server = TestServer::start(&Site::page()).await;
    let mut slow = Vec::new();
    for begun in [
        "",
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-",
    ] {
        for _ in 0..100 {
            let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
            stream
                .write_all(begun.as_bytes())
                .await
                .expect("an open connection");
            slow.push(stream);
        }
    }
    // A body that was announced and never comes, too.
    let body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx";
    let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
    stream.write_all(body).await.expect("an open connection");
    assert_eq!(read_response(&mut stream).await.status, 405);
    lives(&server, "slow requests").await;
}

#[tokio::test]
async fn a_path_that_is_too_long_and_a_head_that_is_too_large_are_told_apart() {
    let server = TestServer::start(&Site::page()).await;
    let ask = async |target: usize, header: usize| {
        let path = "a".repeat(target - 1);
        let headers = format!("X: {}\r\n", "a".repeat(header));
        server.get_with(&format!("/{path}"), &headers).await.status
    };
    // A name of 16 KiB is too long for the file system, and still a path.
    assert_eq!(ask(16 * 1024, 0).await, 404);
    assert_eq!(ask(16 * 1024 + 1, 0).await, 414);
    assert_eq!(ask(1, 60 * 1024).await, 200);
    assert_eq!(ask(1, 65 * 1024).await, 431);
    // Requests that arrive together are answered in order, each by these rules.
    let get = |target: &str, more: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
    };
    let long = format!("/{}", "a".repeat(16 * 1024));
    let requests = [
        get("/", ""),
        get(&long, ""),
        get("/missing", "Connection: close\r\n"),
    ];
    let answers = server.raw(requests.concat().as_bytes()).await;
    let text = String::from_utf8_lossy(&answers.body);
    let later: Vec<_> = text
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &text[at + 9..at + 12])
        .collect();
    assert_eq!((answers.status, later), (200, vec!["414", "404"]));
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed_in_time() {
    let plain = TestServer::start(&Site::page()).await;
    let secure = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut waiting = Vec::new();
    for server in [&plain, &secure] {
        // The beginnings of nothing, of a request, of a TLS handshake.
        for begun in ["", "GET / HTTP/1.1\r\nHost:", "\u{16}"] {
            let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
            let sent = stream.write_all(begun.as_bytes()).await;
            sent.expect("an open connection");
            waiting.push(Box::new(stream) as Box<dyn AsyncRead + Unpin>);
        }
    }
    let trusted = secure.ready["authority_file"].as_str().expect("a file");
    for protocol in ["h2", "http/1.1"] {
        let connected = tls(secure.http(), "localhost", trusted.as_ref(), &[protocol]).await;
        let mut stream = connected.expect("a handshake");
        if protocol == "h2" {
            let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
            stream.write_all(preface).await.expect("an open connection");
        }
        waiting.push(Box::new(stream));
    }
    let ends = waiting.iter_mut().map(|stream| async move {
        // HTTP/2 has said its settings; an end without a goodbye is an end too.
        let mut ignored = Vec::new();
        let _ = stream.read_to_end(&mut ignored).await;
    });
    within(
        "the end of every connection",
        futures_util::future::join_all(ends),
    )
    .await;
    lives(&plain, "connections that ask nothing").await;
}

#[tokio::test]
async fn a_connection_past_the_limit_is_told_so_and_room_comes_back() {
    const MAX_CONNECTIONS: usize = 4096;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = 2 * MAX_CONNECTIONS as u64;
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        eprintln!("skipped: a process may not open {wanted} files here (ulimit -Hn)");
        return;
    }
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("a higher limit");
    let server = TestServer::start(&Site::page()).await;
    let mut open = Vec::new();
    for number in 0..MAX_CONNECTIONS {
        // The daemon has accepted all before: none waits in the operating system's queue.
        if number % 256 == 0 {
            assert_eq!(server.get("/").await.status, 200);
        }
        let connected = within("a connection", TcpStream::connect(server.http())).await;
        open.push(connected.expect("a listener"));
    }
    let answer = server.get("/").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    assert!(
        answer.text().contains("4096 connections"),
        "{}",
        answer.text()
    );
    is_ours_alone(&answer, "no room");
    // More than are told so are closed; nobody waits.
    let crowd = (0..200).map(|_| server.get("/"));
    for answer in within("answers or ends", futures_util::future::join_all(crowd)).await {
        assert!(matches!(answer.status, 503 | 0), "{}", answer.status);
    }
    drop(open);
    let again = async { while server.get("/").await.status != 200 {} };
    within("room", again).await;
    lives(&server, "too many connections").await;
}

#[tokio::test]
async fn a_thousand_idle_sockets_are_listed_and_slow_nobody() {
    let server = TestServer::start(&Site::page()).await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(Page::connect(server.http(), SOCKET_PATHS[0]).await);
    }
    let client = server.client().await;
    assert_eq!(client.sockets().await.expect("a list").len(), idle.len());
    lives(&server, "idle sockets").await;
}

/// A web socket whose frames are written octet by octet.
struct RawSocket(TcpStream);

impl RawSocket {
    async fn open(server: &TestServer) -> Self {
        let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
        let request = upgrade(SOCKET_PATHS[0], b"Host: localhost\r\n");
        stream
            .write_all(&request)
            .await
            .expect("an open connection");
        assert_eq!(read_response(&mut stream).await.status, 101);
        Self(stream)
    }

    /// Writes; the daemon may have hung up before everything is written.
    async fn write(&mut self, octets: &[u8]) {
        let _ = within("the attack to go", self.0.write_all(octets)).await;
    }

    /// The code of the close frame that ends it; 0 when it is closed without one.
    async fn close_code(&mut self) -> u16 {
        loop {
            let mut head = [0; 2];
            if within("a frame", self.0.read_exact(&mut head))
                .await
                .is_err()
            {
                return 0;
            }
            let length = match head[1] {
                126 => usize::from(self.0.read_u16().await.expect("a length")),
                127 => {
                    usize::try_from(self.0.read_u64().await.expect("a length")).expect("64 bits")
                }
                short => short.into(),
            };
            let mut payload = vec![0; length];
            within("a payload", self.0.read_exact(&mut payload))
                .await
                .expect("a whole frame");
            if head[0] & 0x0f == 8 {
                return payload
                    .get(..2)
                    .map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
            }
        }
    }
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const FIN: u8 = 0x80;

/// A masked frame (with the mask 0) that claims this length.
fn frame_head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..=125 => head.push(0x80 | u8::try_from(length).expect("it is small")),
        126..=0xffff => {
            head.push(0x80 | 0x7e);
            head.extend_from_slice(&u16::try_from(length).expect("it fits").to_be_bytes());
        }
        _ => {
            head.push(0x80 | 0x7f);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head.extend_from_slice(&[0; 4]);
    head
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_head(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn a_page_that_breaks_the_web_socket_protocol_is_told_so_and_dropped() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().sockets())
        .await
        .expect("events");
    let endless = |first: u8, piece: &[u8], pieces: usize| {
        let mut frames = frame(first, piece);
        for _ in 1..pieces {
            frames.extend(frame(0, piece));
        }
        frames
    };
    let large = vec![b'a'; MIB + 1];
    let unmasked = b"\x81\x02{}".to_vec();
    for (what, octets, code) in [
        ("a text of 1 MiB and one", frame(FIN | TEXT, &large), 1009),
        (
            "a binary of 1 MiB and one",
            frame(FIN | BINARY, &large),
            1009,
        ),
        (
            "a frame of 8 MiB",
            frame(FIN | TEXT, &vec![b'a'; 8 * MIB]),
            1009,
        ),
        (
            "a frame that claims 1 GiB",
            frame_head(FIN | TEXT, 1 << 30),
            1009,
        ),
        (
            "a frame that claims everything",
            frame_head(FIN | BINARY, u64::MAX),
            1009,
        ),
        (
            "a message in pieces without end",
            endless(TEXT, &large[..65_536], 64),
            1009,
        ),
        (
            "a message in small pieces",
            endless(BINARY, &large[..1000], 2000),
            1009,
        ),
        (
            "a text that is not UTF-8",
            frame(FIN | TEXT, b"{\"type\":\"\xff\"}"),
            1007,
        ),
        (
            "a text that ends within a character",
            frame(FIN | TEXT, b"\xe2\x82"),
            1007,
        ),
        (
            "a text whose second piece is not UTF-8",
            [frame(TEXT, b"{"), frame(FIN, b"\xff")].concat(),
            1007,
        ),
        ("an unmasked frame", unmasked, 1002),
        ("reserved bits", frame(FIN | 0x70 | TEXT, b"{}"), 1002),
        ("an unknown kind of frame", frame(FIN | 3, b"{}"), 1002),
        ("a ping of 126 bytes", frame(FIN | 9, &large[..126]), 1002),
        ("a ping in pieces", frame(9, b"x"), 1002),
        ("an end without a beginning", frame(FIN, b"x"), 1002),
        (
            "two beginnings",
            [frame(TEXT, b"{"), frame(TEXT, b"{")].concat(),
            1002,
        ),
    ] {
        let mut socket = RawSocket::open(&server).await;
        socket.write(&octets).await;
        assert_eq!(socket.close_code().await, code, "{what}");
        drop(socket);
        let closed = loop {
            let event = within("the close event", events.next())
                .await
                .expect("a stream");
            if let What::SocketClosed(closed) = event.expect("an event").what {
                break closed;
            }
        };
        let found = (closed.close_code, closed.cause());
        assert_eq!(
            found,
            (code.into(), proto::socket_closed::Cause::ProtocolError),
            "{what}"
        );
        assert_eq!(client.sockets().await.expect("a list").len(), 0, "{what}");
        lives(&server, what).await;
        // The socket of `lives` opened and closes too.
        while !matches!(
            within("an event", events.next())
                .await
                .expect("a stream")
                .expect("an event")
                .what,
            What::SocketClosed(_)
        ) {}
    }
}

#[tokio::test]
async fn a_page_learns_that_its_message_was_too_large_while_it_still_sends() {
    // A browser that finds the connection reset while it writes shows its page 1006, no reason.
    let server = TestServer::start(&Site::page()).await;
    let socket = RawSocket::open(&server).await;
    let (mut reader, mut writer) = tokio::io::split(socket.0);
    let message = frame(FIN | TEXT, &vec![b'a'; 16 * MIB]);
    let (written, ()) = tokio::join!(
        within("the message to go", writer.write_all(&message)),
        async {
            let mut head = [0; 4];
            within("a frame", reader.read_exact(&mut head))
                .await
                .expect("a close frame");
            assert_eq!((head[0], &head[2..]), (0x88, &1009_u16.to_be_bytes()[..]));
        }
    );
    written.expect("the daemon takes what is on its way, without keeping it");
    lives(&server, "a page that still sends").await;
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_is_delivered() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().messages())
        .await
        .expect("events");
    let around = r#"{"type":"large","text":""}"#.len();
    let text = json!({"type": "large", "text": "a".repeat(MIB - around)}).to_string();
    assert_eq!(text.len(), MIB);
    page.send(Message::text(text.clone())).await;
    let event = within("the message", events.next())
        .await
        .expect("a stream")
        .expect("an event");
    let What::Message(message) = event.what else {
        panic!("{event:?}")
    };
    let same = message.json::<Value>().expect("JSON")
        == serde_json::from_str::<Value>(&text).expect("JSON");
    assert!(same && message.text().is_some_and(|received| received.len() == MIB));
}

#[tokio::test]
async fn json_without_bottom_is_delivered_or_refused_and_kills_nobody() {
    const DEPTH: usize = 400_000;
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().messages())
        .await
        .expect("events");
    let arrays = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEPTH / 4), "}".repeat(DEPTH / 4));
    // As a value it is nobody's business but the reader's: delivered as it came.
    for nested in [&arrays, &objects] {
        let text = format!("{{\"type\":\"deep\",\"a\":{nested}}}");
        page.send(Message::text(text.clone())).await;
        let event = within("the message", events.next())
            .await
            .expect("a stream")
            .expect("an event");
        let What::Message(message) = event.what else {
            panic!("{event:?}")
        };
        assert!(
            message.text() == Some(text.as_str()),
            "it came as it was sent"
        );
    }
    // In our own fields it is refused.
    for text in [
        format!("{{\"type\":{arrays}}}"),
        arrays.clone(),
        "[".repeat(2 * DEPTH),
        "{\"type\":".repeat(DEPTH / 4),
        format!("{{\"type\":\"pagewire:hello\",\"features\":{arrays}}}"),
        format!("{{\"type\":\"pagewire:state\",\"url\":{objects}}}"),
        format!("{{\"type\":\"pagewire:result\",\"callId\":{arrays}}}"),
        format!("{{\"type\":\"pagewire:result\",\"callId\":\"x\",\"value\":{objects}}}"),
    ] {
        page.send(Message::text(text.clone())).await;
        // A field that is not looked at may be anything.
        if text.contains("\"value\"") {
            continue;
        }
        let answer = page.hear().await;
        assert_eq!(answer["type"], "pagewire:fault", "{}", &text[..60]);
    }
    // Downwards as well.
    let text = format!("{{\"type\":\"deep\",\"a\":{arrays}}}");
    let report = client
        .send_json(&Target::socket(&page.id), text.clone())
        .await;
    assert_eq!(report.expect("a send").reached, 1);
    assert!(page.hear_text().await == text);
    lives(&server, "deep JSON").await;
}

#[tokio::test]
async fn a_page_that_never_reads_is_reported_and_holds_up_nobody() {
    let server = TestServer::start(&Site::page()).await;
    let deaf = server.page().await;
    let mut reader = server.page().await;
    let client = server.client().await;
    let padding = "a".repeat(256 * 1024);
    let mut dropped = 0;
    // What the operating system buffers for the deaf page comes on top of its outbox.
    for number in 0..400 {
        let message = json!({"type": "flood", "number": number, "padding": padding});
        let report = within("a send", client.send(&Target::all(), &message))
            .await
            .expect("a report");
        assert_eq!(report.selected(), 2, "{report:?}");
        let heard = reader.hear().await;
        assert_eq!(
            heard["number"], number,
            "the page that reads gets everything, in order"
        );
        if let [row] = &report.unreached[..] {
            assert_eq!(row.socket_id, deaf.id);
            assert_eq!(row.status, DeliveryStatus::DroppedSlow);
            dropped += 1;
        } else {
            assert_eq!(report.reached, 2, "{report:?}");
        }
        if dropped == 10 {
            break;
        }
    }
    assert_eq!(dropped, 10, "the deaf page's outbox is bounded");
    lives(&server, "a page that never reads").await;

    // When it reads again it gets what was queued, in order, and is reached again.
    let mut page = deaf;
    let mut last = None;
    loop {
        let report = client
            .send(&Target::socket(&page.id), json!({"type": "again"}))
            .await;
        let reached = report.expect("a report").reached == 1;
        let heard = page.hear().await;
        if heard["type"] == "again" {
            break;
        }
        let number = heard["number"].as_u64();
        assert!(number > last, "{number:?} comes after {last:?}");
        last = number;
        assert!(reached || last.is_some());
    }
}

#[tokio::test]
async fn a_program_that_sends_too_much_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let page = server.page().await;
    let client = server.client().await;
    let target = Target::socket(&page.id);
    let over = client.send_text(&target, "a".repeat(16 * MIB + 1)).await;
    let error = over.expect_err("it should have been refused");
    assert_eq!(
        (error.code(), error.reason()),
        (Some(Code::InvalidArgument), Some("FIELD_INVALID"))
    );
    let far_over = client.send_binary(&target, vec![0; 64 * MIB]).await;
    assert!(far_over.is_err(), "{far_over:?}");
    lives(&server, "programs that send too much").await;
}

#[tokio::test]
async fn an_expression_that_is_no_regex_or_too_large_is_an_invalid_argument() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    for regex in [
        "(",
        "[",
        "a{2,1}",
        "*",
        "\\",
        "(?=x)",
        "(?<=x)y",
        r"(a)\1",
        "(a{1000}){1000}",
        "[a-z]{60000}",
        r"\w{5000}",
        "((((((a{20}){20}){20}){20}){20}){20}){20}",
    ] {
        let shown = &regex[..regex.len().min(40)];
        let filter = SocketFilter::url(regex);
        let is_refused = |outcome: Result<(), pagewire_client::Error>, what: &str| {
            let error = outcome.expect_err(shown);
            let found = (error.code(), error.reason());
            assert_eq!(
                found,
                (Some(Code::InvalidArgument), Some("FIELD_INVALID")),
                "{what}: {shown}"
            );
        };
        let listed = client.list_sockets(Some(filter.clone())).await;
        is_refused(listed.map(|_| ()), "a list");
        let sent = client
            .send(&Target::filter(filter.clone()), json!({"type": "x"}))
            .await;
        is_refused(sent.map(|_| ()), "a send");
        let options = SubscribeOptions::new().from_sockets(filter);
        is_refused(
            client.subscribe(options).await.map(|_| ()),
            "a subscription",
        );
    }
    lives(&server, "expressions").await;
}

#[tokio::test]
async fn a_long_value_that_is_refused_spares_the_callers_connection() {
    // An error travels in headers: one that repeats a long value does not fit, and would end the
    // connection with everything on it.
    let server = TestServer::start(&Site::page()).await;
    let mut session = Session::open(&server, "bystander").await;
    let _ready = session.event().await;
    let mut raw = session.client.clone();
    let everyone = || {
        Some(proto::Target {
            selector: Some(proto::target::Selector::All(proto::AllSockets {})),
            exclude_socket_ids: Vec::new(),
        })
    };
    for length in [5_000, 20_000, 1_000_000] {
        let long = "(".repeat(length);
        let filter = SocketFilter::url(long.clone());
        let list = proto::ListSocketsRequest {
            filter: Some(filter),
            ..Default::default()
        };
        let token = proto::ListSocketsRequest {
            page_token: long.clone(),
            ..Default::default()
        };
        let import = proto::SendImportRequest {
            target: everyone(),
            module: Some(proto::send_import_request::Module::ImportPath(long.clone())),
            ..Default::default()
        };
        let swap = proto::SwapStylesheets {
            paths: vec![long.clone()],
        };
        let command = proto::SendCommandRequest {
            target: everyone(),
            command: Some(proto::send_command_request::Command::SwapStylesheets(swap)),
            delivery: None,
        };
        let start = proto::ServerStartRequest {
            plugin_name: long.clone(),
            ..Default::default()
        };
        let feature = proto::ServerStartRequest {
            required_features: vec![long.clone()],
            ..Default::default()
        };
        let reply = proto::SendRequest {
            target: Some(proto::Target {
                selector: Some(proto::target::Selector::ReplyTo(long.clone())),
                exclude_socket_ids: Vec::new(),
            }),
            payload: Some(proto::send_request::Payload::Json("1".into())),
            delivery: None,
        };
        for (what, refused, reason) in [
            (
                "a regex",
                raw.list_sockets(list).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a token",
                raw.list_sockets(token).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a path",
                raw.send_import(import).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a stylesheet",
                raw.send_command(command).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a name",
                raw.server_start(start).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a feature",
                raw.server_start(feature).await.err(),
                "FEATURE_UNSUPPORTED",
            ),
            (
                "a request id",
                raw.send(reply).await.err(),
                "REQUEST_NOT_FOUND",
            ),
        ] {
            let status = refused.expect("it should have been refused");
            let found = status.get_details_error_info().map(|info| info.reason);
            assert_eq!(
                found.as_deref(),
                Some(reason),
                "{what} of {length}: {status:?}"
            );
        }
    }
    // The session is on the same connection.
    server.signal(rustix::process::Signal::TERM);
    let next = session.event().await;
    let stopping = matches!(next, Some(proto::server_start_response::Event::Stopping(_)));
    assert!(stopping, "{next:?}");
}

#[tokio::test]
async fn a_backtracking_expression_is_matched_in_linear_time() {
    let server = TestServer::start(&Site::page()).await;
    // 2^100,000 steps for a matcher that backtracks.
    let url = format!("http://localhost/{}!", "a".repeat(100_000));
    let _page = Page::open_as(server.http(), &json!({"url": url})).await;
    let client = server.client().await;
    for (regex, matches) in [
        ("(a+)+$", false),
        ("^(a|aa)+$", false),
        ("(x+x+)+y", false),
        ("(a+)+!$", true),
    ] {
        let listed = within(
            "a match",
            client.list_sockets(Some(SocketFilter::url(regex))),
        )
        .await;
        assert_eq!(
            listed.expect("a list").sockets.len(),
            usize::from(matches),
            "{regex}"
        );
    }
    lives(&server, "expressions that backtrack").await;
}
