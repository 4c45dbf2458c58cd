//! `pagewire wait` returns when its condition holds, and its exit code gives the reason.

use super::run_import;
use crate::support::{Site, TestServer, assert_output, cli, command, run, within};
use pagewire_client::{SubscribeOptions, What};
use serde_json::json;

#[tokio::test]
async fn wait_returns_once_enough_sockets_are_ready() {
    let server = TestServer::start(&Site::page()).await;
    let _first = server.page().await;
    let wait = cli(&server, &["wait", "--sockets", "2", "--timeout", "15"]);
    let (shown, _second) = tokio::join!(wait, server.page());
    assert_output(&shown, 0, "");
    let shown = cli(&server, &["wait", "--sockets", "3", "--timeout", "0.1"]).await;
    assert_output(&shown, 3, "");
    assert!(shown.stderr.contains("2 sockets"), "{}", shown.stderr);
    let shown = cli(&server, &["wait", "--sockets", "some"]).await;
    assert_output(&shown, 2, "");
}

#[tokio::test]
async fn wait_until_exits_1_if_the_expression_is_not_valid() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let thrown =
        json!({"exception": {"phase": "load", "name": "SyntaxError", "message": "n\u{1b}[2Jo"}});
    let (shown, _) = tokio::join!(
        cli(&server, &["wait", "--until", "x"]),
        run_import(&server, &mut page, thrown)
    );
    assert_output(&shown, 1, "");
    assert_eq!(
        shown.stderr, "could not be loaded: SyntaxError: n[2Jo\n",
        "a page must not move the cursor"
    );
}

#[tokio::test]
async fn wait_until_shows_the_last_value_or_exception_of_each_page() {
    let server = TestServer::start(&Site::page()).await;
    let (mut one, mut two) = (server.page().await, server.page().await);
    let thrown = json!({"exception": {"phase": "call", "name": "RangeError", "message": "no"}});
    let (shown, _, _) = tokio::join!(
        cli(&server, &["wait", "--until", "x"]),
        run_import(&server, &mut one, json!({"value": {"json": 0}})),
        run_import(&server, &mut two, thrown)
    );
    assert_output(&shown, 3, "");
    for line in [
        format!("{}: the last value was 0", one.id),
        format!("{}: it last threw RangeError: no", two.id),
    ] {
        assert!(shown.stderr.contains(&line), "{}", shown.stderr);
    }
}

#[tokio::test]
async fn wait_until_evaluates_again_after_a_reconnect() {
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
        let frame = first.receive_json().await;
        assert_eq!(frame["type"], "import");
        drop(first);
        let gone = within("the page's end", events.next())
            .await
            .expect("open")
            .expect("an event");
        assert!(matches!(gone.what, What::SocketClosed(_)));
        let mut second = server.page().await;
        run_import(&server, &mut second, json!({"value": {"json": true}})).await
    };
    let (shown, source) = tokio::join!(wait, browser);
    assert_output(&shown, 0, "");
    assert!(source.contains("window.ready"), "{source}");
}

#[tokio::test]
async fn wait_exits_4_if_no_daemon_starts_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wait = command();
    wait.args(["wait", "--timeout", "0.2"])
        .env("XDG_RUNTIME_DIR", folder.path());
    let shown = run(wait).await;
    assert_output(&shown, 4, "");
}

#[tokio::test]
async fn without_a_page_the_error_says_which_part_is_missing() {
    let server = TestServer::start(&Site::page()).await;
    let assert_reason = async |words: &str| {
        let shown = cli(&server, &["reload"]).await;
        assert_output(&shown, 3, "");
        assert!(
            shown.stderr.contains(words),
            "no {words:?} in {}",
            shown.stderr
        );
    };
    assert_reason("none has been opened yet").await;
    server.navigate("/").await;
    assert_reason("served without the client").await;
    assert_reason("1 page was served without the client: no plugin requested it").await;
    let injecting = pagewire_client::proto::ServerStartRequest {
        inject_web_socket: true,
        ..Default::default()
    };
    let _session = crate::support::Session::open_as(&server, injecting)
        .await
        .expect("a session");
    assert_reason("before the client was injected").await;
    server.navigate("/").await;
    assert_reason("none is connected now").await;
    let _page = server.page().await;
    let shown = cli(&server, &["reload", "--tab", "another"]).await;
    assert!(
        shown.stderr.contains("no connected page is selected"),
        "{}",
        shown.stderr
    );
}
