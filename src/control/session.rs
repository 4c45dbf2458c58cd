//! `ServerStart`, the stream of a plugin's session; and `EndSession`.

use super::limits::{
    MAX_QUEUED_SESSION_EVENTS, MAX_REQUEST_BYTES, MAX_REQUIRED_FEATURES, MAX_STARTED_SOCKETS,
    MAX_VERSION_BYTES,
};
use super::status::{error, invalid};
use super::{BoxStream, Control, convert, info, proto, sockets, status};
use crate::hub::SocketFilter;
use crate::plugins::{ScratchDir, Session, SessionOptions};
use proto::server_start_response::Event;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tracing::Instrument;

/// Metadata key with which a hook stream names its session.
const SESSION_KEY: &str = "pagewire-session";

pub(super) fn open(
    control: &Arc<Control>,
    request: proto::ServerStartRequest,
) -> Result<BoxStream<proto::ServerStartResponse>, Status> {
    let required = &request.required_features;
    convert::check_list(
        "required_features",
        required,
        MAX_REQUIRED_FEATURES,
        MAX_REQUEST_BYTES,
    )?;
    check_length("plugin_version", &request.plugin_version)?;
    check_length("launch_id", &request.launch_id)?;
    let mut hooks = Vec::new();
    for hook in &request.hooks {
        let hook = convert::hook_kind(*hook)?;
        if !hooks.contains(&hook) {
            hooks.push(hook);
        }
    }
    let missing = info::missing_features(required);
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
    let options = SessionOptions {
        name: request.plugin_name,
        version: request.plugin_version,
        hooks,
        replace_existing: request.replace_existing,
        inject_web_socket: request.inject_web_socket,
        launch_id: request.launch_id,
        scratch: scratch(control),
    };
    let (guard, mut events) = control
        .plugins
        .open_session(options)
        .map_err(|error| status::session_error(&error))?;

    let started = started(control, guard.session());
    let force_stop = control.force_stop.clone();
    let (sender, stream) = mpsc::channel(MAX_QUEUED_SESSION_EVENTS);
    let plugin = guard.session().name();
    let span = tracing::debug_span!(target: "pagewire::plugins", "session", plugin);
    let task = async move {
        let session = guard.session().clone();
        tracing::info!(target: "pagewire::plugins", plugin = session.name(), "plugin connected");
        if sender.send(Ok(started)).await.is_err() {
            return;
        }
        loop {
            let next = tokio::select! {
                () = force_stop.cancelled() => break,
                () = sender.closed() => break,
                end = session.ended() => {
                    let _ = sender.send(Err(status::session_ended(end))).await;
                    break;
                }
                Some(event) = events.recv() => event,
            };
            let _ = sender.send(Ok(convert::session_event(next))).await;
        }
        drop(guard);
        tracing::info!(target: "pagewire::plugins", plugin = session.name(), "plugin disconnected");
    };
    control.sessions.spawn(task.instrument(span));
    Ok(Box::pin(ReceiverStream::new(stream)))
}

fn check_length(field: &str, text: &str) -> Result<(), Status> {
    let bytes = text.len();
    if bytes > MAX_VERSION_BYTES {
        let text = format!("{bytes} bytes are too many (the limit is {MAX_VERSION_BYTES})");
        return Err(invalid(field, text));
    }
    Ok(())
}

pub(super) fn end(
    control: &Control,
    request: &proto::EndSessionRequest,
) -> Result<proto::EndSessionResponse, Status> {
    control
        .plugins
        .end_session(&request.session_id)
        .map(|()| proto::EndSessionResponse {})
        .map_err(status::hook_error)
}

/// Creates the session's scratch folder. Without one the session continues, and results that name a
/// file in it fail.
fn scratch(control: &Control) -> Option<ScratchDir> {
    let folder = control.scratch_dir.as_ref()?;
    ScratchDir::create(folder)
        .inspect_err(|error| {
            tracing::warn!(target: "pagewire::plugins", folder = %folder.display(), %error, "cannot create a scratch folder; the session has none");
        })
        .ok()
}

fn started(control: &Control, session: &Session) -> proto::ServerStartResponse {
    let (list, sockets_truncated, position) =
        control
            .hub
            .list_sockets(0, MAX_STARTED_SOCKETS, &SocketFilter::default());
    let (list, cut_short) = sockets::fit_in_page(list);
    let started = proto::ServerStarted {
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
    };
    proto::ServerStartResponse {
        event: Some(Event::Started(started)),
    }
}

/// Returns the session that a hook stream names in its metadata.
pub(super) fn require_in_metadata(
    control: &Control,
    metadata: &MetadataMap,
) -> Result<Arc<Session>, Status> {
    find_in_metadata(control, metadata)?.ok_or_else(|| {
        let text = "a hook needs a session (open ServerStart and send its session_id as metadata pagewire-session)";
        error(Code::FailedPrecondition, "SESSION_REQUIRED", text)
    })
}

/// Returns the session in the metadata, if there is one. An unknown session is an error.
pub(super) fn find_in_metadata(
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
        .map_err(status::hook_error)
}
