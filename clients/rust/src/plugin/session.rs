//! A plugin's session: as long as its stream is held, the plugin is part of the daemon.

use super::{
    Plugin,
    handlers::{HandlerResult, guarded},
    hook::{DeclaredHook, Hook, OpenHook},
    listen::Listening,
    resolve_import::ResolveImport,
    serve::Serve,
    transform::Transform,
};
use crate::{
    Client, Context, Error, Result,
    error::one_line,
    proto::{self, server_start_response::Event},
};
use std::{pin::pin, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tonic::Streaming;

/// How long the session may take to say why a hook's stream ended before it did.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(1);
/// For the stop handler, if the daemon does not say how long it waits.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Runs a plugin until its session ends.
pub(super) async fn run(plugin: Plugin, client: Client, launch_id: String) -> Result<()> {
    let name = plugin.name.clone();
    let failed = |what: &str, error: &(dyn std::error::Error + 'static)| Error::Plugin {
        plugin: name.clone(),
        problem: format!("{what} failed: {}", one_line(error)),
    };

    let request = start_request(&plugin, launch_id);
    let has_hooks = !request.hooks.is_empty();
    let mut session = client.raw().server_start(request).await?.into_inner();
    let Some(Event::Started(started)) = session.message().await?.and_then(|first| first.event)
    else {
        return Err(Error::Unexpected(
            "a session that does not begin with `started`",
        ));
    };
    let context = Context::new(client.clone(), started)?;

    let serving = open(plugin.serve, &context).await?;
    let transforming = open(plugin.transform, &context).await?;
    let resolving = open(plugin.resolve_import, &context).await?;
    let listening = if plugin.listeners.is_empty() {
        None
    } else {
        Some(Listening::open(plugin.listeners, &context).await?)
    };
    let (stop, stopped) = watch::channel(false);
    let mut hooks_run = has_hooks;
    let mut hooks = pin!(async move {
        tokio::try_join!(
            optional(serving.map(|hook| hook.run(stopped.clone()))),
            optional(transforming.map(|hook| hook.run(stopped.clone()))),
            optional(resolving.map(|hook| hook.run(stopped.clone()))),
            optional(listening.map(|hook| hook.run(stopped.clone()))),
        )
    });

    let mut starting: JoinSet<HandlerResult> = JoinSet::new();
    let grace = loop {
        tokio::select! {
            biased;
            event = session.message() => match event?.map(|event| event.event) {
                Some(Some(Event::Ready(_))) => {
                    if let Some(handler) = plugin.server_start.clone() {
                        let context = context.clone();
                        starting.spawn(guarded(async move { handler(context).await }));
                    }
                }
                Some(Some(Event::Stopping(stopping))) => break grace(&stopping),
                Some(Some(Event::Started(_)) | None) => {}
                None => break STOP_GRACE,
            },
            Some(done) = starting.join_next() => {
                if let Ok(Err(error)) = done {
                    return Err(failed("server_start", error.as_ref()));
                }
            }
            ended = &mut hooks, if hooks_run => {
                hooks_run = false;
                // The end of a session ends its hooks too, and the session knows why.
                match timeout(VERDICT_TIMEOUT, until_stopping(&mut session)).await {
                    Ok(stopping) => break stopping?,
                    Err(_) => return ended.map(drop),
                }
            }
        }
    };

    let leave = async {
        if let Some(handler) = plugin.server_stop {
            let mut stopping = pin!(guarded(async { handler(client).await }));
            // Hooks go on meanwhile: the stop handler may need what they serve.
            let result = loop {
                tokio::select! {
                    result = &mut stopping => break result,
                    _ = &mut hooks, if hooks_run => hooks_run = false,
                }
            };
            result.map_err(|error| failed("server_stop", error.as_ref()))?;
        }
        // Nobody listens when no hook is open.
        let _ = stop.send(true);
        if hooks_run {
            // The daemon may have cut them already.
            let _ = hooks.await;
        }
        Ok(())
    };
    // Beyond its grace the daemon cuts the streams: what is not done by then never will be.
    timeout(grace, leave).await.unwrap_or(Ok(()))
}

async fn open<H: Hook>(
    hook: Option<DeclaredHook<H>>,
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

/// Waits until the daemon says that it stops, or ends the session in order; returns the grace.
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

fn start_request(plugin: &Plugin, launch_id: String) -> proto::ServerStartRequest {
    let hooks = [
        (plugin.serve.is_some(), Serve::KIND),
        (plugin.transform.is_some(), Transform::KIND),
        (plugin.resolve_import.is_some(), ResolveImport::KIND),
        (!plugin.listeners.is_empty(), proto::Hook::SubscribeMessages),
    ];
    proto::ServerStartRequest {
        plugin_name: plugin.name.clone(),
        plugin_version: plugin.version.clone(),
        required_features: plugin.required_features.clone(),
        hooks: hooks
            .into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, hook)| hook.into())
            .collect(),
        replace_existing: plugin.replace_existing,
        inject_web_socket: plugin.inject_web_socket,
        launch_id,
    }
}
