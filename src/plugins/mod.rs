//! The plugins: who has a session, which hooks they implement, in which order they are asked.
//!
//! No HTTP and no gRPC here. `control` opens sessions and hooks, `pages` asks them. A session
//! or hook is held by a guard: dropping it takes everything it stood for away in one step.

mod calls;
mod configured;
mod counters;
mod dependents;
mod filters;
mod hook;
mod hooks;
mod order;
mod registry;
mod remembered;
mod resolve_import;
mod scratch;
mod serve;
mod session;
mod stale;
mod transform;

pub use calls::{CallError, Calls, CancelReason, MAX_QUEUED_CALLS, Outgoing};
pub use configured::{NotReady, PluginState, PluginStatus, REQUIRED_TIMEOUT};
pub use counters::{Counters, Counts, Verdict};
pub use dependents::Dependents;
pub use filters::{RequestFacts, RequestFilter, RequestFilterError, compile_regexes};
pub use hook::{
    FailureMode, Hook, HookFailure, HookGuard, HookOptions, InlineBody, Kind, RequestContext,
    SourceLocation,
};
pub use hooks::Hooks;
pub use order::{Order, Snapshot};
pub use registry::{Plugins, SessionGuard};
pub use remembered::{Remembered, RequestKey, Said};
pub use resolve_import::{
    ImportSpecifier, ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome,
    ResolvedImports,
};
pub use scratch::ScratchDir;
pub use serve::{Phase, Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome};
pub use session::{
    HookError, HookKind, MAX_SESSIONS, OpenSession, Session, SessionEnd, SessionError, SessionEvent,
};
pub use stale::Stale;
pub use transform::{
    Transform, TransformCall, TransformContent, TransformOptions, TransformOutcome,
};
