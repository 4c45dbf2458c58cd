//! `pagewire serve --detach`: starts the daemon in the background and returns when it is ready.

use super::exit::{FAILURE, USAGE, fail};
use super::log_file;
use crate::discovery::private_folder;
use anyhow::Context;
use pagewire_client::discovery::is_alive;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

/// Runs the same command line with `--detached` instead of `--detach` in a process group of its own. Prints
/// the daemon's ready line; if it exits before that, prints why and its log, and returns its exit code.
pub(super) fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => fail(FAILURE, &error),
    }
}

fn start() -> anyhow::Result<ExitCode> {
    let folder = private_folder().context("cannot create the folder for the log")?;
    remove_stale_logs(&folder)?;
    let mut daemon = spawn()?;
    let log = log_file::path(&folder, daemon.id());
    let mut ready = String::new();
    let stdout = daemon.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut ready)?;
    if ready.is_empty() {
        return failed(daemon, &log);
    }
    println!("{}", ready.trim_end());
    eprintln!("log file: {}", log.display());
    Ok(ExitCode::SUCCESS)
}

/// Prints why the daemon exited before it was ready, and removes its log.
fn failed(mut daemon: Child, log: &Path) -> anyhow::Result<ExitCode> {
    let mut errors = Vec::new();
    let mut stderr = daemon.stderr.take().expect("it is piped");
    stderr.read_to_end(&mut errors)?;
    let status = daemon.wait()?;
    let lines = std::fs::read(log).unwrap_or_default();
    // Fails when the log could not be created either.
    let _ = std::fs::remove_file(log);
    for text in [lines, errors] {
        let text = String::from_utf8_lossy(&text);
        if !text.is_empty() {
            eprintln!("{}", text.trim_end());
        }
    }
    if status.success() || status.code().is_none() {
        eprintln!("error: the daemon ended before it was ready: {status}");
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(USAGE)))
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

fn spawn() -> anyhow::Result<Child> {
    let arguments = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--detach");
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .arg("--detached")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Until the daemon is ready; then it is the log.
        .stderr(Stdio::piped())
        // Keeps the terminal's Ctrl-C from the daemon.
        .process_group(0)
        .spawn()
        .context("cannot start the daemon")
}
