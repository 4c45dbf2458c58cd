//! Stream that carries a client's sends: it avoids one RPC per send, and keeps them in call order.

use crate::{Error, RawClient, Report, Result, proto};
use futures_util::StreamExt;
use proto::send_stream_response::Outcome;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status};

/// The stream of a client and its clones, opened by the first send and reopened by the first send after a
/// failure.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendStream(Arc<Mutex<Option<Arc<Open>>>>);

/// A stream that is or was open.
#[derive(Debug)]
struct Open {
    /// Unbounded, because each entry belongs to a waiting caller, and a bounded queue could reorder the calls
    /// that wait for capacity.
    queue: mpsc::UnboundedSender<Queued>,
    /// The status with which the stream ended, once it has.
    end: watch::Receiver<Option<Status>>,
}

#[derive(Debug)]
struct Queued {
    send: proto::SendRequest,
    reply: ReplySender,
}

type ReplySender = oneshot::Sender<Result<Report>>;

impl SendStream {
    /// Sends and waits for the report. Calls are sent in the order in which their futures are first polled.
    /// `raw` provides the client if the stream has to be opened.
    pub(crate) async fn send(
        &self,
        raw: impl FnOnce() -> RawClient,
        send: proto::SendRequest,
    ) -> Result<Report> {
        let open = self.open(raw);
        let (reply, report) = oneshot::channel();
        // If the queue is closed, `reply` is dropped, and awaiting `report` below fails.
        let _ = open.queue.send(Queued { send, reply });
        if let Ok(report) = report.await {
            return report;
        }
        let mut end = open.end.clone();
        let end = end.wait_for(Option::is_some).await;
        let end = end.ok().and_then(|end| end.clone());
        Err(end.map_or_else(runtime_stopped, Error::from))
    }

    fn open(&self, raw: impl FnOnce() -> RawClient) -> Arc<Open> {
        // No code panics while it is locked.
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*stream {
            Some(open) if !open.queue.is_closed() => open.clone(),
            _ => stream.insert(Arc::new(Open::new(raw()))).clone(),
        }
    }
}

impl Open {
    fn new(raw: RawClient) -> Self {
        let (queue, queued) = mpsc::unbounded_channel();
        let (ended, end) = watch::channel(None);
        tokio::spawn(async move {
            let status = match run(raw, queued).await {
                Ok(()) => Status::unavailable("the daemon ended the stream of sends"),
                Err(status) => status,
            };
            ended.send_replace(Some(status));
        });
        Self { queue, end }
    }
}

/// Writes queued sends and passes on the reports, which arrive in the same order. When the stream ends, the
/// reply channels of sends without a report are dropped, which wakes their callers.
async fn run(mut raw: RawClient, queued: mpsc::UnboundedReceiver<Queued>) -> Result<(), Status> {
    let pending = Arc::new(Mutex::new(VecDeque::<ReplySender>::new()));
    let written = pending.clone();
    let requests = UnboundedReceiverStream::new(queued).map(move |Queued { send, reply }| {
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push_back(reply);
        proto::SendStreamRequest { send: Some(send) }
    });
    let mut responses = raw.send_stream(requests).await?.into_inner();
    while let Some(response) = responses.message().await? {
        let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reply) = pending.pop_front() {
            // The caller may have been cancelled.
            let _ = reply.send(report(response));
        }
    }
    Ok(())
}

fn report(response: proto::SendStreamResponse) -> Result<Report> {
    match response.outcome {
        Some(Outcome::Report(report)) => Report::from_proto(Some(report)),
        Some(Outcome::Error(error)) => Err(Error::Rpc {
            code: Code::from_i32(error.code),
            reason: error.reason,
            message: error.message,
            violations: Vec::new(),
        }),
        None => Err(Error::Unexpected("a send without an outcome")),
    }
}

/// The error when the task of the stream was dropped with its runtime.
fn runtime_stopped() -> Error {
    Error::Disconnected {
        problem: "the Tokio runtime that ran the stream of sends has shut down".to_owned(),
    }
}
