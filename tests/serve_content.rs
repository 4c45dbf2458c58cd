//! The serve hook, continued: request bodies, files named by plugins, cached results, and failing
//! plugins.

use crate::support::{
    Backend, Calls, HttpResponse, ServeHook, Session, Site, TestServer, Wire, within,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

fn open(prefix: &str) -> proto::ServeOpen {
    proto::ServeOpen {
        filters: vec![proto::RequestFilter {
            path_prefixes: vec![prefix.into()],
            methods: vec!["GET".into(), "HEAD".into(), "POST".into()],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn content(body: &str) -> proto::ServeContent {
    proto::ServeContent {
        body: Some(Body::InlineBody(body.as_bytes().to_vec().into())),
        ..Default::default()
    }
}

fn file(path: impl AsRef<std::path::Path>) -> Outcome {
    let path = path.as_ref().display().to_string();
    Outcome::Content(proto::ServeContent {
        body: Some(Body::FilePath(path)),
        ..Default::default()
    })
}

async fn plugin(server: &TestServer, name: &str, open: proto::ServeOpen) -> (Session, ServeHook) {
    Session::with_hook(server, name, open).await
}

/// Answers every call from now on, by its number, and counts the calls.
fn answering(hook: ServeHook, outcome: impl Fn(usize) -> Outcome + Send + 'static) -> Calls {
    let number = AtomicUsize::new(0);
    hook.answering(move |_| outcome(number.fetch_add(1, Ordering::SeqCst)))
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Returns the response to a request when the plugin returns this outcome.
async fn response_to(
    server: &TestServer,
    hook: &mut ServeHook,
    request: &str,
    outcome: Outcome,
) -> (HttpResponse, proto::ServeCall) {
    let answers = async {
        let call = hook.call().await;
        hook.answer(call.call_id, outcome).await;
        call
    };
    tokio::join!(server.raw(request.as_bytes()), answers)
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n")
}

#[tokio::test]
async fn each_plugin_gets_the_bodies_it_requests_and_the_backend_gets_them_whole() {
    let backend = Backend::start().await;
    let rule = format!("http://localhost:{}", backend.address.port());
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    let pending = |max| proto::ServeOpen {
        max_request_body_bytes: max,
        ..open("/x")
    };
    let (_s1, mut none) = plugin(&server, "a", pending(0)).await;
    let (_s2, mut small) = plugin(&server, "b", pending(4)).await;
    let (_s3, mut large) = plugin(&server, "c", pending(1000)).await;
    let chunked = "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n";
    // A chunked body has no length in advance.
    for (request, length) in [(post("/x", "one two"), 7), (chunked.to_owned(), 0)] {
        let skips = async {
            let mut seen = Vec::new();
            for hook in [&mut none, &mut small, &mut large] {
                let call = hook.call().await;
                hook.answer(call.call_id, Outcome::Skip(proto::Skip::default()))
                    .await;
                seen.push((
                    String::from_utf8_lossy(&call.body).into_owned(),
                    call.body_omitted,
                    call.omitted_body_bytes,
                ));
            }
            let mut wire = backend.accept().await;
            wire.read_until("one two").await;
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                .await;
            seen
        };
        let (response, seen) = tokio::join!(server.raw(request.as_bytes()), skips);
        assert_eq!(response.text(), "ok");
        let expected = [
            (String::new(), true, length),
            (String::new(), true, length),
            ("one two".to_owned(), false, 0),
        ];
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn an_upload_in_progress_blocks_nothing_else() {
    let server = TestServer::start(&Site::page()).await;
    let opening = proto::ServeOpen {
        max_request_body_bytes: 100,
        ..open("/x")
    };
    let (_session, mut hook) = plugin(&server, "p", opening).await;
    let mut slow = Wire::connect(server.http()).await;
    slow.write("POST /x/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsl")
        .await;
    let request = get("/x/other", "");
    let (response, call) = response_to(
        &server,
        &mut hook,
        &request,
        Outcome::Content(content("other")),
    )
    .await;
    assert_eq!(response.text(), "other");
    assert_eq!(call.request.expect("a request").path, "/x/other");
    slow.write("ow").await;
    let call = hook.call().await;
    assert_eq!((&*call.body, call.body_omitted), (&b"slow"[..], false));
    hook.answer(call.call_id, Outcome::Content(content("stored")))
        .await;
    assert!(slow.read_to_end().await.ends_with("stored"));
}

#[tokio::test]
async fn a_file_named_by_a_plugin_is_served_like_any_file() {
    let site = Site::new([("src/a.txt", "0123456789")]);
    let large = "large ".repeat(500_000);
    site.write("src/large.bin", &large);
    let server = TestServer::start(&site).await;
    let (session, mut hook) = plugin(&server, "p", open("/v/")).await;
    let small = site.path().join("src/a.txt");
    let request = get("/v/a.js", "");
    let (response, _) = response_to(&server, &mut hook, &request, file(&small)).await;
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "0123456789")
    );
    assert_eq!(
        response.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let tag = response.header("etag").expect("an ETag");
    let request = get("/v/a.js", &format!("If-None-Match: {tag}\r\n"));
    let (again, _) = response_to(&server, &mut hook, &request, file(&small)).await;
    assert_eq!(again.status, 304);
    let request = get("/v/a.js", "Range: bytes=2-4\r\n");
    let (part, _) = response_to(&server, &mut hook, &request, file(&small)).await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    let request = get("/v/large", "");
    let named = file(site.path().join("src/large.bin"));
    let (response, _) = response_to(&server, &mut hook, &request, named).await;
    assert_eq!((response.status, response.text() == large), (200, true));

    let scratch = std::path::PathBuf::from(&session.started.scratch_dir);
    let mode = scratch.metadata().expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for text in ["made", "made again"] {
        std::fs::write(scratch.join("made.js"), text).expect("a file");
        let request = get("/v/made.js", "");
        let (response, _) =
            response_to(&server, &mut hook, &request, file(scratch.join("made.js"))).await;
        assert_eq!((response.status, response.text().as_str()), (200, text));
    }
    drop((session, hook));
    within("the scratch folder to be removed", async {
        while scratch.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_outside_the_root_is_a_failure_that_names_plugin_and_file() {
    let site = Site::new([(".env", "SECRET=1")]);
    let elsewhere = Site::new([("secret.txt", "SECRET=2")]);
    let outside = elsewhere.path().join("secret.txt");
    let server = TestServer::start(&site).await;
    let (session, mut hook) = plugin(&server, "p", open("/v")).await;
    let (other, _held) = plugin(&server, "other", open("/none")).await;
    let scratch = std::path::PathBuf::from(&session.started.scratch_dir);
    let link = scratch.join("link.txt");
    std::os::unix::fs::symlink(&outside, &link).expect("a link");
    let others = std::path::PathBuf::from(&other.started.scratch_dir).join("own.txt");
    std::fs::write(&others, "SECRET=3").expect("a file");
    for path in [
        outside,
        link,
        others,
        site.path().join(".env"),
        scratch.join("none"),
        scratch.clone(),
        "relative.txt".into(),
    ] {
        let (response, _) = response_to(&server, &mut hook, &get("/v", ""), file(&path)).await;
        assert_eq!(
            (response.status, response.header("pagewire-plugin")),
            (500, Some("p")),
            "{}",
            path.display()
        );
        let text = response.text();
        assert!(
            text.contains(&path.display().to_string()) && !text.contains("SECRET"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_link_in_place_of_the_scratch_folder_is_neither_served_nor_emptied() {
    let elsewhere = Site::new([("secret.txt", "SECRET")]);
    let server = TestServer::start(&Site::page()).await;
    let (session, mut hook) = plugin(&server, "p", open("/v")).await;
    let scratch = std::path::PathBuf::from(&session.started.scratch_dir);
    std::fs::remove_dir(&scratch).expect("an empty folder");
    std::os::unix::fs::symlink(elsewhere.path(), &scratch).expect("a link");
    let secret = scratch.join("secret.txt");
    let (response, _) = response_to(&server, &mut hook, &get("/v", ""), file(secret)).await;
    assert_eq!(response.status, 500, "{}", response.text());
    drop((session, hook));
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    assert!(elsewhere.path().join("secret.txt").exists());
    assert!(!scratch.is_symlink(), "the link goes with its folder");
}

#[tokio::test]
async fn a_cached_result_is_used_for_the_same_request_only() {
    let server = TestServer::start(&Site::page()).await;
    let opening = proto::ServeOpen {
        options: Some(proto::HookOptions {
            forward_request_headers: vec!["x-kind".into()],
            ..Default::default()
        }),
        ..open("/v")
    };
    let (session, hook) = plugin(&server, "p", opening).await;
    let calls = answering(hook, |number| {
        let mut content = content(&number.to_string());
        content.remember = true;
        Outcome::Content(content)
    });
    let requests = [
        get("/v", ""),
        get("/v?q", ""),
        get("/v/other", ""),
        get("/v", "X-Kind: a\r\n"),
        get("/v", "X-Kind: b\r\n"),
    ];
    for _ in 0..2 {
        for (number, request) in requests.iter().enumerate() {
            let response = server.raw(request.as_bytes()).await;
            assert_eq!(response.text(), number.to_string(), "{request}");
        }
    }
    assert_eq!(server.get_with("/v", "X-Other: c\r\n").await.text(), "0");
    assert_eq!(calls.count(), requests.len());
    // The request body is not part of any cache key.
    for number in 0..2 {
        let response = server.raw(post("/v", "body").as_bytes()).await;
        assert_eq!(response.text(), (requests.len() + number).to_string());
    }

    drop(session);
    within("the plugin to be gone", async {
        while server.get("/v").await.status == 200 {}
    })
    .await;
    let (_session, hook) = plugin(&server, "p", open("/v")).await;
    let calls = answering(hook, |_| Outcome::Content(content("new")));
    assert_eq!(server.get("/v").await.text(), "new");
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn a_cached_skip_serves_the_file_without_a_call() {
    let site = Site::new([("v.js", "file")]);
    let server = TestServer::start(&site).await;
    let (_session, hook) = plugin(&server, "p", open("/v")).await;
    let calls = answering(hook, |_| Outcome::Skip(proto::Skip { remember: true }));
    for _ in 0..3 {
        assert_eq!(server.get("/v.js").await.text(), "file");
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn a_cached_result_is_invalidated_when_a_dependency_changes() {
    let site = Site::new([("layout.html", "")]);
    let server = TestServer::start(&site).await;
    let (_session, hook) = plugin(&server, "p", open("/v")).await;
    let files = ["layout.html", "none.html"].map(|name| site.path().join(name));
    let depends = files.each_ref().map(|file| file.display().to_string());
    let calls = answering(hook, move |number| {
        Outcome::Content(proto::ServeContent {
            remember: true,
            depends_on_files: depends.to_vec(),
            ..content(&number.to_string())
        })
    });
    let calls_until_cached = async || {
        within("the result to be cached", async {
            loop {
                let before = calls.count();
                server.get("/v").await;
                if calls.count() == before {
                    return before;
                }
            }
        })
        .await
    };
    // Results are not cached within a second after a dependency was written: a second write could look the same.
    for file in files {
        let before = calls_until_cached().await;
        std::fs::write(&file, "changed").expect("a file");
        assert_eq!(server.get("/v").await.text(), before.to_string());
        assert_eq!(calls.count(), before + 1);
    }
}

#[tokio::test]
async fn a_file_filter_matches_every_url_of_the_file() {
    let site = Site::new([("docs/index.html", "docs"), ("app.html", "app")]);
    let server = TestServer::start_with(&site, &["--app-index", "app.html"]).await;
    let by_file = ["docs/index.html", "app.html"].map(|name| proto::RequestFilter {
        file_paths: vec![site.path().join(name).display().to_string()],
        ..Default::default()
    });
    let opening = proto::ServeOpen {
        filters: by_file.to_vec(),
        ..Default::default()
    };
    let (_session, hook) = plugin(&server, "editor", opening).await;
    let calls = answering(hook, |_| Outcome::Content(content("unsaved")));
    for path in ["/docs/", "/docs/index.html", "/app.html", "/some/route"] {
        let response = server.get_with(path, "Accept: text/html\r\n").await;
        assert_eq!(response.text(), "unsaved", "{path}");
        let mime = response.header("content-type");
        assert_eq!(mime, Some("text/html; charset=utf-8"), "{path}");
    }
    assert_eq!(server.get("/none.js").await.status, 404);
    assert_eq!(calls.count(), 4);
}

#[tokio::test]
async fn a_call_beyond_the_limit_is_503_with_retry_after() {
    const WAITING: usize = 1024;
    let server = TestServer::start(&Site::page()).await;
    let mut opening = open("/v");
    opening.options = Some(proto::HookOptions {
        max_concurrent_calls: 1,
        ..Default::default()
    });
    opening.options.as_mut().expect("set").call_timeout = Some(prost_types::Duration {
        seconds: 60,
        nanos: 0,
    });
    let (_session, _hook) = plugin(&server, "busy", opening).await;
    let mut requests: FuturesUnordered<_> = (0..WAITING + 2).map(|_| server.get("/v")).collect();
    // All others wait for the plugin, which does not answer.
    let first = within("a refusal", requests.next()).await.expect("one");
    assert_eq!(
        (first.status, first.header("pagewire-reason")),
        (503, Some("overload"))
    );
    assert_eq!(first.header("pagewire-plugin"), Some("busy"));
    assert!(first.header("retry-after").is_some());
}

#[tokio::test]
async fn a_skipped_slow_plugin_is_named_in_the_file_response() {
    let site = Site::new([("v.js", "file")]);
    let server = TestServer::start(&site).await;
    let mut opening = open("/v.js");
    opening.options = Some(proto::HookOptions {
        failure_mode: proto::FailureMode::Skip.into(),
        call_timeout: Some(prost_types::Duration {
            seconds: 0,
            nanos: 50_000_000,
        }),
        ..Default::default()
    });
    let (_session, _hook) = plugin(&server, "slow", opening).await;
    let response = server.get("/v.js").await;
    assert_eq!((response.status, response.text().as_str()), (200, "file"));
    assert_eq!(response.header("pagewire-skipped"), Some("slow"));
}

const PROCESS: &str = "TEST_PLUGIN_PROCESS";

/// Not a test by itself: the process that the next test kills. Prints `held` for each call it holds.
#[tokio::test]
async fn plugin_process() {
    let Ok(at) = std::env::var(PROCESS) else {
        return;
    };
    let mut parts = at.split(' ');
    let mut next = || parts.next().expect("endpoint, token, mode");
    let endpoint: pagewire_client::Endpoint = next().parse().expect("an endpoint");
    let endpoint = endpoint.with_token(next());
    let mode = match next() {
        "skip" => proto::FailureMode::Skip,
        _ => proto::FailureMode::Fail,
    };
    let what = pagewire_client::ServeOptions::from(pagewire_client::Filter::prefix("/held"))
        .failure_mode(mode);
    let plugin = pagewire_client::Plugin::new("killed").serve(what, async |_| {
        println!("held");
        std::future::pending::<pagewire_client::HandlerResult<pagewire_client::Skip>>().await
    });
    let plugin = plugin.server_start(async |_| {
        println!("started");
        Ok(())
    });
    plugin.run_with(endpoint).await.expect("a daemon");
}

#[tokio::test]
async fn killing_a_plugin_process_fails_only_the_requests_it_held() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    const HELD: usize = 5;
    let site = Site::new([("held.js", "file")]);
    let server = TestServer::start(&site).await;
    let (_session, mut other) = plugin(&server, "other", open("/other")).await;
    for (mode, status) in [("fail", 502), ("skip", 200)] {
        let mut child = tokio::process::Command::new(std::env::current_exe().expect("us"))
            .args(["--exact", "serve_content::plugin_process", "--nocapture"])
            .env(
                PROCESS,
                format!("{} {} {mode}", server.control(), server.token),
            )
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut wait_for_word = async |word: &str| {
            within(word, async {
                while let Some(line) = lines.next_line().await.expect("a pipe") {
                    if line.contains(word) {
                        return;
                    }
                }
                panic!("the process ended before it printed {word}");
            })
            .await;
        };
        wait_for_word("started").await;
        let held = futures_util::future::join_all((0..HELD).map(|_| server.get("/held.js")));
        let kill = async {
            for _ in 0..HELD {
                wait_for_word("held").await;
            }
            let call = other.call().await;
            child.kill().await.expect("it ran");
            other
                .answer(call.call_id, Outcome::Content(content("unaffected")))
                .await;
        };
        let (held, neighbour, ()) = tokio::join!(held, server.get("/other"), kill);
        assert_eq!(neighbour.text(), "unaffected");
        for response in held {
            assert_eq!(response.status, status, "{mode}");
            let named = ["pagewire-plugin", "pagewire-skipped"].map(|name| response.header(name));
            assert!(named.contains(&Some("killed")), "{named:?}");
        }
        // Its hook was removed before those requests were answered.
        let next = server.get("/held.js").await;
        assert_eq!((next.status, next.text().as_str()), (200, "file"));
        assert_eq!(next.header("pagewire-skipped"), None);
    }
}
