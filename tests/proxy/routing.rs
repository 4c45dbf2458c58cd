//! Which requests the backend answers, and which it never sees.

use super::{get_request, proxying, proxying_everything, response_bytes, upgrade};
use crate::support::{Page, Session, Site, Wire};
use pagewire_client::proto;
use pagewire_client::proto::serve_content::Body;
use pagewire_client::proto::serve_result::Outcome;

#[tokio::test]
async fn the_backend_serves_paths_without_a_plugin_or_file() {
    let site = Site::new([("a.js", "file"), ("app/x.js", ""), ("docs/index.html", "")]);
    let rule = ["http://localhost:PORT"];
    let (backend, server) = proxying(&site, rule, &["--app-index", "docs/index.html"]).await;
    let request = proto::ServerStartRequest {
        plugin_name: "answers".into(),
        hooks: vec![proto::Hook::Serve.into()],
        ..Default::default()
    };
    let mut session = Session::open_as(&server, request).await.expect("a session");
    let filter = proto::RequestFilter {
        exact_paths: vec!["/virtual".into()],
        ..Default::default()
    };
    let open = proto::ServeOpen {
        filters: vec![filter],
        ..Default::default()
    };
    let mut hook = session.serve(open).await.expect("a hook");
    let plugin = async {
        let call = hook.call().await;
        let content = proto::ServeContent {
            body: Some(Body::InlineBody(b"plugin".to_vec().into())),
            ..Default::default()
        };
        hook.answer(call.call_id, Outcome::Content(content)).await;
    };
    let ((), response) = tokio::join!(plugin, server.get("/virtual"));
    assert_eq!(response.text(), "plugin");
    assert_eq!(server.get("/a.js").await.text(), "file");
    assert_eq!(server.get("/docs").await.status, 302);
    for (target, line) in [
        ("GET /x?a=%20b&c", "GET /x?a=%20b&c HTTP/1.1"),
        // Paths are forwarded as they were written.
        ("GET /a//b%2Fc/%61;d=e", "GET /a//b%2Fc/%61;d=e HTTP/1.1"),
        // A folder without an index is left to the backend.
        ("GET /app", "GET /app HTTP/1.1"),
        ("GET /", "GET / HTTP/1.1"),
        ("HEAD /x", "HEAD /x HTTP/1.1"),
        // Routes of an app are the backend's.
        ("GET /docs/route", "GET /docs/route HTTP/1.1"),
        // Files answer only GET and HEAD.
        ("DELETE /a.js", "DELETE /a.js HTTP/1.1"),
        ("PROPFIND /y", "PROPFIND /y HTTP/1.1"),
        // Dot segments are resolved first.
        ("GET /x/%2e%2e/y/../z", "GET /z HTTP/1.1"),
    ] {
        let request = format!(
            "{target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        );
        let (received, response) = backend
            .exchange(&server, request, response_bytes("200 OK", "", ""))
            .await;
        assert_eq!((received.line(), response.status), (line, 200), "{target}");
    }
}

#[tokio::test]
async fn below_its_prefix_the_backend_precedes_files_and_the_longest_prefix_wins() {
    let site = Site::new([("api/x", "file"), ("apple", "file"), ("api/v1/deep/x", "")]);
    let rules = [
        "/api=http://localhost:PORT",
        "/api/v1=http://localhost:PORT/v2/",
        "/top=http://127.0.0.1:PORT/",
    ];
    let (backend, server) = proxying(&site, rules, &[]).await;
    assert_eq!(server.get("/apple").await.text(), "file");
    assert_eq!(server.get("/other").await.status, 404);
    for (target, expected) in [
        ("/api", "/api"),
        ("/api/x?q", "/api/x?q"),
        ("/api/v1/deep/x", "/v2/deep/x"),
        ("/api/v1", "/v2"),
        ("/api/v10", "/api/v10"),
        ("/top", "/"),
        ("/top/a", "/a"),
        ("/%61pi/v1/a", "/v2/a"),
        ("//api//v1//a", "/v2/a"),
        ("/api%2Fv1%2fa", "/v2/a"),
        ("/api/v1/%2e%2e/v10", "/api/v10"),
        ("/api/v1/..%2f..%2ftop/b", "/b"),
    ] {
        let request = get_request(target, "");
        let (received, _) = backend
            .exchange(&server, request, response_bytes("200 OK", "", ""))
            .await;
        assert_eq!(
            received.line(),
            format!("GET {expected} HTTP/1.1"),
            "{target}"
        );
    }
}

#[tokio::test]
async fn reserved_paths_are_never_forwarded() {
    let rules = [
        "http://localhost:PORT",
        "/__pagewire__=http://localhost:PORT",
    ];
    let (backend, server) = proxying(&Site::new([]), rules, &[]).await;
    for path in [
        "/__pagewire__/nothing",
        "/__pagewire__",
        "/__pagewire__/code/x.js",
        "/%5f_pagewire__/socket",
        "//__pagewire__/socket",
        "/x/..%2f__pagewire__/socket",
        "/__pagewire__%2fsocket",
        "/%77ds",
        "/wds/",
        "//__web-dev-server__web-socket.js",
    ] {
        for request in [get_request(path, ""), upgrade(path, "")] {
            let mut wire = Wire::connect(server.http()).await;
            wire.write(request).await;
            let line = wire.read_until("\r\n").await;
            assert!(line.starts_with("HTTP/1.1 404"), "{path}: {line}");
        }
    }
    let post = "POST /__pagewire__/socket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(post.as_bytes()).await.status, 405);
    // Pages still reach the daemon, and the backend has received nothing: this is its first request.
    Page::open(server.http()).await;
    let (received, _) = backend
        .exchange(
            &server,
            get_request("/first", ""),
            response_bytes("200 OK", "", ""),
        )
        .await;
    assert_eq!(received.line(), "GET /first HTTP/1.1");
}

#[tokio::test]
async fn requests_cannot_be_smuggled() {
    let (backend, server) = proxying_everything(&[]).await;
    // Both framings: one must be ignored, and the backend must see only the other.
    let both = "POST /both HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let far = async {
        let mut wire = backend.accept().await;
        let head = wire.read_until("\r\n\r\n").await.to_lowercase();
        let body = wire.read_until("0\r\n\r\n").await;
        wire.write(response_bytes("200 OK", "", "once")).await;
        (head, body, wire.read_to_end().await)
    };
    let ((head, body, more), response) = tokio::join!(far, server.raw(both.as_bytes()));
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!((body.as_str(), more.as_str()), ("1\r\nx\r\n0\r\n\r\n", ""));
    assert!(response.text().contains("once"));
    for refused in [
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
        "GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /a\\b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(
            server.raw(refused.as_bytes()).await.status,
            400,
            "{refused:?}"
        );
    }
    let (received, _) = backend
        .exchange(
            &server,
            get_request("/first", ""),
            response_bytes("200 OK", "", ""),
        )
        .await;
    assert_eq!(received.line(), "GET /first HTTP/1.1");
}
