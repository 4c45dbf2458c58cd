//! The plugins: who has a session, which hooks they implement, in which order they are asked.
//!
//! No HTTP and no gRPC here. `control` opens sessions and hooks, `pages` asks them. A session
//! or hook is held by a guard: dropping it takes everything it stood for away in one step.

mod calls;
mod configured;
mod counters;
mod filters;
mod serve;
mod sessions;

pub use calls::{CallError, Calls, CancelReason, MAX_QUEUED_CALLS, Outgoing};
pub use configured::{NotReady, PluginState, PluginStatus, REQUIRED_TIMEOUT};
pub use counters::{Counters, Counts};
pub use filters::{RequestFacts, RequestFilter, RequestFilterError};
pub use serve::{
    FailureMode, HookFailure, Phase, ServeCall, ServeContent, ServeHook, ServeHookGuard,
    ServeOptions, ServeOutcome, SourceLocation,
};
pub use sessions::{
    HookError, HookKind, MAX_SESSIONS, OpenSession, Plugins, Session, SessionEnd, SessionError,
    SessionEvent, SessionGuard,
};
