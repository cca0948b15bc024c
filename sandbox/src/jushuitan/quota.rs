//! The platform's limits: calls per second and per minute, per token and endpoint (contract jushuitan §8).
//!
//! Measured by the machine's clock over sliding windows, the strictest reading; a refused call counts as well
//! (contract decisions, "Do refused calls count against the quota").

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::Refusal;

/// How many calls a token may make at one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// In any second; beyond it the answer is code 199.
    pub per_second: u32,
    /// In any minute; beyond it the answer is code 200.
    pub per_minute: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self { per_second: 5, per_minute: 100 }
    }
}

/// The calls of the last minute, per token and endpoint.
#[derive(Debug, Default)]
pub struct QuotaBook {
    calls: BTreeMap<(String, &'static str), VecDeque<Instant>>,
    refusals: BTreeMap<String, u64>,
}

impl QuotaBook {
    /// Counts a call, and refuses it when there were too many.
    pub fn take(&mut self, token: &str, path: &'static str, quota: Option<Quota>) -> Result<(), Refusal> {
        self.take_at(token, path, quota, Instant::now())
    }

    fn take_at(
        &mut self,
        token: &str,
        path: &'static str,
        quota: Option<Quota>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(quota) = quota else { return Ok(()) };
        let calls = self.calls.entry((token.to_owned(), path)).or_default();
        let young = |call: &Instant, window: Duration| now.duration_since(*call) < window;
        while calls.front().is_some_and(|call| !young(call, Duration::from_secs(60))) {
            calls.pop_front();
        }
        let in_second = calls.iter().rev().take_while(|call| young(call, Duration::from_secs(1))).count();
        let in_minute = calls.len();
        calls.push_back(now);
        let code = if in_second >= quota.per_second as usize {
            199
        } else if in_minute >= quota.per_minute as usize {
            200
        } else {
            return Ok(());
        };
        *self.refusals.entry(path.to_owned()).or_insert(0) += 1;
        Err(Refusal::of_code(code))
    }

    /// Calls that were refused, by endpoint.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        self.refusals.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<(), Refusal>) -> i64 {
        result.err().map_or(0, |refusal| refusal.code)
    }

    #[test]
    fn the_second_and_the_minute_slide() {
        let mut book = QuotaBook::default();
        let quota = Some(Quota { per_second: 2, per_minute: 3 });
        let start = Instant::now();
        let mut at = |millis| code(book.take_at("t", "/p", quota, start + Duration::from_millis(millis)));
        assert_eq!([at(0), at(500), at(900)], [0, 0, 199]);
        // The refused call counts too: three in the minute are used up.
        assert_eq!(at(2_000), 200);
        assert_eq!(at(60_950), 0);
    }

    #[test]
    fn tokens_and_endpoints_have_their_own() {
        let mut book = QuotaBook::default();
        let quota = Some(Quota { per_second: 1, per_minute: 100 });
        assert_eq!(code(book.take("t", "/p", quota)), 0);
        assert_eq!(code(book.take("t", "/q", quota)), 0);
        assert_eq!(code(book.take("u", "/p", quota)), 0);
        assert_eq!(code(book.take("t", "/p", quota)), 199);
        assert_eq!(code(book.take("t", "/p", None)), 0);
        assert_eq!(book.refusals().get("/p"), Some(&1));
    }
}
