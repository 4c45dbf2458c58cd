//! The stream of a hook, whichever it is: the daemon asks, the plugin answers.

use super::status::invalid;
use super::{BoxStream, Control, convert, info, proto, session, status};
use crate::plugins::{
    CallMessage, Calls, CancelReason, FailureMode, Hook, HookFailure, HookGuard, HookOptions,
    HookType, RegisteredHookType, RequestContext, RequestFilter, Session, SourceLocation,
};
use futures_util::stream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
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

/// A kind of hook, as the contract has it.
pub(super) trait Wire: RegisteredHookType {
    /// What the plugin sends.
    type Request: Send + 'static;
    /// What the daemon sends.
    type Response: Send + 'static;
    /// The first thing that a plugin says.
    type Open: Send;
    /// Its answer to a call.
    type Result: Send;

    /// None when nothing is set.
    fn received(request: Self::Request) -> Option<FromPlugin<Self::Open, Self::Result>>;

    /// As it goes out.
    fn response(message: ToPlugin<Self::Call>) -> Self::Response;

    /// What an opening says.
    fn opening(open: Self::Open, session: &Session) -> Result<Opening<Self>, Status>;

    /// The call answered, and the answer; one that breaks the contract is a failure of the plugin.
    fn outcome(result: Self::Result) -> (u64, Self::Outcome);

    /// Whether filters may ask for types of responses.
    const HAS_RESPONSE: bool = false;
}

/// The messages of a kind of hook: all kinds have the same, under names of their own. What a call is
/// made of says the function `call` of the module.
macro_rules! messages {
    ($request:ident, $from_plugin:ident, $response:ident, $to_plugin:ident, $open:ident, $result:ident) => {
        type Request = proto::$request;
        type Response = proto::$response;
        type Open = proto::$open;
        type Result = proto::$result;

        fn received(
            request: proto::$request,
        ) -> Option<crate::control::hook::FromPlugin<proto::$open, proto::$result>> {
            use crate::control::hook::FromPlugin;
            use proto::$from_plugin::Message;
            Some(match request.message? {
                Message::Open(open) => FromPlugin::Open(open),
                Message::Result(result) => FromPlugin::Result(result),
                Message::UpdateFilters(update) => FromPlugin::UpdateFilters(update),
            })
        }

        fn response(message: crate::control::hook::ToPlugin<Self::Call>) -> proto::$response {
            use crate::control::hook::ToPlugin;
            use proto::$to_plugin::Message;
            let message = Some(match message {
                ToPlugin::Opened(opened) => Message::Opened(opened),
                ToPlugin::Call {
                    call_id,
                    call: asked,
                    time_remaining,
                } => Message::Call(call(call_id, asked, time_remaining)),
                ToPlugin::Cancel(cancel) => Message::Cancel(cancel),
                ToPlugin::FiltersUpdated(updated) => Message::FiltersUpdated(updated),
            });
            proto::$response { message }
        }
    };
}
pub(super) use messages;

/// A message of a plugin on its hook's stream.
pub(super) enum FromPlugin<Open, Result> {
    Open(Open),
    Result(Result),
    UpdateFilters(proto::UpdateFilters),
}

/// A message to a plugin on its hook's stream.
pub(super) enum ToPlugin<Call> {
    Opened(proto::HookOpened),
    Call {
        call_id: u64,
        call: Call,
        time_remaining: Option<prost_types::Duration>,
    },
    Cancel(proto::CallCancel),
    FiltersUpdated(proto::FiltersUpdated),
}

/// What an opening says, in the terms of the core where they are the hook's own.
pub(super) struct Opening<K: HookType> {
    pub(super) filters: Vec<proto::RequestFilter>,
    pub(super) options: Option<proto::HookOptions>,
    pub(super) type_options: K::Options,
}

/// What the stream says beside calls, or how it ends.
type Replies<K> = mpsc::Sender<Result<Reply<K>, Status>>;

enum Reply<K: Wire> {
    /// The first of all, with the calls that follow.
    Opened(proto::HookOpened, mpsc::Receiver<CallMessage<K::Call>>),
    FiltersUpdated,
}

/// Replies that may wait to be sent: a plugin that changes its filters again and again is not read
/// further until it has read that. Default 4.
const MAX_REPLIES: usize = 4;

/// The stream of responses for a stream of requests.
pub(super) fn open<K: Wire>(
    control: &Arc<Control>,
    session: Arc<Session>,
    requests: Streaming<K::Request>,
) -> BoxStream<K::Response> {
    let control = control.clone();
    let (replies, said) = mpsc::channel(MAX_REPLIES);
    // The headers go out before the plugin's first message is read.
    tokio::spawn(async move {
        let end = tokio::select! {
            // A stop ends the sessions too: it is what is said.
            biased;
            () = control.force_stop.cancelled() => Err(status::stopping()),
            () = replies.closed() => Ok(()),
            end = session.ended() => Err(session::ended(end)),
            end = run::<K>(&control, &session, requests, &replies) => end,
        };
        if let Err(end) = end {
            let _ = replies.send(Err(end)).await;
        }
    });
    let responses = Some(Responses::<K> {
        replies: said,
        calls: None,
    });
    // Calls are taken by the transport as it sends them: no task and no queue between.
    Box::pin(stream::unfold(responses, async |responses| {
        let mut responses = responses?;
        match responses.next().await? {
            Ok(message) => Some((Ok(K::response(message)), Some(responses))),
            Err(end) => Some((Err(end), None)),
        }
    }))
}

/// What goes to the plugin.
struct Responses<K: Wire> {
    replies: mpsc::Receiver<Result<Reply<K>, Status>>,
    /// None before the hook is open.
    calls: Option<mpsc::Receiver<CallMessage<K::Call>>>,
}

impl<K: Wire> Responses<K> {
    /// None when the stream is over.
    async fn next(&mut self) -> Option<Result<ToPlugin<K::Call>, Status>> {
        loop {
            let call = async {
                match &mut self.calls {
                    Some(calls) => calls.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                reply = self.replies.recv() => return Some(reply?.map(|reply| self.say(reply))),
                call = call => match call {
                    Some(outgoing) => return Some(Ok(to_plugin(outgoing))),
                    // The hook is closed; why is about to be said.
                    None => self.calls = None,
                },
            }
        }
    }

    fn say(&mut self, reply: Reply<K>) -> ToPlugin<K::Call> {
        match reply {
            Reply::Opened(opened, calls) => {
                self.calls = Some(calls);
                ToPlugin::Opened(opened)
            }
            Reply::FiltersUpdated => ToPlugin::FiltersUpdated(proto::FiltersUpdated {}),
        }
    }
}

async fn run<K: Wire>(
    control: &Arc<Control>,
    session: &Arc<Session>,
    mut requests: Streaming<K::Request>,
    replies: &Replies<K>,
) -> Result<(), Status> {
    let first = requests.next().await.transpose()?.and_then(K::received);
    let Some(FromPlugin::Open(open)) = first else {
        return Err(invalid(
            "message",
            "the first message of a hook stream must be open",
        ));
    };
    let (guard, calls, opened) = open_hook::<K>(control, session, K::opening(open, session)?)?;
    send(replies, Reply::Opened(opened, calls)).await;
    listen(&guard, &mut requests, replies).await
}

/// An open hook, the calls that go to it, and what its plugin is told.
type OpenedHook<K> = (
    HookGuard<K>,
    mpsc::Receiver<CallMessage<<K as HookType>::Call>>,
    proto::HookOpened,
);

fn open_hook<K: Wire>(
    control: &Control,
    session: &Arc<Session>,
    opening: Opening<K>,
) -> Result<OpenedHook<K>, Status> {
    let options = opening.options.unwrap_or_default();
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
    let forward_headers = options
        .forward_request_headers
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let hook_options = HookOptions {
        filters: filters::<K>(opening.filters)?,
        failure_mode,
        forward_headers,
        type_options: opening.type_options,
    };
    let (calls, receiver) = Calls::new(max_concurrent, timeout);
    let hook = Hook::new(session, hook_options, calls);
    let guard = control
        .plugins
        .open_hook(session, hook)
        .map_err(session::hook_error)?;
    let opened = proto::HookOpened {
        max_concurrent_calls: info::bytes_u32(max_concurrent),
        call_timeout: timeout.map(convert::duration),
        max_body_bytes: info::bytes_u32(MAX_BODY_BYTES),
    };
    Ok((guard, receiver, opened))
}

/// Takes the plugin's results until it ends the stream.
async fn listen<K: Wire>(
    guard: &HookGuard<K>,
    requests: &mut Streaming<K::Request>,
    replies: &Replies<K>,
) -> Result<(), Status> {
    while let Some(request) = requests.next().await {
        match K::received(request?) {
            Some(FromPlugin::Result(result)) => {
                let (call_id, outcome) = K::outcome(result);
                guard.hook().resolve(call_id, outcome);
            }
            Some(FromPlugin::UpdateFilters(update)) => {
                guard.update_filters(filters::<K>(update.filters)?);
                send(replies, Reply::FiltersUpdated).await;
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
async fn send<K: Wire>(replies: &Replies<K>, reply: Reply<K>) {
    let _ = replies.send(Ok(reply)).await;
}

fn filters<K: Wire>(filters: Vec<proto::RequestFilter>) -> Result<Vec<RequestFilter>, Status> {
    filters
        .into_iter()
        .enumerate()
        .map(|(at, filter)| {
            let field = format!("filters[{at}]");
            if !filter.mime_types.is_empty() && !K::HAS_RESPONSE {
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
                mime_types: filter.mime_types,
                ..RequestFilter::default()
            }
            .with_regexes(&filter.path_regexes, &filter.exclude_path_regexes);
            compiled
                .and_then(|filter| filter.check().map(|()| filter))
                .map_err(|fault| invalid(&field, fault))
        })
        .collect()
}

fn to_plugin<Call>(outgoing: CallMessage<Call>) -> ToPlugin<Call> {
    match outgoing {
        CallMessage::Cancel { id, reason } => {
            use proto::call_cancel::Reason;
            let reason = match reason {
                CancelReason::ClientDisconnected => Reason::ClientGone,
                CancelReason::Deadline => Reason::Deadline,
            };
            ToPlugin::Cancel(proto::CallCancel {
                call_id: id,
                reason: reason.into(),
            })
        }
        CallMessage::Call {
            id,
            call,
            time_remaining,
        } => ToPlugin::Call {
            call_id: id,
            call,
            time_remaining: time_remaining.map(convert::duration),
        },
    }
}

/// Requests are matched with the real path of their file, which is where the link leads that a
/// filter may name. One that does not exist yet has no other path. Blocks for a microsecond.
pub(super) fn real_path(file: &String) -> PathBuf {
    let file = PathBuf::from(file);
    file.canonicalize().unwrap_or(file)
}

pub(super) fn request_context(request: RequestContext) -> proto::RequestContext {
    proto::RequestContext {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: headers(request.headers),
        traceparent: request.traceparent,
        raw_target: request.raw_target,
        host: request.host,
        file_path: request
            .file
            .map(|file| file.display().to_string())
            .unwrap_or_default(),
    }
}

pub(super) fn headers(headers: Vec<(String, bytes::Bytes)>) -> Vec<proto::Header> {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| proto::Header { name, value })
        .collect()
}

/// The headers of a result.
pub(super) fn pairs(headers: Vec<proto::Header>) -> Vec<(String, bytes::Bytes)> {
    let headers = headers.into_iter();
    headers.map(|header| (header.name, header.value)).collect()
}

/// Files that a result names.
pub(super) fn absolute(field: &str, files: Vec<String>) -> Result<Vec<PathBuf>, String> {
    let absolute = |file: String| {
        let path = PathBuf::from(&file);
        let fault =
            || format!("the result names {file:?} in {field}, which is not an absolute path");
        path.is_absolute().then_some(path).ok_or_else(fault)
    };
    files.into_iter().map(absolute).collect()
}

/// Whether a result's body is within what one may carry.
pub(super) fn within_bounds(body: &[u8], remedy: &str) -> Result<(), String> {
    if body.len() > MAX_BODY_BYTES {
        return Err(format!(
            "the result has a body of {} bytes, and inline it may have {MAX_BODY_BYTES}{remedy}",
            body.len()
        ));
    }
    Ok(())
}

/// A result that breaks the contract.
pub(super) fn broken(message: String) -> HookFailure {
    HookFailure {
        message,
        ..HookFailure::default()
    }
}

pub(super) fn no_outcome() -> HookFailure {
    broken("the result has no outcome".to_owned())
}

pub(super) fn failure(failure: proto::HookFailure) -> HookFailure {
    let depends_on = match absolute("depends_on_files", failure.depends_on_files) {
        Ok(files) => files,
        Err(fault) => return broken(fault),
    };
    HookFailure {
        depends_on,
        status: u16::try_from(failure.status).unwrap_or_default(),
        message: failure.message,
        stack: failure.stack,
        location: failure.location.map(|location| SourceLocation {
            file: location.file,
            line: location.line,
            column: location.column,
            frame: location.frame,
        }),
    }
}
