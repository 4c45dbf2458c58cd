//! Write Pagewire plugins and tools in Rust: control web pages from any program.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]
// std's macros panic when standard output or error cannot be written; `log` has its own.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod change;
mod channel;
mod client;
mod content;
pub mod discovery;
mod endpoint;
mod error;
mod event;
mod filter;
mod import;
mod listener;
mod live_filters;
mod log;
mod options;
mod plugin;
pub mod proto;
mod report;
mod send;
mod send_stream;
mod socket;
mod stale;
mod subscription;
mod target;
#[cfg(feature = "testing")]
pub mod testing;
mod value;

pub use change::{Change, Resolved};
pub use channel::{Credentials, RawClient};
pub use client::{Client, SocketList};
pub use content::{Content, Failure, Outcome, Skip};
pub use endpoint::Endpoint;
pub use error::{BoxError, Error, FieldViolation, Result};
pub use event::{ConsoleEntry, Event, Message, What};
pub use filter::Filter;
pub use import::{Import, ImportError, ImportErrorKind, ImportReport, ImportRow};
pub use live_filters::LiveFilters;
pub use options::{ResolveOptions, ServeOptions, TransformOptions};
pub use plugin::{
    BodyTooLarge, Context, HandlerResult, Imports, Plugin, Request, Response, StopHandle,
};
pub use proto::{
    ConsoleLevel, DeliveryStatus, FailedResource, FailureMode, FileChanged, Gap,
    GetServerInfoResponse as ServerInfo, Hook, ImportSpecifier, JsException, Limits, PageError,
    Plugin as PluginInfo, Position, Socket, SocketClosed, SocketFilter, SourceLocation, Visibility,
};
pub use report::{Report, Unreached};
pub use stale::Stale;
pub use subscription::{SubscribeOptions, Subscription};
pub use target::Target;
pub use tonic::Code;
pub use value::JsValue;

/// Saturates durations that are too long for the wire.
fn duration_to_proto(duration: std::time::Duration) -> prost_types::Duration {
    duration.try_into().unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

/// Paths are UTF-8 on the wire; other bytes are replaced.
fn path_to_proto(path: impl AsRef<std::path::Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}
