//! `pagewire stop`: stops the daemon and returns when it is gone.

use super::connection::{Daemon, Outcome, fail, runtime};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::process::ExitCode;
use std::time::Duration;

/// How long a drain may take. Default 10 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often the process is looked for.
const INTERVAL: Duration = Duration::from_millis(20);

/// Stop the daemon, and return when it is gone.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let stopped = || {
        let pid = pid(&arguments.daemon)?;
        kill_process(pid, Signal::TERM)?;
        runtime()?.block_on(gone(pid, arguments.daemon.timeout.unwrap_or(TIMEOUT)))
    };
    match stopped() {
        Ok(outcome) => outcome.into(),
        Err(error) => fail(&error),
    }
}

/// The process that says it listens there. Only a daemon of this machine and user can be stopped.
fn pid(daemon: &Daemon) -> anyhow::Result<Pid> {
    let found = daemon.discover()?;
    i32::try_from(found.pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| anyhow::anyhow!("{} is no process id", found.pid))
}

/// A process that has ended and was not yet waited for by its parent is gone.
fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let is_zombie = stat.is_ok_and(|stat| {
        // The state stands behind the name, which is in parentheses and may hold some.
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    });
    test_kill_process(pid).is_ok() && !is_zombie
}

async fn gone(pid: Pid, timeout: Duration) -> anyhow::Result<Outcome> {
    let end = async {
        while is_alive(pid) {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    if tokio::time::timeout(timeout, end).await.is_ok() {
        return Ok(Outcome::Done);
    }
    eprintln!(
        "the daemon (pid {}) was told to stop and still runs",
        pid.as_raw_nonzero()
    );
    Ok(Outcome::Nobody)
}
