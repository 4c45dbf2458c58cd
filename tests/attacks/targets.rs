//! Malformed request targets, hostile names and other methods have no effect.

use super::{CLIENT_PATHS, SECRET, SOCKET_PATHS, assert_still_serving, contains};
use crate::support::{Site, TestServer};

#[tokio::test]
async fn a_request_target_that_is_not_a_path_is_a_bad_request() {
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
        let response = server.raw(request.as_bytes()).await;
        assert_eq!(response.status, 400, "{line}");
        assert!(!contains(&response, SECRET), "{line}");
    }
    assert_still_serving(&server, "targets that are not paths").await;
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
        let response = server.raw(&request.concat()).await;
        let shown = String::from_utf8_lossy(target);
        assert_eq!(response.status, 400, "{shown:?}");
        assert!(!contains(&response, SECRET), "{shown:?}");
        assert_eq!(response.header("set-cookie"), None, "{shown:?}");
    }
    assert_still_serving(&server, "broken targets").await;
}

#[tokio::test]
async fn a_hostile_name_is_escaped_in_every_error_page() {
    let server = TestServer::start(&Site::page()).await;
    let raw = server.get_with("/<script>alert(1)</script>", "Accept: text/html\r\n");
    assert!(!contains(&raw.await, "<script"), "unencoded markup");
    for (target, status) in [
        ("/%3Cscript%3Ealert(1)%3C/script%3E", 404),
        ("/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E", 404),
        ("/%27onload=alert(1)%3Cx%3E", 404),
        ("/%3C/title%3E%3Csvg/onload=alert(1)%3E", 404),
        ("/%26lt;script%26gt;%3Cx%3E", 404),
        ("/%3Cimg%20src=x%3E.pem", 403),
        ("/missing?%3Cscript%3Ealert(1)%3C/script%3E", 404),
    ] {
        let response = server.get_with(target, "Accept: text/html,*/*\r\n").await;
        assert_eq!(response.status, status, "{target}");
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let page = response.text();
        // The only script is the one that reloads the error page; all other markup is inert.
        assert_eq!(page.matches("<script").count(), 1, "{target}: {page}");
        for live in ["<script>alert", "<img", "<svg", "<x>", "\"><img", "'onload"] {
            assert!(!page.contains(live), "{target}: {page}");
        }
        let named = target
            .split('?')
            .next()
            .is_some_and(|path| path.contains("%3C"));
        assert_eq!(page.contains("&lt;"), named, "{target}: {page}");
        // Programs get plain text, which no browser treats as HTML.
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
        let response = server.get(target).await;
        let found = (response.status, response.header("location"));
        assert_eq!(found, (302, Some(location)), "{target}");
    }
    for target in [
        "/\\evil.example/dir",
        "/%5cevil.example/dir",
        "/%5c%5cevil.example/dir",
        "/dir%0d%0aLocation:%20//evil.example",
    ] {
        let response = server.get(target).await;
        assert_eq!(
            (response.status, response.header("location")),
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
            let response = server.raw(request.as_bytes()).await;
            assert_eq!(response.status, 405, "{method} {target}");
            let allow = response
                .header("allow")
                .unwrap_or_default()
                .replace(' ', "");
            assert_eq!(allow, "GET,HEAD", "{method} {target}");
            assert!(!contains(&response, "do-not-echo"), "{method} {target}");
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
    assert_still_serving(&server, "other methods").await;
}
