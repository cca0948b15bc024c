//! The look-back follows the lateness: how far windows reach back into time that was read, by how late records came.
//!
//! A record is late when it lies before the end of a finished window and was not listed then. How late it was, from its
//! modification to the poll that first saw it, is an upper bound: nobody knows when in between it appeared. The look-back
//! is twice the largest of these, within bounds. Old lateness fades: without new late records half of it is left after
//! about five days, so one bad night costs re-reads for days and not for ever.
//!
//! Pure: the present is handed in. The reader's cursor keeps the lateness over a restart.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use weir_model::flow::Poll;

/// After this time without late records, half of the lateness is left; a little less when it is looked at often.
const FADING: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The default upper bound is so many times the lower one, and at least an hour.
const DEFAULT_GROWTH: u32 = 4;
const DEFAULT_LEAST: Duration = Duration::from_secs(3_600);

/// Between which bounds a source's look-back moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    least: SignedDuration,
    most: SignedDuration,
}

impl Bounds {
    /// By a source's settings, under the longest window its API takes: half of a window always goes forward.
    pub fn of(poll: &Poll, longest_window: Option<Duration>) -> Self {
        let default = || poll.look_back.saturating_mul(DEFAULT_GROWTH).max(DEFAULT_LEAST);
        let most = poll.look_back_max.unwrap_or_else(default);
        let half = longest_window.map_or(Duration::MAX, |longest| longest / 2);
        let most = most.min(half).max(poll.look_back);
        Self { least: signed(poll.look_back), most: signed(most) }
    }

    /// The shortest and the longest look-back.
    pub fn ends(self) -> (SignedDuration, SignedDuration) {
        (self.least, self.most)
    }
}

/// The look-back of one reader, and the lateness it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LookBack {
    bounds: Bounds,
    lateness_ms: u64,
    as_of: Timestamp,
}

impl LookBack {
    /// Goes on from what a cursor of `as_of` remembers.
    pub fn new(bounds: Bounds, lateness_ms: u64, as_of: Timestamp) -> Self {
        Self { bounds, lateness_ms, as_of }
    }

    /// How far a window reaches back.
    pub fn length(&self) -> SignedDuration {
        let lateness = i64::try_from(self.lateness_ms).unwrap_or(i64::MAX);
        let twice = SignedDuration::from_millis(lateness.saturating_mul(2));
        twice.clamp(self.bounds.least, self.bounds.most)
    }

    /// The largest lateness of late, faded, in milliseconds.
    pub fn lateness_ms(&self) -> u64 {
        self.lateness_ms
    }

    /// After a window that was finished at `now`, whose latest record came `lateness_ms` late; 0 when none was late.
    pub fn observe(&mut self, lateness_ms: u64, now: Timestamp) {
        let elapsed = now.duration_since(self.as_of).as_millis();
        let elapsed = u128::try_from(elapsed).unwrap_or(0);
        let fading = u128::try_from(FADING.as_millis()).unwrap_or(u128::MAX);
        let faded = u128::from(self.lateness_ms) * fading / (fading + elapsed);
        self.lateness_ms = u64::try_from(faded).unwrap_or(u64::MAX).max(lateness_ms);
        self.as_of = now;
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use weir_model::flow::StartFrom;

    use super::*;

    const MINUTE: u64 = 60;

    fn bounds(look_back: u64, most: Option<u64>, longest: Option<u64>) -> (i64, i64) {
        let poll = Poll {
            every: Duration::from_secs(60),
            start_from: StartFrom::Ago(Duration::ZERO),
            settle_lag: Duration::from_secs(60),
            look_back: Duration::from_secs(look_back * MINUTE),
            look_back_max: most.map(|most| Duration::from_secs(most * MINUTE)),
            max_window: None,
        };
        let longest = longest.map(|longest| Duration::from_secs(longest * MINUTE));
        let Bounds { least, most } = Bounds::of(&poll, longest);
        (least.as_mins(), most.as_mins())
    }

    #[test]
    fn the_bounds_leave_half_of_a_window_to_go_forward() {
        assert_eq!(bounds(5, None, None), (5, 60));
        assert_eq!(bounds(30, None, None), (30, 120));
        assert_eq!(bounds(5, Some(90), Some(7 * 1_440)), (5, 90));
        assert_eq!(bounds(5, None, Some(60)), (5, 30), "an API that takes an hour");
        assert_eq!(bounds(40, None, Some(60)), (40, 40), "never less than what the flow says");
    }

    #[test]
    fn the_look_back_is_twice_the_largest_lateness_and_falls_back_within_days() {
        let bounds = Bounds { least: SignedDuration::from_mins(5), most: SignedDuration::from_mins(60) };
        let mut now = Timestamp::from_second(1_700_000_000).unwrap();
        let mut look_back = LookBack::new(bounds, 0, now);
        assert_eq!(look_back.length(), SignedDuration::from_mins(5));
        look_back.observe(20 * MINUTE * 1_000, now);
        assert_eq!(look_back.length(), SignedDuration::from_mins(40));
        look_back.observe(10 * MINUTE * 1_000, now);
        assert_eq!(look_back.length(), SignedDuration::from_mins(40), "the largest counts");
        look_back.observe(50 * MINUTE * 1_000, now);
        assert_eq!(look_back.length(), SignedDuration::from_mins(60), "not beyond the bound");
        let mut days = 0;
        while look_back.length() > SignedDuration::from_mins(5) {
            days += 1;
            for _ in 0..1_440 {
                now += SignedDuration::from_mins(1);
                look_back.observe(0, now);
            }
            assert!(days < 60, "{look_back:?}");
        }
        assert!((14..=28).contains(&days), "fades over weeks: {days}");
    }
}
