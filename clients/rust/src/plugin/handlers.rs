//! The handlers of a plugin as boxed closures.

use crate::{BoxError, Client, Context, Message, Socket, SocketClosed};
use futures_util::FutureExt;
use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, pin::Pin, sync::Arc};
use tokio::sync::watch;

/// The result of a handler. `?` converts every error type, and `Err("text".into())` fails with a text.
pub type HandlerResult<T = ()> = Result<T, BoxError>;

pub(super) type HandlerFuture<T> = Pin<Box<dyn Future<Output = HandlerResult<T>> + Send>>;
/// A handler of events. It also gets the client.
pub(super) type Handler<E, T = ()> = Arc<dyn Fn(E, Client) -> HandlerFuture<T> + Send + Sync>;
pub(super) type StartHandler = Arc<dyn Fn(Context) -> HandlerFuture<()> + Send + Sync>;
pub(super) type StopHandler = Arc<dyn Fn(Client) -> HandlerFuture<()> + Send + Sync>;

/// The handlers of subscribed events.
#[derive(Default)]
pub(super) struct Listeners {
    pub(super) messages: HashMap<Arc<str>, Handler<Message>>,
    /// Handlers of requests. Their result is JSON text.
    pub(super) requests: HashMap<Arc<str>, Handler<Message, String>>,
    pub(super) socket_opened: Option<Handler<Socket>>,
    pub(super) socket_ready: Option<Handler<Socket>>,
    pub(super) socket_closed: Option<Handler<SocketClosed>>,
}

impl Listeners {
    pub(super) fn wants_sockets(&self) -> bool {
        self.socket_opened.is_some() || self.socket_ready.is_some() || self.socket_closed.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.requests.is_empty() && !self.wants_sockets()
    }
}

/// Runs a handler and converts a panic into an error. Pass an `async` block that calls the closure, because the
/// closure itself may panic.
pub(super) async fn catch_panic<T>(
    handler: impl Future<Output = HandlerResult<T>> + Send,
) -> HandlerResult<T> {
    match AssertUnwindSafe(handler).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(format!("the handler panicked: {}", panic_text(panic.as_ref())).into()),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown panic")
}

/// Resolves when the plugin should finish its current work and accept no more.
pub(super) async fn stop_requested(stop: &mut watch::Receiver<bool>) {
    // A dropped sender counts as a request too.
    let _ = stop.wait_for(|stop| *stop).await;
}
