//! Plugins that the configuration speaks of: their place in the order, their process, and who waits
//! until they are ready.

use super::counters::Counters;
use super::registry::{Live, PluginRegistry, State};
use super::session::{Session, SessionEnd};
use crate::config::PluginConfig;
use crate::ids;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long a page's request waits for a plugin that is required. Then it is refused; the page asks
/// again by itself. Default 10 s.
pub(crate) const REQUIRED_TIMEOUT: Duration = Duration::from_secs(10);

/// A configured plugin, whether it is there or not.
pub(super) struct Slot {
    config: PluginConfig,
    /// Its configured name, or its session's, or for want of both its program's.
    name: String,
    /// Its process, if the daemon started one.
    launch: Option<Launch>,
    restarts: u32,
    /// Why it is not started again.
    failure: Option<String>,
    /// Of all its sessions.
    counters: Arc<Counters>,
}

struct Launch {
    /// A secret that ties the process to its session.
    id: String,
    /// None before it runs.
    pid: Option<u32>,
}

/// How far a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PluginState {
    /// Configured, and without a session.
    Waiting,
    /// Not all of its declared hooks have been open.
    Starting,
    /// All of them have.
    Ready,
    /// It ended too often, and is not started again.
    Failed,
}

/// A plugin at one moment: configured, or connected, or both.
pub(crate) struct PluginStatus {
    /// Its name.
    pub name: String,
    /// Its place in the configuration.
    pub slot: Option<usize>,
    /// Its live session.
    pub session: Option<Arc<Session>>,
    /// How far it is.
    pub state: PluginState,
    /// Its process, if the daemon started it.
    pub pid: Option<u32>,
    /// Times it was started again.
    pub restarts: u32,
    /// What became of the calls to it.
    pub counters: Arc<Counters>,
}

/// A required plugin that keeps requests from being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotReady {
    /// Which one.
    pub plugin: String,
    /// Why it will not become ready; none = it may.
    pub failure: Option<String>,
}

/// What a session is because of the configuration.
pub(super) struct Place {
    pub(super) at: Option<usize>,
    pub(super) counters: Arc<Counters>,
    pub(super) config_json: String,
}

impl Slot {
    pub(super) fn new(config: PluginConfig) -> Self {
        let program = config.command.first().map_or("", String::as_str);
        let program = program.rsplit('/').next().unwrap_or_default();
        let name = config.name.clone().unwrap_or_else(|| program.to_owned());
        Self {
            config,
            name,
            launch: None,
            restarts: 0,
            failure: None,
            counters: Arc::default(),
        }
    }

    fn has_launch(&self, launch_id: &str) -> bool {
        let launch = self.launch.as_ref();
        launch.is_some_and(|launch| launch.id == launch_id)
    }
}

impl State {
    /// The name for a plugin that was started and gives itself none.
    pub(super) fn name_of_launch(&self, launch_id: &str) -> Option<String> {
        let mut slots = self.slots.iter();
        let slot = slots.find(|slot| slot.has_launch(launch_id))?;
        slot.config.name.clone()
    }

    /// Where a session of this name belongs: to the process that was started, else to the plugin that
    /// is configured by that name. Only one can be there.
    pub(super) fn take_place(&mut self, name: &str, launch_id: &str) -> Place {
        let launched = |slot: &Slot| slot.has_launch(launch_id);
        let named = |slot: &Slot| slot.config.name.as_deref() == Some(name);
        let position = |is: &dyn Fn(&Slot) -> bool| self.slots.iter().position(is);
        let at = position(&launched).or_else(|| position(&named));
        let Some(at) = at.filter(|at| self.live_at(*at).is_none()) else {
            return Place {
                at: None,
                counters: Arc::default(),
                config_json: String::new(),
            };
        };
        let slot = &mut self.slots[at];
        name.clone_into(&mut slot.name);
        Place {
            at: Some(at),
            counters: slot.counters.clone(),
            config_json: slot.config.config_json.clone(),
        }
    }

    fn live_at(&self, place: usize) -> Option<&Live> {
        let mut sessions = self.sessions.values();
        sessions.find(|live| live.session.place() == Some(place))
    }

    fn is_ready(&self, place: usize) -> bool {
        self.live_at(place).is_some_and(Live::is_ready)
    }

    /// The required plugins that are not ready.
    fn missing(&self) -> impl Iterator<Item = &Slot> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(at, slot)| slot.config.required && !self.is_ready(*at))
            .map(|(_, slot)| slot)
    }

    /// Sets who waits going. To be called whenever a plugin may have become ready, or not ready.
    pub(super) fn say_missing(&self, missing: &watch::Sender<usize>) {
        if self.slots.is_empty() {
            return;
        }
        missing.send_replace(self.missing().count());
    }
}

impl PluginRegistry {
    /// The configured plugins, in their order.
    #[must_use]
    pub(crate) fn configured(&self) -> Vec<PluginConfig> {
        let state = self.lock();
        state.slots.iter().map(|slot| slot.config.clone()).collect()
    }

    /// The name of a configured plugin, as far as it is known.
    #[must_use]
    pub(crate) fn slot_name(&self, place: usize) -> String {
        self.lock().slots[place].name.clone()
    }

    /// A process is about to be started; who has the secret that is returned is taken for it.
    #[must_use]
    pub(crate) fn begin_launch(&self, place: usize) -> String {
        let id = ids::random();
        self.lock().slots[place].launch = Some(Launch {
            id: id.clone(),
            pid: None,
        });
        id
    }

    /// The process runs.
    pub(crate) fn process_started(&self, place: usize, pid: u32) {
        if let Some(launch) = &mut self.lock().slots[place].launch {
            launch.pid = Some(pid);
        }
    }

    /// The process has ended: its session, if it has one, ends now and not when its connection is
    /// noticed dead.
    pub(crate) fn process_exited(&self, place: usize) {
        let mut state = self.lock();
        let launched = state.slots[place].launch.take();
        let session = state.live_at(place).map(|live| live.session.clone());
        let own = |session: &Arc<Session>| {
            launched.is_some_and(|launch| launch.id == session.launch_id())
        };
        if let Some(session) = session.filter(own) {
            self.end(&mut state, &session, SessionEnd::Closed);
        }
    }

    /// It is started again.
    pub(crate) fn count_restart(&self, place: usize) {
        self.lock().slots[place].restarts += 1;
    }

    /// It is not started again.
    pub(crate) fn mark_failed(&self, place: usize, why: String) {
        let mut state = self.lock();
        state.slots[place].failure = Some(why);
        state.say_missing(&self.missing);
    }

    /// Whether a configured plugin has a session.
    #[must_use]
    pub(crate) fn has_session(&self, place: usize) -> bool {
        self.lock().live_at(place).is_some()
    }

    /// Waits until a configured plugin is ready, or until it is not.
    pub(crate) async fn wait_for_readiness(&self, place: usize, ready: bool) {
        let mut missing = self.missing.subscribe();
        while self.lock().is_ready(place) != ready {
            // The sender lives as long as we do.
            let _ = missing.changed().await;
        }
    }

    /// Waits until every required plugin that requests of this path wait for is ready, for
    /// [`REQUIRED_TIMEOUT`] at most.
    ///
    /// # Errors
    /// One that is not, at once when it will never be.
    pub(crate) async fn wait_for_required(&self, path: &str) -> Result<(), NotReady> {
        // What nobody configured costs nothing.
        if !self.requires || *self.missing.borrow() == 0 {
            return Ok(());
        }
        let mut missing = self.missing.subscribe();
        let deadline = Instant::now() + REQUIRED_TIMEOUT;
        while let Some(not_ready) = self.not_ready(path) {
            if not_ready.failure.is_some() || timeout_at(deadline, missing.changed()).await.is_err()
            {
                return Err(not_ready);
            }
        }
        Ok(())
    }

    /// A required plugin that requests of this path wait for and that is not ready.
    #[must_use]
    pub(crate) fn not_ready(&self, path: &str) -> Option<NotReady> {
        let state = self.lock();
        let holds = |slot: &&Slot| {
            let paths = &slot.config.paths;
            paths.is_empty() || paths.iter().any(|pattern| pattern.matches(path))
        };
        let stopping = state.stopping.then(|| "the daemon is stopping".to_owned());
        let not_ready = state.missing().filter(holds).map(|slot| NotReady {
            plugin: slot.name.clone(),
            failure: slot.failure.clone().or_else(|| stopping.clone()),
        });
        // One that failed is the one to speak of.
        not_ready.max_by_key(|not_ready| not_ready.failure.is_some())
    }

    /// Whether a required plugin may still become ready.
    #[must_use]
    pub(crate) fn is_starting(&self) -> bool {
        let state = self.lock();
        !state.stopping && state.missing().any(|slot| slot.failure.is_none())
    }

    /// Tells when [`is_starting`](PluginRegistry::is_starting) may have changed.
    #[must_use]
    pub(crate) fn readiness_changes(&self) -> watch::Receiver<usize> {
        self.missing.subscribe()
    }

    /// Every plugin that is configured, then every other that is connected, by name.
    #[must_use]
    pub(crate) fn list(&self) -> Vec<PluginStatus> {
        let state = self.lock();
        let configured = state.slots.iter().enumerate().map(|(at, slot)| {
            let live = state.live_at(at);
            PluginStatus {
                name: slot.name.clone(),
                slot: Some(at),
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
            session.place().is_none().then(|| PluginStatus {
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
