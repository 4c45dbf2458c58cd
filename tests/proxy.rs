//! The daemon in front of other servers: what crosses it, what does not, and what is said when they
//! are away. The backends here say exactly what the tests tell them.

use crate::support::{Backend, Http2, Page, Session, Site, TestServer, Wire, tls};
use async_compression::tokio::bufread::GzipEncoder;
use pagewire_client::proto;
use pagewire_client::proto::serve_content::Body;
use pagewire_client::proto::serve_result::Outcome;
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

const SCRIPT: &str = "src=\"/__pagewire__/client.js\"";
const PAGE: &str = "<!doctype html><head></head><body>from the backend</body>";

async fn gzip(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut encoder = GzipEncoder::new(text.as_bytes());
    encoder.read_to_end(&mut octets).await.expect("gzip");
    octets
}

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost:8000\r\n{headers}Connection: close\r\n\r\n")
}

/// A response that ends its connection.
fn says(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A daemon with these rules, where PORT is the backend's.
async fn proxying<const N: usize>(
    site: &Site,
    rules: [&str; N],
    arguments: &[&str],
) -> (Backend, TestServer) {
    let backend = Backend::start().await;
    let port = backend.address.port().to_string();
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| rule.replace("PORT", &port))
        .collect();
    let mut all = arguments.to_vec();
    for rule in &rules {
        all.extend(["--proxy", rule]);
    }
    let server = TestServer::start_with(site, &all).await;
    (backend, server)
}

async fn everything(arguments: &[&str]) -> (Backend, TestServer) {
    proxying(&Site::new([]), ["http://localhost:PORT"], arguments).await
}

/// An upgrade to a protocol that nobody knows: any is as good as web sockets.
fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n{headers}\r\n"
    )
}

#[tokio::test]
async fn a_backend_answers_what_neither_plugins_nor_files_do() {
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
    let ((), answer) = tokio::join!(plugin, server.get("/virtual"));
    assert_eq!(answer.text(), "plugin");
    assert_eq!(server.get("/a.js").await.text(), "file");
    assert_eq!(server.get("/docs").await.status, 302);
    for (target, line) in [
        ("GET /x?a=%20b&c", "GET /x?a=%20b&c HTTP/1.1"),
        // Paths are passed on as they were written.
        ("GET /a//b%2Fc/%61;d=e", "GET /a//b%2Fc/%61;d=e HTTP/1.1"),
        // A folder without a page of its own is nobody's answer.
        ("GET /app", "GET /app HTTP/1.1"),
        ("GET /", "GET / HTTP/1.1"),
        ("HEAD /x", "HEAD /x HTTP/1.1"),
        // The routes of an app are the backend's.
        ("GET /docs/route", "GET /docs/route HTTP/1.1"),
        // Files answer only GET and HEAD.
        ("DELETE /a.js", "DELETE /a.js HTTP/1.1"),
        ("PROPFIND /y", "PROPFIND /y HTTP/1.1"),
        // Dot segments are resolved before.
        ("GET /x/%2e%2e/y/../z", "GET /z HTTP/1.1"),
    ] {
        let request = format!(
            "{target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        );
        let (asked, answer) = backend
            .exchange(&server, request, says("200 OK", "", ""))
            .await;
        assert_eq!((asked.line(), answer.status), (line, 200), "{target}");
    }
}

#[tokio::test]
async fn below_a_prefix_the_backend_comes_before_files_and_the_longest_prefix_counts() {
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
        let request = get(target, "");
        let (asked, _) = backend
            .exchange(&server, request, says("200 OK", "", ""))
            .await;
        assert_eq!(asked.line(), format!("GET {expected} HTTP/1.1"), "{target}");
    }
}

#[tokio::test]
async fn our_own_paths_are_never_passed_on() {
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
        for request in [get(path, ""), upgrade(path, "")] {
            let mut wire = Wire::connect(server.http()).await;
            wire.say(request).await;
            let line = wire.hear("\r\n").await;
            assert!(line.starts_with("HTTP/1.1 404"), "{path}: {line}");
        }
    }
    let post = "POST /__pagewire__/socket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(post.as_bytes()).await.status, 405);
    // Pages still reach us, and the backend was never asked: the first that it hears is this.
    Page::open(server.http()).await;
    let (asked, _) = backend
        .exchange(&server, get("/first", ""), says("200 OK", "", ""))
        .await;
    assert_eq!(asked.line(), "GET /first HTTP/1.1");
}

#[tokio::test]
async fn the_backend_is_told_who_asked_and_headers_of_one_connection_stay_there() {
    let (backend, server) = everything(&[]).await;
    let request = "GET /x HTTP/1.1\r\nHost: localhost:8000\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
        Proxy-Authorization: Basic x\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Kept: a\r\nX-Kept: b\r\n\
        X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n\
        Origin: http://localhost:8000\r\nReferer: http://localhost:8000/y\r\nCookie: a=b\r\nCookie: c=d\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
        Proxy-Authenticate: Basic\r\nX-Kept: c\r\nX-Kept: d\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let (asked, answer) = backend.exchange(&server, request, response).await;
    for (name, expected) in [
        ("host", Some("localhost:8000")),
        ("x-forwarded-for", Some("10.0.0.1, 127.0.0.1")),
        ("x-forwarded-host", Some("localhost:8000")),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-port", Some("8000")),
        ("x-kept", Some("a + b")),
        ("origin", Some("http://localhost:8000")),
        ("referer", Some("http://localhost:8000/y")),
        ("cookie", Some("a=b; c=d")),
        ("accept-encoding", Some("gzip, br")),
        ("connection", None),
        ("x-hop", None),
        ("keep-alive", None),
        ("proxy-authorization", None),
        ("te", None),
        ("upgrade", None),
    ] {
        assert_eq!(asked.header(name).as_deref(), expected, "{name}");
    }
    let via = asked.header("via").expect("a mark");
    assert!(via.starts_with("1.1 pagewire-"), "{via}");
    for name in [
        "x-secret",
        "keep-alive",
        "proxy-authenticate",
        "trailer",
        "cache-control",
        "etag",
        "accept-ranges",
    ] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    let kept = answer.headers.iter().filter(|(name, _)| name == "x-kept");
    assert_eq!(kept.count(), 2);
    assert!(answer.text().contains("ok"), "{}", answer.text());
}

#[tokio::test]
async fn a_backend_with_a_domain_name_gets_its_own_and_an_origin_of_ours_fits_it() {
    // It has a dot as domain names have, and needs no name server.
    let rule = ["http://127.1:PORT"];
    let (backend, server) = proxying(&Site::new([]), rule, &[]).await;
    let authority = format!("127.1:{}", backend.address.port());
    for (from, to) in [
        ("http://localhost:8000", format!("http://{authority}")),
        (
            "http://localhost:8000.evil.example",
            "http://localhost:8000.evil.example".into(),
        ),
        ("http://evil.example", "http://evil.example".into()),
        ("null", "null".into()),
    ] {
        let request = get("/x", &format!("Origin: {from}\r\nReferer: {from}/y?z\r\n"));
        let location = format!("Location: http://{authority}/next\r\n");
        let cookie = "Set-Cookie: id=1; Domain=127.1; HttpOnly\r\n";
        let response = says("302 Found", &(location + cookie), "");
        let (asked, answer) = backend.exchange(&server, request, response).await;
        assert_eq!(asked.header("host").as_ref(), Some(&authority));
        assert_eq!(
            asked.header("x-forwarded-host").as_deref(),
            Some("localhost:8000")
        );
        assert_eq!(asked.header("origin"), Some(to.clone()), "{from}");
        assert_eq!(asked.header("referer"), Some(format!("{to}/y?z")), "{from}");
        assert_eq!(answer.header("location"), Some("/next"));
        assert_eq!(answer.header("set-cookie"), Some("id=1; HttpOnly"));
    }
}

#[tokio::test]
async fn redirects_and_cookies_of_the_backend_become_ours() {
    let rules = ["/api=http://localhost:PORT/v1", "http://localhost:PORT"];
    let (backend, server) = proxying(&Site::new([]), rules, &["--base-path", "/app"]).await;
    let own = format!("http://127.0.0.1:{}", backend.address.port());
    for (name, value, expected) in [
        ("location", format!("{own}/v1/a?b#c"), "/app/api/a?b#c"),
        ("location", format!("{own}/login"), "/app/login"),
        (
            "location",
            "/login?next=/v1/a".into(),
            "/app/login?next=/v1/a",
        ),
        (
            "location",
            "http://localhost:8000/login".into(),
            "/app/login",
        ),
        ("location", "../b".into(), "../b"),
        (
            "location",
            "https://other.example/".into(),
            "https://other.example/",
        ),
        ("content-location", "/v1/a.json".into(), "/app/api/a.json"),
        ("refresh", format!("3; url={own}/v1"), "3; url=/app/api"),
        (
            "set-cookie",
            "id=1; Path=/v1/a; Domain=localhost; Secure".into(),
            "id=1; Path=/app/api/a; Secure",
        ),
        ("set-cookie", "id=1; Path=/".into(), "id=1; Path=/"),
    ] {
        let response = says("303 See Other", &format!("{name}: {value}\r\n"), "");
        let request = get("/app/api/x", "");
        let (asked, answer) = backend.exchange(&server, request, response).await;
        assert_eq!(asked.line(), "GET /v1/x HTTP/1.1");
        assert_eq!(answer.header(name), Some(expected), "{value}");
    }
}

#[tokio::test]
async fn what_the_backend_says_of_its_caching_ranges_and_lengths_arrives_as_it_is() {
    let (backend, server) = everything(&["--inject", "always"]).await;
    let tag = "If-None-Match: \"1\"\r\nAccept: */*\r\n";
    for (request, response, status, header, body) in [
        (
            get("/a.js", tag),
            says(
                "304 Not Modified",
                "ETag: \"1\"\r\nCache-Control: max-age=9\r\n",
                "",
            ),
            304,
            ("cache-control", Some("max-age=9")),
            "",
        ),
        (
            get("/a.bin", "Range: bytes=1-2\r\nIf-Range: \"1\"\r\n"),
            says(
                "206 Partial Content",
                "Content-Range: bytes 1-2/9\r\n",
                "bc",
            ),
            206,
            ("content-range", Some("bytes 1-2/9")),
            "bc",
        ),
        (
            get("/a.bin", "Range: bytes=10-\r\n"),
            says(
                "416 Range Not Satisfiable",
                "Content-Range: bytes */9\r\n",
                "",
            ),
            416,
            ("content-range", Some("bytes */9")),
            "",
        ),
        (
            get("/a.bin", ""),
            says("200 OK", "Last-Modified: x\r\n", "abcdefghi"),
            200,
            ("content-length", Some("9")),
            "abcdefghi",
        ),
        (
            get("/a.bin", "").replace("GET", "HEAD"),
            says("200 OK", "", "").replace("Length: 0", "Length: 100"),
            200,
            ("content-length", Some("100")),
            "",
        ),
        (
            get("/nothing", ""),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".into(),
            204,
            ("cache-control", None),
            "",
        ),
    ] {
        let (asked, answer) = backend.exchange(&server, &request, response).await;
        for name in ["If-None-Match", "If-Range", "Range"] {
            let sent = request.split(&format!("\r\n{name}: ")).nth(1);
            let sent = sent.map(|rest| rest.lines().next().unwrap_or_default());
            assert_eq!(asked.header(name).as_deref(), sent, "{name} of {request}");
        }
        assert_eq!(
            (answer.status, &*answer.text()),
            (status, body),
            "{request}"
        );
        assert_eq!(answer.header(header.0), header.1, "{request}");
    }
}

#[tokio::test]
async fn pages_of_the_backend_get_the_client_compressed_or_not() {
    let (backend, server) = everything(&["--inject", "always"]).await;
    let conditions =
        "Accept: text/html\r\nIf-None-Match: \"1\"\r\nIf-Modified-Since: x\r\nRange: bytes=0-1\r\n";
    let html = "Content-Type: text/html; charset=utf-8\r\nETag: \"1\"\r\n";
    let (asked, page) = backend
        .exchange(&server, get("/", conditions), says("200 OK", html, PAGE))
        .await;
    for name in ["if-none-match", "if-modified-since", "range"] {
        assert_eq!(asked.header(name), None, "{name}");
    }
    assert!(page.text().contains(SCRIPT), "{}", page.text());
    assert_eq!(page.header("content-length"), None);
    let tag = page.header("etag").expect("a tag").to_owned();
    assert_ne!(tag, "\"1\"");
    // The same page again is a 304 of ours: the backend cannot know this tag.
    let known = format!("Accept: text/html\r\nIf-None-Match: {tag}\r\n");
    let (_, same) = backend
        .exchange(&server, get("/", &known), says("200 OK", html, PAGE))
        .await;
    assert_eq!((same.status, same.text().as_str()), (304, ""));

    let octets = gzip(PAGE).await;
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        octets.len()
    )
    .into_bytes();
    response.extend(&octets);
    let request = get("/", "Accept: text/html\r\nAccept-Encoding: gzip\r\n");
    let (_, page) = backend.exchange(&server, &request, &response).await;
    assert_eq!(page.header("content-encoding"), None);
    for text in [SCRIPT, "from the backend"] {
        assert!(page.text().contains(text), "{}", page.text());
    }
    // What is no page is passed on as it came.
    let at = response
        .windows(9)
        .position(|window| window == b"text/html");
    let at = at.expect("its type");
    response.splice(at..at + 9, *b"text/css;");
    let (_, sheet) = backend.exchange(&server, &request, &response).await;
    assert_eq!(sheet.header("content-encoding"), Some("gzip"));
    assert_eq!(sheet.body, octets);
}

#[tokio::test]
async fn events_arrive_one_by_one_and_uploads_leave_as_they_come() {
    let (backend, server) = everything(&["--inject", "always"]).await;
    let mut browser = Wire::connect(server.http()).await;
    browser
        .say(get("/events", "Accept: text/event-stream\r\n"))
        .await;
    let mut stream = backend.accept().await;
    stream.hear("\r\n\r\n").await;
    stream
        .say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        .await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        stream.say(event).await;
        browser.hear(event).await;
    }
    // Who left is not sent to any more, nor waited for.
    drop(browser);
    stream.hear_all().await;
    let mut browser = Wire::connect(server.http()).await;
    browser.say(get("/poll", "")).await;
    let mut poll = backend.accept().await;
    poll.hear("\r\n\r\n").await;
    drop(browser);
    assert_eq!(poll.hear_all().await, "");

    let mut browser = Wire::connect(server.http()).await;
    browser
        .say("POST /up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        .await;
    let mut upload = backend.accept().await;
    let head = upload.hear("\r\n\r\n").await;
    assert!(!head.to_lowercase().contains("expect"), "{head}");
    browser.hear("100 Continue\r\n\r\n").await;
    for piece in ["first", "other"] {
        browser.say(format!("5\r\n{piece}\r\n")).await;
        upload.hear(piece).await;
    }
    // An answer need not wait for the end of the question.
    upload
        .say(says("413 Payload Too Large", "", "enough"))
        .await;
    let answer = browser.hear("enough").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_complete() {
    let (backend, server) = everything(&["--inject", "always"]).await;
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let part = cut_short(html).await;
    for response in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec(),
        format!("{html}Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n").into_bytes(),
        part,
    ] {
        let what = String::from_utf8_lossy(&response).into_owned();
        let (_, answer) = backend.exchange(&server, get("/", ""), &response).await;
        let text = answer.text();
        let length = answer.header("content-length").map(str::to_owned);
        let complete = match length {
            Some(length) => length == text.len().to_string(),
            None => text.ends_with("0\r\n\r\n"),
        };
        // One that broke before anything of it was sent may be no answer at all.
        assert!(answer.status == 0 || !complete, "{what:?} became {text:?}");
    }
}

/// A compressed page of which the last octets are missing, in a body that is complete.
async fn cut_short(head: &str) -> Vec<u8> {
    let page = gzip(PAGE).await;
    let page = &page[..page.len() - 20];
    let head = format!(
        "{head}Content-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    [head.as_bytes(), page].concat()
}

/// The most memory that the daemon had, in MiB.
fn peak_memory(server: &TestServer) -> u64 {
    let pid = server.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a peak") / 1024
}

#[tokio::test]
async fn a_hundred_megabytes_pass_in_either_direction_without_being_kept() {
    const SIZE: usize = 100 * 1024 * 1024;
    let (backend, server) = everything(&[]).await;
    let before = peak_memory(&server);
    let piece = vec![b'x'; 1024 * 1024];
    for upload in [false, true] {
        let head = if upload {
            format!("POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n")
        } else {
            get("/down", "")
        };
        let mut browser = Wire::connect(server.http()).await;
        browser.say(head).await;
        let mut far = backend.accept().await;
        far.hear("\r\n\r\n").await;
        let (from, to) = if upload {
            (&mut browser, &mut far)
        } else {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            far.say(head).await;
            browser.hear("\r\n\r\n").await;
            (&mut far, &mut browser)
        };
        let sending = async {
            for _ in 0..SIZE / piece.len() {
                from.say(&piece).await;
            }
        };
        let ((), received) = tokio::join!(sending, to.count(SIZE));
        assert_eq!(received, SIZE);
    }
    let grown = peak_memory(&server) - before;
    assert!(grown < 24, "{grown} MiB more");
}

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
async fn a_backend_that_is_away_is_named_with_what_to_do_and_asked_again() {
    let (backend, server) = everything(&[]).await;
    let address = backend.address;
    let broken = b"HTTP/1.1 200 OK\r\nBroken header\r\n\r\n";
    let (_, answer) = backend.exchange(&server, get("/", ""), broken).await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.text().contains("no valid response"),
        "{}",
        answer.text()
    );
    let post = get("/", "").replace("GET", "POST");
    let (_, answer) = backend.exchange(&server, post, "").await;
    assert_eq!(answer.status, 502);
    drop(backend);
    let page = server.get_with("/x", "Accept: text/html\r\n").await;
    assert_eq!(
        (page.status, page.header("cache-control")),
        (502, Some("no-store"))
    );
    assert!(page.header("pagewire-failure").is_some());
    let text = page.text();
    let rule = format!("http://localhost:{}", address.port());
    for part in [
        rule.as_str(),
        "connection refused",
        "start the server",
        "proxy setting",
    ] {
        assert!(text.contains(part), "{part} is in {text}");
    }
    let mut browser = Wire::connect(server.http()).await;
    browser.say(upgrade("/socket", "")).await;
    assert!(browser.hear("\r\n").await.starts_with("HTTP/1.1 502"));
    let backend = Backend::at(address).await;
    let (_, answer) = backend
        .exchange(&server, get("/x", ""), says("200 OK", "", "back"))
        .await;
    assert_eq!(answer.text(), "back");
    // It is reported once, however often pages ask.
    server.signal(Signal::TERM);
    let (_, said) = server.ended().await;
    for (words, times) in [("cannot connect", 1), ("is reachable again", 1)] {
        assert_eq!(said.matches(words).count(), times, "{words} in {said}");
    }
}

#[tokio::test]
async fn a_connection_that_is_kept_and_then_closed_costs_no_answer() {
    let (backend, server) = everything(&[]).await;
    let kept = async {
        let mut wire = backend.accept().await;
        wire.hear("\r\n\r\n").await;
        wire.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            .await;
        wire
    };
    let (mut kept, answer) = tokio::join!(kept, server.get("/1"));
    assert_eq!(answer.text(), "one");
    // What has an effect is not asked twice, so it does not go there.
    let post = get("/2", "").replace("GET", "POST");
    let (asked, _) = backend
        .exchange(&server, post, says("200 OK", "", ""))
        .await;
    assert_eq!(asked.line(), "POST /2 HTTP/1.1");
    let closing = async {
        let head = kept.hear("\r\n\r\n").await;
        drop(kept);
        let mut again = backend.accept().await;
        assert_eq!(again.hear("\r\n\r\n").await, head);
        again.say(says("200 OK", "", "two")).await;
    };
    let ((), answer) = tokio::join!(closing, server.get("/3"));
    assert_eq!(answer.text(), "two");
}

#[tokio::test]
async fn a_rule_that_leads_back_to_the_daemon_is_said_and_not_followed_for_ever() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let ports = [first.address.port(), second.address.port()];
    // Free ports, for two daemons that must know each other's before they start.
    drop((first, second));
    let (empty, site) = (Site::new([]), Site::new([("x.js", "found")]));
    let one = start_at(&empty, ports[0], ports[1]).await;
    let two = start_at(&site, ports[1], ports[0]).await;
    // Two daemons one behind the other are no loop until nobody answers.
    assert_eq!(one.get("/x.js").await.text(), "found");
    for server in [&one, &two] {
        let answer = server.get("/missing").await;
        assert_eq!(answer.status, 508);
        assert!(answer.text().contains("leads back"), "{}", answer.text());
    }
}

async fn start_at(site: &Site, port: u16, backend: u16) -> TestServer {
    let mut command = crate::support::command();
    command
        .arg("serve")
        .arg(site.path())
        .args(["--control", "127.0.0.1:0"])
        .args(["--port", &port.to_string()])
        .args(["--proxy", &format!("http://127.0.0.1:{backend}")]);
    TestServer::spawn(command).await
}

#[tokio::test]
async fn no_request_hides_in_another() {
    let (backend, server) = everything(&[]).await;
    // Both framings: one of them must have no say, and the backend must see only the other.
    let both = "POST /both HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let far = async {
        let mut wire = backend.accept().await;
        let head = wire.hear("\r\n\r\n").await.to_lowercase();
        let body = wire.hear("0\r\n\r\n").await;
        wire.say(says("200 OK", "", "once")).await;
        (head, body, wire.hear_all().await)
    };
    let ((head, body, more), answer) = tokio::join!(far, server.raw(both.as_bytes()));
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!((body.as_str(), more.as_str()), ("1\r\nx\r\n0\r\n\r\n", ""));
    assert!(answer.text().contains("once"));
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
    let (asked, _) = backend
        .exchange(&server, get("/first", ""), says("200 OK", "", ""))
        .await;
    assert_eq!(asked.line(), "GET /first HTTP/1.1");
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

#[tokio::test]
async fn a_backend_that_accepts_nobody_is_told_from_one_that_is_not_there() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // These fill its queue; the system lets others wait without a word.
    let _first = Wire::connect(address).await;
    let _second = Wire::connect(address).await;
    let rule = format!("http://{address}");
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    let answer = server.get("/").await;
    assert_eq!(answer.status, 504);
    let text = format!("cannot connect to {rule} within 5s");
    assert!(answer.text().contains(&text), "{}", answer.text());
}
