//! The model: which hooks are open, what each makes of which path, and what a request gets for it.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The plugins that the configuration names, in its order; others come after them, by phase and name.
pub const CONFIGURED: [&str; 2] = ["zeta", "beta"];

/// Kinds of hooks, in the order in which a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookKind {
    Serve,
    Transform,
    Resolve,
}

pub const KINDS: [HookKind; 3] = [HookKind::Serve, HookKind::Transform, HookKind::Resolve];

/// What a hook does about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Makes something of it, which bears the hook's mark.
    Answer {
        remember: bool,
    },
    Skip {
        remember: bool,
    },
    /// Reports a failure, with status 422.
    Fail,
    /// Says nothing until it is told what.
    Hold,
}

/// When a serve hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    First,
    BeforeFiles,
    AfterFiles,
}

/// An open hook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hook {
    /// Its own for ever; it marks what the hook makes.
    pub number: u64,
    pub plugin: String,
    pub kind: HookKind,
    pub prefixes: Vec<String>,
    /// Its failure mode is SKIP.
    pub may_be_skipped: bool,
    pub phase: Phase,
    /// By path; others are skipped.
    pub acts: BTreeMap<String, Act>,
}

impl Hook {
    fn wants(&self, path: &str) -> bool {
        self.prefixes
            .iter()
            .any(|prefix| path.starts_with(prefix.as_str()))
    }

    pub fn act(&self, path: &str) -> Act {
        let act = self.acts.get(path).copied();
        act.unwrap_or(Act::Skip { remember: false })
    }

    fn rank(&self) -> impl Ord {
        let place = CONFIGURED.iter().position(|name| *name == self.plugin);
        let phase = match self.kind {
            HookKind::Serve => self.phase,
            _ => Phase::BeforeFiles,
        };
        (
            phase != Phase::First,
            place.unwrap_or(usize::MAX),
            phase,
            self.plugin.clone(),
        )
    }
}

/// What a hook that serves makes: a module, so that there is something to resolve.
pub fn served(number: u64) -> String {
    format!("import 'x'; // h{number}\n")
}

/// What a hook that transforms puts behind a body.
pub fn mark(number: u64) -> String {
    format!("// h{number}\n")
}

/// What a hook that resolves has for every import.
pub fn specifier(number: u64) -> String {
    format!("/h{number}.js")
}

/// What is known of the daemon.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub hooks: BTreeMap<u64, Hook>,
    /// What the file system has, by URL path.
    pub files: BTreeMap<String, String>,
    /// Questions that were answered and are not asked again: the hook's number, the request's target
    /// and the body that it was asked about.
    pub kept: BTreeSet<(u64, String, String)>,
}

/// How a changing hook is met by a request that is under way meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    There,
    /// It is gone while it holds the request.
    Lost,
    /// It is not asked.
    Gone,
}

/// What a page gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// None = a page of the daemon's own.
    pub body: Option<String>,
    /// The plugin that failed, and its reason.
    pub blamed: Option<(String, &'static str)>,
    /// Plugins that were passed over because of their failure mode.
    pub skipped: Vec<String>,
}

/// How far a request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Reply(Reply),
    /// This hook holds it.
    Held(u64),
}

/// A request on its way: plain data, so that it can wait and go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    /// With its query.
    pub target: String,
    stage: HookKind,
    /// The file that was there when it was sent. While a plugin is asked about a request, the daemon may
    /// hold the file already.
    sent_with: Option<String>,
    /// It gets that one.
    pub gets_old_file: bool,
    /// Hooks of this stage that are still to be asked.
    ahead: Vec<u64>,
    /// What there is so far.
    body: Option<String>,
    skipped: Vec<String>,
    /// The hooks that were asked.
    pub calls: Vec<u64>,
}

impl Model {
    /// The hooks of a kind that want a path, in resolved order.
    fn order(&self, kind: HookKind, path: &str) -> Vec<u64> {
        let hooks = self.hooks.values();
        let mut wanting: Vec<&Hook> = hooks
            .filter(|hook| hook.kind == kind && hook.wants(path))
            .collect();
        wanting.sort_by_key(|hook| hook.rank());
        // A file keeps the last phase out of it.
        let is_file = self.files.contains_key(path);
        let is_due = |hook: &&Hook| !(is_file && hook.phase == Phase::AfterFiles);
        let numbers = |hooks: Vec<&Hook>| hooks.iter().map(|hook| hook.number).collect();
        if kind == HookKind::Serve {
            let (last, first): (Vec<_>, Vec<_>) = wanting
                .into_iter()
                .filter(is_due)
                .partition(|hook| hook.phase == Phase::AfterFiles);
            return numbers([first, last].concat());
        }
        numbers(wanting)
    }

    /// A request that is sent now.
    pub fn request(&self, path: &str, query: &str) -> Request {
        Request {
            path: path.to_owned(),
            target: format!("{path}{query}"),
            stage: HookKind::Serve,
            sent_with: self.files.get(path).cloned(),
            gets_old_file: false,
            ahead: self.order(HookKind::Serve, path),
            body: None,
            skipped: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// What becomes of a request from where it is: what the contract promises, in one function.
    pub fn proceed(&mut self, request: &mut Request, fate: impl Fn(u64) -> Fate) -> Outcome {
        loop {
            while let Some(number) = request.next() {
                let Some(hook) = self.hooks.get(&number) else {
                    continue;
                };
                let is_resolved = |body: &String| !body.contains("'x'");
                if request.stage == HookKind::Resolve
                    && request.body.as_ref().is_some_and(is_resolved)
                {
                    continue;
                }
                match fate(number) {
                    Fate::There => {}
                    Fate::Gone => continue,
                    Fate::Lost => match request.lost(hook) {
                        Some(reply) => return Outcome::Reply(reply),
                        None => continue,
                    },
                }
                let act = hook.act(&request.path);
                let about = request.body.clone().unwrap_or_default();
                let key = (number, request.target.clone(), about);
                if !self.kept.contains(&key) {
                    request.calls.push(number);
                    if is_kept(request.stage, act) {
                        self.kept.insert(key);
                    }
                }
                if act == Act::Hold {
                    return Outcome::Held(number);
                }
                if let Some(reply) = request.acted(hook, act) {
                    return Outcome::Reply(reply);
                }
            }
            match request.stage {
                HookKind::Serve => {
                    let file = if request.gets_old_file {
                        request.sent_with.clone()
                    } else {
                        self.files.get(&request.path).cloned()
                    };
                    request.body = request.body.take().or(file);
                    if request.body.is_none() {
                        return Outcome::Reply(request.reply(404));
                    }
                    request.enter(HookKind::Transform, self);
                }
                HookKind::Transform if request.is_module() => {
                    request.enter(HookKind::Resolve, self);
                }
                HookKind::Transform | HookKind::Resolve => {
                    return Outcome::Reply(request.reply(200));
                }
            }
        }
    }
}

/// Whether the daemon says the same again by itself. What a transform has to leave alone it is never asked
/// about again.
fn is_kept(kind: HookKind, act: Act) -> bool {
    match act {
        Act::Skip { remember } => remember || kind == HookKind::Transform,
        Act::Answer { remember } => remember,
        Act::Fail | Act::Hold => false,
    }
}

impl Request {
    fn is_module(&self) -> bool {
        self.path.split('.').next_back() == Some("js")
    }

    fn next(&mut self) -> Option<u64> {
        (!self.ahead.is_empty()).then(|| self.ahead.remove(0))
    }

    fn enter(&mut self, stage: HookKind, model: &Model) {
        self.ahead = model.order(stage, &self.path);
        self.stage = stage;
    }

    /// The hook that holds it is gone: what the page gets, or none when the next one is asked.
    pub fn lost(&mut self, hook: &Hook) -> Option<Reply> {
        if hook.may_be_skipped {
            self.skipped.push(hook.plugin.clone());
            return None;
        }
        let blamed = Some((hook.plugin.clone(), "gone"));
        Some(Reply {
            blamed,
            body: None,
            ..self.reply(502)
        })
    }

    /// The hook has done this: what the page gets, or none when the request goes on.
    pub fn acted(&mut self, hook: &Hook, act: Act) -> Option<Reply> {
        match act {
            Act::Skip { .. } => {}
            Act::Hold => unreachable!("it is told what to do"),
            Act::Fail => {
                return Some(Reply {
                    blamed: Some((hook.plugin.clone(), "failure")),
                    body: None,
                    ..self.reply(422)
                });
            }
            Act::Answer { .. } => {
                let body = self.body.take().unwrap_or_default();
                self.body = Some(match hook.kind {
                    HookKind::Serve => {
                        self.ahead.clear();
                        served(hook.number)
                    }
                    HookKind::Transform => body + &mark(hook.number),
                    HookKind::Resolve => {
                        body.replace("'x'", &format!("'{}'", specifier(hook.number)))
                    }
                });
            }
        }
        None
    }

    fn reply(&self, status: u16) -> Reply {
        // An error tells of no one that was passed over in the stage that failed.
        Reply {
            status,
            body: self.body.clone(),
            blamed: None,
            skipped: self.skipped.clone(),
        }
    }
}
