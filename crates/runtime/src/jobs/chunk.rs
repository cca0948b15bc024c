//! What a job sends at a time, and the record that it becomes.

use bytes::Bytes;
use weir_kafka::{Message, OutRecord};
use weir_model::{
    names::FlowName,
    outcome::{Code, Refusal},
};
use weir_schemas::{JOB_HEADER, REASON_HEADER, RedoRecord, TRACEPARENT_HEADER};

use super::gate::CHUNK;
use crate::{stage::Deployment, topics::REDO_BYTES};

/// A letter or record that cannot be sent again.
pub const UNSENDABLE: Code = Code::new("J-UNSENDABLE");

/// The bytes of a chunk, unless one record alone is larger.
pub(super) const CHUNK_BYTES: usize = 4 << 20;

/// Records that are published in one transaction with the progress that says so.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The records for the flow.
    pub records: Vec<OutRecord>,
    /// How many records or letters were looked at.
    pub looked_at: u64,
    /// How many could not be sent.
    pub unsent: u64,
    /// Why the last of those could not.
    pub unsent_because: Option<Refusal>,
    bytes: usize,
}

impl Chunk {
    /// How many more records fit in.
    pub(super) fn room(&self) -> usize {
        if self.bytes >= CHUNK_BYTES { 0 } else { CHUNK.saturating_sub(self.records.len()) }
    }

    /// Adds a record, in the partition of its origin: whoever has that partition knows its newer states (invariant 4).
    pub(super) fn add(
        &mut self,
        deployment: &Deployment,
        flow: &FlowName,
        redo: &RedoRecord,
        trace: Option<&Bytes>,
    ) {
        let value = deployment.codec.encode(redo);
        if value.len() > REDO_BYTES {
            let message =
                format!("record {} has {} bytes, more than Kafka takes", redo.record.id, value.len());
            self.leave_out(Refusal::new(UNSENDABLE, message));
            return;
        }
        self.bytes += value.len();
        let mut record = OutRecord::new(deployment.topics.redo(flow), redo.record.id.to_string(), value)
            .to_partition(redo.origin.partition)
            .with_header(REASON_HEADER, redo.record.reason.as_str())
            .with_header(JOB_HEADER, redo.job.clone());
        if let Some(trace) = trace {
            record = record.with_header(TRACEPARENT_HEADER, trace.clone());
        }
        self.records.push(record);
    }

    /// Counts what cannot be sent.
    pub(super) fn leave_out(&mut self, because: Refusal) {
        self.unsent += 1;
        self.unsent_because = Some(because);
    }
}

/// The trace that a message belongs to.
pub(super) fn trace_of(message: &Message) -> Option<&Bytes> {
    message.header(TRACEPARENT_HEADER)
}
