//! Child processes: those that the daemon started, and those that it adopted.
//!
//! A process that leaves its plugin's group, with `setsid` for example, is not killed with it. On Linux the
//! daemon therefore is a subreaper: a process whose parent has exited becomes the daemon's child. It belongs
//! to the plugin whose launch id is in its environment, and is killed when that plugin has exited.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// Environment variable with the launch id of a plugin, inherited by everything that it starts.
pub(super) const LAUNCH_ID: &str = "PAGEWIRE_LAUNCH_ID";

/// Pause between two looks at the processes: while killed ones exit, and before adopted ones that have
/// exited are reaped. Default 10 ms.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Number of looks after which a killed process is given up: it waits for a device or a file system.
/// Default 100, which is a second.
const MAX_LOOKS: usize = 100;

/// Consecutive looks that must find nothing. One is not enough: a process can be replaced by its child
/// while the processes are read. Default 2.
const EMPTY_LOOKS: usize = 2;

/// The daemon's child processes; none = it adopts none, so that there is nothing to know.
#[derive(Clone, Default)]
pub(super) struct Children(Option<Arc<Family>>);

/// Children of a subreaper.
struct Family {
    /// Started and not waited for yet. Only tokio waits for these.
    started: Mutex<BTreeSet<i32>>,
    /// Children from before the first plugin, with the times of their start. A shell that became the daemon
    /// (`exec`) leaves some.
    inherited: BTreeMap<i32, u64>,
    /// Processes that were seen below a started one, with the times of their start. Recorded if there are
    /// inherited ones, whose descendants the daemon adopts as well.
    seen: Mutex<BTreeMap<i32, u64>>,
}

/// Guard of a started process; dropped when it has been waited for.
pub(super) struct StartedChild {
    pid: i32,
    children: Children,
}

impl Children {
    /// Makes this process a subreaper, if the system has such and shows its processes.
    pub(super) fn adopting() -> Self {
        let mut inherited = processes();
        let is_subreaper = !inherited.is_empty() && become_subreaper();
        inherited.retain(|_, process| process.is_child());
        let family = is_subreaper.then(|| Family {
            started: Mutex::default(),
            inherited: start_times(inherited.values()),
            seen: Mutex::default(),
        });
        Self(family.map(Arc::new))
    }

    /// Starts a process.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<(Child, StartedChild)> {
        // Locked meanwhile: `reap` must not take an unregistered child that exits at once for an adopted one.
        let mut started = self.0.as_ref().map(|family| family.started());
        let child = command.spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.expect("a process that was not waited for has an id");
        if let Some(started) = &mut started {
            started.insert(pid);
        }
        let children = self.clone();
        Ok((child, StartedChild { pid, children }))
    }

    /// Reaps adopted processes as they exit; they would stay zombies otherwise.
    pub(super) async fn reap(self) {
        let (Some(family), Ok(mut exits)) = (self.0, signal(SignalKind::child())) else {
            return;
        };
        while exits.recv().await.is_some() {
            // The processes are read once for many that exit at the same time.
            sleep(LOOK_INTERVAL).await;
            let family = family.clone();
            // Fails only while the runtime shuts down.
            let _ = tokio::task::spawn_blocking(move || family.reap(&processes())).await;
        }
    }

    /// Kills processes that a plugin left behind, and waits until they have exited.
    pub(super) async fn kill_left_by(&self, launch_id: &str) {
        if self.0.is_none() {
            return;
        }
        let mut empty_looks = 0;
        for _ in 0..MAX_LOOKS {
            let (children, launch_id) = (self.clone(), launch_id.to_owned());
            let look = move || children.kill(Some(&launch_id));
            match tokio::task::spawn_blocking(look).await {
                Ok(0) => empty_looks += 1,
                Ok(_) => empty_looks = 0,
                // The runtime is shutting down: the supervisor is dropped.
                Err(_) => return,
            }
            if empty_looks == EMPTY_LOOKS {
                return;
            }
            sleep(LOOK_INTERVAL).await;
        }
        tracing::warn!(target: "pagewire::supervise", "a process that a plugin left behind was killed and does not exit");
    }

    /// Records which processes the plugins have started, before the plugins end. Blocks.
    pub(super) fn record_descendants(&self) {
        if let Some(family) = self
            .0
            .as_ref()
            .filter(|family| !family.inherited.is_empty())
        {
            family.record_descendants(&processes());
        }
    }

    /// Kills the remaining descendants of the daemon except the started ones, and waits until they have
    /// exited. Blocks.
    pub(super) fn kill_all(&self) {
        if self.0.is_none() {
            return;
        }
        let mut empty_looks = 0;
        for _ in 0..MAX_LOOKS {
            empty_looks = if self.kill(None) == 0 {
                empty_looks + 1
            } else {
                0
            };
            if empty_looks == EMPTY_LOOKS {
                return;
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Sends SIGKILL to what was left behind, by the plugin with this launch id or by any plugin. Returns
    /// the number of processes.
    fn kill(&self, launch_id: Option<&str>) -> usize {
        let Some(family) = &self.0 else {
            return 0;
        };
        let processes = processes();
        family.reap(&processes);
        let doomed = family.left_behind(launch_id, &processes);
        for pid in doomed.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // Fails when it has exited by now.
            let _ = kill_process(pid, Signal::KILL);
        }
        doomed.len()
    }
}

impl Family {
    fn started(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<i32, u64>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_descendants(&self, processes: &BTreeMap<i32, Process>) {
        let found = with_descendants(self.started().clone(), processes);
        let found = found.iter().filter_map(|pid| processes.get(pid));
        let mut seen = self.seen();
        seen.retain(|pid, start| {
            let process = processes.get(pid);
            process.is_some_and(|process| process.start == *start)
        });
        seen.extend(start_times(found));
    }

    /// Waits for the adopted processes that have exited.
    fn reap(&self, processes: &BTreeMap<i32, Process>) {
        let started = self.started();
        for process in processes.values() {
            if process.is_zombie && process.is_child() && !started.contains(&process.pid) {
                // Fails when another look was faster.
                let _ = waitpid(Pid::from_raw(process.pid), WaitOptions::NOHANG);
            }
        }
    }

    /// Returns the running processes that a plugin left behind, or any plugin, with their descendants.
    fn left_behind(
        &self,
        launch_id: Option<&str>,
        processes: &BTreeMap<i32, Process>,
    ) -> BTreeSet<i32> {
        let started = self.started().clone();
        let seen = self.seen().clone();
        let is_root = |process: &Process| {
            if !process.is_child() || process.is_in(&self.inherited) {
                return false;
            }
            let is_started = started.contains(&process.pid);
            match launch_id {
                Some(_) => !is_started && process.has_launch_id(launch_id),
                // An inherited child may have left some, too.
                None => {
                    is_started
                        || self.inherited.is_empty()
                        || process.is_in(&seen)
                        || process.has_launch_id(None)
                }
            }
        };
        let roots = processes.values().filter(|process| is_root(process));
        let mut found = with_descendants(roots.map(|process| process.pid).collect(), processes);
        let is_running = |pid: &i32| processes.get(pid).is_some_and(|process| !process.is_zombie);
        found.retain(|pid| is_running(pid) && !started.contains(pid));
        found
    }
}

/// Adds the descendants of these processes.
fn with_descendants(mut found: BTreeSet<i32>, processes: &BTreeMap<i32, Process>) -> BTreeSet<i32> {
    let mut newest = found.clone();
    while !newest.is_empty() {
        let below = |process: &&Process| newest.contains(&process.parent);
        let below = processes.values().filter(below);
        newest = below.map(|process| process.pid).collect();
        newest.retain(|pid| found.insert(*pid));
    }
    found
}

fn start_times<'a>(processes: impl Iterator<Item = &'a Process>) -> BTreeMap<i32, u64> {
    processes
        .map(|process| (process.pid, process.start))
        .collect()
}

impl StartedChild {
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }
}

impl Drop for StartedChild {
    fn drop(&mut self) {
        if let Some(family) = &self.children.0 {
            family.started().remove(&self.pid);
        }
    }
}

/// Process of this system.
struct Process {
    pid: i32,
    parent: i32,
    is_zombie: bool,
    /// When it was started, in clock ticks since the system was. A later process with the same id differs.
    start: u64,
}

impl Process {
    /// Parses `/proc/PID/stat`: the state, the parent and, as the twenty-second field, the time of the start
    /// follow the name, which is in parentheses and may contain some.
    fn parse(pid: i32, stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        Some(Self {
            pid,
            is_zombie: fields.next()? == "Z",
            parent: fields.next()?.parse().ok()?,
            start: fields.nth(17)?.parse().ok()?,
        })
    }

    fn is_in(&self, start_times: &BTreeMap<i32, u64>) -> bool {
        start_times.get(&self.pid) == Some(&self.start)
    }

    fn is_child(&self) -> bool {
        u32::try_from(self.parent) == Ok(std::process::id())
    }

    /// Whether it was started with this launch id, or with any.
    fn has_launch_id(&self, launch_id: Option<&str>) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| {
            let value = variable.strip_prefix(LAUNCH_ID.as_bytes());
            let value = value.and_then(|rest| rest.strip_prefix(b"="));
            value.is_some_and(|value| launch_id.is_none_or(|id| value == id.as_bytes()))
        })
    }
}

/// Returns all processes by their ids; none without `/proc`.
fn processes() -> BTreeMap<i32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Process::parse(pid, &fs::read(entry.path().join("stat")).ok()?)
    };
    let processes = entries.filter_map(read);
    processes.map(|process| (process.pid, process)).collect()
}

#[cfg(target_os = "linux")]
fn become_subreaper() -> bool {
    let enable = Some(rustix::process::getpid());
    rustix::process::set_child_subreaper(enable).is_ok()
}

/// Other systems have none.
#[cfg(not(target_os = "linux"))]
fn become_subreaper() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_can_contain_parentheses_and_spaces() {
        let rest = "7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 98765 1000 5";
        for (begin, expected) in [
            ("7 (a) Z 1 (b) S 42", (42, false, 98765)),
            ("8 (sh) Z 7", (7, true, 98765)),
        ] {
            let stat = format!("{begin} {rest}");
            let process = Process::parse(7, stat.as_bytes()).expect("a process");
            let Process {
                parent,
                is_zombie,
                start,
                ..
            } = process;
            assert_eq!((parent, is_zombie, start), expected);
        }
    }
}
