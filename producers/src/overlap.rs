//! What was published of the window and its overlap: an equal row costs no second raw record (design §5).
//!
//! In memory and bounded: after a restart, or beyond the bound, rows are published again, which the sinks see as
//! unchanged. A record counts as known by its content, never by its times (contract decisions "Duplicates").

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use weir_model::{digest::Digest, names::RecordId};

use crate::record::Row;

/// Ids kept at most, as many as a table of 2^17 places takes: 8 MiB.
const CAPACITY: usize = 114_000;

/// Id → digest of the rows that may be read again.
#[derive(Debug, Default)]
pub struct Overlap {
    /// By the digest of the id.
    known: HashMap<Digest, Known>,
    /// Every row published at or after this time of its own is known; `None` while the memory is not whole.
    whole_since: Option<Timestamp>,
    /// Whether a row was not kept because of the bound.
    overflowed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    digest: Digest,
    deleted: bool,
    /// The row's own time; the end of the window that brought it when it tells none.
    at: Timestamp,
    /// Whether `at` is the row's own.
    told: bool,
}

impl Overlap {
    /// Whether this state of the record was published already.
    pub fn holds(&self, id: &RecordId, row: &Row) -> bool {
        self.known
            .get(&digest_of(id))
            .is_some_and(|known| known.digest == row.digest && known.deleted == row.deleted)
    }

    /// Whether the row lies before `settled_until`, where everything had been read, and yet was never seen.
    pub fn is_late(&self, id: &RecordId, row: &Row, settled_until: Timestamp) -> bool {
        let in_overlap = |since: Timestamp| row.modified.is_some_and(|at| at >= since && at < settled_until);
        self.whole_since.is_some_and(in_overlap) && !self.known.contains_key(&digest_of(id))
    }

    /// Takes in a row that was published from the window up to `window_end`.
    pub fn remember(&mut self, id: &RecordId, row: &Row, window_end: Timestamp) {
        let id = digest_of(id);
        if self.known.len() >= CAPACITY && !self.known.contains_key(&id) {
            self.overflowed = true;
            return;
        }
        // A removed record is listed by the time of its removal, which it does not tell.
        let at = row.modified.filter(|_| !row.deleted).unwrap_or(window_end);
        let (digest, deleted, told) = (row.digest, row.deleted, row.modified.is_some());
        self.known.insert(id, Known { digest, deleted, at, told });
    }

    /// After the window from `begin` to `settled_until` was read whole by this process: forgets what no later window
    /// reaches back to. A look-back that has grown reaches further than what is remembered.
    pub fn settle(&mut self, begin: Timestamp, settled_until: Timestamp, look_back: SignedDuration) {
        let since = settled_until.checked_sub(look_back).unwrap_or(Timestamp::MIN);
        let read_since = self.whole_since.map_or(begin, |whole_since| whole_since.min(begin));
        self.known.retain(|_, known| known.at >= since);
        let whole = !self.overflowed && self.known.values().all(|known| known.told);
        self.whole_since = whole.then_some(since.max(read_since));
        if self.known.len() < CAPACITY {
            self.overflowed = false;
        }
    }

    /// After a window of which another process read a part: what it saw is not known here.
    pub fn settle_in_part(&mut self, settled_until: Timestamp, look_back: SignedDuration) {
        self.settle(Timestamp::MAX, settled_until, look_back);
        self.whole_since = None;
    }
}

fn digest_of(id: &RecordId) -> Digest {
    Digest::of(id.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn row(text: &str, second: i64) -> Row {
        Row {
            bytes: Bytes::copy_from_slice(text.as_bytes()),
            digest: Digest::of(text.as_bytes()),
            id: None,
            fallback_id: None,
            modified: Timestamp::from_second(second).ok(),
            row_cursor: None,
            deleted: false,
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_equal_row_is_known_and_a_changed_one_is_not() {
        let (mut overlap, id) = (Overlap::default(), RecordId::from("1"));
        assert!(!overlap.holds(&id, &row("a", 5)));
        overlap.remember(&id, &row("a", 5), second(100));
        assert!(overlap.holds(&id, &row("a", 5)));
        assert!(!overlap.holds(&id, &row("b", 5)), "the second change in one second is a change");
    }

    #[test]
    fn a_removal_is_a_change_though_the_row_is_the_same() {
        let (mut overlap, id) = (Overlap::default(), RecordId::from("1"));
        overlap.remember(&id, &row("a", 5), second(100));
        let removed = Row { deleted: true, ..row("a", 5) };
        assert!(!overlap.holds(&id, &removed));
        overlap.remember(&id, &removed, second(100));
        overlap.settle(second(0), second(100), SignedDuration::from_secs(10));
        assert!(overlap.holds(&id, &removed), "kept by the window that listed it, however old its own time");
    }

    #[test]
    fn what_no_later_window_reaches_is_forgotten() {
        let mut overlap = Overlap::default();
        overlap.remember(&"old".into(), &row("a", 80), second(100));
        overlap.remember(&"new".into(), &row("b", 95), second(100));
        overlap.settle(second(0), second(100), SignedDuration::from_secs(10));
        assert!(!overlap.holds(&"old".into(), &row("a", 80)));
        assert!(overlap.holds(&"new".into(), &row("b", 95)));
    }

    #[test]
    fn only_a_whole_memory_tells_late_arrivals() {
        let mut overlap = Overlap::default();
        let late = |overlap: &Overlap| overlap.is_late(&"x".into(), &row("x", 95), second(100));
        assert!(!late(&overlap), "a fresh process knows nothing");
        overlap.settle(second(0), second(100), SignedDuration::from_secs(10));
        assert!(late(&overlap));
        assert!(!overlap.is_late(&"x".into(), &row("x", 100), second(100)), "the present is not late");
        assert!(
            !overlap.is_late(&"x".into(), &row("x", 89), second(100)),
            "before the overlap nothing is known"
        );
        overlap.remember(&"x".into(), &row("x", 95), second(100));
        assert!(!late(&overlap));
        overlap.settle_in_part(second(100), SignedDuration::from_secs(10));
        assert!(!overlap.is_late(&"y".into(), &row("y", 95), second(100)));
    }
}
