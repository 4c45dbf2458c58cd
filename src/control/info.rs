//! `GetServerInfo`: version, features and limits of the daemon.

use super::limits::{MAX_BODY_BYTES, MAX_CALL_TIMEOUT, MAX_SEND_BYTES};
use super::{Control, convert, proto};
use crate::hub;

/// Optional capabilities, which a plugin can require.
const FEATURES: &[&str] = &[
    "command.navigate",
    "command.reload",
    "command.styles",
    "import.await",
    "import.fresh",
    "invalidate",
    "messages.resume",
    "requests",
    "resolve_import",
    "serve",
    "transform",
];

pub(super) fn get(control: &Control) -> proto::GetServerInfoResponse {
    let pages = control.hub.page_counts();
    let injects_client = control.plugins.inject_client();
    proto::GetServerInfoResponse {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        features: FEATURES.iter().map(|&feature| feature.to_owned()).collect(),
        base_urls: control.base_urls.clone(),
        epoch: control.hub.epoch().to_owned(),
        start_time: Some(convert::timestamp(control.start_time)),
        limits: Some(proto::Limits {
            max_message_bytes: convert::size(MAX_SEND_BYTES),
            max_body_bytes: convert::size(MAX_BODY_BYTES),
            max_call_timeout: (!control.debug).then(|| convert::duration(MAX_CALL_TIMEOUT)),
            max_socket_queue_bytes: convert::size(hub::OUTBOX_BYTES),
            event_log_entries: 0,
            event_log_bytes: hub::LOG_BYTES as u64,
        }),
        refused_frames: control.hub.refused_frames(),
        injects_client,
        pages_with_client: pages.with_client(),
        pages_without_client: pages.without_client(),
        without_client_reasons: pages
            .explanations(injects_client, control.plugins.never_injects_client()),
        allowed_origins: control.allowed_origins.clone(),
    }
}

/// Returns the features that a plugin requires and this daemon lacks.
pub(super) fn missing_features(required: &[String]) -> Vec<&str> {
    required
        .iter()
        .map(String::as_str)
        .filter(|feature| !FEATURES.contains(feature))
        .collect()
}
