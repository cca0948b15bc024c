//! A record that is to be mapped, with what is kept of how it came: from the source, by re-entering, or out of the waiting
//! room.

use bytes::Bytes;
use jiff::Timestamp;
use weir_kafka::{Message, OutRecord};
use weir_model::{digest::Digest, processor::Input, record::Reason};
use weir_schemas::{JOB_HEADER, ParkedRecord, REASON_HEADER, RedoRecord, TRACEPARENT_HEADER};

use super::intake::input;

/// A record on its way through the mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What the mapping takes: version, origin and time are those of the record that the source sent, however often it
    /// comes (design §2: a replay maps with the time of the first run).
    pub(super) input: Input,
    /// Whether a person changed the payload; the record's digest is that of the bytes the source sent.
    pub(super) repaired: bool,
    /// The job that brought it, empty when none did.
    pub(super) job: String,
    /// The trace that it is part of.
    traceparent: Option<Bytes>,
}

impl Entry {
    /// A record as the flow's source sent it.
    pub(super) fn of_source(input: Input, message: &Message) -> Self {
        let job = message.header(JOB_HEADER).map(|id| String::from_utf8_lossy(id).into_owned());
        let traceparent = message.header(TRACEPARENT_HEADER).cloned();
        Self { input, repaired: false, job: job.unwrap_or_default(), traceparent }
    }

    /// A record that re-enters.
    pub(super) fn of_redo(redo: RedoRecord, message: &Message) -> Self {
        let RedoRecord { record, version, origin, repaired, job } = redo;
        let traceparent = message.header(TRACEPARENT_HEADER).cloned();
        Self { input: input(record, version, origin), repaired, job, traceparent }
    }

    /// A record that was parked, within a trace of the present; and since when any state of it waits.
    pub(super) fn of_parked(parked: ParkedRecord, traceparent: Option<&Bytes>) -> (Self, Timestamp) {
        let ParkedRecord { record, version, origin, parked_since, repaired, job, .. } = parked;
        let traceparent = traceparent.cloned();
        (Self { input: input(record, version, origin), repaired, job, traceparent }, parked_since)
    }

    /// The digest of the source's state; a record that counts as removed is another state than one of the same bytes. What
    /// a letter brings has the letter's digest, whatever its payload has become: it stands for the state that was refused.
    pub(super) fn source_digest(&self, deleted: bool) -> Digest {
        let record = &self.input.record;
        let is_of_letter = self.repaired || record.reason == Reason::Retry;
        if deleted && !is_of_letter { record.digest.of_removed() } else { record.digest }
    }

    /// What goes with the record to whatever it becomes.
    pub(super) fn headers(&self) -> Headers {
        let reason = Bytes::from_static(self.input.record.reason.as_str().as_bytes());
        let job = (!self.job.is_empty()).then(|| (JOB_HEADER, Bytes::from(self.job.clone())));
        let trace = self.traceparent.clone().map(|value| (TRACEPARENT_HEADER, value));
        Headers(trace.into_iter().chain([(REASON_HEADER, reason)]).chain(job).collect())
    }
}

/// Headers that go with a record to whatever it becomes.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers(Vec<(&'static str, Bytes)>);

impl Headers {
    /// The record with them.
    pub(super) fn on(&self, record: OutRecord) -> OutRecord {
        self.0.iter().fold(record, |record, (name, value)| record.with_header(*name, value.clone()))
    }
}
