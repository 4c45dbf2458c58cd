//! Discovery: programs without an endpoint find the daemon that serves their folder.

use crate::support::{Page, Site, TestServer, command, within};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A private runtime folder: daemons started with it find each other and no others.
struct Runtime(TempDir);

/// Exit code and output of a command.
struct CommandOutput {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Runtime {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    async fn daemon(&self, root: &Path) -> TestServer {
        self.daemon_with(root, &["--control", "127.0.0.1:0"]).await
    }

    async fn daemon_with(&self, root: &Path, arguments: &[&str]) -> TestServer {
        let mut command = command();
        command.env("XDG_RUNTIME_DIR", self.0.path());
        command.arg("serve").arg(root).args(["--port", "0"]);
        TestServer::spawn({
            command.args(arguments);
            command
        })
        .await
    }

    /// Runs `pagewire sockets --json` in a folder, with further arguments.
    async fn sockets(&self, folder: &Path, arguments: &[&str]) -> CommandOutput {
        self.sockets_with(folder, arguments, &[]).await
    }

    async fn sockets_with(
        &self,
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> CommandOutput {
        let mut command = command();
        command
            .env("XDG_RUNTIME_DIR", self.0.path())
            .envs(variables.iter().copied())
            .current_dir(folder)
            .args(["sockets", "--json"])
            .args(arguments);
        let output = within("the command to end", command.output())
            .await
            .expect("it starts");
        CommandOutput {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Returns the names of the discovery files.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path().join("pagewire")).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    }

    fn file(&self, server: &TestServer) -> PathBuf {
        let name = format!("{}.json", pid(server));
        self.0.path().join("pagewire").join(name)
    }
}

fn pid(server: &TestServer) -> u32 {
    server.child.id().expect("it runs")
}

/// Asserts that the daemon that answered has exactly this page.
#[track_caller]
fn assert_answered_by(ended: &CommandOutput, page: &Page) {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let socket: Value = serde_json::from_str(&ended.stdout).expect("one page");
    assert_eq!(socket["socket_id"], page.id, "another daemon answered");
}

#[tokio::test]
async fn the_discovery_file_is_private_and_removed_on_exit() {
    let runtime = Runtime::new();
    let site = Site::page();
    let server = runtime.daemon(site.path()).await;
    let path = runtime.file(&server);
    let metadata = std::fs::metadata(&path).expect("it is there with the ready line");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let folder = std::fs::metadata(path.parent().expect("a folder")).expect("the folder");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);

    let content = std::fs::read(&path).expect("the file");
    let mut content: Value = serde_json::from_slice(&content).expect("JSON");
    let started = content["start_time"].take();
    assert!(
        started.as_str().is_some_and(|time| time.ends_with('Z')),
        "{started}"
    );
    let root = site.path().canonicalize().expect("a root");
    let expected = json!({
        "pagewire": env!("CARGO_PKG_VERSION"),
        "pid": pid(&server),
        "root_dirs": [root],
        "http": server.ready["http"],
        "control": server.ready["control"],
        "controls": server.ready["controls"],
        "token_file": server.ready["token_file"],
        "start_time": null,
    });
    assert_eq!(content, expected);
    let ours = ["json", "scratch", "token"].map(|kind| format!("{}.{kind}", pid(&server)));
    assert_eq!(runtime.files(), ours);

    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    assert_eq!(runtime.files(), [""; 0]);
}

#[tokio::test]
async fn the_daemon_with_the_nearest_enclosing_root_is_used() {
    let runtime = Runtime::new();
    let outer = Site::new([("index.html", ""), ("a/src/x", ""), ("b/web/x", "")]);
    let around = runtime.daemon(outer.path()).await;
    let inner = runtime.daemon(&outer.path().join("a")).await;
    let elsewhere = Site::page();
    let other = runtime.daemon(elsewhere.path()).await;
    let (page_around, page_inner, page_other) =
        (around.page().await, inner.page().await, other.page().await);

    for (folder, page) in [
        ("a/src", &page_inner),
        ("a", &page_inner),
        ("b/web", &page_around),
        ("", &page_around),
    ] {
        let found = runtime.sockets(&outer.path().join(folder), &[]).await;
        assert_answered_by(&found, page);
    }
    // A folder reached by a link into a root is in that root.
    let links = tempfile::tempdir().expect("a folder");
    let link = links.path().join("link");
    std::os::unix::fs::symlink(elsewhere.path(), &link).expect("a link");
    assert_answered_by(&runtime.sockets(&link, &[]).await, &page_other);
}

#[tokio::test]
async fn without_an_enclosing_root_a_daemon_below_is_used_then_the_only_one() {
    let runtime = Runtime::new();
    let project = Site::new([("site/index.html", "")]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let server = runtime.daemon(&project.path().join("site")).await;
    let page = server.page().await;
    assert_answered_by(&runtime.sockets(elsewhere.path(), &[]).await, &page);
    let other_site = Site::page();
    let other = runtime.daemon(other_site.path()).await;
    let page_other = other.page().await;
    assert_answered_by(&runtime.sockets(project.path(), &[]).await, &page);
    assert_answered_by(&runtime.sockets(other_site.path(), &[]).await, &page_other);
}

#[tokio::test]
async fn ambiguous_daemons_are_listed_and_none_is_contacted() {
    let runtime = Runtime::new();
    let site = Site::page();
    let (first, second) = (
        runtime.daemon(site.path()).await,
        runtime.daemon(site.path()).await,
    );
    let elsewhere = tempfile::tempdir().expect("a folder");
    for folder in [site.path(), elsewhere.path()] {
        let ended = runtime.sockets(folder, &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        let root = site.path().canonicalize().expect("a root");
        for server in [&first, &second] {
            let line = format!(
                "{}  {}  control {}  pid {}",
                root.display(),
                server.ready["http"].as_str().expect("a URL"),
                server.control(),
                pid(server)
            );
            assert!(ended.stderr.contains(&line), "{line} in {}", ended.stderr);
        }
        assert!(
            ended.stderr.contains("PAGEWIRE_ENDPOINT"),
            "{}",
            ended.stderr
        );
    }
    let page = second.page().await;
    let named = runtime
        .sockets(site.path(), &["--endpoint", second.control()])
        .await;
    assert_answered_by(&named, &page);
}

#[tokio::test]
async fn explicit_endpoints_and_tokens_override_discovery() {
    let runtime = Runtime::new();
    let (here, there) = (Site::page(), Site::page());
    let found = runtime.daemon(here.path()).await;
    let named = runtime.daemon(there.path()).await;
    let (page_found, page_named) = (found.page().await, named.page().await);
    let address = named.control();

    assert_answered_by(&runtime.sockets(here.path(), &[]).await, &page_found);
    // The token of a local daemon is found however the daemon is named.
    let localhost = address.replace("127.0.0.1", "localhost");
    for endpoint in [address, &localhost, &format!("http://{address}")] {
        let ended = runtime
            .sockets(here.path(), &["--endpoint", endpoint])
            .await;
        assert_answered_by(&ended, &page_named);
        let variables = [("PAGEWIRE_ENDPOINT", endpoint)];
        let ended = runtime.sockets_with(here.path(), &[], &variables).await;
        assert_answered_by(&ended, &page_named);
    }
    // An explicit token is not replaced, and neither is an explicit daemon.
    let wrong: [(&[&str], &[_], _); 4] = [
        (&["--endpoint", address, "--token", "wrong"], &[], 2),
        (&["--endpoint", address], &[("PAGEWIRE_TOKEN", "wrong")], 2),
        (&["--token", "wrong"], &[], 2),
        (&["--endpoint", "127.0.0.1:1"], &[], 4),
    ];
    for (arguments, variables, code) in wrong {
        let ended = runtime
            .sockets_with(here.path(), arguments, variables)
            .await;
        assert_eq!(
            ended.code,
            Some(code),
            "{arguments:?} {variables:?}: {}",
            ended.stderr
        );
    }
    // An empty variable, or a token without an endpoint, has no effect.
    let variables = [("PAGEWIRE_ENDPOINT", ""), ("PAGEWIRE_TOKEN", "of another")];
    let ended = runtime.sockets_with(here.path(), &[], &variables).await;
    assert_answered_by(&ended, &page_found);
}

#[tokio::test]
async fn without_a_daemon_the_error_says_how_to_start_one() {
    let runtime = Runtime::new();
    let ended = runtime.sockets(runtime.0.path(), &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""));
    for words in [
        "no daemon is running",
        "pagewire serve",
        "PAGEWIRE_ENDPOINT",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn files_of_a_killed_daemon_are_recognised_and_removed() {
    let runtime = Runtime::new();
    let site = Site::page();
    let mut killed = runtime.daemon(site.path()).await;
    let left = runtime.files();
    killed.child.kill().await.expect("a kill");
    assert_eq!(runtime.files(), left, "a killed daemon cannot clean up");
    assert_eq!(runtime.sockets(site.path(), &[]).await.code, Some(4));
    assert_eq!(runtime.files(), [""; 0], "the token is gone too");

    // The process id was reused: the process is alive, but nothing listens on the address.
    let live = runtime.daemon(site.path()).await;
    let page = live.page().await;
    let folder = runtime.0.path().join("pagewire");
    let content = std::fs::read_to_string(runtime.file(&live)).expect("the file");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let ours = std::process::id();
    let stale = content
        .replace(&pid(&live).to_string(), &ours.to_string())
        .replace(live.control(), &address);
    let private = |name: String, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    };
    private(format!("{ours}.json"), &stale);
    private(format!("{ours}.token"), "stale");
    std::fs::create_dir(folder.join(format!("{ours}.scratch"))).expect("a folder");
    assert_answered_by(&runtime.sockets(site.path(), &[]).await, &page);
    let assert_still_serving =
        ["json", "scratch", "token"].map(|kind| format!("{}.{kind}", pid(&live)));
    assert_eq!(runtime.files(), assert_still_serving);
}

#[tokio::test]
async fn a_killed_daemon_whose_process_id_and_address_were_reused_is_dead() {
    let (runtime, elsewhere) = (Runtime::new(), Runtime::new());
    let site = Site::page();
    let unix = format!("unix:{}", runtime.0.path().join("control").display());
    for control in ["127.0.0.1:0", &unix] {
        let arguments = ["--control", control];
        let mut killed = runtime.daemon_with(site.path(), &arguments).await;
        let (file, id) = (runtime.file(&killed), pid(&killed).to_string());
        killed.child.kill().await.expect("a kill");
        let mut other = tokio::process::Command::new("sleep");
        let mut other = other.arg("1000").kill_on_drop(true).spawn().expect("sleep");
        let other_id = other.id().expect("it runs").to_string();
        for kind in ["json", "token", "scratch"] {
            let reused = file.with_file_name(format!("{other_id}.{kind}"));
            // A socket file needs no token.
            let _ = std::fs::rename(file.with_extension(kind), reused);
        }
        let file = file.with_file_name(format!("{other_id}.json"));
        let content = std::fs::read_to_string(&file).expect("the file");
        let content = content.replace(&id, &other_id);
        std::fs::write(&file, content).expect("a file");
        // As another user's daemon, it is not in this runtime folder.
        let arguments = ["--control", killed.control()];
        let _listens = elsewhere.daemon_with(site.path(), &arguments).await;

        if control != unix {
            let named = ["--endpoint", killed.control()];
            let ended = runtime.sockets(site.path(), &named).await;
            assert!(ended.stderr.contains("no token"), "{}", ended.stderr);
        }
        let ended = runtime.sockets(site.path(), &[]).await;
        assert_eq!(ended.code, Some(4), "{control}: {}", ended.stderr);
        let mut stop = command();
        stop.env("XDG_RUNTIME_DIR", runtime.0.path());
        stop.current_dir(site.path()).arg("stop");
        let stop = within("the command", stop.output()).await.expect("it runs");
        assert_eq!(stop.status.code(), Some(4), "{control}");
        let status = other.try_wait().expect("a status");
        assert_eq!(status, None, "{control}: another process was stopped");
        assert_eq!(runtime.files(), [""; 0], "{control}");
    }
}

#[tokio::test]
async fn localhost_means_the_address_of_the_daemon_and_no_other() {
    let (runtime, elsewhere) = (Runtime::new(), Runtime::new());
    let site = Site::page();
    let server = runtime.daemon(site.path()).await;
    let page = server.page().await;
    let port = server.control().rsplit(':').next().expect("a port");
    let same_port = ["--control", &format!("[::1]:{port}")];
    let _other = elsewhere.daemon_with(site.path(), &same_port).await;
    let named = ["--endpoint", &format!("localhost:{port}")];
    assert_answered_by(&runtime.sockets(site.path(), &named).await, &page);
}

#[tokio::test]
async fn a_second_signal_removes_the_discovery_file_too() {
    let runtime = Runtime::new();
    let site = Site::page();
    let server = runtime.daemon(site.path()).await;
    let mut session = crate::support::Session::open(&server, "stubborn").await;
    server.signal(Signal::TERM);
    while !matches!(
        session.event().await,
        Some(pagewire_client::proto::server_start_response::Event::Stopping(_))
    ) {}
    // It still answers, but new programs must find another daemon.
    assert!(!runtime.file(&server).exists());
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(1));
    assert_eq!(runtime.files(), [""; 0]);
}

#[tokio::test]
async fn a_discovery_file_that_others_could_have_written_is_not_trusted() {
    let runtime = Runtime::new();
    let site = Site::page();
    let server = runtime.daemon(site.path()).await;
    let page = server.page().await;
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let file = runtime.file(&server);
    mode(&file, 0o622);
    assert_eq!(runtime.sockets(site.path(), &[]).await.code, Some(4));
    mode(&file, 0o600);
    let folder = runtime.0.path().join("pagewire");
    mode(&folder, 0o777);
    let ended = runtime.sockets(site.path(), &[]).await;
    assert_eq!(ended.code, Some(4));
    let remedy = "is not a folder that only you can open";
    assert!(ended.stderr.contains(remedy), "{}", ended.stderr);
    mode(&folder, 0o700);
    assert_answered_by(&runtime.sockets(site.path(), &[]).await, &page);
}

#[tokio::test]
async fn a_daemon_on_a_socket_file_is_found_and_one_without_a_discovery_file_still_serves() {
    let runtime = Runtime::new();
    let site = Site::page();
    let control = format!("unix:{}", runtime.0.path().join("control").display());
    let server = runtime
        .daemon_with(site.path(), &["--control", &control])
        .await;
    let page = server.page().await;
    assert_answered_by(&runtime.sockets(site.path(), &[]).await, &page);
    drop(server);

    let unusable = Runtime::new();
    std::fs::write(unusable.0.path().join("pagewire"), "in the way").expect("a file");
    let control = format!("unix:{}", unusable.0.path().join("control").display());
    let server = unusable
        .daemon_with(site.path(), &["--control", &control])
        .await;
    assert_eq!(server.get("/").await.status, 200);
    server.signal(Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0));
    assert!(
        output.contains("cannot write the discovery file"),
        "{output}"
    );
}

#[tokio::test]
async fn a_named_endpoint_has_its_token_while_the_daemon_is_starting() {
    let site = Site::page();
    // The daemon looks at every file before it is ready.
    for number in 0..3000 {
        site.write(&format!("folder{}/file{number}.txt", number % 300), "x");
    }
    let runtime = Runtime::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let control = free.local_addr().expect("an address").to_string();
    drop(free);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut wait = command();
            wait.env("XDG_RUNTIME_DIR", runtime.0.path());
            wait.args(["wait", "--endpoint", &control]);
            wait.spawn().expect("it starts")
        })
        .collect();
    let _daemon = runtime
        .daemon_with(site.path(), &["--watch", "--control", &control])
        .await;
    for wait in waiting {
        let output = within("the command to end", wait.wait_with_output()).await;
        let output = output.expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    }
}
