//! The plugins that the daemon starts: each is a process that is kept running, within a budget, and
//! ended with the daemon.

mod exits;
mod lines;
mod process;

use crate::plugins::PluginRegistry;
use exits::{Exits, MAX_EXITS};
use process::{Groups, Process};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a process may be without a session whose declared hooks are all open. Then it is killed,
/// which counts as an exit. Default 10 s; suspended by `--debug`.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// What every plugin is told, and where it runs.
pub(crate) struct Surroundings {
    /// Where to connect, as gRPC writes it.
    pub endpoint: String,
    /// None when the endpoint needs none.
    pub token: Option<String>,
    /// The root.
    pub folder: PathBuf,
    /// Somebody may sit at a breakpoint.
    pub debug: bool,
    /// How long a plugin has to leave once it was told that the daemon stops.
    pub stop_grace: Duration,
}

/// The plugins that were started. Dropping it kills what is left of them.
pub(crate) struct Supervisor {
    tasks: JoinSet<()>,
    groups: Groups,
}

impl Supervisor {
    /// Starts every configured plugin that has a command. Plugins are told that the daemon stops by
    /// others; when `stop` is cancelled, who does not leave is made to.
    #[must_use]
    pub(crate) fn start(
        plugins: &Arc<PluginRegistry>,
        around: Surroundings,
        stop: &CancellationToken,
    ) -> Self {
        let (around, groups) = (Arc::new(around), Groups::default());
        let mut tasks = JoinSet::new();
        for (slot, config) in plugins.configured().into_iter().enumerate() {
            let Some((program, arguments)) = config.command.split_first() else {
                continue;
            };
            let spawned = Spawned {
                program: program.clone(),
                arguments: arguments.to_vec(),
                env: config.env.into_iter().collect(),
                slot,
                plugins: plugins.clone(),
                around: around.clone(),
                groups: groups.clone(),
            };
            let stop = stop.clone();
            tasks.spawn(async move { spawned.keep_running(&stop).await });
        }
        Self { tasks, groups }
    }

    /// Waits until every process has ended.
    pub(crate) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Tasks end when the runtime comes round to it, which it may not.
        self.groups.kill();
    }
}

/// A plugin that the daemon starts.
struct Spawned {
    program: String,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    slot: usize,
    plugins: Arc<PluginRegistry>,
    around: Arc<Surroundings>,
    groups: Groups,
}

impl Spawned {
    async fn keep_running(&self, stop: &CancellationToken) {
        let mut exits = Exits::default();
        loop {
            let Some(how) = self.run(stop).await else {
                return;
            };
            let plugin = self.plugins.slot_name(self.slot);
            let Some(delay) = exits.another(Instant::now()) else {
                tracing::error!(target: "pagewire::supervise", plugin, how, "plugin ended {MAX_EXITS} times in three minutes and is not started again (mend it, then restart pagewire)");
                let why =
                    format!("it ended {MAX_EXITS} times in three minutes, at last because {how}");
                self.plugins.mark_failed(self.slot, why);
                return;
            };
            tracing::warn!(target: "pagewire::supervise", plugin, how, ?delay, "plugin ended, and is started again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(delay) => self.plugins.count_restart(self.slot),
            }
        }
    }

    /// Runs a process to its end and says how it ended; none = the daemon stops.
    async fn run(&self, stop: &CancellationToken) -> Option<String> {
        let launch_id = self.plugins.begin_launch(self.slot);
        let how = match Process::start(self, &launch_id) {
            Ok(process) => self.watch(process, stop).await,
            Err(error) => Some(format!("{} cannot be started: {error}", self.program)),
        };
        self.plugins.process_exited(self.slot);
        how
    }

    async fn watch(&self, mut process: Process, stop: &CancellationToken) -> Option<String> {
        self.plugins.process_started(self.slot, process.pid());
        let how = tokio::select! {
            how = process.exited() => Some(how),
            () = self.too_late() => Some(format!("it was not ready within {READY_TIMEOUT:?} (a session with launch_id = $PAGEWIRE_LAUNCH_ID whose declared hooks are all open)")),
            () = stop.cancelled() => None,
        };
        if how.is_none() {
            // Without a session it was told nothing, and has nothing to finish.
            let told = self.plugins.has_session(self.slot);
            let grace = told.then_some(self.around.stop_grace);
            process.stop(grace.unwrap_or_default()).await;
        }
        process.end().await;
        how
    }

    /// Waits until the plugin has not been ready for too long.
    async fn too_late(&self) {
        if self.around.debug {
            std::future::pending::<()>().await;
        }
        let becomes_ready = || self.plugins.wait_for_readiness(self.slot, true);
        while timeout(READY_TIMEOUT, becomes_ready()).await.is_ok() {
            self.plugins.wait_for_readiness(self.slot, false).await;
        }
    }
}
