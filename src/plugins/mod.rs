//! The plugins: who has a session, which hooks they implement, in which order they are asked.
//!
//! No HTTP and no gRPC here. `control` opens sessions and hooks, `pages` asks them. A session
//! or hook is held by a guard: dropping it takes everything it stood for away in one step.

mod calls;
mod configured;
mod counters;
mod filters;
mod hook;
mod order;
mod remembered;
mod scratch;
mod serve;
mod sessions;
mod stale;

pub use calls::{CallError, Calls, CancelReason, MAX_QUEUED_CALLS, Outgoing};
pub use configured::{NotReady, PluginState, PluginStatus, REQUIRED_TIMEOUT};
pub use counters::{Counters, Counts, Verdict};
pub use filters::{RequestFacts, RequestFilter, RequestFilterError};
pub use hook::{
    FailureMode, Hook, HookFailure, HookGuard, HookOptions, Kind, RequestContext, SourceLocation,
};
pub use order::Order;
pub use remembered::{Remembered, RequestKey};
pub use scratch::ScratchDir;
pub use serve::{Phase, Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome};
pub use sessions::{
    HookError, HookKind, MAX_SESSIONS, OpenSession, Plugins, Session, SessionEnd, SessionError,
    SessionEvent, SessionGuard,
};
pub use stale::Stale;
