//! The vendor's limit of calls a minute, per seller account: all paths of an account share it (contract decisions, 旺店通).
//!
//! Measured by the machine's clock over a sliding minute, the strictest reading; a refused call counts as well.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The calls of the last minute, per account.
#[derive(Debug, Default)]
pub struct Throttle {
    calls: BTreeMap<String, VecDeque<Instant>>,
    refused: BTreeMap<String, u64>,
    minutes: BTreeMap<String, Minutes>,
}

/// Calls by minute, counted from the first.
#[derive(Debug)]
struct Minutes {
    start: Instant,
    calls: Vec<u64>,
}

impl Minutes {
    fn count(&mut self, now: Instant) {
        let passed = now.duration_since(self.start).as_secs() / MINUTE.as_secs();
        let minute = usize::try_from(passed).unwrap_or(usize::MAX - 1);
        if self.calls.len() <= minute {
            self.calls.resize(minute + 1, 0);
        }
        if let Some(calls) = self.calls.get_mut(minute) {
            *calls += 1;
        }
    }
}

impl Throttle {
    /// Counts a call; false when there were too many in the minute before it.
    pub fn admits(&mut self, account: &str, per_minute: Option<u32>) -> bool {
        self.admits_at(account, per_minute, Instant::now())
    }

    fn admits_at(&mut self, account: &str, per_minute: Option<u32>, now: Instant) -> bool {
        let Some(per_minute) = per_minute else { return true };
        let minutes = self.minutes.entry(account.to_owned());
        minutes.or_insert_with(|| Minutes { start: now, calls: Vec::new() }).count(now);
        let calls = self.calls.entry(account.to_owned()).or_default();
        while calls.front().is_some_and(|call| now.duration_since(*call) >= MINUTE) {
            calls.pop_front();
        }
        let admitted = calls.len() < per_minute as usize;
        calls.push_back(now);
        if !admitted {
            *self.refused.entry(account.to_owned()).or_insert(0) += 1;
        }
        admitted
    }

    /// Calls of each minute since an account's first, refused ones too.
    pub fn calls_by_minute(&self) -> BTreeMap<String, Vec<u64>> {
        self.minutes.iter().map(|(account, minutes)| (account.clone(), minutes.calls.clone())).collect()
    }

    /// Calls that were refused, by account.
    pub fn refused(&self) -> BTreeMap<String, u64> {
        self.refused.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minute_slides_and_refused_calls_count() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        let mut at = |seconds| throttle.admits_at("a", Some(2), start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(30), at(40), at(70), at(91)], [true, true, false, false, false]);
        assert!(at(200));
        assert!(throttle.admits("b", Some(1)) && throttle.admits("b", None));
        assert_eq!(throttle.refused().get("a"), Some(&3));
        assert_eq!(throttle.calls_by_minute().get("a"), Some(&vec![3, 2, 0, 1]));
    }
}
