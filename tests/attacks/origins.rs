//! Foreign origins, foreign host names and hostile pages get neither content nor control.

use super::{
    CLIENT_PATHS, SECRET, SOCKET_PATHS, assert_same_origin_only, assert_still_serving, contains,
};
use crate::support::{HttpResponse, ServeHook, Session, Site, TestServer, upgrade_request};
use pagewire_client::proto::{self, serve_content, serve_result};
use pagewire_client::{Import, JsValue, Target};
use serde_json::json;

/// Returns how many socket events the log has counted.
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
        // Another development server of the same user is another origin.
        "http://localhost:1".into(),
        "http://localhost".into(),
        format!("https://192.0.2.1:{port}"),
        // An address literal other than the one in the request.
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
            let response = server.exchange(&upgrade_request(path, &headers)).await;
            assert_eq!(response.status, 403, "{path} from {shown:?}");
            // The error names no flag for "null", because allowing it would allow every sandboxed frame.
            assert_eq!(
                response.text().contains("--allow-origin"),
                shown != "null",
                "{shown:?}"
            );
        }
        let own = format!("Origin: http://localhost:{port}\r\n");
        let evil = "Origin: http://evil.example\r\n";
        for two in [[&own, evil], [evil, &own], [&own, &own]] {
            let headers = format!("Host: localhost:{port}\r\n{}{}", two[0], two[1]);
            let response = server
                .exchange(&upgrade_request(path, headers.as_bytes()))
                .await;
            assert_eq!(response.status, 403, "{path} with two: {two:?}");
        }
    }
    assert_eq!(
        events_so_far(&server).await,
        0,
        "no socket was opened, not even for a moment"
    );
    assert_still_serving(&server, "foreign origins").await;
}

#[tokio::test]
async fn an_upgrade_from_our_own_origin_works_under_each_of_its_names() {
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
        let response = server
            .exchange(&upgrade_request(SOCKET_PATHS[0], headers.as_bytes()))
            .await;
        assert_eq!(response.status, 101, "{host} from {origin}");
        opened += 1;
        assert!(events_so_far(&server).await >= opened, "it is listed");
    }
    // A program that is not a browser sends no origin.
    let headers = format!("Host: localhost:{port}\r\n");
    let response = server
        .exchange(&upgrade_request(SOCKET_PATHS[1], headers.as_bytes()))
        .await;
    assert_eq!(response.status, 101);
}

#[tokio::test]
async fn only_an_allowed_origin_may_connect() {
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
        let response = server
            .exchange(&upgrade_request(SOCKET_PATHS[0], headers.as_bytes()))
            .await;
        assert_eq!(response.status, status, "{origin}");
    }
}

#[tokio::test]
async fn a_foreign_host_name_is_refused_and_the_error_names_the_flag() {
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
            let response = server.raw(request.as_bytes()).await;
            assert_eq!(response.status, 403, "{host} {path}");
            assert!(response.text().contains("--allow-host "), "{host} {path}");
            assert!(!contains(&response, SECRET), "{host} {path}");
        }
        for path in SOCKET_PATHS {
            let headers = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
            let response = server
                .exchange(&upgrade_request(path, headers.as_bytes()))
                .await;
            assert_eq!(response.status, 403, "{host} {path}");
            assert!(response.text().contains("--allow-host "), "{host} {path}");
        }
    }
    assert_eq!(events_so_far(&server).await, 0, "no socket was opened");
}

#[tokio::test]
async fn an_allowed_host_name_is_served_and_its_pages_may_connect() {
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
        let response = server
            .exchange(&upgrade_request(SOCKET_PATHS[0], headers.as_bytes()))
            .await;
        assert_eq!(response.status, status, "{origin}");
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
            let response = server.raw(&request).await;
            assert_eq!(response.status, 400, "{path} with {shown:?}");
            assert!(!contains(&response, SECRET), "{path} with {shown:?}");
        }
        let response = server
            .exchange(&upgrade_request(SOCKET_PATHS[0], host))
            .await;
        assert_eq!(response.status, 400, "an upgrade with {shown:?}");
    }
    let old = server.raw(b"GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.status, 400, "HTTP/1.0 without a host");
    assert_still_serving(&server, "malformed hosts").await;
}

#[tokio::test]
async fn a_classic_script_on_another_site_gets_nothing() {
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
        // A link on another site to one of our pages.
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

#[tokio::test]
async fn documents_of_other_origins_embed_files_only_when_allowed_and_the_log_says_so() {
    let site = Site::new([("app.js", "1"), ("app.css", "")]);
    let embedded = |path: &'static str, dest: &str| {
        let headers = format!(
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: {dest}\r\n"
        );
        (path, headers)
    };
    let files = [embedded("/app.js", "script"), embedded("/app.css", "style")];
    let mut server = TestServer::start(&site).await;
    for (path, headers) in &files {
        let response = server.get_with(path, headers).await;
        assert_same_origin_only(&response, path);
    }
    for (path, _) in &files {
        let line = server.wait_for_log(path).await;
        assert!(line.contains("--allow-embedding"), "{line}");
    }
    let open = TestServer::start_with(&site, &["--allow-embedding"]).await;
    for (path, headers) in &files {
        let response = open.get_with(path, headers).await;
        let policy = response.header("cross-origin-resource-policy");
        assert_eq!((response.status, policy), (200, Some("cross-origin")));
    }
}

/// Opens a serve hook for this path.
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

#[tokio::test]
async fn every_kind_of_response_is_restricted_to_our_origin() {
    let site = Site::new([
        ("index.html", "<!doctype html>"),
        ("app.js", "1"),
        ("folder/index.html", ""),
        (".env", SECRET),
    ]);
    let server = TestServer::start(&site).await;
    let known = |response: HttpResponse| {
        let tag = response.header("etag").expect("a tag");
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
        let response = server.exchange(request.as_bytes()).await;
        assert_eq!(response.status, status, "{what}");
        assert_same_origin_only(&response, &what);
    }
    let foreign_host = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_same_origin_only(&server.exchange(foreign_host).await, "a foreign host");
    let head = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_same_origin_only(&server.raw(head).await, "HEAD");

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
    let (response, ()) = tokio::join!(server.get_with("/plugin.js", evil), answers);
    assert_eq!((response.status, response.text().as_str()), (200, "1"));
    assert_same_origin_only(&response, "a plugin's answer");
}

#[tokio::test]
async fn pages_cannot_act_as_the_daemon() {
    let server = TestServer::start(&Site::page()).await;
    let mut evil = server.page().await;
    let mut victim = server.page().await;
    // Messages of the daemon, sent by a page.
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
        evil.send_json(&message).await;
        let response = evil.receive_json().await;
        assert_eq!(response["type"], "pagewire:fault", "{kind}");
    }
    for kind in [
        "import",
        "message-response",
        "Send",
        "pagewire.v1.ControlService/Send",
    ] {
        let data = json!({"importPath": "/evil.js", "args": []});
        evil.send_json(&json!({"type": kind, "data": data, "id": 1, "path": "/etc/passwd"}))
            .await;
    }
    // A result for an import that was sent to another page.
    let client = server.client().await;
    let target = Target::socket(&victim.id);
    let import = client.import_value(&target, Import::path("/x.js"));
    let pages = async {
        // This is the first message that the victim receives: none of the above got through.
        let request = victim.receive_json().await;
        assert_eq!(request["type"], "import");
        assert_eq!(request["data"]["importPath"], "/x.js");
        let result = |value: &str| {
            let call_id = &request["data"]["callId"];
            json!({"type": "pagewire:result", "callId": call_id, "ok": true, "value": {"unserializable": value}})
        };
        evil.send_json(&result("forged")).await;
        // Messages are read in order: once this is answered, the forgery has been read.
        evil.send_json(&json!({"type": "pagewire:nonsense"})).await;
        assert_eq!(evil.receive_json().await["type"], "pagewire:fault");
        victim.send_json(&result("genuine")).await;
    };
    let (report, ()) = tokio::join!(import, pages);
    let rows = report.expect("an import").rows;
    assert_eq!(
        rows[0].outcome,
        Ok(JsValue::Unserializable("genuine".into()))
    );
}
