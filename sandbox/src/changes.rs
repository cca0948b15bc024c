//! The dice that decide which records change while they are paged, which of them leave, and how late a new one comes.
//!
//! Every system rolls its own, so that what one is asked does not decide what another one changes. A record leaves as
//! its system lets it go: a distributor of 聚水潭 is deleted, a refund of 旺店通 moves to the archive, an order of OKKI is
//! removed. Movements are append-only and never leave.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{Change, Options};

/// The changes that are made while records are paged.
#[derive(Debug)]
pub struct Changes {
    change: Change,
    leaving_share: f64,
    pub dice: StdRng,
    made: u32,
}

impl Changes {
    /// Dice of their own for a system; `seed` decides what they show.
    pub fn new(options: &Options, seed: u64) -> Self {
        Self {
            change: options.change,
            leaving_share: options.leaving_share.clamp(0.0, 1.0),
            dice: StdRng::seed_from_u64(seed ^ 0x0000_C4A6),
            made: 0,
        }
    }

    /// Whether one more record changes now.
    pub fn strike(&mut self) -> bool {
        let strikes =
            self.made < self.change.limit && self.dice.random_bool(self.change.rate.clamp(0.0, 1.0));
        self.made += u32::from(strikes);
        strikes
    }

    /// Whether a record that was struck leaves, instead of what else may become of it. Without a share nothing is rolled.
    pub fn leaves(&mut self) -> bool {
        self.leaving_share > 0.0 && self.dice.random_bool(self.leaving_share)
    }

    /// The time of a record that is added now: a little late, as when a commit takes its time.
    pub fn late(&mut self, now: i64) -> i64 {
        now - i64::from(self.dice.random_range(0..=self.change.late_by_seconds))
    }

    /// Sets how many changes there may be in all; 0 lets the data rest.
    pub fn allow(&mut self, limit: u32) {
        self.change.limit = limit;
    }

    /// Records that were modified or added, or that left, since the start.
    pub fn made(&self) -> u32 {
        self.made
    }
}
