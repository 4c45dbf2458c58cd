//! Pages, plugins and the command line react to changes.

use super::{acting_page, files, next_change, next_changes, save};
use crate::support::{
    Page, Session, Site, TestServer, Transform, assert_status, command, command_for, within,
};
use pagewire_client::proto;
use pagewire_client::proto::file_changed::Kind;
use serde_json::{Value, json};
use std::fs;
use tokio::io::{AsyncBufReadExt, BufReader};
use tonic::Code;

/// Asserts that the page has not been notified: the daemon answers in order.
async fn assert_no_change(page: &mut Page) {
    page.send_json(&json!({"type": "asked", "id": 1, "pagewire:request": true}))
        .await;
    assert_eq!(page.receive_json().await["type"], "message-response");
}

#[tokio::test]
async fn a_connecting_page_is_notified_of_changes_it_missed() {
    let site = Site::page();
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let mut witness = acting_page(&server, 0).await;
    save(&site, "style.css", "");
    assert_eq!(next_changes(&mut witness).await, ["/style.css"]);
    let mut late = acting_page(&server, 60_000).await;
    assert_eq!(next_changes(&mut late).await, ["/style.css"]);
    let mut aware = acting_page(&server, 0).await;
    assert_no_change(&mut aware).await;
    // A page with an older client does not know the command.
    let mut other = server.page().await;
    save(&site, "style.css", "a {}");
    assert_eq!(next_changes(&mut aware).await, ["/style.css"]);
    assert_no_change(&mut other).await;
}

#[tokio::test]
async fn too_many_changes_to_list_reload_the_page() {
    let site = Site::page();
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let mut page = acting_page(&server, 0).await;
    let outside = Site::new([]);
    for number in 0..1025 {
        outside.write(&format!("many/{number}.js"), "");
    }
    fs::rename(outside.path().join("many"), site.path().join("many")).expect("a rename");
    assert_eq!(next_changes(&mut page).await, [""; 0]);
}

#[tokio::test]
async fn a_plugin_can_take_over_notifying_pages() {
    let site = Site::page();
    let server = TestServer::start_with(&site, &["--watch=events"]).await;
    let html = server.navigate("/").await;
    assert!(html.text().contains("/__pagewire__/client.js"));
    let mut page = acting_page(&server, 0).await;
    let mut files = files(&server).await;
    save(&site, "app.js", "");
    assert_eq!(
        next_change(&mut files).await,
        ("/app.js".into(), Kind::Created)
    );
    assert_no_change(&mut page).await;
}

#[tokio::test]
async fn subscribing_to_files_without_watching_fails_with_a_remedy() {
    let server = TestServer::start(&Site::page()).await;
    let request = proto::SubscribeMessagesRequest {
        kinds: vec![proto::EventKind::File.into()],
        ..Default::default()
    };
    let mut client = server.client().await.raw();
    let refused = client.subscribe_messages(request).await;
    let status = assert_status(refused, Code::FailedPrecondition, "FEATURE_UNSUPPORTED");
    assert!(status.message().contains("--watch"), "{status:?}");
}

#[tokio::test]
async fn the_command_line_prints_file_changes() {
    let site = Site::page();
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let file = site.path().canonicalize().expect("a root").join("new.css");
    let arguments = ["messages", "--kinds", "file", "--since", "0"];
    for (style, line) in [
        (None, format!("{}  created", file.display())),
        (
            Some("--json"),
            format!(r#""file_path":"{}""#, file.display()),
        ),
    ] {
        save(&site, "new.css", "");
        let mut messages = command_for(&server, &arguments);
        let mut messages = messages.args(style).spawn().expect("it starts");
        let lines = messages.stdout.take().expect("piped");
        let first = within("a line", BufReader::new(lines).lines().next_line()).await;
        let first = first.expect("a pipe").expect("a line");
        assert!(first.contains(&line), "{line} is not in {first}");
    }
}

#[tokio::test]
async fn watching_injects_the_client_unless_configured_otherwise() {
    let site = Site::page();
    for (arguments, file, has_client) in [
        (&["--watch"][..], "", true),
        (&[], "watch = true\n", true),
        (&["--watch", "--inject", "asked"], "", false),
        (&["--watch"], "inject = 'never'\n", false),
        (&["--watch=false"], "watch = true\n", false),
        (&[], "watch = false\n", false),
    ] {
        save(&site, "pagewire.toml", file);
        let server = TestServer::start_with(&site, arguments).await;
        let page = server.navigate("/").await;
        let found = page.text().contains("/__pagewire__/client.js");
        assert_eq!(found, has_client, "{arguments:?} {file:?}");
    }
    save(&site, "pagewire.toml", "watch = 'events'\n");
    let mut config = command();
    config.args(["config", "--json"]).arg(site.path());
    let output = within("config", config.output()).await.expect("it starts");
    let output: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output["settings"]["watch"]["value"], "events");
    let inject = &output["settings"]["inject"];
    assert_eq!(inject["value"], "always");
    assert_eq!(inject["origin"], output["settings"]["watch"]["origin"]);
}

#[tokio::test]
async fn a_changed_dependency_of_a_plugin_result_reloads_its_pages() {
    let site = Site::new([("post.md", "text"), ("layout", "around")]);
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let open = proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            path_prefixes: vec!["/post".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Transform>(&server, "md", open).await;
    let layout = site.path().join("layout").display().to_string();
    hook.answering(move |call| {
        let content = proto::TransformContent {
            body: Some(call.body.clone()),
            depends_on_files: vec![layout.clone()],
            ..Default::default()
        };
        proto::transform_result::Outcome::Content(content)
    });
    let mut page = acting_page(&server, 0).await;
    assert_eq!(server.get("/post.md").await.text(), "text");
    site.write("layout", "other");
    assert_eq!(next_changes(&mut page).await, ["/layout", "/post.md"]);
    site.write("post.md", "other");
    assert_eq!(next_changes(&mut page).await, ["/post.md"]);
}

#[tokio::test]
async fn a_change_that_may_fix_a_failure_reloads_the_failed_page() {
    let site = Site::new([("style.scss", "@use 'part'"), ("_part.scss", "{;")]);
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let open = proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            exact_paths: vec!["/style.scss".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_session, mut hook) = Session::with_hook::<Transform>(&server, "sass", open).await;
    let part = site.path().join("_part.scss").display().to_string();
    let failure = proto::transform_result::Outcome::Failure(proto::HookFailure {
        message: "expected an expression".into(),
        depends_on_files: vec![part],
        ..Default::default()
    });
    let mut page = acting_page(&server, 0).await;
    let (response, _) = tokio::join!(server.get("/style.scss"), hook.answer_next(failure));
    assert_eq!(response.status, 500);
    site.write("_part.scss", "a { b: c }");
    assert_eq!(
        next_changes(&mut page).await,
        ["/_part.scss", "/style.scss"]
    );
}

#[tokio::test]
async fn an_invalidation_can_notify_pages() {
    let site = Site::new([("a b.css", ""), ("index.html", "")]);
    let server = TestServer::start(&site).await;
    let mut page = acting_page(&server, 0).await;
    let mut raw = server.client().await.raw();
    let files = |name: &str| vec![site.path().join(name).display().to_string()];
    let quiet = proto::InvalidateRequest {
        file_paths: files("a b.css"),
        ..Default::default()
    };
    raw.invalidate(quiet.clone()).await.expect("invalidated");
    for (request, expected) in [
        (quiet, vec!["/a%20b.css"]),
        (
            proto::InvalidateRequest {
                exact_paths: vec!["/x y".into()],
                file_paths: files("index.html"),
                ..Default::default()
            },
            vec!["/index.html", "/x%20y"],
        ),
        (
            proto::InvalidateRequest {
                all: true,
                ..Default::default()
            },
            vec![],
        ),
    ] {
        let request = proto::InvalidateRequest {
            refresh_pages: true,
            ..request
        };
        raw.invalidate(request).await.expect("invalidated");
        assert_eq!(next_changes(&mut page).await, expected);
    }
}
