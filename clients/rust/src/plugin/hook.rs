//! A hook's stream: calls come down, results go up, matched by call id.

use super::handlers::{Running, finishing, guarded};
use crate::{
    Context, Error, Failure, LiveFilters, RawClient, Result,
    live_filters::HookFilters,
    proto::{self, RequestFilter},
};
use std::{collections::HashMap, pin::pin, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Results that wait to be written; beyond it their handlers wait.
const RESULT_QUEUE: usize = 32;

/// A kind of hook: what its handler makes of what, and the messages of its stream.
pub(super) trait Hook: 'static {
    /// What the handler gets.
    type Input: Send + 'static;
    /// What the handler makes of it, unless it fails.
    type Output: Send + 'static;
    /// The options as the daemon is told them, still without filters.
    type Open: Clone;
    /// A message to the daemon.
    type Up: Send + 'static;
    /// A message of the daemon.
    type Down: Send + 'static;

    /// The stream as a session declares it.
    const KIND: proto::Hook;

    fn open(open: Self::Open, filters: Vec<RequestFilter>) -> Self::Up;
    fn start(
        client: RawClient,
        stream: Request<ReceiverStream<Self::Up>>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Down>>, Status>> + Send;
    fn received(message: Self::Down, context: &Context) -> Option<Received<Self::Input>>;
    fn result(call_id: u64, result: Result<Self::Output, Failure>) -> Self::Up;
    fn update(filters: proto::UpdateFilters) -> Self::Up;
}

/// What the daemon says on any hook's stream.
pub(super) enum Received<I> {
    Opened,
    Call(u64, I),
    Cancel(u64),
    FiltersUpdated,
}

/// The closure behind a hook.
pub(super) type HookHandler<H> =
    Arc<dyn Fn(<H as Hook>::Input) -> Running<<H as Hook>::Output> + Send + Sync>;

/// A hook that a plugin has; each session opens it.
pub(super) struct DeclaredHook<H: Hook> {
    pub(super) options: H::Open,
    pub(super) filters: LiveFilters,
    pub(super) handler: HookHandler<H>,
}

/// An open hook.
pub(super) struct OpenHook<H: Hook> {
    down: Streaming<H::Down>,
    up: mpsc::Sender<H::Up>,
    filters: HookFilters,
    handler: HookHandler<H>,
    context: Context,
}

impl<H: Hook> DeclaredHook<H> {
    /// Makes a handler of a closure whose result converts into the hook's output.
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

    /// Opens the hook, and returns when the daemon has it in force.
    pub(super) async fn open(&self, context: Context) -> Result<OpenHook<H>> {
        let (up, queue) = mpsc::channel(RESULT_QUEUE);
        let (first_filters, filters) = self.filters.open();
        up.try_send(H::open(self.options.clone(), first_filters))
            .map_err(|_| Error::Unexpected("a stream that is full at once"))?;
        let stream = context
            .session_id()
            .tie(Request::new(ReceiverStream::new(queue)));
        let started = H::start(context.client().raw(), stream).await?;
        let mut down = started.into_inner();
        let first = down.message().await?;
        let Some(Received::Opened) = first.and_then(|first| H::received(first, &context)) else {
            return Err(Error::Unexpected(
                "a hook that does not begin with `opened`",
            ));
        };
        filters.in_force();
        Ok(OpenHook {
            down,
            up,
            filters,
            handler: self.handler.clone(),
            context,
        })
    }
}

impl<H: Hook> OpenHook<H> {
    /// Answers calls, each in a task of its own, until told to stop; then finishes those that run.
    /// Dropping it cancels them.
    ///
    /// # Errors
    /// When the daemon ends the stream.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        self.answer_calls(&mut stop).await?;
        // Results are on the wire when the daemon has answered the end of our side.
        drop(self.up);
        while self.down.message().await?.is_some() {}
        Ok(())
    }

    async fn answer_calls(&mut self, stop: &mut watch::Receiver<bool>) -> Result<()> {
        let mut tasks = JoinSet::new();
        let mut running: HashMap<u64, AbortHandle> = HashMap::new();
        let mut stopping = false;
        // Beside the loop: the daemon may read no update before we read a call.
        let mut updating = pin!(send_updates::<H>(&self.filters, &self.up));
        while !(stopping && tasks.is_empty()) {
            tokio::select! {
                () = finishing(stop), if !stopping => stopping = true,
                () = &mut updating => {}
                message = self.down.message() => {
                    let message = message.inspect_err(|end| self.filters.failed(end.clone()))?;
                    let message = message.ok_or(Error::Unexpected("a hook that ended by itself"))?;
                    match H::received(message, &self.context) {
                        Some(Received::Call(call_id, input)) => {
                            let (handler, up) = (self.handler.clone(), self.up.clone());
                            let task = tasks.spawn(answer::<H>(call_id, input, handler, up));
                            running.insert(call_id, task);
                        }
                        Some(Received::Cancel(call_id)) => {
                            if let Some(task) = running.remove(&call_id) {
                                task.abort();
                            }
                        }
                        Some(Received::FiltersUpdated) => self.filters.in_force(),
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

/// Answers one call, and says which it was.
async fn answer<H: Hook>(
    call_id: u64,
    input: H::Input,
    handler: HookHandler<H>,
    up: mpsc::Sender<H::Up>,
) -> u64 {
    let result = guarded(async { handler(input).await }).await;
    let result = H::result(call_id, result.map_err(Failure::from_error));
    // Nobody waits for the result of a stream that is over.
    let _ = up.send(result).await;
    call_id
}

/// Tells the daemon of new filters, for as long as it is polled.
async fn send_updates<H: Hook>(filters: &HookFilters, up: &mpsc::Sender<H::Up>) {
    loop {
        let filters = filters.next().await;
        // A stream that is over goes by no filters.
        let _ = up.send(H::update(proto::UpdateFilters { filters })).await;
    }
}
