//! What is parked, under which reference, and until when: the memory of the waiting room (design §6).
//!
//! Pure. The parked records themselves lie on disk (`room`); here stand only ids, versions and references, so that many
//! waiting records cost little. Upholds invariant 4: which of two states of a record stays is decided in [`meet`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use weir_model::{digest::Digest, lookup::Missing, names::RecordId, record::Version};

use super::entry::Entry;

/// Where a record is parked: a record has one place, for its id decides the partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    /// The partition of the raw, wait and document topics.
    pub(super) partition: i32,
    /// The source record.
    pub(super) id: RecordId,
}

/// A row that records wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Reference {
    /// The collection that lacks it.
    pub(super) collection: Arc<str>,
    /// The fields and values that were looked up.
    pub(super) row: Arc<str>,
}

impl Reference {
    /// The reference of this name.
    pub(super) fn new(collection: &str, row: &str) -> Self {
        Self { collection: Arc::from(collection), row: Arc::from(row) }
    }

    /// What a record was found to lack.
    pub(super) fn of(missing: &Missing) -> Self {
        Self::new(&missing.collection, &missing.reference)
    }
}

/// What is remembered of a parked record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Its version.
    pub(super) version: Version,
    /// What it waits for.
    pub(super) reference: Reference,
    /// When any state of the record was first parked.
    pub(super) since: Timestamp,
    /// When its wait is over; `None` until it is looked at for the first time after a restore.
    pub(super) until: Option<Timestamp>,
    /// The digest of the source's state, where a person repaired what waits.
    pub(super) repairs: Option<Digest>,
}

impl Held {
    /// Of a record that is parked.
    pub(super) fn new(
        entry: &Entry,
        reference: Reference,
        since: Timestamp,
        until: Option<Timestamp>,
    ) -> Self {
        let repairs = entry.repaired.then(|| entry.source_digest(entry.input.record.deleted));
        Self { version: entry.input.version, reference, since, until, repairs }
    }
}

/// A state of a record that comes while another one may be parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comes {
    version: Version,
    source_digest: Digest,
    repaired: bool,
}

impl Comes {
    /// That of a record.
    pub(super) fn of(entry: &Entry) -> Self {
        let source_digest = entry.source_digest(entry.input.record.deleted);
        Self { version: entry.input.version, source_digest, repaired: entry.repaired }
    }
}

/// What a state of a record that comes does to the parked state of the same record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// Nothing is parked, or what is parked is newer: the two do not touch each other.
    Apart,
    /// The parked state is overtaken: it goes, whatever becomes of the one that comes (design §6).
    Overtakes,
    /// The one that comes is superseded: it waits as well, and a newer state already does; or it is what a person
    /// repaired, and the repaired state waits.
    Overtaken,
}

/// Decides between a parked state and one that comes, from the source or once more.
///
/// An older state that waits is superseded by the parked one. An older state that does not wait, such as one of a
/// replay, is mapped on its own; the sink sees two versions in their order once the parked one follows. What a person
/// repaired stands for its original as long as the source sends no other state.
pub(super) fn meet(parked: Option<&Held>, comes: &Comes, waits: bool) -> Meeting {
    match parked {
        None => Meeting::Apart,
        Some(held) if !comes.repaired && held.repairs == Some(comes.source_digest) => Meeting::Overtaken,
        Some(held) if held.version <= comes.version => Meeting::Overtakes,
        Some(_) if waits => Meeting::Overtaken,
        Some(_) => Meeting::Apart,
    }
}

/// All that is parked in the partitions of this process.
#[derive(Debug, Default)]
pub(super) struct Parking {
    held: HashMap<Slot, Held>,
    waiting: HashMap<Reference, BTreeSet<Slot>>,
    /// Ends of waits that are still to come.
    ends: BTreeSet<(Timestamp, Slot)>,
    /// How many were first parked at that moment.
    ages: BTreeMap<Timestamp, u64>,
    /// Whose reference is to be looked up again.
    due: BTreeSet<Slot>,
}

impl Parking {
    /// What is parked there.
    pub(super) fn get(&self, slot: &Slot) -> Option<&Held> {
        self.held.get(slot)
    }

    /// Parks a record, in place of a former state of it.
    pub(super) fn park(&mut self, slot: Slot, mut held: Held) {
        self.remove(&slot);
        if let Some((known, _)) = self.waiting.get_key_value(&held.reference) {
            held.reference = known.clone();
        }
        self.waiting.entry(held.reference.clone()).or_default().insert(slot.clone());
        if let Some(until) = held.until {
            self.ends.insert((until, slot.clone()));
        }
        *self.ages.entry(held.since).or_default() += 1;
        self.held.insert(slot, held);
    }

    /// Lets a record go; what it waited for.
    pub(super) fn remove(&mut self, slot: &Slot) -> Option<Reference> {
        self.due.remove(slot);
        let held = self.held.remove(slot)?;
        if let Some(until) = held.until {
            self.ends.remove(&(until, slot.clone()));
        }
        if let Some(count) = self.ages.get_mut(&held.since) {
            *count -= 1;
            if *count == 0 {
                self.ages.remove(&held.since);
            }
        }
        if let Some(slots) = self.waiting.get_mut(&held.reference) {
            slots.remove(slot);
            if slots.is_empty() {
                self.waiting.remove(&held.reference);
            }
        }
        Some(held.reference)
    }

    /// Whether some record waits for this row.
    pub(super) fn is_awaited(&self, reference: &Reference) -> bool {
        self.waiting.contains_key(reference)
    }

    /// Forgets a partition that another process owns from now on; what its records waited for.
    pub(super) fn forget(&mut self, partition: i32) -> Vec<Reference> {
        let slots: Vec<Slot> = self.held.keys().filter(|slot| slot.partition == partition).cloned().collect();
        slots.iter().filter_map(|slot| self.remove(slot)).collect()
    }

    /// The row is there, perhaps: whoever waits for it is due.
    pub(super) fn arrived(&mut self, reference: &Reference) {
        self.due.extend(self.waiting.get(reference).into_iter().flatten().cloned());
    }

    /// Whose wait is over is due.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.ends.first().is_some_and(|(until, _)| *until <= now) {
            self.due.extend(self.ends.pop_first().map(|(_, slot)| slot));
        }
    }

    /// The record is due.
    pub(super) fn call(&mut self, slot: Slot) {
        self.due.insert(slot);
    }

    /// Some of those that are due, at most `count`. They stay due until [`Self::park`] or [`Self::remove`] tells what
    /// became of them, so that an aborted transaction forgets nobody.
    pub(super) fn due(&self, count: usize) -> Vec<Slot> {
        self.due.iter().take(count).cloned().collect()
    }

    /// Whether someone is due.
    pub(super) fn is_anyone_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// How many records wait.
    pub(super) fn len(&self) -> u64 {
        self.held.len() as u64
    }

    /// Since when the oldest waits.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.ages.first_key_value().map(|(since, _)| *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn slot(partition: i32, id: &str) -> Slot {
        Slot { partition, id: RecordId::from(id) }
    }

    fn held(offset: i64, row: &str, since: i64) -> Held {
        Held {
            version: Version { offset, ..Version::default() },
            reference: Reference::new("shops", row),
            since: at(since),
            until: Some(at(since + 100)),
            repairs: None,
        }
    }

    fn comes(offset: i64) -> Comes {
        Comes {
            version: Version { offset, ..Version::default() },
            source_digest: Digest::of(b"a"),
            repaired: false,
        }
    }

    #[test]
    fn the_newer_state_stays_and_an_older_one_that_does_not_wait_passes() {
        let parked = held(5, "no=1", 0);
        for (version, waits, expected) in [
            (6, true, Meeting::Overtakes),
            (6, false, Meeting::Overtakes),
            (5, true, Meeting::Overtakes),
            (4, true, Meeting::Overtaken),
            (4, false, Meeting::Apart),
        ] {
            assert_eq!(meet(Some(&parked), &comes(version), waits), expected, "{version} {waits}");
        }
        assert_eq!(meet(None, &comes(1), true), Meeting::Apart);
    }

    #[test]
    fn what_a_person_repaired_waits_on_while_its_original_comes_again() {
        let parked = Held { repairs: Some(Digest::of(b"a")), ..held(5, "no=1", 0) };
        for waits in [true, false] {
            for version in [4, 5, 6] {
                assert_eq!(
                    meet(Some(&parked), &comes(version), waits),
                    Meeting::Overtaken,
                    "{version} {waits}"
                );
            }
            let other = Comes { source_digest: Digest::of(b"b"), ..comes(6) };
            assert_eq!(
                meet(Some(&parked), &other, waits),
                Meeting::Overtakes,
                "the source sends another state"
            );
            let repaired = Comes { repaired: true, ..comes(5) };
            assert_eq!(
                meet(Some(&parked), &repaired, waits),
                Meeting::Overtakes,
                "it was repaired once more"
            );
        }
        let unrepaired = held(5, "no=1", 0);
        let repaired = Comes { repaired: true, ..comes(5) };
        assert_eq!(meet(Some(&unrepaired), &repaired, true), Meeting::Overtakes);
    }

    #[test]
    fn an_arrival_calls_those_who_wait_for_it_until_it_is_told_what_became_of_them() {
        let mut parking = Parking::default();
        parking.park(slot(0, "a"), held(1, "no=1", 0));
        parking.park(slot(1, "b"), held(2, "no=1", 5));
        parking.park(slot(0, "c"), held(3, "no=2", 9));
        parking.arrived(&Reference::new("shops", "no=1"));
        parking.arrived(&Reference::new("shops", "no=9"));
        assert_eq!(parking.due(9), [slot(0, "a"), slot(1, "b")]);
        assert_eq!(parking.due(1), [slot(0, "a")], "asked again, they are still due");
        assert_eq!(parking.remove(&slot(0, "a")), Some(Reference::new("shops", "no=1")));
        assert!(parking.is_awaited(&Reference::new("shops", "no=1")));
        parking.park(slot(1, "b"), held(2, "no=2", 5));
        assert!(!parking.is_anyone_due() && !parking.is_awaited(&Reference::new("shops", "no=1")));
        assert_eq!((parking.len(), parking.oldest()), (2, Some(at(5))));
    }

    #[test]
    fn the_end_of_a_wait_calls_once_and_a_later_state_keeps_the_end() {
        let mut parking = Parking::default();
        parking.park(slot(0, "a"), held(1, "no=1", 0));
        parking.park(slot(0, "a"), held(2, "no=1", 0));
        parking.expire(at(99));
        assert!(!parking.is_anyone_due());
        parking.expire(at(100));
        assert_eq!(parking.due(9), [slot(0, "a")]);
        parking.remove(&slot(0, "a"));
        parking.expire(at(1_000));
        assert!(!parking.is_anyone_due());
        assert_eq!((parking.len(), parking.oldest()), (0, None));
    }

    #[test]
    fn a_partition_leaves_nothing_behind() {
        let mut parking = Parking::default();
        parking.park(slot(0, "a"), held(1, "no=1", 0));
        parking.park(slot(1, "b"), held(2, "no=1", 5));
        parking.call(slot(0, "a"));
        assert_eq!(parking.forget(0), [Reference::new("shops", "no=1")]);
        assert!(!parking.is_anyone_due() && parking.get(&slot(0, "a")).is_none());
        assert_eq!((parking.len(), parking.oldest()), (1, Some(at(5))));
    }
}
