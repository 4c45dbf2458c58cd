//! `pagewire sockets` lists connected pages.

use super::refused;
use crate::support::{Page, Site, TestServer, assert_output, cli};
use serde_json::json;

#[tokio::test]
async fn sockets_lists_pages_as_a_table() {
    let server = TestServer::start(&Site::page()).await;
    let none = cli(&server, &["sockets"]).await;
    assert_output(&none, 3, "");
    for remedy in ["no page", "in a browser"] {
        assert!(none.stderr.contains(remedy), "{}", none.stderr);
    }

    let fields = json!({"url": "http://localhost/a", "title": "A \u{1b}[2J\u{7}title\n!"});
    let first = Page::open_as(server.http(), &fields).await;
    let fields = json!({"url": "http://localhost/b", "visibility": "hidden", "top_level": false});
    let second = Page::open_as(server.http(), &fields).await;
    let silent = server.wds_page().await;
    let listed = cli(&server, &["sockets"]).await;
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["SOCKET", "STATE", "URL", "TITLE"]);
    // A page's title cannot control the terminal.
    assert_eq!(
        rows[1],
        [&first.id, "visible", "http://localhost/a", "A", "[2Jtitle!"]
    );
    assert_eq!(
        rows[2],
        [&second.id, "hidden", "(frame)", "http://localhost/b"]
    );
    assert_eq!(rows.len(), 4);
    let columns: Vec<_> = listed.stdout.lines().map(|row| row.find("http")).collect();
    assert!(
        columns[1].is_some() && columns[1] == columns[2],
        "the columns are aligned"
    );
    drop(silent);
}

#[tokio::test]
async fn sockets_prints_json_lines() {
    let server = TestServer::start(&Site::page()).await;
    assert_output(&cli(&server, &["sockets", "--json"]).await, 3, "");
    let fields =
        json!({"url": "http://localhost/a", "title": "A", "tab_id": "tab-a", "page_id": "page-a"});
    let page = Page::open_as(server.http(), &fields).await;
    let fields = json!({"url": "http://localhost/b"});
    let other = Page::open_as(server.http(), &fields).await;

    let all = cli(&server, &["sockets", "--json"]).await;
    assert_eq!((all.code, all.json().len()), (Some(0), 2), "{all:?}");
    let matching = cli(&server, &["sockets", "--json", "--url", "/a$"]).await;
    assert_eq!(matching.code, Some(0));
    let [object] = &matching.json()[..] else {
        panic!("{matching:?}")
    };
    for (key, value) in [
        ("socket_id", json!(page.id)),
        ("page_id", json!("page-a")),
        ("tab_id", json!("tab-a")),
        ("url", json!("http://localhost/a")),
        ("title", json!("A")),
        ("visibility", json!("visible")),
        ("document_state", json!("complete")),
        ("top_level", json!(true)),
        ("ready", json!(true)),
        (
            "client_features",
            json!([
                "import.await",
                "log",
                "command.reload",
                "command.navigate",
                "command.styles"
            ]),
        ),
    ] {
        assert_eq!(object[key], value, "{key}");
    }
    let address = object["remote_address"].as_str().expect("an address");
    assert!(address.starts_with("127.0.0.1:"), "{address}");

    let none = cli(&server, &["sockets", "--url", "nothing-like-it"]).await;
    assert_output(&none, 3, "");
    refused(
        &cli(&server, &["sockets", "--url", "("]).await,
        &["regular expression", "RE2"],
    );
    drop(other);
}
