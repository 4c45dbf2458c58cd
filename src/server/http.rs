//! The page port: accepts connections, as many as there is room for.

use super::connection::Served;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// HTTP connections that may be open on one listener; web sockets do not count. Requests of one more
/// are answered with 503. Default 4,096.
const MAX_CONNECTIONS: usize = 4096;

/// Connections past the limit that are told so at the same time. One more is closed without a word.
/// Default 64.
const MAX_REFUSALS: usize = 64;

/// How long a connection past the limit may take to ask, and to hear that there is no room. Default
/// 2 s.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// When somebody who found no room may try again, in seconds.
const RETRY_AFTER: &str = "1";

/// Pause after the operating system refused a connection for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until `stop`; each is tracked until it has ended. Past the limit the
/// `refusals` answer.
pub(super) fn spawn(
    listener: TcpListener,
    served: Served,
    refusals: Served,
    connections: &TaskTracker,
    stop: CancellationToken,
) {
    let tracker = connections.clone();
    connections.spawn(async move {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let anteroom = Arc::new(Semaphore::new(MAX_REFUSALS));
        let mut is_full = false;
        loop {
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
            let stop = stop.clone();
            if let Ok(permit) = room.clone().try_acquire_owned() {
                is_full = false;
                let answered = served.clone().serve(stream, peer, stop);
                tracker.spawn(async move {
                    answered.await;
                    drop(permit);
                });
                continue;
            }
            if !is_full {
                tracing::warn!(target: "pagewire::server", MAX_CONNECTIONS, "too many connections are open: further ones are refused");
                is_full = true;
            }
            if let Ok(permit) = anteroom.clone().try_acquire_owned() {
                let refused = refusals.clone().serve(stream, peer, stop);
                tracker.spawn(async move {
                    // Who did not ask in time is not told.
                    let _ = timeout(REFUSAL_TIMEOUT, refused).await;
                    drop(permit);
                });
            }
        }
    });
}

/// What is answered past the limit.
pub(super) fn no_room() -> Response {
    let headers = [
        (header::RETRY_AFTER, RETRY_AFTER),
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let text = format!(
        "{MAX_CONNECTIONS} connections are open, and there is no room for more: try again when some have ended\n"
    );
    (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
}
