//! What a case is, and how much of it is measured.

use crate::peers::{Peer, Server, Setup};
use crate::table::Figure;
use std::time::Duration;

/// One measurement, on every peer that can take part. A run against one server returns one value per
/// figure. It first verifies that the server responds correctly, because a wrong response is fast.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) peers: &'static [Peer],
    pub(crate) setup: Setup,
    pub(crate) rounds: Rounds,
    pub(crate) figures: &'static [Figure],
    pub(crate) run: Run,
}

pub(crate) type Run = Box<dyn Fn(&Server, Effort) -> anyhow::Result<Vec<f64>>>;

/// How many rounds a case has, and how long they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounds {
    /// Each lasts [`Effort::measure`].
    Short,
    /// Like `Short`, but with more rounds, so that small differences become visible.
    Close,
    /// Each takes several seconds.
    Long,
    /// Like `Long`, with new servers in each round, so that what servers accumulate is measured too.
    Fresh,
}

impl Rounds {
    /// Whether such a case takes long even with few rounds; `--quick` omits it.
    pub(crate) fn take_long(self) -> bool {
        matches!(self, Self::Close | Self::Fresh)
    }
}

/// Round counts and durations of one invocation.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    close_rounds: usize,
    long_rounds: usize,
    fresh_rounds: usize,
    /// Before the first measurement of a server: long enough for a just-in-time compiler to finish.
    pub(crate) first_warm_up: Duration,
    /// Before every later measurement.
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
    /// Saves of a file in one run.
    pub(crate) saves: usize,
    /// Loads of a page that the server has already served, in one run.
    pub(crate) loads: usize,
}

impl Effort {
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        close_rounds: 2,
        long_rounds: 2,
        fresh_rounds: 1,
        first_warm_up: Duration::from_millis(300),
        warm_up: Duration::from_millis(50),
        measure: Duration::from_millis(200),
        saves: 2,
        loads: 1,
    };

    pub(crate) const FULL: Self = Self {
        rounds: 9,
        close_rounds: 12,
        long_rounds: 7,
        fresh_rounds: 5,
        first_warm_up: Duration::from_secs(2),
        warm_up: Duration::from_millis(200),
        measure: Duration::from_secs(1),
        saves: 7,
        loads: 2,
    };

    /// The number of rounds of this kind.
    pub(crate) fn count(self, rounds: Rounds) -> usize {
        match rounds {
            Rounds::Short => self.rounds,
            Rounds::Close => self.close_rounds,
            Rounds::Long => self.long_rounds,
            Rounds::Fresh => self.fresh_rounds,
        }
    }
}
