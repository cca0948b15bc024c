//! What may be removed from a partition, and whether a reader is overdue. Pure.

use std::time::Duration;

use weir_kafka::Watermarks;

const DAY: Duration = Duration::from_secs(86_400);

/// How old a record becomes at least before it is removed, though every flow has read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizons {
    /// Of raw records, since they were polled: what a replay can reach.
    pub raw: Duration,
    /// Of documents, and of records that re-enter a flow, since they were written.
    pub doc: Duration,
}

impl Default for Horizons {
    /// Those of design §4.
    fn default() -> Self {
        Self { raw: 30 * DAY, doc: 14 * DAY }
    }
}

/// What is known of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Where it begins and ends.
    pub ends: Watermarks,
    /// Every record before this offset is older than the horizon.
    pub aged: i64,
    /// Where each reader goes on; none for one that has read nothing yet.
    pub readers: Vec<Option<i64>>,
}

/// Everything before this offset may be removed; none when that is nothing.
///
/// A reader that has read nothing holds all of it, and so does a topic without readers: nobody said that it is not
/// needed (invariant 3).
pub(super) fn removable(seen: &Seen) -> Option<i64> {
    let read = seen.readers.iter().map(|next| next.unwrap_or(0)).min()?;
    let until = seen.aged.min(read).min(seen.ends.high);
    (until > seen.ends.low).then_some(until)
}

/// From where a reader has yet to read; none when it has read all there is.
pub(super) fn unread(ends: Watermarks, next: Option<i64>) -> Option<i64> {
    let from = next.unwrap_or(ends.low).max(ends.low);
    (from < ends.high).then_some(from)
}

/// Whether what is `age` old and not yet read is worth a warning.
pub(super) fn is_overdue(age: Duration, horizon: Duration) -> bool {
    age > horizon / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(low: i64, high: i64, aged: i64, readers: &[Option<i64>]) -> Seen {
        Seen { ends: Watermarks { low, high }, aged, readers: readers.to_vec() }
    }

    #[test]
    fn only_what_is_both_old_and_read_by_all_is_removed() {
        assert_eq!(removable(&seen(0, 100, 40, &[Some(100), Some(70)])), Some(40), "the horizon decides");
        assert_eq!(removable(&seen(0, 100, 100, &[Some(100), Some(70)])), Some(70), "the slowest decides");
        assert_eq!(removable(&seen(0, 100, 100, &[Some(100)])), Some(100));
        assert_eq!(removable(&seen(40, 100, 40, &[Some(100)])), None, "that was removed already");
    }

    #[test]
    fn who_has_read_nothing_holds_everything() {
        assert_eq!(removable(&seen(0, 100, 100, &[Some(100), None])), None);
        assert_eq!(removable(&seen(0, 100, 100, &[])), None, "nobody is known to have read it");
    }

    #[test]
    fn offsets_of_another_topic_of_that_name_remove_no_more_than_there_is() {
        assert_eq!(removable(&seen(0, 10, 10, &[Some(500)])), Some(10));
    }

    #[test]
    fn what_is_unread_begins_where_the_reader_goes_on() {
        let ends = Watermarks { low: 10, high: 20 };
        assert_eq!(unread(ends, Some(15)), Some(15));
        assert_eq!(unread(ends, Some(20)), None);
        assert_eq!(unread(ends, None), Some(10));
        assert_eq!(unread(ends, Some(3)), Some(10), "what is gone cannot be looked at");
    }

    #[test]
    fn the_alarm_is_at_half_the_horizon() {
        assert!(!is_overdue(15 * DAY, 30 * DAY));
        assert!(is_overdue(15 * DAY + Duration::from_secs(1), 30 * DAY));
    }
}
