//! The world around the waiting room: a mapping that needs rows, the shelf they stand on, a clock that is set.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use weir_model::{
    document::Verdict,
    lookup::{Found, LookupError, LookupIndex, Lookups, Missing, Query},
    names::FlowName,
    processor::{Input, Mapped, Processed, Processor},
    time::Clock,
};

use super::super::{batch::Rows, parking::Reference};

/// How long a record may wait.
pub(super) const WAIT_MAX: SignedDuration = SignedDuration::from_secs(100);

/// Needs the rows that the payload names after its first letter: `m0,2` is mapped with rows 0 and 2, `f` filtered, `p1`
/// split into two once row 1 is there.
pub(super) struct NeedsRows(pub(super) FlowName);

impl Processor for NeedsRows {
    fn flow(&self) -> &FlowName {
        &self.0
    }

    fn lookups(&self) -> &[LookupIndex] {
        &[]
    }

    fn process(&self, input: &Input, lookups: &dyn Lookups) -> Processed {
        let payload = std::str::from_utf8(&input.record.payload).unwrap();
        let (kind, rows) = payload.split_at(1);
        for row in rows.split(',').filter(|row| !row.is_empty()) {
            let query = Query { collection: "c", field: "x", conditions: vec![("no", row.to_owned())] };
            if lookups.find(&query).unwrap().is_none() {
                return Processed::Waits(Missing {
                    collection: "c".to_owned(),
                    reference: query.reference(),
                    wait_max: Some(WAIT_MAX.unsigned_abs()),
                });
            }
        }
        let mapped = |verdict| Mapped::without_body(verdict, String::new());
        match kind {
            "f" => Processed::One(mapped(Verdict::Filtered("f".to_owned()))),
            "p" => Processed::Parts(vec![mapped(Verdict::Mapped), mapped(Verdict::Mapped)]),
            _ => Processed::One(mapped(Verdict::Mapped)),
        }
    }
}

/// The rows that are there, and what each instance was told of them.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) present: BTreeSet<Reference>,
    pub(super) watched: BTreeMap<usize, BTreeSet<Reference>>,
    pub(super) arrived: BTreeMap<usize, Vec<Reference>>,
    /// Comes just before the next watch is set: after the look-up that did not find it.
    pub(super) late: Option<Reference>,
}

impl Shelf {
    pub(super) fn arrive(&mut self, reference: &Reference) {
        self.present.insert(reference.clone());
        for (instance, watched) in &self.watched {
            if watched.contains(reference) {
                self.arrived.entry(*instance).or_default().push(reference.clone());
            }
        }
    }
}

/// The shelf as one instance sees it.
pub(super) struct Watching(pub(super) usize, pub(super) Arc<Mutex<Shelf>>);

struct Seen(BTreeSet<Reference>);

impl Lookups for Seen {
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
        let there = self.0.contains(&Reference::new(query.collection, &query.reference()));
        Ok(there.then(|| Found { text: "x".to_owned(), several: false }))
    }
}

impl Rows for Watching {
    fn reader(&self) -> Box<dyn Lookups + '_> {
        Box::new(Seen(self.1.lock().unwrap().present.clone()))
    }

    fn watch(&self, reference: &Reference) {
        let mut shelf = self.1.lock().unwrap();
        if let Some(late) = shelf.late.take() {
            shelf.arrive(&late);
        }
        shelf.watched.entry(self.0).or_default().insert(reference.clone());
    }

    fn unwatch(&self, reference: &Reference) {
        let mut shelf = self.1.lock().unwrap();
        shelf.watched.entry(self.0).or_default().remove(reference);
        shelf.arrived.entry(self.0).or_default().retain(|arrived| arrived != reference);
    }

    fn arrived(&self) -> Vec<Reference> {
        self.1.lock().unwrap().arrived.remove(&self.0).unwrap_or_default()
    }
}

pub(super) struct SetClock(pub(super) Mutex<Timestamp>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
