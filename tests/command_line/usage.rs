//! Bad usage is exit code 2 with the value and the remedy; help and completions are not errors.

use super::refused;
use crate::support::{
    Site, TestServer, assert_output, command, command_for, command_names, run, within,
};

#[tokio::test]
async fn serve_refuses_invalid_settings_with_value_and_remedy() {
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
            vec![file.as_str(), "not a socket", "another path"],
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
        // Each error is printed once.
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
    // The daemon that occupies the ports is unaffected.
    assert_eq!(server.get("/").await.status, 200);
}

#[tokio::test]
async fn an_unknown_command_is_bad_usage_and_help_is_not() {
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
            .env("PAGEWIRE_TOKEN", "a-token-that-must-stay-secret");
        let run = run(command).await;
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        assert!(run.stdout.contains("pagewire"), "{arguments:?}");
        assert!(
            !run.stdout.contains("a-token-that-must-stay-secret"),
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn closed_output_does_not_cause_a_panic() {
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
        let mut command = command_for(&server, arguments);
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

#[tokio::test]
async fn full_output_changes_no_exit_code() {
    let site = Site::page();
    let server = TestServer::start(&site).await;
    let root = site.path().display().to_string();
    let nobody = ["--endpoint", "127.0.0.1:1"];
    let full = || std::fs::File::create("/dev/full").expect("a device");
    for (mut command, code) in [
        (command_of(&["sockets"], &nobody), 4),
        (command_of(&["wait", "--timeout", "0.01"], &nobody), 4),
        (command_of(&["stop"], &nobody), 4),
        (command_of(&["info", "--bogus"], &[]), 2),
        (command_of(&["config", "/missing"], &[]), 2),
        (command_of(&["serve", "/missing"], &[]), 2),
        (command_of(&["serve", "/missing", "--detach"], &[]), 2),
        (command_of(&["config", &root], &[]), 0),
        (command_of(&["completions", "bash"], &[]), 0),
        (command_of(&["--help"], &[]), 0),
        (command_for(&server, &["sockets"]), 3),
        (command_for(&server, &["send", "{}"]), 3),
        (command_for(&server, &["eval", "1"]), 3),
        (command_for(&server, &["snippet"]), 0),
        (command_for(&server, &["messages", "--timeout", "0.01"]), 0),
    ] {
        let child = command.stdout(full()).stderr(full()).spawn();
        let ended = within(
            "the command to end",
            child.expect("it starts").wait_with_output(),
        );
        let status = ended.await.expect("it ends").status;
        assert_eq!(status.code(), Some(code), "{command:?}");
    }
}

fn command_of(arguments: &[&str], more: &[&str]) -> tokio::process::Command {
    let mut command = command();
    command.args(arguments).args(more);
    command
}

#[tokio::test]
async fn values_out_of_range_are_refused_with_their_limit() {
    let glob = "?".repeat(2000) + "=js";
    let deep = format!("${}{}", "[?@".repeat(11), "]".repeat(11));
    let deeper = format!("$[?{}@.a{}]", "!(".repeat(5000), ")".repeat(5000));
    for (arguments, limit) in [
        (&["sockets", "--timeout", "1e19"][..], "31536000"),
        (&["wait", "--timeout", "18446744073709551615"], "31536000"),
        (&["eval", "1", "--timeout", "31536001"], "31536000"),
        (&["config", "--mime-types", &glob], "1024"),
        (&["messages", "--until", &deep], "10"),
        (&["messages", "--until", &deeper], "10"),
    ] {
        let run = run(command_of(arguments, &[])).await;
        refused(&run, &["error: ", limit]);
    }
}

#[tokio::test]
async fn completions_name_every_command() {
    let mut bash = command();
    bash.args(["completions", "bash"]);
    let shown = run(bash).await;
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    for name in command_names().await {
        let case = format!("pagewire,{name})");
        assert!(shown.stdout.contains(&case), "{name}");
    }
    let mut none = command();
    none.args(["completions", "abacus"]);
    assert_output(&run(none).await, 2, "");
}
