//! A walk of random steps through a running daemon: sessions, hooks, kills, requests and pages. What each
//! step must bring is computed by a model of plain data.
//!
//! `PAGEWIRE_TEST_SEED` repeats a walk, `PAGEWIRE_TEST_STEPS` makes it longer.

mod actor;
mod expect;
mod pages;
mod plugins;
mod random;
mod requests;

use crate::support::{Answer, Site, TestServer, within};
use actor::Actor;
use expect::{Act, CONFIGURED, Hook, Model, Request};
use pages::Pages;
use pagewire_client::Client;
use pagewire_client::proto;
use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Steps of a walk unless the environment says otherwise: a few seconds.
const STEPS: u64 = 250;

/// Those that are configured come first in every order, the others by name.
const PLUGINS: [&str; 4] = ["alpha", "beta", "gamma", "zeta"];
const PATHS: [&str; 4] = ["/f/a.js", "/f/b.txt", "/v/c.js", "/v/d.txt"];
const PREFIXES: [&str; 5] = ["/", "/f/", "/v/", "/f/a", "/v/c"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_of_random_steps_keeps_every_promise() {
    let seed = random::given("PAGEWIRE_TEST_SEED").unwrap_or_else(random::any_seed);
    let steps = random::given("PAGEWIRE_TEST_STEPS").unwrap_or(STEPS);
    let mut walk = Walk::begin(seed).await;
    for _ in 0..steps {
        walk.step().await;
    }
    walk.end().await;
}

/// What was done so far; told when the walk fails.
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
                "the walk failed behind step {}; repeat it with PAGEWIRE_TEST_SEED={}\n  {steps}",
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
    /// Requests that a hook holds.
    waiting: Vec<Waiting>,
    holding: mpsc::UnboundedSender<(u64, String)>,
    holds: mpsc::UnboundedReceiver<(u64, String)>,
    /// What hooks have said that they hold, and nobody waited for yet.
    held: BTreeSet<(u64, String)>,
    /// Calls that plugins are to report.
    calls: Vec<(u64, String)>,
    tallies: BTreeMap<String, Tally>,
    pages: Pages,
    count: u64,
}

struct Waiting {
    /// All that it may be: how it came here cannot be told from outside.
    requests: Vec<Request>,
    holder: Hook,
    answer: JoinHandle<Answer>,
}

/// What became of the calls to a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    passes: u64,
    failures: u64,
    late: u64,
    /// It was lost while it was asked: what it had done by then is not known.
    is_rough: bool,
}

impl Walk {
    async fn begin(seed: u64) -> Self {
        let config = CONFIGURED.map(|name| format!("[[plugin]]\nname = '{name}'\n"));
        let site = Site::new([("pagewire.toml", &config.concat())]);
        let mut model = Model::default();
        for path in PATHS.iter().filter(|path| path.starts_with("/f/")) {
            model.files.insert((*path).to_owned(), save(&site, path, 0));
        }
        // Nobody reads the log, and a pipe holds so much only.
        let server = TestServer::start_with(&site, &["--log", "error"]).await;
        let (holding, holds) = mpsc::unbounded_channel();
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
            waiting: Vec::new(),
            holding,
            holds,
            held: BTreeSet::new(),
            calls: Vec::new(),
            tallies: BTreeMap::new(),
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
        if self.waiting.len() > 8 {
            self.release().await;
        }
        match self.random.below(100) {
            0..30 => {
                let step = self.pages.step(&self.server, &mut self.random).await;
                self.note(step);
            }
            30..38 => self.come().await,
            38..44 => self.open_or_withdraw().await,
            44..48 => self.update().await,
            48..52 => self.lose_plugin().await,
            52..57 => self.invalidate().await,
            57..61 => self.write(),
            61..64 => self.babble().await,
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
        let forgotten = self.client.raw().invalidate(request).await;
        forgotten.expect("invalidated");
        self.model.kept.retain(|(_, target, _)| {
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

    /// Everything comes to its end, and nothing is left.
    async fn end(mut self) {
        while !self.waiting.is_empty() {
            self.release_with(0, Act::Skip { remember: false }).await;
        }
        self.check_calls().await;
        for plugin in self.actors.keys() {
            let tally = self.tallies[plugin];
            // What a plugin said last may still be on its way.
            let counted = async {
                loop {
                    let listed = self.listed(plugin).await.expect("it is there");
                    let judged = listed.passes + listed.failures + listed.timeouts;
                    assert!(judged <= listed.calls && listed.timeouts == 0, "{listed:?}");
                    let found = Tally {
                        calls: listed.calls,
                        passes: listed.passes,
                        failures: listed.failures,
                        late: listed.late_results,
                        is_rough: false,
                    };
                    if tally.is_rough || tally == found {
                        return;
                    }
                }
            };
            within(&format!("{plugin} to have the counters {tally:?}"), counted).await;
        }
        while let Some(plugin) = self.any_actor() {
            self.end_plugin(&plugin).await;
            self.lost(&plugin).await;
        }
        for path in PATHS {
            let answer = self.server.get(path).await;
            let text = self.model.files.get(path);
            assert_eq!(answer.status, if text.is_some() { 200 } else { 404 });
            assert!(
                text.is_none_or(|text| answer.text() == *text),
                "{}",
                answer.text()
            );
        }
        let list = self.client.plugins().await.expect("a list");
        let names: Vec<_> = list.iter().map(|plugin| &*plugin.plugin_name).collect();
        assert_eq!(names, CONFIGURED, "plugins are left");
        self.pages.end().await;
    }
}

/// Writes a file that no other is like, and gives its text. It is old at once: of what was written a
/// moment ago less can be kept, and that is not what is looked at here.
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
