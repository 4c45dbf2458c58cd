//! The plugin's subscription: every event goes to its handler, and each socket's handlers run one
//! after the other.

use super::handlers::{HandlerResult, Listeners, finishing, guarded};
use crate::{
    Client, Context, Error, Event, Result, Socket, SubscribeOptions, Subscription, What,
    error::one_line,
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

/// Handlers that run, or wait for their turn at their socket. Beyond it no event is read, so that
/// the daemon's buffer fills and at last ends the subscription with `SUBSCRIBER_SLOW`.
const MAX_HANDLERS: usize = 256;
/// Sockets whose last handler is remembered, before those that are done are looked for.
const MAX_IDLE_TURNS: usize = 1024;

/// What a handler was called about. It is put into words when something goes wrong.
enum About {
    Message(Arc<str>),
    Socket(&'static str),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(kind) => write!(f, "message `{kind}`"),
            Self::Socket(what) => f.write_str(what),
        }
    }
}

/// The subscription of a plugin that listens, and where its handlers stand.
pub(super) struct Listening {
    events: Subscription,
    listeners: Arc<Listeners>,
    client: Client,
    plugin_name: Arc<str>,
    /// Sockets that were told to be ready.
    ready: HashSet<String>,
    /// The last handler of each socket: resolves when it is done.
    turns: HashMap<String, oneshot::Receiver<()>>,
    permits: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Listening {
    /// Subscribes to what the listeners want, from the session's beginning on.
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
            plugin_name: context.plugin_name().into(),
            client,
            turns: HashMap::new(),
            permits: Arc::new(Semaphore::new(MAX_HANDLERS)),
            tasks: JoinSet::new(),
        })
    }

    /// Calls handlers until told to stop; then finishes those that run. Dropping it cancels them.
    ///
    /// # Errors
    /// When the daemon ends the subscription.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        loop {
            let event = tokio::select! {
                () = finishing(&mut stop) => break,
                event = self.events.next() => event?,
            };
            let event = event.ok_or(Error::Unexpected("a hook that ended by itself"))?;
            while self.tasks.try_join_next().is_some() {}
            self.tell(event).await?;
        }
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    async fn tell(&mut self, event: Event) -> Result<()> {
        let (listeners, client) = (self.listeners.clone(), self.client.clone());
        match event.what {
            What::Message(message) => {
                let socket_id = message.socket_id().to_owned();
                let kind = message.message_type();
                if let Some((kind, handler)) = listeners.requests.get_key_value(kind) {
                    let (what, handler) = (About::Message(kind.clone()), handler.clone());
                    let answer = async move {
                        let request_id = message.request_id().map(str::to_owned);
                        let answer =
                            guarded(async { handler(message, client.clone()).await }).await;
                        reply(&client, request_id, answer).await
                    };
                    self.in_turn(socket_id, what, answer).await?;
                } else if let Some((kind, handler)) = listeners.messages.get_key_value(kind) {
                    let (what, handler) = (About::Message(kind.clone()), handler.clone());
                    let work = async move { handler(message, client).await };
                    self.in_turn(socket_id, what, work).await?;
                }
            }
            What::SocketOpened { socket, .. } => {
                if let Some(handler) = listeners.socket_opened.clone() {
                    let (id, socket) = (socket.socket_id.clone(), socket.clone());
                    let work = async move { handler(socket, client).await };
                    self.in_turn(id, About::Socket("an opened socket"), work)
                        .await?;
                }
                self.tell_if_ready(socket).await?;
            }
            What::SocketUpdated(socket) => self.tell_if_ready(socket).await?,
            What::SocketClosed(closed) => {
                self.ready.remove(&closed.socket_id);
                if let Some(handler) = listeners.socket_closed.clone() {
                    let id = closed.socket_id.clone();
                    let work = async move { handler(closed, client).await };
                    self.in_turn(id, About::Socket("a closed socket"), work)
                        .await?;
                }
            }
            What::Gap(gap) => eprintln!(
                "plugin `{}`: the events between {} and {} are lost",
                self.plugin_name, gap.after_sequence, gap.before_sequence
            ),
            _ => {}
        }
        Ok(())
    }

    async fn tell_if_ready(&mut self, socket: Socket) -> Result<()> {
        let newly = socket.ready && self.ready.insert(socket.socket_id.clone());
        if newly && let Some(handler) = self.listeners.socket_ready.clone() {
            let (id, client) = (socket.socket_id.clone(), self.client.clone());
            let work = async move { handler(socket, client).await };
            self.in_turn(id, About::Socket("a ready socket"), work)
                .await?;
        }
        Ok(())
    }

    /// Runs a handler in a task, after the one before it at the same socket. Waits while too many
    /// are under way.
    async fn in_turn(
        &mut self,
        socket_id: String,
        what: About,
        work: impl Future<Output = HandlerResult> + Send + 'static,
    ) -> Result<()> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::Unexpected("a semaphore that was closed"))?;
        if self.turns.len() >= MAX_IDLE_TURNS {
            self.turns.retain(|_, done| {
                matches!(done.try_recv(), Err(oneshot::error::TryRecvError::Empty))
            });
        }
        let (done, turn) = oneshot::channel::<()>();
        let previous = self.turns.insert(socket_id, turn);
        let plugin_name = self.plugin_name.clone();
        self.tasks.spawn(async move {
            if let Some(previous) = previous {
                // Its sender is dropped when it is done.
                let _ = previous.await;
            }
            if let Err(error) = guarded(work).await {
                eprintln!(
                    "plugin `{plugin_name}`: handler of {what}: {}",
                    one_line(error.as_ref())
                );
            }
            drop((done, permit));
        });
        Ok(())
    }
}

/// Answers a page's request with what its handler returned. An error goes to the page and on to
/// the log.
async fn reply(
    client: &Client,
    request_id: Option<String>,
    answer: HandlerResult<String>,
) -> HandlerResult {
    let Some(request_id) = request_id else {
        return answer.map(drop);
    };
    let (sent, result) = match answer {
        Ok(json) => (client.reply_json(request_id, json).await, Ok(())),
        Err(error) => {
            let problem = one_line(error.as_ref());
            (client.reply_error(request_id, problem).await, Err(error))
        }
    };
    match sent {
        // Another plugin was faster, or the page waits no more.
        Err(error)
            if matches!(
                error.reason(),
                Some("ALREADY_ANSWERED" | "REQUEST_EXPIRED" | "REQUEST_NOT_FOUND")
            ) =>
        {
            result
        }
        Err(error) => Err(error.into()),
        Ok(_) => result,
    }
}
