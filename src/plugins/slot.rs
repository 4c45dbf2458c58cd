//! Configured plugins: their configuration, their process, and the counters of all their sessions.

use super::answered::{Answered, AnsweredPaths};
use super::counters::Counters;
use crate::config::PluginConfig;
use std::sync::Arc;

/// A plugin's entry in the configuration, whether or not the plugin is connected.
pub(super) struct PluginSlot {
    pub(super) config: PluginConfig,
    /// The name of the latest session, or else the configured one, or else the program's.
    pub(super) name: String,
    /// The process, if the daemon started one.
    pub(super) launch: Option<Launch>,
    pub(super) restarts: u32,
    /// Why the plugin is not restarted any more.
    pub(super) failure: Option<String>,
    pub(super) counters: Arc<Counters>,
    /// The process is being replaced because the plugin's files changed; requests wait until that is done.
    pub(super) is_restarting: bool,
    /// What the plugin answers; none = it is not restarted when files change.
    pub(super) answered: Option<Arc<Answered>>,
    /// What it had answered before its files changed, until pages are notified.
    pub(super) outdated: Option<AnsweredPaths>,
}

/// A process that the daemon starts or has started.
pub(super) struct Launch {
    /// A secret that the process passes when it opens its session.
    pub(super) id: String,
    /// None until the process runs.
    pub(super) pid: Option<u32>,
}

/// What a session takes over from the slot it was assigned to.
#[derive(Default)]
pub(super) struct SlotAssignment {
    /// The slot's index in the configuration; none = the plugin is not configured.
    pub(super) index: Option<usize>,
    pub(super) counters: Arc<Counters>,
    /// See [`PluginSlot::answered`].
    pub(super) answered: Option<Arc<Answered>>,
    /// The plugin's own configuration as JSON; empty without a slot.
    pub(super) config_json: String,
}

impl PluginSlot {
    pub(super) fn new(config: PluginConfig) -> Self {
        let program = config.command.first().map_or("", String::as_str);
        let program = program.rsplit('/').next().unwrap_or_default();
        let name = config.name.clone().unwrap_or_else(|| program.to_owned());
        let is_watched = config.is_watched();
        Self {
            config,
            name,
            launch: None,
            restarts: 0,
            failure: None,
            counters: Arc::default(),
            is_restarting: false,
            answered: is_watched.then(Arc::default),
            outdated: None,
        }
    }

    /// Whether this is the secret of the slot's current process.
    pub(super) fn has_launch(&self, launch_id: &str) -> bool {
        let launch = self.launch.as_ref();
        launch.is_some_and(|launch| launch.id == launch_id)
    }
}
