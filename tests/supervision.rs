//! Plugins that the daemon starts, orders and waits for: real processes that end with the daemon.

use crate::support::{Session, Site, TestServer, command, raw_request, run, within};
use pagewire_client::proto::plugin::State;
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};
use pagewire_client::{Content, Filter, Plugin, PluginInfo, SubscribeOptions, discovery};
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
    let test = "supervision::acts_as_a_plugin";
    format!(
        "[[plugin]]\nname = '{name}'\ncommand = ['{}', '--exact', '{test}', '--nocapture']\nenv = {{ {ACT_AS} = '{name}' }}\n{more}\n",
        binary.display()
    )
}

/// Returns a `[[plugin]]` table that starts a shell.
fn shell(name: &str, script: &str, more: &str) -> String {
    format!("[[plugin]]\nname = '{name}'\ncommand = ['sh', '-c', '''{script}''']\n{more}\n")
}

async fn start(config: &str) -> TestServer {
    let site = Site::page();
    site.write("pagewire.toml", config);
    TestServer::start(&site).await
}

/// Waits until the plugin is listed and fulfils the condition.
async fn listed(
    server: &TestServer,
    name: &str,
    what: &str,
    is: impl Fn(&PluginInfo) -> bool,
) -> PluginInfo {
    let client = server.client().await;
    let look = async {
        loop {
            let list = client.plugins().await.expect("a list");
            let mut found = list.into_iter().filter(|plugin| plugin.plugin_name == name);
            if let Some(found) = found.next().filter(|plugin| is(plugin)) {
                return found;
            }
        }
    };
    within(&format!("{name} to be {what}"), look).await
}

async fn ready(server: &TestServer, name: &str) -> PluginInfo {
    listed(server, name, "ready", |plugin| {
        plugin.state() == State::Ready
    })
    .await
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
        "echo \"$1\"; exec \"$TEST_BINARY\" --exact supervision::acts_as_a_plugin",
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
        .args(["--exact", "supervision::acts_as_a_plugin"])
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
        shell("crashes", "exit 3", "required = true\npaths = ['/*.css']"),
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
        text.contains("5 times") && text.contains("exit status: 3"),
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
    let mut server = start(&shell("never-ready", script, "required = true")).await;
    let pid = number(&server.wait_for_log("never-ready: pid").await, "pid ");
    let response = server.get("/").await;
    assert_eq!(
        (response.status, response.header("pagewire-plugin")),
        (503, Some("never-ready"))
    );
    server.wait_for_log("not ready within 10s").await;
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

fn open(path: &str) -> proto::ServeOpen {
    let filter = proto::RequestFilter {
        exact_paths: vec![path.into()],
        ..Default::default()
    };
    proto::ServeOpen {
        filters: vec![filter],
        ..Default::default()
    }
}

async fn session(server: &TestServer, name: &str, hooks: &[proto::Hook]) -> Session {
    let request = proto::ServerStartRequest {
        plugin_name: name.into(),
        hooks: hooks.iter().map(|hook| (*hook).into()).collect(),
        ..Default::default()
    };
    Session::open_as(server, request).await.expect("a session")
}

#[tokio::test]
async fn the_configured_order_applies_in_any_order_of_connection() {
    let config = "plugin = [{ name = 'b' }, { name = 'c' }]";
    for arrivals in ["abc", "acb", "bac", "bca", "cab", "cba"] {
        let server = start(config).await;
        let mut hooks = Vec::new();
        for name in arrivals.chars() {
            let name = name.to_string();
            let mut session = session(&server, &name, &[proto::Hook::Serve]).await;
            let hook = session.serve(open("/x")).await.expect("a hook");
            hooks.push((name, session, hook));
        }
        // Every plugin skips except the last in order.
        hooks.sort_by_key(|(name, ..)| "bca".find(name.as_str()));
        let answers = async {
            for (name, _, hook) in &mut hooks {
                let call = hook.call().await;
                let outcome = if name == "a" {
                    let body = Body::InlineBody("a is called last".into());
                    Outcome::Content(proto::ServeContent {
                        body: Some(body),
                        ..Default::default()
                    })
                } else {
                    Outcome::Skip(proto::Skip::default())
                };
                hook.answer(call.call_id, outcome).await;
            }
        };
        let (response, ()) = tokio::join!(server.get("/x"), answers);
        assert_eq!(response.text(), "a is called last", "{arrivals}");
        let list = server.client().await.plugins().await.expect("a list");
        let names: String = list.iter().map(|plugin| &*plugin.plugin_name).collect();
        assert_eq!(names, "bca", "{arrivals}");
    }
}

#[tokio::test]
async fn a_request_waits_until_a_required_plugin_is_ready() {
    let config = "[[plugin]]\nname = 'late'\nrequired = true\npaths = ['/app']\nconfig = { level = 3, of = ['x'] }";
    let server = start(config).await;
    let plugin = async {
        // A request for another path does not wait; the one for `/app/x` waits until the hook below is open.
        assert_eq!(server.get("/application").await.status, 404);
        let waiting = listed(&server, "late", "waited for", |_| true).await;
        assert_eq!((waiting.state(), waiting.pid), (State::Waiting, 0));
        let mut session = session(&server, "late", &[proto::Hook::Serve]).await;
        assert_eq!(session.started.config_json, r#"{"level":3,"of":["x"]}"#);
        let mut hook = session.serve(open("/app/x")).await.expect("a hook");
        let call = hook.call().await;
        let body = Some(Body::InlineBody("worth it".into()));
        let content = proto::ServeContent {
            body,
            ..Default::default()
        };
        hook.answer(call.call_id, Outcome::Content(content)).await;
        (session, hook)
    };
    let (response, _plugin) = tokio::join!(server.get("/app/x"), plugin);
    assert_eq!((response.status, &*response.text()), (200, "worth it"));
}

#[tokio::test]
async fn a_page_request_waits_for_a_required_plugin_and_fails_at_once_otherwise() {
    let config = "[[plugin]]\nname = 'answers'\nrequired = true\npaths = ['/never']";
    let server = start(config).await;
    let mut page = server.page().await;
    for id in 1..=2 {
        page.send_json(&json!({"type": "ask", "id": id, "pagewire:request": true}))
            .await;
    }
    // If the requests had been refused, the page would get those errors first: frames are read in order.
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    let mut other = server.page().await;
    let session = session(&server, "answers", &[proto::Hook::SubscribeMessages]).await;
    let client = server.client().await;
    let options = SubscribeOptions::new()
        .message_types(["ask"])
        .answers_requests();
    // It offers to answer before it is ready, as any subscriber can.
    let mut offers = within("a subscription", client.subscribe(options))
        .await
        .expect("a stream");
    let mut declared = session.client.clone();
    let subscribe = session.request(proto::SubscribeMessagesRequest::default());
    let declared = within("a hook", declared.subscribe_messages(subscribe))
        .await
        .expect("a hook");
    for id in 1..=2 {
        let event = within("a request", offers.next()).await.expect("open");
        let Some(pagewire_client::What::Message(message)) = event.map(|event| event.what) else {
            panic!("no message");
        };
        let request_id = message.request_id().expect("a request").to_owned();
        client
            .reply(&request_id, &json!(id * 10))
            .await
            .expect("an answer");
        let response = page.receive_json().await;
        assert_eq!(response["response"], id * 10, "{response}");
    }
    // The required plugin is ready, so a request that nothing answers fails at once.
    other
        .send_json(&json!({"type": "else", "id": 1, "pagewire:request": true}))
        .await;
    let response = other.receive_json().await;
    let error = response["error"].as_str().expect("an error");
    assert!(error.contains("no plugin answers"), "{error}");
    drop((declared, session));
}

#[tokio::test]
async fn config_prints_plugins_in_the_syntax_of_the_file() {
    let site = Site::page();
    let written = "plugin = [\"sass --watch\",{ \"command\" = [\"a b\"], \"config\" = { \"deep\" = [1,{}] }, \"name\" = \"x\" }]";
    site.write("pagewire.toml", written);
    let config = async |arguments: &[&str]| {
        let mut command = command();
        command.arg("config").arg(site.path()).args(arguments);
        run(command).await
    };
    let printed = config(&[]).await.stdout;
    assert!(printed.contains(written), "{printed}");
    let printed = config(&["--plugin", "one 'a b'"]).await.stdout;
    assert!(printed.contains("plugin = [\"one 'a b'\"] "), "{printed}");
    let twice = "plugin = [{ name = 'x' }, { name = 'x' }]";
    site.write("pagewire.toml", twice);
    let refused = config(&[]).await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("duplicate plugin name \"x\""),
        "{}",
        refused.stderr
    );
}
