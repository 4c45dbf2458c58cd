//! `pagewire serve --detach`: starts the daemon in the background and returns when it is ready.

use super::serve::{USAGE, fail};
use crate::discovery::{private_folder, write_private};
use crate::ids;
use anyhow::Context;
use pagewire_client::discovery::is_alive;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

/// Runs this very command line again, without the flag, in a process group of its own. Prints its
/// ready line and returns; or what it said before it ended, with its exit code.
pub(super) fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => fail(1, &error),
    }
}

fn start() -> anyhow::Result<ExitCode> {
    let folder = private_folder().context("there is no folder for the log")?;
    forget_logs(&folder)?;
    let log = folder.join(format!("detached-{}.log", &ids::random()[..8]));
    write_private(&log, b"").context("the log cannot be written")?;
    let mut daemon = spawn(&log)?;
    let log = name_after(log, &daemon)?;

    let mut ready = String::new();
    let stdout = daemon
        .stdout
        .take()
        .context("standard output is not ours")?;
    BufReader::new(stdout).read_line(&mut ready)?;
    if ready.is_empty() {
        let status = daemon.wait()?;
        eprint!("{}", std::fs::read_to_string(&log).unwrap_or_default());
        // Nobody looks for the log of a daemon that never was.
        let _ = std::fs::remove_file(&log);
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return Ok(ExitCode::from(code.unwrap_or(USAGE)));
    }
    print!("{ready}");
    eprintln!("its log is {}", log.display());
    Ok(ExitCode::SUCCESS)
}

/// Removes what earlier daemons that have ended left behind.
fn forget_logs(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let pid = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let is_log = path.extension().is_some_and(|kind| kind == "log");
        if is_log && pid.is_some_and(|pid| !is_alive(pid)) {
            // Another program may have been faster.
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

fn spawn(log: &PathBuf) -> anyhow::Result<Child> {
    let arguments = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--detach");
    let log = OpenOptions::new().append(true).open(log)?;
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        // The terminal's Ctrl-C is not meant for it.
        .process_group(0)
        .spawn()
        .context("the daemon cannot be started")
}

/// The log of a process is found by its number, as its other files are.
fn name_after(log: PathBuf, daemon: &Child) -> anyhow::Result<PathBuf> {
    let named = log.with_file_name(format!("{}.log", daemon.id()));
    std::fs::rename(&log, &named)?;
    Ok(named)
}
