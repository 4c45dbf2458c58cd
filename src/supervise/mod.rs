//! The supervisor: starts the configured plugins, restarts each within a budget, and ends them with the
//! daemon.
//!
//! A plugin runs in a process group of its own (`process_group`), so that everything it starts ends with
//! it; `children` finds what left the group. `restart_budget` decides when a plugin is restarted, and when it has failed for good.

mod children;
mod launch;
mod output;
mod process;
mod process_group;
mod restart_budget;

use crate::plugins::PluginRegistry;
use children::Children;
pub(crate) use launch::LaunchContext;
use launch::PluginCommand;
use process::Process;
use process_group::ProcessGroups;
use restart_budget::{MAX_EXITS, RestartBudget};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a process may run without being ready, that is, with a session whose declared hooks are all
/// open. Then it is killed, which counts as an exit. Default 10 s; suspended by `--debug`.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Running plugin processes. Dropping the supervisor kills the remaining ones.
pub(crate) struct Supervisor {
    tasks: JoinSet<()>,
    _reaper: JoinSet<()>,
    children: Children,
    groups: ProcessGroups,
}

impl Supervisor {
    /// Starts every configured plugin that has a command. The control service notifies plugins that the
    /// daemon stops; cancelling `stop` ends those that do not exit by themselves.
    #[must_use]
    pub(crate) fn start(
        plugins: &Arc<PluginRegistry>,
        context: LaunchContext,
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
            let plugin = SupervisedPlugin {
                command: PluginCommand {
                    program: program.clone(),
                    arguments: arguments.to_vec(),
                    env: config.env.into_iter().collect(),
                    context: context.clone(),
                },
                slot,
                plugins: plugins.clone(),
                children: children.clone(),
                groups: groups.clone(),
            };
            let stop = stop.clone();
            tasks.spawn(async move { plugin.keep_running(&stop).await });
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

/// Plugin whose process is restarted when it exits.
struct SupervisedPlugin {
    command: PluginCommand,
    slot: usize,
    plugins: Arc<PluginRegistry>,
    children: Children,
    groups: ProcessGroups,
}

impl SupervisedPlugin {
    async fn keep_running(&self, stop: &CancellationToken) {
        let mut budget = RestartBudget::default();
        loop {
            let Some(reason) = self.run(stop).await else {
                return;
            };
            let plugin = self.plugins.slot_name(self.slot);
            let Some(delay) = budget.next_delay(Instant::now()) else {
                tracing::error!(target: "pagewire::supervise", plugin, reason, "plugin exited {MAX_EXITS} times within three minutes and is not restarted (fix it, then restart pagewire)");
                let failure = format!(
                    "it exited {MAX_EXITS} times within three minutes, most recently with: {reason}"
                );
                self.plugins.mark_failed(self.slot, failure);
                return;
            };
            tracing::warn!(target: "pagewire::supervise", plugin, reason, ?delay, "plugin exited, restarting it");
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(delay) => self.plugins.count_restart(self.slot),
            }
        }
    }

    /// Runs the process until it exits, and returns why it did; `None` when the daemon stops.
    async fn run(&self, stop: &CancellationToken) -> Option<String> {
        let launch_id = self.plugins.begin_launch(self.slot);
        let process = Process::start(
            &self.command,
            launch_id,
            &self.children,
            &self.groups,
            &self.plugins,
            self.slot,
        );
        let reason = match process {
            Ok(process) => self.supervise(process, stop).await,
            Err(error) => Some(format!("cannot start {}: {error}", self.command.program)),
        };
        self.plugins.process_exited(self.slot);
        reason
    }

    async fn supervise(&self, mut process: Process, stop: &CancellationToken) -> Option<String> {
        self.plugins.process_started(self.slot, process.pid());
        let reason = tokio::select! {
            status = process.exited() => Some(status),
            () = self.ready_deadline() => Some(format!("not ready within {READY_TIMEOUT:?} (it needs a session with launch_id = $PAGEWIRE_LAUNCH_ID whose declared hooks are all open)")),
            () = stop.cancelled() => None,
        };
        if reason.is_none() {
            // A plugin without a session was not notified, and has nothing to finish.
            let was_notified = self.plugins.has_session(self.slot);
            let grace = was_notified.then_some(self.command.context.stop_grace);
            process.stop(grace.unwrap_or_default()).await;
        }
        process.finish(&self.children).await;
        reason
    }

    /// Waits until the plugin has not been ready for [`READY_TIMEOUT`].
    async fn ready_deadline(&self) {
        if self.command.context.debug {
            std::future::pending::<()>().await;
        }
        let becomes_ready = || self.plugins.wait_for_readiness(self.slot, true);
        while timeout(READY_TIMEOUT, becomes_ready()).await.is_ok() {
            self.plugins.wait_for_readiness(self.slot, false).await;
        }
    }
}
