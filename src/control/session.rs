//! `ServerStart`: the stream that is a plugin's session.

use super::status::{error, invalid};
use super::{BoxStream, Control, convert, info, proto, sockets, status};
use crate::plugins::{
    HookError, HookKind, ScratchDir, Session, SessionEnd, SessionError, SessionEvent,
    SessionOptions,
};
use proto::server_start_response::Event;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// The metadata key that ties a hook stream to its session.
const SESSION_KEY: &str = "pagewire-session";

/// Sockets that the first message carries; there may be more, and then it says so.
const MAX_STARTED_SOCKETS: usize = 1000;

pub(super) fn open(
    control: &Arc<Control>,
    request: proto::ServerStartRequest,
) -> Result<BoxStream<proto::ServerStartResponse>, Status> {
    let missing = info::missing_features(&request.required_features);
    if !missing.is_empty() {
        let text = format!(
            "this daemon (pagewire {}) lacks the required features: {}",
            env!("CARGO_PKG_VERSION"),
            missing.join(", ")
        );
        return Err(error(Code::FailedPrecondition, "FEATURE_UNSUPPORTED", text));
    }
    if control.force_stop.is_cancelled() {
        return Err(status::stopping());
    }
    let asked = SessionOptions {
        name: request.plugin_name,
        version: request.plugin_version,
        hooks: request
            .hooks
            .iter()
            .map(|hook| hook_kind(*hook))
            .collect::<Result<_, _>>()?,
        replace_existing: request.replace_existing,
        inject_web_socket: request.inject_web_socket,
        launch_id: request.launch_id,
        scratch: scratch(control),
    };
    let (guard, mut events) = control
        .plugins
        .open_session(asked)
        .map_err(|fault| match fault {
            SessionError::NameInvalid(_) => invalid("plugin_name", fault),
            SessionError::NameTaken(_) => {
                error(Code::AlreadyExists, "PLUGIN_NAME_TAKEN", fault.to_string())
            }
            SessionError::TooMany => {
                error(Code::ResourceExhausted, "LIMIT_REACHED", fault.to_string())
            }
        })?;

    let started = started(control, guard.session());
    let force_stop = control.force_stop.clone();
    let (sender, stream) = mpsc::channel(4);
    control.sessions.spawn(async move {
        let session = guard.session().clone();
        tracing::info!(target: "pagewire::plugins", plugin = session.name(), "plugin connected");
        if sender
            .send(Ok(response(Event::Started(started))))
            .await
            .is_err()
        {
            return;
        }
        loop {
            let next = tokio::select! {
                () = force_stop.cancelled() => break,
                () = sender.closed() => break,
                end = session.ended() => {
                    let _ = sender.send(Err(ended(end))).await;
                    break;
                }
                Some(event) = events.recv() => event,
            };
            let _ = sender.send(Ok(response(event(next)))).await;
        }
        drop(guard);
        tracing::info!(target: "pagewire::plugins", plugin = session.name(), "plugin left");
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

pub(super) fn end(
    control: &Control,
    request: &proto::EndSessionRequest,
) -> Result<proto::EndSessionResponse, Status> {
    control
        .plugins
        .end_session(&request.session_id)
        .map(|()| proto::EndSessionResponse {})
        .map_err(hook_error)
}

/// A session goes on without: what names a file in it fails, and says so.
fn scratch(control: &Control) -> Option<ScratchDir> {
    let folder = control.scratch_dir.as_ref()?;
    ScratchDir::create(folder)
        .inspect_err(|error| {
            tracing::warn!(target: "pagewire::plugins", folder = %folder.display(), %error, "a scratch folder cannot be made");
        })
        .ok()
}

fn started(control: &Control, session: &Session) -> proto::ServerStarted {
    let (list, sockets_truncated, position) =
        control.hub.list_sockets(0, MAX_STARTED_SOCKETS, |_| true);
    let (list, cut_short) = sockets::within_bounds(list);
    proto::ServerStarted {
        session_id: session.id().to_owned(),
        plugin_name: session.name().to_owned(),
        server: Some(info::get(control)),
        root_dirs: control
            .roots
            .dirs()
            .map(|dir| dir.display().to_string())
            .collect(),
        config_json: session.config_json().to_owned(),
        sockets: list,
        sockets_truncated: sockets_truncated || cut_short,
        position: Some(convert::position(position)),
        scratch_dir: session
            .scratch_dir()
            .map(|dir| dir.display().to_string())
            .unwrap_or_default(),
    }
}

fn event(event: SessionEvent) -> Event {
    match event {
        SessionEvent::Ready => Event::Ready(proto::SessionReady {}),
        SessionEvent::Stopping { reason, grace } => Event::Stopping(proto::ServerStopping {
            reason,
            grace: Some(convert::duration(grace)),
        }),
    }
}

fn response(event: Event) -> proto::ServerStartResponse {
    proto::ServerStartResponse { event: Some(event) }
}

fn hook_kind(hook: i32) -> Result<HookKind, Status> {
    match proto::Hook::try_from(hook) {
        Ok(proto::Hook::Serve) => Ok(HookKind::Serve),
        Ok(proto::Hook::SubscribeMessages) => Ok(HookKind::SubscribeMessages),
        Ok(proto::Hook::Transform) => Ok(HookKind::Transform),
        Ok(proto::Hook::ResolveImport) => Ok(HookKind::ResolveImport),
        Ok(proto::Hook::Unspecified) | Err(_) => {
            Err(invalid("hooks", format!("{hook} is no Hook")))
        }
    }
}

/// The session that a hook stream names in its metadata.
pub(super) fn of_request(
    control: &Control,
    metadata: &MetadataMap,
) -> Result<Arc<Session>, Status> {
    of_request_if_any(control, metadata)?.ok_or_else(|| {
        let text = "a hook needs a session (open ServerStart and send its session_id as the metadata pagewire-session)";
        error(Code::FailedPrecondition, "SESSION_REQUIRED", text)
    })
}

/// As [`of_request`], where no session is fine, but a wrong one is not.
pub(super) fn of_request_if_any(
    control: &Control,
    metadata: &MetadataMap,
) -> Result<Option<Arc<Session>>, Status> {
    let Some(value) = metadata.get(SESSION_KEY) else {
        return Ok(None);
    };
    let session_id = value.to_str().unwrap_or_default();
    control
        .plugins
        .session(session_id)
        .map(Some)
        .map_err(hook_error)
}

pub(super) fn hook_error(fault: HookError) -> Status {
    let (code, reason) = match fault {
        HookError::SessionEnded => (Code::FailedPrecondition, "SESSION_GONE"),
        HookError::Undeclared => (Code::FailedPrecondition, "HOOK_UNDECLARED"),
        HookError::AlreadyOpen => (Code::AlreadyExists, "HOOK_ALREADY_OPEN"),
    };
    error(code, reason, fault.to_string())
}

/// How the streams of a session end with it.
pub(super) fn ended(end: SessionEnd) -> Status {
    match end {
        SessionEnd::Closed => error(Code::Aborted, "SESSION_CLOSED", "the session has ended"),
        SessionEnd::Replaced => {
            let text = "another session took the plugin's name over (replace_existing)";
            error(Code::Aborted, "REPLACED", text)
        }
    }
}
