//! The closures of a plugin, in the one shape that they are kept in.

use crate::{BoxError, Client, Context, Message, Socket, SocketClosed};
use futures_util::FutureExt;
use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, pin::Pin, sync::Arc};
use tokio::sync::watch;

/// What a handler returns. `?` works on every error type, and `Err("text".into())` fails with a
/// text.
pub type HandlerResult<T = ()> = Result<T, BoxError>;

pub(super) type Running<T> = Pin<Box<dyn Future<Output = HandlerResult<T>> + Send>>;
/// A handler of something that happens, told with the client.
pub(super) type Handler<E, T = ()> = Arc<dyn Fn(E, Client) -> Running<T> + Send + Sync>;
pub(super) type StartHandler = Arc<dyn Fn(Context) -> Running<()> + Send + Sync>;
pub(super) type StopHandler = Arc<dyn Fn(Client) -> Running<()> + Send + Sync>;

/// The handlers of what a subscription tells.
#[derive(Default)]
pub(super) struct Listeners {
    pub(super) messages: HashMap<Arc<str>, Handler<Message>>,
    /// These answer: with JSON text.
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

/// Runs a handler; a panic in it is an error like any other. Give it an `async` block that calls
/// the closure, which may panic before its future does.
pub(super) async fn guarded<T>(
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
        .unwrap_or("no text")
}

/// Resolves when the plugin is to finish what it does, and take on nothing new.
pub(super) async fn finishing(stop: &mut watch::Receiver<bool>) {
    // The sender is gone when nobody waits for us: then too.
    let _ = stop.wait_for(|stop| *stop).await;
}
