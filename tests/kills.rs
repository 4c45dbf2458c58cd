//! `kill -9` of a plugin at any moment costs exactly the requests that it was holding: 502, or the next
//! answer if it may be skipped. Nobody else notices, and nothing of it is left.

pub mod kinds;
pub mod process;
pub mod relay;

use crate::support::{
    Answer, Page, ResolveImport, Serve, Session, Site, TestServer, Transform, within,
};
use kinds::{Kind, PATH};
use pagewire_client::proto::{
    self, FailureMode, ServerStartRequest, plugin::State, server_start_response::Event,
};
use pagewire_client::{
    Change, Client, Content, Filter, Plugin, PluginInfo, SubscribeOptions, Target, What,
};
use process::PluginProcess;
use relay::{Cut, Relay};
use rustix::process::Signal;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tonic::Status;

/// Requests that a plugin holds of each kind when it is killed.
const HELD: usize = 4;

/// What each hook of a plugin is asked to hold, and what the file system has there.
const HELD_PATHS: [(&str, &str); 3] = [
    ("serve/held", ""),
    ("transform/held.txt", "untouched"),
    ("resolve/held.js", "import 'x';"),
];

fn site() -> Site {
    let site = Site::new([("plain.txt", "plain")]);
    for name in ["victim", "witness"] {
        for (path, text) in HELD_PATHS.iter().filter(|(_, text)| !text.is_empty()) {
            site.write(&format!("{name}/{path}"), text);
        }
    }
    site
}

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

async fn answer(asking: JoinHandle<Answer>) -> Answer {
    within("an answer", asking).await.expect("no panic")
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

/// It was held by a plugin that is gone.
#[track_caller]
fn is_gone(answer: &Answer, plugin: &str) {
    let blamed = ["pagewire-plugin", "pagewire-reason"].map(|name| header(answer, name));
    assert_eq!((answer.status, blamed), (502, [plugin, "gone"]));
}

/// A session on this connection.
pub async fn session(client: Client, request: ServerStartRequest) -> Result<Session, Status> {
    let mut client = client.raw();
    let mut events = client.server_start(request).await?.into_inner();
    let first = within("ServerStarted", events.message()).await?;
    let Some(Event::Started(started)) = first.and_then(|first| first.event) else {
        panic!("a session that does not begin with started");
    };
    Ok(Session {
        client,
        started,
        events,
    })
}

async fn plugins(client: &Client) -> Vec<PluginInfo> {
    client.plugins().await.expect("a list")
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

/// Waits until nothing of a plugin is listed.
async fn vanished(client: &Client, name: &str) {
    let gone = async {
        while plugins(client)
            .await
            .iter()
            .any(|plugin| plugin.plugin_name == name)
        {}
    };
    within(&format!("the end of {name}"), gone).await;
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
        process::configured("victim", "fail", required),
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
    process::kill(first.pid, Signal::KILL);
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

/// A request is with a plugin that is asked first while the next in order is killed: that one held
/// nothing, so that it costs nothing.
async fn killed_before_its_turn<K: Kind>() {
    for is_replaced in [false, true] {
        let server = TestServer::start(&kinds::site()).await;
        let client = server.client().await;
        let options = kinds::options(FailureMode::Fail, 20_000);
        let open = || K::opening(vec![kinds::module()], Some(options.clone()));
        let (_s1, mut first) = Session::with_hook::<K>(&server, "a-first", open()).await;
        let (_s2, last) = Session::with_hook::<K>(&server, "c-last", open()).await;
        last.answering(|_| K::answer("last"));
        let relay = Relay::start(server.control()).await;
        let next = async {
            let client = Client::connect(relay.endpoint(&server.token)).await;
            let request = ServerStartRequest {
                plugin_name: "b-next".into(),
                hooks: vec![K::HOOK.into()],
                ..Default::default()
            };
            let session = session(client.expect("a daemon"), request).await;
            let mut session = session.expect("a session");
            let hook = session.hook::<K>(open()).await.expect("a hook");
            (session, hook)
        };
        let _next = next.await;
        let asking = tokio::spawn(server.asking(PATH));
        let call = first.call().await;
        if is_replaced {
            let request = ServerStartRequest {
                plugin_name: "b-next".into(),
                replace_existing: true,
                ..Default::default()
            };
            let heir = Session::open_as(&server, request).await;
            drop(heir.expect("a takeover"));
        } else {
            relay.cut_after(0, Cut::Reset);
        }
        vanished(&client, "b-next").await;
        first.answer(K::call_id(&call), K::skip()).await;
        let answer = answer(asking).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, K::answered("last")),
            "{}",
            K::NAME
        );
    }
}

#[tokio::test]
async fn a_plugin_that_is_killed_before_its_turn_to_serve_costs_nothing() {
    killed_before_its_turn::<Serve>().await;
}

#[tokio::test]
async fn a_plugin_that_is_killed_before_its_turn_to_transform_costs_nothing() {
    killed_before_its_turn::<Transform>().await;
}

#[tokio::test]
async fn a_plugin_that_is_killed_before_its_turn_to_resolve_costs_nothing() {
    killed_before_its_turn::<ResolveImport>().await;
}

/// What the plugin of the next tests makes of everything.
const MADE: &str = "made by the plugin";

/// Serves below `/v/`, transforms text files, resolves imports of modules: first tells that it is asked,
/// and then answers at once.
fn answers(asked: impl Fn() + Clone + Send + Sync + 'static) -> Plugin {
    let (for_transform, for_resolve) = (asked.clone(), asked.clone());
    Plugin::new("cut")
        .replace_existing()
        .serve(Filter::prefix("/v/"), move |_| {
            asked();
            async { Ok(Content::text(MADE)) }
        })
        .transform(Filter::regex("txt$"), move |_| {
            for_transform();
            async { Ok(Change::new().body(MADE).no_cache()) }
        })
        .resolve_import(Filter::regex("js$"), move |imports| {
            for_resolve();
            async move { Ok(imports.resolve(|_| Some(MADE)).no_cache()) }
        })
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_midst_of_an_answer_costs_that_request_and_no_other() {
    let server = TestServer::start(&Site::new([("a.txt", "a"), ("m.js", "import 'x';")])).await;
    let client = server.client().await;
    let open = proto::ServeOpen {
        filters: vec![proto::RequestFilter {
            path_prefixes: vec!["/other".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_session, mut other) = Session::with_hook::<Serve>(&server, "other", open).await;
    let neighbour = tokio::spawn(server.asking("/other"));
    let held = other.call().await;
    let resolved = format!("import '{MADE}';");
    for (path, whole) in [("/v/x", MADE), ("/a.txt", MADE), ("/m.js", &*resolved)] {
        let mut cuts = 0;
        loop {
            let cut = if cuts % 2 == 0 { Cut::Fin } else { Cut::Reset };
            let relay = Relay::start(server.control()).await;
            let (ready, breaks) = (Arc::new(Notify::new()), relay.clone());
            let is_ready = ready.clone();
            let plugin = answers(move || breaks.cut_after(cuts, cut)).server_start(move |_| {
                ready.notify_one();
                async { Ok(()) }
            });
            let plugin = tokio::spawn(plugin.run_with(relay.endpoint(&server.token)));
            within("the plugin to be ready", is_ready.notified()).await;
            let answer = server.get(path).await;
            // All of the answer has come before its connection broke.
            let is_whole = answer.status == 200;
            if is_whole {
                assert_eq!(answer.text(), whole, "{path} cut after {cuts}");
                assert!(cuts > whole.len(), "{path} was whole after {cuts} octets");
            } else {
                is_gone(&answer, "cut");
            }
            plugin.abort();
            if is_whole && relay.spent() < cuts {
                break;
            }
            cuts += 1;
        }
    }
    assert!(!neighbour.is_finished());
    other
        .answer(held.call_id, Serve::answer("not concerned"))
        .await;
    assert_eq!(answer(neighbour).await.text(), "not concerned");
    vanished(&client, "cut").await;
}

#[tokio::test]
async fn a_connection_that_breaks_while_a_plugin_comes_leaves_nothing_of_it() {
    let server = TestServer::start(&Site::new([("a.txt", "a"), ("m.js", "import 'x';")])).await;
    let client = server.client().await;
    let mut after = 0;
    loop {
        let relay = Relay::start(server.control()).await;
        relay.cut_after(after, Cut::Reset);
        let ready = Arc::new(Notify::new());
        let is_ready = ready.clone();
        let plugin = answers(|| ()).server_start(move |_| {
            ready.notify_one();
            async { Ok(()) }
        });
        let running = tokio::spawn(plugin.run_with(relay.endpoint(&server.token)));
        let came = tokio::select! {
            () = is_ready.notified() => true,
            ended = running => {
                assert!(ended.expect("no panic").is_err(), "cut after {after}");
                false
            }
        };
        relay.cut_after(0, Cut::Reset);
        vanished(&client, "cut").await;
        for (path, status, text) in [
            ("/v/x", 404, None),
            ("/a.txt", 200, Some("a")),
            ("/m.js", 200, Some("import 'x';")),
        ] {
            let answer = server.get(path).await;
            assert_eq!(answer.status, status, "{path} after {after}");
            assert!(
                text.is_none_or(|text| answer.text() == text),
                "{}",
                answer.text()
            );
        }
        if came {
            break;
        }
        after += 23;
    }
    assert!(
        after > 500,
        "it was broken at many places, and the last was {after}"
    );
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
