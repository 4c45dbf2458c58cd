//! A child process of the benchmark: start, readiness, termination.

use crate::process::{self, on_core};
use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A child that takes longer to become ready is an error.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A running process, terminated on drop.
pub(super) struct Child {
    process: std::process::Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Child {
    /// Starts a command on one core, or on any. Its output goes to files in `folder` whose names begin
    /// with `name`: a pipe would fill up, or break once it has no reader.
    pub(super) fn start(
        mut command: Command,
        name: &str,
        folder: &Path,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.log"));
        command.stdin(Stdio::piped());
        command
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?);
        let process = match core {
            Some(core) => on_core(core, || command.spawn())?,
            None => command.spawn(),
        }
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self {
            process,
            stdout,
            stderr,
        })
    }

    /// Calls `probe` with the first line of output, if there is one yet, until it returns a value.
    pub(super) fn wait_until<T>(
        &mut self,
        probe: impl Fn(Option<&str>) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let start = Instant::now();
        let mut wait = || -> anyhow::Result<T> {
            loop {
                let output = fs::read_to_string(&self.stdout)?;
                if let Some(found) = probe(output.split_once('\n').map(|(line, _)| line))? {
                    return Ok(found);
                }
                let status = self.process.try_wait()?;
                ensure!(status.is_none(), "the process exited: {status:?}");
                ensure!(
                    start.elapsed() < READY_TIMEOUT,
                    "the process is not ready after {READY_TIMEOUT:?}"
                );
                std::thread::sleep(POLL_INTERVAL);
            }
        };
        wait().with_context(|| fs::read_to_string(&self.stderr).unwrap_or_default())
    }

    /// The process and all its current descendants.
    pub(super) fn processes(&self) -> Vec<u32> {
        process::tree(self.process.id())
    }
}

/// Makes this process exit with the benchmark that started it, however that ends: standard input closes then.
pub(crate) fn exit_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}

impl Drop for Child {
    fn drop(&mut self) {
        terminate(&mut self.process);
    }
}

/// Terminates a process and waits for its exit.
pub(crate) fn terminate(process: &mut std::process::Child) {
    // SIGTERM, because the workers of nginx survive a SIGKILL of their parent.
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    let _ = process.wait();
}
