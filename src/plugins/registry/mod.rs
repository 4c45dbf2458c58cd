//! The registry of plugins: a session for each open `ServerStart` stream, the hooks of the sessions, and
//! the plugins named in the configuration.

mod configured;
mod hooks;
mod restarts;
mod sessions;
mod state;

pub(crate) use configured::{NotReady, PluginState, PluginStatus};
pub(crate) use hooks::{HookGuard, RegisteredHookType};
pub(crate) use sessions::SessionGuard;

use super::dependents::Dependents;
use super::hook_set::HookSet;
use super::invalidation::Invalidation;
use super::resolve_import::ResolveImport;
use super::serve::Serve;
use super::slot::PluginSlot;
use super::transform::Transform;
use crate::config::{Inject, PluginConfig};
use state::State;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// All connected and configured plugins.
pub(crate) struct PluginRegistry {
    /// Never held across an await or a call to a plugin.
    state: Mutex<State>,
    serve: HookSet<Serve>,
    transform: HookSet<Transform>,
    resolve_import: HookSet<ResolveImport>,
    dependents: Arc<Dependents>,
    inject: Inject,
    /// The number of live sessions that request injection of the socket client.
    injecting_sessions: AtomicUsize,
    /// Whether requests may have to wait for a configured plugin. If not, they skip the readiness check.
    may_wait: bool,
    /// The number of plugins that requests wait for. Sent whenever the readiness of any plugin
    /// may have changed, even if the number is the same.
    unready: watch::Sender<usize>,
}

impl PluginRegistry {
    /// Creates a registry without connected plugins. `inject` is the configured injection of the
    /// socket client.
    #[must_use]
    pub(crate) fn new(inject: Inject, configured: Vec<PluginConfig>) -> Self {
        let state = State::new(configured);
        let may_wait = |slot: &PluginSlot| slot.config.is_required() || slot.answered.is_some();
        let may_wait = state.slots.iter().any(may_wait);
        let unready = watch::Sender::default();
        state.publish_unready(&unready);
        let dependents = Arc::default();
        Self {
            state: Mutex::new(state),
            serve: HookSet::new(&dependents),
            transform: HookSet::new(&dependents),
            resolve_import: HookSet::new(&dependents),
            dependents,
            inject,
            injecting_sessions: AtomicUsize::new(0),
            may_wait,
            unready,
        }
    }

    #[must_use]
    pub(crate) fn serve(&self) -> &HookSet<Serve> {
        &self.serve
    }

    #[must_use]
    pub(crate) fn transform(&self) -> &HookSet<Transform> {
        &self.transform
    }

    #[must_use]
    pub(crate) fn resolve_import(&self) -> &HookSet<ResolveImport> {
        &self.resolve_import
    }

    /// The index from files to the URL paths whose responses depend on them.
    #[must_use]
    pub(crate) fn dependents(&self) -> &Arc<Dependents> {
        &self.dependents
    }

    /// Drops the matching cached results of all hooks, and returns the URL path of each. Results of
    /// calls in flight will not be cached.
    pub(crate) fn invalidate(&self, invalidation: &Invalidation) -> Vec<String> {
        let mut paths = self.serve.cache.invalidate(invalidation);
        paths.append(&mut self.transform.cache.invalidate(invalidation));
        paths.append(&mut self.resolve_import.cache.invalidate(invalidation));
        paths
    }

    /// Whether the socket client is to be injected into pages.
    #[must_use]
    pub(crate) fn inject_client(&self) -> bool {
        match self.inject {
            Inject::Always => true,
            Inject::Never => false,
            Inject::WhenRequested => self.injecting_sessions.load(Ordering::Relaxed) > 0,
        }
    }

    /// Whether the configuration disables injection, whatever plugins request.
    #[must_use]
    pub(crate) fn never_injects_client(&self) -> bool {
        matches!(self.inject, Inject::Never)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
