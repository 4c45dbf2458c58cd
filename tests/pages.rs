//! Responses to browsers: files, their types and tags, and the client in HTML pages.

use crate::support::{NAVIGATION, Session, Site, TestServer, within};
use pagewire_client::proto;

const SCRIPT: &str = "<script type=\"module\" src=\"/__pagewire__/client.js\"></script>";

fn injecting(name: &str) -> proto::ServerStartRequest {
    proto::ServerStartRequest {
        plugin_name: name.into(),
        inject_web_socket: true,
        ..Default::default()
    }
}

#[tokio::test]
async fn files_have_the_types_browsers_insist_on() {
    let site = Site::new([
        ("a.js", ""),
        ("a.mjs", ""),
        ("a.css", ""),
        ("a.json", "{}"),
        ("a.wasm", ""),
        ("a.svg", ""),
        ("a.txt", ""),
        ("unknown", ""),
        (".hidden.txt", ""),
    ]);
    site.write("latin1.html", b"<p>caf\xe9</p>");
    let server = TestServer::start(&site).await;
    for (path, mime) in [
        ("/a.js", "text/javascript; charset=utf-8"),
        ("/a.mjs", "text/javascript; charset=utf-8"),
        ("/a.css", "text/css; charset=utf-8"),
        ("/a.json", "application/json; charset=utf-8"),
        ("/a.wasm", "application/wasm"),
        ("/a.svg", "image/svg+xml; charset=utf-8"),
        ("/unknown", "application/octet-stream"),
        ("/.hidden.txt", "text/plain; charset=utf-8"),
        // Not UTF-8: the encoding that the page declares applies.
        ("/latin1.html", "text/html"),
    ] {
        let response = server.get(path).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some(mime)),
            "{path}"
        );
        assert_eq!(response.header("cache-control"), Some("no-cache"), "{path}");
    }
    assert_eq!(server.get("/latin1.html").await.body, b"<p>caf\xe9</p>");
}

#[tokio::test]
async fn a_matching_tag_gets_304() {
    let site = Site::new([("a.js", "export default 1;")]);
    let server = TestServer::start(&site).await;
    let first = server.get("/a.js").await;
    let tag = first.header("etag").expect("an ETag").to_owned();
    assert!(tag.starts_with('"'), "{tag} is strong");
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".into(),
    ] {
        let again = server
            .get_with("/a.js", &format!("If-None-Match: {known}\r\n"))
            .await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        assert_eq!(again.header("content-type"), None);
    }
    site.write("a.js", "export default 22;");
    let changed = server
        .get_with("/a.js", &format!("If-None-Match: {tag}\r\n"))
        .await;
    assert_eq!(
        (changed.status, changed.text().as_str()),
        (200, "export default 22;")
    );
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let site = Site::new([("a.js", "export default 1;")]);
    let server = TestServer::start(&site).await;
    let get = server.get("/a.js").await;
    let head = server
        .raw(b"HEAD /a.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-length", "content-type", "etag"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_folder_redirects_to_its_index() {
    let site = Site::new([
        ("docs/index.html", "<!doctype html>docs"),
        ("empty/x.txt", ""),
    ]);
    let server = TestServer::start(&site).await;
    assert_eq!(server.get("/docs/").await.text(), "<!doctype html>docs");
    let redirect = server.get("/docs?q=1").await;
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (302, Some("/docs/?q=1"))
    );
    assert_eq!(server.get("/empty/").await.status, 404);
    assert_eq!(server.get("/docs/index.html/").await.status, 404);
}

#[tokio::test]
async fn a_large_file_arrives_whole() {
    let site = Site::new([]);
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    site.write("large.bin", &content);
    let server = TestServer::start(&site).await;
    let response = server.get("/large.bin").await;
    assert_eq!(
        response.header("content-length"),
        Some(content.len().to_string().as_str())
    );
    assert!(response.body == content);
}

#[tokio::test]
async fn the_client_is_injected_while_a_plugin_requests_it_and_the_tag_changes() {
    let server = TestServer::start(&Site::page()).await;
    let plain = server.navigate("/").await;
    assert!(!plain.text().contains("pagewire"));

    let session = Session::open_as(&server, injecting("injects"))
        .await
        .expect("a session");
    let injected = server.navigate("/").await;
    let expected = plain.text().replace(
        "</body>",
        &format!("<!-- injected by pagewire -->\n{SCRIPT}</body>"),
    );
    assert_eq!(injected.text(), expected);
    assert_eq!(
        injected.header("content-length"),
        Some(expected.len().to_string().as_str())
    );
    assert_ne!(injected.header("etag"), plain.header("etag"));
    let tag = injected.header("etag").expect("an ETag");
    let known = format!("{NAVIGATION}If-None-Match: {tag}\r\n");
    assert_eq!(server.get_with("/", &known).await.status, 304);

    // A second plugin keeps injection on: it stops only when the last plugin that requests it disconnects.
    let second = Session::open_as(&server, injecting("injects-too"))
        .await
        .expect("a session");
    drop(session);
    Session::open(&server, "does-not-inject").await;
    assert!(server.navigate("/").await.text().contains(SCRIPT));
    drop(second);
    let off = async {
        while server.navigate("/").await.text().contains(SCRIPT) {
            tokio::task::yield_now().await;
        }
    };
    within("injection to stop", off).await;
    let after = server.get_with("/", &known).await;
    assert_eq!(
        (after.status, after.header("etag")),
        (200, plain.header("etag"))
    );
}

#[tokio::test]
async fn injection_can_be_forced_on_and_off() {
    let always = TestServer::start_with(&Site::page(), &["--inject", "always"]).await;
    assert!(always.navigate("/").await.text().contains(SCRIPT));
    let never = TestServer::start_with(&Site::page(), &["--inject", "never"]).await;
    let _session = Session::open_as(&never, injecting("injects"))
        .await
        .expect("a session");
    assert!(!never.navigate("/").await.text().contains(SCRIPT));
}

#[tokio::test]
async fn fragments_get_the_client_and_a_nonce_is_copied() {
    let nonce = "<!doctype html><meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'nonce-abc123'\"><body></body>";
    let site = Site::new([
        ("fragment.html", "<p>a</p></body>"),
        ("nonce.html", nonce),
        ("page.txt", "<!doctype html><body></body>"),
        (
            "has.html",
            "<!doctype html><script type=module src=/__pagewire__/client.js></script></body>",
        ),
    ]);
    let server = TestServer::start_with(&site, &["--inject", "always"]).await;
    assert_eq!(
        server.navigate("/fragment.html").await.text(),
        format!("<p>a</p><!-- injected by pagewire -->\n{SCRIPT}</body>")
    );
    assert_eq!(
        server.navigate("/page.txt").await.text(),
        "<!doctype html><body></body>"
    );
    assert_eq!(
        server
            .navigate("/has.html")
            .await
            .text()
            .matches("client.js")
            .count(),
        1
    );
    let page = server.navigate("/nonce.html").await.text();
    assert!(
        page.contains("client.js\" nonce=\"abc123\"></script></body>"),
        "{page}"
    );
}

#[tokio::test]
async fn the_client_is_served_under_both_names() {
    let server = TestServer::start(&Site::page()).await;
    let ours = server.get("/__pagewire__/client.js").await;
    let ancestors = server.get("/__web-dev-server__web-socket.js").await;
    for client in [&ours, &ancestors] {
        assert_eq!(client.status, 200);
        assert_eq!(
            client.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
        assert_eq!(client.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(ours.body, ancestors.body);
    let tag = ours.header("etag").expect("an ETag");
    let again = server
        .get_with(
            "/__pagewire__/client.js",
            &format!("If-None-Match: {tag}\r\n"),
        )
        .await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn not_found_is_reported_as_html_or_plain_text() {
    let server = TestServer::start(&Site::page()).await;
    let program = server.get("/nope.js").await;
    assert_eq!(
        (program.status, program.header("content-type")),
        (404, Some("text/plain; charset=utf-8"))
    );
    assert!(program.text().contains("/nope.js"));
    let person = server.get_with("/nope", "Accept: text/html,*/*\r\n").await;
    assert_eq!(
        (person.status, person.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert_eq!(person.header("cache-control"), Some("no-store"));
}
