//! Bounds on the connections of the control service.
//!
//! A connection is silent until its first authenticated request. Silent ones have a bound and a deadline of
//! their own, so that processes without the token cannot keep programs out: a program sends its first
//! request at once, and a new connection displaces the oldest silent one.

use crate::control::{Auth, too_many_connections};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Interceptor;
use tonic::transport::server::Connected;
use tonic::{Request, Status};

/// Connections of one control address without an authenticated request so far. One more closes the
/// oldest of them. Default 64.
const MAX_SILENT: usize = 64;

/// Time from accepting a connection to its first authenticated request. Then it is closed. Default 10 s.
const SILENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections of one control address that have sent an authenticated request. Requests on further ones
/// are refused with RESOURCE_EXHAUSTED. Default 1,024.
const MAX_AUTHENTICATED: usize = 1024;

/// Open connections of one control address.
pub(super) struct ControlConnections {
    /// The oldest first.
    silent: Mutex<VecDeque<Arc<State>>>,
    authenticated: Arc<Semaphore>,
}

impl ControlConnections {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            silent: Mutex::default(),
            authenticated: Arc::new(Semaphore::new(MAX_AUTHENTICATED)),
        })
    }

    /// Adds a connection that was just accepted.
    pub(super) fn add<S>(self: &Arc<Self>, stream: S) -> ControlStream<S> {
        let state = Arc::new(State::default());
        let mut silent = self.silent();
        silent.push_back(state.clone());
        if silent.len() > MAX_SILENT
            && let Some(oldest) = silent.pop_front()
        {
            oldest.displaced.cancel();
        }
        drop(silent);
        let displaced = state.displaced.clone();
        ControlStream {
            stream,
            admission: Admission {
                state,
                connections: self.clone(),
            },
            silence: Some(Box::pin(async move {
                // Either way the connection ends.
                let _ = timeout(SILENT_TIMEOUT, displaced.cancelled()).await;
            })),
        }
    }

    fn remove_silent(&self, state: &Arc<State>) {
        self.silent().retain(|other| !Arc::ptr_eq(other, state));
    }

    fn silent(&self) -> MutexGuard<'_, VecDeque<Arc<State>>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// State of a connection.
#[derive(Default)]
struct State {
    /// Set by the first authenticated request.
    permit: OnceLock<OwnedSemaphorePermit>,
    displaced: CancellationToken,
}

/// Handle of a connection in the extensions of its requests.
#[derive(Clone)]
pub(super) struct Admission {
    state: Arc<State>,
    connections: Arc<ControlConnections>,
}

impl Admission {
    /// Records an authenticated request: the connection is silent no more.
    pub(super) fn authenticated(&self) -> Result<(), Status> {
        if self.is_authenticated() {
            return Ok(());
        }
        let slots = self.connections.authenticated.clone();
        let permit = slots
            .try_acquire_owned()
            .map_err(|_| too_many_connections(MAX_AUTHENTICATED))?;
        // Fails when another request of the connection was faster.
        let _ = self.state.permit.set(permit);
        self.connections.remove_silent(&self.state);
        Ok(())
    }

    fn is_authenticated(&self) -> bool {
        self.state.permit.get().is_some()
    }
}

/// Interceptor that checks the token of every RPC, and records that its connection is no longer silent.
#[derive(Clone)]
pub(super) struct Admit(pub(super) Auth);

impl Interceptor for Admit {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let request = self.0.call(request)?;
        if let Some(admission) = request.extensions().get::<Admission>() {
            admission.authenticated()?;
        }
        Ok(request)
    }
}

/// Transport of a connection, which fails when the connection has been silent for too long.
pub(super) struct ControlStream<S> {
    stream: S,
    admission: Admission,
    /// Ends when the connection must have sent an authenticated request; none once it has.
    silence: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> ControlStream<S> {
    /// Fails when the connection was silent for too long. Else `cx` is woken up when it is.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(silence) = &mut self.silence {
            if self.admission.is_authenticated() {
                self.silence = None;
            } else if silence.as_mut().poll(cx).is_ready() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl<S> Drop for ControlStream<S> {
    fn drop(&mut self) {
        let Admission { state, connections } = &self.admission;
        connections.remove_silent(state);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ControlStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

/// A client that does not read its responses blocks writing, so that nothing is read either.
impl<S: AsyncWrite + Unpin> AsyncWrite for ControlStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S> Connected for ControlStream<S> {
    type ConnectInfo = Admission;

    fn connect_info(&self) -> Admission {
        self.admission.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn authenticated_connections_are_bounded_and_a_closed_one_makes_room() {
        let connections = ControlConnections::new();
        let connect = || connections.add(tokio::io::empty());
        let authenticate = |stream: &ControlStream<_>| stream.connect_info().authenticated();
        let mut open: Vec<_> = (0..MAX_AUTHENTICATED).map(|_| connect()).collect();
        for stream in &open {
            authenticate(stream).expect("within the limit");
        }
        let further = connect();
        let refusal = authenticate(&further).expect_err("beyond the limit");
        assert_eq!(refusal.code(), Code::ResourceExhausted);
        authenticate(&open[0]).expect("it is authenticated already");
        open.pop();
        authenticate(&further).expect("capacity has returned");
    }
}
