//! The transform hook: a chain of plugins over files, plugin answers and proxied bodies, and what of it
//! is kept.

use crate::support::{
    Answer, Backend, Calls, HookStream, Serve, Session, Site, TestServer, Transform, fails_with,
    within,
};
use pagewire_client::proto::{self, transform_result::Outcome};
use tonic::Code;
use tonic_types::StatusExt;

type TransformHook = HookStream<Transform>;

fn open(regex: &str) -> proto::TransformOpen {
    proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            path_regexes: vec![regex.into()],
            ..Default::default()
        }],
        ..Default::default()
    }
}

async fn plugin(
    server: &TestServer,
    name: &str,
    open: proto::TransformOpen,
) -> (Session, TransformHook) {
    Session::with_hook::<Transform>(server, name, open).await
}

fn change(body: impl AsRef<[u8]>) -> proto::TransformContent {
    proto::TransformContent {
        body: Some(body.as_ref().to_vec().into()),
        ..Default::default()
    }
}

fn skip() -> Outcome {
    Outcome::Skip(proto::Skip::default())
}

/// Puts its mark behind every body.
fn marking(hook: TransformHook, mark: &'static str) -> Calls {
    hook.answering(move |call| Outcome::Content(change([&call.body[..], mark.as_bytes()].concat())))
}

fn header(name: &str, value: &str) -> proto::Header {
    proto::Header {
        name: name.into(),
        value: value.as_bytes().to_vec().into(),
    }
}

/// The whole of a page's answer while the plugin gives this outcome.
async fn answered(
    server: &TestServer,
    hook: &mut TransformHook,
    path: &str,
    outcome: Outcome,
) -> (Answer, proto::TransformCall) {
    tokio::join!(server.get(path), hook.answer_next(outcome))
}

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
    let (answer, call) = answered(&server, &mut hook, "/a.ts?v=1", Outcome::Content(content)).await;
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
    assert_eq!(answer.text(), "let a = 1;");
    assert_eq!(
        answer.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(answer.header("content-length"), Some("10"));
    assert_eq!(answer.header("x-made"), Some("by ts"));
    assert_eq!(answer.header("last-modified"), None, "it is not the file's");
    let cookies = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);

    // A 304 for what was made, and none for what the file was.
    let tag = answer.header("etag").expect("a tag").to_owned();
    let again = server
        .get_with("/a.ts?v=1", &format!("If-None-Match: {tag}\r\n"))
        .await;
    assert_eq!(again.status, 304);
    drop(session);
    drop(hook);
    let plain = async {
        loop {
            let answer = server
                .get_with("/a.ts?v=1", &format!("If-None-Match: {tag}\r\n"))
                .await;
            if answer.status == 200 {
                return answer;
            }
        }
    };
    let plain = within("the plugin to leave", plain).await;
    assert_eq!(plain.text(), "let a: number = 1;");
}

#[tokio::test]
async fn plugins_change_in_resolved_order_whoever_came_first() {
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
async fn filters_look_at_the_type_as_the_plugin_before_left_it() {
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
async fn plugin_answers_and_proxied_bodies_are_changed_too() {
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

    // What is kept of the backend's must not stand for what is made of it.
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
    let (asked, answer) = backend.exchange(&server, request, response).await;
    for name in ["if-none-match", "range"] {
        assert_eq!(asked.header(name), None);
    }
    assert_eq!((answer.status, &*answer.text()), (206, "fr"));
    assert_eq!(answer.header("content-range"), Some("bytes 0-1/17"));
    assert_ne!(answer.header("etag"), Some("\"theirs\""));
}

#[tokio::test]
async fn what_was_made_is_kept_until_source_or_dependency_or_somebody_says_otherwise() {
    let site = Site::new([("a.md", "one"), ("layout", "L1")]);
    let server = TestServer::start(&site).await;
    let (_session, hook) = plugin(&server, "md", open(r"\.md$")).await;
    let layout = site.path().join("layout");
    let calls = hook.answering(move |call| {
        let around = std::fs::read_to_string(&layout).expect("the layout");
        Outcome::Content(proto::TransformContent {
            depends_on_files: vec![layout.display().to_string()],
            ..change(format!("{around} {}", String::from_utf8_lossy(&call.body)))
        })
    });
    // A file that was just written may be written again and look the same, so this takes a while.
    let kept = async |text: &str| {
        let asked = async {
            loop {
                let before = calls.count();
                assert_eq!(server.get("/a.md").await.text(), text);
                if calls.count() == before {
                    return before;
                }
            }
        };
        within("the answer to be kept", asked).await
    };
    let before = kept("L1 one").await;
    site.write("a.md", "two");
    // Nothing new is known of the layout.
    assert_eq!(kept("L1 two").await, before + 1);
    site.write("layout", "L2");
    kept("L2 two").await;

    let client = server.client().await;
    let forget = async |request: proto::InvalidateRequest| {
        let before = kept("L2 two").await;
        let mut raw = client.raw();
        let forgotten = raw.invalidate(request).await.expect("invalidated");
        let forgotten = forgotten.into_inner().entries_forgotten;
        server.get("/a.md").await;
        let asked = calls.count() - before;
        assert_eq!(
            asked == 1,
            forgotten > 0,
            "{forgotten} forgotten, {asked} asked"
        );
        forgotten > 0
    };
    let named = proto::InvalidateRequest::default();
    let files = |name: &str| vec![site.path().join(name).display().to_string()];
    for (request, is_meant) in [
        (
            proto::InvalidateRequest {
                all: true,
                ..named.clone()
            },
            true,
        ),
        (
            proto::InvalidateRequest {
                exact_paths: vec!["/a.md".into()],
                ..named.clone()
            },
            true,
        ),
        (
            proto::InvalidateRequest {
                exact_paths: vec!["/a".into()],
                ..named.clone()
            },
            false,
        ),
        (
            proto::InvalidateRequest {
                path_prefixes: vec!["/a".into()],
                ..named.clone()
            },
            true,
        ),
        (
            proto::InvalidateRequest {
                file_paths: files("layout"),
                ..named.clone()
            },
            true,
        ),
        (
            proto::InvalidateRequest {
                file_paths: files("a.md"),
                ..named.clone()
            },
            true,
        ),
        (
            proto::InvalidateRequest {
                file_paths: files("else"),
                ..named.clone()
            },
            false,
        ),
    ] {
        assert_eq!(forget(request.clone()).await, is_meant, "{request:?}");
    }
    for (request, field) in [
        (named.clone(), "all"),
        (
            proto::InvalidateRequest {
                exact_paths: vec!["a.md".into()],
                ..named.clone()
            },
            "exact_paths",
        ),
        (
            proto::InvalidateRequest {
                file_paths: vec!["a.md".into()],
                ..named.clone()
            },
            "file_paths",
        ),
    ] {
        let refused = client.raw().invalidate(request).await;
        let status = fails_with(refused, Code::InvalidArgument, "FIELD_INVALID");
        let details = status.get_details_bad_request().expect("violations");
        assert_eq!(details.field_violations[0].field, field);
    }
}

#[tokio::test]
async fn forwarded_headers_split_what_is_kept_and_no_cache_keeps_nothing() {
    let site = Site::new([("a.txt", "a"), ("b.txt", "b")]);
    let server = TestServer::start(&site).await;
    let opening = proto::TransformOpen {
        options: Some(proto::HookOptions {
            forward_request_headers: vec!["x-user".into()],
            ..Default::default()
        }),
        ..open("txt$")
    };
    let (_session, hook) = plugin(&server, "p", opening).await;
    let calls = hook.answering(|call| {
        let request = call.request.as_ref().expect("a request");
        let user = request
            .headers
            .first()
            .map_or(&b"nobody"[..], |header| &header.value);
        Outcome::Content(proto::TransformContent {
            no_cache: request.path == "/b.txt",
            ..change([&call.body[..], b" for ", user].concat())
        })
    });
    for _ in 0..2 {
        for (user, text) in [("x", "a for x"), ("y", "a for y")] {
            let headers = format!("X-User: {user}\r\nX-Else: {user}\r\n");
            let answer = server.get_with("/a.txt", &headers).await;
            assert_eq!(answer.text(), text);
        }
    }
    assert_eq!(calls.count(), 2);
    for asked in 1..=3 {
        assert_eq!(server.get("/b.txt").await.text(), "b for nobody");
        assert_eq!(calls.count(), 2 + asked);
    }
}

#[tokio::test]
async fn what_arrives_for_many_at_once_is_changed_once() {
    let site = Site::new([("a.txt", "a")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open("txt$")).await;
    let first = tokio::spawn(server.asking("/a.txt"));
    let call = hook.call().await;
    let others: Vec<_> = (0..20)
        .map(|_| tokio::spawn(server.asking("/a.txt")))
        .collect();
    // They have all been accepted once a request behind them is answered.
    server.get("/missing").await;
    // Who asked first leaves: the others still wait for the same call. Accepted is not asked, on a busy
    // machine: if none of them was that far, the call is cancelled, and they share the next.
    first.abort();
    hook.answer(call.call_id, Outcome::Content(change("made")))
        .await;
    let further = hook.answering(|_| Outcome::Content(change("made")));
    for other in others {
        let answer = within("an answer", other).await.expect("no panic");
        assert_eq!(answer.text(), "made");
    }
    let asked = further.count();
    assert!(asked <= 1, "{asked} further calls");
    assert_eq!(server.get("/a.txt").await.text(), "made");
    assert_eq!(further.count(), asked, "it is kept");
}

#[tokio::test]
async fn a_call_is_cancelled_when_the_last_who_waits_for_it_leaves() {
    let site = Site::new([("a.txt", "a")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open("txt$")).await;
    let asking = tokio::spawn(server.asking("/a.txt"));
    let call = hook.call().await;
    asking.abort();
    let cancel = hook.cancelled().await;
    assert_eq!(
        (cancel.call_id, cancel.reason()),
        (call.call_id, proto::call_cancel::Reason::ClientGone)
    );
}

#[tokio::test]
async fn a_failure_is_shown_and_a_broken_plugin_follows_its_failure_mode() {
    let site = Site::new([("a.txt", "a")]);
    let server = TestServer::start(&site).await;
    let options = |mode: proto::FailureMode| {
        Some(proto::HookOptions {
            call_timeout: Some(prost_types::Duration {
                seconds: 0,
                nanos: 50_000_000,
            }),
            failure_mode: mode.into(),
            ..Default::default()
        })
    };
    let (session, mut hook) = plugin(&server, "strict", open("txt$")).await;
    let failure = proto::HookFailure {
        status: 422,
        message: "unexpected <".into(),
        location: Some(proto::SourceLocation {
            file: "/a.txt".into(),
            line: 3,
            column: 7,
            frame: "3 | <".into(),
        }),
        ..Default::default()
    };
    let (answer, _) = answered(&server, &mut hook, "/a.txt", Outcome::Failure(failure)).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("/a.txt:3:7") && answer.text().contains("3 | <"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("pagewire-plugin"), Some("strict"));
    assert_eq!(answer.header("pagewire-reason"), Some("failure"));
    // It is asked again: the cause may be gone.
    let (answer, _) = answered(&server, &mut hook, "/a.txt", skip()).await;
    assert_eq!((answer.status, &*answer.text()), (200, "a"));
    let refused = proto::TransformContent {
        headers: vec![header("connection", "close")],
        ..change("b")
    };
    site.write("a.txt", "other");
    let (answer, _) = answered(&server, &mut hook, "/a.txt", Outcome::Content(refused)).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("connection"), "{}", answer.text());
    drop((hook, session));

    for (mode, status, text) in [
        (proto::FailureMode::Fail, 504, None),
        (proto::FailureMode::Skip, 200, Some("other")),
    ] {
        let name = if text.is_some() { "lenient" } else { "slow" };
        let opening = proto::TransformOpen {
            options: options(mode),
            ..open("txt$")
        };
        let (session, mut hook) = plugin(&server, name, opening).await;
        let answer = server.get("/a.txt").await;
        assert_eq!(answer.status, status);
        match text {
            Some(text) => {
                assert_eq!(answer.text(), text);
                assert_eq!(answer.header("pagewire-skipped"), Some(name));
            }
            None => assert_eq!(answer.header("pagewire-reason"), Some("timeout")),
        }
        // The same when it leaves while it works.
        let call = hook.call().await;
        assert_eq!(hook.cancelled().await.call_id, call.call_id);
        let asking = tokio::spawn(server.asking("/a.txt"));
        hook.call().await;
        drop((hook, session));
        let answer = within("an answer", asking).await.expect("no panic");
        match text {
            Some(text) => assert_eq!((answer.status, &*answer.text()), (200, text)),
            None => assert_eq!(
                (answer.status, answer.header("pagewire-reason")),
                (502, Some("gone"))
            ),
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_passes_the_plugin_by_and_says_so() {
    let large = "x".repeat(2 * 1024 * 1024);
    let site = Site::new([("large.txt", &*large), ("small.txt", "small")]);
    let server = TestServer::start(&site).await;
    let (_s1, default) = plugin(&server, "default", open("txt$")).await;
    let default = marking(default, "!");
    let answer = server.get("/large.txt").await;
    assert_eq!(answer.header("pagewire-skipped"), Some("default"));
    assert_eq!(answer.body.len(), large.len());
    assert_eq!(default.count(), 0);
    let opening = proto::TransformOpen {
        max_body_bytes: 4 * 1024 * 1024,
        ..open("txt$")
    };
    let (_s2, willing) = plugin(&server, "willing", opening).await;
    let willing = marking(willing, "?");
    let answer = server.get("/large.txt").await;
    assert_eq!(answer.header("pagewire-skipped"), Some("default"));
    assert_eq!(
        (answer.body.len(), answer.body.last()),
        (large.len() + 1, Some(&b'?'))
    );
    assert_eq!(willing.count(), 1);
    assert_eq!(server.get("/small.txt").await.text(), "small!?");
}

#[tokio::test]
async fn the_client_is_put_into_what_plugins_made_of_a_page() {
    let server = TestServer::start_with(&Site::page(), &["--inject", "always"]).await;
    let (_session, mut hook) = plugin(&server, "p", open("")).await;
    let page = "<!doctype html><body>made</body>";
    let (answer, call) = answered(&server, &mut hook, "/", Outcome::Content(change(page))).await;
    assert!(!String::from_utf8_lossy(&call.body).contains("client.js"));
    assert!(
        answer.text().contains("made<!-- injected by pagewire -->"),
        "{}",
        answer.text()
    );
    assert!(
        answer
            .header("etag")
            .is_some_and(|tag| tag.ends_with("-client\""))
    );
    // HEAD says what GET would get.
    let head = server
        .raw(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(head.header("etag"), answer.header("etag"));
    assert_eq!(
        head.header("content-length"),
        answer.header("content-length")
    );
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_changed_is_never_served_old() {
    let site = Site::new([("a.txt", "one")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open("txt$")).await;
    let dependency = site.path().join("dependency");
    std::fs::write(&dependency, "old").expect("a file");
    let made = |text: &str| {
        Outcome::Content(proto::TransformContent {
            depends_on_files: vec![dependency.display().to_string()],
            ..change(text)
        })
    };
    let first = tokio::spawn(server.asking("/a.txt"));
    let call = hook.call().await;
    std::fs::write(&dependency, "new").expect("a file");
    // Who comes now must not get what was made of the old one.
    let second = tokio::spawn(server.asking("/a.txt"));
    server.get("/missing").await;
    hook.answer(call.call_id, made("of old")).await;
    let first = within("an answer", first).await.expect("no panic");
    assert_eq!(first.text(), "of old");
    hook.answer_next(made("of new")).await;
    let second = within("an answer", second).await.expect("no panic");
    assert_eq!(second.text(), "of new");
}
