//! Processes as the operating system sees them: CPU time, memory, processor affinity, limits.

use anyhow::{Context, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::time::{Duration, Instant};

/// The cores of pinned servers and of the load generator. With a core each, neither takes the other's time,
/// and a server with several threads has no more processor time than nginx with its one worker.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const GENERATOR_CORE: usize = 1;

/// Pins this thread, and all processes and threads that it starts later, to one core.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores)
        .with_context(|| format!("cannot pin to core {core} (pass --unpinned)"))
}

/// Runs `start` on one core, then restores the affinity.
pub(crate) fn on_core<T>(core: usize, start: impl FnOnce() -> T) -> anyhow::Result<T> {
    let original = sched_getaffinity(None)?;
    pin(core)?;
    let result = start();
    sched_setaffinity(None, &original)?;
    Ok(result)
}

/// Upper bound of the files that a process has open in addition to its sockets.
const OTHER_FILES: u64 = 200;

/// Raises the limit of open files, of this process and of those it starts later, to what the machine allows.
pub(crate) fn raise_file_limit() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit })
        .context("cannot raise the limit of open files")
}

/// Fails if a process cannot open this many sockets.
pub(crate) fn check_file_limit(sockets: usize) -> anyhow::Result<()> {
    let needed = sockets as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    ensure!(
        needed <= limit,
        "{needed} open files are needed, but a process may open {limit} here (raise it with ulimit -Hn)"
    );
    Ok(())
}

/// Runs `start` on any core, then restores the affinity.
pub(crate) fn on_any_core<T>(start: impl FnOnce() -> T) -> anyhow::Result<T> {
    let original = sched_getaffinity(None)?;
    let mut cores = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| cores.set(core));
    sched_setaffinity(None, &cores)?;
    let result = start();
    sched_setaffinity(None, &original)?;
    Ok(result)
}

/// A process and all its descendants.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        next += 1;
        let threads = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten();
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    found
}

/// User and system CPU time of these processes.
pub(crate) fn cpu_time(pids: &[u32]) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name may contain any character; the fields after its closing parenthesis begin with field 3.
        let (_, fields) = stat
            .rsplit_once(')')
            .context("no fields in /proc/PID/stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        for field in [14, 15] {
            ticks += fields
                .get(field - 3)
                .context("no CPU time in /proc/PID/stat")?
                .parse::<u64>()?;
        }
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks * (1_000_000_000 / per_second)))
}

/// Processes that use no CPU time for this long are idle.
const IDLE: Duration = Duration::from_millis(100);
/// Processes that are not idle after this time are an error.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Waits, by calling `wait`, until the processes are idle.
pub(crate) fn wait_until_idle(
    pids: &[u32],
    mut wait: impl FnMut(Duration) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut before = cpu_time(pids)?;
    loop {
        wait(IDLE)?;
        let after = cpu_time(pids)?;
        if after == before {
            return Ok(());
        }
        before = after;
        ensure!(
            start.elapsed() < IDLE_TIMEOUT,
            "the processes are still busy after {IDLE_TIMEOUT:?}"
        );
    }
}

/// Resets the peak of their resident memory.
pub(crate) fn reset_peak(pids: &[u32]) -> anyhow::Result<()> {
    for pid in pids {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    }
    Ok(())
}

/// The peak of the resident memory of each process since [`reset_peak`], in bytes, summed.
pub(crate) fn peak_bytes(pids: &[u32]) -> anyhow::Result<u64> {
    sum_status_field("VmHWM:", pids)
}

/// The current resident memory of the processes in bytes, summed.
pub(crate) fn resident_bytes(pids: &[u32]) -> anyhow::Result<u64> {
    sum_status_field("VmRSS:", pids)
}

fn sum_status_field(field: &str, pids: &[u32]) -> anyhow::Result<u64> {
    let mut kib = 0;
    for pid in pids {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with(field));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        kib += number.context(field.to_owned())?.parse::<u64>()?;
    }
    Ok(kib * 1024)
}
