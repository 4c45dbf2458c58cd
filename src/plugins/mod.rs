//! The plugins: open sessions, the hooks they implement, the order of calls, and cached results.
//!
//! This module knows neither HTTP nor gRPC. `control` opens sessions and hooks, `pages` calls the
//! hooks. Guards own registrations: dropping a [`SessionGuard`] or [`HookGuard`] removes everything
//! that was registered under it in one step.

mod answered;
mod calls;
mod counters;
mod dependents;
mod filters;
mod hook;
mod hook_cache;
mod hook_set;
mod invalidation;
mod order;
mod payload;
mod registry;
mod resolve_import;
mod scratch_dir;
mod serve;
mod session;
mod slot;
mod transform;

pub(crate) use answered::AnsweredPaths;
pub(crate) use calls::{CallError, CallMessage, Calls, CancelReason};
pub(crate) use dependents::Dependents;
pub(crate) use filters::{MAX_HOOK_REGEX_BYTES, RequestFacts, RequestFilter, RequestFilters};
pub(crate) use hook::{FailureMode, Hook, HookOptions, HookType, Phase};
pub(crate) use hook_cache::{HookResult, RequestKey};
pub(crate) use invalidation::{Invalidation, Prefixes};
pub(crate) use order::HookSnapshot;
pub(crate) use payload::{HookFailure, InlineBody, RequestContext, SourceLocation};
pub(crate) use registry::{
    HookGuard, NotReady, PluginRegistry, PluginState, PluginStatus, RegisteredHookType,
    SessionGuard,
};
pub(crate) use resolve_import::{
    ImportSpecifier, ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome,
    ResolvedImports,
};
pub(crate) use scratch_dir::{ScratchDir, ScratchRoot};
pub(crate) use serve::{Serve, ServeBody, ServeCall, ServeContent, ServeOptions, ServeOutcome};
pub(crate) use session::{
    HookError, HookKind, Session, SessionEnd, SessionError, SessionEvent, SessionOptions,
};
pub(crate) use transform::{
    Transform, TransformCall, TransformContent, TransformOptions, TransformOutcome,
};
