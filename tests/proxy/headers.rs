//! Headers are forwarded and rewritten, so that backend and browser see one origin.

use super::transports::AnyBackend;
use super::{get_request, proxying, proxying_everything, response_bytes};
use crate::support::Site;

#[tokio::test]
async fn the_backend_gets_forwarding_headers_and_no_hop_by_hop_headers() {
    let (backend, server) = proxying_everything(&[]).await;
    let request = "GET /x HTTP/1.1\r\nHost: localhost:8000\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
        Proxy-Authorization: Basic x\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Kept: a\r\nX-Kept: b\r\n\
        X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n\
        Origin: http://localhost:8000\r\nReferer: http://localhost:8000/y\r\nCookie: a=b\r\nCookie: c=d\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
        Proxy-Authenticate: Basic\r\nX-Kept: c\r\nX-Kept: d\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let (received, response) = backend.exchange(&server, request, response).await;
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
        assert_eq!(received.header(name).as_deref(), expected, "{name}");
    }
    let via = received.header("via").expect("a mark");
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
        assert_eq!(response.header(name), None, "{name}");
    }
    let kept = response.headers.iter().filter(|(name, _)| name == "x-kept");
    assert_eq!(kept.count(), 2);
    assert!(response.text().contains("ok"), "{}", response.text());
}

#[tokio::test]
async fn a_backend_with_a_domain_name_gets_its_own_host_and_a_matching_origin() {
    // `127.1` contains a dot and is not a whole IP address, so it counts as a domain name; resolving it needs
    // no name server.
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
        let request = get_request("/x", &format!("Origin: {from}\r\nReferer: {from}/y?z\r\n"));
        let location = format!("Location: http://{authority}/next\r\n");
        let cookie = "Set-Cookie: id=1; Domain=127.1; HttpOnly\r\n";
        let response = response_bytes("302 Found", &(location + cookie), "");
        let (received, response) = backend.exchange(&server, request, response).await;
        assert_eq!(received.header("host").as_ref(), Some(&authority));
        assert_eq!(
            received.header("x-forwarded-host").as_deref(),
            Some("localhost:8000")
        );
        assert_eq!(received.header("origin"), Some(to.clone()), "{from}");
        assert_eq!(
            received.header("referer"),
            Some(format!("{to}/y?z")),
            "{from}"
        );
        assert_eq!(response.header("location"), Some("/next"));
        assert_eq!(response.header("set-cookie"), Some("id=1; HttpOnly"));
    }
}

#[tokio::test]
async fn an_https_backend_with_a_domain_name_gets_its_own_host_and_an_https_origin() {
    let backend = AnyBackend::tls("shop.localhost").await;
    let server = backend.proxied(&[]).await;
    let url = backend.rule.split(' ').next().expect("a URL");
    let own = "Origin: http://localhost:8000\r\nReferer: http://localhost:8000/y\r\n";
    let headers = format!("Location: {url}/next\r\nSet-Cookie: a=b; Domain=shop.localhost\r\n");
    let response = response_bytes("302 Found", &headers, "");
    let (received, response) = backend
        .exchange(&server, &get_request("/x", own), &response)
        .await;
    let host = url.replace("https://", "host: ");
    for line in [host, format!("origin: {url}"), format!("referer: {url}/y")] {
        let mut lines = received.lines();
        assert!(lines.any(|found| found == line), "{line} in {received}");
    }
    assert_eq!(response.header("location"), Some("/next"));
    assert_eq!(response.header("set-cookie"), Some("a=b"));
}

#[tokio::test]
async fn redirects_and_cookies_of_the_backend_are_rewritten_to_our_origin() {
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
        let response = response_bytes("303 See Other", &format!("{name}: {value}\r\n"), "");
        let request = get_request("/app/api/x", "");
        let (received, response) = backend.exchange(&server, request, response).await;
        assert_eq!(received.line(), "GET /v1/x HTTP/1.1");
        assert_eq!(response.header(name), Some(expected), "{value}");
    }
}

#[tokio::test]
async fn caching_range_and_length_headers_of_the_backend_are_unchanged() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
    let tag = "If-None-Match: \"1\"\r\nAccept: */*\r\n";
    for (request, response, status, header, body) in [
        (
            get_request("/a.js", tag),
            response_bytes(
                "304 Not Modified",
                "ETag: \"1\"\r\nCache-Control: max-age=9\r\n",
                "",
            ),
            304,
            ("cache-control", Some("max-age=9")),
            "",
        ),
        (
            get_request("/a.bin", "Range: bytes=1-2\r\nIf-Range: \"1\"\r\n"),
            response_bytes(
                "206 Partial Content",
                "Content-Range: bytes 1-2/9\r\n",
                "bc",
            ),
            206,
            ("content-range", Some("bytes 1-2/9")),
            "bc",
        ),
        (
            get_request("/a.bin", "Range: bytes=10-\r\n"),
            response_bytes(
                "416 Range Not Satisfiable",
                "Content-Range: bytes */9\r\n",
                "",
            ),
            416,
            ("content-range", Some("bytes */9")),
            "",
        ),
        (
            get_request("/a.bin", ""),
            response_bytes("200 OK", "Last-Modified: x\r\n", "abcdefghi"),
            200,
            ("content-length", Some("9")),
            "abcdefghi",
        ),
        (
            get_request("/a.bin", "").replace("GET", "HEAD"),
            response_bytes("200 OK", "", "").replace("Length: 0", "Length: 100"),
            200,
            ("content-length", Some("100")),
            "",
        ),
        (
            get_request("/nothing", ""),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".into(),
            204,
            ("cache-control", None),
            "",
        ),
    ] {
        let (received, response) = backend.exchange(&server, &request, response).await;
        for name in ["If-None-Match", "If-Range", "Range"] {
            let sent = request.split(&format!("\r\n{name}: ")).nth(1);
            let sent = sent.map(|rest| rest.lines().next().unwrap_or_default());
            assert_eq!(
                received.header(name).as_deref(),
                sent,
                "{name} of {request}"
            );
        }
        assert_eq!(
            (response.status, &*response.text()),
            (status, body),
            "{request}"
        );
        assert_eq!(response.header(header.0), header.1, "{request}");
    }
}
