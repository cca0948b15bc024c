//! The mapping stage: raw records → documents, with their offsets, in one Kafka transaction (design §6).
//!
//! One plain loop on one thread. Upholds invariants 2 (the offset moves over a whole batch), 3 (every record becomes a
//! document, also when it is filtered or refused) and 4 (a record's documents stay in its partition, in order).

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Batch, Class, GroupConsumer, GroupOptions, Message, OutRecord, Polled, ProducerOptions, StartOffset,
    TopicPartition, TransactionalProducer,
};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    letter::Stage,
    names::SourceName,
    processor::{Input, Processor},
    record::{Position, RawRecord, Version},
    tally::{Counts, Tally},
};
use weir_schemas::{REASON_HEADER, TRACEPARENT_HEADER};

use crate::{
    health::Condition,
    stage::{Deployment, StageError, StageThread, Supervisor, chain},
};

const BATCH_RECORDS: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;
const POLL: Duration = Duration::from_millis(100);
const COMMITTED_PATIENCE: Duration = Duration::from_secs(60);

/// Maps the records of one source by one flow.
pub struct MapStage {
    /// Where it runs.
    pub deployment: Deployment,
    /// The source whose records it maps.
    pub source: SourceName,
    /// The compiled flow.
    pub processor: Arc<dyn Processor>,
    /// Version of the flow's text.
    pub flow_version: FlowVersion,
    /// Cancelled to stop after the batch in hand.
    pub stop: CancellationToken,
}

impl MapStage {
    /// Starts the stage on a thread of its own.
    pub fn start(self) -> std::io::Result<StageThread> {
        let supervisor =
            Supervisor { name: self.name(), health: self.deployment.health.clone(), stop: self.stop.clone() };
        supervisor.start(move || self.attempt())
    }

    fn name(&self) -> String {
        format!("processor {}", self.processor.flow())
    }

    /// Joins the group and maps until told to stop; between two batches nothing is in flight (invariant 7).
    fn attempt(&self) -> Result<(), StageError> {
        let Deployment { cluster, topics, instance, .. } = &self.deployment;
        let group = topics.processors_group(self.processor.flow());
        // The id is taken over before joining, so that a former self's open transaction is ended first.
        let options = ProducerOptions::new(topics.transactional_id(&group, instance));
        let mut producer = TransactionalProducer::init(cluster, options)?;
        let raw = topics.raw(&self.source);
        let mut consumer =
            GroupConsumer::join(cluster, GroupOptions::new(group, instance.as_str(), &[&raw]))?;
        while !self.stop.is_cancelled() {
            match consumer.poll(BATCH_RECORDS, BATCH_BYTES, POLL) {
                Ok(Polled::Assigned(partitions)) => self.take_over(&mut consumer, &partitions)?,
                Ok(Polled::Revoked(partitions) | Polled::Lost(partitions)) => {
                    consumer.release(&partitions)?
                }
                Ok(Polled::Batch(batch)) => self.batch(&mut consumer, &mut producer, &batch)?,
                Ok(Polled::Idle) => {}
                Err(error) if error.class() == Class::Retriable => {
                    tracing::warn!(flow = %self.processor.flow(), error = chain(&error), "Kafka is away, waiting");
                    self.deployment.health.report(&self.name(), Condition::Waiting(error.to_string()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        consumer.close();
        Ok(())
    }

    /// Starts new partitions where the group stands; a first start is explicit (design §4).
    fn take_over(
        &self,
        consumer: &mut GroupConsumer,
        partitions: &[TopicPartition],
    ) -> Result<(), StageError> {
        let committed = consumer.committed(partitions, COMMITTED_PATIENCE)?;
        let start = |offset: Option<i64>| offset.map_or(StartOffset::Beginning, StartOffset::At);
        let starts: Vec<_> =
            committed.into_iter().map(|(partition, offset)| (partition, start(offset))).collect();
        consumer.assign(&starts)?;
        tracing::info!(flow = %self.processor.flow(), partitions = starts.len(), "processor took partitions over");
        self.deployment.health.report(&self.name(), Condition::Ready);
        Ok(())
    }

    /// Maps a batch and commits it; when Kafka asks for an abort, the batch is read again.
    fn batch(
        &self,
        consumer: &mut GroupConsumer,
        producer: &mut TransactionalProducer,
        batch: &Batch,
    ) -> Result<(), StageError> {
        let (records, offsets) = self.documents(&batch.records)?;
        let done = producer.transaction(|open| {
            for record in &records {
                open.send(record)?;
            }
            open.send_offsets(&offsets, &batch.group)
        });
        let error = match done {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if error.class() != Class::AbortTransaction || !producer.is_usable() {
            return Err(error.into());
        }
        tracing::warn!(flow = %self.processor.flow(), error = chain(&error), "transaction aborted, reading the batch again");
        Ok(consumer.rewind(&firsts(&batch.records))?)
    }

    /// The documents and the tally of a batch, and the offsets after it.
    fn documents(
        &self,
        batch: &[Message],
    ) -> Result<(Vec<OutRecord>, Vec<(TopicPartition, i64)>), StageError> {
        let topic = self.deployment.topics.doc(self.processor.flow());
        let mut records = Vec::with_capacity(batch.len() + 1);
        let mut counts = Counts::default();
        let mut offsets: Vec<(TopicPartition, i64)> = Vec::new();
        for message in batch {
            let document = self.document(message)?;
            counts.polled += 1;
            counts.mapped += u64::from(document.verdict == Verdict::Mapped);
            let key = document.record_id.as_str().to_owned();
            let mut record = OutRecord::new(topic.as_str(), key, self.deployment.codec.encode(&document))
                .to_partition(message.partition);
            for header in [TRACEPARENT_HEADER, REASON_HEADER] {
                if let Some(value) = message.header(header) {
                    record = record.with_header(header, value.clone());
                }
            }
            records.push(record);
            match offsets.iter_mut().find(|(partition, _)| partition.partition == message.partition) {
                Some((_, next)) => *next = message.offset + 1,
                None => offsets.push((message.topic_partition(), message.offset + 1)),
            }
        }
        records.push(self.tally(counts));
        Ok((records, offsets))
    }

    fn document(&self, message: &Message) -> Result<Document, StageError> {
        let input = self.input(message)?;
        let mapped = self.processor.process(&input);
        let Input { record, origin, version, .. } = input;
        Ok(Document {
            flow: self.processor.flow().clone(),
            flow_version: self.flow_version,
            record_id: record.id,
            key: mapped.key,
            number: mapped.number,
            verdict: mapped.verdict,
            digest: Digest::of(&mapped.body),
            body: mapped.body,
            payload: record.payload,
            source_digest: record.digest,
            version,
            origin,
            reason: record.reason,
            polled_at: record.polled_at,
            deleted: record.deleted,
        })
    }

    fn input(&self, message: &Message) -> Result<Input, StageError> {
        let place = || format!("{}/{} offset {}", message.topic, message.partition, message.offset);
        let value = message.value.as_ref().ok_or_else(|| StageError::Foreign { place: place() })?;
        let record: RawRecord = self
            .deployment
            .codec
            .decode(value)
            .map_err(|source| StageError::Unreadable { place: place(), source })?;
        // The in-process broker's append time is a constant; the time of the poll stands in (design §10).
        let append_time = message.timestamp_ms.filter(|_| !self.deployment.cluster.is_in_process());
        let appended_ms = append_time.unwrap_or_else(|| record.polled_at.as_millisecond());
        Ok(Input {
            origin: Position {
                topic: message.topic.to_string(),
                partition: message.partition,
                offset: message.offset,
            },
            version: Version {
                modified_us: record.modified.map_or(0, Timestamp::as_microsecond),
                appended_ms,
                offset: message.offset,
            },
            appended_at: Timestamp::from_millisecond(appended_ms).unwrap_or(record.polled_at),
            record,
        })
    }

    fn tally(&self, counts: Counts) -> OutRecord {
        let flow = self.processor.flow().to_string();
        let tally = Tally {
            stage: Stage::Processor,
            subject: flow.clone(),
            instance: self.deployment.instance.to_string(),
            at: self.deployment.clock.now(),
            counts,
        };
        OutRecord::new(self.deployment.topics.tally(), flow, self.deployment.codec.encode(&tally))
    }
}

/// The first offset of each partition in a batch.
fn firsts(batch: &[Message]) -> Vec<(TopicPartition, i64)> {
    let mut firsts: Vec<(TopicPartition, i64)> = Vec::new();
    for message in batch {
        if !firsts.iter().any(|(partition, _)| partition.partition == message.partition) {
            firsts.push((message.topic_partition(), message.offset));
        }
    }
    firsts
}
