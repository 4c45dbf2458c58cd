//! The `Serve` stream: the daemon asks, the plugin answers.

use super::status::invalid;
use super::{Control, Stream_, convert, info, proto, session, status};
use crate::plugins::{
    Calls, CancelReason, FailureMode, Hook, HookFailure, HookGuard, HookOptions, Outgoing, Phase,
    RequestContext, RequestFilter, Serve, ServeBody, ServeCall, ServeContent, ServeOptions,
    ServeOutcome, Session, SourceLocation,
};
use proto::serve_request::Message as FromPlugin;
use proto::serve_response::Message as ToPlugin;
use proto::serve_result::Outcome;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// Calls that may be outstanding unless the plugin asks for another number. Default 32.
const DEFAULT_CONCURRENT_CALLS: usize = 32;

/// The most that it may ask for.
const MAX_CONCURRENT_CALLS: usize = 1024;

/// Time for a call unless the plugin asks for another. Default 5 s.
const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that it may ask for. Default 60 s.
pub(super) const MAX_CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Largest body that a call or a result may carry. Default 16 MiB.
pub(super) const MAX_BODY_BYTES: usize = super::MAX_DOWN_FRAME_BYTES;

type Responses = mpsc::Sender<Result<proto::ServeResponse, Status>>;

pub(super) fn open(
    control: &Arc<Control>,
    session: Arc<Session>,
    requests: Streaming<proto::ServeRequest>,
) -> Stream_<proto::ServeResponse> {
    let control = control.clone();
    let (responses, stream) = mpsc::channel(DEFAULT_CONCURRENT_CALLS);
    // The headers go out before the plugin's first message is read.
    tokio::spawn(async move {
        let end = tokio::select! {
            () = control.cut.cancelled() => Err(status::stopping()),
            () = responses.closed() => Ok(()),
            end = session.ended() => Err(session::ended(end)),
            end = run(&control, &session, requests, &responses) => end,
        };
        if let Err(end) = end {
            let _ = responses.send(Err(end)).await;
        }
    });
    Box::pin(ReceiverStream::new(stream))
}

async fn run(
    control: &Arc<Control>,
    session: &Arc<Session>,
    mut requests: Streaming<proto::ServeRequest>,
    responses: &Responses,
) -> Result<(), Status> {
    let first = requests
        .next()
        .await
        .transpose()?
        .and_then(|request| request.message);
    let Some(FromPlugin::Open(open)) = first else {
        return Err(invalid(
            "message",
            "the first message of a hook stream must be open",
        ));
    };
    let (guard, calls, opened) = open_hook(control, session, open)?;
    send(responses, ToPlugin::Opened(opened)).await;
    let hook = guard.hook().clone();
    tokio::select! {
        () = ask(calls, responses) => Ok(()),
        end = listen(&hook, &mut requests, responses) => end,
    }
}

/// An open hook, the calls that go to it, and what its plugin is told.
type OpenedHook = (
    HookGuard<Serve>,
    mpsc::Receiver<Outgoing<ServeCall>>,
    proto::HookOpened,
);

fn open_hook(
    control: &Control,
    session: &Arc<Session>,
    open: proto::ServeOpen,
) -> Result<OpenedHook, Status> {
    let options = open.options.unwrap_or_default();
    let max_concurrent = match options.max_concurrent_calls as usize {
        0 => DEFAULT_CONCURRENT_CALLS,
        calls => calls.min(MAX_CONCURRENT_CALLS),
    };
    let timeout = convert::given_duration("options.call_timeout", options.call_timeout)?
        .unwrap_or(DEFAULT_CALL_TIMEOUT)
        .min(MAX_CALL_TIMEOUT);
    let timeout = (!control.debug).then_some(timeout);
    let failure_mode = match proto::FailureMode::try_from(options.failure_mode) {
        Ok(proto::FailureMode::Unspecified | proto::FailureMode::Fail) => FailureMode::Fail,
        Ok(proto::FailureMode::Skip) => FailureMode::Skip,
        Err(_) => {
            let text = format!("{} is no FailureMode", options.failure_mode);
            return Err(invalid("options.failure_mode", text));
        }
    };
    let phase = match proto::ServePhase::try_from(open.phase) {
        Ok(proto::ServePhase::First) => Phase::First,
        Ok(proto::ServePhase::Unspecified | proto::ServePhase::BeforeFiles) => Phase::BeforeFiles,
        Ok(proto::ServePhase::AfterFiles) => Phase::AfterFiles,
        Err(_) => return Err(invalid("phase", format!("{} is no ServePhase", open.phase))),
    };
    let forward_headers = options
        .forward_request_headers
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let hook_options = HookOptions {
        filters: filters(open.filters)?,
        failure_mode,
        forward_headers,
        own: ServeOptions {
            phase,
            max_request_body_bytes: (open.max_request_body_bytes as usize).min(MAX_BODY_BYTES),
            scratch_dir: session.scratch_dir().map(Path::to_owned),
        },
    };
    let (calls, receiver) = Calls::new(max_concurrent, timeout);
    let hook = Hook::new(session, hook_options, calls);
    let guard = control
        .plugins
        .open(session, hook)
        .map_err(session::hook_error)?;
    let opened = proto::HookOpened {
        max_concurrent_calls: info::bytes_u32(max_concurrent),
        call_timeout: timeout.map(convert::duration),
        max_body_bytes: info::bytes_u32(MAX_BODY_BYTES),
    };
    Ok((guard, receiver, opened))
}

/// Sends the daemon's calls to the plugin.
async fn ask(mut calls: mpsc::Receiver<Outgoing<ServeCall>>, responses: &Responses) {
    while let Some(outgoing) = calls.recv().await {
        send(responses, to_plugin(outgoing)).await;
    }
}

/// Takes the plugin's results until it ends the stream.
async fn listen(
    hook: &Hook<Serve>,
    requests: &mut Streaming<proto::ServeRequest>,
    responses: &Responses,
) -> Result<(), Status> {
    while let Some(request) = requests.next().await {
        match request?.message {
            Some(FromPlugin::Result(result)) => hook.resolve(result.call_id, outcome(result)),
            Some(FromPlugin::UpdateFilters(update)) => {
                hook.update_filters(filters(update.filters)?);
                send(
                    responses,
                    ToPlugin::FiltersUpdated(proto::FiltersUpdated {}),
                )
                .await;
            }
            Some(FromPlugin::Open(_)) => {
                return Err(invalid("message", "open is the first message only"));
            }
            None => return Err(invalid("message", "is not set")),
        }
    }
    Ok(())
}

/// A closed stream ends the task that sends; there is nothing more to say here.
async fn send(responses: &Responses, message: ToPlugin) {
    let _ = responses
        .send(Ok(proto::ServeResponse {
            message: Some(message),
        }))
        .await;
}

fn filters(filters: Vec<proto::RequestFilter>) -> Result<Vec<RequestFilter>, Status> {
    filters
        .into_iter()
        .enumerate()
        .map(|(at, filter)| {
            let field = format!("filters[{at}]");
            if !filter.mime_types.is_empty() {
                return Err(invalid(
                    &format!("{field}.mime_types"),
                    "are for Transform only",
                ));
            }
            let compiled = RequestFilter {
                match_all: filter.match_all,
                exact_paths: filter.exact_paths,
                path_prefixes: filter.path_prefixes,
                methods: filter.methods,
                file_paths: filter.file_paths.iter().map(real_path).collect(),
                ..RequestFilter::default()
            }
            .with_regexes(&filter.path_regexes, &filter.exclude_path_regexes);
            compiled
                .and_then(|filter| filter.check().map(|()| filter))
                .map_err(|fault| invalid(&field, fault))
        })
        .collect()
}

fn to_plugin(outgoing: Outgoing<ServeCall>) -> ToPlugin {
    match outgoing {
        Outgoing::Cancel { id, reason } => {
            use proto::call_cancel::Reason;
            let reason = match reason {
                CancelReason::ClientGone => Reason::ClientGone,
                CancelReason::Deadline => Reason::Deadline,
            };
            ToPlugin::Cancel(proto::CallCancel {
                call_id: id,
                reason: reason.into(),
            })
        }
        Outgoing::Call {
            id,
            call,
            time_remaining,
        } => ToPlugin::Call(proto::ServeCall {
            call_id: id,
            request: Some(request_context(call.request)),
            body: call.body,
            body_omitted: call.body_omitted,
            time_remaining: time_remaining.map(convert::duration),
        }),
    }
}

fn request_context(request: RequestContext) -> proto::RequestContext {
    proto::RequestContext {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request
            .headers
            .into_iter()
            .map(|(name, value)| proto::Header { name, value })
            .collect(),
        traceparent: request.traceparent,
        raw_target: request.raw_target,
        host: request.host,
        file_path: request
            .file
            .map(|file| file.display().to_string())
            .unwrap_or_default(),
    }
}

/// Requests are matched with the real path of their file, which is where the link leads that a
/// filter may name. One that does not exist yet has no other path. Blocks for a microsecond.
fn real_path(file: &String) -> PathBuf {
    let file = PathBuf::from(file);
    file.canonicalize().unwrap_or(file)
}

/// What the plugin answered; a result that breaks the contract is a failure of the plugin.
fn outcome(result: proto::ServeResult) -> ServeOutcome {
    let broken = |message: String| {
        ServeOutcome::Failure(HookFailure {
            message,
            ..HookFailure::default()
        })
    };
    match result.outcome {
        Some(Outcome::Skip(skip)) => ServeOutcome::Skip {
            remember: skip.remember,
        },
        Some(Outcome::Failure(failure)) => ServeOutcome::Failure(HookFailure {
            status: u16::try_from(failure.status).unwrap_or_default(),
            message: failure.message,
            stack: failure.stack,
            location: failure.location.map(|location| SourceLocation {
                file: location.file,
                line: location.line,
                column: location.column,
                frame: location.frame,
            }),
        }),
        Some(Outcome::Content(content)) => {
            content_of(content).map_or_else(broken, ServeOutcome::Content)
        }
        None => broken("the result has no outcome".to_owned()),
    }
}

/// The content, or what is wrong with it.
fn content_of(content: proto::ServeContent) -> Result<ServeContent, String> {
    let absolute = |field: &str, file: String| {
        let path = PathBuf::from(&file);
        let fault =
            || format!("the result names {file:?} in {field}, which is not an absolute path");
        path.is_absolute().then_some(path).ok_or_else(fault)
    };
    let body = match content.body {
        Some(proto::serve_content::Body::InlineBody(body)) if body.len() > MAX_BODY_BYTES => {
            return Err(format!(
                "the result has a body of {} bytes, and inline it may have {MAX_BODY_BYTES} (name a file_path instead)",
                body.len()
            ));
        }
        Some(proto::serve_content::Body::InlineBody(body)) => ServeBody::inline(body),
        Some(proto::serve_content::Body::FilePath(file)) => {
            ServeBody::File(absolute("file_path", file)?)
        }
        None => {
            let text = "the result has content without a body (an empty one must be said)";
            return Err(text.to_owned());
        }
    };
    Ok(ServeContent {
        status: u16::try_from(content.status).unwrap_or(u16::MAX),
        content_type: content.content_type,
        headers: content
            .headers
            .into_iter()
            .map(|header| (header.name, header.value))
            .collect(),
        body,
        remember: content.remember,
        verbatim: content.verbatim,
        depends_on: content
            .depends_on_files
            .into_iter()
            .map(|file| absolute("depends_on_files", file))
            .collect::<Result<_, _>>()?,
    })
}
