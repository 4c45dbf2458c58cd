//! The control service's transport: gRPC on one listener.

use super::authority::AuthorityTap;
use super::listeners::ControlListener;
use super::tap::Tapped;
use std::io;
use std::time::Duration;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

/// Keepalive of control connections: a lost peer is noticed within 15 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP/2 flow control: one unread stream must not starve the others of its connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;

/// Concurrent streams of one connection: a client library uses one connection for all of its calls.
const MAX_STREAMS: u32 = 10_000;

/// Calls of one connection that were cancelled before the daemon has looked at them. Beyond it the
/// connection ends. Programs cancel many calls at once, so this is as many as they may have open.
const MAX_CANCELLED: usize = MAX_STREAMS as usize;

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
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_pending_accept_reset_streams(Some(MAX_CANCELLED))
        // For /metrics only; gRPC requires HTTP/2.
        .accept_http1(true)
        .add_routes(routes);
    let stop = cut.cancelled_owned();
    match listener {
        ControlListener::Tcp(_, listener) => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, stop).await
        }
        ControlListener::Unix(file, listener) => {
            let incoming = UnixListenerStream::new(listener).map(|accepted| {
                Ok::<_, io::Error>(Tapped::new(accepted?, AuthorityTap::default()))
            });
            let served = server.serve_with_incoming_shutdown(incoming, stop).await;
            // The socket file exists for as long as its listener is served.
            drop(file);
            served
        }
    }
    .map_err(io::Error::other)
}
