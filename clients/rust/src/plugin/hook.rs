//! The stream of a hook: the daemon sends calls, the plugin returns results, matched by call id.

use super::{
    handlers::{HandlerFuture, catch_panic, stop_requested},
    start::Started,
};
use crate::{
    Context, Error, Failure, LiveFilters, RawClient, Result,
    live_filters::HookFilters,
    log::log,
    proto::{self, RequestFilter},
};
use prost::Message as _;
use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::sleep,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Number of results that may wait to be written; handlers wait when the queue is full.
const RESULT_QUEUE: usize = 32;
/// How long to wait, when the hook ends, for the daemon to confirm that it makes no further calls. After that
/// the stream is closed anyway.
const WITHDRAWAL_TIMEOUT: Duration = Duration::from_secs(1);

/// A type of hook: input and output of its handler, and the messages of its stream.
pub(super) trait Hook: 'static {
    /// The argument of the handler.
    type Input: Send + 'static;
    /// The result of the handler.
    type Output: Send + 'static;
    /// The options on the wire, without filters.
    type Open: Clone + Send + Sync;
    /// A message to the daemon.
    type ToDaemon: prost::Message + 'static;
    /// A message from the daemon.
    type FromDaemon: Send + 'static;

    /// What the handler does, in the log.
    const NAME: &str;
    /// The hook as declared by a session.
    const KIND: proto::Hook;

    fn open(open: Self::Open, filters: Vec<RequestFilter>) -> Self::ToDaemon;
    fn start(
        client: RawClient,
        stream: Request<ReceiverStream<Self::ToDaemon>>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::FromDaemon>>, Status>> + Send;
    fn received(
        message: Self::FromDaemon,
        options: &Self::Open,
        context: &Context,
    ) -> Option<Received<Self::Input>>;
    /// The request that a call is about.
    fn request(input: &Self::Input) -> &super::Request;
    fn result(call_id: u64, result: Result<Self::Output, Failure>) -> Self::ToDaemon;
    fn update(filters: proto::UpdateFilters) -> Self::ToDaemon;
}

/// A message of the daemon on the stream of any hook.
pub(super) enum Received<I> {
    Opened,
    Call(u64, I),
    Cancel(u64),
    /// With the reason if they were refused.
    FiltersUpdated(Option<proto::FiltersError>),
}

/// The handler of a hook.
pub(super) type HookHandler<H> =
    Arc<dyn Fn(<H as Hook>::Input) -> HandlerFuture<<H as Hook>::Output> + Send + Sync>;

/// A hook of a plugin; each session opens it.
pub(super) struct DeclaredHook<H: Hook> {
    pub(super) options: H::Open,
    pub(super) filters: LiveFilters,
    pub(super) handler: HookHandler<H>,
}

/// An open hook.
pub(super) struct OpenHook<H: Hook> {
    incoming: Streaming<H::FromDaemon>,
    outgoing: mpsc::Sender<H::ToDaemon>,
    filters: HookFilters,
    options: H::Open,
    handler: HookHandler<H>,
    context: Context,
}

impl<H: Hook> DeclaredHook<H> {
    /// Wraps a closure whose result converts into the hook's output.
    pub(super) fn new<C, F, O>(options: H::Open, filters: LiveFilters, handler: C) -> Self
    where
        C: Fn(H::Input) -> F + Send + Sync + 'static,
        F: Future<Output = super::HandlerResult<O>> + Send + 'static,
        O: Into<H::Output>,
    {
        let handler = Arc::new(move |input| {
            let output = handler(input);
            Box::pin(async move { output.await.map(Into::into) }) as _
        });
        Self {
            options,
            filters,
            handler,
        }
    }

    /// Opens the hook, and returns once the daemon has confirmed that.
    pub(super) async fn open(&self, context: Context) -> Result<OpenHook<H>> {
        let (outgoing, queue) = mpsc::channel(RESULT_QUEUE);
        let (first_filters, filters) = self.filters.open();
        outgoing
            .try_send(H::open(self.options.clone(), first_filters))
            .map_err(|_| Error::Unexpected("the queue of a new stream is full"))?;
        let stream = context
            .session_id()
            .attach(Request::new(ReceiverStream::new(queue)));
        let started = H::start(context.client().raw(), stream).await?;
        let mut incoming = started.into_inner();
        let first = incoming.message().await?;
        let Some(Received::Opened) =
            first.and_then(|first| H::received(first, &self.options, &context))
        else {
            return Err(Error::Unexpected(
                "the first message of the hook is not `opened`",
            ));
        };
        filters.confirm();
        Ok(OpenHook {
            incoming,
            outgoing,
            filters,
            options: self.options.clone(),
            handler: self.handler.clone(),
            context,
        })
    }
}

impl<H: Hook> OpenHook<H> {
    /// Answers calls, each in a task of its own, until `stop` is set and the daemon makes no further calls; then
    /// finishes the running ones. Dropping the future cancels them.
    ///
    /// # Errors
    /// When the daemon ends the stream.
    pub(super) async fn run(
        mut self,
        started: Started,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        self.answer_calls(&started, &mut stop).await?;
        // All results have been received once the daemon ends its side in response.
        drop(self.outgoing);
        while self.incoming.message().await?.is_some() {}
        Ok(())
    }

    async fn answer_calls(
        &mut self,
        started: &Started,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<()> {
        let mut tasks = JoinSet::new();
        let mut running: HashMap<u64, AbortHandle> = HashMap::new();
        let mut withdrawn = false;
        // Concurrent with the loop, because the daemon may not read an update until a call has been read.
        let mut updates = pin!(send_updates::<H>(&self.filters, &self.outgoing, stop));
        while !(withdrawn && tasks.is_empty()) {
            tokio::select! {
                () = &mut updates, if !withdrawn => withdrawn = true,
                message = self.incoming.message() => {
                    let message = message.inspect_err(|end| self.filters.failed(end))?;
                    let message = message.ok_or(Error::Unexpected("the hook ended unexpectedly"))?;
                    match H::received(message, &self.options, &self.context) {
                        Some(Received::Call(call_id, input)) => {
                            let (handler, outgoing) = (self.handler.clone(), self.outgoing.clone());
                            let answer =
                                answer::<H>(call_id, input, started.clone(), handler, outgoing);
                            let task = tasks.spawn(answer);
                            running.insert(call_id, task);
                        }
                        Some(Received::Cancel(call_id)) => {
                            if let Some(task) = running.remove(&call_id) {
                                task.abort();
                            }
                        }
                        Some(Received::FiltersUpdated(Some(error))) => self.filters.refused(&error),
                        // Updates are answered in order, and the withdrawal is the last one.
                        Some(Received::FiltersUpdated(None)) => withdrawn |= !self.filters.confirm(),
                        Some(Received::Opened) | None => {}
                    }
                }
                Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Ok(call_id) = done {
                        running.remove(&call_id);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Size of a result that is certainly too large: the daemon would end the connection. It answers smaller ones that exceed
/// its limit with an error page. Default 24 MiB.
const MAX_RESULT_BYTES: usize = 24 * 1024 * 1024;

/// Answers one call; returns its id.
async fn answer<H: Hook>(
    call_id: u64,
    input: H::Input,
    mut started: Started,
    handler: HookHandler<H>,
    outgoing: mpsc::Sender<H::ToDaemon>,
) -> u64 {
    let path = H::request(&input).path().to_owned();
    let result = async {
        started.wait_for_call(H::request(&input)).await?;
        catch_panic(async { handler(input).await }).await
    };
    let failed = |failure: Failure| {
        log!(error, "{} of {path} failed: {failure}", H::NAME);
        H::result(call_id, Err(failure))
    };
    let mut message = match result.await.map_err(Failure::from_error) {
        Ok(output) => H::result(call_id, Ok(output)),
        Err(failure) => failed(failure),
    };
    let size = message.encoded_len();
    if size > MAX_RESULT_BYTES {
        let text = format!(
            "the result has {size} bytes, but the daemon accepts a body of at most 16 MiB (name a file instead: Content::file)"
        );
        message = failed(Failure::new(text));
    }
    // A closed stream needs no result.
    let _ = outgoing.send(message).await;
    call_id
}

/// Sends new filters to the daemon until `stop` is set; then removes all of them, so that the daemon makes no
/// further calls. Returns if that is not confirmed in time.
async fn send_updates<H: Hook>(
    filters: &HookFilters,
    outgoing: &mpsc::Sender<H::ToDaemon>,
    stop: &mut watch::Receiver<bool>,
) {
    let send = async |filters| {
        // A closed stream needs no filters.
        let _ = outgoing
            .send(H::update(proto::UpdateFilters {
                filters,
                report_errors: true,
            }))
            .await;
    };
    loop {
        tokio::select! {
            () = stop_requested(stop) => break,
            filters = filters.next() => send(filters).await,
        }
    }
    send(Vec::new()).await;
    sleep(WITHDRAWAL_TIMEOUT).await;
}
