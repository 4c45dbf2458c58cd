//! How a plugin's process is launched: its command, environment and working directory.

use super::children::LAUNCH_ID;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;

/// Settings of the daemon that every plugin is launched with.
pub(crate) struct LaunchContext {
    /// Address of the control service, in gRPC's notation.
    pub endpoint: String,
    /// `None` when the endpoint needs none.
    pub token: Option<String>,
    /// Working directory: the root.
    pub folder: PathBuf,
    /// Plugins may be stopped at a breakpoint, so their startup has no deadline.
    pub debug: bool,
    /// How long a plugin may take to exit after it was notified that it has to.
    pub stop_grace: Duration,
    /// Pages are refreshed once a plugin whose files changed is ready again.
    pub refreshes_pages: bool,
}

/// Configured command of a plugin.
pub(super) struct PluginCommand {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// How long the process may run without being ready.
    pub(super) ready_timeout: Duration,
    pub(super) context: Arc<LaunchContext>,
}

impl PluginCommand {
    /// Builds the operating system's command. The process leads a process group of its own, and its
    /// standard streams are pipes.
    pub(super) fn build(&self, launch_id: &str) -> Command {
        let context = &self.context;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&context.folder)
            .envs(self.env.iter().cloned())
            .env("PAGEWIRE_ENDPOINT", &context.endpoint)
            .env(LAUNCH_ID, launch_id)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match &context.token {
            Some(token) => command.env("PAGEWIRE_TOKEN", token),
            None => command.env_remove("PAGEWIRE_TOKEN"),
        };
        command
    }
}
