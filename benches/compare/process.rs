//! What the operating system knows of processes: CPU time, memory, and where they may run.

use anyhow::{Context, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::time::{Duration, Instant};

/// Where servers run when they are pinned, and where the generator does. A core each: neither takes
/// the other's time, and a server with several threads has no more than nginx's one worker has.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const GENERATOR_CORE: usize = 1;

/// Moves this thread, and what it starts from now on, to one core.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores)
        .with_context(|| format!("core {core} cannot be had (pass --unpinned)"))
}

/// Runs `start` on one core and comes back.
pub(crate) fn on_core<T>(core: usize, start: impl FnOnce() -> T) -> anyhow::Result<T> {
    let before = sched_getaffinity(None)?;
    pin(core)?;
    let started = start();
    sched_setaffinity(None, &before)?;
    Ok(started)
}

/// Files that a process has open beside its sockets, at most.
const OTHER_FILES: u64 = 200;

/// Lets this process, and those that it starts from now on, open as many files as the machine allows.
pub(crate) fn raise_file_limit() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).context("limit of open files")
}

/// Refuses more sockets than a process can have.
pub(crate) fn check_file_limit(sockets: usize) -> anyhow::Result<()> {
    let needed = sockets as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    ensure!(
        needed <= limit,
        "{needed} open files are needed, this machine allows a process {limit} (raise it: ulimit -Hn)"
    );
    Ok(())
}

/// Runs `start` on any core and comes back.
pub(crate) fn on_any_core<T>(start: impl FnOnce() -> T) -> anyhow::Result<T> {
    let before = sched_getaffinity(None)?;
    let mut cores = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| cores.set(core));
    sched_setaffinity(None, &cores)?;
    let started = start();
    sched_setaffinity(None, &before)?;
    Ok(started)
}

/// A process and all that it has started.
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

/// CPU time that they have used, in user code and in the kernel.
pub(crate) fn cpu_time(pids: &[u32]) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name may hold anything; what follows its parenthesis begins with field 3.
        let (_, fields) = stat.rsplit_once(')').context("fields of a process")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        for field in [14, 15] {
            ticks += fields.get(field - 3).context("CPU time")?.parse::<u64>()?;
        }
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks * (1_000_000_000 / per_second)))
}

/// How long none of them may use a processor to count as idle, and how long that is waited for.
const IDLE: Duration = Duration::from_millis(100);
const IDLE_GUARD: Duration = Duration::from_secs(20);

/// Waits, by `wait`, until they have nothing to do.
pub(crate) fn until_idle(
    pids: &[u32],
    mut wait: impl FnMut(Duration) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut before = cpu_time(pids)?;
    loop {
        wait(IDLE)?;
        let after = cpu_time(pids)?;
        if after == before {
            return Ok(());
        }
        before = after;
        ensure!(begin.elapsed() < IDLE_GUARD, "busy for no reason");
    }
}

/// Forgets the peak of their resident memory.
pub(crate) fn reset_peak(pids: &[u32]) -> anyhow::Result<()> {
    for pid in pids {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    }
    Ok(())
}

/// The peak of their resident memory since, in bytes: the sum of each one's.
pub(crate) fn peak_bytes(pids: &[u32]) -> anyhow::Result<u64> {
    sum_of("VmHWM:", pids)
}

/// Their resident memory now, in bytes: the sum of each one's.
pub(crate) fn resident_bytes(pids: &[u32]) -> anyhow::Result<u64> {
    sum_of("VmRSS:", pids)
}

fn sum_of(field: &str, pids: &[u32]) -> anyhow::Result<u64> {
    let mut kib = 0;
    for pid in pids {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with(field));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        kib += number.context(field.to_owned())?.parse::<u64>()?;
    }
    Ok(kib * 1024)
}
