//! Injection never breaks a page of any size, encoding or shape.

use crate::support::{Backend, NAVIGATION, Site, TestServer, cli};

/// A script that loads the client after import maps.
const DEFERRED: &str = "<script defer src=\"/__pagewire__/client.js?deferred\"></script>";
const SCRIPT: &str = "<script type=\"module\" src=\"/__pagewire__/client.js\"></script>";
const MARK: &str = "<!-- injected by pagewire -->";

async fn always(site: &Site) -> TestServer {
    TestServer::start_with(site, &["--inject", "always"]).await
}

/// Returns the page without the one piece that was inserted.
fn without(page: &[u8], piece: &str) -> Vec<u8> {
    let piece = piece.as_bytes();
    let at = page
        .windows(piece.len())
        .position(|window| window == piece)
        .expect("the client is in the page");
    [&page[..at], &page[at + piece.len()..]].concat()
}

#[tokio::test]
async fn legacy_encodings_are_preserved_byte_for_byte() {
    let site = Site::new([]);
    let shift_jis =
        b"<html><head><meta charset=shift_jis></head><body>\x83\x5c\x83\x8d \x95\x5c</body></html>";
    let utf_16: Vec<u8> = "\u{FEFF}<!doctype html><body></body>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    site.write("sjis.html", shift_jis);
    site.write("latin.html", b"<!doctype html><body>caf\xe9</body>");
    site.write("utf16.html", &utf_16);
    let server = always(&site).await;
    let piece = format!("{MARK}\n{SCRIPT}");
    let page = server.navigate("/sjis.html").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html"),
        "the page declares its encoding"
    );
    assert_eq!(without(&page.body, &piece), shift_jis);
    let page = server.navigate("/latin.html").await.body;
    assert_eq!(
        without(&page, &piece),
        b"<!doctype html><body>caf\xe9</body>"
    );
    // ASCII text cannot be inserted into this encoding.
    assert_eq!(server.navigate("/utf16.html").await.body, utf_16);
}

#[tokio::test]
async fn a_page_too_large_for_memory_is_streamed_with_the_client_first_in_its_head() {
    let site = Site::new([]);
    let filler = "<p>a paragraph of a very large page</p>\n".repeat(500_000);
    let page = format!(
        "<!doctype html>\n<html lang=en><head><title>large</title></head><body>{filler}</body></html>"
    );
    site.write("large.html", &page);
    let server = always(&site).await;
    let request = format!("{NAVIGATION}Connection: close\r\n");
    let response = server
        .raw(format!("GET /large.html HTTP/1.0\r\nHost: localhost\r\n{request}\r\n").as_bytes())
        .await;
    let text = response.text();
    assert!(
        text.starts_with(&format!(
            "<!doctype html>\n<html lang=en><head>{MARK}{DEFERRED}<title>"
        )),
        "{}",
        &text[..200]
    );
    assert!(without(&response.body, &format!("{MARK}{DEFERRED}")) == page.as_bytes());
}

#[tokio::test]
async fn pages_of_every_shape_get_the_client_where_it_runs() {
    let front = format!("{MARK}{DEFERRED}");
    let end = format!("{MARK}\n{SCRIPT}");
    for (page, piece) in [
        (
            "<!doctype html><html>|<frameset cols=50%><frame src=a></frameset></html>",
            &front,
        ),
        (
            "<html><head>|<base href=\"https://cdn.example/\"></head><body></body></html>",
            &front,
        ),
        ("<!doctype html>|<title>never closed", &front),
        (
            "<!doctype html><script>const end = '</body>';</script>|</body>",
            &end,
        ),
        ("<body><p>unclosed <b>tags|</body>", &end),
        ("<!doctype html><p>neither head nor body|", &end),
        ("<h1>Hello</h1>|", &end),
        (
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>t</title></head><body id=\"x\"><p/>|</body></html>",
            &end,
        ),
        ("<body><svg><title/><style/></svg>|</body>", &end),
    ] {
        let site = Site::new([("index.html", page.replace('|', "").as_str())]);
        let server = always(&site).await;
        assert_eq!(server.navigate("/").await.text(), page.replace('|', piece));
    }
}

#[tokio::test]
async fn a_policy_that_blocks_the_client_is_reported_once_with_the_remedy() {
    let policy = |policy: &str| {
        format!(
            "<!doctype html><meta http-equiv=content-security-policy content=\"{policy}\"><body></body>"
        )
    };
    let site = Site::new([
        ("strict.html", policy("default-src 'none'").as_str()),
        ("unseen.html", policy("sandbox").as_str()),
        ("again.html", policy("default-src 'none'").as_str()),
        ("own.html", policy("default-src 'self'").as_str()),
        (
            "nonce.html",
            policy("script-src 'nonce-abc'; connect-src 'self'").as_str(),
        ),
    ]);
    let server = always(&site).await;
    // Not pages: nobody would see the client's absence.
    for headers in [
        "Sec-Fetch-Dest: image\r\nAccept: image/avif,*/*;q=0.8\r\n",
        "Sec-Fetch-Dest: empty\r\nAccept: text/html\r\n",
        "",
    ] {
        let response = server.get_with("/unseen.html", headers).await;
        assert_eq!(response.status, 200);
    }
    for path in [
        "/strict.html",
        "/again.html",
        "/own.html",
        "/nonce.html",
        "/strict.html",
    ] {
        assert_eq!(server.navigate(path).await.status, 200);
    }
    server.signal(rustix::process::Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0), "{output}");
    let reports: Vec<_> = output
        .lines()
        .filter(|line| line.contains("blocks the client"))
        .collect();
    assert_eq!(reports.len(), 1, "{output}");
    assert!(
        reports[0].contains("connect-src 'self'; script-src 'self'"),
        "{reports:?}"
    );
    assert!(reports[0].contains("/strict.html"), "{reports:?}");
}

const PAGE: &str = "<!doctype html><title>t</title><script type=module>import 'pkg'</script>";

#[tokio::test]
async fn only_html_that_a_browser_shows_gets_the_client_and_the_rest_stays_as_it_is() {
    let site = Site::new([
        ("index.html", PAGE),
        ("part.html", "<h1>Hello</h1>"),
        (
            "node_modules/pkg/package.json",
            r#"{"name":"pkg","module":"i.js"}"#,
        ),
        ("node_modules/pkg/i.js", ""),
    ]);
    let server = TestServer::start_with(&site, &["--inject", "always", "--node-resolve"]).await;
    let accept = "Accept: text/html,*/*;q=0.8\r\n";
    for (headers, is_shown) in [
        ("Sec-Fetch-Dest: document\r\nAccept: */*\r\n", true),
        ("Sec-Fetch-Dest: iframe\r\n", true),
        ("Sec-Fetch-Dest: frame\r\n", true),
        // A service worker passes on a navigation.
        (
            "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: navigate\r\n",
            true,
        ),
        (
            "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nAccept: text/html\r\n",
            false,
        ),
        (
            "Sec-Fetch-Dest: object\r\nSec-Fetch-Mode: navigate\r\n",
            false,
        ),
        (accept, true),
        ("accept: application/xml, TEXT/HTML;level=1\r\n", true),
        ("Accept: image/png\r\nAccept: text/html\r\n", true),
        ("", false),
        ("Accept: */*\r\n", false),
        ("Accept: text/*\r\n", false),
        ("Accept: text/html;q=0, */*\r\n", false),
        ("Accept: text/htmlx\r\n", false),
        ("Sec-Fetch-Dest: empty\r\nAccept: text/html\r\n", false),
        ("Sec-Fetch-Dest: object\r\nAccept: text/html\r\n", false),
        ("Sec-Fetch-Dest: embed\r\nAccept: text/html\r\n", false),
        ("Sec-Fetch-Dest: image\r\nAccept: text/html\r\n", false),
        ("Sec-Fetch-Dest: script\r\nAccept: text/html\r\n", false),
    ] {
        for (path, source) in [("/", PAGE), ("/part.html", "<h1>Hello</h1>")] {
            let page = server.get_with(path, headers).await;
            let text = page.text();
            assert_eq!(text.contains(SCRIPT), is_shown, "{headers}: {text}");
            assert_eq!(text == source, !is_shown, "{headers}: {text}");
            let vary = page.header("vary").unwrap_or_default();
            assert!(vary.starts_with("Sec-Fetch-Dest, Accept"), "{vary}");
        }
    }
    let script = server.get("/node_modules/pkg/i.js").await;
    assert_eq!(script.header("vary"), Some("Accept-Encoding"));
}

#[tokio::test]
async fn a_304_and_a_range_never_mix_the_two_forms_of_a_page() {
    let site = Site::new([("index.html", "<!doctype html><body>page</body>")]);
    let server = always(&site).await;
    let fetched = "Sec-Fetch-Dest: empty\r\n";
    let forms = [fetched, NAVIGATION];
    let pages = [
        server.get_with("/", fetched).await,
        server.navigate("/").await,
    ];
    let tags = [0, 1].map(|form| pages[form].header("etag").expect("a tag"));
    assert_ne!(tags[0], tags[1]);
    for (form, headers) in forms.iter().enumerate() {
        for known in [0, 1] {
            let request = format!("{headers}If-None-Match: {}\r\n", tags[known]);
            let response = server.get_with("/", &request).await;
            let expected = if known == form { 304 } else { 200 };
            assert_eq!(response.status, expected, "{request}");
            let vary = response.header("vary").unwrap_or_default();
            assert!(vary.starts_with("Sec-Fetch-Dest, Accept"), "{vary}");
            let request = format!("{headers}If-Range: {}\r\nRange: bytes=0-3\r\n", tags[known]);
            let response = server.get_with("/", &request).await;
            let expected = if known == form { 206 } else { 200 };
            assert_eq!(response.status, expected, "{request}");
        }
        let request =
            format!("HEAD / HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
        let head = server.raw(request.as_bytes()).await;
        assert_eq!(head.header("etag"), Some(tags[form]));
        let length = pages[form].body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
    }
}

#[tokio::test]
async fn a_backend_may_answer_304_to_a_fetch_but_not_to_a_navigation() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let server = TestServer::start_with(
        &Site::new([]),
        &["--no-files", "--inject", "always", "--proxy", &rule],
    )
    .await;
    for (headers, has_client) in [
        ("Sec-Fetch-Dest: empty\r\nAccept: text/html\r\n", false),
        (NAVIGATION, true),
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\n{headers}If-None-Match: \"1\"\r\nConnection: close\r\n\r\n"
        );
        let response = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"1\"\r\nVary: Cookie\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage";
        let (received, page) = backend.exchange(&server, request, response).await;
        assert_eq!(received.header("if-none-match").is_none(), has_client);
        assert_eq!(page.text().contains("client.js"), has_client);
        assert_eq!(page.header("etag") == Some("\"1\""), !has_client);
        let vary: Vec<_> = page
            .headers
            .iter()
            .filter(|(name, _)| name == "vary")
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(vary, ["Cookie", "Sec-Fetch-Dest, Accept"]);
    }
}

#[tokio::test]
async fn a_304_and_a_part_of_a_page_name_what_the_page_varies_by() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let by_destination = "Sec-Fetch-Dest, Accept";
    for (inject, status, headers, expected) in [
        (
            "always",
            "304 Not Modified",
            "Vary: Cookie\r\n",
            &["Cookie", by_destination][..],
        ),
        ("always", "304 Not Modified", "", &[by_destination]),
        (
            "always",
            "304 Not Modified",
            "Content-Type: text/html\r\n",
            &[by_destination],
        ),
        (
            "always",
            "304 Not Modified",
            "Content-Type: text/css\r\nVary: Cookie\r\n",
            &["Cookie"],
        ),
        ("always", "304 Not Modified", "Vary: *\r\n", &["*"]),
        (
            "always",
            "206 Partial Content",
            "Content-Type: text/html\r\nContent-Range: bytes 0-3/9\r\n",
            &[by_destination],
        ),
        ("always", "204 No Content", "", &[]),
        ("never", "304 Not Modified", "Vary: Cookie\r\n", &["Cookie"]),
    ] {
        let arguments = ["--no-files", "--inject", inject, "--proxy", &rule];
        let server = TestServer::start_with(&Site::new([]), &arguments).await;
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: empty\r\nIf-None-Match: \"1\"\r\nConnection: close\r\n\r\n";
        let body = if status.starts_with("206") {
            "part"
        } else {
            ""
        };
        let response =
            format!("HTTP/1.1 {status}\r\n{headers}ETag: \"1\"\r\nConnection: close\r\n\r\n{body}");
        let (_, page) = backend.exchange(&server, request, &response).await;
        assert!(status.starts_with(&page.status.to_string()), "{response}");
        let vary = page.headers.iter().filter(|(name, _)| name == "vary");
        let vary: Vec<_> = vary.map(|(_, value)| value.as_str()).collect();
        assert_eq!(vary, expected, "{inject}: {response}");
        assert_eq!(page.header("etag"), Some("\"1\""), "{response}");
    }
}

#[tokio::test]
async fn responses_without_content_get_no_client() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let arguments = ["--no-files", "--inject", "always", "--proxy", &rule];
    let server = TestServer::start_with(&Site::new([]), &arguments).await;
    for status in ["204 No Content", "205 Reset Content", "304 Not Modified"] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{NAVIGATION}Connection: close\r\n\r\n");
        let response =
            format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n");
        let (_, page) = backend.exchange(&server, request, response).await;
        assert!(!page.text().contains("client.js"), "{status}");
    }
}

#[tokio::test]
async fn a_response_to_a_post_request_is_marked_in_its_page() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let arguments = ["--no-files", "--inject", "always", "--proxy", &rule];
    let server = TestServer::start_with(&Site::new([]), &arguments).await;
    for (method, is_marked) in [("GET", false), ("POST", true)] {
        let request = format!(
            "{method} / HTTP/1.1\r\nHost: localhost\r\n{NAVIGATION}Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let response = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage";
        let (_, page) = backend.exchange(&server, request, response).await;
        assert_eq!(
            page.text().contains("<meta name=\"pagewire-post\">"),
            is_marked,
            "{method}"
        );
    }
}

#[tokio::test]
async fn commands_say_why_pages_were_served_without_the_client() {
    let site = Site::new([("index.html", PAGE), ("utf16.html", "")]);
    site.write("utf16.html", b"\xFF\xFE<\0p\0>\0");
    for (mode, before, reason, remedies) in [
        (
            "never",
            "no page: pages are served without the client: --inject is never",
            "no page: 1 page was served without the client: --inject is never",
            // A plugin would be of no use.
            [false, true],
        ),
        (
            "asked",
            "no page: none has been opened yet (open http",
            "no page: 1 page was served without the client: no plugin requested it",
            [true, true],
        ),
    ] {
        let server = TestServer::start_with(&site, &["--inject", mode]).await;
        let shown = cli(&server, &["sockets"]).await.stderr;
        assert_eq!(shown.matches("no page").count(), 1, "{shown}");
        assert!(shown.contains(before), "{shown}");
        server.navigate("/").await;
        for command in [
            &["sockets"][..],
            &["eval", "1"],
            &["reload"],
            &["wait", "--sockets", "1", "--timeout", "0.1"],
            &["wait", "--until", "true", "--timeout", "0.1"],
        ] {
            let shown = cli(&server, command).await.stderr;
            assert_eq!(shown.matches("no page").count(), 1, "{command:?}: {shown}");
            assert!(shown.contains(reason), "{command:?}: {shown}");
            let named = ["run a plugin", "start pagewire with --inject always"]
                .map(|remedy| shown.contains(remedy));
            assert_eq!(named, remedies, "{command:?}: {shown}");
        }
    }
    let server = always(&site).await;
    server.get("/").await;
    server.get("/").await;
    server.navigate("/utf16.html").await;
    let shown = cli(&server, &["sockets"]).await;
    let expected = [
        "2 pages were served without the client: fetched by a script or a program",
        "1 page was served without the client: encoded in UTF-16",
    ];
    for reason in expected {
        assert!(shown.stderr.contains(reason), "{}", shown.stderr);
    }
    let info = cli(&server, &["info"]).await;
    assert!(
        info.stdout.contains("0 pages with the client, 3 without"),
        "{}",
        info.stdout
    );
}
