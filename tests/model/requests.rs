//! Steps of a walk that concern requests: they are sent, held, released, and compared with the model.

use super::actor::{Report, Tell};
use super::expect::{Act, Fate, Hook, KINDS, Model, Outcome, Reply, Request};
use super::{PATHS, PREFIXES, Waiting, Walk};
use crate::support::{Answer, within};
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::JoinHandle;

impl Walk {
    /// One request: its answer, and who was asked for it, are exactly those of the model.
    pub async fn request(&mut self) {
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
    pub async fn release(&mut self) {
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

    pub async fn release_with(&mut self, at: usize, act: Act) {
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
    pub async fn settle(&mut self, ways: Vec<(Request, Outcome)>, mut answer: JoinHandle<Answer>) {
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

    /// Many requests at once, while something changes: each has the answer from before or from after, and
    /// one that a plugin held when it was lost is lost, or goes on without it.
    pub async fn burst(&mut self) {
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
pub fn ways(
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
pub fn combinations(numbers: &[u64], fates: &[Fate]) -> Vec<BTreeMap<u64, Fate>> {
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
