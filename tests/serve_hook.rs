//! The serve hook: plugins in other processes answer requests.

use crate::support::{
    Answer, ServeHook, Session, Site, TestServer, fails_with, with_session, within,
};
use pagewire_client::proto::{
    self, serve_content::Body, serve_result::Outcome, server_start_response::Event,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

fn filter(path: &str) -> proto::RequestFilter {
    proto::RequestFilter {
        exact_paths: vec![path.into()],
        ..Default::default()
    }
}

fn open(path: &str) -> proto::ServeOpen {
    proto::ServeOpen {
        filters: vec![filter(path)],
        ..Default::default()
    }
}

fn content(body: &str) -> Outcome {
    Outcome::Content(proto::ServeContent {
        body: Some(Body::InlineBody(body.as_bytes().to_vec().into())),
        ..Default::default()
    })
}

/// A session that has declared the serve hook.
async fn session(server: &TestServer, name: &str) -> Session {
    let request = proto::ServerStartRequest {
        plugin_name: name.into(),
        hooks: vec![proto::Hook::Serve.into()],
        ..Default::default()
    };
    Session::open_as(server, request).await.expect("a session")
}

async fn plugin(server: &TestServer, name: &str, open: proto::ServeOpen) -> (Session, ServeHook) {
    let mut session = session(server, name).await;
    let hook = session.serve(open).await.expect("a hook");
    (session, hook)
}

/// GETs a path while the plugin gives this outcome.
async fn get(server: &TestServer, hook: &mut ServeHook, path: &str, outcome: Outcome) -> Answer {
    let answers = async {
        let call = hook.call().await;
        hook.answer(call.call_id, outcome).await;
    };
    tokio::join!(server.get(path), answers).0
}

#[tokio::test]
async fn content_is_served_with_a_type_a_tag_and_304() {
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/virtual.js")).await;
    let answer = get(
        &server,
        &mut hook,
        "/virtual.js",
        content("export default 1;"),
    )
    .await;
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "export default 1;")
    );
    assert_eq!(
        answer.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let tag = answer.header("etag").expect("an ETag").to_owned();
    let known = format!("If-None-Match: {tag}\r\n");
    let answers = async {
        let call = hook.call().await;
        hook.answer(call.call_id, content("export default 1;"))
            .await;
    };
    let (again, ()) = tokio::join!(server.get_with("/virtual.js", &known), answers);
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn the_call_carries_the_request_and_only_the_headers_that_were_asked_for() {
    let site = Site::new([("real.js", "file")]);
    let server = TestServer::start(&site).await;
    let mut asked = open("/real.js");
    asked.options = Some(proto::HookOptions {
        forward_request_headers: vec!["x-wanted".into()],
        ..Default::default()
    });
    let (_session, mut hook) = plugin(&server, "p", asked).await;
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
    let (answer, call) = tokio::join!(request, answers);
    assert_eq!(answer.text(), "file");
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
async fn what_no_filter_matches_never_leaves_the_daemon() {
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/mine")).await;
    assert_eq!(server.get("/").await.status, 200);
    assert_eq!(server.get("/other").await.status, 404);
    let post =
        b"POST /mine HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(post).await.status, 405);
    // The first call is the first that matched.
    let answer = get(&server, &mut hook, "/mine", content("yes")).await;
    assert_eq!(answer.text(), "yes");
}

#[tokio::test]
async fn a_failure_is_shown_with_its_place_and_never_falls_through() {
    let site = Site::new([("page.html", "<!doctype html>file")]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin(&server, "fails", open("/page.html")).await;
    let failure = || {
        Outcome::Failure(proto::HookFailure {
            status: 422,
            message: "unexpected <token>".into(),
            stack: String::new(),
            location: Some(proto::SourceLocation {
                file: "src/app.ts".into(),
                line: 3,
                column: 9,
                frame: "> 3 | let <x>".into(),
            }),
            ..Default::default()
        })
    };
    let answers = async {
        let call = hook.call().await;
        hook.answer(call.call_id, failure()).await;
    };
    let (page, ()) = tokio::join!(
        server.get_with("/page.html", "Accept: text/html\r\n"),
        answers
    );
    assert_eq!(page.status, 422);
    assert_eq!(page.header("pagewire-plugin"), Some("fails"));
    assert_eq!(page.header("pagewire-reason"), Some("failure"));
    for part in [
        "fails",
        "unexpected &lt;token&gt;",
        "src/app.ts:3:9",
        "&gt; 3 | let &lt;x&gt;",
    ] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    let unset = get(
        &server,
        &mut hook,
        "/page.html",
        Outcome::Failure(proto::HookFailure::default()),
    )
    .await;
    assert_eq!(unset.status, 500);
}

#[tokio::test]
async fn a_deadline_answers_504_and_cancels_the_call() {
    let server = TestServer::start(&Site::page()).await;
    let mut slow = open("/slow");
    slow.options = Some(proto::HookOptions {
        call_timeout: Some(prost_types::Duration {
            seconds: 0,
            nanos: 50_000_000,
        }),
        ..Default::default()
    });
    let (_session, mut hook) = plugin(&server, "slow", slow).await;
    let answer = server.get("/slow").await;
    assert_eq!(
        (answer.status, answer.header("pagewire-reason")),
        (504, Some("timeout"))
    );
    assert_eq!(answer.header("pagewire-plugin"), Some("slow"));
    let call = hook.call().await;
    let cancel = hook.cancelled().await;
    assert_eq!(
        (cancel.call_id, cancel.reason()),
        (call.call_id, proto::call_cancel::Reason::Deadline)
    );
    // A late result changes nothing, and the stream goes on.
    hook.answer(call.call_id, content("late")).await;
    hook.answer(4711, content("unknown")).await;
    let answer = get(&server, &mut hook, "/slow", content("in time")).await;
    assert_eq!(answer.text(), "in time");
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_cancels_its_call() {
    use tokio::io::AsyncWriteExt;
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/mine")).await;
    let mut stream = tokio::net::TcpStream::connect(server.http())
        .await
        .expect("a connection");
    stream
        .write_all(b"GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("a request");
    let call = hook.call().await;
    drop(stream);
    let cancel = hook.cancelled().await;
    assert_eq!(
        (cancel.call_id, cancel.reason()),
        (call.call_id, proto::call_cancel::Reason::ClientGone)
    );
}

#[tokio::test]
async fn a_plugin_that_leaves_costs_the_calls_it_held() {
    let server = TestServer::start(&Site::page()).await;
    for (mode, status) in [
        (proto::FailureMode::Fail, 502),
        (proto::FailureMode::Skip, 200),
    ] {
        let mut asked = open("/");
        asked.options = Some(proto::HookOptions {
            failure_mode: mode.into(),
            ..Default::default()
        });
        let (session, mut hook) = plugin(&server, "leaves", asked).await;
        let leave = async {
            hook.call().await;
            drop(hook);
            drop(session);
        };
        let (answer, ()) = tokio::join!(server.get("/"), leave);
        assert_eq!(answer.status, status);
        let skipped = (mode == proto::FailureMode::Skip).then_some("leaves");
        assert_eq!(answer.header("pagewire-skipped"), skipped);
        let free = async {
            while server
                .client()
                .await
                .raw()
                .server_start(proto::ServerStartRequest {
                    plugin_name: "leaves".into(),
                    ..Default::default()
                })
                .await
                .is_err()
            {
                tokio::task::yield_now().await;
            }
        };
        within("the name to be free", free).await;
        assert_eq!(server.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn the_order_is_phase_then_name_whoever_came_first() {
    let site = Site::new([("both", "file")]);
    let server = TestServer::start(&site).await;
    let asked = |path: &str, phase: proto::ServePhase| proto::ServeOpen {
        phase: phase.into(),
        ..open(path)
    };
    // They come in the reverse of their order.
    let (_s1, mut after) = plugin(
        &server,
        "a-after",
        asked("/none", proto::ServePhase::AfterFiles),
    )
    .await;
    let (_s2, mut second) =
        plugin(&server, "b", asked("/none", proto::ServePhase::BeforeFiles)).await;
    let (_s3, mut first) =
        plugin(&server, "a", asked("/none", proto::ServePhase::BeforeFiles)).await;
    let (_s4, mut editor) = plugin(
        &server,
        "z-editor",
        asked("/none", proto::ServePhase::First),
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
    let (answer, ()) = tokio::join!(server.get("/none"), skips);
    assert_eq!(answer.text(), "after files");

    // A file keeps the last phase out of it.
    let (_s5, _never) = plugin(
        &server,
        "y-after",
        asked("/both", proto::ServePhase::AfterFiles),
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
async fn a_result_that_breaks_the_contract_is_the_plugins_failure() {
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/x")).await;
    let with = |change: fn(&mut proto::ServeContent)| {
        let mut content = proto::ServeContent {
            body: Some(Body::InlineBody("x".into())),
            ..Default::default()
        };
        change(&mut content);
        Outcome::Content(content)
    };
    for outcome in [
        with(|content| content.body = None),
        with(|content| content.status = 99),
        with(|content| content.status = 1000),
        with(|content| content.content_type = "text/html\r\nx: y".into()),
        with(|content| {
            content.headers = vec![proto::Header {
                name: "content-length".into(),
                value: "3".into(),
            }]
        }),
        with(|content| {
            content.headers = vec![proto::Header {
                name: "connection".into(),
                value: "close".into(),
            }]
        }),
        with(|content| {
            content.headers = vec![proto::Header {
                name: "x".into(),
                value: "a\r\nb: c".into(),
            }]
        }),
        with(|content| {
            content.headers = vec![proto::Header {
                name: "a b".into(),
                value: "c".into(),
            }]
        }),
    ] {
        let answer = get(&server, &mut hook, "/x", outcome.clone()).await;
        assert_eq!(
            (answer.status, answer.header("pagewire-plugin")),
            (500, Some("p")),
            "{outcome:?}"
        );
    }
    let fine = with(|content| {
        content.status = 201;
        content.content_type = "json".into();
        content.headers = vec![proto::Header {
            name: "x-mine".into(),
            value: "1".into(),
        }];
        content.body = Some(Body::InlineBody(Vec::new().into()));
    });
    let answer = get(&server, &mut hook, "/x", fine).await;
    assert_eq!((answer.status, answer.header("x-mine")), (201, Some("1")));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn virtual_pages_get_the_client_unless_verbatim() {
    let server = TestServer::start_with(&Site::page(), &["--inject", "always"]).await;
    let (_session, mut hook) = plugin(&server, "p", open("/page.html")).await;
    let page = "<!doctype html><body></body>";
    let answer = get(&server, &mut hook, "/page.html", content(page)).await;
    assert!(answer.text().contains("/__pagewire__/client.js"));
    let verbatim = Outcome::Content(proto::ServeContent {
        body: Some(Body::InlineBody(page.into())),
        verbatim: true,
        ..Default::default()
    });
    assert_eq!(
        get(&server, &mut hook, "/page.html", verbatim).await.text(),
        page
    );
    let with_policy = Outcome::Content(proto::ServeContent {
        body: Some(Body::InlineBody(page.into())),
        headers: vec![proto::Header {
            name: "content-security-policy".into(),
            value: "script-src 'nonce-Zm9v'".into(),
        }],
        ..Default::default()
    });
    let answer = get(&server, &mut hook, "/page.html", with_policy).await;
    assert!(
        answer
            .text()
            .contains("client.js\" nonce=\"Zm9v\"></script></body>"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_session_is_ready_when_its_declared_hooks_are_open() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = session(&server, "p").await;
    let _hook = session.serve(open("/x")).await.expect("a hook");
    let event = session.event().await;
    assert!(matches!(event, Some(Event::Ready(_))), "{event:?}");
    let again = session.serve(open("/y")).await.map(|_| ());
    fails_with(again, Code::AlreadyExists, "HOOK_ALREADY_OPEN");
}

#[tokio::test]
async fn hooks_need_a_session_that_declared_them() {
    let server = TestServer::start(&Site::page()).await;
    let mut client = server.client().await.raw();
    let none = client.serve(tokio_stream::empty()).await.map(|_| ());
    fails_with(none, Code::FailedPrecondition, "SESSION_REQUIRED");
    let gone = client
        .serve(with_session("nosuch", tokio_stream::empty()))
        .await
        .map(|_| ());
    fails_with(gone, Code::FailedPrecondition, "SESSION_GONE");
    let mut undeclared = Session::open(&server, "p").await;
    fails_with(
        undeclared.serve(open("/x")).await.map(|_| ()),
        Code::FailedPrecondition,
        "HOOK_UNDECLARED",
    );
}

#[tokio::test]
async fn bad_first_messages_and_filters_end_the_stream_with_a_reason() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = session(&server, "p").await;
    let bad = [
        proto::RequestFilter::default(),
        filter("slashless"),
        proto::RequestFilter {
            path_regexes: vec!["(?!x)".into()],
            ..Default::default()
        },
        proto::RequestFilter {
            match_all: true,
            mime_types: vec!["text/html".into()],
            ..Default::default()
        },
    ];
    for filter in bad {
        let open = proto::ServeOpen {
            filters: vec![filter],
            ..Default::default()
        };
        fails_with(
            session.serve(open).await.map(|_| ()),
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
    }
    let negative = proto::ServeOpen {
        options: Some(proto::HookOptions {
            call_timeout: Some(prost_types::Duration {
                seconds: -1,
                nanos: 0,
            }),
            ..Default::default()
        }),
        ..open("/x")
    };
    fails_with(
        session.serve(negative).await.map(|_| ()),
        Code::InvalidArgument,
        "FIELD_INVALID",
    );

    // Headers come at once; the missing open is the stream's end.
    let (sender, requests) = mpsc::channel(1);
    let request = session.request(ReceiverStream::new(requests));
    let mut stream = within("headers", session.client.serve(request))
        .await
        .expect("headers")
        .into_inner();
    let result = proto::serve_request::Message::Result(proto::ServeResult::default());
    sender
        .send(proto::ServeRequest {
            message: Some(result),
        })
        .await
        .expect("room");
    fails_with(
        within("the end", stream.message()).await,
        Code::InvalidArgument,
        "FIELD_INVALID",
    );
}

#[tokio::test]
async fn calls_are_answered_out_of_order_and_many_at_once() {
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
async fn plugins_are_listed_in_their_order_with_what_became_of_their_calls() {
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
async fn a_replaced_plugin_is_asked_no_more_once_its_name_is_taken() {
    let server = TestServer::start(&Site::page()).await;
    let (_old, mut held) = plugin(&server, "p", open("/x")).await;
    let server = &server;
    // The old session holds a call; nobody else will answer it.
    let waits = server.get("/x");
    let takeover = async {
        held.call().await;
        let request = proto::ServerStartRequest {
            plugin_name: "p".into(),
            replace_existing: true,
            ..Default::default()
        };
        let new = Session::open_as(server, request).await.expect("a takeover");
        // From here on the old hook is out of every order: no plugin answers, and no file.
        assert_eq!(server.get("/x").await.status, 404);
        new
    };
    let (answer, _new) = tokio::join!(waits, takeover);
    assert_eq!(
        (answer.status, answer.header("pagewire-reason")),
        (502, Some("gone"))
    );
}
