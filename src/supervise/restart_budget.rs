//! Restart policy: backs off between restarts, and gives up after too many exits.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Number of exits within [`WINDOW`] at which a plugin is no longer restarted. Default 5.
pub(super) const MAX_EXITS: usize = 5;

/// Period in which exits are counted. A plugin that runs this long starts with a full budget again.
/// Default 3 minutes.
const WINDOW: Duration = Duration::from_mins(3);

/// Delays before the first restart, the second and so on; the last one applies to all further restarts.
const DELAYS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Restart budget of one plugin.
#[derive(Default)]
pub(super) struct RestartBudget {
    /// Exits within the window.
    recent_exits: VecDeque<Instant>,
    /// Exits since the plugin last ran for a whole window.
    consecutive_exits: usize,
}

impl RestartBudget {
    /// Records an exit, and returns the delay before the restart; `None` when the budget is used up.
    pub(super) fn next_delay(&mut self, now: Instant) -> Option<Duration> {
        let is_past = |exit: &Instant| now.duration_since(*exit) > WINDOW;
        if self.recent_exits.back().is_none_or(is_past) {
            self.consecutive_exits = 0;
        }
        while self.recent_exits.front().is_some_and(is_past) {
            self.recent_exits.pop_front();
        }
        self.recent_exits.push_back(now);
        let delay = DELAYS[self.consecutive_exits.min(DELAYS.len() - 1)];
        self.consecutive_exits += 1;
        (self.recent_exits.len() < MAX_EXITS).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backs_off_and_gives_up_at_the_fifth_exit_within_three_minutes() {
        let (mut budget, now) = (RestartBudget::default(), Instant::now());
        let delays: Vec<_> = (0..5).map(|_| budget.next_delay(now)).collect();
        let expected = [Some(200), Some(500), Some(1000), Some(2000), None];
        assert_eq!(delays, expected.map(|ms| ms.map(Duration::from_millis)));
    }

    #[test]
    fn exits_a_minute_apart_never_use_up_the_budget_and_three_quiet_minutes_reset_the_delay() {
        let (mut budget, mut now) = (RestartBudget::default(), Instant::now());
        let minute = Duration::from_mins(1);
        let mut delays = Vec::new();
        for _ in 0..7 {
            delays.push(budget.next_delay(now).expect("a restart").as_millis());
            now += minute;
        }
        assert_eq!(delays, [200, 500, 1000, 2000, 5000, 5000, 5000]);
        let after_pause = budget.next_delay(now + WINDOW);
        assert_eq!(after_pause, Some(DELAYS[0]));
    }
}
