//! The serve hook's stream: calls come down, results go up, matched by call id.

use super::{
    handlers::{ServeHandler, finishing, guarded},
    request::Request,
};
use crate::{Context, Error, Failure, Outcome, Result, ServeOptions, proto};
use proto::{serve_request::Message as Up, serve_response::Message as Down};
use std::collections::HashMap;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// Results that wait to be written; beyond it their handlers wait.
const RESULT_QUEUE: usize = 32;

/// An open serve hook.
pub(super) struct ServeHook {
    calls: Streaming<proto::ServeResponse>,
    results: mpsc::Sender<proto::ServeRequest>,
    handler: ServeHandler,
    context: Context,
}

impl ServeHook {
    /// Opens the hook, and returns when the daemon has it in force.
    pub(super) async fn open(
        options: ServeOptions,
        handler: ServeHandler,
        context: Context,
    ) -> Result<Self> {
        let (results, queue) = mpsc::channel(RESULT_QUEUE);
        let open = proto::ServeRequest {
            message: Some(Up::Open(options.0)),
        };
        results
            .try_send(open)
            .map_err(|_| Error::Unexpected("a stream that is full at once"))?;
        let stream = tonic::Request::new(ReceiverStream::new(queue));
        let stream = context.session_id().tie(stream);
        let mut calls = context.client().raw().serve(stream).await?.into_inner();
        match calls.message().await?.and_then(|first| first.message) {
            Some(Down::Opened(_)) => Ok(Self {
                calls,
                results,
                handler,
                context,
            }),
            _ => Err(Error::Unexpected(
                "a hook that does not begin with `opened`",
            )),
        }
    }

    /// Answers calls, each in a task of its own, until told to stop; then finishes those that run.
    /// Dropping it cancels them.
    ///
    /// # Errors
    /// When the daemon ends the stream.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        let mut tasks = JoinSet::new();
        let mut running: HashMap<u64, AbortHandle> = HashMap::new();
        let mut stopping = false;
        while !(stopping && tasks.is_empty()) {
            tokio::select! {
                () = finishing(&mut stop), if !stopping => stopping = true,
                message = self.calls.message() => {
                    let message = message?.ok_or(Error::Unexpected("a hook that ended by itself"))?;
                    match message.message {
                        Some(Down::Call(call)) => {
                            running.insert(call.call_id, tasks.spawn(self.answer(call)));
                        }
                        Some(Down::Cancel(cancel)) => {
                            if let Some(task) = running.remove(&cancel.call_id) {
                                task.abort();
                            }
                        }
                        Some(Down::Opened(_) | Down::FiltersUpdated(_)) | None => {}
                    }
                }
                Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Ok(call_id) = done {
                        running.remove(&call_id);
                    }
                }
            }
        }
        // Results are on the wire when the daemon has answered the end of our side.
        drop(self.results);
        while self.calls.message().await?.is_some() {}
        Ok(())
    }

    /// Answers one call, and says which it was.
    fn answer(&self, call: proto::ServeCall) -> impl Future<Output = u64> + Send + 'static {
        let (handler, results) = (self.handler.clone(), self.results.clone());
        let context = self.context.clone();
        async move {
            let call_id = call.call_id;
            let outcome = guarded(async { handler(Request::new(call, context)).await }).await;
            let outcome =
                outcome.unwrap_or_else(|error| Outcome::Failure(Failure::from_error(error)));
            let result = Up::Result(outcome.into_result(call_id));
            // Nobody waits for the result of a stream that is over.
            let _ = results
                .send(proto::ServeRequest {
                    message: Some(result),
                })
                .await;
            call_id
        }
    }
}
