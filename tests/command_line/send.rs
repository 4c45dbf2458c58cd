//! `pagewire send` and `pagewire log` reach the selected pages.

use super::{assert_nothing_was_sent, refused};
use crate::support::{Page, Site, TestServer, assert_output, cli};
use pagewire_client::Target;
use serde_json::json;

#[tokio::test]
async fn send_delivers_text_verbatim_and_prints_how_many_pages_it_reached() {
    let server = TestServer::start(&Site::page()).await;
    // Parsing and re-encoding this JSON would change it.
    let text =
        r#"{ "type":"x", "n": 1.0, "n": 12345678901234567890123, "z":1,"a":"\u00e9</script>" }"#;
    let no_page = cli(&server, &["send", text]).await;
    assert_output(&no_page, 3, "");
    assert!(no_page.stderr.contains("no page"), "{}", no_page.stderr);
    assert_output(
        &cli(&server, &["send", text, "--json"]).await,
        3,
        "{\"reached\":0,\"unreached\":[]}\n",
    );

    let mut first = server.page().await;
    let one = cli(&server, &["send", text]).await;
    assert_output(&one, 0, "reached 1 page\n");
    assert_eq!(one.stderr, "");
    assert_eq!(first.receive_text().await, text);

    let mut second = server.page().await;
    assert_output(
        &cli(&server, &["send", text, "--all"]).await,
        0,
        "reached 2 pages\n",
    );
    let report = cli(&server, &["send", "--json", text]).await;
    assert_eq!(report.json(), [json!({"reached": 2, "unreached": []})]);
    for page in [&mut first, &mut second] {
        assert_eq!(
            (
                page.receive_text().await.as_str(),
                page.receive_text().await.as_str()
            ),
            (text, text)
        );
    }
}

#[tokio::test]
async fn pages_are_selected_by_socket_tab_or_url() {
    let server = TestServer::start(&Site::page()).await;
    let fields = |name: &str| json!({"tab_id": format!("tab-{name}"), "url": format!("http://localhost/{name}")});
    let mut a = Page::open_as(server.http(), &fields("a")).await;
    let mut b = Page::open_as(server.http(), &fields("b")).await;
    let (id_a, id_b) = (a.id.clone(), b.id.clone());
    let targets = [
        (vec!["--socket", &id_a], "a"),
        (vec!["--socket", &id_b, "--socket", &id_a], "ab"),
        (vec!["--tab", "tab-b"], "b"),
        (vec!["--tab", "tab-a", "--tab", "tab-b"], "ab"),
        (vec!["--url", "/b$"], "b"),
        (vec!["--url", "localhost"], "ab"),
        (vec!["--all"], "ab"),
        (vec![], "ab"),
    ];
    for (number, (target, hearers)) in targets.into_iter().enumerate() {
        let message = json!({"type": "x", "number": number}).to_string();
        let mut arguments = vec!["send", &message];
        arguments.extend(&target);
        let expected = if hearers.len() == 1 {
            "reached 1 page\n"
        } else {
            "reached 2 pages\n"
        };
        assert_output(&cli(&server, &arguments).await, 0, expected);
        for (name, page) in [("a", &mut a), ("b", &mut b)] {
            if hearers.contains(name) {
                assert_eq!(
                    page.receive_json().await["number"],
                    number,
                    "{name} with {target:?}"
                );
            }
        }
    }
    // Two selectors contradict each other.
    refused(
        &cli(&server, &["send", "{}", "--socket", &id_a, "--all"]).await,
        &["--socket", "--all"],
    );
    refused(
        &cli(&server, &["send", "{}", "--tab", "t", "--url", "u"]).await,
        &["--tab", "--url"],
    );
}

#[tokio::test]
async fn an_unknown_page_is_a_row_and_exit_code_3() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let message = r#"{"type":"x"}"#;
    let unknown = cli(&server, &["send", message, "--socket", "nope"]).await;
    assert_output(&unknown, 3, "");
    assert!(
        unknown.stderr.contains("not reached: nope"),
        "{}",
        unknown.stderr
    );
    let unknown = cli(&server, &["send", message, "--socket", "nope", "--json"]).await;
    assert_eq!(unknown.code, Some(3));
    let row = json!({"socket_id": "nope", "status": "not_found"});
    assert_eq!(unknown.json(), [json!({"reached": 0, "unreached": [row]})]);

    let some = cli(
        &server,
        &["send", message, "--socket", "nope", "--socket", &page.id],
    )
    .await;
    assert_output(&some, 3, "reached 1 page\n");
    assert!(some.stderr.contains("not reached: nope"), "{}", some.stderr);
    assert_eq!(page.receive_json().await["type"], "x");
    for arguments in [
        vec!["log", "x", "--socket", "nope"],
        vec!["reload", "--socket", "nope"],
        vec!["import", "/x.js", "--socket", "nope"],
        vec!["import", "/x.js", "--no-wait", "--socket", "nope"],
    ] {
        let run = cli(&server, &arguments).await;
        assert_output(&run, 3, "");
        assert!(
            run.stderr.contains("no such socket"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[tokio::test]
async fn invalid_json_is_not_sent() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    for text in [
        "{",
        "",
        "x",
        "{'type':'x'}",
        "{\"type\":\"x\"} {}",
        "{\"a\":1,}",
        "NaN",
    ] {
        refused(&cli(&server, &["send", text]).await, &["is not JSON"]);
    }
    let valid = server
        .client()
        .await
        .send(&Target::all(), json!({"type": "first"}))
        .await;
    assert_eq!(valid.expect("the send succeeds").reached, 1);
    assert_eq!(
        page.receive_json().await["type"],
        "first",
        "no other message came first"
    );
}

#[tokio::test]
async fn an_empty_name_never_becomes_a_broadcast() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let id = page.id.clone();
    for command in [
        vec!["send", r#"{"type":"evil"}"#],
        vec!["import", "/evil.js"],
        vec!["import", "/evil.js", "--no-wait"],
        vec!["log", "evil"],
        vec!["reload"],
    ] {
        for target in [
            vec!["--socket", ""],
            vec!["--socket="],
            vec!["--tab", ""],
            vec!["--url", ""],
            vec!["--socket", &id, "--socket", ""],
        ] {
            let arguments = [command.clone(), target].concat();
            let run = cli(&server, &arguments).await;
            refused(&run, &["target"]);
            assert!(
                run.stderr.contains("every page"),
                "{arguments:?}: {}",
                run.stderr
            );
        }
    }
    assert_nothing_was_sent(&server, &mut page).await;
}

#[tokio::test]
async fn log_prints_exactly_the_text() {
    let server = TestServer::start(&Site::page()).await;
    assert_output(&cli(&server, &["log", "x"]).await, 3, "");
    let mut page = server.page().await;
    let text = "100% %s #1 </script>\n\t\"q\" \u{1f600}";
    assert_output(&cli(&server, &["log", text]).await, 0, "reached 1 page\n");
    let received = page.receive_json().await;
    assert_eq!(
        (&received["type"], &received["level"], &received["text"]),
        (&json!("pagewire:log"), &json!("log"), &json!(text))
    );
    for level in ["log", "debug", "info", "warn", "error"] {
        let run = cli(&server, &["log", "x", "--level", level, "--json"]).await;
        assert_eq!(run.json(), [json!({"reached": 1, "unreached": []})]);
        assert_eq!(page.receive_json().await["level"], level);
    }
    refused(
        &cli(&server, &["log", "x", "--level", "loud"]).await,
        &["'loud'", "warn"],
    );
    refused(&cli(&server, &["log"]).await, &["<TEXT>"]);
}
