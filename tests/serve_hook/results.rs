//! What a plugin returns becomes a response, and a failure is attributed to it.

use super::{content, get, get_with, open, plugin};
use crate::support::{NAVIGATION, Site, TestServer, within};
use pagewire_client::proto;
use pagewire_client::proto::serve_content::Body;
use pagewire_client::proto::serve_result::Outcome;

#[tokio::test]
async fn content_is_served_with_a_type_a_tag_and_304() {
    let server = TestServer::start(&Site::page()).await;
    let (_session, mut hook) = plugin(&server, "p", open("/virtual.js")).await;
    let response = get(
        &server,
        &mut hook,
        "/virtual.js",
        content("export default 1;"),
    )
    .await;
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "export default 1;")
    );
    assert_eq!(
        response.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let tag = response.header("etag").expect("an ETag").to_owned();
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
async fn a_failure_is_shown_with_its_location_and_never_falls_through() {
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
            seconds: 1,
            nanos: 0,
        }),
        ..Default::default()
    });
    let (_session, mut hook) = plugin(&server, "slow", slow).await;
    let response = server.get("/slow").await;
    assert_eq!(
        (response.status, response.header("pagewire-reason")),
        (504, Some("timeout"))
    );
    assert_eq!(response.header("pagewire-plugin"), Some("slow"));
    let call = hook.call().await;
    let cancel = hook.cancelled().await;
    assert_eq!(
        (cancel.call_id, cancel.reason()),
        (call.call_id, proto::call_cancel::Reason::Deadline)
    );
    // A late result changes nothing, and the stream continues.
    hook.answer(call.call_id, content("late")).await;
    hook.answer(4711, content("unknown")).await;
    let response = get(&server, &mut hook, "/slow", content("in time")).await;
    assert_eq!(response.text(), "in time");
}

#[tokio::test]
async fn an_abandoned_request_cancels_its_call() {
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
async fn a_plugin_that_disconnects_fails_only_the_calls_it_held() {
    let server = TestServer::start(&Site::page()).await;
    for (mode, status) in [
        (proto::FailureMode::Fail, 502),
        (proto::FailureMode::Skip, 200),
    ] {
        let mut open = open("/");
        open.options = Some(proto::HookOptions {
            failure_mode: mode.into(),
            ..Default::default()
        });
        let (session, mut hook) = plugin(&server, "leaves", open).await;
        let leave = async {
            hook.call().await;
            drop(hook);
            drop(session);
        };
        let (response, ()) = tokio::join!(server.get("/"), leave);
        assert_eq!(response.status, status);
        let skipped = (mode == proto::FailureMode::Skip).then_some("leaves");
        assert_eq!(response.header("pagewire-skipped"), skipped);
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
async fn a_result_that_violates_the_contract_is_a_plugin_failure() {
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
        let response = get(&server, &mut hook, "/x", outcome.clone()).await;
        assert_eq!(
            (response.status, response.header("pagewire-plugin")),
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
    let response = get(&server, &mut hook, "/x", fine).await;
    assert_eq!(
        (response.status, response.header("x-mine")),
        (201, Some("1"))
    );
    assert_eq!(
        response.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn virtual_pages_get_the_client_unless_verbatim() {
    let server = TestServer::start_with(&Site::page(), &["--inject", "always"]).await;
    let (_session, mut hook) = plugin(&server, "p", open("/page.html")).await;
    let page = "<!doctype html><body></body>";
    let response = get_with(&server, &mut hook, "/page.html", NAVIGATION, content(page)).await;
    assert!(response.text().contains("/__pagewire__/client.js"));
    let verbatim = Outcome::Content(proto::ServeContent {
        body: Some(Body::InlineBody(page.into())),
        verbatim: true,
        ..Default::default()
    });
    assert_eq!(
        get_with(&server, &mut hook, "/page.html", NAVIGATION, verbatim)
            .await
            .text(),
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
    let response = get_with(&server, &mut hook, "/page.html", NAVIGATION, with_policy).await;
    assert!(
        response
            .text()
            .contains("client.js\" nonce=\"Zm9v\"></script></body>"),
        "{}",
        response.text()
    );
}
