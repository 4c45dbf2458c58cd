//! A running plugin process.

use super::children::{Children, StartedChild};
use super::launch::PluginCommand;
use super::output::{self, LastLines};
use super::process_group::{ProcessGroup, ProcessGroups};
use crate::plugins::PluginRegistry;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::{Child, ChildStdin};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Time limit for exiting after SIGTERM. After it the group is killed. Default 2 s.
const TERM_GRACE: Duration = Duration::from_secs(2);

/// Time limit for reading the last lines of a process that has exited. A process that it left behind and
/// that cannot be found could keep the output open forever. Default 1 s.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// A process that was started and has not been waited for yet. Dropping it kills its group.
pub(super) struct Process {
    child: Child,
    started: StartedChild,
    launch_id: String,
    /// Standard input: closing it requests the process to exit. If the daemon is killed, the operating
    /// system closes it.
    stdin: Option<ChildStdin>,
    group: ProcessGroup,
    output: JoinSet<()>,
    /// The last lines of standard error.
    last_lines: Arc<Mutex<LastLines>>,
}

impl Process {
    /// Starts a process, and logs its output for the plugin in `slot`.
    pub(super) fn start(
        command: &PluginCommand,
        launch_id: String,
        children: &Children,
        groups: &ProcessGroups,
        plugins: &Arc<PluginRegistry>,
        slot: usize,
    ) -> io::Result<Self> {
        let (mut child, started) = children.spawn(&mut command.build(&launch_id))?;
        let group = groups.add(started.pid());
        let mut output = JoinSet::new();
        let last_lines = Arc::<Mutex<LastLines>>::default();
        if let Some(stdout) = child.stdout.take() {
            let plugins = plugins.clone();
            output.spawn(async move { output::log(&plugins, slot, stdout, |_| ()).await });
        }
        if let Some(stderr) = child.stderr.take() {
            let plugins = plugins.clone();
            let last = last_lines.clone();
            let keep = move |line: &str| {
                last.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .add(line);
            };
            output.spawn(async move { output::log(&plugins, slot, stderr, keep).await });
        }
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            started,
            launch_id,
            group,
            output,
            last_lines,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.group.leader()
    }

    /// Waits until the process exits, and returns its exit status in words.
    pub(super) async fn exited(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => format!("cannot wait for the process: {error}"),
        }
    }

    /// Asks the process to exit: waits `grace` for it to exit by itself, then closes its standard input and
    /// sends SIGTERM.
    pub(super) async fn stop(&mut self, grace: Duration) {
        if timeout(grace, self.exited()).await.is_ok() {
            return;
        }
        drop(self.stdin.take());
        self.group.terminate();
        // If it ignores SIGTERM, dropping the group in `finish` kills it.
        let _ = timeout(TERM_GRACE, self.exited()).await;
    }

    /// Kills the remaining members of the group and the processes that left it, and logs the last lines. Returns
    /// those of standard error.
    pub(super) async fn finish(self, children: &Children) -> String {
        let Self {
            mut child,
            started,
            launch_id,
            stdin,
            group,
            mut output,
            last_lines,
        } = self;
        drop((stdin, group));
        // Reaps the process, which would stay a zombie otherwise.
        let _ = child.wait().await;
        drop(started);
        children.kill_left_by(&launch_id).await;
        let lines = async { while output.join_next().await.is_some() {} };
        let _ = timeout(OUTPUT_GRACE, lines).await;
        let last_lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        last_lines.text()
    }
}
