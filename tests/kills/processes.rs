//! Plugins whose process is killed or stopped.

use super::plugin_process;
use super::plugin_process::PluginProcess;
use super::{HELD_PATHS, answer, header, is_gone, plugins, site};
use crate::support::{Answer, Page, Session, TestServer, within};
use pagewire_client::proto::ServerStartRequest;
use pagewire_client::proto::plugin::State;
use pagewire_client::{Client, PluginInfo, SubscribeOptions, Target, What};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

/// Requests that a plugin holds of each kind when it is killed.
const HELD: usize = 4;

/// Requests that this plugin will hold, with what is in their files: [`HELD`] of each kind.
fn held_by(server: &TestServer, name: &str) -> Vec<(&'static str, JoinHandle<Answer>)> {
    let paths = HELD_PATHS.iter().flat_map(|path| [path; HELD]);
    paths
        .enumerate()
        .map(|(n, (path, text))| {
            // Each is a question of its own: none is answered by what another gets.
            let asking = server.asking(&format!("/{name}/{path}?{n}"));
            (*text, tokio::spawn(asking))
        })
        .collect()
}

/// Waits until a plugin is listed as it should be.
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

/// A page that says something, and the subscription that hears it as its next event: in between there
/// was none.
async fn says_next(page: &mut Page, events: &mut pagewire_client::Subscription) {
    let last = events.position().sequence;
    page.say(&json!({"type": "still here"})).await;
    let event = within("an event", events.next()).await.expect("open");
    let event = event.expect("an event");
    assert_eq!(event.position.sequence, last + 1);
    assert!(matches!(event.what, What::Message(_)), "{event:?}");
}

#[tokio::test]
async fn a_killed_process_costs_exactly_what_it_held_of_every_hook() {
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
            victim.says("held /victim/").await;
            witness.says("held /witness/").await;
        }
        page.say(&json!({"type": "ask-victim", "id": 7, "pagewire:request": true}))
            .await;
        victim.says("asked").await;
        let seen = within("the request to be seen", events.next()).await;
        assert!(matches!(seen, Ok(Some(_))), "{seen:?}");
        victim.kill().await;

        for (file, asking) in at_victim {
            let answer = answer(asking).await;
            if mode == "fail" {
                is_gone(&answer, "victim");
                continue;
            }
            assert_eq!(
                (answer.status, header(&answer, "pagewire-skipped")),
                (200, "victim")
            );
            if file.is_empty() {
                assert!(answer.text().starts_with("witness "), "{}", answer.text());
            } else {
                assert_eq!(answer.text(), file);
            }
        }
        let refused = page.hear().await;
        assert_eq!(
            (&refused["id"], refused["error"].is_string()),
            (&json!(7), true),
            "{refused}"
        );

        // Nobody else has noticed.
        assert!(at_witness.iter().all(|(_, asking)| !asking.is_finished()));
        assert_eq!(server.get("/plain.txt").await.text(), "plain");
        says_next(&mut page, &mut events).await;
        let report = client.send(&Target::all(), &json!({"type": "sent"})).await;
        assert_eq!(report.expect("a report").reached, 1);
        assert_eq!(page.hear().await["type"], "sent");
        server.get("/witness/serve/release").await;
        for (_, asking) in at_witness {
            let answer = answer(asking).await;
            assert_eq!(
                (answer.status, header(&answer, "pagewire-skipped")),
                (200, "")
            );
            assert!(answer.text().contains("witness "), "{}", answer.text());
        }

        // Its name can be taken, and from that moment on nothing of it is left.
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
        let _heir = within("the name to be free", taken).await;
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
            let answer = server.get(&format!("/victim/{path}")).await;
            assert_eq!(
                (answer.status, header(&answer, "pagewire-skipped")),
                (200, "")
            );
            let expected = if text.is_empty() { "witness " } else { text };
            assert!(answer.text().starts_with(expected), "{}", answer.text());
        }
        // The other session has heard nothing but that it is ready.
        bystander.event().await;
        drop(server);
        let end = within("the daemon's end", bystander.events.message()).await;
        assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    }
}

#[tokio::test]
async fn requests_that_come_after_a_kill_wait_for_the_process_that_is_required() {
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
        // They are numbered through.
        let (path, _) = HELD_PATHS[n / HELD];
        server
            .logged(&format!("victim: held /victim/{path}?{n}"))
            .await;
    }
    plugin_process::kill(first.pid, Signal::KILL);
    for (_, asking) in held {
        is_gone(&answer(asking).await, "victim");
        // The first that comes after the loss, and all others.
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
async fn a_stopped_process_costs_its_own_requests_their_deadline_and_goes_on_later() {
    let server = TestServer::start(&site()).await;
    let client = server.client().await;
    let mut victim = PluginProcess::start(&server, "victim", "fail", 300).await;
    let mut witness = PluginProcess::start(&server, "witness", "fail", 60_000).await;
    let at_witness = held_by(&server, "witness");
    for _ in 0..at_witness.len() {
        witness.says("held").await;
    }
    let hanging = tokio::spawn(server.asking("/victim/serve/hang"));
    victim.says("hangs").await;
    victim.signal(Signal::STOP);
    let at_victim = held_by(&server, "victim");
    let count = u64::try_from(at_victim.len()).expect("few") + 1;
    let at_victim = at_victim.into_iter().map(|(_, asking)| asking);
    for asking in at_victim.chain([hanging]) {
        let answer = answer(asking).await;
        let blamed = ["pagewire-plugin", "pagewire-reason"].map(|name| header(&answer, name));
        assert_eq!((answer.status, blamed), (504, ["victim", "timeout"]));
    }
    assert!(at_witness.iter().all(|(_, asking)| !asking.is_finished()));
    assert_eq!(server.get("/plain.txt").await.text(), "plain");
    let counts = listed(&client, "victim", "there", |_| true).await;
    assert_eq!(
        (counts.state(), counts.calls, counts.timeouts),
        (State::Ready, count, count)
    );
    assert_eq!((counts.failures, counts.late_results), (0, 0));

    victim.signal(Signal::CONT);
    victim.go_on().await;
    listed(&client, "victim", "heard, too late", |plugin| {
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
    for (_, asking) in at_witness {
        assert_eq!(answer(asking).await.status, 200);
    }
}
