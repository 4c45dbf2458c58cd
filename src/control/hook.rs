//! The stream of a hook, of any type: calls to the plugin, and its results.

use super::convert::hook::{self as wire, FromPlugin, Opening, ToPlugin, WireHook};
use super::limits::{MAX_BODY_BYTES, MAX_QUEUED_REPLIES};
use super::send::compute;
use super::status::{self, invalid};
use super::{BoxStream, Control, convert, proto};
use crate::plugins::{CallMessage, Calls, Hook, HookGuard, HookType, Session};
use futures_util::stream;
use prost::Message as _;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

/// Sender of replies to the plugin, or of the error that ends the stream.
type ReplySender<K> = mpsc::Sender<Result<Reply<K>, Status>>;

/// Message to the plugin other than a call.
enum Reply<K: WireHook> {
    /// The first message, with the calls that follow it.
    Opened(proto::HookOpened, HookCalls<K>),
    FiltersUpdated(proto::FiltersUpdated),
}

/// Queue of the calls to an open hook.
struct HookCalls<K: WireHook> {
    queue: mpsc::Receiver<CallMessage<K::Call>>,
    hook: Arc<Hook<K>>,
}

impl<K: WireHook> HookCalls<K> {
    /// Takes the next message, which the transport then sends.
    async fn next(&mut self) -> Option<CallMessage<K::Call>> {
        loop {
            let message = self.queue.recv().await?;
            match &message {
                CallMessage::Call { id, .. } if !self.hook.mark_taken(*id) => {}
                _ => return Some(message),
            }
        }
    }
}

/// Returns the stream of responses to a stream of requests.
pub(super) fn open<K: WireHook>(
    control: &Arc<Control>,
    session: Arc<Session>,
    requests: Streaming<K::Request>,
) -> BoxStream<K::Response> {
    let control = control.clone();
    let (sender, replies) = mpsc::channel(MAX_QUEUED_REPLIES);
    // In a task, so that the response headers are sent before the plugin's first message arrives.
    tokio::spawn(async move {
        let end = tokio::select! {
            // A stop ends the sessions too, so it is checked first and reported as the reason.
            biased;
            () = control.force_stop.cancelled() => Err(status::stopping()),
            () = sender.closed() => Ok(()),
            end = session.ended() => Err(status::session_ended(end)),
            end = run::<K>(&control, &session, requests, &sender) => end,
        };
        if let Err(end) = end {
            let _ = sender.send(Err(end)).await;
        }
    });
    let responses = Some(Responses::<K> {
        replies,
        calls: None,
    });
    // The transport polls the hook's own queue of calls: there is no task and no queue between them.
    Box::pin(stream::unfold(responses, async |responses| {
        let mut responses = responses?;
        match responses.next().await? {
            Ok(message) => Some((Ok(K::to_plugin(message)), Some(responses))),
            Err(end) => Some((Err(end), None)),
        }
    }))
}

/// Merge of replies and calls, in which replies come first.
struct Responses<K: WireHook> {
    replies: mpsc::Receiver<Result<Reply<K>, Status>>,
    /// None before the hook is open, and after it is closed.
    calls: Option<HookCalls<K>>,
}

impl<K: WireHook> Responses<K> {
    /// Waits for the next message. None at the end of the stream.
    async fn next(&mut self) -> Option<Result<ToPlugin<K::Call>, Status>> {
        loop {
            let call = async {
                match &mut self.calls {
                    Some(calls) => calls.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                reply = self.replies.recv() => return Some(reply?.map(|reply| self.reply(reply))),
                call = call => match call {
                    Some(message) => return Some(Ok(wire::call_message(message))),
                    // The hook is closed. The error with the reason follows in `replies`.
                    None => self.calls = None,
                },
            }
        }
    }

    fn reply(&mut self, reply: Reply<K>) -> ToPlugin<K::Call> {
        match reply {
            Reply::Opened(opened, calls) => {
                self.calls = Some(calls);
                ToPlugin::Opened(opened)
            }
            Reply::FiltersUpdated(updated) => ToPlugin::FiltersUpdated(updated),
        }
    }
}

/// Opens the hook with the first request, then receives results until the plugin ends the stream.
async fn run<K: WireHook>(
    control: &Arc<Control>,
    session: &Arc<Session>,
    mut requests: Streaming<K::Request>,
    replies: &ReplySender<K>,
) -> Result<(), Status> {
    let first = requests.next().await.transpose()?.and_then(K::from_plugin);
    let Some(FromPlugin::Open(open)) = first else {
        return Err(invalid(
            "message",
            "the first message of a hook stream must be open",
        ));
    };
    let (guard, queue, opened) =
        open_hook::<K>(control, session, K::opening(open, session).await?).await?;
    let hook = guard.hook().clone();
    send(replies, Reply::Opened(opened, HookCalls { queue, hook })).await;
    receive(&guard, &mut requests, replies).await
}

/// Open hook, its queue of calls, and the reply to the plugin.
type OpenedHook<K> = (
    HookGuard<K>,
    mpsc::Receiver<CallMessage<<K as HookType>::Call>>,
    proto::HookOpened,
);

async fn open_hook<K: WireHook>(
    control: &Control,
    session: &Arc<Session>,
    opening: Opening<K>,
) -> Result<OpenedHook<K>, Status> {
    let options = wire::open_options(opening).await?;
    let max_concurrent_calls = options.max_concurrent_calls;
    let call_timeout = (!control.debug).then_some(options.call_timeout);
    let (calls, receiver) = Calls::new(max_concurrent_calls, call_timeout);
    let hook = Hook::new(session, options.hook, calls);
    let guard = control
        .plugins
        .open_hook(session, hook)
        .map_err(status::hook_error)?;
    let opened = proto::HookOpened {
        max_concurrent_calls: convert::size(max_concurrent_calls),
        call_timeout: call_timeout.map(convert::duration),
        max_body_bytes: convert::size(MAX_BODY_BYTES),
    };
    Ok((guard, receiver, opened))
}

/// Receives results and filter updates until the plugin ends the stream.
async fn receive<K: WireHook>(
    guard: &HookGuard<K>,
    requests: &mut Streaming<K::Request>,
    replies: &ReplySender<K>,
) -> Result<(), Status> {
    while let Some(request) = requests.next().await {
        match K::from_plugin(request?) {
            Some(FromPlugin::Result(result)) => {
                // Hashes the body and checks whether it is UTF-8.
                let bytes = result.encoded_len();
                let (call_id, outcome) = compute(bytes, || Ok(K::outcome(result))).await?;
                guard.hook().resolve(call_id, outcome);
            }
            Some(FromPlugin::UpdateFilters(update)) => {
                let error = match wire::filters::<K>(update.filters).await {
                    Ok(filters) => {
                        guard.update_filters(filters);
                        None
                    }
                    Err(error) if update.report_errors => Some(wire::filters_error(&error)),
                    Err(error) => return Err(error),
                };
                let updated = proto::FiltersUpdated { error };
                send(replies, Reply::FiltersUpdated(updated)).await;
            }
            Some(FromPlugin::Open(_)) => {
                return Err(invalid("message", "only the first message may be open"));
            }
            None => return Err(invalid("message", "is not set")),
        }
    }
    Ok(())
}

/// Queues a reply. It fails only when the stream is closed, which also ends the calling task.
async fn send<K: WireHook>(replies: &ReplySender<K>, reply: Reply<K>) {
    let _ = replies.send(Ok(reply)).await;
}
