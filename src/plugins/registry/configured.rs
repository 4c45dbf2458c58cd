//! Configured plugins: their processes, their readiness, and the requests that wait for it.

use super::PluginRegistry;
use crate::config::PluginConfig;
use crate::ids;
use crate::plugins::counters::Counters;
use crate::plugins::session::{Session, SessionEnd};
use crate::plugins::slot::{Launch, PluginSlot};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long a page's request waits for a required plugin. Then it is refused with an error page that
/// retries by itself. Default 10 s.
pub(crate) const REQUIRED_TIMEOUT: Duration = Duration::from_secs(10);

/// The state of a configured or connected plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PluginState {
    /// Configured, but without a session.
    Waiting,
    /// Connected, but some declared hooks have not been opened.
    Starting,
    /// All declared hooks are open, or have been.
    Ready,
    /// Its process ended too often and is not restarted.
    Failed,
}

/// A snapshot of a configured or connected plugin.
pub(crate) struct PluginStatus {
    pub name: String,
    /// Its index in the configuration; none = it is not configured.
    pub slot: Option<usize>,
    pub session: Option<Arc<Session>>,
    pub state: PluginState,
    /// Its process, if the daemon started one.
    pub pid: Option<u32>,
    pub restarts: u32,
    pub counters: Arc<Counters>,
}

/// A required plugin that is not ready, so that requests cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotReady {
    pub plugin: String,
    /// Why the plugin will not become ready; none = it still may.
    pub failure: Option<String>,
}

/// Configuration and processes, as the supervisor sees them. A slot is the
/// index of a plugin in the configuration.
impl PluginRegistry {
    /// Returns the configured plugins in order.
    #[must_use]
    pub(crate) fn configured(&self) -> Vec<PluginConfig> {
        let state = self.lock();
        state.slots.iter().map(|slot| slot.config.clone()).collect()
    }

    /// Returns the best known name of a configured plugin.
    #[must_use]
    pub(crate) fn slot_name(&self, slot: usize) -> String {
        self.lock().slots[slot].name.clone()
    }

    /// Prepares the start of a process. Returns the secret by which its session will be recognised.
    #[must_use]
    pub(crate) fn begin_launch(&self, slot: usize) -> String {
        let id = ids::random();
        self.lock().slots[slot].launch = Some(Launch {
            id: id.clone(),
            pid: None,
        });
        id
    }

    pub(crate) fn process_started(&self, slot: usize, pid: u32) {
        if let Some(launch) = &mut self.lock().slots[slot].launch {
            launch.pid = Some(pid);
        }
    }

    /// Ends the session of a process that has exited, rather than wait until its connection is
    /// detected as dead.
    pub(crate) fn process_exited(&self, slot: usize) {
        let mut state = self.lock();
        let launch = state.slots[slot].launch.take();
        let session = state.session_of_slot(slot).map(|live| live.session.clone());
        let is_of_process =
            |session: &Arc<Session>| launch.is_some_and(|launch| launch.id == session.launch_id);
        if let Some(session) = session.filter(is_of_process) {
            self.end(&mut state, &session, SessionEnd::Closed);
        }
    }

    pub(crate) fn count_restart(&self, slot: usize) {
        self.lock().slots[slot].restarts += 1;
    }

    /// Records that the plugin is not restarted any more.
    pub(crate) fn mark_failed(&self, slot: usize, failure: String) {
        let mut state = self.lock();
        state.slots[slot].failure = Some(failure);
        state.publish_unready(&self.unready);
    }

    /// Whether a configured plugin is connected.
    #[must_use]
    pub(crate) fn has_session(&self, slot: usize) -> bool {
        self.lock().session_of_slot(slot).is_some()
    }

    /// Waits until a configured plugin is ready, or with `ready` false, until it is not.
    pub(crate) async fn wait_for_readiness(&self, slot: usize, ready: bool) {
        let mut unready = self.unready.subscribe();
        while self.lock().is_slot_ready(slot) != ready {
            // Cannot fail: the sender lives as long as the registry.
            let _ = unready.changed().await;
        }
    }
}

/// Readiness, as requests of pages see it.
impl PluginRegistry {
    /// Waits until all required plugins that apply to this URL path are ready, for at most
    /// [`REQUIRED_TIMEOUT`].
    ///
    /// # Errors
    /// Returns a plugin that is not ready; at once if it will never be.
    pub(crate) async fn wait_for_required(&self, path: &str) -> Result<(), NotReady> {
        if !self.is_any_unready() {
            return Ok(());
        }
        let mut unready = self.unready.subscribe();
        let deadline = Instant::now() + REQUIRED_TIMEOUT;
        while let Some(not_ready) = self.not_ready(path) {
            if not_ready.failure.is_some() || timeout_at(deadline, unready.changed()).await.is_err()
            {
                return Err(not_ready);
            }
        }
        Ok(())
    }

    /// Whether requests wait for any plugin.
    #[must_use]
    pub(crate) fn is_any_unready(&self) -> bool {
        self.may_wait && *self.unready.borrow() > 0
    }

    /// Returns a required plugin that applies to this URL path and is not ready.
    #[must_use]
    pub(crate) fn not_ready(&self, path: &str) -> Option<NotReady> {
        let state = self.lock();
        let applies = |slot: &&PluginSlot| {
            let paths = &slot.config.paths;
            paths.is_empty() || paths.iter().any(|pattern| pattern.matches(path))
        };
        let stopping = state.stopping.then(|| "the daemon is stopping".to_owned());
        let not_ready = state.unready().filter(applies).map(|slot| NotReady {
            plugin: slot.name.clone(),
            failure: slot.failure.clone().or_else(|| stopping.clone()),
        });
        // Prefer a plugin that will never become ready, so that waiting ends at once.
        not_ready.max_by_key(|not_ready| not_ready.failure.is_some())
    }

    /// Whether any required plugin is not ready but may still become so.
    #[must_use]
    pub(crate) fn is_starting(&self) -> bool {
        let state = self.lock();
        !state.stopping && state.unready().any(|slot| slot.failure.is_none())
    }

    /// Returns a receiver that is notified when [`is_starting`](PluginRegistry::is_starting) may have
    /// changed.
    #[must_use]
    pub(crate) fn readiness_changes(&self) -> watch::Receiver<usize> {
        self.unready.subscribe()
    }

    /// Lists the configured plugins in order, then the other connected ones by name.
    #[must_use]
    pub(crate) fn list(&self) -> Vec<PluginStatus> {
        let state = self.lock();
        let configured = state.slots.iter().enumerate().map(|(index, slot)| {
            let live = state.session_of_slot(index);
            PluginStatus {
                name: slot.name.clone(),
                slot: Some(index),
                session: live.map(|live| live.session.clone()),
                state: match live {
                    Some(live) if live.is_ready() => PluginState::Ready,
                    Some(_) => PluginState::Starting,
                    None if slot.failure.is_some() => PluginState::Failed,
                    None => PluginState::Waiting,
                },
                pid: slot.launch.as_ref().and_then(|launch| launch.pid),
                restarts: slot.restarts,
                counters: slot.counters.clone(),
            }
        });
        let others = state.sessions.values().filter_map(|live| {
            let session = &live.session;
            session.slot().is_none().then(|| PluginStatus {
                name: session.name().to_owned(),
                slot: None,
                session: Some(session.clone()),
                state: if live.is_ready() {
                    PluginState::Ready
                } else {
                    PluginState::Starting
                },
                pid: None,
                restarts: 0,
                counters: session.counters().clone(),
            })
        });
        configured.chain(others).collect()
    }
}
