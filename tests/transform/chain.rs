//! Plugins change responses in their resolved order, whatever the source of the body.

use super::{change, header, marking, open, plugin, response_to};
use crate::support::{Backend, NAVIGATION, Serve, Session, Site, TestServer, within};
use pagewire_client::proto;
use pagewire_client::proto::transform_result::Outcome;

#[tokio::test]
async fn a_plugin_sees_the_response_and_changes_body_type_and_headers() {
    let site = Site::new([("a.ts", "let a: number = 1;")]);
    let server = TestServer::start(&site).await;
    let (session, mut hook) = plugin(&server, "ts", open(r"\.ts$")).await;
    let content = proto::TransformContent {
        content_type: "js".into(),
        headers: vec![
            header("x-made", "by ts"),
            header("set-cookie", "a=1"),
            header("set-cookie", "b=2"),
        ],
        remove_headers: vec!["cache-control".into(), "x-absent".into()],
        ..change("let a = 1;")
    };
    let (response, call) =
        response_to(&server, &mut hook, "/a.ts?v=1", Outcome::Content(content)).await;
    let request = call.request.expect("a request");
    assert_eq!(
        (&*request.method, &*request.path, &*request.query),
        ("GET", "/a.ts", "v=1")
    );
    let file = site.path().join("a.ts").canonicalize().expect("a file");
    assert_eq!(request.file_path, file.display().to_string());
    assert_eq!(call.body, "let a: number = 1;");
    assert_eq!(call.content_type, "text/plain; charset=utf-8");
    assert!(
        call.response_headers
            .iter()
            .any(|header| header.name == "last-modified" || header.name == "content-type"),
        "{:?}",
        call.response_headers
    );
    assert_eq!(response.text(), "let a = 1;");
    assert_eq!(
        response.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(response.header("content-length"), Some("10"));
    assert_eq!(response.header("x-made"), Some("by ts"));
    assert_eq!(
        response.header("last-modified"),
        None,
        "the date of the file does not apply"
    );
    let cookies = response
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);

    // The tag of the result gets a 304, the tag of the file does not.
    let tag = response.header("etag").expect("a tag").to_owned();
    let again = server
        .get_with("/a.ts?v=1", &format!("If-None-Match: {tag}\r\n"))
        .await;
    assert_eq!(again.status, 304);
    drop(session);
    drop(hook);
    let plain = async {
        loop {
            let response = server
                .get_with("/a.ts?v=1", &format!("If-None-Match: {tag}\r\n"))
                .await;
            if response.status == 200 {
                return response;
            }
        }
    };
    let plain = within("the plugin to disconnect", plain).await;
    assert_eq!(plain.text(), "let a: number = 1;");
}

#[tokio::test]
async fn transforms_run_in_resolved_order() {
    let config =
        "[[plugin]]\nname = 'third'\n[[plugin]]\nname = 'first'\n[[plugin]]\nname = 'second'\n";
    let orders = [
        ["third", "first", "second"],
        ["third", "second", "first"],
        ["first", "third", "second"],
        ["first", "second", "third"],
        ["second", "third", "first"],
        ["second", "first", "third"],
    ];
    for order in orders {
        let site = Site::new([("a.txt", "a"), ("pagewire.toml", config)]);
        let server = TestServer::start(&site).await;
        let mut sessions = Vec::new();
        for name in order {
            let (session, hook) = plugin(&server, name, open("txt$")).await;
            let mark = match name {
                "third" => "3",
                "first" => "1",
                _ => "2",
            };
            marking(hook, mark);
            sessions.push(session);
        }
        assert_eq!(server.get("/a.txt").await.text(), "a312", "{order:?}");
    }
}

#[tokio::test]
async fn filters_see_the_content_type_of_the_previous_transform() {
    let site = Site::new([("a.ts", "ts"), ("b.js", "js"), ("c.css", "css")]);
    let server = TestServer::start(&site).await;
    let of_type = |mime: &str| proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            mime_types: vec![mime.into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_s1, ts) = plugin(&server, "a-ts", open(r"\.ts$")).await;
    ts.answering(|call| {
        Outcome::Content(proto::TransformContent {
            content_type: "js".into(),
            ..change([&call.body[..], b">js"].concat())
        })
    });
    let (_s2, js) = plugin(&server, "b-js", of_type("text/javascript")).await;
    marking(js, "+");
    for (path, text) in [("/a.ts", "ts>js+"), ("/b.js", "js+"), ("/c.css", "css")] {
        assert_eq!(server.get(path).await.text(), text);
    }
}

#[tokio::test]
async fn plugin_responses_and_proxied_bodies_are_transformed_too() {
    let backend = Backend::start().await;
    let rule = format!("http://localhost:{}", backend.address.port());
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    let (_s1, hook) = plugin(&server, "mark", open("^/")).await;
    marking(hook, "!");
    let (_s2, serve) = Session::with_hook::<Serve>(
        &server,
        "virtual",
        proto::ServeOpen {
            filters: vec![proto::RequestFilter {
                path_prefixes: vec!["/virtual/".into()],
                ..Default::default()
            }],
            ..Default::default()
        },
    )
    .await;
    serve.answering(|call| {
        let request = call.request.as_ref().expect("a request");
        proto::serve_result::Outcome::Content(proto::ServeContent {
            verbatim: request.path.ends_with("verbatim"),
            body: Some(proto::serve_content::Body::InlineBody("made".into())),
            ..Default::default()
        })
    });
    assert_eq!(server.get("/virtual/x").await.text(), "made!");
    assert_eq!(server.get("/virtual/verbatim").await.text(), "made");

    // The backend's cached content must not replace the transformed content.
    let gzip: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x4b, 0x2b, 0xca, 0xcf, 0x55, 0x28, 0xc9, 0x48, 0x55,
        0x48, 0x4a, 0x4c, 0xce, 0x4e, 0xcd, 0x4b, 1, 0, 0x4b, 0x4b, 0xd6, 0xd2, 16, 0, 0, 0,
    ];
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"theirs\"\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzip.len()
    );
    let request = "GET /proxied HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"theirs\"\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n";
    let response = [head.as_bytes(), gzip].concat();
    let (received, response) = backend.exchange(&server, request, response).await;
    for name in ["if-none-match", "range"] {
        assert_eq!(received.header(name), None);
    }
    assert_eq!((response.status, &*response.text()), (206, "fr"));
    assert_eq!(response.header("content-range"), Some("bytes 0-1/17"));
    assert_ne!(response.header("etag"), Some("\"theirs\""));
}

#[tokio::test]
async fn the_client_is_injected_into_the_transformed_page() {
    let server = TestServer::start_with(&Site::page(), &["--inject", "always"]).await;
    let (_session, mut hook) = plugin(&server, "p", open("")).await;
    let page = "<!doctype html><body>made</body>";
    let (response, call) = tokio::join!(
        server.navigate("/"),
        hook.answer_next(Outcome::Content(change(page)))
    );
    assert!(!String::from_utf8_lossy(&call.body).contains("client.js"));
    assert!(
        response
            .text()
            .contains("made<!-- injected by pagewire -->"),
        "{}",
        response.text()
    );
    assert!(
        response
            .header("etag")
            .is_some_and(|tag| tag.ends_with("-client\""))
    );
    // HEAD has the headers of GET.
    let head = server
        .raw(
            format!("HEAD / HTTP/1.1\r\nHost: localhost\r\n{NAVIGATION}Connection: close\r\n\r\n")
                .as_bytes(),
        )
        .await;
    assert_eq!(head.header("etag"), response.header("etag"));
    assert_eq!(
        head.header("content-length"),
        response.header("content-length")
    );
}
