//! Records → one transaction: what becomes of each record that comes from the source, re-enters, or was parked and is
//! looked at again.
//!
//! A [`Draft`] changes nothing but what it will hand over: when its transaction is aborted it is thrown away, and the
//! waiting room stands as before. Upholds invariants 3 (every record becomes a document, waits, or is overtaken by a newer
//! state, and is counted as that) and 4 (documents in the order of their records; a newer state replaces a parked one).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use weir_kafka::{Message, OutRecord};
use weir_model::{
    document::Verdict,
    flow::Severity,
    lookup::{LookupError, Lookups, Missing},
    outcome::{Code, Refusal},
    processor::{Input, Mapped, Processed},
    tally::Counts,
};
use weir_schemas::ParkedRecord;

use super::{
    entry::{Entry, Headers},
    mapper::Mapper,
    parking::{Comes, Held, Meeting, Parking, Reference, Slot, meet},
};
use crate::stage::StageError;

/// The row that a record waited for did not come in time.
pub(super) const WAITED: Code = Code::new("M-WAITED");
/// The row is missing, and the flow does not let the record wait for it.
const MISSING: Code = Code::new("M-MISSING");
/// A check of the flow refused the record; the refusal's field names the check.
pub(super) const CHECK: &str = "M-CHECK";

/// Reference rows, as the waiting room needs them.
pub(super) trait Rows {
    /// The rows as they are now.
    fn reader(&self) -> Box<dyn Lookups + '_>;

    /// Arrivals of this row are to be told from now on.
    fn watch(&self, reference: &Reference);

    /// They need not be told any more.
    fn unwatch(&self, reference: &Reference);

    /// Watched rows that came, or may have, since the last call.
    fn arrived(&self) -> Vec<Reference>;
}

/// What becomes of a parked record.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is parked, and this is its value in the wait topic.
    Parked(Held, Bytes, Headers),
    /// It goes on waiting for the same row.
    Waits(Held),
    /// It waits no more.
    Gone,
}

/// What one transaction will hold.
pub(super) struct Draft<'a> {
    mapper: &'a Mapper,
    parking: &'a Parking,
    rows: &'a dyn Rows,
    reader: Box<dyn Lookups + 'a>,
    now: Timestamp,
    /// Rows that nobody waited for before.
    watched: BTreeSet<Reference>,
    drafted: Drafted,
}

/// The contents of a transaction, and what holds once it is committed.
#[derive(Debug, Default)]
pub(super) struct Drafted {
    /// Documents, then parked records and tombstones.
    pub(super) records: Vec<OutRecord>,
    /// What the transaction does to the waiting room.
    pub(super) changes: BTreeMap<Slot, Change>,
    /// Where records ended.
    pub(super) counts: Counts,
    /// Whether there were messages that hold nothing to map: the offset moves over them (invariant 2).
    pub(super) passed_over: bool,
    /// How many states of records were parked.
    pub(super) parked: u64,
    /// Failed checks by name and severity.
    pub(super) failed_checks: BTreeMap<(String, &'static str), u64>,
}

impl<'a> Draft<'a> {
    /// An empty one, over what is parked and which rows are there at present.
    pub(super) fn new(mapper: &'a Mapper, parking: &'a Parking, rows: &'a dyn Rows, now: Timestamp) -> Self {
        let (reader, watched, drafted) = (rows.reader(), BTreeSet::new(), Drafted::default());
        Self { mapper, parking, rows, reader, now, watched, drafted }
    }

    /// A record of the topic that the flow reads.
    pub(super) fn take(&mut self, message: &Message) -> Result<(), StageError> {
        let Some(entry) = self.mapper.entry(message)? else {
            self.drafted.passed_over = true;
            return Ok(());
        };
        self.drafted.counts.polled += 1;
        self.enter(entry, message.partition)
    }

    /// A record that re-enters the flow. It was counted when it came first.
    pub(super) fn take_again(&mut self, message: &Message) -> Result<(), StageError> {
        let entry = self.mapper.entry_again(message)?;
        self.enter(entry, message.partition)
    }

    fn enter(&mut self, entry: Entry, partition: i32) -> Result<(), StageError> {
        let slot = Slot { partition, id: entry.input.record.id.clone() };
        let made = self.process(&entry.input)?;
        let parked = self.held(&slot);
        let meeting = meet(parked, &Comes::of(&entry), matches!(made, Made::Waits(..)));
        // The wait of the record goes on, whichever state of it waits (design §6).
        let since = parked.map_or(self.now, |held| held.since);
        match meeting {
            Meeting::Apart => {}
            Meeting::Overtakes => {
                self.drafted.counts.superseded += 1;
                self.let_go(&slot);
            }
            Meeting::Overtaken => {
                self.drafted.counts.superseded += 1;
                return Ok(());
            }
        }
        match made {
            Made::Waits(missing, wait_max) => self.park(slot, entry, missing, since, wait_max),
            Made::One(mapped) => self.document(&slot, &entry, 0, mapped),
            Made::Parts(parts) => self.parts(&slot, &entry, parts),
        }
        Ok(())
    }

    /// A parked record whose row may have come, or whose wait may be over.
    pub(super) fn look_again(
        &mut self,
        slot: &Slot,
        parked: ParkedRecord,
        traceparent: Option<&Bytes>,
    ) -> Result<(), StageError> {
        let before = Reference::new(&parked.collection, &parked.reference);
        let (entry, since) = Entry::of_parked(parked, traceparent);
        let made = self.process(&entry.input)?;
        if let Made::Waits(missing, wait_max) = &made
            && end_of_wait(since, *wait_max) > self.now
            && Reference::of(missing) == before
        {
            let until = Some(end_of_wait(since, *wait_max));
            let held = Held::new(&entry, before, since, until);
            self.drafted.changes.insert(slot.clone(), Change::Waits(held));
            return Ok(());
        }
        self.let_go(slot);
        match made {
            Made::Waits(missing, wait_max) if end_of_wait(since, wait_max) <= self.now => {
                let mapped = refused(WAITED, waited(&missing, since, self.now));
                self.document(slot, &entry, 0, mapped);
            }
            Made::Waits(missing, wait_max) => self.park(slot.clone(), entry, missing, since, wait_max),
            Made::One(mapped) => self.document(slot, &entry, 0, mapped),
            Made::Parts(parts) => self.parts(slot, &entry, parts),
        }
        Ok(())
    }

    /// The rows it watches that nobody waited for before, and the contents of the transaction.
    pub(super) fn finish(self) -> (BTreeSet<Reference>, Drafted) {
        let Self { mapper, parking, watched, mut drafted, .. } = self;
        for (slot, change) in &drafted.changes {
            match change {
                Change::Parked(_, value, headers) => {
                    drafted.records.push(mapper.parked(slot, Some(value.clone()), headers));
                }
                Change::Gone if parking.get(slot).is_some() => {
                    drafted.records.push(mapper.parked(slot, None, &Headers::default()));
                }
                // Nothing of it has ever been in the topic, or nothing of it changes there.
                Change::Gone | Change::Waits(_) => {}
            }
        }
        (watched, drafted)
    }

    /// Maps a record. A row that nobody waited for so far is watched first and then looked up again: it may have come
    /// in between, and nobody would tell.
    fn process(&mut self, input: &Input) -> Result<Made, StageError> {
        loop {
            let missing = match self.mapper.process(input, &*self.reader)? {
                Processed::One(mapped) => return Ok(Made::One(mapped)),
                Processed::Parts(parts) => return Ok(Made::Parts(parts)),
                Processed::Waits(missing) => missing,
            };
            let Some(wait_max) = missing.wait_max else {
                let text = LookupError::Missing(missing).to_string();
                return Ok(Made::One(refused(MISSING, text)));
            };
            let reference = Reference::of(&missing);
            if self.parking.is_awaited(&reference) || self.watched.contains(&reference) {
                return Ok(Made::Waits(missing, wait_max));
            }
            self.rows.watch(&reference);
            self.watched.insert(reference);
            self.reader = self.rows.reader();
        }
    }

    /// What is parked there once the records so far are committed.
    fn held(&self, slot: &Slot) -> Option<&Held> {
        match self.drafted.changes.get(slot) {
            Some(Change::Parked(held, ..) | Change::Waits(held)) => Some(held),
            Some(Change::Gone) => None,
            None => self.parking.get(slot),
        }
    }

    fn let_go(&mut self, slot: &Slot) {
        self.drafted.counts.waiting -= 1;
        self.drafted.changes.insert(slot.clone(), Change::Gone);
    }

    fn park(&mut self, slot: Slot, entry: Entry, missing: Missing, since: Timestamp, wait_max: Duration) {
        let until = Some(end_of_wait(since, wait_max));
        let held = Held::new(&entry, Reference::of(&missing), since, until);
        let headers = entry.headers();
        let Entry { input, repaired, job, .. } = entry;
        let parked = ParkedRecord {
            record: input.record,
            version: input.version,
            origin: input.origin,
            collection: missing.collection,
            reference: missing.reference,
            parked_since: since,
            repaired,
            job,
        };
        let value = Bytes::from(self.mapper.codec.encode(&parked));
        self.drafted.parked += 1;
        self.drafted.counts.waiting += 1;
        self.drafted.changes.insert(slot, Change::Parked(held, value, headers));
    }

    fn parts(&mut self, slot: &Slot, entry: &Entry, parts: Vec<Mapped>) {
        if parts.is_empty() {
            // Without any document the sink would never hear of the record (invariant 3).
            let filtered = Verdict::Filtered("the record has no parts".to_owned());
            let mapped = Mapped::without_body(filtered, String::new());
            return self.document(slot, entry, 0, mapped);
        }
        for (part, mapped) in (1..).zip(parts) {
            self.document(slot, entry, part, mapped);
        }
    }

    fn document(&mut self, slot: &Slot, entry: &Entry, part: u32, mapped: Mapped) {
        let mapped = Mapper::fitting(&entry.input, mapped);
        let counts = &mut self.drafted.counts;
        match &mapped.verdict {
            Verdict::Mapped => counts.mapped += 1,
            Verdict::Filtered(_) => counts.filtered += 1,
            Verdict::Refused(refusal) => {
                counts.dead += 1;
                if refusal.code.as_str() == CHECK {
                    let check = refusal.field.clone().unwrap_or_default();
                    *self.drafted.failed_checks.entry((check, Severity::Reject.as_str())).or_default() += 1;
                }
            }
        }
        for check in &mapped.warnings {
            *self.drafted.failed_checks.entry((check.clone(), Severity::Warn.as_str())).or_default() += 1;
        }
        self.drafted.records.push(self.mapper.document(entry, part, mapped, slot));
    }
}

/// What the flow makes of a record at present.
enum Made {
    One(Mapped),
    Parts(Vec<Mapped>),
    /// It lacks this row and may wait for it so long.
    Waits(Missing, Duration),
}

fn refused(code: Code, text: String) -> Mapped {
    Mapped::without_body(Verdict::Refused(Refusal::new(code, text)), String::new())
}

/// When a wait that began at `since` is over.
fn end_of_wait(since: Timestamp, wait_max: Duration) -> Timestamp {
    let longest = SignedDuration::try_from(wait_max).unwrap_or(SignedDuration::MAX);
    since.checked_add(longest).unwrap_or(Timestamp::MAX)
}

fn waited(missing: &Missing, since: Timestamp, now: Timestamp) -> String {
    let Missing { collection, reference, .. } = missing;
    let waited = SignedDuration::from_secs(now.duration_since(since).as_secs());
    format!(
        "the record waited {waited:#} for a row with {reference} in the collection {collection}, which did not come; load \
         the row, then resend the letter with `weir dlq replay`"
    )
}
