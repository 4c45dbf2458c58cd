//! The control service's transport: gRPC on one listener.

use super::accept_retry::{self, WarningLimit};
use super::authority::AuthorityTap;
use super::control_connections::{ControlConnections, ControlStream};
use super::listeners::ControlListener;
use super::tap::Tapped;
use futures_util::stream::{self, Stream};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

/// Keepalive of control connections: a lost peer is noticed within 15 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP/2 flow control: one unread stream must not starve the others of its connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;

/// Concurrent streams of one connection: a client library uses one connection for all of its calls.
const MAX_CONTROL_STREAMS: u32 = 10_000;

/// Metadata of one call, in bytes. A call with more is answered with 431. Default 16 KiB.
const MAX_METADATA_BYTES: u32 = 16 * 1024;

/// Calls of one connection that were cancelled before the daemon has looked at them. Beyond it the
/// connection ends. Programs cancel many calls at once, so this is as many as they may have open.
const MAX_CANCELLED: usize = MAX_CONTROL_STREAMS as usize;

/// Serves the control routes on a listener until `cut` is cancelled.
pub(super) async fn serve(
    listener: ControlListener,
    routes: Routes,
    debug: bool,
    cut: CancellationToken,
) -> io::Result<()> {
    let server = tonic::transport::Server::builder()
        // A program that is stopped at a breakpoint answers no pings.
        .http2_keepalive_interval((!debug).then_some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(MAX_CONTROL_STREAMS)
        .http2_max_header_list_size(MAX_METADATA_BYTES)
        .http2_max_pending_accept_reset_streams(Some(MAX_CANCELLED))
        // For /metrics only; gRPC requires HTTP/2.
        .accept_http1(true)
        .add_routes(routes);
    let stop = cut.cancelled_owned();
    match listener {
        ControlListener::Tcp(_, listener) => {
            let incoming = incoming(move |cx| {
                listener.poll_accept(cx).map_ok(|(stream, _address)| {
                    // Sends small messages at once. A failure costs only time.
                    let _ = stream.set_nodelay(true);
                    stream
                })
            });
            server.serve_with_incoming_shutdown(incoming, stop).await
        }
        ControlListener::Unix(_, socket) => {
            let incoming = incoming(move |cx| {
                let tapped = |stream| Tapped::new(stream, AuthorityTap::default());
                socket.poll_accept(cx).map_ok(tapped)
            });
            server.serve_with_incoming_shutdown(incoming, stop).await
        }
    }
    .map_err(io::Error::other)
}

/// Returns the accepted connections, within their bounds. Never fails: tonic would retry at once, and use
/// up a core for as long as no file descriptor is free.
fn incoming<S>(
    poll_accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<S>>,
) -> impl Stream<Item = io::Result<ControlStream<S>>> {
    let connections = ControlConnections::new();
    let state = (poll_accept, WarningLimit::default());
    stream::unfold(state, move |(mut poll_accept, mut warning)| {
        let connections = connections.clone();
        async move {
            let stream = accept_retry::accept(&mut poll_accept, &mut warning).await;
            Some((Ok(connections.add(stream)), (poll_accept, warning)))
        }
    })
}
