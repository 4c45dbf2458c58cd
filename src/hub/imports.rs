//! Imports whose results a program awaits.

use super::{Frame, Hub, PushError, Socket};
use crate::message::PageResult;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How an awaited import ended at one page.
#[derive(Debug)]
pub(crate) enum ImportOutcome {
    Result(Box<PageResult>),
    /// The connection ended first.
    Gone,
}

type ResultSender = oneshot::Sender<ImportOutcome>;

/// Imports in flight, by socket id, then by call id.
#[derive(Default)]
pub(super) struct PendingImports {
    /// Never held across an await, nor together with the hub's own lock.
    in_flight: Mutex<HashMap<String, HashMap<String, ResultSender>>>,
}

impl PendingImports {
    /// Ends all imports of a socket: dropping their senders wakes the callers.
    pub(super) fn remove_socket(&self, socket_id: &str) {
        self.lock().remove(socket_id);
    }

    fn take(&self, socket_id: &str, call_id: &str) -> Option<ResultSender> {
        let mut in_flight = self.lock();
        let calls = in_flight.get_mut(socket_id)?;
        let sender = calls.remove(call_id);
        if calls.is_empty() {
            in_flight.remove(socket_id);
        }
        sender
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, ResultSender>>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guard of an import in flight: dropping it removes the registration.
pub(crate) struct PendingImport {
    hub: Arc<Hub>,
    socket_id: String,
    call_id: String,
    outcome: oneshot::Receiver<ImportOutcome>,
}

impl PendingImport {
    /// Waits for the page's result.
    pub(crate) async fn outcome(mut self) -> ImportOutcome {
        (&mut self.outcome).await.unwrap_or(ImportOutcome::Gone)
    }
}

impl Drop for PendingImport {
    fn drop(&mut self) {
        self.hub.imports.take(&self.socket_id, &self.call_id);
    }
}

impl Hub {
    /// Queues the frame of an awaited import. One call id, and therefore one frame, serves many
    /// sockets.
    pub(crate) fn send_import(
        self: &Arc<Self>,
        socket: &Socket,
        call_id: &str,
        frame: Frame,
    ) -> Result<PendingImport, PushError> {
        let (sender, outcome) = oneshot::channel();
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
            outcome,
        };
        // Registered before it is sent, so the result cannot arrive too early. If the socket closed
        // earlier, its outbox refuses the frame; if it closes later, it removes the registration.
        socket.outbox().push(frame)?;
        Ok(pending)
    }

    /// Completes an import. A result from any other socket than the one it was sent to is ignored.
    pub(crate) fn receive_import_result(&self, socket_id: &str, result: PageResult) {
        if let Some(sender) = self.imports.take(socket_id, &result.call_id) {
            let _ = sender.send(ImportOutcome::Result(Box::new(result)));
        }
    }
}
