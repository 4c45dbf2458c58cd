//! The accept loop of the page port, with its limits on open connections and on file descriptors.

use super::accept_retry::{self, WarningLimit};
use super::connection::ConnectionHandler;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rustix::process::{Resource, getrlimit};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::Context;
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

/// File descriptors that pages leave free, so that programs can still connect and plugins can start. A
/// connection that would use one is closed without a response. Default 256, but at most a quarter of the
/// process's limit.
const RESERVED_DESCRIPTORS: u64 = 256;

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
        let last_descriptor = last_descriptor();
        let (mut fails, mut is_full, mut is_out_of_descriptors) =
            <(WarningLimit, WarningLimit, WarningLimit)>::default();
        loop {
            let poll_accept = |cx: &mut Context<'_>| listener.poll_accept(cx);
            let (stream, peer) = tokio::select! {
                () = stop.cancelled() => return,
                accepted = accept_retry::accept(poll_accept, &mut fails) => accepted,
            };
            // The system assigns the lowest free number, so all lower ones are in use, whatever for.
            if stream.as_raw_fd().cast_unsigned() > last_descriptor {
                if is_out_of_descriptors.allows() {
                    tracing::warn!(target: "pagewire::server", last_descriptor, "pages have used up the file descriptors; further connections are closed (raise the limit: ulimit -n)");
                }
                continue;
            }
            let stop = stop.clone();
            if let Ok(permit) = slots.clone().try_acquire_owned() {
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
            if is_full.allows() {
                tracing::warn!(target: "pagewire::server", MAX_CONNECTIONS, "too many open connections; further ones are refused");
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

/// Returns the largest file descriptor that a page's connection may have.
fn last_descriptor() -> u32 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = limit - RESERVED_DESCRIPTORS.min(limit / 4);
    u32::try_from(last.saturating_sub(1)).unwrap_or(u32::MAX)
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
