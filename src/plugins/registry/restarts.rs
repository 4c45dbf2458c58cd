//! Restarts of configured plugins whose files changed: requests wait meanwhile, and pages are refreshed then.

use super::{PluginRegistry, RegisteredHookType};
use crate::plugins::answered::AnsweredPaths;
use crate::plugins::hook::Hook;
use crate::plugins::session::SessionEvent;
use std::sync::Arc;
use std::time::Duration;

impl PluginRegistry {
    /// Begins a restart: requests wait for the plugin from now on, even if it had failed, and its session is
    /// notified that it has to end within `grace`. Returns whether it has a session.
    pub(crate) fn begin_restart(&self, slot: usize, reason: &str, grace: Duration) -> bool {
        let mut state = self.lock();
        let changed = &mut state.slots[slot];
        changed.is_restarting = true;
        changed.failure = None;
        if let Some(answered) = &changed.answered {
            let outdated = changed.outdated.get_or_insert_default();
            outdated.extend(answered.take());
        }
        state.publish_unready(&self.unready);
        let Some(live) = state.session_of_slot(slot) else {
            return false;
        };
        let event = SessionEvent::Stopping {
            reason: reason.to_owned(),
            grace,
        };
        // Never full: each session is restarted once.
        let _ = live.session.events.try_send(event);
        true
    }

    /// Returns the paths that the plugin had answered before its files changed; none if pages know already.
    pub(crate) fn take_outdated(&self, slot: usize) -> Option<AnsweredPaths> {
        self.lock().slots[slot].outdated.take()
    }

    /// Ends a restart, if there is one: the plugin is ready, or has exited again.
    pub(crate) fn end_restart(&self, slot: usize) {
        let mut state = self.lock();
        if std::mem::take(&mut state.slots[slot].is_restarting) {
            state.publish_unready(&self.unready);
        }
    }

    /// Waits for the hook that replaces one whose plugin is restarting. `None` if the plugin is not
    /// restarting, is not ready in time, or has no such hook any more.
    pub(crate) async fn successor<H: RegisteredHookType>(
        &self,
        hook: &Hook<H>,
        path: &str,
    ) -> Option<Arc<Hook<H>>> {
        let slot = hook.slot()?;
        if !self.lock().slots[slot].is_restarting {
            return None;
        }
        self.wait_for_required(path).await.ok()?;
        let snapshot = H::hook_set(self).order.snapshot();
        let mut hooks = snapshot.hooks().iter();
        hooks.find(|next| next.slot() == Some(slot)).cloned()
    }
}
