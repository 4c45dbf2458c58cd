//! `pagewire eval` prints the value of an expression or a module.

use super::run_import;
use crate::support::{Site, TestServer, assert_output, cli, command_for, run};
use serde_json::json;
use std::process::Stdio;

#[tokio::test]
async fn eval_prints_bare_json_and_raw_unquotes_a_string() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let output = json!({"value": {"json": "text"}});
    let arguments = ["eval", "await document.title // ends here"];
    let (shown, source) = tokio::join!(
        cli(&server, &arguments),
        run_import(&server, &mut page, output.clone())
    );
    assert_output(&shown, 0, "\"text\"\n");
    assert!(
        source.contains("(\nawait document.title // ends here\n)"),
        "{source}"
    );
    let arguments = ["eval", "1", "--raw"];
    let (shown, _) = tokio::join!(
        cli(&server, &arguments),
        run_import(&server, &mut page, output.clone())
    );
    assert_output(&shown, 0, "text\n");
    let arguments = ["eval", "1", "--json"];
    let (shown, _) = tokio::join!(
        cli(&server, &arguments),
        run_import(&server, &mut page, output)
    );
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
    let output = json!({"value": {"json": 1}});
    let arguments = ["eval", "--module", &file];
    let (shown, source) = tokio::join!(
        cli(&server, &arguments),
        run_import(&server, &mut page, output.clone())
    );
    assert_output(&shown, 0, "1\n");
    assert_eq!(source, "export default () => 1;");

    let mut piped = command_for(&server, &["eval", "--module", "-"]);
    piped.stdin(Stdio::from(std::fs::File::open(&file).expect("the file")));
    let (shown, source) = tokio::join!(run(piped), run_import(&server, &mut page, output));
    assert_output(&shown, 0, "1\n");
    assert_eq!(source, "export default () => 1;");

    let shown = cli(&server, &["eval", "--module", "no/such.js"]).await;
    assert_eq!(shown.code, Some(2));
    assert!(shown.stderr.contains("no/such.js"), "{}", shown.stderr);
}

#[tokio::test]
async fn eval_exits_1_if_the_code_throws_and_3_without_a_page() {
    let server = TestServer::start(&Site::page()).await;
    let shown = cli(&server, &["eval", "1"]).await;
    assert_output(&shown, 3, "");
    let mut page = server.page().await;
    let thrown = json!({"exception": {"phase": "call", "name": "RangeError", "message": "no", "stack": "RangeError: no\u{1b}[31m\n at x"}});
    let arguments = ["eval", "1"];
    let (shown, _) = tokio::join!(
        cli(&server, &arguments),
        run_import(&server, &mut page, thrown)
    );
    assert_output(&shown, 1, "");
    assert!(
        shown.stderr.contains("RangeError: no[31m\n at x"),
        "a page must not move the cursor: {}",
        shown.stderr
    );
}

#[tokio::test]
async fn eval_assert_exits_1_unless_the_value_is_truthy() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    for (value, printed, code) in [
        (json!({"json": true}), "true", 0),
        (json!({"json": "no"}), "\"no\"", 0),
        (json!({"json": []}), "[]", 0),
        (json!({"json": -1.5}), "-1.5", 0),
        (json!({"unserializable": "Infinity"}), "Infinity", 0),
        (json!({"description": "<h1>"}), "<h1>", 0),
        (json!({"json": false}), "false", 1),
        (json!({"json": null}), "null", 1),
        (json!({"json": 0}), "0", 1),
        (json!({"json": ""}), "\"\"", 1),
        (json!({}), "undefined", 1),
        (json!({"unserializable": "NaN"}), "NaN", 1),
        (json!({"unserializable": "-0"}), "-0", 1),
        (json!({"unserializable": "0n"}), "0n", 1),
    ] {
        let arguments = ["eval", "--assert", "x"];
        let (shown, _) = tokio::join!(
            cli(&server, &arguments),
            run_import(&server, &mut page, json!({ "value": value }))
        );
        assert_output(&shown, code, &format!("{printed}\n"));
        assert_eq!(shown.stderr.contains("not truthy"), code == 1, "{printed}");
    }
    let shown = cli(&server, &["eval", "--line", "3", "x"]).await;
    assert_eq!(shown.code, Some(2), "--line needs --source-url");
}

#[tokio::test]
async fn an_unknown_position_stays_unknown() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let url = "http://localhost/__pagewire__/code/1.js";
    let thrown =
        json!({"exception": {"phase": "load", "name": "SyntaxError", "message": "no", "url": url}});
    let arguments = ["eval", "--json", "x"];
    let (shown, _) = tokio::join!(
        cli(&server, &arguments),
        run_import(&server, &mut page, thrown)
    );
    let exception = &shown.json()[0]["exception"];
    assert_eq!(
        (&exception["url"], &exception["line"]),
        (&json!("expression"), &json!(0))
    );
}
