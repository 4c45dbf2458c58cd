//! `pagewire messages` follows events, resumes, filters by tab and ends with its reader.

use crate::support::{Page, Site, TestServer, assert_output, cli, command_for, within};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn messages_follow_resume_and_stop_at_their_limits() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let text = r#"{"type":"progress","n":9007199254740993,"done":false}"#;
    page.send(tokio_tungstenite::tungstenite::Message::text(text))
        .await;
    page.send_json(&json!({"type": "progress", "done": true}))
        .await;
    page.send_json(&json!({"type": "never seen"})).await;
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
    assert_output(&shown, 3, "");
    let shown = cli(&server, &["messages", "--since", "then"]).await;
    assert_eq!(shown.code, Some(2));
}

#[tokio::test]
async fn messages_are_printed_as_rows() {
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
    page.send_json(&json!({"type": "x", "done": true})).await;
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
    assert_output(
        &shown,
        0,
        &rows.map(|row| format!("{id}  {row}\n")).concat(),
    );
}

#[tokio::test]
async fn following_ends_quietly_when_its_output_is_closed() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let mut follow = command_for(
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
    page.send_json(&json!({"type": "more"})).await;
    let status = within("its end", follow.wait()).await.expect("a wait");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn messages_and_sockets_can_be_limited_to_one_tab() {
    let server = TestServer::start(&Site::page()).await;
    let mut a = Page::open_as(server.http(), &json!({"tab_id": "a"})).await;
    let mut b = Page::open_as(server.http(), &json!({"tab_id": "b"})).await;
    for page in [&mut b, &mut a] {
        page.send_json(&json!({"type": "x", "done": true})).await;
        page.send_json(&json!({"no": "type"})).await;
        assert_eq!(page.receive_json().await["type"], "pagewire:fault");
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
async fn an_event_is_one_line_without_control_characters_whatever_its_text_contains() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    // JSON allows line ends between its tokens, and C1 controls and marks of direction in strings.
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{7f}";
    let text = format!("{{\"type\":\"t\",\n\"s\":\"{}\"\r\n}}", &hostile[4..]);
    page.send(tokio_tungstenite::tungstenite::Message::text(text))
        .await;
    page.send_json(
        &json!({"type": "pagewire:console", "level": "log", "args": [
            {"json": format!("first\nsecond{hostile}")},
        ]}),
    )
    .await;
    page.send_json(&json!({"type": "last", "done": true})).await;
    let kinds = [
        "--since",
        "0",
        "--until",
        "$.done",
        "--kinds",
        "message,console",
    ];
    for format in [&["messages"][..], &["messages", "--json"]] {
        let shown = cli(&server, &[format, &kinds].concat()).await;
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        let lines: Vec<_> = shown.stdout.lines().collect();
        assert!((2..=3).contains(&lines.len()), "{}", shown.stdout);
        let is_hostile = |c: char| {
            (c.is_control() && c != '\n')
                || hostile[4..]
                    .chars()
                    .any(|it| it == c && !it.is_ascii_graphic())
        };
        assert!(!shown.stdout.contains(is_hostile), "{:?}", shown.stdout);
        assert!(
            shown.stdout.contains("202e"),
            "it is shown escaped: {}",
            shown.stdout
        );
    }
    let lines = cli(&server, &[&["messages", "--json"][..], &kinds].concat()).await;
    assert_eq!(lines.json()[0]["message"]["data"]["s"], hostile[4..]);
}
