//! The page port: connections, their limits, their end.

use super::admit::HasFragment;
use super::request_line;
use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// HTTP connections that may be open on one listener; web sockets do not count. One more waits
/// to be accepted. Default 4,096.
const MAX_CONNECTIONS: usize = 4096;

/// How long a request's head may take, and how long a connection may be idle between requests.
/// Then it is closed. Default 30 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest request head. A larger one is answered with 431. Default 64 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Pause after the operating system refused a connection for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until `stop`; each is tracked until it has ended.
pub(super) fn spawn(
    listener: TcpListener,
    router: Router,
    connections: &TaskTracker,
    stop: CancellationToken,
) {
    let tracker = connections.clone();
    connections.spawn(async move {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(target: "pagewire::server", %error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (router, stop) = (router.clone(), stop.clone());
            tracker.spawn(async move {
                connection(
                    stream,
                    router.layer(axum::Extension(ConnectInfo(peer))),
                    stop,
                )
                .await;
                drop(permit);
            });
        }
    });
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Small answers go out at once; failing to ask for it costs only time.
    let _ = stream.set_nodelay(true);
    let (stream, line) = request_line::watch(stream);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        if line.has_fragment() {
            request.extensions_mut().insert(HasFragment);
        }
        let (router, line) = (router.clone(), line.clone());
        async move {
            let Ok(response) = router.oneshot(request).await;
            // Behind an upgrade there are no more requests.
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                line.begins_again();
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "pagewire::server", %error, "connection ended");
    }
}
