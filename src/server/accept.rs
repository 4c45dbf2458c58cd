//! The accept loop of the page port, with its limit on open connections.

use super::connection::ConnectionHandler;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

/// Open HTTP connections per listener; WebSockets do not count. Requests on excess connections are
/// answered with 503. Default 4,096.
const MAX_CONNECTIONS: usize = 4096;

/// Excess connections that are answered with 503 at the same time. Further ones are closed without a
/// response. Default 64.
const MAX_REFUSALS: usize = 64;

/// Lifetime of an excess connection: the time for its request and the 503. Default 2 s.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The `Retry-After` of a 503, in seconds.
const RETRY_AFTER: &str = "1";

/// Pause after an accept failed, which happens when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until `stop` is cancelled; each is tracked until it ends. Connections past the
/// limit go to `refusals`.
pub(super) fn spawn(
    listener: TcpListener,
    handler: ConnectionHandler,
    refusals: ConnectionHandler,
    connections: &TaskTracker,
    stop: CancellationToken,
) {
    let tracker = connections.clone();
    connections.spawn(async move {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let refusal_slots = Arc::new(Semaphore::new(MAX_REFUSALS));
        let mut is_full = false;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(target: "pagewire::server", %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let stop = stop.clone();
            if let Ok(permit) = slots.clone().try_acquire_owned() {
                is_full = false;
                let connection = handler.clone().serve(stream, peer, stop);
                let task = async move {
                    connection.await;
                    drop(permit);
                };
                let span = connection_span(peer);
                if span.is_disabled() {
                    tracker.spawn(task);
                } else {
                    tracker.spawn(task.instrument(span));
                }
                continue;
            }
            if !is_full {
                tracing::warn!(target: "pagewire::server", MAX_CONNECTIONS, "too many open connections; further ones are refused");
                is_full = true;
            }
            if let Ok(permit) = refusal_slots.clone().try_acquire_owned() {
                let refusal = refusals.clone().serve(stream, peer, stop);
                let task = async move {
                    // A client that sends no request in time gets no response.
                    let _ = timeout(REFUSAL_TIMEOUT, refusal).await;
                    drop(permit);
                };
                tracker.spawn(task.instrument(connection_span(peer)));
            }
        }
    });
}

/// Log context of everything that happens on a connection. Disabled, and free of cost, unless the server
/// logs at debug.
fn connection_span(peer: SocketAddr) -> Span {
    tracing::debug_span!(target: "pagewire::server", "connection", %peer)
}

/// Returns the 503 of excess connections.
pub(super) fn too_many_connections(_: &Request) -> Response {
    let headers = [
        (header::RETRY_AFTER, RETRY_AFTER),
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let text =
        format!("too many open connections (the limit is {MAX_CONNECTIONS}): try again later\n");
    (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
}
