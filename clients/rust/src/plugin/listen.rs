//! The plugin's subscription: dispatches events to handlers; those of one socket run sequentially.

use super::{
    handlers::{HandlerResult, Listeners, catch_panic, stop_requested},
    start::Started,
};
use crate::{
    Client, Context, Error, Event, Result, Socket, SubscribeOptions, Subscription, What,
    error::one_line, log::log,
};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};
use tokio::{
    sync::{Semaphore, oneshot, watch},
    task::JoinSet,
};

/// Limit of handlers that run or wait for earlier ones of their socket. At the limit no event is read, so that
/// the daemon's queue fills and it finally ends the subscription with `SUBSCRIBER_SLOW`.
const MAX_HANDLERS: usize = 256;
/// Number of tracked sockets at which those whose last handler has finished are removed.
const MAX_TRACKED_SOCKETS: usize = 1024;

/// The event of a handler, formatted only for the log.
enum HandledEvent {
    Message(Arc<str>),
    Request(Arc<str>),
    Socket(&'static str),
}

impl fmt::Display for HandledEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(kind) => write!(f, "message \"{kind}\""),
            Self::Request(kind) => write!(f, "request \"{kind}\""),
            Self::Socket(what) => write!(f, "socket {what}"),
        }
    }
}

/// The subscription of a plugin and the state of its handlers.
pub(super) struct Listening {
    events: Subscription,
    listeners: Arc<Listeners>,
    client: Client,
    /// Sockets known to be ready.
    ready: HashSet<String>,
    /// The last handler of each socket; the receiver resolves when it has finished.
    last_handlers: HashMap<String, oneshot::Receiver<()>>,
    permits: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Listening {
    /// Subscribes to the events that have handlers, starting at the session's position.
    pub(super) async fn open(listeners: Arc<Listeners>, context: &Context) -> Result<Self> {
        let client = context.client().clone();
        let (sockets, position) = if context.sockets_truncated() {
            let list = client.list_sockets(None).await?;
            (list.sockets, list.position)
        } else {
            (context.sockets().to_vec(), context.position())
        };
        let ready = sockets
            .into_iter()
            .filter(|socket| socket.ready)
            .map(|s| s.socket_id);

        let Listeners {
            messages, requests, ..
        } = &*listeners;
        let mut options = SubscribeOptions::new()
            .resume_after(position)
            .answers(requests.keys().map(|kind| &**kind));
        if !messages.is_empty() || !requests.is_empty() {
            let kinds = messages.keys().chain(requests.keys());
            options = options.message_types(kinds.map(|kind| &**kind));
        }
        if listeners.wants_sockets() {
            options = options.sockets();
        }
        let events = client
            .subscribe_in_session(options, context.session_id())
            .await?;
        Ok(Self {
            events,
            ready: ready.collect(),
            listeners,
            client,
            last_handlers: HashMap::new(),
            permits: Arc::new(Semaphore::new(MAX_HANDLERS)),
            tasks: JoinSet::new(),
        })
    }

    /// Calls handlers, once `server_start` has returned, until `stop` is set; then finishes the running ones.
    /// Dropping the future cancels them.
    ///
    /// # Errors
    /// When the daemon ends the subscription.
    pub(super) async fn run(
        mut self,
        mut started: Started,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        tokio::select! {
            () = stop_requested(&mut stop) => return Ok(()),
            () = started.wait() => {}
        }
        loop {
            let event = tokio::select! {
                () = stop_requested(&mut stop) => break,
                event = self.events.next() => event?,
            };
            let event = event.ok_or(Error::Unexpected("the subscription ended unexpectedly"))?;
            while self.tasks.try_join_next().is_some() {}
            self.dispatch(event).await?;
        }
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    async fn dispatch(&mut self, event: Event) -> Result<()> {
        let (listeners, client) = (self.listeners.clone(), self.client.clone());
        match event.what {
            What::Message(message) => {
                let socket_id = message.socket_id().to_owned();
                let kind = message.message_type();
                if let Some((kind, handler)) = listeners.requests.get_key_value(kind) {
                    let (event, handler) = (HandledEvent::Request(kind.clone()), handler.clone());
                    let work = async move {
                        let request_id = message.request_id().map(str::to_owned);
                        let result =
                            catch_panic(async { handler(message, client.clone()).await }).await;
                        reply(&client, request_id, result).await
                    };
                    self.run_in_order(socket_id, event, work).await?;
                } else if let Some((kind, handler)) = listeners.messages.get_key_value(kind) {
                    let (event, handler) = (HandledEvent::Message(kind.clone()), handler.clone());
                    let work = async move { handler(message, client).await };
                    self.run_in_order(socket_id, event, work).await?;
                }
            }
            What::SocketOpened { socket, .. } => {
                if let Some(handler) = listeners.socket_opened.clone() {
                    let (id, socket) = (socket.socket_id.clone(), socket.clone());
                    let work = async move { handler(socket, client).await };
                    self.run_in_order(id, HandledEvent::Socket("opened"), work)
                        .await?;
                }
                self.dispatch_if_ready(socket).await?;
            }
            What::SocketUpdated(socket) => self.dispatch_if_ready(socket).await?,
            What::SocketClosed(closed) => {
                self.ready.remove(&closed.socket_id);
                if let Some(handler) = listeners.socket_closed.clone() {
                    let id = closed.socket_id.clone();
                    let work = async move { handler(closed, client).await };
                    self.run_in_order(id, HandledEvent::Socket("closed"), work)
                        .await?;
                }
            }
            What::Gap(gap) => log!(
                warn,
                "events between {} and {} were lost",
                gap.after_sequence,
                gap.before_sequence
            ),
            _ => {}
        }
        Ok(())
    }

    async fn dispatch_if_ready(&mut self, socket: Socket) -> Result<()> {
        let became_ready = socket.ready && self.ready.insert(socket.socket_id.clone());
        if became_ready && let Some(handler) = self.listeners.socket_ready.clone() {
            let (id, client) = (socket.socket_id.clone(), self.client.clone());
            let work = async move { handler(socket, client).await };
            self.run_in_order(id, HandledEvent::Socket("ready"), work)
                .await?;
        }
        Ok(())
    }

    /// Runs a handler in a task, after the previous one of the same socket. Waits while [`MAX_HANDLERS`] are
    /// pending.
    async fn run_in_order(
        &mut self,
        socket_id: String,
        event: HandledEvent,
        work: impl Future<Output = HandlerResult> + Send + 'static,
    ) -> Result<()> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit =
            permit.map_err(|_| Error::Unexpected("the semaphore of handlers is closed"))?;
        if self.last_handlers.len() >= MAX_TRACKED_SOCKETS {
            self.last_handlers.retain(|_, done| {
                matches!(done.try_recv(), Err(oneshot::error::TryRecvError::Empty))
            });
        }
        let (done, finished) = oneshot::channel::<()>();
        let previous = self.last_handlers.insert(socket_id, finished);
        self.tasks.spawn(async move {
            if let Some(previous) = previous {
                // Its sender is dropped when it finishes.
                let _ = previous.await;
            }
            if let Err(error) = catch_panic(work).await {
                log!(error, "{event} failed: {}", one_line(error.as_ref()));
            }
            drop((done, permit));
        });
        Ok(())
    }
}

/// Sends the result of a handler as the reply to a page's request. The handler's error is also returned.
async fn reply(
    client: &Client,
    request_id: Option<String>,
    result: HandlerResult<String>,
) -> HandlerResult {
    let Some(request_id) = request_id else {
        return result.map(drop);
    };
    let sent = match result {
        Ok(json) => client.reply_json(request_id.clone(), json).await,
        Err(error) => {
            let problem = one_line(error.as_ref());
            let _ = client.reply_error(request_id, problem).await;
            return Err(error);
        }
    };
    match sent {
        // Another plugin has replied first, or the page no longer waits.
        Err(error)
            if matches!(
                error.reason(),
                Some("ALREADY_ANSWERED" | "REQUEST_EXPIRED" | "REQUEST_NOT_FOUND")
            ) =>
        {
            Ok(())
        }
        // Such as a reply that is too large: the page would wait for it in vain.
        Err(error) => {
            let _ = client.reply_error(request_id, one_line(&error)).await;
            Err(error.into())
        }
        Ok(_) => Ok(()),
    }
}
