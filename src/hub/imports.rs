//! Imports whose result a program awaits.

use super::{Frame, Hub, PushError, Socket};
use crate::message::PageResult;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How an awaited import ended at one page.
#[derive(Debug)]
pub(crate) enum ImportOutcome {
    /// The page answered.
    Answered(Box<PageResult>),
    /// The page has gone: at once, not at the deadline.
    Gone,
}

#[derive(Default)]
pub(super) struct Imports {
    /// By socket, then by call. Held for moments; never together with the hub's lock.
    waiting: Mutex<HashMap<String, HashMap<String, Waiting>>>,
}

type Waiting = oneshot::Sender<ImportOutcome>;

impl Imports {
    pub(super) fn socket_closed(&self, socket_id: &str) {
        // Dropping the senders tells whoever waits.
        self.lock().remove(socket_id);
    }

    fn take(&self, socket_id: &str, call_id: &str) -> Option<Waiting> {
        let mut waiting = self.lock();
        let calls = waiting.get_mut(socket_id)?;
        let call = calls.remove(call_id);
        if calls.is_empty() {
            waiting.remove(socket_id);
        }
        call
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An import that was sent and whose result has not come. Dropping it stops the wait.
pub(crate) struct PendingImport {
    hub: Arc<Hub>,
    socket_id: String,
    call_id: String,
    done: oneshot::Receiver<ImportOutcome>,
}

impl PendingImport {
    /// Waits for the page.
    pub(crate) async fn outcome(mut self) -> ImportOutcome {
        (&mut self.done).await.unwrap_or(ImportOutcome::Gone)
    }
}

impl Drop for PendingImport {
    fn drop(&mut self) {
        self.hub.imports.take(&self.socket_id, &self.call_id);
    }
}

impl Hub {
    /// Queues the frame of an import whose result is awaited. One call id, and so one frame,
    /// serves many sockets.
    pub(crate) fn send_import(
        self: &Arc<Self>,
        socket: &Socket,
        call_id: &str,
        frame: Frame,
    ) -> Result<PendingImport, PushError> {
        let (sender, done) = oneshot::channel();
        let (socket_id, call_id) = (socket.id().to_owned(), call_id.to_owned());
        self.imports
            .lock()
            .entry(socket_id.clone())
            .or_default()
            .insert(call_id.clone(), sender);
        let pending = PendingImport {
            hub: self.clone(),
            socket_id,
            call_id,
            done,
        };
        // Registered before it is sent: the answer cannot come too early. A socket that closed
        // before this has a closed outbox, one that closes after it takes the entry along.
        socket.outbox().push(frame)?;
        Ok(pending)
    }

    /// A page says how an import ended. Counts only from the socket it was sent to.
    pub(crate) fn receive_import_result(&self, socket_id: &str, result: PageResult) {
        if let Some(waiting) = self.imports.take(socket_id, &result.call_id) {
            let _ = waiting.send(ImportOutcome::Answered(Box::new(result)));
        }
    }
}
