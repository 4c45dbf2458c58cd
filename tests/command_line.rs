//! The command line: what it prints, how it ends, what it says when something is wrong.

use crate::support::{
    Ended, Page, Site, TestServer, cli, command, ended, run, speaking_to, within,
};
use pagewire_client::Target;
use serde_json::{Value, json};
use std::net::TcpListener;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

/// With a runtime folder in which no daemon is registered.
fn alone(mut command: Command) -> (Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    command.env("XDG_RUNTIME_DIR", folder.path());
    (command, folder)
}

/// It was refused: exit code 2, nothing on standard output, these words on standard error.
#[track_caller]
fn refused(run: &Ended, words: &[&str]) {
    ended(run, 2, "");
    for word in words {
        assert!(run.stderr.contains(word), "no {word:?} in: {}", run.stderr);
    }
}

/// Answers the import that the page hears next with these fields; gives what it heard. Text, so
/// that a value is exactly what a page would write.
async fn answer_import(page: &mut Page, fields: String) -> Value {
    let asked = page.hear().await;
    assert_eq!(asked["type"], "import", "{asked}");
    let call_id = &asked["data"]["callId"];
    let answer = format!("{{\"type\":\"pagewire:result\",\"callId\":{call_id},{fields}}}");
    page.send(Message::text(answer)).await;
    asked["data"].clone()
}

fn value(json: &str) -> String {
    format!("\"ok\":true,\"value\":{{\"json\":{json}}}")
}

/// A value that JSON cannot say.
fn other_value(description: &Value) -> String {
    format!("\"ok\":true,\"value\":{description}")
}

fn exception(fields: &Value) -> String {
    format!("\"ok\":false,\"exception\":{fields}")
}

fn thrown() -> String {
    exception(&json!({
        "phase": "call", "name": "TypeError", "message": "x is not a function",
        "stack": "TypeError: x is not a function\n    at default (/x.js:3:7)",
        "url": "/x.js", "line": 3, "column": 7,
    }))
}

// --------------------------------------------------------------------------------- sockets

#[tokio::test]
async fn sockets_lists_pages_as_a_table() {
    let server = TestServer::start(&Site::page()).await;
    let none = cli(&server, &["sockets"]).await;
    ended(&none, 3, "");
    for remedy in ["no page", "in a browser"] {
        assert!(none.stderr.contains(remedy), "{}", none.stderr);
    }

    let fields = json!({"url": "http://localhost/a", "title": "A \u{1b}[2J\u{7}title\n!"});
    let first = Page::open_as(server.http(), &fields).await;
    let fields = json!({"url": "http://localhost/b", "visibility": "hidden", "top_level": false});
    let second = Page::open_as(server.http(), &fields).await;
    let silent = server.silent_page().await;
    let listed = cli(&server, &["sockets"]).await;
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["SOCKET", "STATE", "URL", "TITLE"]);
    // What a page put into its title does not steer the terminal.
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
async fn sockets_gives_an_object_a_line() {
    let server = TestServer::start(&Site::page()).await;
    ended(&cli(&server, &["sockets", "--json"]).await, 3, "");
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
    ended(&none, 3, "");
    refused(
        &cli(&server, &["sockets", "--url", "("]).await,
        &["regular expression", "RE2"],
    );
    drop(other);
}

// ------------------------------------------------------------------------------------ send

#[tokio::test]
async fn send_reaches_pages_verbatim_and_says_how_many() {
    let server = TestServer::start(&Site::page()).await;
    // What JSON keeps, and what a program that re-encodes it would lose.
    let text =
        r#"{ "type":"x", "n": 1.0, "n": 12345678901234567890123, "z":1,"a":"\u00e9</script>" }"#;
    let nobody = cli(&server, &["send", text]).await;
    ended(&nobody, 3, "");
    assert!(nobody.stderr.contains("no page"), "{}", nobody.stderr);
    ended(
        &cli(&server, &["send", text, "--json"]).await,
        3,
        "{\"reached\":0,\"unreached\":[]}\n",
    );

    let mut first = server.page().await;
    let one = cli(&server, &["send", text]).await;
    ended(&one, 0, "reached 1 page\n");
    assert_eq!(one.stderr, "");
    assert_eq!(first.hear_text().await, text);

    let mut second = server.page().await;
    ended(
        &cli(&server, &["send", text, "--all"]).await,
        0,
        "reached 2 pages\n",
    );
    let report = cli(&server, &["send", "--json", text]).await;
    assert_eq!(report.json(), [json!({"reached": 2, "unreached": []})]);
    for page in [&mut first, &mut second] {
        assert_eq!(
            (
                page.hear_text().await.as_str(),
                page.hear_text().await.as_str()
            ),
            (text, text)
        );
    }
}

#[tokio::test]
async fn pages_are_chosen_by_socket_tab_or_url() {
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
        ended(&cli(&server, &arguments).await, 0, expected);
        for (name, page) in [("a", &mut a), ("b", &mut b)] {
            if hearers.contains(name) {
                assert_eq!(
                    page.hear().await["number"],
                    number,
                    "{name} with {target:?}"
                );
            }
        }
    }
    // Two ways at once contradict each other.
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
async fn a_page_that_is_not_there_is_a_row_and_exit_code_3() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let message = r#"{"type":"x"}"#;
    let unknown = cli(&server, &["send", message, "--socket", "nope"]).await;
    ended(&unknown, 3, "");
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
    ended(&some, 3, "reached 1 page\n");
    assert!(some.stderr.contains("not reached: nope"), "{}", some.stderr);
    assert_eq!(page.hear().await["type"], "x");
    for arguments in [
        vec!["log", "x", "--socket", "nope"],
        vec!["reload", "--socket", "nope"],
        vec!["import", "/x.js", "--socket", "nope"],
        vec!["import", "/x.js", "--no-wait", "--socket", "nope"],
    ] {
        let run = cli(&server, &arguments).await;
        ended(&run, 3, "");
        assert!(
            run.stderr.contains("no such socket"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[tokio::test]
async fn what_is_no_json_is_not_sent() {
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
    assert_eq!(valid.expect("a send").reached, 1);
    assert_eq!(page.hear().await["type"], "first", "nothing came before it");
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
    ended(
        &cli(&server, &["send", r#"{"type":"first"}"#]).await,
        0,
        "reached 1 page\n",
    );
    assert_eq!(page.hear().await["type"], "first", "nothing came before it");
}

// ---------------------------------------------------------------------------------- import

#[tokio::test]
async fn import_prints_what_the_default_export_returned() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    for (result, printed) in [
        (
            value("{\"b\":1.0,\"a\":12345678901234567890123}"),
            "{\"b\":1.0,\"a\":12345678901234567890123}\n",
        ),
        (value("\"text\""), "\"text\"\n"),
        (value("null"), "null\n"),
        (other_value(&json!({"undefined": true})), "undefined\n"),
        (other_value(&json!({"unserializable": "NaN"})), "NaN\n"),
        (other_value(&json!({"unserializable": "123n"})), "123n\n"),
        (
            other_value(&json!({"description": "<div id=x>"})),
            "<div id=x>\n",
        ),
    ] {
        let answers = answer_import(&mut page, result);
        let (run, _) = tokio::join!(cli(&server, &["import", "/x.js"]), answers);
        ended(&run, 0, printed);
        assert_eq!(run.stderr, "");
    }
}

#[tokio::test]
async fn import_passes_its_arguments_on() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    for (arguments, args) in [
        (vec!["import", "/x.js"], json!([])),
        (
            vec!["import", "/x.js", "a b", "1", "", "\"q\""],
            json!(["a b", "1", "", "\"q\""]),
        ),
        (vec!["import", "/x.js", "--", "--all"], json!(["--all"])),
        (
            vec![
                "import",
                "/x.js",
                "--args-json",
                "[1, {\"a\": null}, \"x\"]",
            ],
            json!([1, {"a": null}, "x"]),
        ),
    ] {
        let answers = answer_import(&mut page, value("1"));
        let mut command = command();
        // The connection is said first, so that `--` may come last.
        command.arg(arguments[0]);
        command.args(["--endpoint", server.control(), "--token", &server.token]);
        command.args(&arguments[1..]);
        let (run, heard) = tokio::join!(run(command), answers);
        ended(&run, 0, "1\n");
        assert_eq!(
            (&heard["importPath"], &heard["args"]),
            (&json!("/x.js"), &args)
        );
        assert_eq!(heard.get("fresh"), None);
    }
    let answers = answer_import(&mut page, value("1"));
    let (_, heard) = tokio::join!(
        cli(&server, &["import", "https://example.com/x.js", "--fresh"]),
        answers
    );
    assert_eq!(
        (&heard["importPath"], &heard["fresh"]),
        (&json!("https://example.com/x.js"), &json!(true))
    );
}

#[tokio::test]
async fn an_import_that_throws_is_exit_code_1_and_shows_the_stack() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let (run, _) = tokio::join!(
        cli(&server, &["import", "/x.js"]),
        answer_import(&mut page, thrown())
    );
    ended(&run, 1, "");
    assert_eq!(
        run.stderr,
        "TypeError: x is not a function\n    at default (/x.js:3:7)\n"
    );

    for (fields, said) in [
        (
            json!({"phase": "load", "name": "TypeError", "message": "Failed to fetch", "url": "/x.js"}),
            "could not be loaded: TypeError: Failed to fetch (/x.js)\n",
        ),
        (
            json!({"phase": "load", "name": "TypeError", "message": "no /x.js", "url": "/x.js"}),
            "could not be loaded: TypeError: no /x.js\n",
        ),
        // A stack that has no place, as Chromium's of a syntax error.
        (
            json!({
                "phase": "load", "name": "SyntaxError", "message": "bad", "stack": "SyntaxError: bad",
                "url": "/x.js", "line": 3, "column": 7,
            }),
            "could not be loaded: SyntaxError: bad (/x.js:3:7)\n",
        ),
        // Firefox's stacks have the calls alone.
        (
            json!({
                "phase": "call", "name": "TypeError", "message": "no", "stack": "f@/x.js:3:7\ng@/y.js:1:1\n",
                "url": "/x.js", "line": 3, "column": 7,
            }),
            "TypeError: no\nf@/x.js:3:7\ng@/y.js:1:1\n",
        ),
        (
            json!({"phase": "call", "name": "Error", "stack": "Error\n    at /x.js:3:7"}),
            "Error\n    at /x.js:3:7\n",
        ),
    ] {
        let (run, _) = tokio::join!(
            cli(&server, &["import", "/x.js"]),
            answer_import(&mut page, exception(&fields))
        );
        ended(&run, 1, "");
        assert_eq!(run.stderr, said);
    }

    let (run, _) = tokio::join!(
        cli(&server, &["import", "/x.js", "--json"]),
        answer_import(&mut page, thrown())
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let [object] = &run.json()[..] else {
        panic!("{run:?}")
    };
    for (key, value) in [
        ("phase", json!("call")),
        ("name", json!("TypeError")),
        ("message", json!("x is not a function")),
        (
            "stack",
            json!("TypeError: x is not a function\n    at default (/x.js:3:7)"),
        ),
        ("url", json!("/x.js")),
        ("line", json!(3)),
        ("column", json!(7)),
    ] {
        assert_eq!(object["exception"][key], value, "{key}");
    }
}

#[tokio::test]
async fn import_gives_an_object_for_each_page() {
    let server = TestServer::start(&Site::page()).await;
    ended(&cli(&server, &["import", "/x.js", "--json"]).await, 3, "");
    let mut page = server.page().await;
    for (result, key, expected) in [
        (value("{\"a\":[1]}"), "value", json!({"a": [1]})),
        (value("null"), "value", json!(null)),
        (
            other_value(&json!({"undefined": true})),
            "undefined",
            json!(true),
        ),
        (
            other_value(&json!({"unserializable": "-0"})),
            "unserializable",
            json!("-0"),
        ),
        (
            other_value(&json!({"description": "<div>"})),
            "description",
            json!("<div>"),
        ),
        (
            other_value(&json!({"description": "[1,2", "truncated": true})),
            "truncated",
            json!("[1,2"),
        ),
    ] {
        let answers = answer_import(&mut page, result);
        let (run, _) = tokio::join!(cli(&server, &["import", "/x.js", "--json"]), answers);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{key}");
        let [object] = &run.json()[..] else {
            panic!("{run:?}")
        };
        assert_eq!(object.get(key), Some(&expected), "{object}");
        assert_eq!(object["socket_id"], json!(page.id));
        assert!(
            object["elapsed_ms"].as_f64().is_some_and(|time| time > 0.0),
            "{object}"
        );
        assert_eq!(
            object.as_object().map(serde_json::Map::len),
            Some(3),
            "{object}"
        );
    }
}

#[tokio::test]
async fn import_gives_values_as_the_page_wrote_them() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    for text in [
        "{\"b\":1,\"a\":2}",
        "12345678901234567890123",
        "1.0",
        "1e400",
        deep.as_str(),
    ] {
        let answers = answer_import(&mut page, value(text));
        let (run, _) = tokio::join!(cli(&server, &["import", "/x.js", "--json"]), answers);
        let shown = &text[..text.len().min(30)];
        assert_eq!(run.code, Some(0), "{shown}");
        assert!(
            run.stdout.contains(&format!("\"value\":{text}")),
            "{shown} became {}",
            run.stdout
        );
    }
}

#[tokio::test]
async fn the_worst_page_decides_how_import_ends() {
    let server = TestServer::start(&Site::page()).await;
    let (mut good, mut bad) = (server.page().await, server.page().await);
    let answers = async {
        tokio::join!(
            answer_import(&mut good, value("1")),
            answer_import(&mut bad, thrown())
        )
    };
    let (run, _) = tokio::join!(cli(&server, &["import", "/x.js"]), answers);
    ended(&run, 1, &format!("{}: 1\n", good.id));
    assert!(
        run.stderr.starts_with(&format!("{}: TypeError", bad.id)),
        "{}",
        run.stderr
    );

    let answers = async { tokio::join!(answer_import(&mut good, value("1")), bad.hear()) };
    let (run, _) = tokio::join!(
        cli(&server, &["import", "/x.js", "--timeout", "0.5"]),
        answers
    );
    ended(&run, 3, &format!("{}: 1\n", good.id));
    assert!(
        run.stderr
            .contains(&format!("{}: the page did not answer", bad.id)),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn an_import_that_no_page_answers_is_exit_code_3() {
    let server = TestServer::start(&Site::page()).await;
    let nobody = cli(&server, &["import", "/x.js"]).await;
    ended(&nobody, 3, "");
    assert!(nobody.stderr.contains("no page"), "{}", nobody.stderr);

    let mut page = server.page().await;
    let arguments = ["import", "/x.js", "--timeout", "0.05", "--json"];
    let (run, _) = tokio::join!(cli(&server, &arguments), page.hear());
    assert_eq!(run.code, Some(3));
    assert_eq!(run.json()[0]["unanswered"], "timed_out");
    drop(page);

    // A page with the ancestor's script cannot be awaited.
    let server = TestServer::start(&Site::page()).await;
    let _silent = server.silent_page().await;
    let run = cli(&server, &["import", "/x.js", "--json"]).await;
    assert_eq!(
        (run.code, &run.json()[0]["unanswered"]),
        (Some(3), &json!("unsupported"))
    );
}

#[tokio::test]
async fn import_without_waiting_says_how_many_it_reached() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    ended(
        &cli(&server, &["import", "/x.js", "--no-wait"]).await,
        0,
        "reached 1 page\n",
    );
    let heard = page.hear().await;
    assert_eq!(
        heard,
        json!({"type": "import", "data": {"importPath": "/x.js", "args": []}})
    );
    let run = cli(&server, &["import", "/x.js", "--no-wait", "--json"]).await;
    assert_eq!(run.json(), [json!({"reached": 1, "unreached": []})]);
}

#[tokio::test]
async fn an_import_that_makes_no_sense_is_bad_usage() {
    let server = TestServer::start(&Site::page()).await;
    let _page = server.page().await;
    for (arguments, words) in [
        (vec!["import"], vec!["<PATH>"]),
        (vec!["import", ""], vec!["import_path", "begin it with /"]),
        (vec!["import", "x.js"], vec!["\"x.js\"", "begin it with /"]),
        (vec!["import", "/x.js", "--args-json", "{"], vec!["json"]),
        (vec!["import", "/x.js", "--args-json", "{}"], vec!["json"]),
        (
            vec!["import", "/x.js", "--args-json", "[1] 2"],
            vec!["json"],
        ),
        (
            vec!["import", "/x.js", "a", "--args-json", "[]"],
            vec!["--args-json", "cannot be used with"],
        ),
        (
            vec!["import", "/x.js", "--timeout", "0"],
            vec!["'0'", "--timeout", "2.5"],
        ),
        (
            vec!["import", "/x.js", "--timeout=-1"],
            vec!["'-1'", "--timeout"],
        ),
        (
            vec!["import", "/x.js", "--timeout", "soon"],
            vec!["'soon'", "2.5"],
        ),
    ] {
        refused(&cli(&server, &arguments).await, &words);
    }
}

// --------------------------------------------------------------------------- log and reload

#[tokio::test]
async fn log_prints_exactly_the_text() {
    let server = TestServer::start(&Site::page()).await;
    ended(&cli(&server, &["log", "x"]).await, 3, "");
    let mut page = server.page().await;
    let text = "100% %s #1 </script>\n\t\"q\" \u{1f600}";
    ended(&cli(&server, &["log", text]).await, 0, "reached 1 page\n");
    let heard = page.hear().await;
    assert_eq!(
        (&heard["type"], &heard["level"], &heard["text"]),
        (&json!("pagewire:log"), &json!("log"), &json!(text))
    );
    for level in ["log", "debug", "info", "warn", "error"] {
        let run = cli(&server, &["log", "x", "--level", level, "--json"]).await;
        assert_eq!(run.json(), [json!({"reached": 1, "unreached": []})]);
        assert_eq!(page.hear().await["level"], level);
    }
    refused(
        &cli(&server, &["log", "x", "--level", "loud"]).await,
        &["'loud'", "warn"],
    );
    refused(&cli(&server, &["log"]).await, &["<TEXT>"]);
}

#[tokio::test]
async fn reload_reloads_the_pages_that_are_meant() {
    let server = TestServer::start(&Site::page()).await;
    ended(&cli(&server, &["reload"]).await, 3, "");
    let (mut first, mut second) = (server.page().await, server.page().await);
    ended(
        &cli(&server, &["reload", "--socket", &second.id]).await,
        0,
        "reached 1 page\n",
    );
    assert_eq!(
        cli(&server, &["reload", "--json"]).await.json(),
        [json!({"reached": 2, "unreached": []})]
    );
    let reload = json!({"type": "pagewire:command", "command": "reload"});
    assert_eq!(first.hear().await, reload);
    assert_eq!(
        (second.hear().await, second.hear().await),
        (reload.clone(), reload)
    );
    let fields = json!({"type": "last"});
    server
        .client()
        .await
        .send(&Target::all(), &fields)
        .await
        .expect("a send");
    assert_eq!(
        first.hear().await["type"],
        "last",
        "it was told to reload once"
    );
}

// ------------------------------------------------------------------------ finding the daemon

const SPEAKING: [&[&str]; 12] = [
    &["sockets"],
    &["send", "{}"],
    &["import", "/x.js"],
    &["eval", "1"],
    &["log", "x"],
    &["reload"],
    &["reload", "--wait"],
    &["navigate", "/x"],
    &["navigate", "--wait", "/x"],
    &["messages"],
    &["plugins"],
    &["info"],
];

#[tokio::test]
async fn without_a_daemon_every_command_ends_with_4() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let folder = tempfile::tempdir().expect("a folder");
    let unix = format!("unix:{}", folder.path().join("nobody").display());
    let server = TestServer::start(&Site::page()).await;
    // The page port speaks another protocol.
    let pages = server.http().to_string();
    for arguments in SPEAKING {
        for endpoint in [&address, &unix, &pages] {
            let mut command = command();
            command.args(arguments).args(["--endpoint", endpoint]);
            command.env("XDG_RUNTIME_DIR", folder.path());
            let run = run(command).await;
            ended(&run, 4, "");
            let says = run.stderr.contains(endpoint) && run.stderr.contains("ready line");
            assert!(says, "{arguments:?} {endpoint}: {}", run.stderr);
        }
        let (mut unnamed, _folder) = alone(command());
        unnamed.args(arguments);
        let run = run(unnamed).await;
        ended(&run, 4, "");
        assert!(
            run.stderr.contains("PAGEWIRE_ENDPOINT"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_is_none_is_bad_usage() {
    for endpoint in ["", "bogus", "127.0.0.1", "unix:", "https://127.0.0.1:1"] {
        let mut command = command();
        command.args(["sockets", "--endpoint", endpoint]);
        refused(&run(command).await, &[endpoint, "127.0.0.1:8001"]);
    }
}

#[tokio::test]
async fn the_daemon_and_its_token_come_from_arguments_or_the_environment() {
    let server = TestServer::start(&Site::page()).await;
    let _page = server.page().await;
    let file = server.ready["token_file"].as_str().expect("a file");
    let endpoint = server.control();
    let token = server.token.as_str();
    let cases = [
        (&["--endpoint", endpoint, "--token-file", file][..], &[][..]),
        (&["--endpoint", endpoint, "--token", token], &[]),
        (
            &[],
            &[("PAGEWIRE_ENDPOINT", endpoint), ("PAGEWIRE_TOKEN", token)],
        ),
        (&["--token-file", file], &[("PAGEWIRE_ENDPOINT", endpoint)]),
        (&["--endpoint", endpoint], &[("PAGEWIRE_TOKEN", token)]),
        // What was typed counts more than what is set.
        (
            &["--endpoint", endpoint, "--token", token],
            &[
                ("PAGEWIRE_ENDPOINT", "127.0.0.1:1"),
                ("PAGEWIRE_TOKEN", "stale"),
            ],
        ),
        (
            &["--endpoint", endpoint, "--token-file", file],
            &[("PAGEWIRE_TOKEN", "stale")],
        ),
    ];
    for (arguments, variables) in cases {
        let mut command = command();
        command
            .arg("sockets")
            .args(arguments)
            .envs(variables.iter().copied());
        let run = run(command).await;
        assert_eq!(
            run.code,
            Some(0),
            "{arguments:?} {variables:?}: {}",
            run.stderr
        );
        assert!(!run.stdout.contains(token));
    }
}

#[tokio::test]
async fn a_wrong_token_names_the_remedy_and_is_not_shown() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    };
    let (stale, empty) = (file("stale", "a-stale-token\n"), file("empty", "\n"));
    let missing = folder.path().join("missing").display().to_string();
    for command_line in SPEAKING {
        for (given, words) in [
            (vec![], vec!["no token", "token_file"]),
            (
                vec!["--token", "a-wrong-token"],
                vec!["changes at every start", "token_file"],
            ),
            (
                vec!["--token-file", &stale],
                vec!["changes at every start", "token_file"],
            ),
            (vec!["--token-file", &empty], vec![&empty, "is empty"]),
            (
                vec!["--token-file", &missing],
                vec![&missing, "pass the file that the daemon wrote"],
            ),
        ] {
            let (mut command, _folder) = alone(command());
            command
                .args(command_line)
                .args(["--endpoint", server.control()])
                .args(given);
            let run = run(command).await;
            refused(&run, &words);
            for secret in ["a-wrong-token", "a-stale-token"] {
                assert!(!run.stderr.contains(secret), "{}", run.stderr);
            }
        }
    }
    ended(
        &cli(&server, &["send", r#"{"type":"first"}"#]).await,
        0,
        "reached 1 page\n",
    );
    assert_eq!(page.hear().await["type"], "first", "nothing came before it");
}

#[tokio::test]
async fn a_control_socket_file_needs_no_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let unix = format!("unix:{}", folder.path().join("control").display());
    let server = TestServer::start_with(&Site::page(), &["--control", &unix]).await;
    let _page = server.page().await;
    let mut command = command();
    command.args(["send", "{}", "--endpoint", &unix]);
    ended(&run(command).await, 0, "reached 1 page\n");
}

// ------------------------------------------------------------------------------- bad usage

#[tokio::test]
async fn serve_refuses_what_it_cannot_do_and_names_value_and_remedy() {
    let site = Site::page();
    let server = TestServer::start(&site).await;
    let port = server.http().port().to_string();
    let control_port = server.control().rsplit(':').next().expect("a port");
    let root = site.path().display().to_string();
    let file = format!("{root}/index.html");
    let missing = format!("{root}/missing");
    let control_in_use = format!("127.0.0.1:{control_port}");
    let on_file = format!("unix:{file}");
    for (arguments, words) in [
        (
            vec!["serve", &missing],
            vec![missing.as_str(), "pass an existing folder", "No such file"],
        ),
        (
            vec!["serve", &file],
            vec![file.as_str(), "not a directory", "pass an existing folder"],
        ),
        (
            vec!["serve", &root, "--allow-dir", &missing],
            vec![missing.as_str(), "existing folder"],
        ),
        (
            vec!["serve", &root, "--port", &port],
            vec![port.as_str(), "in use", "--port"],
        ),
        (
            vec!["serve", &root, "--port", "0", "--control", &control_in_use],
            vec![control_port, "in use", "--control"],
        ),
        (
            vec!["serve", &root, "--port", "0", "--control", &on_file],
            vec![file.as_str(), "no socket", "another path"],
        ),
        (
            vec!["serve", &root, "--control", "0.0.0.0:1"],
            vec![
                "0.0.0.0:1",
                "not a loopback address",
                "127.0.0.1:PORT",
                "unix:PATH",
            ],
        ),
        (
            vec!["serve", &root, "--control", "[::]:1"],
            vec!["[::]:1", "not a loopback address"],
        ),
        (
            vec!["serve", &root, "--control", "192.0.2.1:1"],
            vec!["192.0.2.1:1", "not a loopback address"],
        ),
        (
            vec!["serve", &root, "--control", "here"],
            vec!["\"here\"", "127.0.0.1:8001"],
        ),
        (
            vec!["serve", &root, "--prot", "1"],
            vec!["'--prot'", "--port", "--help"],
        ),
        (vec!["serve", &root, "another"], vec!["'another'", "--help"]),
        (
            vec!["serve", &root, "--port", "99999"],
            vec!["'99999'", "65535"],
        ),
        (vec!["serve", &root, "--port", "x"], vec!["'x'", "--port"]),
        (
            vec!["serve", &root, "--host", "nowhere"],
            vec!["'nowhere'", "--host"],
        ),
        (
            vec!["serve", &root, "--port", "0", "--host", "192.0.2.1"],
            vec!["192.0.2.1", "cannot listen"],
        ),
        (
            vec!["serve", &root, "--inject", "sometimes"],
            vec!["'sometimes'", "always", "never", "asked"],
        ),
        (
            vec!["serve", &root, "--log-format", "xml"],
            vec!["'xml'", "json"],
        ),
        (
            vec!["serve", &root, "--log", "loud"],
            vec!["\"loud\"", "debug"],
        ),
    ] {
        let mut command = command();
        command.args(&arguments);
        let run = run(command).await;
        refused(&run, &words);
        // Each thing is said once.
        for cause in ["No such file", "os error", "in use"] {
            assert!(
                run.stderr.matches(cause).count() <= 1,
                "{arguments:?}: {}",
                run.stderr
            );
        }
    }
    let mut command = command();
    command.args(["serve", &root]).env("PAGEWIRE_PORT", "many");
    refused(&run(command).await, &["PAGEWIRE_PORT", "\"many\"", "65535"]);
    // The daemon whose ports were asked for has not noticed.
    assert_eq!(server.get("/").await.status, 200);
}

#[tokio::test]
async fn a_command_that_is_none_is_bad_usage_and_help_is_not() {
    for (arguments, word) in [
        (&[][..], "Usage: pagewire <COMMAND>"),
        (&["bogus"], "'bogus'"),
        (&["sockets", "extra"], "'extra'"),
        (&["send"], "<JSON>"),
        (&["reload", "--bogus"], "'--bogus'"),
    ] {
        let mut command = command();
        command.args(arguments);
        refused(&run(command).await, &[word]);
    }
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["import", "--help"],
        &["send", "--version"],
    ] {
        let mut command = command();
        command
            .args(arguments)
            .env("PAGEWIRE_TOKEN", "a-token-nobody-should-see");
        let run = run(command).await;
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        assert!(run.stdout.contains("pagewire"), "{arguments:?}");
        assert!(
            !run.stdout.contains("a-token-nobody-should-see"),
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn nobody_reading_the_output_is_no_reason_to_panic() {
    let server = TestServer::start(&Site::page()).await;
    let _page = server.page().await;
    for arguments in [
        &["sockets"][..],
        &["sockets", "--json"],
        &["send", "{}"],
        &["reload", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = speaking_to(&server, arguments);
        let child = command.stdout(writer).spawn().expect("it starts");
        let output = within("the command to end", child.wait_with_output())
            .await
            .expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*stderr),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}
