//! The supervisor: starts the configured plugins, restarts each within a budget and when its files change, and
//! ends them with the daemon.
//!
//! A plugin runs in a process group of its own (`process_group`), so that everything it starts ends with
//! it; `children` finds what left the group. `restart_budget` decides when a plugin is restarted, and when it has failed for good.

mod children;
mod launch;
mod output;
mod plugin;
mod process;
mod process_group;
mod restart_budget;

use crate::hub::Hub;
use crate::plugins::PluginRegistry;
use children::Children;
pub(crate) use launch::LaunchContext;
use launch::PluginCommand;
use plugin::{Changes, SupervisedPlugin};
use process_group::ProcessGroups;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Running plugin processes. Dropping the supervisor kills the remaining ones.
pub(crate) struct Supervisor {
    tasks: JoinSet<()>,
    _reaper: JoinSet<()>,
    children: Children,
    groups: ProcessGroups,
}

impl Supervisor {
    /// Starts every configured plugin that has a command. A plugin is restarted when it exits, and when it
    /// receives in `changes`, by its index, which of its files has changed. The control service notifies
    /// plugins that the daemon stops; cancelling `stop` ends those that do not exit by themselves.
    #[must_use]
    pub(crate) fn start(
        plugins: &Arc<PluginRegistry>,
        hub: &Arc<Hub>,
        context: LaunchContext,
        mut changes: HashMap<usize, mpsc::Receiver<String>>,
        stop: &CancellationToken,
    ) -> Self {
        let (context, groups) = (Arc::new(context), ProcessGroups::default());
        let configured = plugins.configured();
        let starts_any = configured.iter().any(|config| !config.command.is_empty());
        let children = starts_any.then(Children::adopting).unwrap_or_default();
        let mut tasks = JoinSet::new();
        for (slot, config) in configured.into_iter().enumerate() {
            let Some((program, arguments)) = config.command.split_first() else {
                continue;
            };
            let mut changes = Changes(changes.remove(&slot));
            let plugin = SupervisedPlugin {
                command: PluginCommand {
                    program: program.clone(),
                    arguments: arguments.to_vec(),
                    env: config.env.into_iter().collect(),
                    ready_timeout: config.ready_timeout,
                    context: context.clone(),
                },
                slot,
                plugins: plugins.clone(),
                hub: hub.clone(),
                children: children.clone(),
                groups: groups.clone(),
            };
            let stop = stop.clone();
            tasks.spawn(async move { plugin.keep_running(&mut changes, &stop).await });
        }
        let mut reaper = JoinSet::new();
        reaper.spawn(children.clone().reap());
        Self {
            tasks,
            _reaper: reaper,
            children,
            groups,
        }
    }

    /// Call this before the plugins are asked to end: it records what they have started.
    pub(crate) fn record_descendants(&self) {
        self.children.record_descendants();
    }

    /// Waits until every plugin's process has ended.
    pub(crate) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.children.record_descendants();
        // Dropping the tasks is not enough: the runtime may shut down before it drops their futures.
        self.groups.kill_all();
        self.children.kill_all();
    }
}
