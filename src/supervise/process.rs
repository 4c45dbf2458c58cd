//! One process of a plugin: in a group of its own, so that whatever it starts ends with it.

use super::{Spawned, lines};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a process has to end after SIGTERM. Then its group is killed. Default 2 s.
const TERM_GRACE: Duration = Duration::from_secs(2);

/// How long the last lines of a process that has ended may take. Who left its group may keep its
/// output open for ever. Default 1 s.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// The groups that live. A group is killed once at most, as soon as its leader has ended: its number
/// is its own while a member lives, and may become another's later.
#[derive(Clone, Default)]
pub(super) struct Groups(Arc<Mutex<BTreeSet<i32>>>);

impl Groups {
    /// Kills them all.
    pub(super) fn kill(&self) {
        while let Some(leader) = self.with(BTreeSet::pop_first) {
            signal(leader, Signal::KILL);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeSet<i32>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A living group. Dropping it kills what is in it.
struct Group {
    leader: i32,
    groups: Groups,
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.groups.with(|groups| groups.remove(&self.leader)) {
            signal(self.leader, Signal::KILL);
        }
    }
}

/// A group without members hears nothing.
fn signal(leader: i32, signal: Signal) {
    if let Some(leader) = Pid::from_raw(leader) {
        let _ = kill_process_group(leader, signal);
    }
}

/// A process that was started, and not yet waited for to the end.
pub(super) struct Process {
    child: Child,
    /// Its end tells the process to leave: when the daemon is killed, the operating system says it.
    stdin: Option<ChildStdin>,
    group: Group,
    output: JoinSet<()>,
}

impl Process {
    pub(super) fn start(spawned: &Spawned, launch_id: &str) -> io::Result<Self> {
        let around = &spawned.around;
        let mut command = Command::new(&spawned.program);
        command
            .args(&spawned.arguments)
            .current_dir(&around.folder)
            .envs(spawned.env.iter().cloned())
            .env("PAGEWIRE_ENDPOINT", &around.endpoint)
            .env("PAGEWIRE_LAUNCH_ID", launch_id)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match &around.token {
            Some(token) => command.env("PAGEWIRE_TOKEN", token),
            None => command.env_remove("PAGEWIRE_TOKEN"),
        };
        let mut child = command.spawn()?;
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok());
        let leader = leader.expect("a process that nobody waited for has a number");
        let groups = spawned.groups.clone();
        groups.with(|groups| groups.insert(leader));
        let group = Group { leader, groups };
        let mut output = JoinSet::new();
        let (plugins, slot) = (spawned.plugins.clone(), spawned.slot);
        if let Some(stdout) = child.stdout.take() {
            let plugins = plugins.clone();
            output.spawn(async move { lines::log(&plugins, slot, stdout).await });
        }
        if let Some(stderr) = child.stderr.take() {
            output.spawn(async move { lines::log(&plugins, slot, stderr).await });
        }
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            group,
            output,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.group.leader.unsigned_abs()
    }

    /// Waits until the process ends, and says how.
    pub(super) async fn exited(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("of {status}"),
            Err(error) => format!("it could not be waited for: {error}"),
        }
    }

    /// Makes the process leave: it has `grace` for itself, then its input ends and SIGTERM comes.
    pub(super) async fn stop(&mut self, grace: Duration) {
        if timeout(grace, self.exited()).await.is_ok() {
            return;
        }
        drop(self.stdin.take());
        signal(self.group.leader, Signal::TERM);
        // Who does not listen is killed with its group.
        let _ = timeout(TERM_GRACE, self.exited()).await;
    }

    /// Kills what is left of the group, and logs the last lines.
    pub(super) async fn end(self) {
        let Self {
            mut child,
            stdin,
            group,
            mut output,
        } = self;
        drop((stdin, group));
        // A zombie is nobody's friend.
        let _ = child.wait().await;
        let lines = async { while output.join_next().await.is_some() {} };
        let _ = timeout(OUTPUT_GRACE, lines).await;
    }
}
