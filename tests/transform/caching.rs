//! Results are cached until source, dependency or plugin invalidates them; concurrent requests share a call.

use super::{change, open, plugin};
use crate::support::{Site, TestServer, assert_status, within};
use pagewire_client::proto;
use pagewire_client::proto::transform_result::Outcome;
use tonic::Code;
use tonic_types::StatusExt;

#[tokio::test]
async fn results_are_cached_until_the_source_or_a_dependency_changes_or_they_are_invalidated() {
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
    // Results are not cached within a second after a dependency was written: a second write could look the same.
    let cached = async |text: &str| {
        let calls_made = async {
            loop {
                let before = calls.count();
                assert_eq!(server.get("/a.md").await.text(), text);
                if calls.count() == before {
                    return before;
                }
            }
        };
        within("the result to be cached", calls_made).await
    };
    let before = cached("L1 one").await;
    site.write("a.md", "two");
    // The layout has not changed.
    assert_eq!(cached("L1 two").await, before + 1);
    site.write("layout", "L2");
    cached("L2 two").await;

    let client = server.client().await;
    let invalidate = async |request: proto::InvalidateRequest| {
        let before = cached("L2 two").await;
        let mut raw = client.raw();
        let invalidated = raw.invalidate(request).await.expect("invalidated");
        let invalidated = invalidated.into_inner().entries_forgotten;
        server.get("/a.md").await;
        let calls_made = calls.count() - before;
        assert_eq!(
            calls_made == 1,
            invalidated > 0,
            "{invalidated} invalidated, {calls_made} calls"
        );
        invalidated > 0
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
        assert_eq!(invalidate(request.clone()).await, is_meant, "{request:?}");
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
        let status = assert_status(refused, Code::InvalidArgument, "FIELD_INVALID");
        let details = status.get_details_bad_request().expect("violations");
        assert_eq!(details.field_violations[0].field, field);
    }
}

#[tokio::test]
async fn forwarded_headers_are_part_of_the_cache_key_and_no_cache_disables_caching() {
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
            .map_or(&b"anonymous"[..], |header| &header.value);
        Outcome::Content(proto::TransformContent {
            no_cache: request.path == "/b.txt",
            ..change([&call.body[..], b" for ", user].concat())
        })
    });
    for _ in 0..2 {
        for (user, text) in [("x", "a for x"), ("y", "a for y")] {
            let headers = format!("X-User: {user}\r\nX-Else: {user}\r\n");
            let response = server.get_with("/a.txt", &headers).await;
            assert_eq!(response.text(), text);
        }
    }
    assert_eq!(calls.count(), 2);
    for calls_made in 1..=3 {
        assert_eq!(server.get("/b.txt").await.text(), "b for anonymous");
        assert_eq!(calls.count(), 2 + calls_made);
    }
}

#[tokio::test]
async fn concurrent_requests_share_one_transform_call() {
    let site = Site::new([("a.txt", "a")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open("txt$")).await;
    let first = tokio::spawn(server.get_detached("/a.txt"));
    let call = hook.call().await;
    let others: Vec<_> = (0..20)
        .map(|_| tokio::spawn(server.get_detached("/a.txt")))
        .collect();
    // All have been accepted once a later request is answered.
    server.get("/missing").await;
    // The first client disconnects: the others still wait for the same call. On a busy machine an
    // accepted request may not have joined the call yet: if none has, the call is cancelled and they
    // share the next.
    first.abort();
    hook.answer(call.call_id, Outcome::Content(change("made")))
        .await;
    let further = hook.answering(|_| Outcome::Content(change("made")));
    for other in others {
        let response = within("an answer", other).await.expect("no panic");
        assert_eq!(response.text(), "made");
    }
    let calls_made = further.count();
    assert!(calls_made <= 1, "{calls_made} further calls");
    assert_eq!(server.get("/a.txt").await.text(), "made");
    assert_eq!(further.count(), calls_made, "the result is cached");
}

#[tokio::test]
async fn a_call_is_cancelled_when_its_last_waiter_disconnects() {
    let site = Site::new([("a.txt", "a")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "p", open("txt$")).await;
    let pending = tokio::spawn(server.get_detached("/a.txt"));
    let call = hook.call().await;
    pending.abort();
    let cancel = hook.cancelled().await;
    assert_eq!(
        (cancel.call_id, cancel.reason()),
        (call.call_id, proto::call_cancel::Reason::ClientGone)
    );
}

#[tokio::test]
async fn a_file_that_changes_during_its_transform_is_never_served_stale() {
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
    let first = tokio::spawn(server.get_detached("/a.txt"));
    let call = hook.call().await;
    std::fs::write(&dependency, "new").expect("a file");
    // A new request must not get the result for the old content.
    let second = tokio::spawn(server.get_detached("/a.txt"));
    server.get("/missing").await;
    hook.answer(call.call_id, made("of old")).await;
    let first = within("an answer", first).await.expect("no panic");
    assert_eq!(first.text(), "of old");
    hook.answer_next(made("of new")).await;
    let second = within("an answer", second).await.expect("no panic");
    assert_eq!(second.text(), "of new");
}
