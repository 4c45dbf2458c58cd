//! Upgraded connections: what page and backend speak once they have left HTTP, octet by octet.

use super::headers::tokens;
use axum::http::Response;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use futures_util::future;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The protocol that a request asks for instead of HTTP/1.1: web sockets, mostly. Not another HTTP:
/// its requests would pass us unseen.
pub(super) fn protocol(request: &HeaderMap) -> Option<&HeaderValue> {
    let upgrades =
        tokens(request, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let mut protocols = request.get_all(header::UPGRADE).iter();
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

/// Whether a request asks for another protocol.
pub(in crate::pages) fn is_upgrade(request: &Parts) -> bool {
    protocol(&request.headers).is_some()
}

/// Asks for a protocol, or grants it.
pub(super) fn upgrade(headers: &mut HeaderMap, protocol: &HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol.clone());
}

/// Joins the page's connection and the backend's once both have left HTTP, until one of them ends, or
/// `stop`. False when the page's cannot leave it.
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
        let joined = async {
            let (page, backend) = future::try_join(page, backend).await?;
            let (mut page, mut backend) = (TokioIo::new(page), TokioIo::new(backend));
            tokio::io::copy_bidirectional(&mut page, &mut backend).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        tokio::select! {
            () = stop.cancelled() => {}
            ended = joined => if let Err(error) = ended {
                tracing::debug!(target: "pagewire::pages", %error, "proxied connection ended");
            }
        }
    });
    true
}
