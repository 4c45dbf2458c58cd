//! `pagewire serve --detach`: starts the daemon in the background and returns when it is ready.

use super::exit::{FAILURE, USAGE, fail};
use super::log_file;
use crate::discovery::private_folder;
use crate::ids;
use crate::paths::OwnedPath;
use anyhow::Context;
use pagewire_client::discovery::is_alive;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

/// Runs the same command line with `--detached` instead of `--detach` in a process group of its own. Prints the daemon's
/// ready line; if it exits before that, prints its log and returns its exit code.
pub(super) fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => fail(FAILURE, &error),
    }
}

fn start() -> anyhow::Result<ExitCode> {
    let folder = private_folder().context("cannot create the folder for the log")?;
    remove_stale_logs(&folder)?;
    let log = folder.join(format!("detached-{}.log", &ids::random()[..8]));
    // Removed on every return before the daemon is ready.
    let mut log = OwnedPath::private_file(&log, b"").context("cannot create the log")?;
    let mut daemon = spawn(log.path())?;
    // Named after the daemon's process id, like its other files.
    log.rename(&log_file::path(&folder, daemon.id()))?;

    let mut ready = String::new();
    let stdout = daemon.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut ready)?;
    if ready.is_empty() {
        let status = daemon.wait()?;
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        eprintln!("{}", text.trim_end());
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return Ok(ExitCode::from(code.unwrap_or(USAGE)));
    }
    let log = log.keep();
    println!("{}", ready.trim_end());
    eprintln!("log file: {}", log.display());
    Ok(ExitCode::SUCCESS)
}

/// Removes the logs of daemons that have exited.
fn remove_stale_logs(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if log_file::pid_of(&path).is_some_and(|pid| !is_alive(pid)) {
            // Fails when another process has removed it at the same time.
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

fn spawn(log: &Path) -> anyhow::Result<Child> {
    let arguments = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--detach");
    let log = OpenOptions::new().append(true).open(log)?;
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .arg("--detached")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        // Keeps the terminal's Ctrl-C from the daemon.
        .process_group(0)
        .spawn()
        .context("cannot start the daemon")
}
