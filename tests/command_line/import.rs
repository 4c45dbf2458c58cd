//! `pagewire import` runs a module in pages and reports each outcome.

use super::{exception, refused, thrown, value};
use crate::support::{Page, Site, TestServer, assert_output, cli, command, run};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Answers the next import that the page receives with these fields, and returns the import. The fields
/// are text, so that a value is exactly what a page would write.
async fn answer_import(page: &mut Page, fields: String) -> Value {
    let request = page.receive_json().await;
    assert_eq!(request["type"], "import", "{request}");
    let call_id = &request["data"]["callId"];
    let response = format!("{{\"type\":\"pagewire:result\",\"callId\":{call_id},{fields}}}");
    page.send(Message::text(response)).await;
    request["data"].clone()
}

/// Returns the fields of a value that JSON cannot express.
fn other_value(description: &Value) -> String {
    format!("\"ok\":true,\"value\":{description}")
}

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
        assert_output(&run, 0, printed);
        assert_eq!(run.stderr, "");
    }
}

#[tokio::test]
async fn import_passes_its_arguments_to_the_module() {
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
        // Connection arguments come first, so that `--` may come last.
        command.arg(arguments[0]);
        command.args(["--endpoint", server.control(), "--token", &server.token]);
        command.args(&arguments[1..]);
        let (run, received) = tokio::join!(run(command), answers);
        assert_output(&run, 0, "1\n");
        assert_eq!(
            (&received["importPath"], &received["args"]),
            (&json!("/x.js"), &args)
        );
        assert_eq!(received.get("fresh"), None);
    }
    let answers = answer_import(&mut page, value("1"));
    let (_, received) = tokio::join!(
        cli(&server, &["import", "https://example.com/x.js", "--fresh"]),
        answers
    );
    assert_eq!(
        (&received["importPath"], &received["fresh"]),
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
    assert_output(&run, 1, "");
    assert_eq!(
        run.stderr,
        "TypeError: x is not a function\n    at default (/x.js:3:7)\n"
    );

    for (fields, output) in [
        (
            json!({"phase": "load", "name": "TypeError", "message": "Failed to fetch", "url": "/x.js"}),
            "could not be loaded: TypeError: Failed to fetch (/x.js)\n",
        ),
        (
            json!({"phase": "load", "name": "TypeError", "message": "no /x.js", "url": "/x.js"}),
            "could not be loaded: TypeError: no /x.js\n",
        ),
        // A stack without a location, such as Chromium's for a syntax error.
        (
            json!({
                "phase": "load", "name": "SyntaxError", "message": "bad", "stack": "SyntaxError: bad",
                "url": "/x.js", "line": 3, "column": 7,
            }),
            "could not be loaded: SyntaxError: bad (/x.js:3:7)\n",
        ),
        // Firefox stacks contain only the calls.
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
        assert_output(&run, 1, "");
        assert_eq!(run.stderr, output);
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
async fn import_prints_a_json_object_per_page() {
    let server = TestServer::start(&Site::page()).await;
    assert_output(&cli(&server, &["import", "/x.js", "--json"]).await, 3, "");
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
async fn import_prints_values_as_the_page_wrote_them() {
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
async fn the_worst_outcome_decides_the_exit_code_of_import() {
    let server = TestServer::start(&Site::page()).await;
    let (mut good, mut bad) = (server.page().await, server.page().await);
    let answers = async {
        tokio::join!(
            answer_import(&mut good, value("1")),
            answer_import(&mut bad, thrown())
        )
    };
    let (run, _) = tokio::join!(cli(&server, &["import", "/x.js"]), answers);
    assert_output(&run, 1, &format!("{}: 1\n", good.id));
    assert!(
        run.stderr.starts_with(&format!("{}: TypeError", bad.id)),
        "{}",
        run.stderr
    );

    let answers = async { tokio::join!(answer_import(&mut good, value("1")), bad.receive_json()) };
    let (run, _) = tokio::join!(
        cli(&server, &["import", "/x.js", "--timeout", "0.5"]),
        answers
    );
    assert_output(&run, 3, &format!("{}: 1\n", good.id));
    assert!(
        run.stderr
            .contains(&format!("{}: the page did not respond", bad.id)),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn an_import_that_no_page_answers_is_exit_code_3() {
    let server = TestServer::start(&Site::page()).await;
    let no_page = cli(&server, &["import", "/x.js"]).await;
    assert_output(&no_page, 3, "");
    assert!(no_page.stderr.contains("no page"), "{}", no_page.stderr);

    let mut page = server.page().await;
    let arguments = ["import", "/x.js", "--timeout", "0.05", "--json"];
    let (run, _) = tokio::join!(cli(&server, &arguments), page.receive_json());
    assert_eq!(run.code, Some(3));
    assert_eq!(run.json()[0]["unanswered"], "timed_out");
    drop(page);

    // A page with the `@web/dev-server` client cannot be awaited.
    let server = TestServer::start(&Site::page()).await;
    let _silent = server.wds_page().await;
    let run = cli(&server, &["import", "/x.js", "--json"]).await;
    assert_eq!(
        (run.code, &run.json()[0]["unanswered"]),
        (Some(3), &json!("unsupported"))
    );
}

#[tokio::test]
async fn import_without_waiting_prints_how_many_pages_it_reached() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    assert_output(
        &cli(&server, &["import", "/x.js", "--no-wait"]).await,
        0,
        "reached 1 page\n",
    );
    let received = page.receive_json().await;
    assert_eq!(
        received,
        json!({"type": "import", "data": {"importPath": "/x.js", "args": []}})
    );
    let run = cli(&server, &["import", "/x.js", "--no-wait", "--json"]).await;
    assert_eq!(run.json(), [json!({"reached": 1, "unreached": []})]);
}

#[tokio::test]
async fn contradictory_import_arguments_are_bad_usage() {
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
