//! Plugins that the daemon starts, orders and waits for: real processes, which end with it.

use crate::support::{Session, Site, TestServer, command, raw_request, run, within};
use pagewire_client::proto::plugin::State;
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};
use pagewire_client::{Content, Filter, Plugin, PluginInfo, SubscribeOptions, discovery};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Set in a process that is to be a plugin of this name.
const ACT_AS: &str = "TEST_PLUGIN";

/// What the daemon starts in these tests: this binary, with this one test to run.
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
                    eprintln!("asked");
                    std::future::pending::<()>().await;
                }
                Ok(Content::text(text))
            }
        })
        .on_message("note", |_, _| async { Ok(()) });
    plugin.run().await.expect("the plugin runs");
}

/// A `[[plugin]]` table that starts [`acts_as_a_plugin`].
fn acting(name: &str, more: &str) -> String {
    let binary = std::env::current_exe().expect("this binary");
    let test = "supervision::acts_as_a_plugin";
    format!(
        "[[plugin]]\nname = '{name}'\ncommand = ['{}', '--exact', '{test}', '--nocapture']\nenv = {{ {ACT_AS} = '{name}' }}\n{more}\n",
        binary.display()
    )
}

/// A `[[plugin]]` table that starts a shell.
fn shell(name: &str, script: &str, more: &str) -> String {
    format!("[[plugin]]\nname = '{name}'\ncommand = ['sh', '-c', '''{script}''']\n{more}\n")
}

async fn start(config: &str) -> TestServer {
    let site = Site::page();
    site.write("pagewire.toml", config);
    TestServer::start(&site).await
}

/// Waits until a plugin is listed as it should be.
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

async fn vanished(pid: u32) {
    let gone = async {
        while discovery::is_alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    within(&format!("the end of process {pid}"), gone).await;
}

/// The number behind a word of a log line.
fn number(line: &str, word: &str) -> u32 {
    let (_, rest) = line.split_once(word).expect("the word");
    let digits = rest.trim().split(' ').next();
    digits.and_then(|digits| digits.parse().ok()).expect(line)
}

#[tokio::test]
async fn a_plugin_that_is_started_is_told_all_it_needs_and_its_lines_are_logged_by_its_name() {
    let script = r#"echo "in $(pwd) at $PAGEWIRE_ENDPOINT as ${#PAGEWIRE_LAUNCH_ID} $GREETING"
        printf '\033[1mbold\tline\n' >&2; cat"#;
    let mut server = start(&shell("talks", script, "env = { GREETING = 'hi' }")).await;
    let root = server.ready["token_file"].as_str().expect("a token");
    assert!(Path::new(root).exists());
    let line = server.logged("talks: in ").await;
    let told = format!(" at {} as 26 hi", server.control());
    assert!(line.ends_with(&told), "{line:?} and {told:?}");
    let line = server.logged("bold").await;
    assert!(line.ends_with("talks: [1mbold line"), "{line:?}");
}

#[tokio::test]
async fn a_plugin_of_a_command_line_runs_in_the_root_and_takes_its_name_from_its_session() {
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
    server.logged("sh: two words $HOME").await;
    let plugin = ready(&server, "named-by-itself").await;
    let who = server.get("/who").await.text();
    assert_eq!(who, format!("named-by-itself {}", plugin.pid));
    assert_eq!(
        server.client().await.plugins().await.expect("a list").len(),
        1
    );
}

#[tokio::test]
async fn a_plugin_finds_a_socket_file_that_was_named_from_another_folder() {
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
            let answer = server.get("/who").await;
            if answer.status == 200 {
                return answer.text();
            }
        }
    });
    assert!(who.await.starts_with("dials "));
}

#[tokio::test]
async fn a_killed_plugin_is_started_again_and_requests_wait_for_it_if_it_is_required() {
    let config = acting("comes-back", "required = true\npaths = ['/who']");
    let server = start(&config).await;
    // Nobody waited for the plugin.
    let first = server.get("/who").await;
    assert_eq!(first.status, 200);
    let pid = number(&first.text(), "comes-back");
    kill(pid);
    listed(&server, "comes-back", "missed", |plugin| plugin.pid != pid).await;
    assert_eq!(server.get("/").await.status, 200, "nobody waits elsewhere");
    let second = server.get("/who").await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_ne!(number(&second.text(), "comes-back"), pid);
    let plugin = ready(&server, "comes-back").await;
    assert_eq!((plugin.restarts, plugin.calls), (1, 2));
}

#[tokio::test]
async fn a_killed_plugin_costs_the_request_that_it_held_and_no_other() {
    let mut server = start(&acting("killed", "required = true\npaths = ['/who']")).await;
    let pid = ready(&server, "killed").await.pid;
    let address = server.http();
    let request = b"GET /never HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let held = tokio::spawn(async move { raw_request(address, request).await });
    server.logged("killed: asked").await;
    kill(pid);
    let answer = held.await.expect("an answer");
    let headers = ["pagewire-plugin", "pagewire-reason"].map(|name| answer.header(name));
    assert_eq!(
        (answer.status, headers),
        (502, [Some("killed"), Some("gone")])
    );
    assert_eq!(server.get("/who").await.status, 200);
}

#[tokio::test]
async fn a_plugin_of_the_library_leaves_at_the_end_of_its_input() {
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
async fn five_exits_are_a_failure_which_the_page_is_told_if_the_plugin_is_required() {
    let config = [
        shell("crashes", "exit 3", "required = true\npaths = ['/*.css']"),
        "[[plugin]]\nname = 'missing'\ncommand = '/no/such/program'\n".to_owned(),
    ]
    .concat();
    let mut server = start(&config).await;
    let mut page = server.page().await;
    page.say(&json!({"type": "ask", "id": 1, "pagewire:request": true}))
        .await;
    let failed = |plugin: &PluginInfo| plugin.state() == State::Failed;
    let plugin = listed(&server, "crashes", "given up", failed).await;
    assert_eq!((plugin.restarts, plugin.pid), (4, 0));
    let answer = server.get("/deep/a.css").await;
    let names = ["pagewire-plugin", "pagewire-reason", "retry-after"];
    let headers = names.map(|name| answer.header(name));
    assert_eq!(
        (answer.status, headers),
        (503, [Some("crashes"), Some("not-ready"), Some("1")])
    );
    let text = answer.text();
    assert!(
        text.contains("5 times") && text.contains("exit status: 3"),
        "{text}"
    );
    assert_eq!(server.get("/").await.status, 200, "nobody waits elsewhere");
    // Who waits for no page is spoken of in the log alone.
    listed(&server, "missing", "given up", failed).await;
    let said = "is not restarted (fix it, then restart pagewire) plugin=\"missing\" reason=\"cannot start /no/such/program";
    server.logged(said).await;
    // Nobody is starting any more.
    let answer = page.hear().await;
    let error = answer["error"].as_str().expect("an error");
    assert!(error.contains("no plugin answers"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_is_not_ready_in_time_is_killed_and_a_page_that_waits_is_told() {
    let script = "echo pid $$; exec sleep 1000";
    let mut server = start(&shell("never-ready", script, "required = true")).await;
    let pid = number(&server.logged("never-ready: pid").await, "pid ");
    let answer = server.get("/").await;
    assert_eq!(
        (answer.status, answer.header("pagewire-plugin")),
        (503, Some("never-ready"))
    );
    server.logged("not ready within 10s").await;
    vanished(pid).await;
}

#[tokio::test]
async fn what_a_plugin_started_ends_with_it() {
    let mut server = start(&shell("leaves-a-child", "sleep 1000 & echo child $!", "")).await;
    let child = number(&server.logged("child").await, ": child ");
    vanished(child).await;
}

#[tokio::test]
async fn a_stop_asks_then_ends_input_then_kills_the_whole_group() {
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
    server.logged("leaves: here").await;
    let line = server.logged("stays: parent ").await;
    let (stays, child) = (number(&line, "parent "), number(&line, "child "));
    server.signal(Signal::TERM);
    let (code, said) = server.ended().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("leaves: left by itself"), "{said}");
    assert!(!said.contains("restarting it"), "{said}");
    for pid in [polite, stays, child] {
        assert!(!discovery::is_alive(pid), "{said}");
    }
}

#[tokio::test]
async fn plugins_leave_when_the_daemon_is_killed() {
    let mut server = start(&acting("orphan", "")).await;
    let pid = ready(&server, "orphan").await.pid;
    server.signal(Signal::KILL);
    within("the daemon's end", server.child.wait())
        .await
        .expect("it ends");
    vanished(pid).await;
}

#[tokio::test]
async fn a_second_signal_leaves_no_process_behind() {
    let script = "trap '' TERM; echo pid $$; sleep 1000 & wait; sleep 1000";
    let mut server = start(&shell("stubborn", script, "")).await;
    let pid = number(&server.logged("stubborn: pid").await, "pid ");
    server.signal(Signal::TERM);
    server.logged("stopping").await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.0, Some(1));
    vanished(pid).await;
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
async fn whoever_comes_first_the_configured_order_counts() {
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
        // Each passes but the last one that is asked.
        hooks.sort_by_key(|(name, ..)| "bca".find(name.as_str()));
        let answers = async {
            for (name, _, hook) in &mut hooks {
                let call = hook.call().await;
                let outcome = if name == "a" {
                    let body = Body::InlineBody("a is asked last".into());
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
        let (answer, ()) = tokio::join!(server.get("/x"), answers);
        assert_eq!(answer.text(), "a is asked last", "{arrivals}");
        let list = server.client().await.plugins().await.expect("a list");
        let names: String = list.iter().map(|plugin| &*plugin.plugin_name).collect();
        assert_eq!(names, "bca", "{arrivals}");
    }
}

#[tokio::test]
async fn a_request_waits_until_the_plugin_that_is_required_is_ready() {
    let config = "[[plugin]]\nname = 'late'\nrequired = true\npaths = ['/app']\nconfig = { level = 3, of = ['x'] }";
    let server = start(config).await;
    let plugin = async {
        // Another path does not wait; nor is a session enough without its hook.
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
    let (answer, _plugin) = tokio::join!(server.get("/app/x"), plugin);
    assert_eq!((answer.status, &*answer.text()), (200, "worth it"));
}

#[tokio::test]
async fn a_page_that_asks_waits_for_a_required_plugin_and_is_refused_at_once_without_one() {
    let config = "[[plugin]]\nname = 'answers'\nrequired = true\npaths = ['/never']";
    let server = start(config).await;
    let mut page = server.page().await;
    for id in 1..=2 {
        page.say(&json!({"type": "ask", "id": id, "pagewire:request": true}))
            .await;
    }
    // Had they been refused, the page would hear that first: frames are taken in order.
    page.say(&json!({"no": "type"})).await;
    assert_eq!(page.hear().await["type"], "pagewire:fault");
    let mut other = server.page().await;
    let session = session(&server, "answers", &[proto::Hook::SubscribeMessages]).await;
    let client = server.client().await;
    let options = SubscribeOptions::new()
        .message_types(["ask"])
        .answers_requests();
    // It offers to answer before it is ready, as one more subscriber.
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
        let answer = page.hear().await;
        assert_eq!(answer["response"], id * 10, "{answer}");
    }
    // It is ready: what nobody answers now, nobody will.
    other
        .say(&json!({"type": "else", "id": 1, "pagewire:request": true}))
        .await;
    let answer = other.hear().await;
    let error = answer["error"].as_str().expect("an error");
    assert!(error.contains("no plugin answers"), "{error}");
    drop((declared, session));
}

#[tokio::test]
async fn config_prints_plugins_as_they_could_be_written() {
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
