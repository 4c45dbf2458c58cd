//! Request steps of a walk: requests are sent, held, released and compared with the model.

use super::actor::{Instruction, Report};
use super::oracle::{Action, Fate, Hook, KINDS, Model, Outcome, Reply, Request};
use super::{HeldRequest, PATHS, PREFIXES, Walk};
use crate::support::{HttpResponse, within};
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::JoinHandle;

impl Walk {
    /// Sends a request and asserts that its response and the calls for it are those of the model.
    pub async fn request(&mut self) {
        let path = self.random.pick(&PATHS);
        let mut request = self.model.request(path, "");
        let will_be_held = matches!(
            self.model.clone().proceed(&mut request, |_| Fate::Present),
            Outcome::Held(_)
        );
        // Identical concurrent requests may share a call, so the URL must differ.
        let query = if will_be_held {
            format!("?{}", self.number())
        } else {
            String::new()
        };
        let mut request = self.model.request(path, &query);
        self.note(format!("{} is requested", request.target));
        let response = tokio::spawn(self.server.get_detached(&request.target));
        let outcome = self.model.proceed(&mut request, |_| Fate::Present);
        self.settle(vec![(request, outcome)], response).await;
        self.check_calls().await;
    }

    /// Releases a held request with a random action.
    pub async fn release(&mut self) {
        if self.held_requests.is_empty() {
            return;
        }
        // No request waits for long.
        let at = match self.held_requests.len() {
            held_requests @ 0..4 => self.random.below(held_requests),
            _ => 0,
        };
        let actions = [
            Action::Content { cache: false },
            Action::Skip { cache: false },
            Action::Fail,
        ];
        let act = self.random.pick(&actions);
        self.release_with(at, act).await;
    }

    pub async fn release_with(&mut self, at: usize, act: Action) {
        let HeldRequest {
            requests,
            holder,
            response,
        } = self.held_requests.remove(at);
        let target = requests[0].target.clone();
        self.note(format!(
            "h{} is released for {target}: {act:?}",
            holder.number
        ));
        let release = Instruction::Release(holder.kind, target, act);
        assert_eq!(self.instruct(&holder.plugin, release).await, Report::Done);
        self.count_action(&holder.plugin, act);
        let go_on = |mut request: Request| match request.acted(&holder, act) {
            Some(reply) => vec![(request, Outcome::Reply(reply))],
            None => continuations(&self.model, &request, &[BTreeMap::new()]),
        };
        let continuations = requests.into_iter().flat_map(go_on).collect();
        self.settle(continuations, response).await;
        self.check_calls().await;
    }

    /// Awaits the request and asserts that it took one of the paths that the model allows.
    pub async fn settle(
        &mut self,
        continuations: Vec<(Request, Outcome)>,
        mut response: JoinHandle<HttpResponse>,
    ) {
        let target = continuations[0].0.target.clone();
        let what = format!("{target} to be answered or held: {:?}", continuations[0].1);
        let outcome = within(&what, async {
            loop {
                if let Some(held) = self.held.iter().find(|(_, held)| *held == target).cloned() {
                    self.held.remove(&held);
                    return Outcome::Held(held.0);
                }
                tokio::select! {
                    held = self.hold_receiver.recv() => {
                        self.held.insert(held.expect("the walk holds a sender"));
                    }
                    response = &mut response => return Outcome::Reply(reply(&response.expect("no panic"))),
                }
            }
        });
        let outcome = outcome.await;
        let expected: Vec<_> = continuations.iter().map(|(_, way)| way.clone()).collect();
        let matching = continuations.into_iter().filter(|(_, way)| *way == outcome);
        let mut requests: Vec<_> = matching.map(|(request, _)| request).collect();
        assert!(
            !requests.is_empty(),
            "{target}: {outcome:?} is not among {expected:?}"
        );
        let called = requests[0].calls.clone().into_iter();
        self.calls
            .extend(called.map(|number| (number, target.clone())));
        if let Outcome::Held(number) = outcome {
            for request in &mut requests {
                request.calls.clear();
            }
            requests.dedup();
            self.held_requests.push(HeldRequest {
                requests,
                holder: self.model.hooks[&number].clone(),
                response,
            });
        }
    }

    /// Sends many requests while something changes: each gets the response from before or after the
    /// change, and one that was held by a lost plugin fails or continues without it.
    pub async fn burst(&mut self) {
        self.check_calls().await;
        let before = self.model.clone();
        let Some(change) = self.any_change() else {
            return;
        };
        let mut requests = Vec::new();
        for _ in 0..8 {
            let path = self.random.pick(&PATHS);
            let query = format!("?{}", self.number());
            requests.push((path, query));
        }
        let is_held = |(path, query): &(&str, String)| {
            let allowed = change.allowed(&before, path, query);
            allowed
                .iter()
                .any(|outcome| matches!(outcome, Outcome::Held(_)))
        };
        requests.retain(|request| !is_held(request));
        self.note(format!("{} requests while {change:?}", requests.len()));
        let answers: Vec<_> = requests
            .iter()
            .map(|(path, query)| tokio::spawn(self.server.get_detached(&format!("{path}{query}"))))
            .collect();
        let lost = change.numbers();
        match &change {
            Change::Ends(plugin, _) => self.end_plugin(&plugin.clone()).await,
            Change::Opens(hook) => self.open(hook.clone()).await,
            Change::Updates(hook, prefixes) => self.update_to(hook, prefixes.clone()).await,
        }
        for ((path, query), response) in requests.iter().zip(answers) {
            let response = within("an answer", response).await.expect("no panic");
            let allowed = change.allowed(&before, path, query);
            let found = Outcome::Reply(reply(&response));
            assert!(
                allowed.contains(&found),
                "{path}{query}: {found:?} is not among {allowed:?}"
            );
        }
        if let Change::Ends(plugin, _) = &change {
            self.counters_of(plugin).is_inexact = true;
            self.lose_hooks(&lost).await;
        }
        // Discards the reported calls, because it is not known which plugin received which.
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
}

/// Change during a burst of requests.
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

    /// Returns every outcome that a request may have.
    fn allowed(&self, before: &Model, path: &str, query: &str) -> Vec<Outcome> {
        let mut after = before.clone();
        let fates: &[Fate] = match self {
            Self::Ends(..) => &[Fate::Present, Fate::Lost, Fate::Gone],
            Self::Opens(hook) => {
                after.hooks.insert(hook.number, hook.clone());
                &[Fate::Present, Fate::Gone]
            }
            Self::Updates(hook, prefixes) => {
                let hook = after.hooks.get_mut(&hook.number).expect("it is open");
                hook.prefixes = prefixes.iter().map(ToString::to_string).collect();
                &[Fate::Present]
            }
        };
        let mut allowed = Vec::new();
        for model in [before, &after] {
            for fates in assignments(&self.numbers(), fates) {
                let mut request = model.request(path, query);
                let fate = |number| fates.get(&number).copied().unwrap_or(Fate::Present);
                allowed.push(model.clone().proceed(&mut request, fate));
            }
        }
        allowed
    }
}

/// Returns the ways in which a held request may continue, if hooks meet with these fates.
pub fn continuations(
    model: &Model,
    request: &Request,
    fates: &[BTreeMap<u64, Fate>],
) -> Vec<(Request, Outcome)> {
    let mut continuations = Vec::new();
    for gets_old_file in [false, true] {
        for fates in fates {
            let mut request = request.clone();
            request.gets_old_file = gets_old_file;
            let fate = |number| fates.get(&number).copied().unwrap_or(Fate::Present);
            let outcome = model.clone().proceed(&mut request, fate);
            continuations.push((request, outcome));
        }
    }
    continuations
}

/// Returns every assignment of the fates to the numbers.
pub fn assignments(numbers: &[u64], fates: &[Fate]) -> Vec<BTreeMap<u64, Fate>> {
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

/// Converts a response to the model's terms.
fn reply(response: &HttpResponse) -> Reply {
    let header = |name| response.header(name).map(str::to_owned);
    let reason = match response.header("pagewire-reason") {
        Some("gone") => "gone",
        Some("failure") => "failure",
        Some(other) => panic!("unexpected reason {other}: {response:?}"),
        None => "",
    };
    let skipped: BTreeSet<_> = [header("pagewire-skipped")].into_iter().flatten().collect();
    Reply {
        status: response.status,
        body: (response.status == 200).then(|| response.text()),
        blamed: header("pagewire-plugin").map(|plugin| (plugin, reason)),
        skipped: skipped
            .iter()
            .flat_map(|names| names.split(", "))
            .map(str::to_owned)
            .collect(),
    }
}
