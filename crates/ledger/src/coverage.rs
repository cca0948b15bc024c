//! The map of time of a source: what of it was read, where the holes are, what came late (design §5).
//!
//! Every finished window is a fact. What the windows cover together is put together by the database, for a year of them
//! is half a million rows; what follows from it is pure. Windows are in whole seconds and closed at both ends, so that
//! one which begins a second after another's end leaves nothing out between them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use weir_model::names::SourceName;
use weir_schemas::TimeRange;

use crate::{
    Database,
    database::{Row, Value},
    error::Error,
};

/// Between two windows nothing is left out that is not longer than this.
const STEP: SignedDuration = SignedDuration::from_secs(1);
/// Late arrivals that are told at most, the newest first.
const MOST_LATE: i64 = 1_000;

/// The stretches that windows cover together: where each begins, and where what lies before it ends. A census reads and
/// publishes nothing, so its windows do not count.
const STRETCHES: &str = "\
    SELECT from_us, before_us FROM (\
      SELECT from_us, MAX(to_us) OVER (\
        ORDER BY from_us, to_us ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_us \
      FROM window_fact WHERE source = ? AND lane <> 'reconcile') AS window_before \
    WHERE before_us IS NULL OR from_us > before_us + ? ORDER BY from_us";
const ENDS: &str = "\
    SELECT MAX(to_us) AS to_us, COUNT(*) AS windows, \
    CAST(SUM(distinct_ids) AS SIGNED) AS ids, CAST(SUM(to_us - from_us) AS SIGNED) AS span_us \
    FROM window_fact WHERE source = ? AND lane <> 'reconcile'";
const LATE: &str = "\
    SELECT from_us, to_us, late, lateness_ms, at_us \
    FROM window_fact WHERE source = ? AND late > 0 AND to_us >= ? ORDER BY at_us DESC LIMIT ?";

/// What was read of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// What finished windows cover, in order; none touches the next.
    pub read: Vec<TimeRange>,
    /// Finished windows.
    pub windows: u64,
    /// Records read from them, and how long they are together. Windows overlap, so both count some twice.
    pub ids: u64,
    /// See `ids`.
    pub span: Duration,
    /// Windows in whose overlap records were found that had not been listed before, the newest first.
    pub late: Vec<LateArrivals>,
}

/// Records that the look-back found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateArrivals {
    /// The window that found them.
    pub window: TimeRange,
    /// How many.
    pub count: u64,
    /// How late the latest of them was, in milliseconds.
    pub lateness_ms: u64,
    /// When they were found.
    pub at: Timestamp,
}

/// What is known of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// It lies before the first window or after the last one: nobody was to read it, or not yet.
    Outside,
    /// All of it that lies between the first window and the last was read.
    Read,
    /// The same, and records of it came late.
    Late,
    /// A part of it was not read, though what lies before and after it was.
    Hole,
}

impl Coverage {
    /// Reads the map of a source; late arrivals since `since`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn of(
        projection: &Database,
        source: &SourceName,
        since: Option<Timestamp>,
    ) -> Result<Self, Error> {
        let own = || Value::from(source.as_str());
        let step = Value::from(i64::try_from(STEP.as_micros()).unwrap_or(i64::MAX));
        let from = since.map_or(i64::MIN, Timestamp::as_microsecond);
        let (of_stretches, of_ends) = ([own(), step], [own()]);
        let of_late = [own(), from.into(), MOST_LATE.into()];
        // Each goes over all windows of the source: side by side.
        let (stretches, ends, late) = tokio::try_join!(
            projection.fetch(STRETCHES, &of_stretches),
            projection.fetch(ENDS, &of_ends),
            projection.fetch(LATE, &of_late),
        )?;
        let end = ends.first().map_or(Ok(None), |row| row.integer("to_us"))?;
        let sum = |column| {
            let sum = ends.first().map_or(Ok(0), |row| row.plain_integer(column))?;
            Ok::<_, Error>(u64::try_from(sum).unwrap_or(0))
        };
        let begins: Result<Vec<(i64, Option<i64>)>, Error> = stretches
            .iter()
            .map(|row| Ok((row.plain_integer("from_us")?, row.integer("before_us")?)))
            .collect();
        Ok(Self {
            read: stretches_of(&begins?, end),
            windows: sum("windows")?,
            ids: sum("ids")?,
            span: Duration::from_micros(sum("span_us")?),
            late: late.iter().map(late_arrivals).collect::<Result<_, _>>()?,
        })
    }

    /// From when on the source was read; what lies before that is no hole.
    pub fn begin(&self) -> Option<Timestamp> {
        self.read.first().map(|range| range.from)
    }

    /// Up to when the source was read.
    pub fn until(&self) -> Option<Timestamp> {
        self.read.last().map(|range| range.until)
    }

    /// What was not read, though what lies before and after it was; in order.
    pub fn holes(&self) -> impl Iterator<Item = TimeRange> {
        self.read
            .iter()
            .zip(self.read.iter().skip(1))
            .map(|(before, after)| TimeRange { from: before.until, until: after.from })
    }

    /// The parts of the holes that lie within `within`.
    pub fn holes_within(&self, within: TimeRange) -> Vec<TimeRange> {
        let cut = |hole: TimeRange| TimeRange {
            from: hole.from.max(within.from),
            until: hole.until.min(within.until),
        };
        self.holes().map(cut).filter(|hole| hole.from < hole.until).collect()
    }

    /// The worst that is known of a stretch of time.
    pub fn known(&self, range: TimeRange) -> Known {
        let (Some(begin), Some(until)) = (self.begin(), self.until()) else { return Known::Outside };
        if range.until <= begin || range.from >= until {
            return Known::Outside;
        }
        if !self.holes_within(range).is_empty() {
            return Known::Hole;
        }
        let holds = |late: &LateArrivals| (range.from..range.until).contains(&late.window.from);
        if self.late.iter().any(holds) { Known::Late } else { Known::Read }
    }
}

/// The stretches, by where each begins and where what lies before it ends; the last one ends at `end`.
fn stretches_of(begins: &[(i64, Option<i64>)], end: Option<i64>) -> Vec<TimeRange> {
    let ends = begins.iter().skip(1).map(|(_, before)| *before).chain([end]);
    let range = |((from, _), until): (&(i64, Option<i64>), Option<i64>)| {
        let [from, until] = [*from, until?].map(|at| Timestamp::from_microsecond(at).ok());
        Some(TimeRange { from: from?, until: until? })
    };
    begins.iter().zip(ends).filter_map(range).collect()
}

fn late_arrivals(row: &Row) -> Result<LateArrivals, Error> {
    let at = |column| row.plain_integer(column).map(|at| Timestamp::from_microsecond(at).unwrap_or_default());
    let count = |column| row.plain_integer(column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(LateArrivals {
        window: TimeRange { from: at("from_us")?, until: at("to_us")? },
        count: count("late")?,
        lateness_ms: count("lateness_ms")?,
        at: at("at_us")?,
    })
}

#[cfg(test)]
mod tests {
    use weir_model::cursor::Lane;

    use super::*;
    use crate::{Ledger, Settings};

    const COLUMNS: &str = "part, log_offset, source, lane, job, from_us, to_us, pages, passes, total, \
                           distinct_ids, published, late, lateness_ms, at_us";

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
    }

    fn range(from: i64, until: i64) -> TimeRange {
        TimeRange { from: minute(from), until: minute(until) }
    }

    /// A ledger with these windows, in minutes: lane, begin, end, late records.
    async fn ledger(folder: &std::path::Path, windows: &[(Lane, i64, i64, i64)]) -> Ledger {
        let ledger = Ledger::open(&Settings::beside(folder)).await.unwrap();
        let row = |(offset, (lane, from, to, late)): (usize, &(Lane, i64, i64, i64))| {
            let at = |at: i64| Value::from(minute(at).as_microsecond());
            let number = |number: i64| Value::from(number);
            vec![
                number(0),
                Value::from(offset as u64),
                Value::from("orders"),
                Value::from(lane.as_str()),
                Value::from(""),
                at(*from),
                at(*to),
                number(2),
                number(1),
                Value::Null,
                number(10),
                number(10),
                number(*late),
                number(late * 90_000),
                at(to + 1),
            ]
        };
        let rows: Vec<Vec<Value>> = windows.iter().enumerate().map(row).collect();
        let mut session = ledger.projection.begin().await.unwrap();
        session.replace("window_fact", COLUMNS, &rows).await.unwrap();
        session.commit().await.unwrap();
        ledger
    }

    async fn coverage(windows: &[(Lane, i64, i64, i64)]) -> Coverage {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path(), windows).await;
        Coverage::of(&ledger.projection, &"orders".into(), None).await.unwrap()
    }

    #[tokio::test]
    async fn windows_that_touch_are_one_stretch_and_what_is_missing_between_two_is_a_hole() {
        let found = coverage(&[
            (Lane::Live, 100, 160, 0),
            (Lane::CatchUp, 0, 30, 0),
            (Lane::Live, 25, 60, 2),
            (Lane::Live, 26, 40, 0),
            (Lane::Reconcile, 50, 100, 0),
            (Lane::Backfill, 160, 170, 0),
        ])
        .await;
        assert_eq!(found.read, [range(0, 60), range(100, 170)]);
        assert_eq!(found.holes().collect::<Vec<_>>(), [range(60, 100)]);
        assert_eq!((found.begin(), found.until()), (Some(minute(0)), Some(minute(170))));
        assert_eq!((found.windows, found.ids), (5, 50), "a census covers nothing");
        assert_eq!(found.span, Duration::from_secs(60 * (60 + 30 + 35 + 14 + 10)));
        let late = LateArrivals { window: range(25, 60), count: 2, lateness_ms: 180_000, at: minute(61) };
        assert_eq!(found.late, [late]);

        assert_eq!(found.holes_within(range(70, 500)), [range(70, 100)]);
        assert_eq!(found.holes_within(range(100, 500)), []);
        let known = |from, until| found.known(range(from, until));
        assert_eq!((known(-20, 0), known(170, 180)), (Known::Outside, Known::Outside));
        assert_eq!((known(-20, 5), known(20, 40), known(160, 200)), (Known::Read, Known::Late, Known::Read));
        assert_eq!((known(59, 61), known(0, 170)), (Known::Hole, Known::Hole));
    }

    #[tokio::test]
    async fn a_second_between_two_windows_leaves_nothing_out() {
        for (seconds, stretches) in [(1, 1), (2, 2)] {
            let folder = tempfile::tempdir().unwrap();
            let ledger = ledger(folder.path(), &[(Lane::Live, 0, 10, 0), (Lane::Live, 11, 20, 0)]).await;
            let begin = minute(10) + SignedDuration::from_secs(seconds);
            let values = [begin, minute(11)].map(|at| Value::from(at.as_microsecond()));
            let mut session = ledger.projection.begin().await.unwrap();
            session.execute("UPDATE window_fact SET from_us = ? WHERE from_us = ?", &values).await.unwrap();
            session.commit().await.unwrap();
            let found = Coverage::of(&ledger.projection, &"orders".into(), None).await.unwrap();
            assert_eq!(found.read.len(), stretches, "{seconds}");
        }
    }

    #[tokio::test]
    async fn a_source_that_was_never_read_has_no_holes() {
        let found = coverage(&[]).await;
        assert_eq!(found, Coverage::default());
        assert_eq!(found.known(range(0, 10)), Known::Outside);
    }
}
