//! One supervised plugin: when its process is started, restarted and stopped.

use super::children::Children;
use super::launch::PluginCommand;
use super::process::Process;
use super::process_group::ProcessGroups;
use super::restart_budget::{MAX_EXITS, RestartBudget};
use crate::hub::Hub;
use crate::paths::path_url;
use crate::plugins::{AnsweredPaths, PluginRegistry};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Plugin whose process is restarted when it exits or its files change.
pub(super) struct SupervisedPlugin {
    pub(super) command: PluginCommand,
    pub(super) slot: usize,
    pub(super) plugins: Arc<PluginRegistry>,
    pub(super) hub: Arc<Hub>,
    pub(super) children: Children,
    pub(super) groups: ProcessGroups,
}

/// Receiver of changes of a plugin's files, in words; none = they are not watched.
pub(super) struct Changes(pub(super) Option<mpsc::Receiver<String>>);

impl Changes {
    /// Drops the changes that were received already: the process that is about to start has them.
    fn discard(&mut self) {
        while self
            .0
            .as_mut()
            .is_some_and(|changes| changes.try_recv().is_ok())
        {}
    }

    /// Waits for a change. Safe to cancel.
    async fn next(&mut self) -> String {
        let change = match &mut self.0 {
            Some(changes) => changes.recv().await,
            None => None,
        };
        match change {
            Some(change) => change,
            None => std::future::pending().await,
        }
    }
}

/// Why a process ended.
enum End {
    /// By itself, or it was not ready in time.
    Exited(String),
    /// The files of the plugin changed.
    FilesChanged,
    DaemonStops,
}

impl SupervisedPlugin {
    pub(super) async fn keep_running(&self, changes: &mut Changes, stop: &CancellationToken) {
        let mut budget = RestartBudget::default();
        loop {
            let (end, output) = self.run(changes, stop).await;
            let reason = match end {
                End::DaemonStops => return,
                End::FilesChanged => {
                    budget = RestartBudget::default();
                    continue;
                }
                End::Exited(reason) => reason,
            };
            // Requests do not wait any longer, unless the plugin is required.
            self.plugins.end_restart(self.slot);
            let delay = budget.next_delay(Instant::now());
            match delay {
                Some(delay) => {
                    let plugin = self.name();
                    tracing::warn!(target: "pagewire::supervise", plugin, reason, ?delay, "plugin exited, restarting it");
                }
                None => self.fail(&reason, &output, changes),
            }
            let delay_passes = async {
                match delay {
                    Some(delay) => sleep(delay).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                change = changes.next() => {
                    self.begin_restart(&change);
                    budget = RestartBudget::default();
                }
                () = delay_passes => self.plugins.count_restart(self.slot),
            }
        }
    }

    fn name(&self) -> String {
        self.plugins.slot_name(self.slot)
    }

    /// Reports that the plugin exited too often, to waiting pages with the last output of its process.
    fn fail(&self, reason: &str, output: &str, changes: &Changes) {
        let plugin = self.name();
        let remedy = match changes.0 {
            Some(_) => "it starts again when its files change",
            None => "fix it, then restart pagewire",
        };
        tracing::error!(target: "pagewire::supervise", plugin, reason, "plugin exited {MAX_EXITS} times within three minutes and is not restarted ({remedy})");
        let failure = format!(
            "it exited {MAX_EXITS} times within three minutes, most recently with: {reason}\n{output}"
        );
        self.plugins.mark_failed(self.slot, failure);
    }

    /// Runs the process until it ends. Returns also its last output.
    async fn run(&self, changes: &mut Changes, stop: &CancellationToken) -> (End, String) {
        let launch_id = self.plugins.begin_launch(self.slot);
        changes.discard();
        let process = Process::start(
            &self.command,
            launch_id,
            &self.children,
            &self.groups,
            &self.plugins,
            self.slot,
        );
        let end = match process {
            Ok(process) => self.supervise(process, changes, stop).await,
            Err(error) => {
                let reason = format!("cannot start {}: {error}", self.command.program);
                (End::Exited(reason), String::new())
            }
        };
        self.plugins.process_exited(self.slot);
        end
    }

    async fn supervise(
        &self,
        mut process: Process,
        changes: &mut Changes,
        stop: &CancellationToken,
    ) -> (End, String) {
        self.plugins.process_started(self.slot, process.pid());
        let (end, was_notified) = tokio::select! {
            status = process.exited() => (End::Exited(status), false),
            () = self.ready_deadline() => {
                let limit = self.command.ready_timeout;
                let reason = format!("it was killed because it was not ready within {limit:?} (it needs a session with launch_id = $PAGEWIRE_LAUNCH_ID whose declared hooks are all open; ready_timeout in its [[plugin]] table gives a compiler more time)");
                (End::Exited(reason), false)
            }
            change = changes.next() => (End::FilesChanged, self.begin_restart(&change)),
            () = stop.cancelled() => (End::DaemonStops, self.plugins.has_session(self.slot)),
        };
        if !matches!(end, End::Exited(_)) {
            // A plugin without a session was not notified, and has nothing to finish.
            let grace = was_notified.then_some(self.command.context.stop_grace);
            process.stop(grace.unwrap_or_default()).await;
        }
        let output = process.finish(&self.children).await;
        (end, output)
    }

    /// Logs that files have changed, and notifies the plugin. Returns whether it has a session.
    fn begin_restart(&self, change: &str) -> bool {
        let plugin = self.name();
        tracing::info!(target: "pagewire::supervise", "plugin {plugin:?}: {change} changed; restarting");
        let (reason, grace) = (format!("{change} changed"), self.command.context.stop_grace);
        self.plugins.begin_restart(self.slot, &reason, grace)
    }

    /// Waits until the plugin has not been ready for its `ready_timeout`. Whenever it becomes ready, ends a restart.
    async fn ready_deadline(&self) {
        let is_unlimited = self.command.context.debug;
        let limit = if is_unlimited {
            Duration::MAX
        } else {
            self.command.ready_timeout
        };
        let becomes_ready = || self.plugins.wait_for_readiness(self.slot, true);
        while timeout(limit, becomes_ready()).await.is_ok() {
            self.finish_restart();
            self.plugins.wait_for_readiness(self.slot, false).await;
        }
    }

    /// Notifies the pages that the plugin had answered before its files changed, then lets requests continue: a
    /// page that is loaded from now on needs no notification.
    fn finish_restart(&self) {
        let outdated = self.plugins.take_outdated(self.slot);
        if self.command.context.refreshes_pages {
            match outdated {
                Some(AnsweredPaths::These(paths)) if !paths.is_empty() => {
                    let paths = paths.iter().map(|path| path_url(path));
                    self.hub.notify_changed(paths, false);
                }
                Some(AnsweredPaths::Any) => self.hub.notify_changed(std::iter::empty(), false),
                _ => {}
            }
        }
        self.plugins.end_restart(self.slot);
    }
}
