//! Which requests reach which plugin, with what, and in which order.

use super::{content, filter, get, open, plugin, session};
use crate::support::{ServeHook, Session, Site, TestServer};
use pagewire_client::proto;
use pagewire_client::proto::serve_result::Outcome;

#[tokio::test]
async fn a_call_carries_the_request_and_only_the_requested_headers() {
    let site = Site::new([("real.js", "file")]);
    let server = TestServer::start(&site).await;
    let mut open_in_phase = open("/real.js");
    open_in_phase.options = Some(proto::HookOptions {
        forward_request_headers: vec!["x-wanted".into()],
        ..Default::default()
    });
    let (_session, mut hook) = plugin(&server, "p", open_in_phase).await;
    let request = server.get_with(
        "/%72eal.js?q=%20",
        "X-Wanted: yes\r\nX-Other: no\r\nTraceparent: 00-1\r\n",
    );
    let answers = async {
        let call = hook.call().await;
        hook.answer(call.call_id, Outcome::Skip(proto::Skip::default()))
            .await;
        call
    };
    let (response, call) = tokio::join!(request, answers);
    assert_eq!(response.text(), "file");
    let request = call.request.expect("a request");
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/real.js")
    );
    assert_eq!(
        (request.query.as_str(), request.raw_target.as_str()),
        ("q=%20", "/%72eal.js?q=%20")
    );
    assert_eq!(
        (request.host.as_str(), request.traceparent.as_str()),
        ("localhost", "00-1")
    );
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|header| header.name.as_str())
        .collect();
    assert_eq!(headers, ["x-wanted"]);
    assert!(
        request.file_path.ends_with("/real.js"),
        "{}",
        request.file_path
    );
    assert!(call.time_remaining.is_some_and(|left| left.seconds <= 5));
}

#[tokio::test]
async fn unmatched_requests_cause_no_call() {
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/mine")).await;
    assert_eq!(server.get("/").await.status, 200);
    assert_eq!(server.get("/other").await.status, 404);
    let post =
        b"POST /mine HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(post).await.status, 405);
    // The first call is the first request that matched.
    let response = get(&server, &mut hook, "/mine", content("yes")).await;
    assert_eq!(response.text(), "yes");
}

#[tokio::test]
async fn plugins_are_ordered_by_phase_then_name() {
    let site = Site::new([("both", "file")]);
    let server = TestServer::start(&site).await;
    let open_in_phase = |path: &str, phase: proto::ServePhase| proto::ServeOpen {
        phase: phase.into(),
        ..open(path)
    };
    // They connect in the reverse of their order.
    let (_s1, mut after) = plugin(
        &server,
        "a-after",
        open_in_phase("/none", proto::ServePhase::AfterFiles),
    )
    .await;
    let (_s2, mut second) = plugin(
        &server,
        "b",
        open_in_phase("/none", proto::ServePhase::BeforeFiles),
    )
    .await;
    let (_s3, mut first) = plugin(
        &server,
        "a",
        open_in_phase("/none", proto::ServePhase::BeforeFiles),
    )
    .await;
    let (_s4, mut editor) = plugin(
        &server,
        "z-editor",
        open_in_phase("/none", proto::ServePhase::First),
    )
    .await;
    let skips = async {
        for hook in [&mut editor, &mut first, &mut second] {
            let call = hook.call().await;
            hook.answer(call.call_id, Outcome::Skip(proto::Skip::default()))
                .await;
        }
        let call = after.call().await;
        hook_answers(&mut after, call.call_id).await;
    };
    let (response, ()) = tokio::join!(server.get("/none"), skips);
    assert_eq!(response.text(), "after files");

    // An existing file excludes the last phase.
    let (_s5, _never) = plugin(
        &server,
        "y-after",
        open_in_phase("/both", proto::ServePhase::AfterFiles),
    )
    .await;
    assert_eq!(server.get("/both").await.text(), "file");
}

async fn hook_answers(hook: &mut ServeHook, call_id: u64) {
    hook.answer(call_id, content("after files")).await;
}

#[tokio::test]
async fn filters_can_be_replaced() {
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/old")).await;
    hook.update(vec![filter("/new")]).await;
    assert_eq!(server.get("/old").await.status, 404);
    assert_eq!(
        get(&server, &mut hook, "/new", content("new")).await.text(),
        "new"
    );
}

#[tokio::test]
async fn many_concurrent_calls_can_be_answered_out_of_order() {
    let server = TestServer::start(&Site::page()).await;
    let all = proto::ServeOpen {
        filters: vec![proto::RequestFilter {
            path_prefixes: vec!["/n/".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_session, mut hook) = plugin(&server, "p", all).await;
    let server = &server;
    let requests = futures_util::future::join_all(
        (0..20).map(|n| async move { server.get(&format!("/n/{n}")).await.text() }),
    );
    let answers = async {
        let mut calls = Vec::new();
        for _ in 0..20 {
            calls.push(hook.call().await);
        }
        for call in calls.into_iter().rev() {
            let path = call.request.expect("a request").path;
            hook.answer(call.call_id, content(&path)).await;
        }
    };
    let (texts, ()) = tokio::join!(requests, answers);
    let expected: Vec<_> = (0..20).map(|n| format!("/n/{n}")).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn plugins_are_listed_in_order_with_their_call_counters() {
    let server = TestServer::start(&Site::page()).await;
    let (_s1, mut b) = plugin(&server, "b", open("/x")).await;
    let (_s2, mut a) = plugin(&server, "a", open("/x")).await;
    let _starting = session(&server, "c").await;
    let skip = || Outcome::Skip(proto::Skip::default());
    for outcome in [
        content("x"),
        Outcome::Failure(proto::HookFailure::default()),
    ] {
        let answers = async {
            let call = a.call().await;
            a.answer(call.call_id, skip()).await;
            a.answer(call.call_id, skip()).await;
            let call = b.call().await;
            b.answer(call.call_id, outcome).await;
        };
        tokio::join!(server.get("/x"), answers);
    }
    let list = server.client().await.plugins().await.expect("a list");
    let names: Vec<_> = list
        .iter()
        .map(|plugin| plugin.plugin_name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let state = |at: usize| list[at].state();
    assert_eq!(
        (state(0), state(2)),
        (proto::plugin::State::Ready, proto::plugin::State::Starting)
    );
    let counts = |at: usize| {
        let plugin = &list[at];
        (
            plugin.calls,
            plugin.passes,
            plugin.failures,
            plugin.late_results,
        )
    };
    assert_eq!(counts(0), (2, 2, 0, 2));
    assert_eq!(counts(1), (2, 0, 1, 0));
    assert!(list[1].call_latency_p99.is_some() && list[2].call_latency_p99.is_none());
}

#[tokio::test]
async fn a_replaced_plugin_gets_no_further_calls() {
    let server = TestServer::start(&Site::page()).await;
    let (_old, mut held) = plugin(&server, "p", open("/x")).await;
    let server = &server;
    // The old session holds a call; no other plugin will answer it.
    let waits = server.get("/x");
    let takeover = async {
        held.call().await;
        let request = proto::ServerStartRequest {
            plugin_name: "p".into(),
            replace_existing: true,
            ..Default::default()
        };
        let new = Session::open_as(server, request).await.expect("a takeover");
        // From here on the old hook is not called any more, so neither a plugin nor a file responds.
        assert_eq!(server.get("/x").await.status, 404);
        new
    };
    let (response, _new) = tokio::join!(waits, takeover);
    assert_eq!(
        (response.status, response.header("pagewire-reason")),
        (502, Some("gone"))
    );
}
