//! Process groups of the plugins, killed as a whole so that no child process outlives its plugin.

use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Registry of live process groups, by the process id of their leader. A group is removed before it is
/// killed, and so killed at most once: the operating system may reuse its id once all members have
/// exited.
#[derive(Clone, Default)]
pub(super) struct ProcessGroups(Arc<Mutex<BTreeSet<i32>>>);

impl ProcessGroups {
    /// Registers the group of this leader.
    pub(super) fn add(&self, leader: i32) -> ProcessGroup {
        self.with(|leaders| leaders.insert(leader));
        let registry = self.clone();
        ProcessGroup { leader, registry }
    }

    /// Kills all groups.
    pub(super) fn kill_all(&self) {
        while let Some(leader) = self.with(BTreeSet::pop_first) {
            send_signal(leader, Signal::KILL);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeSet<i32>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Guard of a live process group. Dropping it kills the group.
pub(super) struct ProcessGroup {
    leader: i32,
    registry: ProcessGroups,
}

impl ProcessGroup {
    pub(super) fn leader(&self) -> u32 {
        self.leader.unsigned_abs()
    }

    /// Sends SIGTERM to all members.
    pub(super) fn terminate(&self) {
        send_signal(self.leader, Signal::TERM);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if self.registry.with(|leaders| leaders.remove(&self.leader)) {
            send_signal(self.leader, Signal::KILL);
        }
    }
}

/// Signals a group. The signal fails, without effect, when the group has no members left.
fn send_signal(leader: i32, signal: Signal) {
    if let Some(leader) = Pid::from_raw(leader) {
        let _ = kill_process_group(leader, signal);
    }
}
