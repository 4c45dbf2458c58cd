//! Random walk through a running daemon: sessions, hooks, kills, requests and pages. A model of plain
//! data computes the expected result of each step.
//!
//! `PAGEWIRE_TEST_SEED` repeats a walk, `PAGEWIRE_TEST_STEPS` makes it longer.

mod actor;
mod oracle;
mod pages;
mod plugins;
mod random;
mod requests;
mod scripted_plugin;

use crate::support::{HttpResponse, Site, TestServer, within};
use actor::Actor;
use oracle::{Action, CONFIGURED, Hook, Model, Request};
use pages::Pages;
use pagewire_client::Client;
use pagewire_client::proto;
use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Default number of steps: a few seconds.
const STEPS: u64 = 250;

/// Plugins of the walk, two of them configured ([`CONFIGURED`]). Hooks in the phase `First` are called first,
/// then those of configured plugins in the configuration's order, then the others by phase and name.
const PLUGINS: [&str; 4] = ["alpha", "beta", "gamma", "zeta"];
const PATHS: [&str; 4] = ["/f/a.js", "/f/b.txt", "/v/c.js", "/v/d.txt"];
const PREFIXES: [&str; 5] = ["/", "/f/", "/v/", "/f/a", "/v/c"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_random_walk_matches_the_model() {
    let seed = random::given("PAGEWIRE_TEST_SEED").unwrap_or_else(random::any_seed);
    let steps = random::given("PAGEWIRE_TEST_STEPS").unwrap_or(STEPS);
    let mut walk = Walk::begin(seed).await;
    for _ in 0..steps {
        walk.step().await;
    }
    walk.end().await;
}

/// Steps so far; printed when the walk fails.
struct Trace {
    seed: u64,
    steps: Vec<String>,
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last = self.steps.len().saturating_sub(30);
            let steps = self.steps[last..].join("\n  ");
            eprintln!(
                "the walk failed after step {}; repeat it with PAGEWIRE_TEST_SEED={}\n  {steps}",
                self.steps.len(),
                self.seed
            );
        }
    }
}

struct Walk {
    trace: Trace,
    random: Random,
    server: TestServer,
    site: Site,
    client: Client,
    model: Model,
    actors: BTreeMap<String, Actor>,
    /// Requests held by a hook.
    held_requests: Vec<HeldRequest>,
    hold_sender: mpsc::UnboundedSender<(u64, String)>,
    hold_receiver: mpsc::UnboundedReceiver<(u64, String)>,
    /// Calls reported as held that no step has awaited yet.
    held: BTreeSet<(u64, String)>,
    /// Calls that the plugins must report.
    calls: Vec<(u64, String)>,
    counters: BTreeMap<String, CallCounters>,
    pages: Pages,
    count: u64,
}

struct HeldRequest {
    /// Possible states of the request: its history cannot be observed from outside.
    requests: Vec<Request>,
    holder: Hook,
    response: JoinHandle<HttpResponse>,
}

/// Outcomes of the calls to a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CallCounters {
    calls: u64,
    passes: u64,
    failures: u64,
    late: u64,
    /// The plugin disappeared during a call, so the counters are not exactly known.
    is_inexact: bool,
}

impl Walk {
    async fn begin(seed: u64) -> Self {
        let config = CONFIGURED.map(|name| format!("[[plugin]]\nname = '{name}'\n"));
        let site = Site::new([("pagewire.toml", &config.concat())]);
        let mut model = Model::default();
        for path in PATHS.iter().filter(|path| path.starts_with("/f/")) {
            model.files.insert((*path).to_owned(), save(&site, path, 0));
        }
        // The log is not read, and a pipe has a limited capacity.
        let server = TestServer::start_with(&site, &["--log", "error"]).await;
        let (hold_sender, hold_receiver) = mpsc::unbounded_channel();
        Self {
            trace: Trace {
                seed,
                steps: Vec::new(),
            },
            random: Random::new(seed),
            client: server.client().await,
            pages: Pages::new(&server).await,
            server,
            site,
            model,
            actors: BTreeMap::new(),
            held_requests: Vec::new(),
            hold_sender,
            hold_receiver,
            held: BTreeSet::new(),
            calls: Vec::new(),
            counters: BTreeMap::new(),
            count: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn note(&mut self, step: impl Into<String>) {
        self.trace.steps.push(step.into());
    }

    async fn step(&mut self) {
        if self.held_requests.len() > 8 {
            self.release().await;
        }
        match self.random.below(100) {
            0..30 => {
                let step = self.pages.step(&self.server, &mut self.random).await;
                self.note(step);
            }
            30..38 => self.connect_plugin().await,
            38..44 => self.open_or_withdraw().await,
            44..48 => self.update().await,
            48..52 => self.lose_plugin().await,
            52..57 => self.invalidate().await,
            57..61 => self.write(),
            61..64 => self.send_late_result().await,
            64..74 => self.release().await,
            74..80 => self.burst().await,
            _ => self.request().await,
        }
    }

    async fn invalidate(&mut self) {
        let path = self.random.pick(&PATHS).to_owned();
        let prefix = self.random.pick(&PREFIXES).to_owned();
        let mut request = proto::InvalidateRequest::default();
        let is_meant: Box<dyn Fn(&str) -> bool + Send> = match self.random.below(3) {
            0 => {
                request.all = true;
                Box::new(|_| true)
            }
            1 => {
                request.exact_paths = vec![path.clone()];
                Box::new(move |of| of == path)
            }
            _ => {
                request.path_prefixes = vec![prefix.clone()];
                Box::new(move |of| of.starts_with(&prefix))
            }
        };
        self.note(format!("{request:?}"));
        let invalidated = self.client.raw().invalidate(request).await;
        invalidated.expect("a count");
        self.model.cached.retain(|(_, target, _)| {
            let path = target.split('?').next().unwrap_or_default();
            !is_meant(path)
        });
    }

    fn write(&mut self) {
        let files: Vec<_> = self.model.files.keys().cloned().collect();
        let path = self.random.pick(&files);
        let number = self.number();
        self.note(format!("{path} is written: {number}"));
        let text = save(&self.site, &path, number);
        self.model.files.insert(path, text);
    }

    /// Ends all plugins and pages and asserts that nothing remains.
    async fn end(mut self) {
        while !self.held_requests.is_empty() {
            self.release_with(0, Action::Skip { cache: false }).await;
        }
        self.check_calls().await;
        for plugin in self.actors.keys() {
            let tally = self.counters[plugin];
            // The plugin's last result may still be on its way.
            let counted = async {
                loop {
                    let listed = self.listed(plugin).await.expect("a connected plugin");
                    let count_action = listed.passes + listed.failures + listed.timeouts;
                    assert!(
                        count_action <= listed.calls && listed.timeouts == 0,
                        "{listed:?}"
                    );
                    let found = CallCounters {
                        calls: listed.calls,
                        passes: listed.passes,
                        failures: listed.failures,
                        late: listed.late_results,
                        is_inexact: false,
                    };
                    if tally.is_inexact || tally == found {
                        return;
                    }
                }
            };
            within(&format!("{plugin} to have the counters {tally:?}"), counted).await;
        }
        while let Some(plugin) = self.any_actor() {
            self.end_plugin(&plugin).await;
            self.lose_hooks_of(&plugin).await;
        }
        for path in PATHS {
            let response = self.server.get(path).await;
            let text = self.model.files.get(path);
            assert_eq!(response.status, if text.is_some() { 200 } else { 404 });
            assert!(
                text.is_none_or(|text| response.text() == *text),
                "{}",
                response.text()
            );
        }
        let list = self.client.plugins().await.expect("a list");
        let names: Vec<_> = list.iter().map(|plugin| &*plugin.plugin_name).collect();
        assert_eq!(names, CONFIGURED, "plugins remain");
        self.pages.end().await;
    }
}

/// Writes a file with unique content and returns it. The modification time is set far in the past, because the
/// daemon caches recently written files less.
fn save(site: &Site, path: &str, number: u64) -> String {
    let text = format!("import 'x'; // file {number}\n");
    site.write(&path[1..], &text);
    let file = std::fs::File::options()
        .write(true)
        .open(site.path().join(&path[1..]));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + number);
    let dated = file.and_then(|file| file.set_modified(long_ago));
    dated.expect("a file that can be dated");
    text
}
