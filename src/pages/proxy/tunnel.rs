//! Tunnels for upgraded connections (mostly WebSockets): copies bytes between page and backend.

use super::headers::list_members;
use crate::pages::request::PageRequest;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Response, Version};
use futures_util::future;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Returns the protocol that a request asks to upgrade to. `None` for other versions of HTTP, whose
/// requests would bypass the daemon's checks, and for requests that are not HTTP/1.1, whose upgrade is
/// to be ignored (RFC 9110, section 7.8).
pub(super) fn upgrade_protocol(request: &Parts) -> Option<&HeaderValue> {
    if request.version != Version::HTTP_11 {
        return None;
    }
    let upgrades = list_members(&request.headers, &header::CONNECTION)
        .any(|token| token.eq_ignore_ascii_case("upgrade"));
    let mut protocols = request.headers.get_all(header::UPGRADE).iter();
    let (Some(protocol), None) = (protocols.next(), protocols.next()) else {
        return None;
    };
    let name = protocol.to_str().ok()?.to_ascii_lowercase();
    let is_one = !name.is_empty() && !name.contains(',');
    let is_http = ["h2c", "http", "tls"]
        .iter()
        .any(|http| name.starts_with(http));
    (upgrades && is_one && !is_http).then_some(protocol)
}

/// Whether this is the protocol of WebSockets, whose handshake has no body (RFC 6455, section 4.1).
pub(super) fn is_websocket(protocol: &HeaderValue) -> bool {
    protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
}

/// Whether a request asks to upgrade to another protocol.
pub(in crate::pages) fn is_upgrade(request: &PageRequest<'_>) -> bool {
    upgrade_protocol(request.parts).is_some()
}

/// Sets the headers that request or accept an upgrade.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: &HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol.clone());
}

/// Spawns a task that connects the page with the backend once both are upgraded, until one of them
/// closes or `stop` is cancelled. Returns false when the page's connection cannot be upgraded.
pub(super) fn open(
    request: &Parts,
    response: &mut Response<Incoming>,
    connections: &TaskTracker,
    stop: &CancellationToken,
) -> bool {
    let Some(page) = request.extensions.get::<OnUpgrade>().cloned() else {
        return false;
    };
    let backend = hyper::upgrade::on(response);
    let stop = stop.clone();
    connections.spawn(async move {
        let copy = async {
            let (page, backend) = future::try_join(page, backend).await?;
            let (mut page, mut backend) = (TokioIo::new(page), TokioIo::new(backend));
            tokio::io::copy_bidirectional(&mut page, &mut backend).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        tokio::select! {
            () = stop.cancelled() => {}
            copied = copy => if let Err(error) = copied {
                tracing::debug!(target: "pagewire::pages", %error, "proxied tunnel failed");
            }
        }
    });
    true
}
