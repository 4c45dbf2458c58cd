//! The process of a test's daemon: its ready line, its log and its end.

use crate::{Error, Result};
use serde::Deserialize;
use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::watch,
    time::timeout,
};

/// Environment variable for the program. Default: `pagewire` on `PATH`.
const PROGRAM_VARIABLE: &str = "PAGEWIRE_BIN";
/// How long the daemon may take until it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the daemon may take to stop; it gives its plugins less.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for a line of the log.
const LOG_TIMEOUT: Duration = Duration::from_secs(10);

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Changes with each line until the end of standard error.
    log: watch::Receiver<String>,
    stdout: BufReader<ChildStdout>,
    /// The folder of its discovery file.
    _runtime_dir: TempDir,
}

/// The line that the daemon prints when it is ready.
#[derive(Debug, Deserialize)]
pub(super) struct Ready {
    pub(super) http: String,
    pub(super) control: String,
    pub(super) token_file: Option<PathBuf>,
}

impl Process {
    /// Starts the daemon, and returns once it is ready.
    pub(super) async fn start<I: IntoIterator<Item: AsRef<OsStr>>>(
        root: &Path,
        arguments: I,
    ) -> Result<(Self, Ready)> {
        let mut process = Self::spawn(root, arguments)?;
        let mut line = String::new();
        let read = timeout(READY_TIMEOUT, process.stdout.read_line(&mut line)).await;
        match (read, serde_json::from_str(&line)) {
            (Ok(Ok(_)), Ok(ready)) => Ok((process, ready)),
            (Err(_), _) => {
                let seconds = READY_TIMEOUT.as_secs();
                Err(process.failed(&format!("is not ready after {seconds} s")))
            }
            _ => {
                // Its error is complete once it has closed standard error.
                let mut log = process.log.clone();
                let _ = timeout(STOP_TIMEOUT, log.wait_for(|_| false)).await;
                Err(process.failed("has not started"))
            }
        }
    }

    fn spawn<I: IntoIterator<Item: AsRef<OsStr>>>(root: &Path, arguments: I) -> Result<Self> {
        let program = env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| "pagewire".into());
        let runtime_dir = TempDir::new().map_err(|error| cannot_run(&program, &error))?;
        let mut command = Command::new(&program);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PAGEWIRE_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .arg("serve")
            .arg(root)
            .args(["--port", "0", "--control", "127.0.0.1:0"])
            // The daemon ends with the test, even if that is killed.
            .arg("--exit-with-stdin")
            .args(arguments)
            .env("XDG_RUNTIME_DIR", runtime_dir.path())
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| cannot_run(&program, &error))?;
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (sender, log) = watch::channel(String::new());
        tokio::spawn(read_log(stderr, sender));
        Ok(Self {
            child,
            log,
            stdout: BufReader::new(stdout),
            _runtime_dir: runtime_dir,
        })
    }

    pub(super) fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits for a line of the log that contains a text, and returns the first.
    pub(super) async fn wait_for_log(&self, text: &str) -> Result<String> {
        let mut log = self.log.clone();
        let line = |log: &String| {
            log.lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
        };
        match timeout(LOG_TIMEOUT, log.wait_for(|log| line(log).is_some())).await {
            Ok(Ok(log)) => Ok(line(&log).expect("just found")),
            _ => Err(self.failed(&format!("has not logged {text:?}"))),
        }
    }

    /// Stops the daemon gracefully.
    pub(super) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        match timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.failed(&format!("has stopped with {status}"))),
            Ok(Err(error)) => Err(self.failed(&format!("cannot be waited for: {error}"))),
            Err(_) => {
                let seconds = STOP_TIMEOUT.as_secs();
                Err(self.failed(&format!(
                    "is still running {seconds} s after it was stopped"
                )))
            }
        }
    }

    /// An error with the daemon's own text.
    fn failed(&self, what: &str) -> Error {
        let log = self.log();
        Error::Daemon {
            problem: format!("the daemon {what}:\n{}", log.trim_end()),
        }
    }
}

fn cannot_run(program: &OsString, problem: &dyn fmt::Display) -> Error {
    let program = program.display();
    Error::Daemon {
        problem: format!(
            "cannot run the daemon {program}: {problem} (install `pagewire`, or set {PROGRAM_VARIABLE} to its path)"
        ),
    }
}

async fn read_log(stderr: ChildStderr, log: watch::Sender<String>) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    // A log that cannot be read ends.
    while let Ok(1..) = stderr.read_until(b'\n', &mut line).await {
        log.send_modify(|log| log.push_str(&String::from_utf8_lossy(&line)));
        line.clear();
    }
}
