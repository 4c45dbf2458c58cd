//! Plugins whose process is killed or stopped.

use super::plugin_process;
use super::plugin_process::PluginProcess;
use super::{HELD_PATHS, assert_plugin_gone, header, plugins, response_of, site};
use crate::support::{HttpResponse, Page, Session, TestServer, within};
use pagewire_client::proto::ServerStartRequest;
use pagewire_client::proto::plugin::State;
use pagewire_client::{Client, PluginInfo, SubscribeOptions, Target, What};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

/// Number of requests per hook that a plugin holds when it is killed.
const HELD_PER_HOOK: usize = 4;

/// Sends the requests that this plugin will hold, [`HELD_PER_HOOK`] for each hook, with the content of their
/// files.
fn held_by(server: &TestServer, name: &str) -> Vec<(&'static str, JoinHandle<HttpResponse>)> {
    let paths = HELD_PATHS.iter().flat_map(|path| [path; HELD_PER_HOOK]);
    paths
        .enumerate()
        .map(|(n, (path, text))| {
            // Each has its own URL, so that no call is shared.
            let pending = server.get_detached(&format!("/{name}/{path}?{n}"));
            (*text, tokio::spawn(pending))
        })
        .collect()
}

/// Waits until the plugin is listed and fulfils the condition.
async fn listed(
    client: &Client,
    name: &str,
    what: &str,
    is: impl Fn(&PluginInfo) -> bool,
) -> PluginInfo {
    let look = async {
        loop {
            let list = plugins(client).await;
            let mut found = list.into_iter().filter(|plugin| plugin.plugin_name == name);
            if let Some(found) = found.next().filter(|plugin| is(plugin)) {
                return found;
            }
        }
    };
    within(&format!("{name} to be {what}"), look).await
}

/// Sends a message from the page and asserts that it is the next event of the subscription: no event
/// came in between.
async fn assert_next_event(page: &mut Page, events: &mut pagewire_client::Subscription) {
    let last = events.position().sequence;
    page.send_json(&json!({"type": "still here"})).await;
    let event = within("an event", events.next()).await.expect("open");
    let event = event.expect("an event");
    assert_eq!(event.position.sequence, last + 1);
    assert!(matches!(event.what, What::Message(_)), "{event:?}");
}

#[tokio::test]
async fn a_killed_process_fails_exactly_the_calls_it_held_in_every_hook() {
    for mode in ["fail", "skip"] {
        let server = TestServer::start(&site()).await;
        let client = server.client().await;
        let mut victim = PluginProcess::start(&server, "victim", mode, 60_000).await;
        let mut witness = PluginProcess::start(&server, "witness", "fail", 60_000).await;
        let mut bystander = Session::open(&server, "bystander").await;
        let mut events = client
            .subscribe(SubscribeOptions::new().messages().sockets())
            .await
            .expect("a stream");
        let mut page = server.page().await;
        for _ in 0..2 {
            let seen = within("the page to be seen", events.next()).await;
            assert!(matches!(seen, Ok(Some(_))), "{seen:?}");
        }

        let at_victim = held_by(&server, "victim");
        let at_witness = held_by(&server, "witness");
        for _ in 0..at_victim.len() {
            victim.wait_for_line("held /victim/").await;
            witness.wait_for_line("held /witness/").await;
        }
        page.send_json(&json!({"type": "ask-victim", "id": 7, "pagewire:request": true}))
            .await;
        victim.wait_for_line("asked").await;
        let seen = within("the request to be seen", events.next()).await;
        assert!(matches!(seen, Ok(Some(_))), "{seen:?}");
        victim.kill().await;

        for (file, pending) in at_victim {
            let response = response_of(pending).await;
            if mode == "fail" {
                assert_plugin_gone(&response, "victim");
                continue;
            }
            assert_eq!(
                (response.status, header(&response, "pagewire-skipped")),
                (200, "victim")
            );
            if file.is_empty() {
                assert!(
                    response.text().starts_with("witness "),
                    "{}",
                    response.text()
                );
            } else {
                assert_eq!(response.text(), file);
            }
        }
        let refused = page.receive_json().await;
        assert_eq!(
            (&refused["id"], refused["error"].is_string()),
            (&json!(7), true),
            "{refused}"
        );

        // Other clients are unaffected.
        assert!(at_witness.iter().all(|(_, pending)| !pending.is_finished()));
        assert_eq!(server.get("/plain.txt").await.text(), "plain");
        assert_next_event(&mut page, &mut events).await;
        let report = client.send(&Target::all(), &json!({"type": "sent"})).await;
        assert_eq!(report.expect("a report").reached, 1);
        assert_eq!(page.receive_json().await["type"], "sent");
        server.get("/witness/serve/release").await;
        for (_, pending) in at_witness {
            let response = response_of(pending).await;
            assert_eq!(
                (response.status, header(&response, "pagewire-skipped")),
                (200, "")
            );
            assert!(response.text().contains("witness "), "{}", response.text());
        }

        // Its name can be taken, and from then on nothing of the plugin remains.
        let taken = async {
            let request = || ServerStartRequest {
                plugin_name: "victim".into(),
                ..Default::default()
            };
            loop {
                if let Ok(session) = Session::open_as(&server, request()).await {
                    return session;
                }
            }
        };
        let _successor = within("the name to be free", taken).await;
        let list = plugins(&client).await;
        let names = list.iter().map(|plugin| &*plugin.plugin_name);
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["witness", "bystander", "victim"]
        );
        assert_eq!(
            (list[2].calls, list[2].hooks.len()),
            (0, 0),
            "{:?}",
            list[2]
        );
        for (path, text) in HELD_PATHS {
            let response = server.get(&format!("/victim/{path}")).await;
            assert_eq!(
                (response.status, header(&response, "pagewire-skipped")),
                (200, "")
            );
            let expected = if text.is_empty() { "witness " } else { text };
            assert!(response.text().starts_with(expected), "{}", response.text());
        }
        // The other session has received nothing except that it is ready.
        bystander.event().await;
        drop(server);
        let end = within("the daemon's end", bystander.events.message()).await;
        assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    }
}

#[tokio::test]
async fn requests_after_a_kill_wait_for_the_restart_of_a_required_plugin() {
    let site = site();
    let required = "required = true\npaths = ['/victim/']";
    site.write(
        "pagewire.toml",
        plugin_process::configured("victim", "fail", required),
    );
    let mut server = TestServer::start(&site).await;
    let client = server.client().await;
    let ready = |plugin: &PluginInfo| plugin.state() == State::Ready;
    let first = listed(&client, "victim", "ready", ready).await;
    let held = held_by(&server, "victim");
    for n in 0..held.len() {
        // The requests are numbered consecutively.
        let (path, _) = HELD_PATHS[n / HELD_PER_HOOK];
        server
            .wait_for_log(&format!("victim: held /victim/{path}?{n}"))
            .await;
    }
    plugin_process::kill(first.pid, Signal::KILL);
    for (_, pending) in held {
        assert_plugin_gone(&response_of(pending).await, "victim");
        // The first request after the loss, and every later one.
        let next = server.get("/victim/serve/who").await;
        assert_eq!(next.status, 200, "{}", next.text());
        assert_ne!(next.text(), format!("victim {}", first.pid));
    }
    let second = listed(&client, "victim", "ready", ready).await;
    assert_eq!((second.restarts, second.pid == first.pid), (1, false));
    let made = format!("victim {}", second.pid);
    for (path, expected) in [
        ("serve/who", made.clone()),
        ("transform/other.txt", made.clone()),
        ("resolve/other.js", format!("import '{made}';")),
    ] {
        site.write(&format!("victim/{path}"), "import 'x';");
        assert_eq!(
            server.get(&format!("/victim/{path}")).await.text(),
            expected
        );
    }
}

#[tokio::test]
async fn a_stopped_process_times_out_only_its_own_requests_and_can_continue() {
    let server = TestServer::start(&site()).await;
    let client = server.client().await;
    let mut victim = PluginProcess::start(&server, "victim", "fail", 300).await;
    let mut witness = PluginProcess::start(&server, "witness", "fail", 60_000).await;
    let at_witness = held_by(&server, "witness");
    for _ in 0..at_witness.len() {
        witness.wait_for_line("held").await;
    }
    let hanging = tokio::spawn(server.get_detached("/victim/serve/hang"));
    victim.wait_for_line("hangs").await;
    victim.signal(Signal::STOP);
    let at_victim = held_by(&server, "victim");
    let count = u64::try_from(at_victim.len()).expect("few") + 1;
    let at_victim = at_victim.into_iter().map(|(_, pending)| pending);
    for pending in at_victim.chain([hanging]) {
        let response = response_of(pending).await;
        let blamed = ["pagewire-plugin", "pagewire-reason"].map(|name| header(&response, name));
        assert_eq!((response.status, blamed), (504, ["victim", "timeout"]));
    }
    assert!(at_witness.iter().all(|(_, pending)| !pending.is_finished()));
    assert_eq!(server.get("/plain.txt").await.text(), "plain");
    let counts = listed(&client, "victim", "there", |_| true).await;
    assert_eq!(
        (counts.state(), counts.calls, counts.timeouts),
        (State::Ready, count, count)
    );
    assert_eq!((counts.failures, counts.late_results), (0, 0));

    victim.signal(Signal::CONT);
    victim.end_hang().await;
    listed(&client, "victim", "counted as late", |plugin| {
        plugin.late_results > 0
    })
    .await;
    assert!(
        server
            .get("/victim/serve/who")
            .await
            .text()
            .starts_with("victim ")
    );
    server.get("/witness/serve/release").await;
    for (_, pending) in at_witness {
        assert_eq!(response_of(pending).await.status, 200);
    }
}
