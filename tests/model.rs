//! A walk of random steps through a running daemon: sessions, hooks, kills, requests and pages. What each
//! step must bring is computed by a model of plain data.
//!
//! `PAGEWIRE_TEST_SEED` repeats a walk, `PAGEWIRE_TEST_STEPS` makes it longer.

mod actor;
mod expect;
mod pages;
mod random;

use crate::support::{Answer, Site, TestServer, within};
use actor::{Actor, Report, Tell};
use expect::{Act, CONFIGURED, Fate, Hook, HookKind, KINDS, Model, Outcome, Phase, Reply, Request};
use pages::Pages;
use pagewire_client::proto::{self, plugin::State};
use pagewire_client::{Client, PluginInfo};
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

    /// A plugin that is there, by name.
    fn any_actor(&mut self) -> Option<String> {
        let names: Vec<_> = self.actors.keys().cloned().collect();
        (!names.is_empty()).then(|| self.random.pick(&names))
    }

    fn hooks_of(&self, plugin: &str) -> Vec<Hook> {
        let hooks = self.model.hooks.values();
        hooks
            .filter(|hook| hook.plugin == plugin)
            .cloned()
            .collect()
    }

    async fn tell(&mut self, plugin: &str, what: Tell) -> Report {
        let actor = self.actors.get_mut(plugin).expect("it is there");
        actor.tell(what).await
    }

    /// A plugin comes, or takes the place of the one that has its name, or finds the name taken.
    async fn come(&mut self) {
        let name = self.random.pick(&PLUGINS);
        let is_there = self.actors.contains_key(name);
        let replaces = is_there && self.random.percent(50);
        let is_process = self.random.percent(30);
        self.note(format!(
            "{name} comes, replaces: {replaces}, is a process: {is_process}"
        ));
        self.check_calls().await;
        let holding = self.holding.clone();
        let came = Actor::start(&self.server, name, replaces, is_process, holding).await;
        if is_there && !replaces {
            assert_eq!(came.err().as_deref(), Some("PLUGIN_NAME_TAKEN"));
            return;
        }
        let actor = came.expect("a session");
        if replaces {
            let replaced = self.actors.remove(name).expect("it is there");
            self.tally(name).is_rough = true;
            self.lost(name).await;
            replaced.leave().await;
        }
        if !CONFIGURED.contains(&name) {
            self.tallies.remove(name);
        }
        self.tallies.entry(name.to_owned()).or_default();
        self.actors.insert(name.to_owned(), actor);
        for kind in KINDS {
            if self.random.percent(60) {
                let hook = self.any_hook(name, kind);
                self.open(hook).await;
            }
        }
    }

    fn any_hook(&mut self, plugin: &str, kind: HookKind) -> Hook {
        let random = &mut self.random;
        let mut acts = BTreeMap::new();
        for path in PATHS {
            let remember = random.percent(40);
            let act = match random.below(10) {
                0..4 => Act::Answer { remember },
                4..7 => Act::Skip { remember },
                7 => Act::Fail,
                _ => Act::Hold,
            };
            acts.insert(path.to_owned(), act);
        }
        let phases = [
            Phase::First,
            Phase::BeforeFiles,
            Phase::BeforeFiles,
            Phase::AfterFiles,
        ];
        Hook {
            plugin: plugin.to_owned(),
            kind,
            prefixes: random
                .some(&PREFIXES)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            may_be_skipped: random.percent(50),
            phase: random.pick(&phases),
            acts,
            number: self.number(),
        }
    }

    async fn open(&mut self, hook: Hook) {
        self.note(format!("{hook:?} is opened"));
        let done = self
            .tell(&hook.plugin.clone(), Tell::Open(hook.clone()))
            .await;
        assert_eq!(done, Report::Done);
        self.model.hooks.insert(hook.number, hook);
    }

    async fn open_or_withdraw(&mut self) {
        let Some(plugin) = self.any_actor() else {
            return;
        };
        let kind = self.random.pick(&KINDS);
        let open = self
            .hooks_of(&plugin)
            .into_iter()
            .find(|hook| hook.kind == kind);
        match open {
            Some(hook) => self.withdraw(hook).await,
            None => {
                let hook = self.any_hook(&plugin, kind);
                self.open(hook).await;
            }
        }
    }

    async fn withdraw(&mut self, hook: Hook) {
        self.note(format!("h{} of {} is withdrawn", hook.number, hook.plugin));
        let done = self.tell(&hook.plugin, Tell::Withdraw(hook.kind)).await;
        assert_eq!(done, Report::Done);
        self.gone(&[hook.number]).await;
    }

    async fn update(&mut self) {
        let hooks: Vec<_> = self.model.hooks.values().cloned().collect();
        if hooks.is_empty() {
            return;
        }
        let hook = self.random.pick(&hooks);
        let prefixes = self.random.some(&PREFIXES);
        self.update_to(&hook, prefixes).await;
    }

    async fn update_to(&mut self, hook: &Hook, prefixes: Vec<&str>) {
        let prefixes: Vec<_> = prefixes.into_iter().map(str::to_owned).collect();
        self.note(format!("h{} has the filters {prefixes:?}", hook.number));
        let update = Tell::Update(hook.kind, prefixes.clone());
        assert_eq!(self.tell(&hook.plugin, update).await, Report::Done);
        let changed = self.model.hooks.get_mut(&hook.number);
        changed.expect("it is open").prefixes = prefixes;
        self.model
            .kept
            .retain(|(number, ..)| *number != hook.number);
    }

    /// A plugin is killed, or leaves.
    async fn lose_plugin(&mut self) {
        let Some(plugin) = self.any_actor() else {
            return;
        };
        self.check_calls().await;
        self.end_plugin(&plugin).await;
        self.lost(&plugin).await;
    }

    async fn end_plugin(&mut self, plugin: &str) {
        let is_killed = self.random.percent(70);
        self.note(format!("{plugin} ends, is killed: {is_killed}"));
        let actor = self.actors.remove(plugin).expect("it is there");
        // What it said last may never have arrived.
        self.tally(plugin).is_rough = true;
        if is_killed {
            actor.kill().await;
        } else {
            actor.leave().await;
        }
        let gone = async {
            let is_there = |plugin: &PluginInfo| plugin.state() != State::Waiting;
            while self
                .listed(plugin)
                .await
                .is_some_and(|plugin| is_there(&plugin))
            {}
        };
        within("a plugin to be gone from the list", gone).await;
    }

    async fn listed(&self, plugin: &str) -> Option<PluginInfo> {
        let list = self.client.plugins().await.expect("a list");
        list.into_iter().find(|listed| listed.plugin_name == plugin)
    }

    /// All that a plugin had is gone.
    async fn lost(&mut self, plugin: &str) {
        let numbers: Vec<_> = self
            .hooks_of(plugin)
            .iter()
            .map(|hook| hook.number)
            .collect();
        self.gone(&numbers).await;
    }

    /// Hooks are gone: exactly the requests that they held are lost, or go on without them.
    async fn gone(&mut self, numbers: &[u64]) {
        let before = self.model.clone();
        for number in numbers {
            self.model.hooks.remove(number);
        }
        self.model
            .kept
            .retain(|(number, ..)| !numbers.contains(number));
        let is_lost = |waiting: &Waiting| numbers.contains(&waiting.holder.number);
        let (lost, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(is_lost);
        self.waiting = waiting;
        let lost: Vec<Waiting> = lost;
        // The daemon may learn of the end of one hook a moment before that of the others.
        let fates = combinations(numbers, &[Fate::Gone, Fate::Lost]);
        for Waiting {
            requests,
            holder,
            answer,
        } in lost
        {
            self.tally(&holder.plugin).failures += 1;
            let go_on = |mut request: Request| match request.lost(&holder) {
                Some(reply) => vec![(request, Outcome::Reply(reply))],
                None => ways(&before, &request, &fates),
            };
            let ways = requests.into_iter().flat_map(go_on).collect();
            self.settle(ways, answer).await;
        }
    }

    fn tally(&mut self, plugin: &str) -> &mut Tally {
        self.tallies.entry(plugin.to_owned()).or_default()
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

    /// A plugin sends results that nobody waits for.
    async fn babble(&mut self) {
        let hooks: Vec<_> = self.model.hooks.values().cloned().collect();
        if hooks.is_empty() {
            return;
        }
        let hook = self.random.pick(&hooks);
        self.note(format!("{} babbles", hook.plugin));
        assert_eq!(
            self.tell(&hook.plugin, Tell::Babble(hook.kind)).await,
            Report::Done
        );
        self.tally(&hook.plugin).late += 1;
    }

    /// One request: its answer, and who was asked for it, are exactly those of the model.
    async fn request(&mut self) {
        let path = self.random.pick(&PATHS);
        let mut request = self.model.request(path, "");
        let will_be_held = matches!(
            self.model.clone().proceed(&mut request, |_| Fate::There),
            Outcome::Held(_)
        );
        // Who asks the same at the same time may get the same: it is not the same.
        let query = if will_be_held {
            format!("?{}", self.number())
        } else {
            String::new()
        };
        let mut request = self.model.request(path, &query);
        self.note(format!("{} is asked for", request.target));
        let answer = tokio::spawn(self.server.asking(&request.target));
        let outcome = self.model.proceed(&mut request, |_| Fate::There);
        self.settle(vec![(request, outcome)], answer).await;
        self.check_calls().await;
    }

    /// The plugin that holds a request says what it makes of it.
    async fn release(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        // None waits for long.
        let at = match self.waiting.len() {
            waiting @ 0..4 => self.random.below(waiting),
            _ => 0,
        };
        let acts = [
            Act::Answer { remember: false },
            Act::Skip { remember: false },
            Act::Fail,
        ];
        let act = self.random.pick(&acts);
        self.release_with(at, act).await;
    }

    async fn release_with(&mut self, at: usize, act: Act) {
        let Waiting {
            requests,
            holder,
            answer,
        } = self.waiting.remove(at);
        let target = requests[0].target.clone();
        self.note(format!("h{} is told to {act:?} {target}", holder.number));
        let release = Tell::Release(holder.kind, target, act);
        assert_eq!(self.tell(&holder.plugin, release).await, Report::Done);
        self.judged(&holder.plugin, act);
        let go_on = |mut request: Request| match request.acted(&holder, act) {
            Some(reply) => vec![(request, Outcome::Reply(reply))],
            None => ways(&self.model, &request, &[BTreeMap::new()]),
        };
        let ways = requests.into_iter().flat_map(go_on).collect();
        self.settle(ways, answer).await;
        self.check_calls().await;
    }

    /// One of the ways that the model has for a request is what comes true.
    async fn settle(&mut self, ways: Vec<(Request, Outcome)>, mut answer: JoinHandle<Answer>) {
        let target = ways[0].0.target.clone();
        let what = format!("{target} to be answered or held: {:?}", ways[0].1);
        let outcome = within(&what, async {
            loop {
                if let Some(held) = self.held.iter().find(|(_, held)| *held == target).cloned() {
                    self.held.remove(&held);
                    return Outcome::Held(held.0);
                }
                tokio::select! {
                    held = self.holds.recv() => {
                        self.held.insert(held.expect("we hold a sender"));
                    }
                    answer = &mut answer => return Outcome::Reply(reply(&answer.expect("no panic"))),
                }
            }
        });
        let outcome = outcome.await;
        let expected: Vec<_> = ways.iter().map(|(_, way)| way.clone()).collect();
        let came = ways.into_iter().filter(|(_, way)| *way == outcome);
        let mut requests: Vec<_> = came.map(|(request, _)| request).collect();
        assert!(
            !requests.is_empty(),
            "{target}: {outcome:?} is none of {expected:?}"
        );
        let called = requests[0].calls.clone().into_iter();
        self.calls
            .extend(called.map(|number| (number, target.clone())));
        if let Outcome::Held(number) = outcome {
            for request in &mut requests {
                request.calls.clear();
            }
            requests.dedup();
            self.waiting.push(Waiting {
                requests,
                holder: self.model.hooks[&number].clone(),
                answer,
            });
        }
    }

    fn judged(&mut self, plugin: &str, act: Act) {
        let tally = self.tally(plugin);
        match act {
            Act::Skip { .. } => tally.passes += 1,
            Act::Fail => tally.failures += 1,
            Act::Answer { .. } | Act::Hold => {}
        }
    }

    /// The plugins that are there have been asked what the model says, and nothing else.
    async fn check_calls(&mut self) {
        let mut expected = std::mem::take(&mut self.calls);
        expected.retain(|(number, _)| self.model.hooks.contains_key(number));
        let mut called = self.take_calls().await;
        called.retain(|(number, _)| self.model.hooks.contains_key(number));
        called.sort();
        expected.sort();
        assert_eq!(called, expected, "other hooks were called");
    }

    /// What the plugins that are there say of the calls they had.
    async fn take_calls(&mut self) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        let names: Vec<_> = self.actors.keys().cloned().collect();
        for plugin in names {
            let Report::Calls(calls) = self.tell(&plugin, Tell::Calls).await else {
                panic!("{plugin} does not say which calls it had");
            };
            for (number, target) in &calls {
                self.tally(&plugin).calls += 1;
                let path = target.split('?').next().unwrap_or_default();
                if let Some(act) = self.model.hooks.get(number).map(|hook| hook.act(path)) {
                    self.judged(&plugin, act);
                } else {
                    self.tally(&plugin).is_rough = true;
                }
            }
            all.extend(calls);
        }
        all
    }

    /// Many requests at once, while something changes: each has the answer from before or from after, and
    /// one that a plugin held when it was lost is lost, or goes on without it.
    async fn burst(&mut self) {
        self.check_calls().await;
        let before = self.model.clone();
        let Some(change) = self.any_change() else {
            return;
        };
        let mut asked = Vec::new();
        for _ in 0..8 {
            let path = self.random.pick(&PATHS);
            let query = format!("?{}", self.number());
            asked.push((path, query));
        }
        let is_held = |(path, query): &(&str, String)| {
            let allowed = change.allowed(&before, path, query);
            allowed
                .iter()
                .any(|outcome| matches!(outcome, Outcome::Held(_)))
        };
        asked.retain(|asked| !is_held(asked));
        self.note(format!("{} requests while {change:?}", asked.len()));
        let answers: Vec<_> = asked
            .iter()
            .map(|(path, query)| tokio::spawn(self.server.asking(&format!("{path}{query}"))))
            .collect();
        let lost = change.numbers();
        match &change {
            Change::Ends(plugin, _) => self.end_plugin(&plugin.clone()).await,
            Change::Opens(hook) => self.open(hook.clone()).await,
            Change::Updates(hook, prefixes) => self.update_to(hook, prefixes.clone()).await,
        }
        for ((path, query), answer) in asked.iter().zip(answers) {
            let answer = within("an answer", answer).await.expect("no panic");
            let allowed = change.allowed(&before, path, query);
            let found = Outcome::Reply(reply(&answer));
            assert!(
                allowed.contains(&found),
                "{path}{query}: {found:?} is none of {allowed:?}"
            );
        }
        if let Change::Ends(plugin, _) = &change {
            self.tally(plugin).is_rough = true;
            self.gone(&lost).await;
        }
        // Which of them came to whom is not known: who is still there says so.
        self.take_calls().await;
        self.calls.clear();
    }

    fn any_change(&mut self) -> Option<Change> {
        let plugin = self.any_actor()?;
        let hooks = self.hooks_of(&plugin);
        let kind = self.random.pick(&KINDS);
        let open = hooks.iter().find(|hook| hook.kind == kind);
        Some(match (self.random.below(3), open) {
            (0, _) => Change::Ends(plugin, hooks),
            (_, Some(hook)) => Change::Updates(hook.clone(), self.random.some(&PREFIXES)),
            (_, None) => Change::Opens(self.any_hook(&plugin, kind)),
        })
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

/// What changes while there are requests.
#[derive(Debug)]
enum Change {
    Ends(String, Vec<Hook>),
    Opens(Hook),
    Updates(Hook, Vec<&'static str>),
}

impl Change {
    fn numbers(&self) -> Vec<u64> {
        match self {
            Self::Ends(_, hooks) => hooks.iter().map(|hook| hook.number).collect(),
            Self::Opens(hook) | Self::Updates(hook, _) => vec![hook.number],
        }
    }

    /// All that a request may meet with.
    fn allowed(&self, before: &Model, path: &str, query: &str) -> Vec<Outcome> {
        let mut after = before.clone();
        let fates: &[Fate] = match self {
            Self::Ends(..) => &[Fate::There, Fate::Lost, Fate::Gone],
            Self::Opens(hook) => {
                after.hooks.insert(hook.number, hook.clone());
                &[Fate::There, Fate::Gone]
            }
            Self::Updates(hook, prefixes) => {
                let hook = after.hooks.get_mut(&hook.number).expect("it is open");
                hook.prefixes = prefixes.iter().map(ToString::to_string).collect();
                &[Fate::There]
            }
        };
        let mut allowed = Vec::new();
        for model in [before, &after] {
            for fates in combinations(&self.numbers(), fates) {
                let mut request = model.request(path, query);
                let fate = |number| fates.get(&number).copied().unwrap_or(Fate::There);
                allowed.push(model.clone().proceed(&mut request, fate));
            }
        }
        allowed
    }
}

/// How a request that was held may go on, if hooks meet with these fates.
fn ways(
    model: &Model,
    request: &Request,
    fates: &[BTreeMap<u64, Fate>],
) -> Vec<(Request, Outcome)> {
    let mut ways = Vec::new();
    for gets_old_file in [false, true] {
        for fates in fates {
            let mut request = request.clone();
            request.gets_old_file = gets_old_file;
            let fate = |number| fates.get(&number).copied().unwrap_or(Fate::There);
            let outcome = model.clone().proceed(&mut request, fate);
            ways.push((request, outcome));
        }
    }
    ways
}

/// Every way to give each of these one of the fates.
fn combinations(numbers: &[u64], fates: &[Fate]) -> Vec<BTreeMap<u64, Fate>> {
    let mut all = vec![BTreeMap::new()];
    for number in numbers {
        let with = |one: &BTreeMap<u64, Fate>| {
            let one = one.clone();
            fates.iter().map(move |fate| {
                let mut one = one.clone();
                one.insert(*number, *fate);
                one
            })
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// An answer, in the model's terms.
fn reply(answer: &Answer) -> Reply {
    let header = |name| answer.header(name).map(str::to_owned);
    let reason = match answer.header("pagewire-reason") {
        Some("gone") => "gone",
        Some("failure") => "failure",
        Some(other) => panic!("nobody expects {other}: {answer:?}"),
        None => "",
    };
    let skipped: BTreeSet<_> = [header("pagewire-skipped")].into_iter().flatten().collect();
    Reply {
        status: answer.status,
        body: (answer.status == 200).then(|| answer.text()),
        blamed: header("pagewire-plugin").map(|plugin| (plugin, reason)),
        skipped: skipped
            .iter()
            .flat_map(|names| names.split(", "))
            .map(str::to_owned)
            .collect(),
    }
}
