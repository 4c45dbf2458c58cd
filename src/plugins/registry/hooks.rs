//! Opening and withdrawing hooks.

use super::PluginRegistry;
use crate::plugins::filters::RequestFilters;
use crate::plugins::hook::{Hook, HookType};
use crate::plugins::hook_set::HookSet;
use crate::plugins::resolve_import::ResolveImport;
use crate::plugins::serve::Serve;
use crate::plugins::session::{HookError, Session};
use crate::plugins::transform::Transform;
use std::sync::Arc;

/// A hook type for which the registry holds a [`HookSet`].
pub(crate) trait RegisteredHookType: HookType {
    fn hook_set(plugins: &PluginRegistry) -> &HookSet<Self>;
}

impl RegisteredHookType for Serve {
    fn hook_set(plugins: &PluginRegistry) -> &HookSet<Self> {
        &plugins.serve
    }
}

impl RegisteredHookType for Transform {
    fn hook_set(plugins: &PluginRegistry) -> &HookSet<Self> {
        &plugins.transform
    }
}

impl RegisteredHookType for ResolveImport {
    fn hook_set(plugins: &PluginRegistry) -> &HookSet<Self> {
        &plugins.resolve_import
    }
}

/// Guard of an open hook. Dropping it withdraws the hook and fails its calls.
pub(crate) struct HookGuard<H: RegisteredHookType> {
    plugins: Arc<PluginRegistry>,
    session: Arc<Session>,
    hook: Arc<Hook<H>>,
}

impl<H: RegisteredHookType> HookGuard<H> {
    #[must_use]
    pub(crate) fn hook(&self) -> &Arc<Hook<H>> {
        &self.hook
    }

    /// Replaces all filters, and drops the results cached under the old ones. Later requests see the
    /// new filters only.
    pub(crate) fn update_filters(&self, filters: RequestFilters) {
        let hooks = H::hook_set(&self.plugins);
        let old_id = self.hook.id();
        hooks.order.change(|_| self.hook.set_filters(filters));
        hooks.cache.remove_hook(old_id);
    }
}

impl<H: RegisteredHookType> Drop for HookGuard<H> {
    fn drop(&mut self) {
        self.plugins.withdraw(&self.session, &self.hook);
        self.hook.close();
    }
}

impl PluginRegistry {
    /// Opens a hook of a session. From now on, matching requests call it.
    pub(crate) fn open_hook<H: RegisteredHookType>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        hook: Arc<Hook<H>>,
    ) -> Result<HookGuard<H>, HookError> {
        let mut state = self.lock();
        let live = state.live(session)?;
        live.check_may_open(H::KIND)?;
        H::hook_set(self).order.add(hook.clone());
        live.add_open(H::KIND);
        state.publish_unready(&self.unready);
        Ok(HookGuard {
            plugins: self.clone(),
            session: session.clone(),
            hook,
        })
    }

    fn withdraw<H: RegisteredHookType>(&self, session: &Session, hook: &Arc<Hook<H>>) {
        let mut state = self.lock();
        let hooks = H::hook_set(self);
        hooks.order.remove(hook);
        hooks.cache.remove_hook(hook.id());
        if let Ok(live) = state.live(session) {
            live.remove_open(H::KIND);
        }
    }
}
