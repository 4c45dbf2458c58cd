//! Failing plugins follow their failure mode, and oversized bodies bypass them.

use super::{change, header, marking, open, plugin, response_to};
use crate::support::{Site, TestServer, within};
use pagewire_client::proto;
use pagewire_client::proto::transform_result::Outcome;

fn skip() -> Outcome {
    Outcome::Skip(proto::Skip::default())
}

#[tokio::test]
async fn a_failure_is_shown_and_a_broken_plugin_follows_its_failure_mode() {
    let site = Site::new([("a.txt", "a")]);
    let server = TestServer::start(&site).await;
    let options = |mode: proto::FailureMode| {
        Some(proto::HookOptions {
            call_timeout: Some(prost_types::Duration {
                seconds: 1,
                nanos: 0,
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
    let (response, _) = response_to(&server, &mut hook, "/a.txt", Outcome::Failure(failure)).await;
    assert_eq!(response.status, 422);
    assert!(
        response.text().contains("/a.txt:3:7") && response.text().contains("3 | <"),
        "{}",
        response.text()
    );
    assert_eq!(response.header("pagewire-plugin"), Some("strict"));
    assert_eq!(response.header("pagewire-reason"), Some("failure"));
    // The plugin is called again: the cause may be gone.
    let (response, _) = response_to(&server, &mut hook, "/a.txt", skip()).await;
    assert_eq!((response.status, &*response.text()), (200, "a"));
    let refused = proto::TransformContent {
        headers: vec![header("connection", "close")],
        ..change("b")
    };
    site.write("a.txt", "other");
    let (response, _) = response_to(&server, &mut hook, "/a.txt", Outcome::Content(refused)).await;
    assert_eq!(response.status, 500);
    assert!(
        response.text().contains("connection"),
        "{}",
        response.text()
    );
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
        let response = server.get("/a.txt").await;
        assert_eq!(response.status, status);
        match text {
            Some(text) => {
                assert_eq!(response.text(), text);
                assert_eq!(response.header("pagewire-skipped"), Some(name));
            }
            None => assert_eq!(response.header("pagewire-reason"), Some("timeout")),
        }
        // The same if it disconnects during the call.
        let call = hook.call().await;
        assert_eq!(hook.cancelled().await.call_id, call.call_id);
        let pending = tokio::spawn(server.get_detached("/a.txt"));
        hook.call().await;
        drop((hook, session));
        let response = within("an answer", pending).await.expect("no panic");
        match text {
            Some(text) => assert_eq!((response.status, &*response.text()), (200, text)),
            None => assert_eq!(
                (response.status, response.header("pagewire-reason")),
                (502, Some("gone"))
            ),
        }
    }
}

#[tokio::test]
async fn a_body_too_large_for_a_transform_bypasses_it_with_a_warning() {
    let large = "x".repeat(2 * 1024 * 1024);
    let site = Site::new([("large.txt", &*large), ("small.txt", "small")]);
    let server = TestServer::start(&site).await;
    let (_s1, default) = plugin(&server, "default", open("txt$")).await;
    let default = marking(default, "!");
    let response = server.get("/large.txt").await;
    assert_eq!(response.header("pagewire-skipped"), Some("default"));
    assert_eq!(response.body.len(), large.len());
    assert_eq!(default.count(), 0);
    let opening = proto::TransformOpen {
        max_body_bytes: 4 * 1024 * 1024,
        ..open("txt$")
    };
    let (_s2, willing) = plugin(&server, "willing", opening).await;
    let willing = marking(willing, "?");
    let response = server.get("/large.txt").await;
    assert_eq!(response.header("pagewire-skipped"), Some("default"));
    assert_eq!(
        (response.body.len(), response.body.last()),
        (large.len() + 1, Some(&b'?'))
    );
    assert_eq!(willing.count(), 1);
    assert_eq!(server.get("/small.txt").await.text(), "small!?");
}
