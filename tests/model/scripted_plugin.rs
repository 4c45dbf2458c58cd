//! The plugin side of a walk: carries out instructions and reports what happens.

use super::actor::{Instruction, Report, Role};
use super::oracle::{Action, Hook, HookKind, Phase, mark, served, specifier};
use crate::support::{
    Hook as _, HookMessage, ModuleHook, ResolveImport, Serve, Session, Transform, module_hook,
};
use pagewire_client::proto::{self, RequestFilter, ServerStartRequest};
use pagewire_client::{Client, Endpoint};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

/// State and report channel of a running plugin.
#[derive(Clone)]
struct Reporter {
    state: Arc<Mutex<State>>,
    out: mpsc::UnboundedSender<Report>,
}

#[derive(Default)]
struct State {
    calls: Vec<(u64, String)>,
    /// Answers each held call once.
    held: BTreeMap<(HookKind, String), Release>,
}

type Release = Box<dyn FnOnce(Action) -> Sending + Send>;
type Sending = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Reporter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, report: Report) {
        self.out.send(report).expect("a running writer");
    }
}

/// Senders of the open hook streams.
#[derive(Default)]
struct OpenHooks {
    serve: Option<mpsc::Sender<proto::ServeRequest>>,
    transform: Option<mpsc::Sender<proto::TransformRequest>>,
    resolve: Option<mpsc::Sender<proto::ResolveImportRequest>>,
}

pub async fn run_plugin(
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
    let reporter = Reporter {
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
            reporter.report(Report::Started(Err(reason.unwrap_or_default())));
            drop(reporter);
            return writing.await.expect("no panic");
        }
    };
    reporter.report(Report::Started(Ok(())));
    let mut open = OpenHooks::default();
    let mut lines = BufReader::new(input).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        carry_out(
            serde_json::from_str(&line).expect("an order"),
            &mut session,
            &mut open,
            &reporter,
        )
        .await;
    }
}

async fn carry_out(
    instruction: Instruction,
    session: &mut Session,
    open: &mut OpenHooks,
    reporter: &Reporter,
) {
    use HookKind::{Resolve, Serve as ServeKind, Transform as TransformKind};
    match instruction {
        Instruction::Open(hook) => match hook.kind {
            ServeKind => open.serve = Some(open_hook::<Serve>(session, hook, reporter).await),
            TransformKind => {
                open.transform = Some(open_hook::<Transform>(session, hook, reporter).await)
            }
            Resolve => {
                open.resolve = Some(open_hook::<ResolveImport>(session, hook, reporter).await)
            }
        },
        // Done once the daemon has ended its side.
        Instruction::Withdraw(ServeKind) => drop(open.serve.take()),
        Instruction::Withdraw(TransformKind) => drop(open.transform.take()),
        Instruction::Withdraw(Resolve) => drop(open.resolve.take()),
        // Done once the filters are active.
        Instruction::Update(ServeKind, prefixes) => {
            send_message::<Serve>(open.serve.as_ref(), Serve::update_to(prefixes)).await
        }
        Instruction::Update(TransformKind, prefixes) => {
            send_message::<Transform>(open.transform.as_ref(), Transform::update_to(prefixes))
                .await;
        }
        Instruction::Update(Resolve, prefixes) => {
            send_message::<ResolveImport>(
                open.resolve.as_ref(),
                ResolveImport::update_to(prefixes),
            )
            .await;
        }
        Instruction::Release(kind, target, act) => {
            let held = reporter.state().held.remove(&(kind, target));
            held.expect("it holds that call")(act).await;
            reporter.report(Report::Done);
        }
        Instruction::LateResult(kind) => {
            match kind {
                ServeKind => {
                    send_message::<Serve>(open.serve.as_ref(), Serve::result(4711, None)).await
                }
                TransformKind => {
                    send_message::<Transform>(
                        open.transform.as_ref(),
                        Transform::result(4711, None),
                    )
                    .await
                }
                Resolve => {
                    send_message::<ResolveImport>(
                        open.resolve.as_ref(),
                        ResolveImport::result(4711, None),
                    )
                    .await
                }
            }
            reporter.report(Report::Done);
        }
        Instruction::Calls => {
            let calls = std::mem::take(&mut reporter.state().calls);
            reporter.report(Report::Calls(calls));
        }
    }
}

async fn send_message<K: ScriptedHook>(
    sender: Option<&mpsc::Sender<K::Request>>,
    message: K::Request,
) {
    let sender = sender.expect("the hook is open");
    // The daemon may have ended the stream already.
    let _ = sender.send(message).await;
}

/// Opens a hook and answers its calls from now on.
async fn open_hook<K: ScriptedHook>(
    session: &mut Session,
    hook: Hook,
    reporter: &Reporter,
) -> mpsc::Sender<K::Request> {
    let opened = session
        .hook::<K>(K::opening_of(&hook))
        .await
        .expect("a hook");
    let (sender, mut responses) = (opened.sender.downgrade(), opened.responses);
    let (stage_of_calls, kind) = (reporter.clone(), hook.kind);
    tokio::spawn(async move {
        let reporter = stage_of_calls;
        while let Ok(Some(response)) = responses.message().await {
            match K::message(response) {
                Some(HookMessage::Call(call)) => {
                    let target = K::target(&call);
                    let path = target.split('?').next().unwrap_or_default();
                    let act = hook.act(path);
                    reporter.state().calls.push((hook.number, target.clone()));
                    let Some(sender) = sender.upgrade() else {
                        continue;
                    };
                    if act != Action::Hold {
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
                    reporter
                        .state()
                        .held
                        .insert((kind, target.clone()), Box::new(release));
                    reporter.report(Report::Holds(hook.number, target));
                }
                Some(HookMessage::FiltersUpdated) => reporter.report(Report::Done),
                Some(HookMessage::Opened | HookMessage::Cancel(_)) | None => {}
            }
        }
        // Withdrawn and confirmed by the daemon; or the receiver is gone.
        if sender.upgrade().is_none() {
            let _ = reporter.out.send(Report::Done);
        }
    });
    reporter.report(Report::Done);
    opened.sender
}

/// Hook type that carries out the actions of a script.
trait ScriptedHook: ModuleHook {
    fn opening_of(hook: &Hook) -> Self::Open {
        Self::opening(vec![below(&hook.prefixes)], Some(options(hook)))
    }

    fn update_to(prefixes: Vec<String>) -> Self::Request {
        Self::update(vec![below(&prefixes)])
    }

    /// Returns path and query of the request of a call.
    fn target(call: &Self::Call) -> String;

    fn outcome(call: &Self::Call, act: Action, number: u64) -> Self::Outcome;
}

fn options(hook: &Hook) -> proto::HookOptions {
    let mode = if hook.may_be_skipped {
        proto::FailureMode::Skip
    } else {
        proto::FailureMode::Fail
    };
    // Longer than any walk holds a call.
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

impl ScriptedHook for Serve {
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

    fn outcome(_: &proto::ServeCall, act: Action, number: u64) -> Self::Outcome {
        use proto::serve_result::Outcome;
        match act {
            Action::Content { cache } => {
                let Outcome::Content(content) = Self::answer(&served(number)) else {
                    unreachable!("an answer is content");
                };
                Outcome::Content(proto::ServeContent {
                    remember: cache,
                    ..content
                })
            }
            Action::Skip { cache } => Outcome::Skip(proto::Skip { remember: cache }),
            Action::Fail | Action::Hold => Self::failure(422),
        }
    }
}

impl ScriptedHook for Transform {
    fn target(call: &proto::TransformCall) -> String {
        target(call.request.as_ref())
    }

    fn outcome(call: &proto::TransformCall, act: Action, number: u64) -> Self::Outcome {
        use proto::transform_result::Outcome;
        match act {
            Action::Content { cache } => Outcome::Content(proto::TransformContent {
                body: Some([&call.body[..], mark(number).as_bytes()].concat().into()),
                no_cache: !cache,
                ..Default::default()
            }),
            Action::Skip { .. } => Self::skip(),
            Action::Fail | Action::Hold => Self::failure(422),
        }
    }
}

impl ScriptedHook for ResolveImport {
    fn target(call: &proto::ResolveImportCall) -> String {
        target(call.importer.as_ref())
    }

    fn outcome(call: &proto::ResolveImportCall, act: Action, number: u64) -> Self::Outcome {
        use proto::resolve_import_result::Outcome;
        let (specifier, cache) = match act {
            Action::Content { cache } => (specifier(number), cache),
            Action::Skip { cache } => (String::new(), cache),
            Action::Fail | Action::Hold => return Self::failure(422),
        };
        Outcome::Resolved(proto::ResolvedImports {
            specifiers: vec![specifier; call.imports.len()],
            no_cache: !cache,
            ..Default::default()
        })
    }
}
