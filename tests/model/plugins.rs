//! Plugin steps of a walk: plugins connect, open hooks, change filters and disappear.

use super::actor::{Actor, Instruction, Report};
use super::oracle::{Action, CONFIGURED, Fate, Hook, HookKind, KINDS, Outcome, Phase, Request};
use super::requests::{assignments, continuations};
use super::{CallCounters, HeldRequest, PATHS, PLUGINS, PREFIXES, Walk};
use crate::support::within;
use pagewire_client::PluginInfo;
use pagewire_client::proto::plugin::State;
use std::collections::BTreeMap;

impl Walk {
    /// Returns the name of a connected plugin.
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

    pub async fn instruct(&mut self, plugin: &str, what: Instruction) -> Report {
        let actor = self.actors.get_mut(plugin).expect("a connected plugin");
        actor.instruct(what).await
    }

    /// Connects a plugin, replaces the one of the same name, or finds the name taken.
    pub async fn connect_plugin(&mut self) {
        let name = self.random.pick(&PLUGINS);
        let is_there = self.actors.contains_key(name);
        let replaces = is_there && self.random.percent(50);
        let is_process = self.random.percent(30);
        self.note(format!(
            "{name} connects, replaces: {replaces}, is a process: {is_process}"
        ));
        self.check_calls().await;
        let hold_sender = self.hold_sender.clone();
        let outcome = Actor::start(&self.server, name, replaces, is_process, hold_sender).await;
        if is_there && !replaces {
            assert_eq!(outcome.err().as_deref(), Some("PLUGIN_NAME_TAKEN"));
            return;
        }
        let actor = outcome.expect("a session");
        if replaces {
            let replaced = self.actors.remove(name).expect("a connected plugin");
            self.counters_of(name).is_inexact = true;
            self.lose_hooks_of(name).await;
            replaced.exit().await;
        }
        if !CONFIGURED.contains(&name) {
            self.counters.remove(name);
        }
        self.counters.entry(name.to_owned()).or_default();
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
        let mut actions = BTreeMap::new();
        for path in PATHS {
            let cache = random.percent(40);
            let act = match random.below(10) {
                0..4 => Action::Content { cache },
                4..7 => Action::Skip { cache },
                7 => Action::Fail,
                _ => Action::Hold,
            };
            actions.insert(path.to_owned(), act);
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
            actions,
            number: self.number(),
        }
    }

    pub async fn open(&mut self, hook: Hook) {
        self.note(format!("{hook:?} is opened"));
        let done = self
            .instruct(&hook.plugin.clone(), Instruction::Open(hook.clone()))
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
        let done = self
            .instruct(&hook.plugin, Instruction::Withdraw(hook.kind))
            .await;
        assert_eq!(done, Report::Done);
        self.lose_hooks(&[hook.number]).await;
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
        let update = Instruction::Update(hook.kind, prefixes.clone());
        assert_eq!(self.instruct(&hook.plugin, update).await, Report::Done);
        let changed = self.model.hooks.get_mut(&hook.number);
        changed.expect("it is open").prefixes = prefixes;
        self.model
            .cached
            .retain(|(number, ..)| *number != hook.number);
    }

    /// Kills a plugin or lets it exit.
    pub async fn lose_plugin(&mut self) {
        let Some(plugin) = self.any_actor() else {
            return;
        };
        self.check_calls().await;
        self.end_plugin(&plugin).await;
        self.lose_hooks_of(&plugin).await;
    }

    pub async fn end_plugin(&mut self, plugin: &str) {
        let is_killed = self.random.percent(70);
        self.note(format!("{plugin} ends, is killed: {is_killed}"));
        let actor = self.actors.remove(plugin).expect("a connected plugin");
        // Its last result may never have arrived.
        self.counters_of(plugin).is_inexact = true;
        if is_killed {
            actor.kill().await;
        } else {
            actor.exit().await;
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

    /// Applies the loss of everything that a plugin had.
    pub async fn lose_hooks_of(&mut self, plugin: &str) {
        let numbers: Vec<_> = self
            .hooks_of(plugin)
            .iter()
            .map(|hook| hook.number)
            .collect();
        self.lose_hooks(&numbers).await;
    }

    /// Applies the loss of hooks: exactly the requests that they held fail or continue without them.
    pub async fn lose_hooks(&mut self, numbers: &[u64]) {
        let before = self.model.clone();
        for number in numbers {
            self.model.hooks.remove(number);
        }
        self.model
            .cached
            .retain(|(number, ..)| !numbers.contains(number));
        let is_lost = |held_requests: &HeldRequest| numbers.contains(&held_requests.holder.number);
        let (lost, held_requests) = std::mem::take(&mut self.held_requests)
            .into_iter()
            .partition(is_lost);
        self.held_requests = held_requests;
        let lost: Vec<HeldRequest> = lost;
        // The daemon may notice the end of one hook a moment before the others.
        let fates = assignments(numbers, &[Fate::Gone, Fate::Lost]);
        for HeldRequest {
            requests,
            holder,
            response,
        } in lost
        {
            self.counters_of(&holder.plugin).failures += 1;
            let go_on = |mut request: Request| match request.lost(&holder) {
                Some(reply) => vec![(request, Outcome::Reply(reply))],
                None => continuations(&before, &request, &fates),
            };
            let continuations = requests.into_iter().flat_map(go_on).collect();
            self.settle(continuations, response).await;
        }
    }

    pub fn counters_of(&mut self, plugin: &str) -> &mut CallCounters {
        self.counters.entry(plugin.to_owned()).or_default()
    }

    /// Makes a plugin send a result for an unknown call.
    pub async fn send_late_result(&mut self) {
        let hooks: Vec<_> = self.model.hooks.values().cloned().collect();
        if hooks.is_empty() {
            return;
        }
        let hook = self.random.pick(&hooks);
        self.note(format!("{} sends a late result", hook.plugin));
        assert_eq!(
            self.instruct(&hook.plugin, Instruction::LateResult(hook.kind))
                .await,
            Report::Done
        );
        self.counters_of(&hook.plugin).late += 1;
    }

    pub fn count_action(&mut self, plugin: &str, act: Action) {
        let tally = self.counters_of(plugin);
        match act {
            Action::Skip { .. } => tally.passes += 1,
            Action::Fail => tally.failures += 1,
            Action::Content { .. } | Action::Hold => {}
        }
    }

    /// Asserts that the connected plugins have received exactly the calls of the model.
    pub async fn check_calls(&mut self) {
        let mut expected = std::mem::take(&mut self.calls);
        expected.retain(|(number, _)| self.model.hooks.contains_key(number));
        let mut called = self.take_calls().await;
        called.retain(|(number, _)| self.model.hooks.contains_key(number));
        called.sort();
        expected.sort();
        assert_eq!(called, expected, "other hooks were called");
    }

    /// Collects the calls that the connected plugins have received.
    pub async fn take_calls(&mut self) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        let names: Vec<_> = self.actors.keys().cloned().collect();
        for plugin in names {
            let Report::Calls(calls) = self.instruct(&plugin, Instruction::Calls).await else {
                panic!("{plugin} did not report its calls");
            };
            for (number, target) in &calls {
                self.counters_of(&plugin).calls += 1;
                let path = target.split('?').next().unwrap_or_default();
                if let Some(act) = self.model.hooks.get(number).map(|hook| hook.act(path)) {
                    self.count_action(&plugin, act);
                } else {
                    self.counters_of(&plugin).is_inexact = true;
                }
            }
            all.extend(calls);
        }
        all
    }
}
