//! The session of a plugin: the plugin is connected for as long as its stream is open.

use super::{
    Plugin,
    handlers::{HandlerResult, catch_panic},
    hook::{DeclaredHook, Hook, OpenHook},
    listen::Listening,
    resolve_import::ResolveImport,
    running::Connections,
    serve::Serve,
    start::Started,
    transform::Transform,
};
use crate::{
    Client, Context, Error, Result,
    error::one_line,
    log::log,
    proto::{self, server_start_response::Event},
};
use std::{panic::resume_unwind, path::Path, pin::pin, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tonic::Streaming;

/// How long to wait, after a hook's stream has ended, for the session's stream to report why the session ended.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);
/// Grace period for running handlers and the stop handler when the program stops the plugin, or the daemon
/// does not state one.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The side that ended a session gracefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    ByDaemon,
    ByProgram,
}

/// Runs a plugin until its session ends, or the program stops it. Adds the session to `connections` once it has
/// begun.
pub(super) async fn run(
    plugin: &Plugin,
    client: Client,
    launch_id: &str,
    connections: &mut Connections,
) -> Result<Ended> {
    let opened = tokio::select! {
        () = plugin.stop.stopped() => return Ok(Ended::ByProgram),
        opened = Opened::open(plugin, &client, launch_id) => opened?,
    };
    let Opened {
        mut session,
        context,
        hooks,
    } = opened;
    add_session(&context, connections);
    let (finish, finishes) = watch::channel(false);
    let (started, starts) = watch::channel(plugin.server_start.is_none());
    let mut hooks_run = plugin.has_hooks();
    // In a task, so that hooks run on the runtime's workers, wherever the plugin is run.
    let mut task = JoinSet::new();
    task.spawn(hooks.run(Started(starts), finishes));
    let mut hooks = pin!(async move { task.join_next().await.map_or(Ok(()), joined) });

    let mut starting: JoinSet<HandlerResult> = JoinSet::new();
    let (ended, grace) = loop {
        tokio::select! {
            biased;
            event = session.message() => match event?.map(|event| event.event) {
                Some(Some(Event::Ready(_))) => {
                    if let Some(handler) = plugin.server_start.clone() {
                        let (context, started) = (context.clone(), started.clone());
                        starting.spawn(async move {
                            catch_panic(async move { handler(context).await }).await?;
                            started.send_replace(true);
                            Ok(())
                        });
                    }
                }
                Some(Some(Event::Stopping(stopping))) => break (Ended::ByDaemon, grace(&stopping)),
                Some(Some(Event::Started(_)) | None) => {}
                None => break (Ended::ByDaemon, STOP_GRACE),
            },
            () = plugin.stop.stopped() => break (Ended::ByProgram, STOP_GRACE),
            Some(done) = starting.join_next() => {
                if let Ok(Err(error)) = done {
                    return Err(plugin.failed("server_start", error.as_ref()));
                }
            }
            ended = &mut hooks, if hooks_run => {
                hooks_run = false;
                // The end of a session ends its hooks too, and the session's stream has the reason.
                match timeout(REASON_TIMEOUT, until_stopping(&mut session)).await {
                    Ok(stopping) => break (Ended::ByDaemon, stopping?),
                    Err(_) => return ended.map(|()| Ended::ByDaemon),
                }
            }
        }
    };

    let shut_down = async {
        if let Some(handler) = plugin.server_stop.clone() {
            let mut stopping = pin!(catch_panic(async { handler(client).await }));
            // Hooks continue meanwhile: the stop handler may need what they serve.
            let result = loop {
                tokio::select! {
                    result = &mut stopping => break result,
                    _ = &mut hooks, if hooks_run => hooks_run = false,
                }
            };
            result.map_err(|error| plugin.failed("server_stop", error.as_ref()))?;
        }
        // Fails only if no hook is open, because then there is no receiver.
        let _ = finish.send(true);
        if hooks_run {
            // The daemon may have closed their streams already.
            let _ = hooks.await;
        }
        if ended == Ended::ByProgram {
            context.end_session().await;
        }
        Ok(ended)
    };
    // After the grace period the daemon closes the streams, so nothing can complete any more.
    timeout(grace, shut_down).await.unwrap_or(Ok(ended))
}

/// Adds a session to the connections, and logs it.
fn add_session(context: &Context, connections: &mut Connections) {
    let urls = &context.server_info().base_urls;
    let url = urls.first().map_or("", |url| url.trim_end_matches('/'));
    let again = connections.root_dirs.as_ref().map_or("", |_| "again ");
    let plugin = context.plugin_name();
    log!(info, "connected to {url} {again}as \"{plugin}\"");
    *connections = Connections {
        root_dirs: Some(context.root_dirs().map(Path::to_owned).collect()),
        attempts: 0,
    };
}

/// The result of a task; its panic is propagated.
fn joined(done: std::result::Result<Result<()>, JoinError>) -> Result<()> {
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(Error::Unexpected(
            "the Tokio runtime that ran the hooks has shut down",
        )),
    })
}

/// An open session with the open hooks of the plugin.
struct Opened {
    session: Streaming<proto::ServerStartResponse>,
    context: Context,
    hooks: Hooks,
}

struct Hooks {
    serving: Option<OpenHook<Serve>>,
    transforming: Option<OpenHook<Transform>>,
    resolving: Option<OpenHook<ResolveImport>>,
    listening: Option<Listening>,
}

impl Opened {
    async fn open(plugin: &Plugin, client: &Client, launch_id: &str) -> Result<Self> {
        let mut session = client
            .raw()
            .server_start(start_request(plugin, launch_id))
            .await?
            .into_inner();
        let Some(Event::Started(started)) = session.message().await?.and_then(|first| first.event)
        else {
            return Err(Error::Unexpected(
                "the first event of the session is not `started`",
            ));
        };
        let context = Context::new(client.clone(), started)?;
        let hooks = Hooks {
            serving: open(plugin.serve.as_ref(), &context).await?,
            transforming: open(plugin.transform.as_ref(), &context).await?,
            resolving: open(plugin.resolve_import.as_ref(), &context).await?,
            listening: if plugin.listeners.is_empty() {
                None
            } else {
                Some(Listening::open(plugin.listeners.clone(), &context).await?)
            },
        };
        Ok(Self {
            session,
            context,
            hooks,
        })
    }
}

impl Hooks {
    /// Answers calls and handles events, once `server_start` has returned, until `finish` is set.
    async fn run(self, started: Started, finish: watch::Receiver<bool>) -> Result<()> {
        tokio::try_join!(
            optional(
                self.serving
                    .map(|hook| hook.run(started.clone(), finish.clone()))
            ),
            optional(
                self.transforming
                    .map(|hook| hook.run(started.clone(), finish.clone()))
            ),
            optional(
                self.resolving
                    .map(|hook| hook.run(started.clone(), finish.clone()))
            ),
            optional(
                self.listening
                    .map(|hook| hook.run(started.clone(), finish.clone()))
            ),
        )?;
        Ok(())
    }
}

async fn open<H: Hook>(
    hook: Option<&DeclaredHook<H>>,
    context: &Context,
) -> Result<Option<OpenHook<H>>> {
    match hook {
        Some(hook) => Ok(Some(hook.open(context.clone()).await?)),
        None => Ok(None),
    }
}

async fn optional(hook: Option<impl Future<Output = Result<()>>>) -> Result<()> {
    match hook {
        Some(hook) => hook.await,
        None => Ok(()),
    }
}

/// Waits until the daemon announces its stop or ends the session gracefully; returns the grace period.
async fn until_stopping(session: &mut Streaming<proto::ServerStartResponse>) -> Result<Duration> {
    while let Some(event) = session.message().await? {
        if let Some(Event::Stopping(stopping)) = event.event {
            return Ok(grace(&stopping));
        }
    }
    Ok(STOP_GRACE)
}

fn grace(stopping: &proto::ServerStopping) -> Duration {
    stopping
        .grace
        .and_then(|grace| grace.try_into().ok())
        .unwrap_or(STOP_GRACE)
}

fn start_request(plugin: &Plugin, launch_id: &str) -> proto::ServerStartRequest {
    proto::ServerStartRequest {
        plugin_name: plugin.name.clone(),
        plugin_version: plugin.version.clone(),
        required_features: plugin.required_features.clone(),
        hooks: plugin.hooks().map(Into::into).collect(),
        replace_existing: plugin.replace_existing,
        inject_web_socket: plugin.inject_web_socket,
        launch_id: launch_id.to_owned(),
    }
}

impl Plugin {
    /// The hooks that it declares.
    fn hooks(&self) -> impl Iterator<Item = proto::Hook> {
        let hooks = [
            (self.serve.is_some(), Serve::KIND),
            (self.transform.is_some(), Transform::KIND),
            (self.resolve_import.is_some(), ResolveImport::KIND),
            (!self.listeners.is_empty(), proto::Hook::SubscribeMessages),
        ];
        hooks
            .into_iter()
            .filter_map(|(is_declared, hook)| is_declared.then_some(hook))
    }

    fn has_hooks(&self) -> bool {
        self.hooks().next().is_some()
    }

    fn failed(&self, what: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        Error::Plugin {
            plugin: self.name.clone(),
            problem: format!("{what} failed: {}", one_line(error)),
        }
    }
}
