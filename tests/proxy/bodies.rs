//! Bodies are streamed in both directions, and only pages are changed.

use super::{get_request, gzip, proxying_everything, response_bytes};
use crate::support::{TestServer, Wire};

const SCRIPT: &str = "src=\"/__pagewire__/client.js";
const PAGE: &str = "<!doctype html><head></head><body>from the backend</body>";

#[tokio::test]
async fn pages_of_the_backend_get_the_client_even_when_compressed() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
    let conditions =
        "Accept: text/html\r\nIf-None-Match: \"1\"\r\nIf-Modified-Since: x\r\nRange: bytes=0-1\r\n";
    let html = "Content-Type: text/html; charset=utf-8\r\nETag: \"1\"\r\n";
    let (received, page) = backend
        .exchange(
            &server,
            get_request("/", conditions),
            response_bytes("200 OK", html, PAGE),
        )
        .await;
    for name in ["if-none-match", "if-modified-since", "range"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert!(page.text().contains(SCRIPT), "{}", page.text());
    assert_eq!(page.header("content-length"), None);
    let tag = page.header("etag").expect("a tag").to_owned();
    assert_ne!(tag, "\"1\"");
    // The same page again gets our own 304: the backend cannot know this tag.
    let known = format!("Accept: text/html\r\nIf-None-Match: {tag}\r\n");
    let (_, same) = backend
        .exchange(
            &server,
            get_request("/", &known),
            response_bytes("200 OK", html, PAGE),
        )
        .await;
    assert_eq!((same.status, same.text().as_str()), (304, ""));

    let bytes = gzip(PAGE).await;
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    )
    .into_bytes();
    response.extend(&bytes);
    let request = get_request("/", "Accept: text/html\r\nAccept-Encoding: gzip\r\n");
    let (_, page) = backend.exchange(&server, &request, &response).await;
    assert_eq!(page.header("content-encoding"), None);
    for text in [SCRIPT, "from the backend"] {
        assert!(page.text().contains(text), "{}", page.text());
    }
    // Responses other than pages are forwarded unchanged.
    let at = response
        .windows(9)
        .position(|window| window == b"text/html");
    let at = at.expect("its type");
    response.splice(at..at + 9, *b"text/css;");
    let (_, sheet) = backend.exchange(&server, &request, &response).await;
    assert_eq!(sheet.header("content-encoding"), Some("gzip"));
    assert_eq!(sheet.body, bytes);
}

#[tokio::test]
async fn events_and_uploads_are_streamed() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
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
        browser.read_until(event).await;
    }
    // The daemon neither sends to a disconnected client nor waits for it.
    drop(browser);
    stream.read_to_end().await;
    let mut browser = Wire::connect(server.http()).await;
    browser.write(get_request("/poll", "")).await;
    let mut poll = backend.accept().await;
    poll.read_until("\r\n\r\n").await;
    drop(browser);
    assert_eq!(poll.read_to_end().await, "");

    let mut browser = Wire::connect(server.http()).await;
    browser
        .write("POST /up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        .await;
    let mut upload = backend.accept().await;
    let head = upload.read_until("\r\n\r\n").await;
    assert!(!head.to_lowercase().contains("expect"), "{head}");
    browser.read_until("100 Continue\r\n\r\n").await;
    for piece in ["first", "other"] {
        browser.write(format!("5\r\n{piece}\r\n")).await;
        upload.read_until(piece).await;
    }
    // A response may begin before the end of the request.
    upload
        .write(response_bytes("413 Payload Too Large", "", "enough"))
        .await;
    let response = browser.read_until("enough").await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
}

#[tokio::test]
async fn a_truncated_response_never_looks_complete() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let part = cut_short(html).await;
    for response in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec(),
        format!("{html}Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n").into_bytes(),
        part,
    ] {
        let what = String::from_utf8_lossy(&response).into_owned();
        let (_, response) = backend
            .exchange(&server, get_request("/", ""), &response)
            .await;
        let text = response.text();
        let length = response.header("content-length").map(str::to_owned);
        let complete = match length {
            Some(length) => length == text.len().to_string(),
            None => text.ends_with("0\r\n\r\n"),
        };
        // A response that broke before any byte was sent may result in no response at all.
        assert!(
            response.status == 0 || !complete,
            "{what:?} became {text:?}"
        );
    }
}

/// Returns a compressed page whose last bytes are missing, in a complete body.
async fn cut_short(head: &str) -> Vec<u8> {
    let page = gzip(PAGE).await;
    let page = &page[..page.len() - 20];
    let head = format!(
        "{head}Content-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    [head.as_bytes(), page].concat()
}

/// Returns the daemon's peak memory, in MiB.
fn peak_memory(server: &TestServer) -> u64 {
    let pid = server.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a peak") / 1024
}

#[tokio::test]
async fn a_hundred_megabytes_pass_in_both_directions_without_buffering() {
    const SIZE: usize = 100 * 1024 * 1024;
    let (backend, server) = proxying_everything(&[]).await;
    let before = peak_memory(&server);
    let piece = vec![b'x'; 1024 * 1024];
    for upload in [false, true] {
        let head = if upload {
            format!("POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n")
        } else {
            get_request("/down", "")
        };
        let mut browser = Wire::connect(server.http()).await;
        browser.write(head).await;
        let mut far = backend.accept().await;
        far.read_until("\r\n\r\n").await;
        let (from, to) = if upload {
            (&mut browser, &mut far)
        } else {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            far.write(head).await;
            browser.read_until("\r\n\r\n").await;
            (&mut far, &mut browser)
        };
        let sending = async {
            for _ in 0..SIZE / piece.len() {
                from.write(&piece).await;
            }
        };
        let ((), received) = tokio::join!(sending, to.count(SIZE));
        assert_eq!(received, SIZE);
    }
    let grown = peak_memory(&server) - before;
    assert!(grown < 24, "{grown} MiB more");
}

#[tokio::test]
async fn an_empty_page_of_the_backend_arrives_whatever_coding_it_names() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
    for coding in ["gzip", "x-gzip", "br"] {
        for framing in [
            "Content-Length: 0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "\r\n",
        ] {
            // Of an empty error, browsers show a message of their own.
            for (status, has_client) in [
                ("200 OK", true),
                ("404 Not Found", false),
                ("500 Internal Server Error", false),
            ] {
                let response = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\nConnection: close\r\n{framing}"
                );
                let request = get_request("/", "Accept: text/html\r\n");
                let (_, page) = backend.exchange(&server, request, &response).await;
                let text = page.text();
                assert!(status.starts_with(&page.status.to_string()), "{response}");
                assert_eq!(text.contains(SCRIPT), has_client, "{response}: {text}");
                assert!(text.ends_with("0\r\n\r\n"), "{response}: {text}");
                assert_eq!(page.header("content-encoding"), None, "{response}");
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_of_the_backend_is_forwarded_unchanged() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
    let location = "Location: /next\r\n";
    for (status, location, is_redirect) in [
        ("301 Moved Permanently", location, true),
        ("302 Found", location, true),
        ("303 See Other", location, true),
        ("307 Temporary Redirect", location, true),
        ("308 Permanent Redirect", location, true),
        // A browser shows these.
        ("302 Found", "", false),
        ("300 Multiple Choices", location, false),
        ("201 Created", location, false),
    ] {
        let headers = format!("{location}Content-Type: text/html\r\nETag: \"1\"\r\n");
        let request = get_request("/", "Accept: text/html\r\n");
        let response = response_bytes(status, &headers, "<a href=/next>next</a>");
        let (_, page) = backend.exchange(&server, &request, response).await;
        assert!(status.starts_with(&page.status.to_string()), "{status}");
        assert_eq!(page.text().contains(SCRIPT), !is_redirect, "{status}");
        assert_eq!(page.header("vary").is_none(), is_redirect, "{status}");
        assert_eq!(page.header("etag") == Some("\"1\""), is_redirect);
    }
    for body in ["", "it is not gzip"] {
        let headers = format!("{location}Content-Type: text/html\r\nContent-Encoding: gzip\r\n");
        let request = get_request("/", "Accept: text/html\r\n");
        let response = response_bytes("302 Found", &headers, body);
        let (_, redirect) = backend.exchange(&server, &request, response).await;
        assert_eq!((redirect.status, redirect.text().as_str()), (302, body));
        assert_eq!(redirect.header("content-encoding"), Some("gzip"));
    }
}

#[tokio::test]
async fn a_page_without_a_body_tag_is_shown_as_it_arrives() {
    let (backend, server) = proxying_everything(&["--inject", "always"]).await;
    for start in [
        "<pre>line 0\n",
        "<!doctype html><title>log</title><pre>line 0\n",
        "<!doctype html>\nline 0\n",
        "line 0\n",
        "<html><head><style>p{}</style><script>x</script></head>line 0\n",
        "<svg><text>line 0\n",
    ] {
        let mut browser = Wire::connect(server.http()).await;
        browser
            .write(get_request("/", "Accept: text/html\r\n"))
            .await;
        let mut stream = backend.accept().await;
        stream.read_until("\r\n\r\n").await;
        stream
            .write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
            .await;
        stream.write(start).await;
        let page = browser.read_until("line 0\n").await;
        assert!(page.contains(SCRIPT), "{page}");
        stream.write("line 1\n").await;
        browser.read_until("line 1\n").await;
    }
}
