//! A process of ours: how it is started, that it says when it is ready, and that it ends.

use crate::process::{self, on_core};
use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long one may take to be ready.
const START_GUARD: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A running process. It ends with this value.
pub(crate) struct Child {
    process: std::process::Child,
    said: PathBuf,
    log: PathBuf,
}

impl Child {
    /// Runs it on one core, or on any. What it says goes to files in `folder` that begin with `name`:
    /// a pipe would fill, or break once nobody reads it.
    pub(crate) fn start(
        mut command: Command,
        name: &str,
        folder: &Path,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let said = folder.join(format!("{name}.said"));
        let log = folder.join(format!("{name}.log"));
        command.stdin(Stdio::piped());
        command
            .stdout(File::create(&said)?)
            .stderr(File::create(&log)?);
        let process = match core {
            Some(core) => on_core(core, || command.spawn())?,
            None => command.spawn(),
        }
        .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        Ok(Self { process, said, log })
    }

    /// Waits until `look` finds that it is ready, in the first line that it has said or elsewhere.
    pub(crate) fn until<T>(
        &mut self,
        look: impl Fn(Option<&str>) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let begin = Instant::now();
        let mut wait = || -> anyhow::Result<T> {
            loop {
                let said = fs::read_to_string(&self.said)?;
                if let Some(found) = look(said.split_once('\n').map(|(line, _)| line))? {
                    return Ok(found);
                }
                let ended = self.process.try_wait()?;
                ensure!(ended.is_none(), "it ended: {ended:?}");
                ensure!(begin.elapsed() < START_GUARD, "it is not ready in time");
                std::thread::sleep(LOOK_EVERY);
            }
        };
        wait().with_context(|| fs::read_to_string(&self.log).unwrap_or_default())
    }

    /// It and all that it has started, now.
    pub(crate) fn processes(&self) -> Vec<u32> {
        process::tree(self.process.id())
    }
}

/// Ends this process, which is one of these, when the benchmark has ended, in whatever way.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}

impl Drop for Child {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Ends a process and waits for it.
pub(crate) fn end(process: &mut std::process::Child) {
    // Not SIGKILL: nginx ends its workers.
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    let _ = process.wait();
}
