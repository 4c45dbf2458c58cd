//! The stream under a client's sends: no RPC is set up for each, and they arrive in the order in which
//! they were called.

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

/// The stream of a client and its clones: opened by the first send, and again by the next one after
/// it broke.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendStream(Arc<Mutex<Option<Arc<Open>>>>);

/// A stream that is open, or was.
#[derive(Debug)]
struct Open {
    /// Without a bound of its own: each entry is of a caller that waits, and who is first must not depend
    /// on who gets room first.
    queue: mpsc::UnboundedSender<Queued>,
    /// Why it is over, once it is.
    end: watch::Receiver<Option<Status>>,
}

#[derive(Debug)]
struct Queued {
    send: proto::SendRequest,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<Report>>;

impl SendStream {
    /// Sends, and waits for what the daemon says of it. Calls are sent in the order in which they were
    /// first polled. A stream that is to be opened is opened by `raw`.
    pub(crate) async fn send(
        &self,
        raw: impl FnOnce() -> RawClient,
        send: proto::SendRequest,
    ) -> Result<Report> {
        let open = self.open(raw);
        let (answer, answered) = oneshot::channel();
        // A queue that is closed by now says so below.
        let _ = open.queue.send(Queued { send, answer });
        if let Ok(report) = answered.await {
            return report;
        }
        let mut end = open.end.clone();
        let end = end.wait_for(Option::is_some).await;
        let end = end.ok().and_then(|end| end.clone());
        Err(end.map_or_else(stopped, Error::from))
    }

    fn open(&self, raw: impl FnOnce() -> RawClient) -> Arc<Open> {
        // Nothing panics while it is locked.
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
                Ok(()) => Status::unavailable("the daemon has ended the stream of sends"),
                Err(status) => status,
            };
            ended.send_replace(Some(status));
        });
        Self { queue, end }
    }
}

/// Writes what is queued and hands out the answers, which come in the same order. What was not
/// answered at the end is dropped.
async fn run(mut raw: RawClient, queued: mpsc::UnboundedReceiver<Queued>) -> Result<(), Status> {
    let waiting = Arc::new(Mutex::new(VecDeque::<Answer>::new()));
    let written = waiting.clone();
    let requests = UnboundedReceiverStream::new(queued).map(move |Queued { send, answer }| {
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push_back(answer);
        proto::SendStreamRequest { send: Some(send) }
    });
    let mut responses = raw.send_stream(requests).await?.into_inner();
    while let Some(response) = responses.message().await? {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = waiting.pop_front() {
            // Its caller may have gone.
            let _ = answer.send(report(response));
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

/// The task of the stream is gone with its runtime.
fn stopped() -> Error {
    Error::Disconnected {
        problem: "the stream of sends has stopped with its runtime".to_owned(),
    }
}
