//! Writes what lanes hand in: receipts, letters, tallies and offsets of many partitions in one Kafka transaction.

use tokio::sync::oneshot;
use weir_kafka::{GroupMetadata, OutRecord, TopicPartition, TransactionalProducer};
use weir_model::{letter::Stage, tally::Tally};

use super::{
    DeliverStage,
    link::{Entries, LaneId, LaneLost},
};
use crate::stage::StageError;

/// Entries of a lane, and who waits for them.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) lane: LaneId,
    pub(super) entries: Entries,
    pub(super) done: oneshot::Sender<Result<(), LaneLost>>,
}

/// A row for a receipt table: partition, key, value.
pub(super) type Row = (i32, Vec<u8>, Vec<u8>);

/// Turns entries into records.
pub(super) struct Recorder {
    doc_topic: String,
    receipt_topic: String,
    dead_topic: String,
    tally_topic: String,
}

impl Recorder {
    pub(super) fn new(stage: &DeliverStage) -> Self {
        let topics = &stage.deployment.topics;
        Self {
            doc_topic: topics.doc(&stage.flow),
            receipt_topic: topics.receipt(&stage.flow),
            dead_topic: topics.dead(stage.flow.as_str()),
            tally_topic: topics.tally(),
        }
    }

    /// Records all requests or none; gives the rows that the receipt tables now hold.
    pub(super) fn record(
        &self,
        stage: &DeliverStage,
        producer: &mut TransactionalProducer,
        requests: &[Request],
        membership: &GroupMetadata,
    ) -> Result<Vec<Row>, StageError> {
        let mut rows = Vec::new();
        let mut records = Vec::new();
        let mut offsets = Vec::new();
        for Request { lane, entries, .. } in requests {
            self.receipts(stage, lane.partition, entries, &mut rows, &mut records);
            self.letters(stage, entries, &mut records);
            if let Some(finished) = &entries.finished {
                offsets.push((
                    TopicPartition::new(self.doc_topic.as_str(), lane.partition),
                    finished.next_offset,
                ));
                records.push(self.tally(stage, finished.counts));
            }
        }
        producer.transaction(|open| {
            for record in &records {
                open.send(record)?;
            }
            if !offsets.is_empty() {
                open.send_offsets(&offsets, membership)?;
            }
            Ok::<_, StageError>(())
        })?;
        Ok(rows)
    }

    fn receipts(
        &self,
        stage: &DeliverStage,
        partition: i32,
        entries: &Entries,
        rows: &mut Vec<Row>,
        records: &mut Vec<OutRecord>,
    ) {
        for receipt in &entries.receipts {
            let key = receipt.record_id.as_str().as_bytes().to_vec();
            let value = stage.deployment.codec.encode(receipt);
            records.push(
                OutRecord::new(self.receipt_topic.as_str(), key.clone(), value.clone())
                    .to_partition(partition),
            );
            rows.push((partition, key, value));
        }
    }

    fn letters(&self, stage: &DeliverStage, entries: &Entries, records: &mut Vec<OutRecord>) {
        for letter in &entries.letters {
            let value = stage.deployment.codec.encode(letter);
            records.push(OutRecord::new(self.dead_topic.as_str(), letter.record_id.clone(), value));
        }
    }

    fn tally(&self, stage: &DeliverStage, counts: weir_model::tally::Counts) -> OutRecord {
        let tally = Tally {
            stage: Stage::Sink,
            subject: stage.flow.to_string(),
            instance: stage.deployment.instance.to_string(),
            at: stage.deployment.clock.now(),
            counts,
        };
        OutRecord::new(
            self.tally_topic.as_str(),
            stage.flow.to_string(),
            stage.deployment.codec.encode(&tally),
        )
    }
}
