//! What the daemon says of itself.

use super::{Control, MAX_DOWN_FRAME_BYTES, convert, hook, proto};
use crate::hub;

/// Additive capabilities. A plugin can require them.
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
    let (pages_with_client, pages_without_client) = control.hub.page_counts();
    proto::GetServerInfoResponse {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        features: FEATURES.iter().map(|&feature| feature.to_owned()).collect(),
        base_urls: control.base_urls.clone(),
        epoch: control.hub.epoch().to_owned(),
        start_time: Some(convert::timestamp(control.start_time)),
        limits: Some(proto::Limits {
            max_message_bytes: bytes_u32(MAX_DOWN_FRAME_BYTES),
            max_body_bytes: bytes_u32(hook::MAX_BODY_BYTES),
            max_call_timeout: (!control.debug).then(|| convert::duration(hook::MAX_CALL_TIMEOUT)),
            max_socket_queue_bytes: bytes_u32(hub::OUTBOX_BYTES),
            event_log_entries: 0,
            event_log_bytes: hub::LOG_BYTES as u64,
        }),
        refused_frames: control.hub.refused_frames(),
        injects_client: control.plugins.inject_client(),
        pages_with_client,
        pages_without_client,
        allowed_origins: control.allowed_origins.clone(),
    }
}

/// The features that a plugin requires and this daemon lacks.
pub(super) fn missing_features(required: &[String]) -> Vec<&str> {
    required
        .iter()
        .map(String::as_str)
        .filter(|feature| !FEATURES.contains(feature))
        .collect()
}

/// Our bounds are far below 4 GiB.
pub(super) fn bytes_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
