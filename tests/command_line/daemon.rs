//! Commands that start, inspect and stop the daemon.

use crate::support::{
    Page, Site, TestServer, assert_output, cli, command, command_after, run, within,
};
use serde_json::json;

#[tokio::test]
async fn plugins_are_printed_as_a_table_or_as_json_lines() {
    let server = TestServer::start(&Site::page()).await;
    assert_output(&cli(&server, &["plugins", "--json"]).await, 0, "");
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
async fn info_prints_the_version_and_addresses_of_the_daemon() {
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
async fn stop_returns_once_the_daemon_has_exited() {
    let server = TestServer::start(&Site::page()).await;
    let mut stop = command();
    stop.args(["stop", "--endpoint", server.control()]);
    let shown = run(stop).await;
    assert_output(&shown, 0, "");
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    let mut again = command();
    again.args(["stop", "--endpoint", "127.0.0.1:1"]);
    assert_output(&run(again).await, 4, "");
    let mut wrong = command();
    wrong.args(["stop", "--now"]);
    assert_output(&run(wrong).await, 2, "");
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
    // The daemon is found by the folder it serves.
    let info = run(pagewire(&["info", "--json"])).await;
    assert_eq!(info.json()[0]["base_urls"][0], ready["http"]);
    assert_output(&run(pagewire(&["stop"])).await, 0, "");
    assert_eq!(run(pagewire(&["info"])).await.code, Some(4));

    let failed = run(pagewire(&["serve", "no-such-folder", "--detach"])).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(2), ""));
    assert!(
        failed.stderr.contains("no-such-folder"),
        "{}",
        failed.stderr
    );
}

/// Shell command after which a process cannot write to any file, as on a full disk.
const NO_ROOM: &str = "trap '' XFSZ; ulimit -f 0";

#[tokio::test]
async fn a_detached_daemon_that_cannot_start_says_why_even_without_a_log() {
    let site = Site::page();
    let runtime = tempfile::tempdir().expect("a folder");
    let long = runtime.path().join("x".repeat(300));
    let token = runtime.path().join("pagewire");
    for (preparation, folder, named) in [
        (NO_ROOM, runtime.path(), token.display().to_string()),
        // The limit applies before the daemon handles the signal, too.
        ("ulimit -f 0", runtime.path(), token.display().to_string()),
        ("true", &long, long.display().to_string()),
        (
            "true",
            "/dev/null".as_ref(),
            "/dev/null/pagewire".to_owned(),
        ),
    ] {
        let mut command = command_after(preparation);
        command.args(["serve", "--detach", "--port", "0"]);
        command.args(["--control", "127.0.0.1:0"]).arg(site.path());
        command.env("XDG_RUNTIME_DIR", folder);
        let failed = run(command).await;
        let stderr = &failed.stderr;
        assert!(matches!(failed.code, Some(1 | 2)), "{failed:?}");
        assert!(stderr.contains(&named), "{preparation}: {stderr}");
        assert!(stderr.contains("XDG_RUNTIME_DIR"), "{stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
    let left = std::fs::read_dir(&token).expect("the folder").count();
    assert_eq!(left, 0, "neither a log nor other files stay behind");
}

#[tokio::test]
async fn the_log_of_a_detached_daemon_is_bounded_and_says_where_earlier_lines_are() {
    const LIMIT: u64 = 8 * 1024 * 1024;
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
    let arguments = ["--port", "0", "--control", "127.0.0.1:0", "--console"];
    let started = run(pagewire(&[&["serve", "--detach"], &arguments[..]].concat())).await;
    assert_eq!(started.code, Some(0), "{}", started.stderr);
    let (_, log) = started.stderr.split_once("log file: ").expect("a log file");
    let log = std::path::PathBuf::from(log.trim());
    let old = log.with_extension("old.log");
    let http = started.json().remove(0)["http"].clone();
    let address = http.as_str().and_then(|url| url.strip_prefix("http://"));
    let address = address.and_then(|address| address.parse().ok());
    let mut page = Page::open(address.expect("an address")).await;
    let line = "x".repeat(100_000);
    let line = json!({"type": "pagewire:console", "level": "log", "args": [{"json": line}]});
    let flood = async {
        while !old.exists() {
            page.send_json(&line).await;
        }
    };
    within("the log file to be full", flood).await;
    let read = |path| std::fs::read_to_string(path).expect("a log");
    let notice = async {
        while !read(&log).contains("the log file was full: its lines have been moved") {
            tokio::task::yield_now().await;
        }
    };
    within("the notice", notice).await;
    assert!(read(&log).contains(&*old.to_string_lossy()));
    for path in [&log, &old] {
        let size = std::fs::metadata(path).expect("a log").len();
        assert!(size <= LIMIT, "{}: {size} bytes", path.display());
    }
    assert_output(&run(pagewire(&["stop"])).await, 0, "");
}

#[tokio::test]
async fn the_daemon_logs_the_console_of_pages_if_configured() {
    let server = TestServer::start_with(&Site::page(), &["--console"]).await;
    let mut page = server.page().await;
    assert_eq!(page.receive_json().await["console"], true);
    page.send_json(
        &json!({"type": "pagewire:console", "level": "warn", "args": [
            {"json": "text\u{1b}[2J"}, {"json": {"n": 1}}, {"undefined": true},
        ]}),
    )
    .await;
    page.send_json(&json!({"type": "pagewire:error", "kind": "uncaught", "exception": {
        "name": "TypeError", "message": "x is not", "url": "http://h/x.js", "line": 3, "column": 4,
    }})).await;
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    server.signal(rustix::process::Signal::TERM);
    let (_, output) = server.wait_for_exit().await;
    assert!(output.contains("text [2J {\"n\":1} undefined"), "{output}");
    assert!(
        output.contains("TypeError x is not") && output.contains("http://h/x.js:3:4"),
        "{output}"
    );
}
