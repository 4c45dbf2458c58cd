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

pub(crate) use calls::{CallError, Calls, CancelReason, Outgoing};
pub(crate) use configured::{NotReady, PluginState, PluginStatus};
pub(crate) use dependents::Dependents;
pub(crate) use filters::{RequestFacts, RequestFilter, compile_regexes};
pub(crate) use hook::{
    FailureMode, Hook, HookFailure, HookGuard, HookOptions, InlineBody, Kind, RequestContext,
    SourceLocation,
};
pub(crate) use order::Snapshot;
pub(crate) use registry::{Plugins, SessionGuard};
pub(crate) use remembered::{RequestKey, Said};
pub(crate) use resolve_import::{
    ImportSpecifier, ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome,
    ResolvedImports,
};
pub(crate) use scratch::ScratchDir;
pub(crate) use serve::{
    Phase, Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome,
};
pub(crate) use session::{
    HookError, HookKind, OpenSession, Session, SessionEnd, SessionError, SessionEvent,
};
pub(crate) use stale::Stale;
pub(crate) use transform::{
    Transform, TransformCall, TransformContent, TransformOptions, TransformOutcome,
};
