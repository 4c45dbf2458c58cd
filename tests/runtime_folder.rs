//! Files that the daemon creates and removes: none is left behind half written, and none of another process
//! is removed.

use crate::support::{Site, TestServer, command_after, within};
use pagewire_client::Client;
use rustix::process::Signal;
use std::os::unix::fs::symlink;
use std::path::Path;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_not_left_behind_empty() {
    let (runtime, site) = (tempfile::tempdir().expect("a folder"), Site::page());
    // As on a full disk, no file can have content.
    for (arguments, error) in [
        (["--port", "0"], "cannot write the token file"),
        (["--detach", "--port=0"], "cannot write the token file"),
        (
            ["--tls", "--port=0"],
            "cannot create the localhost certificate",
        ),
    ] {
        let mut command = command_after("trap '' XFSZ; ulimit -f 0");
        command
            .env("XDG_RUNTIME_DIR", runtime.path())
            .env("XDG_DATA_HOME", runtime.path())
            .arg("serve")
            .arg(site.path())
            .args(arguments);
        let output = within("the daemon to fail", command.output()).await;
        let output = output.expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        // The log of `--detach` is a file, which cannot have content either.
        let is_logged = arguments[0] == "--detach" || stderr.contains(error);
        assert!(is_logged, "{arguments:?}: {stderr}");
        let left = names(&runtime.path().join("pagewire"));
        assert_eq!(left, [""; 0], "{arguments:?}: {stderr}");
    }
}

#[tokio::test]
async fn a_stopping_daemon_leaves_the_socket_file_of_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("control.sock");
    let control = format!("unix:{}", path.display());
    let start = async || TestServer::start_with(&Site::page(), &["--control", &control]).await;
    let first = start().await;
    std::fs::remove_file(&path).expect("the socket");
    let second = start().await;
    first.signal(Signal::TERM);
    assert_eq!(first.wait_for_exit().await.0, Some(0));
    let client = Client::connect(control.parse().expect("an endpoint")).await;
    client
        .expect("the second listens")
        .info()
        .await
        .expect("an answer");
    second.signal(Signal::TERM);
    assert_eq!(second.wait_for_exit().await.0, Some(0));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[tokio::test]
async fn a_link_in_place_of_the_runtime_folders_files_is_not_followed() {
    let runtime = tempfile::tempdir().expect("a folder");
    let (site, precious) = (Site::page(), Site::new([("keep/file", "precious")]));
    let mut command = command_after("true");
    command.env("XDG_RUNTIME_DIR", runtime.path()).arg("serve");
    command.arg(site.path()).args(["--port", "0"]);
    let server = TestServer::spawn(command).await;
    let folder = runtime.path().join("pagewire");
    for name in names(&folder) {
        let path = folder.join(&name);
        std::fs::rename(&path, folder.join(format!("moved-{name}"))).expect("a file");
        symlink(precious.path().join("keep"), path).expect("a link");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    let kept = std::fs::read_to_string(precious.path().join("keep/file"));
    assert_eq!(kept.expect("the file"), "precious");
}
