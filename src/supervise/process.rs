//! A running plugin process.

use super::output;
use super::process_group::{ProcessGroup, ProcessGroups};
use crate::plugins::PluginRegistry;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Time limit for exiting after SIGTERM. After it the group is killed. Default 2 s.
const TERM_GRACE: Duration = Duration::from_secs(2);

/// Time limit for reading the last lines of a process that has exited. A child process that left the
/// group could keep the output open forever. Default 1 s.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// A process that was started and has not been waited for yet. Dropping it kills its group.
pub(super) struct Process {
    child: Child,
    /// Standard input: closing it requests the process to exit. If the daemon is killed, the operating
    /// system closes it.
    stdin: Option<ChildStdin>,
    group: ProcessGroup,
    output: JoinSet<()>,
}

impl Process {
    /// Starts a process, which must lead its own group, and logs its output for the plugin in `slot`.
    pub(super) fn start(
        mut command: Command,
        groups: &ProcessGroups,
        plugins: &Arc<PluginRegistry>,
        slot: usize,
    ) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok());
        let leader = leader.expect("a process that was not waited for has an id");
        let group = groups.add(leader);
        let mut output = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            let plugins = plugins.clone();
            output.spawn(async move { output::log(&plugins, slot, stdout).await });
        }
        if let Some(stderr) = child.stderr.take() {
            let plugins = plugins.clone();
            output.spawn(async move { output::log(&plugins, slot, stderr).await });
        }
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            group,
            output,
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

    /// Kills the remaining members of the group, and logs the last lines.
    pub(super) async fn finish(self) {
        let Self {
            mut child,
            stdin,
            group,
            mut output,
        } = self;
        drop((stdin, group));
        // Reaps the process, which would stay a zombie otherwise.
        let _ = child.wait().await;
        let lines = async { while output.join_next().await.is_some() {} };
        let _ = timeout(OUTPUT_GRACE, lines).await;
    }
}
