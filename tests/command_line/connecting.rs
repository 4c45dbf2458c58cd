//! Every command finds the daemon by arguments, environment or discovery, and names the remedy when it cannot.

use super::{assert_nothing_was_sent, refused};
use crate::support::{Site, TestServer, assert_output, command, run};
use std::net::TcpListener;
use tokio::process::Command;

/// Gives the command a runtime folder without a registered daemon.
fn alone(mut command: Command) -> (Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    command.env("XDG_RUNTIME_DIR", folder.path());
    (command, folder)
}

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
    let unix = format!("unix:{}", folder.path().join("unused").display());
    let server = TestServer::start(&Site::page()).await;
    // The page port uses another protocol.
    let pages = server.http().to_string();
    for arguments in SPEAKING {
        for endpoint in [&address, &unix, &pages] {
            let mut command = command();
            command.args(arguments).args(["--endpoint", endpoint]);
            command.env("XDG_RUNTIME_DIR", folder.path());
            let run = run(command).await;
            assert_output(&run, 4, "");
            let names_remedy =
                run.stderr.contains(endpoint) && run.stderr.contains("when it is ready");
            assert!(names_remedy, "{arguments:?} {endpoint}: {}", run.stderr);
        }
        let (mut unnamed, _folder) = alone(command());
        unnamed.args(arguments);
        let run = run(unnamed).await;
        assert_output(&run, 4, "");
        assert!(
            run.stderr.contains("PAGEWIRE_ENDPOINT"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[tokio::test]
async fn an_invalid_endpoint_is_bad_usage() {
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
        // Arguments take precedence over variables.
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
    assert_nothing_was_sent(&server, &mut page).await;
}

#[tokio::test]
async fn a_control_socket_file_needs_no_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let unix = format!("unix:{}", folder.path().join("control").display());
    let server = TestServer::start_with(&Site::page(), &["--control", &unix]).await;
    let _page = server.page().await;
    let mut command = command();
    command.args(["send", "{}", "--endpoint", &unix]);
    assert_output(&run(command).await, 0, "reached 1 page\n");
}
