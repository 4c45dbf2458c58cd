//! The command line as scripts and editors live on it: run, wait, follow, stop.

use crate::support::{Page, Site, TestServer, cli, command, ended, run, speaking_to, within};
use pagewire_client::{SubscribeOptions, What};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

/// The page imports what it is asked to, as a browser would, and answers with this.
async fn answer(server: &TestServer, page: &mut Page, value: Value) -> String {
    let frame = page.hear().await;
    let path = frame["data"]["importPath"]
        .as_str()
        .expect("a path")
        .to_owned();
    let source = server.get(&path).await.text();
    let mut result = json!({"type": "pagewire:result", "callId": frame["data"]["callId"]});
    for (key, value) in value.as_object().expect("fields") {
        result[key] = value.clone();
    }
    page.say(&result).await;
    source
}

#[tokio::test]
async fn eval_prints_bare_json_and_raw_unquotes_a_string() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let said = json!({"value": {"json": "text"}});
    let arguments = ["eval", "await document.title // ends here"];
    let (shown, source) = tokio::join!(
        cli(&server, &arguments),
        answer(&server, &mut page, said.clone())
    );
    ended(&shown, 0, "\"text\"\n");
    assert!(
        source.contains("(await document.title // ends here\n)"),
        "{source}"
    );
    let arguments = ["eval", "1", "--raw"];
    let (shown, _) = tokio::join!(
        cli(&server, &arguments),
        answer(&server, &mut page, said.clone())
    );
    ended(&shown, 0, "text\n");
    let arguments = ["eval", "1", "--json"];
    let (shown, _) = tokio::join!(cli(&server, &arguments), answer(&server, &mut page, said));
    let object = &shown.json()[0];
    assert_eq!(
        (&object["socket_id"], &object["value"]),
        (&json!(page.id), &json!("text"))
    );
    for arguments in [&["eval"][..], &["eval", "1", "--module", "x.js"]] {
        assert_eq!(cli(&server, arguments).await.code, Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn eval_takes_a_module_from_a_file_and_from_standard_input() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let folder = Site::new([("m.js", "export default () => 1;")]);
    let file = folder.path().join("m.js").display().to_string();
    let said = json!({"value": {"json": 1}});
    let arguments = ["eval", "--module", &file];
    let (shown, source) = tokio::join!(
        cli(&server, &arguments),
        answer(&server, &mut page, said.clone())
    );
    ended(&shown, 0, "1\n");
    assert_eq!(source, "export default () => 1;");

    let mut piped = speaking_to(&server, &["eval", "--module", "-"]);
    piped.stdin(Stdio::from(std::fs::File::open(&file).expect("the file")));
    let (shown, source) = tokio::join!(run(piped), answer(&server, &mut page, said));
    ended(&shown, 0, "1\n");
    assert_eq!(source, "export default () => 1;");

    let shown = cli(&server, &["eval", "--module", "no/such.js"]).await;
    assert_eq!(shown.code, Some(2));
    assert!(shown.stderr.contains("no/such.js"), "{}", shown.stderr);
}

#[tokio::test]
async fn eval_of_what_throws_is_exit_code_1_and_nobody_is_3() {
    let server = TestServer::start(&Site::page()).await;
    let shown = cli(&server, &["eval", "1"]).await;
    ended(&shown, 3, "");
    let mut page = server.page().await;
    let thrown = json!({"exception": {"phase": "call", "name": "RangeError", "message": "no", "stack": "RangeError: no\u{1b}[31m\n at x"}});
    let arguments = ["eval", "1"];
    let (shown, _) = tokio::join!(cli(&server, &arguments), answer(&server, &mut page, thrown));
    ended(&shown, 1, "");
    assert!(
        shown.stderr.contains("RangeError: no[31m\n at x"),
        "a page must not move the cursor: {}",
        shown.stderr
    );
}

#[tokio::test]
async fn reload_waits_for_the_next_document_of_the_tab() {
    let server = TestServer::start(&Site::page()).await;
    let mut old = Page::open_as(server.http(), &json!({"tab_id": "t1", "page_id": "p1"})).await;
    let _other = Page::open_as(server.http(), &json!({"tab_id": "t2", "page_id": "p2"})).await;
    let reload = cli(&server, &["reload", "--wait", "--tab", "t1"]);
    let browser = async {
        assert_eq!(old.hear().await["command"], "reload");
        drop(old);
        let loading = json!({"tab_id": "t1", "page_id": "p3", "document_state": "loading"});
        let mut new = Page::open_as(server.http(), &loading).await;
        new.say(&json!({"type": "pagewire:state", "tab_id": "t1", "page_id": "p3", "document_state": "complete", "top_level": true})).await;
        new
    };
    let (shown, _new) = tokio::join!(reload, browser);
    ended(&shown, 0, "reached 1 page\n");

    let shown = cli(
        &server,
        &["reload", "--wait", "--tab", "t1", "--timeout", "0.2"],
    )
    .await;
    assert_eq!(shown.code, Some(3), "{}", shown.stderr);
    assert!(
        shown.stderr.contains("not complete in time"),
        "{}",
        shown.stderr
    );
}

#[tokio::test]
async fn navigate_sends_pages_on() {
    let server = TestServer::start(&Site::page()).await;
    for arguments in [&["navigate", "/next"][..], &["navigate", "/next", "--wait"]] {
        let nobody = cli(&server, arguments).await;
        ended(&nobody, 3, "");
        assert!(nobody.stderr.contains("no page"), "{}", nobody.stderr);
    }
    let mut page = server.page().await;
    let shown = cli(&server, &["navigate", "/next"]).await;
    ended(&shown, 0, "reached 1 page\n");
    assert_eq!(page.hear().await["url"], "/next");
    let shown = cli(&server, &["navigate", "/next", "--json"]).await;
    assert_eq!(shown.json(), [json!({"reached": 1, "unreached": []})]);
    assert_eq!(
        (shown.code, page.hear().await["url"].as_str()),
        (Some(0), Some("/next"))
    );

    for (arguments, word) in [(&["navigate"][..], "<URL>"), (&["navigate", ""], "url")] {
        let refused = cli(&server, arguments).await;
        ended(&refused, 2, "");
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn navigate_waits_for_the_next_document_of_the_tab() {
    let server = TestServer::start(&Site::page()).await;
    let fields = |page: &str| json!({"tab_id": "t1", "page_id": page});
    let mut old = Page::open_as(server.http(), &fields("p1")).await;
    let navigate = cli(&server, &["navigate", "/next", "--wait", "--json"]);
    let browser = async {
        assert_eq!(old.hear().await["url"], "/next");
        drop(old);
        Page::open_as(server.http(), &fields("p2")).await
    };
    let (shown, mut page) = tokio::join!(navigate, browser);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    assert_eq!(shown.json(), [json!({"reached": 1, "unreached": []})]);

    let arguments = ["navigate", "/never", "--wait", "--timeout", "0.2"];
    let (shown, heard) = tokio::join!(cli(&server, &arguments), page.hear());
    assert_eq!(
        (shown.code, heard["url"].as_str()),
        (Some(3), Some("/never"))
    );
    assert!(
        shown.stderr.contains("not complete in time"),
        "{}",
        shown.stderr
    );
}

#[tokio::test]
async fn messages_follow_resume_and_end_when_told_to() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let text = r#"{"type":"progress","n":9007199254740993,"done":false}"#;
    page.send(tokio_tungstenite::tungstenite::Message::text(text))
        .await;
    page.say(&json!({"type": "progress", "done": true})).await;
    page.say(&json!({"type": "never seen"})).await;
    let arguments = [
        "messages",
        "--json",
        "--since",
        "0",
        "--until",
        "$[?@ == true]",
        "--kinds",
        "message,socket",
    ];
    let shown = cli(&server, &arguments).await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(
        shown.stdout.contains(text),
        "as the page wrote it: {}",
        shown.stdout
    );
    let lines = shown.json();
    let sequence = |line: &Value| line["position"]["sequence"].as_u64();
    assert_eq!(
        lines.iter().map(sequence).collect::<Vec<_>>(),
        (1..=4).map(Some).collect::<Vec<_>>()
    );
    assert!(lines[0]["socket_opened"].is_object() && lines[1]["socket_updated"].is_object());
    assert_eq!(lines[3]["message"]["data"]["done"], true);

    let since = format!(
        "{}:3",
        lines[0]["position"]["epoch"].as_str().expect("an epoch")
    );
    let arguments = ["messages", "--since", &since, "--until", "$.done"];
    let shown = cli(&server, &arguments).await;
    assert_eq!(shown.stdout.lines().count(), 1, "{}", shown.stdout);
    let shown = cli(
        &server,
        &["messages", "--until", "$.done", "--timeout", "0.1"],
    )
    .await;
    ended(&shown, 3, "");
    let shown = cli(&server, &["messages", "--since", "then"]).await;
    assert_eq!(shown.code, Some(2));
}

#[tokio::test]
async fn messages_are_rows_for_people() {
    let server = TestServer::start(&Site::page()).await;
    let fields = json!({"url": "http://localhost/a", "title": "A"});
    let mut page = Page::open_as(server.http(), &fields).await;
    let id = page.id.clone();
    page.send(tokio_tungstenite::tungstenite::Message::text(
        r#"{"type":"x","text":"\u001b[2J"}"#,
    ))
    .await;
    page.send(tokio_tungstenite::tungstenite::Message::binary(vec![0; 3]))
        .await;
    page.say(&json!({"type": "x", "done": true})).await;
    let arguments = [
        "messages",
        "--since",
        "0",
        "--kinds",
        "socket,message",
        "--until",
        "$.done",
    ];
    let shown = cli(&server, &arguments).await;
    let rows = [
        "opened",
        r#"is http://localhost/a "A""#,
        r#"{"type":"x","text":"\u001b[2J"}"#,
        "(3 bytes)",
        r#"{"type":"x","done":true}"#,
    ];
    ended(
        &shown,
        0,
        &rows.map(|row| format!("{id}  {row}\n")).concat(),
    );
}

#[tokio::test]
async fn wait_returns_when_so_many_sockets_are_ready() {
    let server = TestServer::start(&Site::page()).await;
    let _first = server.page().await;
    let wait = cli(&server, &["wait", "--sockets", "2", "--timeout", "15"]);
    let (shown, _second) = tokio::join!(wait, server.page());
    ended(&shown, 0, "");
    let shown = cli(&server, &["wait", "--sockets", "3", "--timeout", "0.1"]).await;
    ended(&shown, 3, "");
    assert!(shown.stderr.contains("2 sockets"), "{}", shown.stderr);
    let shown = cli(&server, &["wait", "--sockets", "some"]).await;
    ended(&shown, 2, "");
}

#[tokio::test]
async fn wait_until_of_what_throws_is_exit_code_1() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let thrown =
        json!({"exception": {"phase": "call", "name": "RangeError", "message": "n\u{1b}[2Jo"}});
    let (shown, _) = tokio::join!(
        cli(&server, &["wait", "--until", "x"]),
        answer(&server, &mut page, thrown)
    );
    ended(&shown, 1, "");
    assert_eq!(
        shown.stderr, "RangeError: n[2Jo\n",
        "a page must not move the cursor"
    );
}

#[tokio::test]
async fn wait_until_asks_again_when_the_page_came_back() {
    let server = TestServer::start(&Site::page()).await;
    let mut first = server.page().await;
    let mut events = server
        .client()
        .await
        .subscribe(SubscribeOptions::new().sockets())
        .await
        .expect("a stream");
    let wait = cli(
        &server,
        &["wait", "--until", "window.ready", "--timeout", "15"],
    );
    let browser = async {
        let frame = first.hear().await;
        assert_eq!(frame["type"], "import");
        drop(first);
        let gone = within("the page's end", events.next())
            .await
            .expect("open")
            .expect("an event");
        assert!(matches!(gone.what, What::SocketClosed(_)));
        let mut second = server.page().await;
        answer(&server, &mut second, json!({"value": {}})).await
    };
    let (shown, source) = tokio::join!(wait, browser);
    ended(&shown, 0, "");
    assert!(source.contains("window.ready"), "{source}");
}

#[tokio::test]
async fn wait_for_a_daemon_that_does_not_come_is_exit_code_4() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wait = command();
    wait.args(["wait", "--timeout", "0.2"])
        .env("XDG_RUNTIME_DIR", folder.path());
    let shown = run(wait).await;
    ended(&shown, 4, "");
}

#[tokio::test]
async fn plugins_are_a_table_or_an_object_a_line() {
    let server = TestServer::start(&Site::page()).await;
    ended(&cli(&server, &["plugins", "--json"]).await, 0, "");
    let _session = crate::support::Session::open(&server, "listed").await;
    let lines = cli(&server, &["plugins", "--json"]).await.json();
    assert_eq!(lines.len(), 1);
    for (key, value) in [
        ("plugin_name", json!("listed")),
        ("state", json!("ready")),
        ("hooks", json!([])),
        ("calls", json!(0)),
        ("call_latency_p99_ms", json!(null)),
    ] {
        assert_eq!(lines[0][key], value, "{key}");
    }
    let table = cli(&server, &["plugins"]).await;
    let rows: Vec<Vec<&str>> = table
        .stdout
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    let head = [
        "PLUGIN", "STATE", "ORDER", "PID", "RESTARTS", "CALLS", "PASSES", "FAILURES", "TIMEOUTS",
        "P99",
    ];
    let row = ["listed", "ready", "-", "-", "0", "0", "0", "0", "0", "-"];
    assert_eq!(rows, [head, row]);
    assert_eq!(cli(&server, &["plugins", "extra"]).await.code, Some(2));
}

#[tokio::test]
async fn info_says_what_the_daemon_is_and_where_it_serves() {
    let server = TestServer::start(&Site::page()).await;
    let object = cli(&server, &["info", "--json"]).await.json().remove(0);
    let version = server.ready["pagewire"].as_str().expect("a version");
    assert_eq!(object["server_version"], version);
    assert_eq!(object["base_urls"][0], server.ready["http"]);
    assert_eq!(object["refused_frames"], 0);
    assert!(object["max_message_bytes"].as_u64() > Some(0), "{object}");
    let info = cli(&server, &["info"]).await;
    assert_eq!((info.code, info.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = info.stdout.lines().collect();
    let url = server.ready["http"].as_str().expect("a URL");
    assert_eq!(lines[0], format!("pagewire {version}"));
    assert!(
        lines[1].starts_with("pages") && lines[1].contains(url),
        "{lines:?}"
    );
    assert!(
        lines[3].ends_with(object["epoch"].as_str().expect("an epoch")),
        "{lines:?}"
    );
    assert_eq!(cli(&server, &["info", "extra"]).await.code, Some(2));
}

#[tokio::test]
async fn stop_returns_when_the_daemon_is_gone() {
    let server = TestServer::start(&Site::page()).await;
    let mut stop = command();
    stop.args(["stop", "--endpoint", server.control()]);
    let shown = run(stop).await;
    ended(&shown, 0, "");
    assert_eq!(server.ended().await.0, Some(0));
    let mut again = command();
    again.args(["stop", "--endpoint", "127.0.0.1:1"]);
    ended(&run(again).await, 4, "");
    let mut wrong = command();
    wrong.args(["stop", "--now"]);
    ended(&run(wrong).await, 2, "");
}

#[tokio::test]
async fn serve_detached_prints_the_ready_line_and_returns() {
    let site = Site::page();
    let runtime = tempfile::tempdir().expect("a folder");
    let pagewire = |arguments: &[&str]| {
        let mut command = command();
        command
            .args(arguments)
            .env("XDG_RUNTIME_DIR", runtime.path())
            .current_dir(site.path());
        command
    };
    let started = run(pagewire(&[
        "serve",
        "--detach",
        "--port",
        "0",
        "--control",
        "127.0.0.1:0",
    ]))
    .await;
    assert_eq!(started.code, Some(0), "{}", started.stderr);
    let ready = started.json().remove(0);
    assert!(ready["http"].is_string(), "{ready}");
    // Found by the folder it serves.
    let info = run(pagewire(&["info", "--json"])).await;
    assert_eq!(info.json()[0]["base_urls"][0], ready["http"]);
    ended(&run(pagewire(&["stop"])).await, 0, "");
    assert_eq!(run(pagewire(&["info"])).await.code, Some(4));

    let failed = run(pagewire(&["serve", "no-such-folder", "--detach"])).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(2), ""));
    assert!(
        failed.stderr.contains("no-such-folder"),
        "{}",
        failed.stderr
    );
}

#[tokio::test]
async fn completions_name_every_command() {
    let mut bash = command();
    bash.args(["completions", "bash"]);
    let shown = run(bash).await;
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    for verb in ["serve", "eval", "messages", "wait", "stop"] {
        assert!(shown.stdout.contains(verb), "{verb}");
    }
    let mut none = command();
    none.args(["completions", "abacus"]);
    ended(&run(none).await, 2, "");
}

#[tokio::test]
async fn following_ends_quietly_when_its_reader_has_gone() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let mut follow = speaking_to(
        &server,
        &[
            "messages",
            "--json",
            "--since",
            "0",
            "--kinds",
            "socket,message",
        ],
    )
    .spawn()
    .expect("it starts");
    let mut lines = BufReader::new(follow.stdout.take().expect("piped")).lines();
    within("a line", lines.next_line())
        .await
        .expect("a pipe")
        .expect("a line");
    drop(lines);
    page.say(&json!({"type": "more"})).await;
    let status = within("its end", follow.wait()).await.expect("a wait");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn with_nobody_connected_it_is_said_which_is_missing() {
    let server = TestServer::start(&Site::page()).await;
    let says = async |words: &str| {
        let shown = cli(&server, &["reload"]).await;
        ended(&shown, 3, "");
        assert!(
            shown.stderr.contains(words),
            "no {words:?} in {}",
            shown.stderr
        );
    };
    says("none was opened yet").await;
    server.get("/").await;
    says("served without the client").await;
    let asks = pagewire_client::proto::ServerStartRequest {
        inject_web_socket: true,
        ..Default::default()
    };
    let _session = crate::support::Session::open_as(&server, asks)
        .await
        .expect("a session");
    says("before the client was put into pages").await;
    server.get("/").await;
    says("none is connected now").await;
    let _page = server.page().await;
    let shown = cli(&server, &["reload", "--tab", "another"]).await;
    assert!(
        shown
            .stderr
            .contains("none of the connected pages is meant"),
        "{}",
        shown.stderr
    );
}

#[tokio::test]
async fn messages_and_sockets_of_one_tab_alone() {
    let server = TestServer::start(&Site::page()).await;
    let mut a = Page::open_as(server.http(), &json!({"tab_id": "a"})).await;
    let mut b = Page::open_as(server.http(), &json!({"tab_id": "b"})).await;
    for page in [&mut b, &mut a] {
        page.say(&json!({"type": "x", "done": true})).await;
        page.say(&json!({"no": "type"})).await;
        assert_eq!(page.hear().await["type"], "pagewire:fault");
    }
    let arguments = [
        "messages", "--json", "--tab", "a", "--since", "0", "--until", "$.done",
    ];
    let shown = cli(&server, &arguments).await.json();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0]["message"]["socket_id"], json!(a.id));
    let listed = cli(&server, &["sockets", "--json", "--tab", "b"])
        .await
        .json();
    assert_eq!((listed.len(), &listed[0]["socket_id"]), (1, &json!(b.id)));
}

#[tokio::test]
async fn the_daemon_logs_what_pages_print_when_asked_to() {
    let server = TestServer::start_with(&Site::page(), &["--console"]).await;
    let mut page = server.page().await;
    assert_eq!(page.hear().await["console"], true);
    page.say(
        &json!({"type": "pagewire:console", "level": "warn", "args": [
            {"json": "text\u{1b}[2J"}, {"json": {"n": 1}}, {"undefined": true},
        ]}),
    )
    .await;
    page.say(&json!({"type": "pagewire:error", "kind": "uncaught", "exception": {
        "name": "TypeError", "message": "x is not", "url": "http://h/x.js", "line": 3, "column": 4,
    }})).await;
    page.say(&json!({"no": "type"})).await;
    assert_eq!(page.hear().await["type"], "pagewire:fault");
    server.signal(rustix::process::Signal::TERM);
    let (_, said) = server.ended().await;
    assert!(said.contains("text [2J {\"n\":1} undefined"), "{said}");
    assert!(
        said.contains("TypeError x is not") && said.contains("http://h/x.js:3:4"),
        "{said}"
    );
}
