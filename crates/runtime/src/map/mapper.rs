//! A record on its way through the mapping: where it came from, what the flow makes of it, and the topics' records for
//! that.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use weir_kafka::{Message, OutRecord};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    lookup::{Found, LookupError, Lookups, Query},
    outcome::{Code, Refusal},
    processor::{Input, Mapped, Processed, Processor},
    record::Position,
};
use weir_schemas::{Codec, RedoRecord};

use super::{
    entry::{Entry, Headers},
    intake::Intake,
    parking::Slot,
};
use crate::{stage::StageError, topics::DOCUMENT_BYTES};

/// Record and document together are larger than what a document may be.
pub(super) const TOO_LARGE: Code = Code::new("M-TOO-LARGE");
/// What stands around a payload and a body in a document, with room to spare.
const MARGIN: usize = 65_536;
/// The longest number of a document that is told without its body.
const NUMBER_CHARS: usize = 200;

/// One flow's mapping with what surrounds it in topics.
pub(super) struct Mapper {
    pub(super) intake: Intake,
    pub(super) processor: Arc<dyn Processor>,
    pub(super) flow_version: FlowVersion,
    pub(super) codec: Codec,
    pub(super) doc_topic: Arc<str>,
    pub(super) wait_topic: Arc<str>,
    /// Whether the broker tells when it took a record. The one inside the process does not: the time of the poll stands
    /// in (design §10).
    pub(super) has_append_times: bool,
}

impl Mapper {
    /// A message of the topic that the flow reads; `None` where it holds nothing to map.
    pub(super) fn entry(&self, message: &Message) -> Result<Option<Entry>, StageError> {
        let input = self.intake.input(&self.codec, message, self.has_append_times)?;
        Ok(input.map(|input| Entry::of_source(input, message)))
    }

    /// A message of the topic of the records that re-enter the flow.
    pub(super) fn entry_again(&self, message: &Message) -> Result<Entry, StageError> {
        let place = || format!("{}/{} offset {}", message.topic, message.partition, message.offset);
        let value = message.value.as_ref().ok_or_else(|| StageError::Foreign { place: place() })?;
        let redo: RedoRecord =
            self.codec.decode(value).map_err(|source| StageError::Unreadable { place: place(), source })?;
        Ok(Entry::of_redo(redo, message))
    }

    /// What the flow makes of a record.
    ///
    /// # Errors
    /// [`StageError::Collection`] when rows cannot be read: that is no fault of the record, so it is not refused but
    /// holds its partition (invariant 3).
    pub(super) fn process(&self, input: &Input, rows: &dyn Lookups) -> Result<Processed, StageError> {
        let rows = Guarded { rows, failure: OnceLock::new() };
        let processed = self.processor.process(input, &rows);
        match rows.failure.into_inner() {
            Some(text) => Err(StageError::Collection(text)),
            None => Ok(processed),
        }
    }

    /// What was made of a record, if Kafka takes it; else it is refused: a document that is too large would hold its
    /// partition for ever (invariant 3).
    pub(super) fn fitting(input: &Input, mapped: Mapped) -> Mapped {
        let said = match &mapped.verdict {
            Verdict::Mapped => 0,
            Verdict::Filtered(text) => text.len(),
            Verdict::Refused(refusal) => refusal.message.len(),
        };
        let around = input.record.id.as_str().len() + mapped.key.len() + mapped.number.len() + said;
        let size = input.record.payload.len() + mapped.body.len() + around;
        if size + MARGIN <= DOCUMENT_BYTES {
            return mapped;
        }
        let Position { topic, partition, offset } = &input.origin;
        let verdict = match mapped.verdict {
            Verdict::Filtered(rule) => Verdict::Filtered(rule),
            Verdict::Mapped | Verdict::Refused(_) => {
                let message = format!(
                    "record and document have {size} bytes together, Kafka takes {DOCUMENT_BYTES}; the record lies at \
                     {topic}/{partition} offset {offset}. Split it at its source, or write it to the target by hand"
                );
                Verdict::Refused(Refusal::new(TOO_LARGE, message))
            }
        };
        Mapped { deleted: mapped.deleted, ..Mapped::without_body(verdict, shortened(mapped.number)) }
    }

    /// A document in its topic, in the partition of its source record (invariant 4). `part` says which part of the record
    /// it is, from 1; 0 is all of it.
    pub(super) fn document(&self, entry: &Entry, part: u32, mapped: Mapped, slot: &Slot) -> OutRecord {
        let Input { record, origin, version, .. } = &entry.input;
        let record_id = if part == 0 { record.id.clone() } else { record.id.part(part) };
        let key = record_id.as_str().to_owned();
        let document = Document {
            flow: self.processor.flow().clone(),
            flow_version: self.flow_version,
            record_id,
            key: mapped.key,
            number: mapped.number,
            verdict: mapped.verdict,
            digest: Digest::of(&mapped.body),
            body: mapped.body,
            // A letter without it is a reference: its origin tells where the record lies.
            payload: if record.payload.len() + MARGIN <= DOCUMENT_BYTES {
                record.payload.clone()
            } else {
                Bytes::new()
            },
            source_digest: entry.source_digest(mapped.deleted),
            version: *version,
            origin: origin.clone(),
            reason: record.reason,
            polled_at: record.polled_at,
            deleted: mapped.deleted,
            part,
            repaired: entry.repaired,
            job: entry.job.clone(),
        };
        let record = OutRecord::new(Arc::clone(&self.doc_topic), key, self.codec.encode(&document));
        entry.headers().on(record.to_partition(slot.partition))
    }

    /// A parked record, or the tombstone of one that was let go.
    pub(super) fn parked(&self, slot: &Slot, value: Option<Bytes>, headers: &Headers) -> OutRecord {
        let (topic, key) = (Arc::clone(&self.wait_topic), slot.id.as_str().to_owned());
        let record = match value {
            Some(value) => headers.on(OutRecord::new(topic, key, value)),
            None => OutRecord::tombstone(topic, key),
        };
        record.to_partition(slot.partition)
    }
}

/// Hands lookups on, and keeps in mind that one of them could not be answered.
struct Guarded<'r> {
    rows: &'r dyn Lookups,
    failure: OnceLock<String>,
}

impl Lookups for Guarded<'_> {
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
        let found = self.rows.find(query);
        if let Err(LookupError::Unreadable(text)) = &found {
            self.failure.get_or_init(|| text.clone());
        }
        found
    }
}

fn shortened(number: String) -> String {
    match number.char_indices().nth(NUMBER_CHARS) {
        Some((end, _)) => number.get(..end).unwrap_or_default().to_owned(),
        None => number,
    }
}
