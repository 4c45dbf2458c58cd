//! `pagewire stop`: stops the daemon and waits until it has exited.

use super::args::DaemonArgs;
use super::connection::runtime;
use super::exit::{self, Outcome};
use anyhow::Context;
use clap::Args;
use pagewire_client::discovery::is_alive;
use rustix::process::{Pid, Signal, kill_process};
use std::process::ExitCode;
use std::time::Duration;

/// Time for the daemon to drain and exit. Default 10 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Interval between checks whether the process is alive.
const INTERVAL: Duration = Duration::from_millis(20);

/// Stop the daemon and wait until it has exited.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let stop = || {
        let pid = arguments.daemon.discover()?.pid;
        terminate(pid)?;
        let timeout = arguments.daemon.timeout.unwrap_or(TIMEOUT);
        runtime()?.block_on(wait_for_exit(pid, timeout))
    };
    exit::with_outcome(stop())
}

/// Sends SIGTERM. Only daemons of this machine and user are discovered, so this is permitted.
fn terminate(pid: u32) -> anyhow::Result<()> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .context("the discovery file contains no valid process id")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

async fn wait_for_exit(pid: u32, timeout: Duration) -> anyhow::Result<Outcome> {
    let exit = async {
        while is_alive(pid) {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    if tokio::time::timeout(timeout, exit).await.is_ok() {
        return Ok(Outcome::Done);
    }
    eprintln!("the daemon (pid {pid}) was asked to stop but is still running");
    Ok(Outcome::Unanswered)
}
