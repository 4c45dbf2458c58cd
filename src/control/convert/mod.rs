//! Conversions between the contract's types and the core's, in both directions.
//!
//! A request that breaks the contract is an `INVALID_ARGUMENT` that names the field. A hook result that
//! breaks it is a failure of the plugin.

pub(super) mod event;
pub(super) mod hook;
mod list;
mod plugin;
mod resolve_import;
mod serve;
mod socket;
mod subscription;
mod transform;
pub(super) mod value;

pub(super) use list::check_list;
pub(super) use plugin::plugin;
pub(super) use socket::{
    Addressee, delivery_status, socket, socket_filter, sockets_target, target,
};
pub(super) use subscription::subscription_options;

use super::proto;
use super::status::{self, invalid};
use crate::hub;
use crate::plugins::{HookKind, SessionEvent};
use prost_types::Timestamp;
use std::time::{Duration, SystemTime};
use tonic::Status;

pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

/// Converts a duration of the daemon's own, which always fits.
pub(super) fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or_default()
}

/// Converts a duration in a request. Unset and zero mean the default; a negative one is refused.
pub(super) fn optional_duration(
    field: &str,
    duration: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Status> {
    let Some(duration) = duration else {
        return Ok(None);
    };
    // The conversion negates negative seconds, and panics on the smallest.
    let duration = Some(duration).filter(|duration| duration.seconds >= 0);
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    match duration {
        Some(duration) => Ok(Some(duration).filter(|duration| !duration.is_zero())),
        None => {
            let text = "a duration must not be negative (0 is the default)";
            Err(invalid(field, text))
        }
    }
}

/// Converts a size or a number of the daemon's own, which is far below 4 GiB.
pub(super) fn size(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

pub(super) fn position(position: hub::Position) -> proto::Position {
    proto::Position {
        epoch: position.epoch,
        sequence: position.sequence,
    }
}

pub(super) fn hook_kind(hook: i32) -> Result<HookKind, Status> {
    match proto::Hook::try_from(hook) {
        Ok(proto::Hook::Serve) => Ok(HookKind::Serve),
        Ok(proto::Hook::SubscribeMessages) => Ok(HookKind::SubscribeMessages),
        Ok(proto::Hook::Transform) => Ok(HookKind::Transform),
        Ok(proto::Hook::ResolveImport) => Ok(HookKind::ResolveImport),
        Ok(proto::Hook::Unspecified) | Err(_) => Err(status::unknown_value("hooks", hook, "Hook")),
    }
}

pub(super) fn session_event(event: SessionEvent) -> proto::ServerStartResponse {
    use proto::server_start_response::Event;
    let event = match event {
        SessionEvent::Ready => Event::Ready(proto::SessionReady {}),
        SessionEvent::Stopping { reason, grace } => Event::Stopping(proto::ServerStopping {
            reason,
            grace: Some(duration(grace)),
        }),
    };
    proto::ServerStartResponse { event: Some(event) }
}

/// Returns the `console` method of a level in a request.
pub(super) fn console_method(level: i32) -> Result<&'static str, Status> {
    use proto::ConsoleLevel;
    Ok(match ConsoleLevel::try_from(level) {
        Ok(ConsoleLevel::Unspecified | ConsoleLevel::Log) => "log",
        Ok(ConsoleLevel::Debug) => "debug",
        Ok(ConsoleLevel::Info) => "info",
        Ok(ConsoleLevel::Warn) => "warn",
        Ok(ConsoleLevel::Error) => "error",
        Err(_) => return Err(status::unknown_value("level", level, "ConsoleLevel")),
    })
}

/// Returns whether an import evaluates the module again.
pub(super) fn is_fresh(mode: i32) -> Result<bool, Status> {
    match proto::ImportMode::try_from(mode) {
        Ok(proto::ImportMode::Unspecified | proto::ImportMode::Reuse) => Ok(false),
        Ok(proto::ImportMode::Fresh) => Ok(true),
        Err(_) => Err(status::unknown_value("mode", mode, "ImportMode")),
    }
}
