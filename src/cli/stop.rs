//! `pagewire stop`: stops the daemon and returns when it is gone.

use super::connection::{Daemon, Outcome, fail, runtime};
use anyhow::Context;
use clap::Args;
use pagewire_client::discovery::is_alive;
use rustix::process::{Pid, Signal, kill_process};
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
        let pid = arguments.daemon.discover()?.pid;
        kill(pid)?;
        runtime()?.block_on(gone(pid, arguments.daemon.timeout.unwrap_or(TIMEOUT)))
    };
    match stopped() {
        Ok(outcome) => outcome.into(),
        Err(error) => fail(&error),
    }
}

/// Only a daemon of this machine and user is discovered, and so can be stopped.
fn kill(pid: u32) -> anyhow::Result<()> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .context("no process id")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

async fn gone(pid: u32, timeout: Duration) -> anyhow::Result<Outcome> {
    let end = async {
        while is_alive(pid) {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    if tokio::time::timeout(timeout, end).await.is_ok() {
        return Ok(Outcome::Done);
    }
    eprintln!("the daemon (pid {pid}) was told to stop and still runs");
    Ok(Outcome::Nobody)
}
