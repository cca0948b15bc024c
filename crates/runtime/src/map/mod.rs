//! The mapping stage: raw records → documents, with their offsets, in one Kafka transaction (design §6).
//!
//! One plain loop on one thread. Upholds invariants 2 (the offset moves over a whole batch), 3 (every record becomes a
//! document, also when it is filtered or refused) and 4 (a record's documents stay in its partition, in order).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
    lookup::{LookupError, NoLookups},
    names::{RecordId, SourceName},
    outcome::{Code, Refusal},
    processor::{Input, Mapped, Processed, Processor},
    record::{Position, RawRecord, Version},
    tally::{Counts, Tally},
};
use weir_schemas::{REASON_HEADER, TRACEPARENT_HEADER};

use crate::{
    backoff::Backoff,
    health::Condition,
    lag::LagMeter,
    outage::Outage,
    stage::{Deployment, StageError, StageThread, Supervisor, chain, wait},
    telemetry,
    topics::DOCUMENT_BYTES,
    transaction::{may_repeat, transact},
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
        let mut options = ProducerOptions::new(topics.transactional_id(&group, instance));
        options.max_record_bytes = DOCUMENT_BYTES;
        let producer = TransactionalProducer::init(cluster, options)?;
        let raw = topics.raw(&self.source);
        let lag = LagMeter::new(self.deployment.metrics.clone(), group.clone());
        let consumer = GroupConsumer::join(cluster, GroupOptions::new(group, instance.as_str(), &[&raw]))?;
        Attempt {
            stage: self,
            consumer,
            producer,
            lag,
            backoff: Backoff::patient(),
            outage: Outage::default(),
        }
        .run()
    }

    fn report(&self, condition: Condition) {
        self.deployment.health.report(&self.name(), condition);
    }
    /// The documents and the tally of a batch, and the offsets after it.
    fn documents(&self, batch: &[Message]) -> Result<Documents, StageError> {
        let topic = self.deployment.topics.doc(self.processor.flow());
        let mut records = Vec::with_capacity(batch.len() + 1);
        let mut counts = Counts::default();
        let (mut filtered, mut refused) = (0, 0);
        let mut offsets: Vec<(TopicPartition, i64)> = Vec::new();
        for message in batch {
            for document in self.of_message(message)? {
                counts.polled += 1;
                match &document.verdict {
                    Verdict::Mapped => counts.mapped += 1,
                    Verdict::Filtered(_) => filtered += 1,
                    Verdict::Refused(_) => refused += 1,
                }
                let key = document.record_id.as_str().to_owned();
                let mut record = OutRecord::new(topic.as_str(), key, self.deployment.codec.encode(&document))
                    .to_partition(message.partition);
                for header in [TRACEPARENT_HEADER, REASON_HEADER] {
                    if let Some(value) = message.header(header) {
                        record = record.with_header(header, value.clone());
                    }
                }
                records.push(record);
            }
            match offsets.iter_mut().find(|(partition, _)| partition.partition == message.partition) {
                Some((_, next)) => *next = message.offset + 1,
                None => offsets.push((message.topic_partition(), message.offset + 1)),
            }
        }
        records.push(self.tally(counts));
        let verdicts = [
            (telemetry::Verdict::Mapped, counts.mapped),
            (telemetry::Verdict::Filtered, filtered),
            (telemetry::Verdict::Refused, refused),
        ];
        Ok(Documents { records, offsets, verdicts })
    }

    /// The documents of one raw record.
    fn of_message(&self, message: &Message) -> Result<Vec<Document>, StageError> {
        let input = self.input(message)?;
        Ok(match self.processor.process(&input, &NoLookups) {
            Processed::One(mapped) => vec![self.document(&input, input.record.id.clone(), mapped)],
            Processed::Parts(parts) => (1..)
                .zip(parts)
                .map(|(part, mapped)| self.document(&input, input.record.id.part(part), mapped))
                .collect(),
            Processed::Waits(missing) => {
                let refusal = Refusal::new(Code::new("M-MISSING"), LookupError::Missing(missing).to_string());
                let mapped = Mapped::without_body(Verdict::Refused(refusal), String::new());
                vec![self.document(&input, input.record.id.clone(), mapped)]
            }
        })
    }

    fn document(&self, input: &Input, record_id: RecordId, mapped: Mapped) -> Document {
        let Input { record, origin, version, .. } = input;
        Document {
            flow: self.processor.flow().clone(),
            flow_version: self.flow_version,
            record_id,
            key: mapped.key,
            number: mapped.number,
            verdict: mapped.verdict,
            digest: Digest::of(&mapped.body),
            body: mapped.body,
            payload: record.payload.clone(),
            source_digest: record.digest,
            version: *version,
            origin: origin.clone(),
            reason: record.reason,
            polled_at: record.polled_at,
            deleted: record.deleted,
        }
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

/// What a batch became.
struct Documents {
    records: Vec<OutRecord>,
    /// The next offset of each partition.
    offsets: Vec<(TopicPartition, i64)>,
    verdicts: [(telemetry::Verdict, u64); 3],
}

/// One attempt of the stage.
struct Attempt<'a> {
    stage: &'a MapStage,
    consumer: GroupConsumer,
    producer: TransactionalProducer,
    lag: LagMeter,
    /// Between transactions that were aborted.
    backoff: Backoff,
    outage: Outage,
}

impl Attempt<'_> {
    fn run(mut self) -> Result<(), StageError> {
        while !self.stage.stop.is_cancelled() {
            let polled = match self.consumer.poll(BATCH_RECORDS, BATCH_BYTES, POLL) {
                Ok(polled) => polled,
                Err(error) if error.class() == Class::Retriable => {
                    if self.outage.is_to_be_said(Instant::now()) {
                        tracing::warn!(flow = %self.stage.processor.flow(), error = chain(&error), "Kafka is away, waiting");
                        self.stage.report(Condition::Waiting(chain(&error)));
                    }
                    continue;
                }
                Err(error) => return Err(self.stage.deployment.fenced_or(error)),
            };
            if self.outage.is_over(Instant::now()) {
                self.stage.report(Condition::Ready);
            }
            match polled {
                Polled::Assigned(partitions) => self.take_over(&partitions)?,
                Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                    self.lag.forget(&partitions);
                    self.consumer.release(&partitions)?;
                }
                Polled::Batch(batch) => self.batch(&batch)?,
                Polled::Idle => {}
            }
            self.lag.look(&self.consumer);
        }
        self.consumer.close();
        Ok(())
    }

    /// Starts new partitions where the group stands; a first start is explicit (design §4).
    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        let committed = self.consumer.committed(partitions, COMMITTED_PATIENCE)?;
        let mut starts = Vec::with_capacity(committed.len());
        for (partition, offset) in committed {
            self.lag.acknowledged(partition.clone(), offset);
            starts.push((partition, offset.map_or(StartOffset::Beginning, StartOffset::At)));
        }
        self.consumer.assign(&starts)?;
        tracing::info!(flow = %self.stage.processor.flow(), partitions = starts.len(), "processor took partitions over");
        self.stage.report(Condition::Ready);
        Ok(())
    }

    /// Maps a batch and commits it; when Kafka surely aborted it, the batch is read again.
    fn batch(&mut self, batch: &Batch) -> Result<(), StageError> {
        let started = Instant::now();
        let flow = self.stage.processor.flow();
        let span = tracing::info_span!(parent: None, "map batch", %flow, records = batch.records.len());
        let headers = batch.records.iter().filter_map(|record| record.header(TRACEPARENT_HEADER));
        telemetry::join(&span, headers.map(AsRef::as_ref));
        let _entered = span.enter();
        let Documents { records, offsets, verdicts } = self.stage.documents(&batch.records)?;
        let metrics = &self.stage.deployment.metrics;
        let done = transact(&mut self.producer, metrics, Stage::Processor, flow.as_str(), |open| {
            records.iter().try_for_each(|record| open.send(record))?;
            open.send_offsets(&offsets, &batch.group)
        });
        if let Err(error) = done {
            return self.read_again(batch, error);
        }
        self.backoff.reset();
        verdicts.into_iter().for_each(|(verdict, count)| metrics.records_mapped(flow, verdict, count));
        metrics.batch_ended(Stage::Processor, flow.as_str(), started.elapsed());
        offsets.into_iter().for_each(|(partition, next)| self.lag.acknowledged(partition, Some(next)));
        Ok(())
    }

    fn read_again(&mut self, batch: &Batch, error: weir_kafka::Error) -> Result<(), StageError> {
        if !may_repeat(&error, &self.producer) {
            return Err(self.stage.deployment.fenced_or(error));
        }
        let delay = self.backoff.next_delay(Duration::ZERO);
        tracing::warn!(flow = %self.stage.processor.flow(), error = chain(&error), ?delay, "transaction aborted, reading the batch again");
        self.consumer.rewind(&firsts(&batch.records))?;
        wait(&self.stage.stop, delay);
        Ok(())
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
