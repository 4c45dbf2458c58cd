//! Steps of a walk that concern plugins: they connect, open hooks, change filters and disappear.

use super::actor::{Actor, Report, Tell};
use super::expect::{Act, CONFIGURED, Fate, Hook, HookKind, KINDS, Outcome, Phase, Request};
use super::requests::{combinations, ways};
use super::{PATHS, PLUGINS, PREFIXES, Tally, Waiting, Walk};
use crate::support::within;
use pagewire_client::PluginInfo;
use pagewire_client::proto::plugin::State;
use std::collections::BTreeMap;

impl Walk {
    /// A plugin that is there, by name.
    pub fn any_actor(&mut self) -> Option<String> {
        let names: Vec<_> = self.actors.keys().cloned().collect();
        (!names.is_empty()).then(|| self.random.pick(&names))
    }

    pub fn hooks_of(&self, plugin: &str) -> Vec<Hook> {
        let hooks = self.model.hooks.values();
        hooks
            .filter(|hook| hook.plugin == plugin)
            .cloned()
            .collect()
    }

    pub async fn tell(&mut self, plugin: &str, what: Tell) -> Report {
        let actor = self.actors.get_mut(plugin).expect("it is there");
        actor.tell(what).await
    }

    /// A plugin comes, or takes the place of the one that has its name, or finds the name taken.
    pub async fn come(&mut self) {
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

    pub fn any_hook(&mut self, plugin: &str, kind: HookKind) -> Hook {
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

    pub async fn open(&mut self, hook: Hook) {
        self.note(format!("{hook:?} is opened"));
        let done = self
            .tell(&hook.plugin.clone(), Tell::Open(hook.clone()))
            .await;
        assert_eq!(done, Report::Done);
        self.model.hooks.insert(hook.number, hook);
    }

    pub async fn open_or_withdraw(&mut self) {
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

    pub async fn withdraw(&mut self, hook: Hook) {
        self.note(format!("h{} of {} is withdrawn", hook.number, hook.plugin));
        let done = self.tell(&hook.plugin, Tell::Withdraw(hook.kind)).await;
        assert_eq!(done, Report::Done);
        self.gone(&[hook.number]).await;
    }

    pub async fn update(&mut self) {
        let hooks: Vec<_> = self.model.hooks.values().cloned().collect();
        if hooks.is_empty() {
            return;
        }
        let hook = self.random.pick(&hooks);
        let prefixes = self.random.some(&PREFIXES);
        self.update_to(&hook, prefixes).await;
    }

    pub async fn update_to(&mut self, hook: &Hook, prefixes: Vec<&str>) {
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
    pub async fn lose_plugin(&mut self) {
        let Some(plugin) = self.any_actor() else {
            return;
        };
        self.check_calls().await;
        self.end_plugin(&plugin).await;
        self.lost(&plugin).await;
    }

    pub async fn end_plugin(&mut self, plugin: &str) {
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

    pub async fn listed(&self, plugin: &str) -> Option<PluginInfo> {
        let list = self.client.plugins().await.expect("a list");
        list.into_iter().find(|listed| listed.plugin_name == plugin)
    }

    /// All that a plugin had is gone.
    pub async fn lost(&mut self, plugin: &str) {
        let numbers: Vec<_> = self
            .hooks_of(plugin)
            .iter()
            .map(|hook| hook.number)
            .collect();
        self.gone(&numbers).await;
    }

    /// Hooks are gone: exactly the requests that they held are lost, or go on without them.
    pub async fn gone(&mut self, numbers: &[u64]) {
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

    pub fn tally(&mut self, plugin: &str) -> &mut Tally {
        self.tallies.entry(plugin.to_owned()).or_default()
    }

    /// A plugin sends results that nobody waits for.
    pub async fn babble(&mut self) {
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

    pub fn judged(&mut self, plugin: &str, act: Act) {
        let tally = self.tally(plugin);
        match act {
            Act::Skip { .. } => tally.passes += 1,
            Act::Fail => tally.failures += 1,
            Act::Answer { .. } | Act::Hold => {}
        }
    }

    /// The plugins that are there have been asked what the model says, and nothing else.
    pub async fn check_calls(&mut self) {
        let mut expected = std::mem::take(&mut self.calls);
        expected.retain(|(number, _)| self.model.hooks.contains_key(number));
        let mut called = self.take_calls().await;
        called.retain(|(number, _)| self.model.hooks.contains_key(number));
        called.sort();
        expected.sort();
        assert_eq!(called, expected, "other hooks were called");
    }

    /// What the plugins that are there say of the calls they had.
    pub async fn take_calls(&mut self) -> Vec<(u64, String)> {
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
}
