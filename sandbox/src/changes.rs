//! The dice that decide which records change while they are paged, and how late a new one comes.
//!
//! Every system rolls its own, so that what one is asked does not decide what another one changes.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::Change;

/// The changes that are made while records are paged.
#[derive(Debug)]
pub struct Changes {
    change: Change,
    pub dice: StdRng,
    made: u32,
}

impl Changes {
    /// Dice of their own for a system; `seed` decides what they show.
    pub fn new(change: Change, seed: u64) -> Self {
        Self { change, dice: StdRng::seed_from_u64(seed ^ 0x0000_C4A6), made: 0 }
    }

    /// Whether one more record changes now.
    pub fn strike(&mut self) -> bool {
        let strikes =
            self.made < self.change.limit && self.dice.random_bool(self.change.rate.clamp(0.0, 1.0));
        self.made += u32::from(strikes);
        strikes
    }

    /// The time of a record that is added now: a little late, as when a commit takes its time.
    pub fn late(&mut self, now: i64) -> i64 {
        now - i64::from(self.dice.random_range(0..=self.change.late_by_seconds))
    }

    /// Records that were modified or added since the start.
    pub fn made(&self) -> u32 {
        self.made
    }
}
