//! Injection never breaks a page of any size, encoding or shape.

use crate::support::{Site, TestServer};

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
    let page = server.get("/sjis.html").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html"),
        "the page declares its encoding"
    );
    assert_eq!(without(&page.body, &piece), shift_jis);
    let page = server.get("/latin.html").await.body;
    assert_eq!(
        without(&page, &piece),
        b"<!doctype html><body>caf\xe9</body>"
    );
    // ASCII text cannot be inserted into this encoding.
    assert_eq!(server.get("/utf16.html").await.body, utf_16);
}

#[tokio::test]
async fn a_page_too_large_for_memory_is_streamed_with_the_client_first_in_its_head() {
    let site = Site::new([]);
    let filler = "<p>a paragraph of a very large page</p>\n".repeat(500_000);
    let page = format!(
        "<!doctype html>\n<html lang=en><head><title>large</title></head><body>{filler}</body></html>"
    );
    site.write("large.html", &page);
    site.write("fragment.html", &filler);
    let server = always(&site).await;
    let request = "Connection: close\r\n";
    let response = server
        .raw(format!("GET /large.html HTTP/1.0\r\nHost: localhost\r\n{request}\r\n").as_bytes())
        .await;
    let text = response.text();
    assert!(
        text.starts_with(&format!(
            "<!doctype html>\n<html lang=en><head>{MARK}{SCRIPT}<title>"
        )),
        "{}",
        &text[..200]
    );
    assert!(without(&response.body, &format!("{MARK}{SCRIPT}")) == page.as_bytes());
    let fragment = server
        .raw(format!("GET /fragment.html HTTP/1.0\r\nHost: localhost\r\n{request}\r\n").as_bytes())
        .await;
    assert!(fragment.body == filler.as_bytes());
}

#[tokio::test]
async fn pages_of_every_shape_get_the_client_where_it_runs() {
    let front = format!("{MARK}{SCRIPT}");
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
    ] {
        let site = Site::new([("index.html", page.replace('|', "").as_str())]);
        let server = always(&site).await;
        assert_eq!(server.get("/").await.text(), page.replace('|', piece));
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
        ("again.html", policy("default-src 'none'").as_str()),
        ("own.html", policy("default-src 'self'").as_str()),
        (
            "nonce.html",
            policy("script-src 'nonce-abc'; connect-src 'self'").as_str(),
        ),
    ]);
    let server = always(&site).await;
    for path in [
        "/strict.html",
        "/again.html",
        "/own.html",
        "/nonce.html",
        "/strict.html",
    ] {
        assert_eq!(server.get(path).await.status, 200);
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
