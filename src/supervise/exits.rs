//! When a process that ended is started again, and when no more.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Exits within [`WINDOW`] after which a plugin has failed. Default 5.
pub(super) const MAX_EXITS: usize = 5;

/// Exits further apart than this have nothing to do with each other. Default 3 minutes.
const WINDOW: Duration = Duration::from_mins(3);

/// What is waited before the first restart, the second and so on; the last holds for all further ones.
const DELAYS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// The exits of one plugin.
#[derive(Default)]
pub(super) struct Exits {
    /// Those within the window.
    recent: VecDeque<Instant>,
    /// Since it last ran for as long as the window.
    in_a_row: usize,
}

impl Exits {
    /// It ended. How long to wait before it is started again; none = too often.
    pub(super) fn another(&mut self, now: Instant) -> Option<Duration> {
        let is_over = |exit: &Instant| now.duration_since(*exit) > WINDOW;
        if self.recent.back().is_none_or(is_over) {
            self.in_a_row = 0;
        }
        while self.recent.front().is_some_and(is_over) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        let delay = DELAYS[self.in_a_row.min(DELAYS.len() - 1)];
        self.in_a_row += 1;
        (self.recent.len() < MAX_EXITS).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_come_ever_slower_and_the_fifth_exit_in_three_minutes_is_the_last() {
        let (mut exits, now) = (Exits::default(), Instant::now());
        let delays: Vec<_> = (0..5).map(|_| exits.another(now)).collect();
        let expected = [Some(200), Some(500), Some(1000), Some(2000), None];
        assert_eq!(delays, expected.map(|ms| ms.map(Duration::from_millis)));
    }

    #[test]
    fn exits_a_minute_apart_are_never_too_many_and_three_quiet_minutes_forget_them() {
        let (mut exits, mut now) = (Exits::default(), Instant::now());
        let minute = Duration::from_mins(1);
        let mut delays = Vec::new();
        for _ in 0..7 {
            delays.push(exits.another(now).expect("a restart").as_millis());
            now += minute;
        }
        assert_eq!(delays, [200, 500, 1000, 2000, 5000, 5000, 5000]);
        let later = exits.another(now + WINDOW);
        assert_eq!(later, Some(DELAYS[0]));
    }
}
