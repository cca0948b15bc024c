//! What people ask of a source before a job is announced: how a stretch of time would be read, and how far the regular
//! poll reaches back. Nothing is called.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use weir_model::cursor::{Cursor, Lane};
use weir_schemas::TimeRange;

use super::SourcePoller;
use crate::{lateness::LookBack, paging::Strategy, window::Window};

/// How a job would read its stretches of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its windows, in order; one with archived records is read from two lists.
    pub windows: Vec<Window>,
    /// Rows per page.
    pub page_size: u32,
    strategy: Strategy,
}

/// Records that came in a while, to tell what may come in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many records
    pub records: u64,
    /// in so long.
    pub span: Duration,
}

/// How far windows of the regular poll reach back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// At least so far: `look_back`.
    pub least: Duration,
    /// At most so far: `look_back_max`.
    pub most: Duration,
    /// As it is now.
    pub now: Duration,
    /// How late records came of late, faded.
    pub lateness: Duration,
}

impl Outline {
    /// Calls for pages that it takes at `rate`, as far as one can tell; one for each window at least.
    pub fn calls(&self, rate: Option<Rate>) -> u64 {
        self.windows.iter().map(|window| self.calls_of(window, rate)).sum()
    }

    fn calls_of(&self, window: &Window, rate: Option<Rate>) -> u64 {
        let length = u128::try_from(window.to.duration_since(window.from).as_millis()).unwrap_or(0);
        let rows = rate.map_or(0, |rate| u128::from(rate.records) * length / rate.span.as_millis().max(1));
        let pages = u64::try_from(rows.div_ceil(u128::from(self.page_size.max(1)))).unwrap_or(u64::MAX);
        let calls = match self.strategy {
            _ if pages <= 1 => 1,
            // The first page is read for the total, and once more.
            Strategy::LastPageFirst | Strategy::LastPageFirstUntilStill => pages.saturating_add(1),
            Strategy::RowCursor => pages,
            // Two passes must agree.
            Strategy::Forward => pages.saturating_mul(2),
        };
        // The archive tells at once that it has nothing.
        calls.saturating_add(u64::from(window.archived))
    }
}

impl SourcePoller {
    /// How a job would read these stretches, which are in order and disjoint.
    pub fn outline(&self, ranges: &[TimeRange]) -> Outline {
        let planner = self.planner.clone().reaching_back(SignedDuration::ZERO);
        let now = self.clock.now();
        let mut windows = Vec::new();
        for range in ranges {
            let (mut settled_until, end) = (range.from, planner.after_fold(range.until));
            while let Some(window) = planner.next_up_to(settled_until, end, now) {
                settled_until = window.to;
                windows.push(Window { lane: Lane::Backfill, ..window });
            }
        }
        Outline { windows, page_size: self.settings.page_size, strategy: self.settings.strategy }
    }

    /// Up to when everything is settled now: a job reads no further.
    pub fn settled(&self) -> Timestamp {
        self.planner.settled(self.clock.now())
    }

    /// How far the regular poll reaches back after `cursor`.
    pub fn reach(&self, cursor: Option<&Cursor>) -> Reach {
        let now = self.clock.now();
        let look_back = match cursor {
            Some(cursor) => LookBack::new(self.look_back, cursor.lateness_ms, cursor.at),
            None => LookBack::new(self.look_back, 0, now),
        };
        let (least, most) = self.look_back.ends();
        let length = |length: SignedDuration| Duration::try_from(length).unwrap_or_default();
        Reach {
            least: length(least),
            most: length(most),
            now: length(look_back.length()),
            lateness: Duration::from_millis(look_back.lateness_ms()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_estimated_by_what_came_before() {
        let at = |hour: i64| Timestamp::from_second(1_700_000_000 + hour * 3_600).unwrap();
        let window = |archived| Window { from: at(0), to: at(24), lane: Lane::Backfill, archived };
        let outline =
            |strategy| Outline { windows: vec![window(false), window(true)], page_size: 50, strategy };
        let rate = |records| Some(Rate { records, span: Duration::from_secs(3_600) });
        assert_eq!(outline(Strategy::LastPageFirst).calls(None), 3, "one for each list at least");
        assert_eq!(outline(Strategy::LastPageFirst).calls(rate(1)), 3);
        assert_eq!(
            outline(Strategy::LastPageFirst).calls(rate(10)),
            2 * 6 + 1,
            "240 rows are five pages and one more"
        );
        assert_eq!(outline(Strategy::RowCursor).calls(rate(10)), 2 * 5 + 1);
        assert_eq!(outline(Strategy::Forward).calls(rate(10)), 2 * 10 + 1);
    }
}
