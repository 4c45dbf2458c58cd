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
mod hook_cache;
mod hook_set;
mod invalidation;
mod order;
mod registry;
mod resolve_import;
mod scratch_dir;
mod serve;
mod session;
mod transform;

pub(crate) use calls::{CallError, CallMessage, Calls, CancelReason};
pub(crate) use configured::{NotReady, PluginState, PluginStatus};
pub(crate) use dependents::Dependents;
pub(crate) use filters::{RequestFacts, RequestFilter, compile_regexes};
pub(crate) use hook::{
    FailureMode, Hook, HookFailure, HookGuard, HookOptions, HookType, InlineBody, RequestContext,
    SourceLocation,
};
pub(crate) use hook_cache::{HookResult, RequestKey};
pub(crate) use invalidation::Invalidation;
pub(crate) use order::HookSnapshot;
pub(crate) use registry::{PluginRegistry, SessionGuard};
pub(crate) use resolve_import::{
    ImportSpecifier, ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome,
    ResolvedImports,
};
pub(crate) use scratch_dir::ScratchDir;
pub(crate) use serve::{
    Phase, Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome,
};
pub(crate) use session::{
    HookError, HookKind, Session, SessionEnd, SessionError, SessionEvent, SessionOptions,
};
pub(crate) use transform::{
    Transform, TransformCall, TransformContent, TransformOptions, TransformOutcome,
};
