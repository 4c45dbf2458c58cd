//! Reproducible random numbers: the same seed takes the same steps.

use std::time::{SystemTime, UNIX_EPOCH};

/// Xorshift, 64 bits (Marsaglia 2003).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero, and small seeds would begin alike.
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % end
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Returns a random non-empty selection.
    pub fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        let mut some: Vec<T> = Vec::new();
        some.extend(of.iter().filter(|_| self.percent(50)).cloned());
        if some.is_empty() {
            some.push(self.pick(of));
        }
        some
    }
}

/// Returns a number from the environment.
pub fn given(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().expect("a number in the environment"))
}

/// Returns a different seed each time.
pub fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::from(now.expect("after 1970").subsec_nanos())
}
