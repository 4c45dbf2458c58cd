//! The registry's state: live sessions, configured plugins, and which of them are ready.

use crate::config::PluginConfig;
use crate::plugins::session::{HookError, HookKind, Session, SessionEvent};
use crate::plugins::slot::{PluginSlot, SlotAssignment};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct State {
    /// Live sessions by plugin name.
    pub(super) sessions: BTreeMap<String, LiveSession>,
    /// The configured plugins, in the order of the configuration.
    pub(super) slots: Vec<PluginSlot>,
    /// The daemon is stopping, so no plugin will become ready.
    pub(super) stopping: bool,
    /// The number of names assigned to sessions that were opened without one.
    assigned_names: u64,
}

/// A session, and which of its hooks are open.
pub(super) struct LiveSession {
    pub(super) session: Arc<Session>,
    open_hooks: Vec<HookKind>,
    /// All declared hooks have been open. Stays set when one of them is withdrawn and opened again.
    is_ready: bool,
}

impl State {
    pub(super) fn new(configured: Vec<PluginConfig>) -> Self {
        Self {
            slots: configured.into_iter().map(PluginSlot::new).collect(),
            ..Self::default()
        }
    }

    /// Returns a new name for a session that was opened without one.
    pub(super) fn assign_name(&mut self) -> String {
        self.assigned_names += 1;
        format!("tool-{}", self.assigned_names)
    }

    /// Returns the entry of this session, unless it has ended.
    pub(super) fn live(&mut self, session: &Session) -> Result<&mut LiveSession, HookError> {
        self.sessions
            .get_mut(&session.name)
            .filter(|live| live.session.id == session.id)
            .ok_or(HookError::SessionEnded)
    }

    /// Returns the configured name of the plugin whose process was started with this secret.
    pub(super) fn name_of_launch(&self, launch_id: &str) -> Option<String> {
        let mut slots = self.slots.iter();
        let slot = slots.find(|slot| slot.has_launch(launch_id))?;
        slot.config.name.clone()
    }

    /// Assigns a new session to a slot: the one whose process was started with this secret, or else
    /// the one configured with this name. A slot that has a session is not assigned again.
    pub(super) fn assign_slot(&mut self, name: &str, launch_id: &str) -> SlotAssignment {
        let launched = |slot: &PluginSlot| slot.has_launch(launch_id);
        let named = |slot: &PluginSlot| slot.config.name.as_deref() == Some(name);
        let position = |is: &dyn Fn(&PluginSlot) -> bool| self.slots.iter().position(is);
        let index = position(&launched).or_else(|| position(&named));
        let Some(index) = index.filter(|index| self.session_of_slot(*index).is_none()) else {
            return SlotAssignment::default();
        };
        let slot = &mut self.slots[index];
        name.clone_into(&mut slot.name);
        SlotAssignment {
            index: Some(index),
            counters: slot.counters.clone(),
            answered: slot.answered.clone(),
            config_json: slot.config.config_json.clone(),
        }
    }

    pub(super) fn session_of_slot(&self, slot: usize) -> Option<&LiveSession> {
        let mut sessions = self.sessions.values();
        sessions.find(|live| live.session.slot() == Some(slot))
    }

    pub(super) fn is_slot_ready(&self, slot: usize) -> bool {
        self.session_of_slot(slot)
            .is_some_and(LiveSession::is_ready)
    }

    /// The plugins that requests wait for: required ones that are not ready, and those that are restarting
    /// because their files changed.
    pub(super) fn unready(&self) -> impl Iterator<Item = &PluginSlot> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(index, slot)| {
                slot.is_restarting || slot.config.is_required() && !self.is_slot_ready(*index)
            })
            .map(|(_, slot)| slot)
    }

    /// Wakes everything that waits for readiness. Must be called whenever the readiness of a plugin
    /// may have changed.
    pub(super) fn publish_unready(&self, sender: &watch::Sender<usize>) {
        if self.slots.is_empty() {
            return;
        }
        sender.send_replace(self.unready().count());
    }
}

impl LiveSession {
    /// Creates the entry of a new session. A session that declares no hooks is ready at once.
    pub(super) fn new(session: Arc<Session>) -> Self {
        let mut live = Self {
            session,
            open_hooks: Vec::new(),
            is_ready: false,
        };
        live.update_readiness();
        live
    }

    /// Whether all declared hooks are open, or have been.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    pub(super) fn has_open(&self, hook: HookKind) -> bool {
        self.open_hooks.contains(&hook)
    }

    pub(super) fn check_may_open(&self, hook: HookKind) -> Result<(), HookError> {
        if !self.session.hooks.contains(&hook) {
            Err(HookError::Undeclared)
        } else if self.has_open(hook) {
            Err(HookError::AlreadyOpen)
        } else {
            Ok(())
        }
    }

    pub(super) fn add_open(&mut self, hook: HookKind) {
        self.open_hooks.push(hook);
        self.update_readiness();
    }

    pub(super) fn remove_open(&mut self, hook: HookKind) {
        self.open_hooks.retain(|open| *open != hook);
    }

    fn update_readiness(&mut self) {
        let all_open = self.session.hooks.iter().all(|hook| self.has_open(*hook));
        if all_open && !self.is_ready {
            self.is_ready = true;
            // Never full: the channel has room for each event, and each is sent once.
            let _ = self.session.events.try_send(SessionEvent::Ready);
        }
    }
}
