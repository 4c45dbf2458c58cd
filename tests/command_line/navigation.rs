//! `pagewire reload` and `pagewire navigate` change documents and can wait for the next one.

use crate::support::{Page, Site, TestServer, assert_output, cli};
use pagewire_client::Target;
use serde_json::json;

#[tokio::test]
async fn reload_reloads_only_the_selected_pages() {
    let server = TestServer::start(&Site::page()).await;
    assert_output(&cli(&server, &["reload"]).await, 3, "");
    let (mut first, mut second) = (server.page().await, server.page().await);
    assert_output(
        &cli(&server, &["reload", "--socket", &second.id]).await,
        0,
        "reached 1 page\n",
    );
    assert_eq!(
        cli(&server, &["reload", "--json"]).await.json(),
        [json!({"reached": 2, "unreached": []})]
    );
    let reload = json!({"type": "pagewire:command", "command": "reload"});
    assert_eq!(first.receive_json().await, reload);
    assert_eq!(
        (second.receive_json().await, second.receive_json().await),
        (reload.clone(), reload)
    );
    let fields = json!({"type": "last"});
    server
        .client()
        .await
        .send(&Target::all(), &fields)
        .await
        .expect("the send succeeds");
    assert_eq!(
        first.receive_json().await["type"],
        "last",
        "it received one reload"
    );
}

#[tokio::test]
async fn reload_waits_for_the_next_document_of_the_tab() {
    let server = TestServer::start(&Site::page()).await;
    let mut old = Page::open_as(server.http(), &json!({"tab_id": "t1", "page_id": "p1"})).await;
    let _other = Page::open_as(server.http(), &json!({"tab_id": "t2", "page_id": "p2"})).await;
    let reload = cli(&server, &["reload", "--wait", "--tab", "t1"]);
    let browser = async {
        assert_eq!(old.receive_json().await["command"], "reload");
        drop(old);
        let loading = json!({"tab_id": "t1", "page_id": "p3", "document_state": "loading"});
        let mut new = Page::open_as(server.http(), &loading).await;
        new.send_json(&json!({"type": "pagewire:state", "tab_id": "t1", "page_id": "p3", "document_state": "complete", "top_level": true})).await;
        new
    };
    let (shown, _new) = tokio::join!(reload, browser);
    assert_output(&shown, 0, "reached 1 page\n");

    let shown = cli(
        &server,
        &["reload", "--wait", "--tab", "t1", "--timeout", "0.2"],
    )
    .await;
    assert_eq!(shown.code, Some(3), "{}", shown.stderr);
    assert!(
        shown.stderr.contains("new document is not complete"),
        "{}",
        shown.stderr
    );
}

#[tokio::test]
async fn navigate_changes_the_url_of_pages() {
    let server = TestServer::start(&Site::page()).await;
    for arguments in [&["navigate", "/next"][..], &["navigate", "/next", "--wait"]] {
        let no_page = cli(&server, arguments).await;
        assert_output(&no_page, 3, "");
        assert!(no_page.stderr.contains("no page"), "{}", no_page.stderr);
    }
    let mut page = server.page().await;
    let shown = cli(&server, &["navigate", "/next"]).await;
    assert_output(&shown, 0, "reached 1 page\n");
    assert_eq!(page.receive_json().await["url"], "/next");
    let shown = cli(&server, &["navigate", "/next", "--json"]).await;
    assert_eq!(shown.json(), [json!({"reached": 1, "unreached": []})]);
    assert_eq!(
        (shown.code, page.receive_json().await["url"].as_str()),
        (Some(0), Some("/next"))
    );

    for (arguments, word) in [(&["navigate"][..], "<URL>"), (&["navigate", ""], "url")] {
        let refused = cli(&server, arguments).await;
        assert_output(&refused, 2, "");
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
        assert_eq!(old.receive_json().await["url"], "/next");
        drop(old);
        Page::open_as(server.http(), &fields("p2")).await
    };
    let (shown, mut page) = tokio::join!(navigate, browser);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    assert_eq!(shown.json(), [json!({"reached": 1, "unreached": []})]);

    let arguments = ["navigate", "/never", "--wait", "--timeout", "0.2"];
    let (shown, received) = tokio::join!(cli(&server, &arguments), page.receive_json());
    assert_eq!(
        (shown.code, received["url"].as_str()),
        (Some(3), Some("/never"))
    );
    assert!(
        shown.stderr.contains("new document is not complete"),
        "{}",
        shown.stderr
    );
}
