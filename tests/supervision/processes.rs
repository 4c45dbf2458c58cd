//! Plugins that the daemon starts: real processes that end with the daemon.

use super::{ready, start};
use crate::support::{Site, TestServer, command, listed, raw_request, within};
use pagewire_client::proto::plugin::State;
use pagewire_client::{Content, Filter, Plugin, PluginInfo, discovery};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Set in a process that acts as the plugin of this name.
const ACT_AS: &str = "TEST_PLUGIN";

/// The plugin that the daemon starts in these tests: this test binary, restricted to this test.
#[tokio::test]
async fn acts_as_a_plugin() {
    let Ok(name) = std::env::var(ACT_AS) else {
        return;
    };
    let plugin = Plugin::new(&name)
        .serve(Filter::paths(["/who", "/never"]), move |request| {
            let text = format!("{name} {}", std::process::id());
            async move {
                if request.path() == "/never" {
                    eprintln!("called");
                    std::future::pending::<()>().await;
                }
                Ok(Content::text(text))
            }
        })
        .on_message("note", |_, _| async { Ok(()) });
    plugin.run().await.expect("the plugin runs");
}

/// Returns a `[[plugin]]` table that starts [`acts_as_a_plugin`].
fn acting(name: &str, more: &str) -> String {
    let binary = std::env::current_exe().expect("this binary");
    let test = "supervision::processes::acts_as_a_plugin";
    format!(
        "[[plugin]]\nname = '{name}'\ncommand = ['{}', '--exact', '{test}', '--nocapture']\nenv = {{ {ACT_AS} = '{name}' }}\n{more}\n",
        binary.display()
    )
}

/// Returns a `[[plugin]]` table that starts a shell.
fn shell(name: &str, script: &str, more: &str) -> String {
    format!("[[plugin]]\nname = '{name}'\ncommand = ['sh', '-c', '''{script}''']\n{more}\n")
}
fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), Signal::KILL).expect("a signal");
}

async fn wait_for_exit(pid: u32) {
    let gone = async {
        while discovery::is_alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    within(&format!("the end of process {pid}"), gone).await;
}

/// Returns the number after a word of a log line.
fn number(line: &str, word: &str) -> u32 {
    let (_, rest) = line.split_once(word).expect("the word");
    let digits = rest.trim().split(' ').next();
    digits.and_then(|digits| digits.parse().ok()).expect(line)
}

#[tokio::test]
async fn a_started_plugin_gets_its_environment_and_its_output_is_logged_by_name() {
    let script = r#"echo "in $(pwd) at $PAGEWIRE_ENDPOINT as ${#PAGEWIRE_LAUNCH_ID} $GREETING"
        printf '\033[1mbold\tline\n' >&2; cat"#;
    let mut server = start(&shell("talks", script, "env = { GREETING = 'hi' }")).await;
    let root = server.ready["token_file"].as_str().expect("a token");
    assert!(Path::new(root).exists());
    let line = server.wait_for_log("talks: in ").await;
    let expected = format!(" at {} as 26 hi", server.control());
    assert!(line.ends_with(&expected), "{line:?} and {expected:?}");
    let line = server.wait_for_log("bold").await;
    assert!(line.ends_with("talks: [1mbold line"), "{line:?}");
}

#[tokio::test]
async fn a_plugin_from_the_command_line_runs_in_the_root_and_is_named_by_its_session() {
    let site = Site::page();
    site.write(
        "plugin.sh",
        "echo \"$1\"; exec \"$TEST_BINARY\" --exact supervision::processes::acts_as_a_plugin",
    );
    let mut command = command();
    command
        .arg("serve")
        .arg(site.path())
        .args(["--port", "0", "--control", "127.0.0.1:0"])
        .args(["--plugin", "sh plugin.sh 'two words $HOME'"])
        .env("TEST_BINARY", std::env::current_exe().expect("this binary"))
        .env(ACT_AS, "named-by-itself");
    let mut server = TestServer::spawn(command).await;
    server.wait_for_log("sh: two words $HOME").await;
    let plugin = ready(&server, "named-by-itself").await;
    let who = server.get("/who").await.text();
    assert_eq!(who, format!("named-by-itself {}", plugin.pid));
    assert_eq!(
        server.client().await.plugins().await.expect("a list").len(),
        1
    );
}

#[tokio::test]
async fn a_plugin_finds_a_socket_file_given_relative_to_another_folder() {
    let site = Site::page();
    site.write("pagewire.toml", acting("dials", ""));
    let elsewhere = Site::new([]);
    let mut command = command();
    command
        .arg("serve")
        .arg(site.path())
        .args(["--port", "0", "--control", "unix:control.sock"])
        .current_dir(elsewhere.path());
    let server = TestServer::spawn(command).await;
    let who = within("the plugin", async {
        loop {
            let response = server.get("/who").await;
            if response.status == 200 {
                return response.text();
            }
        }
    });
    assert!(who.await.starts_with("dials "));
}

#[tokio::test]
async fn a_killed_plugin_is_restarted_and_requests_wait_for_it_if_required() {
    let config = acting("restarts", "required = true\npaths = ['/who']");
    let server = start(&config).await;
    // No request waited for the plugin.
    let first = server.get("/who").await;
    assert_eq!(first.status, 200);
    let pid = number(&first.text(), "restarts");
    kill(pid);
    listed(&server, "restarts", "missed", |plugin| plugin.pid != pid).await;
    assert_eq!(
        server.get("/").await.status,
        200,
        "requests for other paths do not wait"
    );
    let second = server.get("/who").await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_ne!(number(&second.text(), "restarts"), pid);
    let plugin = ready(&server, "restarts").await;
    assert_eq!((plugin.restarts, plugin.calls), (1, 2));
}

#[tokio::test]
async fn a_killed_plugin_fails_only_the_request_it_held() {
    let mut server = start(&acting("killed", "required = true\npaths = ['/who']")).await;
    let pid = ready(&server, "killed").await.pid;
    let address = server.http();
    let request = b"GET /never HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let held = tokio::spawn(async move { raw_request(address, request).await });
    server.wait_for_log("killed: called").await;
    kill(pid);
    let response = held.await.expect("an answer");
    let headers = ["pagewire-plugin", "pagewire-reason"].map(|name| response.header(name));
    assert_eq!(
        (response.status, headers),
        (502, [Some("killed"), Some("gone")])
    );
    assert_eq!(server.get("/who").await.status, 200);
}

#[tokio::test]
async fn a_library_plugin_exits_at_the_end_of_its_input() {
    let server = TestServer::start(&Site::page()).await;
    let mut plugin = Command::new(std::env::current_exe().expect("this binary"));
    plugin
        .args(["--exact", "supervision::processes::acts_as_a_plugin"])
        .env(ACT_AS, "reads-its-input")
        .env("PAGEWIRE_ENDPOINT", server.control())
        .env("PAGEWIRE_TOKEN", &server.token)
        .env("PAGEWIRE_LAUNCH_ID", "any")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let mut plugin = plugin.spawn().expect("it starts");
    let input = plugin.stdin.take();
    ready(&server, "reads-its-input").await;
    drop(input);
    let status = within("the plugin's end", plugin.wait()).await;
    assert!(status.expect("it ends").success());
}

#[tokio::test]
async fn five_exits_fail_a_plugin_and_pages_see_it_if_required() {
    let config = [
        shell(
            "crashes",
            "echo no such module >&2; exit 3",
            "required = true\npaths = ['/*.css']",
        ),
        "[[plugin]]\nname = 'missing'\ncommand = '/no/such/program'\n".to_owned(),
    ]
    .concat();
    let mut server = start(&config).await;
    let mut page = server.page().await;
    page.send_json(&json!({"type": "ask", "id": 1, "pagewire:request": true}))
        .await;
    let failed = |plugin: &PluginInfo| plugin.state() == State::Failed;
    let plugin = listed(&server, "crashes", "given up", failed).await;
    assert_eq!((plugin.restarts, plugin.pid), (4, 0));
    let response = server.get("/deep/a.css").await;
    let names = ["pagewire-plugin", "pagewire-reason", "retry-after"];
    let headers = names.map(|name| response.header(name));
    assert_eq!(
        (response.status, headers),
        (503, [Some("crashes"), Some("not-ready"), Some("1")])
    );
    let text = response.text();
    assert!(
        text.contains("5 times") && text.ends_with("exit status: 3\nno such module\n"),
        "{text}"
    );
    assert_eq!(
        server.get("/").await.status,
        200,
        "requests for other paths do not wait"
    );
    // A plugin that no page waits for appears in the log only.
    listed(&server, "missing", "given up", failed).await;
    let output = "is not restarted (fix it, then restart pagewire) plugin=\"missing\" reason=\"cannot start /no/such/program";
    server.wait_for_log(output).await;
    // No plugin is starting any more.
    let response = page.receive_json().await;
    let error = response["error"].as_str().expect("an error");
    assert!(error.contains("no plugin answers"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_is_not_ready_in_time_is_killed_and_waiting_pages_see_why() {
    let script = "echo pid $$; exec sleep 1000";
    let mut server = start(&shell(
        "never-ready",
        script,
        "required = true\nready_timeout = 2",
    ))
    .await;
    let pid = number(&server.wait_for_log("never-ready: pid").await, "pid ");
    let response = server.get("/").await;
    assert_eq!(
        (response.status, response.header("pagewire-plugin")),
        (503, Some("never-ready"))
    );
    server.wait_for_log("not ready within 2s").await;
    wait_for_exit(pid).await;
}

#[tokio::test]
async fn processes_started_by_a_plugin_end_with_it() {
    let mut server = start(&shell("leaves-a-child", "sleep 1000 & echo child $!", "")).await;
    let child = number(&server.wait_for_log("child").await, ": child ");
    wait_for_exit(child).await;
}

#[tokio::test]
async fn a_stop_notifies_then_closes_input_then_kills_the_process_group() {
    let stays = "trap '' TERM; sleep 1000 & echo parent $$ child $!; while :; do sleep 1000; done";
    let leaves = "trap '' TERM; echo here; cat; echo left by itself";
    let config = [
        acting("polite", ""),
        shell("stays", stays, ""),
        shell("leaves", leaves, ""),
    ]
    .concat();
    let mut server = start(&config).await;
    let polite = ready(&server, "polite").await.pid;
    server.wait_for_log("leaves: here").await;
    let line = server.wait_for_log("stays: parent ").await;
    let (stays, child) = (number(&line, "parent "), number(&line, "child "));
    server.signal(Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("leaves: left by itself"), "{output}");
    assert!(!output.contains("restarting it"), "{output}");
    for pid in [polite, stays, child] {
        assert!(!discovery::is_alive(pid), "{output}");
    }
}

#[tokio::test]
async fn plugins_exit_when_the_daemon_is_killed() {
    let mut server = start(&acting("orphan", "")).await;
    let pid = ready(&server, "orphan").await.pid;
    server.signal(Signal::KILL);
    within("the daemon's end", server.child.wait())
        .await
        .expect("it ends");
    wait_for_exit(pid).await;
}

#[tokio::test]
async fn a_second_signal_leaves_no_process_behind() {
    let script = "trap '' TERM; echo pid $$; sleep 1000 & wait; sleep 1000";
    let mut server = start(&shell("stubborn", script, "")).await;
    let pid = number(&server.wait_for_log("stubborn: pid").await, "pid ");
    server.signal(Signal::TERM);
    server.wait_for_log("stopping").await;
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(1));
    wait_for_exit(pid).await;
}
