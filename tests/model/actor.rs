//! A plugin that does what it is told: as a process of its own, or behind a connection that can break.

use super::expect::{Act, Hook, HookKind, Phase, mark, served, specifier};
use crate::support::{Cut, ModuleHook, Relay, module_hook};
use crate::support::{
    Hook as _, ResolveImport, Said, Serve, Session, TestServer, Transform, within,
};
use pagewire_client::proto::{self, RequestFilter, ServerStartRequest};
use pagewire_client::{Client, Endpoint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Set in a process that is to be a plugin: what it says of itself, as JSON.
const ACT_AS: &str = "TEST_ACTOR";

/// Who a plugin is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    name: String,
    replaces: bool,
}

/// What a plugin is told.
#[derive(Debug, Serialize, Deserialize)]
pub enum Tell {
    Open(Hook),
    Withdraw(HookKind),
    Update(HookKind, Vec<String>),
    /// What to do with the call that it holds for this target.
    Release(HookKind, String, Act),
    /// To send a result that nobody waits for.
    Babble(HookKind),
    /// To say which calls it had since it said so last.
    Calls,
}

/// What it says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// Its session is open, or refused for this reason.
    Came(Result<(), String>),
    Done,
    /// It holds a call: the hook's number, and the target.
    Holds(u64, String),
    /// The hooks that were called, with the target.
    Calls(Vec<(u64, String)>),
}

#[tokio::test]
async fn acts_as_a_plugin() {
    let Ok(role) = std::env::var(ACT_AS) else {
        return;
    };
    let role = serde_json::from_str(&role).expect("a role");
    let endpoint = Endpoint::from_env().expect("an endpoint");
    play(role, endpoint, tokio::io::stdin(), tokio::io::stdout()).await;
}

/// A plugin that is told what to do, seen from the test.
pub struct Actor {
    home: Home,
    tell: Box<dyn AsyncWrite + Send + Unpin>,
    reports: mpsc::UnboundedReceiver<Report>,
}

enum Home {
    Process(Child),
    Wire(Relay),
}

impl Actor {
    /// Starts one, as a process or behind a relay; gives what became of its session. What it holds goes to
    /// `holds`.
    pub async fn start(
        server: &TestServer,
        name: &str,
        replaces: bool,
        is_process: bool,
        holds: mpsc::UnboundedSender<(u64, String)>,
    ) -> Result<Self, String> {
        let role = Role {
            name: name.to_owned(),
            replaces,
        };
        let (sender, reports) = mpsc::unbounded_channel();
        let mut actor = if is_process {
            let mut child = Command::new(std::env::current_exe().expect("this binary"))
                .args(["--exact", "model::actor::acts_as_a_plugin", "--nocapture"])
                .env(ACT_AS, serde_json::to_string(&role).expect("JSON"))
                .env("PAGEWIRE_ENDPOINT", server.control())
                .env("PAGEWIRE_TOKEN", &server.token)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .expect("it starts");
            tokio::spawn(hear(child.stdout.take().expect("piped"), sender, holds));
            Self {
                tell: Box::new(child.stdin.take().expect("piped")),
                home: Home::Process(child),
                reports,
            }
        } else {
            let relay = Relay::start(server.control()).await;
            let endpoint = relay.endpoint(&server.token);
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let (input, output) = tokio::io::split(theirs);
            tokio::spawn(play(role, endpoint, input, output));
            let (said, tell) = tokio::io::split(ours);
            tokio::spawn(hear(said, sender, holds));
            Self {
                tell: Box::new(tell),
                home: Home::Wire(relay),
                reports,
            }
        };
        match actor.report().await {
            Report::Came(Ok(())) => Ok(actor),
            Report::Came(Err(reason)) => Err(reason),
            other => panic!("expected a session, got {other:?}"),
        }
    }

    /// Tells it something, and waits until it is done.
    pub async fn tell(&mut self, what: Tell) -> Report {
        let line = serde_json::to_string(&what).expect("JSON") + "\n";
        let told = self.tell.write_all(line.as_bytes()).await;
        told.expect("a plugin that listens");
        self.tell.flush().await.expect("a plugin that listens");
        self.report().await
    }

    /// By SIGKILL, or by the end of its connection.
    pub async fn kill(mut self) {
        match &mut self.home {
            Home::Process(child) => child.kill().await.expect("it ran"),
            Home::Wire(relay) => relay.cut_after(0, Cut::Reset),
        }
        // Has the task end, too.
        let _ = self.tell.shutdown().await;
    }

    /// Ends as a program does that is done: its input ends, and it closes what it has.
    pub async fn leave(self) {
        let Self { home, mut tell, .. } = self;
        tell.shutdown().await.expect("a plugin that listens");
        drop(tell);
        if let Home::Process(mut child) = home {
            let status = within("the plugin's end", child.wait()).await;
            assert!(status.expect("it ends").success());
        }
    }

    async fn report(&mut self) -> Report {
        let report = within("a report of the plugin", self.reports.recv()).await;
        report.expect("a plugin that is there")
    }
}

/// Hears what a plugin says, between the lines of the test runner.
async fn hear(
    said: impl AsyncRead + Unpin,
    reports: mpsc::UnboundedSender<Report>,
    holds: mpsc::UnboundedSender<(u64, String)>,
) {
    let mut lines = BufReader::new(said).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((_, json)) = line.split_once("> ") else {
            continue;
        };
        // Nobody hears it once the walk is over.
        let _ = match serde_json::from_str(json).expect("a report") {
            Report::Holds(number, target) => holds.send((number, target)).is_ok(),
            report => reports.send(report).is_ok(),
        };
    }
}

/// What a plugin knows of itself.
#[derive(Clone)]
struct Stage {
    state: Arc<Mutex<State>>,
    out: mpsc::UnboundedSender<Report>,
}

#[derive(Default)]
struct State {
    calls: Vec<(u64, String)>,
    /// Answers what is held, once.
    held: BTreeMap<(HookKind, String), Release>,
}

type Release = Box<dyn FnOnce(Act) -> Sending + Send>;
type Sending = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Stage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, report: Report) {
        self.out.send(report).expect("the writer is there");
    }
}

/// The senders of the open hooks.
#[derive(Default)]
struct Open {
    serve: Option<mpsc::Sender<proto::ServeRequest>>,
    transform: Option<mpsc::Sender<proto::TransformRequest>>,
    resolve: Option<mpsc::Sender<proto::ResolveImportRequest>>,
}

async fn play(
    role: Role,
    endpoint: Endpoint,
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin + Send + 'static,
) {
    let (out, mut reports) = mpsc::unbounded_channel::<Report>();
    let writing = tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            let line = format!("> {}\n", serde_json::to_string(&report).expect("JSON"));
            if output.write_all(line.as_bytes()).await.is_err() || output.flush().await.is_err() {
                return;
            }
        }
    });
    let stage = Stage {
        state: Arc::default(),
        out,
    };
    let client = Client::connect(endpoint).await.expect("a daemon");
    let request = ServerStartRequest {
        plugin_name: role.name,
        replace_existing: role.replaces,
        hooks: [Serve::HOOK, Transform::HOOK, ResolveImport::HOOK]
            .map(Into::into)
            .to_vec(),
        ..Default::default()
    };
    let mut session = match Session::over(client, request).await {
        Ok(session) => session,
        Err(status) => {
            let reason = pagewire_client::Error::from(status)
                .reason()
                .map(str::to_owned);
            stage.say(Report::Came(Err(reason.unwrap_or_default())));
            drop(stage);
            return writing.await.expect("no panic");
        }
    };
    stage.say(Report::Came(Ok(())));
    let mut open = Open::default();
    let mut lines = BufReader::new(input).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        obey(
            serde_json::from_str(&line).expect("an order"),
            &mut session,
            &mut open,
            &stage,
        )
        .await;
    }
}

async fn obey(tell: Tell, session: &mut Session, open: &mut Open, stage: &Stage) {
    use HookKind::{Resolve, Serve as ServeKind, Transform as TransformKind};
    match tell {
        Tell::Open(hook) => match hook.kind {
            ServeKind => open.serve = Some(attend::<Serve>(session, hook, stage).await),
            TransformKind => open.transform = Some(attend::<Transform>(session, hook, stage).await),
            Resolve => open.resolve = Some(attend::<ResolveImport>(session, hook, stage).await),
        },
        // It is done once the daemon has ended its side.
        Tell::Withdraw(ServeKind) => drop(open.serve.take()),
        Tell::Withdraw(TransformKind) => drop(open.transform.take()),
        Tell::Withdraw(Resolve) => drop(open.resolve.take()),
        // It is done once they are in force.
        Tell::Update(ServeKind, prefixes) => {
            say::<Serve>(open.serve.as_ref(), Serve::update_to(prefixes)).await
        }
        Tell::Update(TransformKind, prefixes) => {
            say::<Transform>(open.transform.as_ref(), Transform::update_to(prefixes)).await;
        }
        Tell::Update(Resolve, prefixes) => {
            say::<ResolveImport>(open.resolve.as_ref(), ResolveImport::update_to(prefixes)).await;
        }
        Tell::Release(kind, target, act) => {
            let held = stage.state().held.remove(&(kind, target));
            held.expect("it holds that call")(act).await;
            stage.say(Report::Done);
        }
        Tell::Babble(kind) => {
            match kind {
                ServeKind => say::<Serve>(open.serve.as_ref(), Serve::result(4711, None)).await,
                TransformKind => {
                    say::<Transform>(open.transform.as_ref(), Transform::result(4711, None)).await
                }
                Resolve => {
                    say::<ResolveImport>(open.resolve.as_ref(), ResolveImport::result(4711, None))
                        .await
                }
            }
            stage.say(Report::Done);
        }
        Tell::Calls => {
            let calls = std::mem::take(&mut stage.state().calls);
            stage.say(Report::Calls(calls));
        }
    }
}

async fn say<K: Acts>(sender: Option<&mpsc::Sender<K::Request>>, message: K::Request) {
    let sender = sender.expect("the hook is open");
    // The daemon may have ended it a moment ago.
    let _ = sender.send(message).await;
}

/// Opens a hook, and has its calls answered from now on.
async fn attend<K: Acts>(
    session: &mut Session,
    hook: Hook,
    stage: &Stage,
) -> mpsc::Sender<K::Request> {
    let opened = session
        .hook::<K>(K::opening_of(&hook))
        .await
        .expect("a hook");
    let (sender, mut responses) = (opened.sender.downgrade(), opened.responses);
    let (stage_of_calls, kind) = (stage.clone(), hook.kind);
    tokio::spawn(async move {
        let stage = stage_of_calls;
        while let Ok(Some(response)) = responses.message().await {
            match K::said(response) {
                Some(Said::Call(call)) => {
                    let target = K::target(&call);
                    let path = target.split('?').next().unwrap_or_default();
                    let act = hook.act(path);
                    stage.state().calls.push((hook.number, target.clone()));
                    let Some(sender) = sender.upgrade() else {
                        continue;
                    };
                    if act != Act::Hold {
                        let outcome = K::outcome(&call, act, hook.number);
                        let _ = sender
                            .send(K::result(K::call_id(&call), Some(outcome)))
                            .await;
                        continue;
                    }
                    let (weak, number) = (sender.downgrade(), hook.number);
                    let release = move |act| -> Sending {
                        Box::pin(async move {
                            let outcome = K::outcome(&call, act, number);
                            if let Some(sender) = weak.upgrade() {
                                let _ = sender
                                    .send(K::result(K::call_id(&call), Some(outcome)))
                                    .await;
                            }
                        })
                    };
                    stage
                        .state()
                        .held
                        .insert((kind, target.clone()), Box::new(release));
                    stage.say(Report::Holds(hook.number, target));
                }
                Some(Said::FiltersUpdated) => stage.say(Report::Done),
                Some(Said::Opened | Said::Cancel(_)) | None => {}
            }
        }
        // Withdrawn, and the daemon agrees; or there is nobody any more who would hear it.
        if sender.upgrade().is_none() {
            let _ = stage.out.send(Report::Done);
        }
    });
    stage.say(Report::Done);
    opened.sender
}

/// How the three kinds of hooks do what they are told.
trait Acts: ModuleHook {
    fn opening_of(hook: &Hook) -> Self::Open {
        Self::opening(vec![below(&hook.prefixes)], Some(options(hook)))
    }

    fn update_to(prefixes: Vec<String>) -> Self::Request {
        Self::update(vec![below(&prefixes)])
    }

    /// Path and query of the request that a call is about.
    fn target(call: &Self::Call) -> String;

    fn outcome(call: &Self::Call, act: Act, number: u64) -> Self::Outcome;
}

fn options(hook: &Hook) -> proto::HookOptions {
    let mode = if hook.may_be_skipped {
        proto::FailureMode::Skip
    } else {
        proto::FailureMode::Fail
    };
    // Longer than any walk has it held.
    module_hook::options(mode, 60_000)
}

fn below(prefixes: &[String]) -> RequestFilter {
    RequestFilter {
        path_prefixes: prefixes.to_vec(),
        ..Default::default()
    }
}

fn target(request: Option<&proto::RequestContext>) -> String {
    request.expect("a request").raw_target.clone()
}

impl Acts for Serve {
    fn opening_of(hook: &Hook) -> proto::ServeOpen {
        let phase = match hook.phase {
            Phase::First => proto::ServePhase::First,
            Phase::BeforeFiles => proto::ServePhase::BeforeFiles,
            Phase::AfterFiles => proto::ServePhase::AfterFiles,
        };
        proto::ServeOpen {
            phase: phase.into(),
            ..Self::opening(vec![below(&hook.prefixes)], Some(options(hook)))
        }
    }

    fn target(call: &proto::ServeCall) -> String {
        target(call.request.as_ref())
    }

    fn outcome(_: &proto::ServeCall, act: Act, number: u64) -> Self::Outcome {
        use proto::serve_result::Outcome;
        match act {
            Act::Answer { remember } => {
                let Outcome::Content(content) = Self::answer(&served(number)) else {
                    unreachable!("an answer is content");
                };
                Outcome::Content(proto::ServeContent {
                    remember,
                    ..content
                })
            }
            Act::Skip { remember } => Outcome::Skip(proto::Skip { remember }),
            Act::Fail | Act::Hold => Self::failure(422),
        }
    }
}

impl Acts for Transform {
    fn target(call: &proto::TransformCall) -> String {
        target(call.request.as_ref())
    }

    fn outcome(call: &proto::TransformCall, act: Act, number: u64) -> Self::Outcome {
        use proto::transform_result::Outcome;
        match act {
            Act::Answer { remember } => Outcome::Content(proto::TransformContent {
                body: Some([&call.body[..], mark(number).as_bytes()].concat().into()),
                no_cache: !remember,
                ..Default::default()
            }),
            Act::Skip { .. } => Self::skip(),
            Act::Fail | Act::Hold => Self::failure(422),
        }
    }
}

impl Acts for ResolveImport {
    fn target(call: &proto::ResolveImportCall) -> String {
        target(call.importer.as_ref())
    }

    fn outcome(call: &proto::ResolveImportCall, act: Act, number: u64) -> Self::Outcome {
        use proto::resolve_import_result::Outcome;
        let (specifier, remember) = match act {
            Act::Answer { remember } => (specifier(number), remember),
            Act::Skip { remember } => (String::new(), remember),
            Act::Fail | Act::Hold => return Self::failure(422),
        };
        Outcome::Resolved(proto::ResolvedImports {
            specifiers: vec![specifier; call.imports.len()],
            no_cache: !remember,
            ..Default::default()
        })
    }
}
