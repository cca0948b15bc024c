//! Delays between attempts: growing, jittered, bounded, and never shorter than the other side asked for.

use std::time::Duration;

use rand::RngExt as _;

/// A sequence of delays for one thing that is being retried.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    /// Starts at about `first` and never waits longer than `longest`, but for a hint of the other side.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    /// For a target or broker that is away: half a second up to half a minute.
    pub fn patient() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }

    /// The next delay: doubled each time, between half and the whole of it by chance, so that many processes do not
    /// come back in one moment. `hint` is what the other side asked for; it is bounded to ten times `longest`.
    pub fn next_delay(&mut self, hint: Duration) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.attempts.min(20)).unwrap_or(u32::MAX));
        self.attempts = self.attempts.saturating_add(1);
        let whole = doubled.min(self.longest);
        let half = whole / 2;
        let chance = u64::try_from((whole - half).as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(rand::rng().random_range(0..=chance));
        (half + jitter).max(hint.min(self.longest.saturating_mul(10)))
    }

    /// How often it was asked for a delay since the last success.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// It worked: the next failure starts small again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_bound_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for expect_ms in [100, 200, 400, 800, 1_000, 1_000] {
            let delay = backoff.next_delay(Duration::ZERO);
            let whole = Duration::from_millis(expect_ms);
            assert!(delay >= whole / 2 && delay <= whole, "{delay:?} for {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay(Duration::ZERO) <= Duration::from_millis(100));
    }

    #[test]
    fn honours_a_hint_within_reason() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!(backoff.next_delay(Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(backoff.next_delay(Duration::from_secs(86_400)), Duration::from_secs(10));
    }
}
