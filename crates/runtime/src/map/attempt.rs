//! The loop of the mapping stage: a batch, some of those that re-enter, or some of those who wait, in one transaction at a
//! time. What comes from the source goes first.
//!
//! Upholds invariants 2 (the offset moves over a whole batch, with what the batch did to the waiting room), 3 and 7 (a
//! release carries offset and membership as well, so that a former owner's is refused).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use weir_kafka::{
    Batch, Class, GroupConsumer, GroupMetadata, GroupOptions, Message, OutRecord, Polled, ProducerOptions,
    StartOffset, TopicPartition, TransactionalProducer,
};
use weir_model::{
    letter::Stage,
    tally::{Counts, Tally},
};
use weir_schemas::TRACEPARENT_HEADER;

use super::{
    MapStage,
    batch::{Draft, Drafted},
    mapper::Mapper,
    redo::Redo,
    room::{References, Room},
};
use crate::{
    backoff::Backoff,
    health::Condition,
    lag::LagMeter,
    outage::Outage,
    stage::{Deployment, StageError, chain, wait},
    telemetry,
    topics::DOCUMENT_BYTES,
    transaction::{may_repeat, transact},
};

const BATCH_RECORDS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
/// So many of those who wait are looked at between two polls.
const LOOKED_AT_ONCE: usize = 500;
const POLL: Duration = Duration::from_millis(100);
const BUSY_POLL: Duration = Duration::from_millis(1);
const COMMITTED_PATIENCE: Duration = Duration::from_secs(60);

/// One attempt of the stage.
pub(super) struct Attempt<'a> {
    stage: &'a MapStage,
    mapper: &'a Mapper,
    raw_topic: Arc<str>,
    consumer: GroupConsumer,
    producer: TransactionalProducer,
    redo: Redo,
    room: Room<'a, References>,
    /// The next offset of each partition of the raw topic that is ours.
    positions: BTreeMap<i32, i64>,
    /// Whether fetching stands still: collections have not been read yet, or the flow is to stand still.
    held_back: bool,
    /// Why the flow is to stand still, as it was told last.
    told_hold: Option<Condition>,
    /// Whether it was told that the group has taken us in.
    told_membership: bool,
    lag: LagMeter,
    /// Between transactions that were aborted.
    backoff: Backoff,
    outage: Outage,
}

impl<'a> Attempt<'a> {
    /// Joins the group.
    pub(super) fn open(stage: &'a MapStage, mapper: &'a Mapper) -> Result<Self, StageError> {
        let Deployment { cluster, topics, instance, metrics, .. } = &stage.deployment;
        let flow = mapper.processor.flow();
        let group = topics.processors_group(flow);
        // The id is taken over before joining, so that a former self's open transaction is ended first.
        let mut options = ProducerOptions::new(topics.transactional_id(&group, instance));
        options.max_record_bytes = DOCUMENT_BYTES;
        let producer = TransactionalProducer::init(cluster, options)?;
        let raw = stage.intake.topic(topics);
        let lag = LagMeter::new(metrics.clone(), group.clone());
        let consumer = GroupConsumer::join(cluster, GroupOptions::new(group, instance.as_str(), &[&raw]))?;
        let redo = Redo::open(cluster, topics.redo(flow))?;
        let references = References::new(stage.collections.clone());
        let room = Room::new(&stage.deployment, flow, references, &stage.stop);
        Ok(Self {
            stage,
            mapper,
            raw_topic: raw.into(),
            consumer,
            producer,
            redo,
            room,
            positions: BTreeMap::new(),
            held_back: false,
            told_hold: None,
            told_membership: false,
            lag,
            backoff: Backoff::patient(),
            outage: Outage::default(),
        })
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) -> Result<(), StageError> {
        while !self.stage.stop.is_cancelled() {
            self.poll()?;
            self.hold_back_or_go_on()?;
            if !self.held_back {
                self.redo()?;
                self.look_again()?;
            }
            self.renew_offsets()?;
            self.lag.look(&self.consumer);
        }
        self.consumer.close();
        Ok(())
    }

    fn poll(&mut self) -> Result<(), StageError> {
        let busy = (self.room.parking().is_anyone_due() || self.redo.is_busy()) && !self.held_back;
        let timeout = if busy { BUSY_POLL } else { POLL };
        let polled = match self.consumer.poll(BATCH_RECORDS, BATCH_BYTES, timeout) {
            Ok(polled) => polled,
            Err(error) if error.class() == Class::Retriable => {
                if self.outage.is_to_be_said(Instant::now()) {
                    tracing::warn!(flow = %self.stage.processor.flow(), error = chain(&error), "Kafka is away, waiting");
                    self.stage.report(Condition::Waiting(chain(&error)));
                }
                return Ok(());
            }
            Err(error) => return Err(self.stage.deployment.fenced_or(error)),
        };
        if self.outage.is_over(Instant::now()) {
            self.stage.report(self.at_work());
        }
        match polled {
            Polled::Assigned(partitions) => self.take_over(&partitions),
            Polled::Revoked(partitions) | Polled::Lost(partitions) => self.give_up(&partitions),
            // What was fetched before the pause is fetched again after it.
            Polled::Batch(batch) if self.held_back => Ok(self.consumer.rewind(&firsts(&batch.records))?),
            Polled::Batch(batch) => self.batch(&batch),
            Polled::Idle => {
                self.tell_membership();
                Ok(())
            }
        }
    }

    /// A member that the group gives no partition to is ready too.
    fn tell_membership(&mut self) {
        if !self.told_membership && self.consumer.has_joined() {
            self.told_membership = true;
            self.stage.report(self.at_work());
        }
    }

    /// How the stage is while Kafka answers.
    fn at_work(&self) -> Condition {
        if let Some(why) = self.stage.hold.why() {
            return why;
        }
        if !self.held_back {
            return Condition::Ready;
        }
        let unread = self.stage.collections.unread(self.stage.processor.lookups());
        let names: Vec<&str> = unread.into_iter().collect();
        Condition::Waiting(format!("reading the collections {} first", names.join(", ")))
    }

    /// Starts new partitions where the group stands; a first start is explicit (design §4).
    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        let redo = partitions.iter().map(|partition| self.redo.partition(partition.partition));
        let both: Vec<TopicPartition> = partitions.iter().cloned().chain(redo).collect();
        let committed = self.consumer.committed(&both, COMMITTED_PATIENCE)?;
        committed.iter().for_each(|(partition, offset)| self.lag.acknowledged(partition.clone(), *offset));
        let (raw, redo): (Vec<_>, Vec<_>) =
            committed.into_iter().partition(|(partition, _)| partition.topic == self.raw_topic);
        self.redo.take_over(&redo)?;
        let mut starts = Vec::with_capacity(raw.len());
        for (partition, offset) in raw {
            // The offset was fetched first, which waits for open transactions (design §7): whatever was parked with it
            // can be read now.
            self.room.take_over(partition.partition)?;
            let position = match offset {
                Some(offset) => offset,
                None => self.consumer.watermarks(&partition, COMMITTED_PATIENCE)?.low,
            };
            self.positions.insert(partition.partition, position);
            starts.push((partition, offset.map_or(StartOffset::Beginning, StartOffset::At)));
        }
        self.consumer.assign(&starts)?;
        self.tell_ownership();
        if self.held_back || !self.is_ready() {
            self.consumer.pause(partitions)?;
            self.held_back = true;
        }
        let (flow, waiting) = (self.stage.processor.flow(), self.room.parking().len());
        tracing::info!(%flow, partitions = starts.len(), waiting, "processor took partitions over");
        self.stage.report(self.at_work());
        Ok(())
    }

    /// Nothing is in flight between two polls, so they can go at once.
    fn give_up(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        for partition in partitions {
            self.room.give_up(partition.partition);
            self.positions.remove(&partition.partition);
        }
        let redo = self.redo.give_up(partitions.iter().map(|partition| partition.partition))?;
        self.lag.forget(&redo);
        self.lag.forget(partitions);
        self.consumer.release(partitions)?;
        self.tell_ownership();
        Ok(())
    }

    fn tell_ownership(&self) {
        self.stage.deployment.health.own(&self.stage.part(), self.positions.keys().copied());
    }

    fn is_ready(&self) -> bool {
        !self.stage.hold.is_set() && self.stage.collections.is_ready(self.stage.processor.lookups())
    }

    /// Nothing is mapped before every collection the flow looks up has been read to its end (design §6), and nothing
    /// while the flow is to stand still. The group is polled meanwhile, so that it keeps us for its member.
    fn hold_back_or_go_on(&mut self) -> Result<(), StageError> {
        let own = || self.positions.keys().map(|number| self.raw_partition(*number)).collect::<Vec<_>>();
        if self.held_back && self.is_ready() {
            let own = own();
            self.consumer.resume(&own)?;
            self.held_back = false;
            self.stage.report(self.at_work());
        } else if !self.held_back && self.stage.hold.is_set() {
            let own = own();
            self.consumer.pause(&own)?;
            self.held_back = true;
        }
        let hold = self.stage.hold.why();
        if hold != self.told_hold {
            tracing::info!(flow = %self.stage.processor.flow(), why = ?hold, "processor stands still");
            self.told_hold = hold;
            self.stage.report(self.at_work());
        }
        Ok(())
    }

    /// Maps a batch and commits it; when Kafka surely aborted it, the batch is read again.
    fn batch(&mut self, batch: &Batch) -> Result<(), StageError> {
        if let Some(delay) = self.map(&batch.records, &batch.group, |draft, message| draft.take(message))? {
            self.consumer.rewind(&firsts(&batch.records))?;
            wait(&self.stage.stop, delay);
        }
        Ok(())
    }

    /// Maps some of the records that re-enter the flow, between two batches of the source: the membership that vouches for
    /// the raw partition vouches for this one.
    fn redo(&mut self) -> Result<(), StageError> {
        let records = self.redo.poll()?;
        if records.is_empty() {
            return Ok(());
        }
        let Some(membership) = self.consumer.membership()? else {
            return Ok(self.redo.rewind(&firsts(&records))?);
        };
        if let Some(delay) = self.map(&records, &membership, |draft, message| draft.take_again(message))? {
            self.redo.rewind(&firsts(&records))?;
            wait(&self.stage.stop, delay);
        }
        Ok(())
    }

    /// Maps records of one topic and commits them with their offsets. Gives a delay when Kafka surely aborted that.
    fn map(
        &mut self,
        records: &[Message],
        group: &GroupMetadata,
        take: impl Fn(&mut Draft<'_>, &Message) -> Result<(), StageError>,
    ) -> Result<Option<Duration>, StageError> {
        let started = Instant::now();
        let span = tracing::info_span!(parent: None, "map batch", flow = %self.stage.processor.flow(), records = records.len());
        let headers = records.iter().filter_map(|record| record.header(TRACEPARENT_HEADER));
        telemetry::join(&span, headers.map(AsRef::as_ref));
        let _entered = span.enter();
        let now = self.stage.deployment.clock.now();
        let mut draft = Draft::new(self.mapper, self.room.parking(), self.room.references(), now);
        records.iter().try_for_each(|message| take(&mut draft, message))?;
        let (watched, drafted) = draft.finish();
        let committed = self.commit(drafted, nexts(records), group, started);
        self.room.tidy(&watched);
        committed
    }

    /// Writes the offsets of the records that re-enter again, though none came: Kafka would forget them.
    fn renew_offsets(&mut self) -> Result<(), StageError> {
        let now = Instant::now();
        let Some(offsets) = self.redo.due_for_renewal(now) else { return Ok(()) };
        let Some(membership) = self.consumer.membership()? else { return Ok(()) };
        let (flow, metrics) = (self.stage.processor.flow(), &self.stage.deployment.metrics);
        let done = transact(&mut self.producer, metrics, Stage::Processor, flow.as_str(), |open| {
            open.send_offsets(&offsets, &membership)
        });
        match done {
            Ok(()) => self.redo.renewed(now),
            Err(error) => {
                let delay = self.again_after(error)?;
                wait(&self.stage.stop, delay);
            }
        }
        Ok(())
    }

    /// Looks at some of those whose row arrived, or whose wait is over: what they become is released in one transaction
    /// with their tombstones.
    fn look_again(&mut self) -> Result<(), StageError> {
        let started = Instant::now();
        let due = self.room.take_due(LOOKED_AT_ONCE, BATCH_BYTES)?;
        let membership = if due.is_empty() { None } else { self.consumer.membership()? };
        let Some(membership) = membership else { return Ok(()) };
        let span = tracing::info_span!(parent: None, "look again", flow = %self.stage.processor.flow(), records = due.len());
        let _entered = span.enter();
        let traceparent = telemetry::inject(&span).map(Bytes::from);
        let now = self.stage.deployment.clock.now();
        let mut offsets: BTreeMap<i32, i64> = BTreeMap::new();
        let mut draft = Draft::new(self.mapper, self.room.parking(), self.room.references(), now);
        for (slot, parked) in due {
            offsets.extend(self.positions.get_key_value(&slot.partition));
            draft.look_again(&slot, parked, traceparent.as_ref())?;
        }
        let (watched, drafted) = draft.finish();
        let offsets = offsets.into_iter().map(|(number, next)| (self.raw_partition(number), next)).collect();
        let committed = self.commit(drafted, offsets, &membership, started);
        self.room.tidy(&watched);
        if let Some(delay) = committed? {
            wait(&self.stage.stop, delay);
        }
        Ok(())
    }

    /// Commits what was drafted, with the offsets. Gives a delay when Kafka surely aborted it: the same records may be
    /// drafted again afterwards.
    fn commit(
        &mut self,
        mut drafted: Drafted,
        offsets: Vec<(TopicPartition, i64)>,
        group: &GroupMetadata,
        started: Instant,
    ) -> Result<Option<Duration>, StageError> {
        let flow = self.stage.processor.flow();
        let Deployment { metrics, .. } = &self.stage.deployment;
        if drafted.counts != Counts::default() {
            drafted.records.push(self.tally(drafted.counts));
        }
        // Who goes on waiting for the same row leaves nothing to write.
        if !drafted.records.is_empty() || drafted.passed_over {
            let done = transact(&mut self.producer, metrics, Stage::Processor, flow.as_str(), |open| {
                drafted.records.iter().try_for_each(|record| open.send(record))?;
                open.send_offsets(&offsets, group)
            });
            if let Err(error) = done {
                return self.again_after(error).map(Some);
            }
            metrics.batch_ended(Stage::Processor, flow.as_str(), started.elapsed());
        }
        self.backoff.reset();
        self.count(&drafted);
        let changes = std::mem::take(&mut drafted.changes);
        if !changes.is_empty() {
            self.room.apply(changes)?;
        }
        for (partition, next) in offsets {
            if partition.topic == self.raw_topic {
                self.positions.insert(partition.partition, next);
            } else {
                self.redo.acknowledged(partition.partition, next);
            }
            self.lag.acknowledged(partition, Some(next));
        }
        Ok(None)
    }

    fn again_after(&mut self, error: weir_kafka::Error) -> Result<Duration, StageError> {
        if !may_repeat(&error, &self.producer) {
            return Err(self.stage.deployment.fenced_or(error));
        }
        let delay = self.backoff.next_delay(Duration::ZERO);
        tracing::warn!(flow = %self.stage.processor.flow(), error = chain(&error), ?delay, "transaction aborted, mapping its records again");
        Ok(delay)
    }

    fn count(&self, drafted: &Drafted) {
        let (flow, metrics) = (self.stage.processor.flow(), &self.stage.deployment.metrics);
        let verdicts = [
            (telemetry::Verdict::Mapped, drafted.counts.mapped),
            (telemetry::Verdict::Filtered, drafted.counts.filtered),
            (telemetry::Verdict::Refused, drafted.counts.dead),
            (telemetry::Verdict::Parked, drafted.parked),
        ];
        verdicts.into_iter().for_each(|(verdict, count)| metrics.records_mapped(flow, verdict, count));
        for ((check, severity), records) in &drafted.failed_checks {
            metrics.checks_failed(flow, check, severity, *records);
        }
    }

    fn raw_partition(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(Arc::clone(&self.raw_topic), partition)
    }

    fn tally(&self, counts: Counts) -> OutRecord {
        let Deployment { topics, codec, clock, instance, .. } = &self.stage.deployment;
        let flow = self.stage.processor.flow().to_string();
        let tally = Tally {
            stage: Stage::Processor,
            subject: flow.clone(),
            instance: instance.to_string(),
            at: clock.now(),
            counts,
        };
        OutRecord::new(topics.tally(), flow, codec.encode(&tally))
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

/// The offset after the last of each partition in a batch.
fn nexts(batch: &[Message]) -> Vec<(TopicPartition, i64)> {
    let mut nexts: Vec<(TopicPartition, i64)> = Vec::new();
    for message in batch {
        match nexts.iter_mut().find(|(partition, _)| partition.partition == message.partition) {
            Some((_, next)) => *next = message.offset + 1,
            None => nexts.push((message.topic_partition(), message.offset + 1)),
        }
    }
    nexts
}
