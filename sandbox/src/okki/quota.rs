//! A limit of calls per account. The vendor publishes none, so there is one only when the sandbox is told so (contract
//! xiaoman-okki §8): calls beyond it get HTTP 429. A refused call counts as well.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How many calls the account may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// In any second.
    pub per_second: u32,
    /// In any minute.
    pub per_minute: u32,
}

/// The calls of the last minute.
#[derive(Debug, Default)]
pub struct QuotaBook {
    calls: VecDeque<Instant>,
    refusals: u64,
}

impl QuotaBook {
    /// Counts a call; says whether it may go on.
    pub fn take(&mut self, quota: Option<Quota>, now: Instant) -> bool {
        let Some(quota) = quota else { return true };
        let within = |call: &Instant, window: u64| now.duration_since(*call) < Duration::from_secs(window);
        while self.calls.front().is_some_and(|call| !within(call, 60)) {
            self.calls.pop_front();
        }
        let in_second = self.calls.iter().rev().take_while(|call| within(call, 1)).count();
        let allowed = in_second < quota.per_second as usize && self.calls.len() < quota.per_minute as usize;
        self.calls.push_back(now);
        self.refusals += u64::from(!allowed);
        allowed
    }

    /// Calls that were refused.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_and_the_minute_slide() {
        let mut book = QuotaBook::default();
        let quota = Some(Quota { per_second: 2, per_minute: 4 });
        let start = Instant::now();
        let mut at = |millis| book.take(quota, start + Duration::from_millis(millis));
        assert_eq!([at(0), at(500), at(900)], [true, true, false]);
        assert_eq!([at(2_000), at(4_000)], [true, false], "the refused call counts too");
        assert!(at(61_000));
        assert_eq!(book.refusals(), 2);
    }
}
