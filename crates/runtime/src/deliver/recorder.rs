//! Writes what lanes hand in: receipts, letters, rows of a collection, tallies and offsets of many partitions in one
//! Kafka transaction (invariant 7).

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use weir_kafka::{GroupMetadata, OutRecord, TopicPartition, TransactionalProducer};
use weir_model::{
    letter::{DeadLetter, Stage},
    outcome::Refusal,
    tally::{Counts, Tally},
};
use weir_schemas::{Control, FlowState, JOB_HEADER, RunState, TRACEPARENT_HEADER};

use super::{
    DeliverStage,
    link::{Entries, LaneId, LaneLost, Traced},
};
use crate::{stage::Deployment, topics::DOCUMENT_BYTES, transaction::transact};

/// Entries of a lane, and who waits for them.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) lane: LaneId,
    pub(super) entries: Entries,
    pub(super) done: oneshot::Sender<Result<(), LaneLost>>,
}

/// A row for a receipt table: partition, key, value.
pub(super) type Row = (i32, Vec<u8>, Vec<u8>);

/// The largest letter, without its key and headers.
const LETTER_BYTES: usize = DOCUMENT_BYTES - 16_384;

/// Turns entries into records.
pub(super) struct Recorder {
    doc_topic: Arc<str>,
    receipt_topic: Arc<str>,
    dead_topic: Arc<str>,
    tally_topic: Arc<str>,
}

impl Recorder {
    pub(super) fn new(stage: &DeliverStage) -> Self {
        let topics = &stage.deployment.topics;
        Self {
            doc_topic: topics.doc(&stage.flow).into(),
            receipt_topic: topics.receipt(&stage.flow).into(),
            dead_topic: topics.dead(stage.flow.as_str()).into(),
            tally_topic: topics.tally().into(),
        }
    }

    /// Records all requests or none, and with them that the flow is `halted`; gives the rows that the receipt tables now
    /// hold.
    pub(super) fn record(
        &self,
        stage: &DeliverStage,
        producer: &mut TransactionalProducer,
        requests: &[Request],
        membership: &GroupMetadata,
        halted: Option<&Refusal>,
    ) -> Result<Vec<Row>, weir_kafka::Error> {
        let mut rows = Vec::new();
        let mut records = Vec::new();
        let mut offsets = Vec::new();
        for Request { lane, entries, .. } in requests {
            self.receipts(stage, lane.partition, entries, &mut rows, &mut records);
            self.letters(stage, entries, &mut records);
            Self::collection_rows(stage, entries, &mut records);
            offsets.push((self.doc_partition(lane.partition), entries.next_offset));
            records.extend(entries.finished.map(|counts| self.tally(stage, counts)));
        }
        records.extend(halted.map(|cause| halt(stage, cause)));
        let metrics = &stage.deployment.metrics;
        transact(producer, metrics, Stage::Sink, stage.flow.as_str(), |open| {
            records.iter().try_for_each(|record| open.send(record))?;
            open.send_offsets(&offsets, membership)
        })?;
        Ok(rows)
    }

    /// A partition of the document topic.
    pub(super) fn doc_partition(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(Arc::clone(&self.doc_topic), partition)
    }

    fn receipts(
        &self,
        stage: &DeliverStage,
        partition: i32,
        entries: &Entries,
        rows: &mut Vec<Row>,
        records: &mut Vec<OutRecord>,
    ) {
        for Traced { value: receipt, traceparent } in &entries.receipts {
            let key = receipt.record_id.as_str().as_bytes().to_vec();
            let value = stage.deployment.codec.encode(receipt);
            let record = OutRecord::new(Arc::clone(&self.receipt_topic), key.clone(), value.clone())
                .to_partition(partition);
            records.push(traced(record, traceparent));
            rows.push((partition, key, value));
        }
    }

    fn letters(&self, stage: &DeliverStage, entries: &Entries, records: &mut Vec<OutRecord>) {
        for Traced { value: letter, traceparent } in &entries.letters {
            let value = encoded(stage, letter);
            let record = OutRecord::new(Arc::clone(&self.dead_topic), letter.record_id.clone(), value);
            let record = match letter.job.as_str() {
                "" => record,
                job => record.with_header(JOB_HEADER, job.to_owned()),
            };
            records.push(traced(record, traceparent));
        }
    }

    fn collection_rows(stage: &DeliverStage, entries: &Entries, records: &mut Vec<OutRecord>) {
        let Some(name) = &entries.collection else { return };
        let topic: Arc<str> = stage.deployment.topics.collection(name).into();
        for Traced { value: row, traceparent } in &entries.rows {
            let record =
                OutRecord::new(Arc::clone(&topic), row.id.clone(), stage.deployment.codec.encode(row));
            records.push(traced(record, traceparent));
        }
    }

    fn tally(&self, stage: &DeliverStage, counts: Counts) -> OutRecord {
        let tally = Tally {
            stage: Stage::Sink,
            subject: stage.flow.to_string(),
            instance: stage.deployment.instance.to_string(),
            at: stage.deployment.clock.now(),
            counts,
        };
        let value = stage.deployment.codec.encode(&tally);
        OutRecord::new(Arc::clone(&self.tally_topic), stage.flow.to_string(), value)
    }
}

/// A letter that Kafka takes: one that is too large with the target's words goes without the document's body, then without
/// the record, which lies at its origin (invariant 3: it would hold its partition for ever).
fn encoded(stage: &DeliverStage, letter: &DeadLetter) -> Vec<u8> {
    let codec = &stage.deployment.codec;
    let whole = codec.encode(letter);
    if whole.len() <= LETTER_BYTES {
        return whole;
    }
    let mut reference = DeadLetter { body: Bytes::new(), ..letter.clone() };
    let without_body = codec.encode(&reference);
    if without_body.len() <= LETTER_BYTES {
        return without_body;
    }
    reference.payload = Bytes::new();
    codec.encode(&reference)
}

/// What stops the flow in every process (design §7).
fn halt(stage: &DeliverStage, cause: &Refusal) -> OutRecord {
    let Deployment { topics, codec, clock, instance, .. } = &stage.deployment;
    let state = Control::FlowState(FlowState {
        flow: stage.flow.clone(),
        state: RunState::Halted,
        cause: Some(cause.clone()),
        reason: String::new(),
        by: instance.to_string(),
        at: clock.now(),
    });
    OutRecord::new(topics.control(), state.key(), codec.encode(&state)).to_partition(0)
}

fn traced(record: OutRecord, traceparent: &Option<Bytes>) -> OutRecord {
    match traceparent {
        Some(value) => record.with_header(TRACEPARENT_HEADER, value.clone()),
        None => record,
    }
}
