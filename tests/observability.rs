//! Observability: error pages, a log line for each request, metrics.

use crate::support::{Site, TestServer, raw_request};
use rustix::process::Signal;

#[tokio::test]
async fn an_error_page_identifies_its_error_escapes_the_url_and_polls() {
    let server = TestServer::start(&Site::page()).await;
    let html = "Accept: text/html\r\n";
    let path = "/%3Cscript%3Ealert(1)%3C/script%3E";
    let page = server.get_with(path, html).await;
    assert_eq!(
        (page.status, page.header("cache-control")),
        (404, Some("no-store"))
    );
    let text = page.text();
    assert!(
        text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{text}"
    );
    assert!(!text.contains("<script>alert"), "{text}");
    let failure = page.header("pagewire-failure").expect("a name");
    assert!(text.contains(&format!("!== '{failure}'")), "{text}");
    let same = server.get_with(path, html).await;
    assert_eq!(same.header("pagewire-failure"), Some(failure));
    let other = server.get_with("/other", html).await;
    assert_ne!(other.header("pagewire-failure"), Some(failure));
    // Only the error page of a GET reloads itself: a reload would resend a POST. Clients that do not accept
    // HTML get one line of text.
    let post = format!(
        "POST /x HTTP/1.1\r\nHost: localhost\r\n{html}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let refused = server.raw(post.as_bytes()).await;
    assert_eq!(refused.status, 405);
    assert!(!refused.text().contains("<script>"), "{}", refused.text());
    let program = server.get("/nope").await;
    assert_eq!(program.text().lines().count(), 1);
}

#[tokio::test]
async fn each_request_is_logged_with_its_status_and_responder() {
    let site = Site::page();
    let settings = ["--log", "info,pages=debug"];
    let server = TestServer::start_with(&site, &settings).await;
    assert_eq!(server.get("/?q=1").await.status, 200);
    assert_eq!(server.get("/missing").await.status, 404);
    server.signal(Signal::TERM);
    let (_, output) = server.wait_for_exit().await;
    for (request, status, by) in [
        ("GET /?q=1", "200", "file"),
        ("GET /missing", "404", "pagewire"),
    ] {
        let line = output
            .lines()
            .find(|line| line.contains(request))
            .expect("a line");
        for part in [
            format!("status={status}"),
            format!("by={by}"),
            "time=".to_owned(),
        ] {
            assert!(line.contains(&part), "{part}: {line}");
        }
    }
}

/// Sends a GET request to the control port.
async fn get_from_control_port(
    server: &TestServer,
    path: &str,
    headers: &str,
) -> crate::support::HttpResponse {
    let address = server.control().parse().expect("an address");
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
    raw_request(address, request.as_bytes()).await
}

#[tokio::test]
async fn metrics_are_served_on_the_control_port_with_the_token() {
    let server = TestServer::start(&Site::page()).await;
    server.get("/").await;
    server.get("/missing").await;
    let _page = server.page().await;
    let token = format!("Authorization: Bearer {}\r\n", server.token);
    let metrics = get_from_control_port(&server, "/metrics", &token).await;
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = metrics.text();
    for line in [
        "pagewire_page_requests_total{by=\"file\",status=\"2xx\"} 1",
        "pagewire_page_requests_total{by=\"pagewire\",status=\"4xx\"} 1",
        "pagewire_sockets 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    for headers in ["", "Authorization: Bearer wrong\r\n"] {
        let refused = get_from_control_port(&server, "/metrics", headers).await;
        assert_eq!(refused.status, 401, "{headers}");
        assert!(!refused.text().contains("pagewire_"), "{headers}");
    }
    assert_eq!(
        server.get_with("/metrics", &token).await.status,
        404,
        "the page port has no metrics"
    );
}

#[tokio::test]
async fn untrusted_text_controls_neither_the_log_nor_the_terminal() {
    // A folder name that clears the screen, begins a line of its own and reverses the rest of it.
    let name =
        "evil\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}";
    let outside = Site::new([("x", "")]);
    let folder = outside.path().join(name);
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("x.js"), "").expect("a file");
    let site = Site::page();
    std::os::unix::fs::symlink(folder.join("x.js"), site.path().join("link.js")).expect("a link");
    let is_unsafe = |c: char| c.is_control() || "\u{202e}\u{2066}\u{2028}".contains(c);
    for format in ["text", "json"] {
        let mut server = TestServer::start_with(&site, &["--log-format", format]).await;
        assert_eq!(server.get("/link.js").await.status, 403);
        let line = server.wait_for_log("outside the root").await;
        assert!(!line.contains(is_unsafe), "{line:?}");
        assert!(
            line.contains("forged"),
            "the whole name is on the line: {line}"
        );
        if format == "json" {
            let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            let logged = line["fields"]["folder"].as_str().expect("the folder");
            assert!(logged.ends_with(name), "{logged:?}");
        } else {
            let escaped = r"evil\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}";
            assert!(line.contains(escaped), "{line}");
        }
    }
}
