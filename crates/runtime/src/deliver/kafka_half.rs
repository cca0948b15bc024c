//! The Kafka half of a sink stage: reads documents, keeps the receipt tables, and records what the lanes say.
//!
//! One thread owns all of it. Upholds invariants 2 (the offset of a partition moves with a whole batch, in order) and 7
//! (receipts, letters, tallies and offsets in one transaction with the group's membership; what was not recorded is
//! read again).

use std::{
    collections::{BTreeMap, HashMap},
    sync::mpsc,
    time::{Duration, Instant},
};

use weir_kafka::{
    Class, GroupConsumer, GroupMetadata, GroupOptions, Message, Polled, ProducerOptions, StartOffset, Table,
    TopicPartition, TransactionalProducer,
};
use weir_model::{letter::Stage, outcome::Refusal};

use super::{
    DeliverStage,
    intake::{Intake, LaneTask},
    link::{LaneId, LaneLost, Said, Traced},
    recorder::{Recorder, Request},
    refusals::{Refusals, Sample, last_cause},
    treatment::Untreatable,
};
use crate::{
    backoff::Backoff,
    health::Condition,
    lag::LagMeter,
    outage::Outage,
    restore::restore,
    stage::{StageError, chain},
    topics::DOCUMENT_BYTES,
    transaction::may_repeat,
};

/// How long a revoked partition may take to finish its call before it is given up: longer than any call, so that the
/// next owner finds none in flight, and shorter than the five minutes the group waits.
const DRAIN_LIMIT: Duration = Duration::from_secs(150);
/// How long shutting down may take before what is in flight is abandoned; it is looked up at the next start.
const STOP_LIMIT: Duration = Duration::from_secs(25);
const COMMITTED_PATIENCE: Duration = Duration::from_secs(60);
const POLL_RECORDS: usize = 1_000;
const POLL_BYTES: usize = 1 << 20;
/// The client's own reading ahead; each partition's batch is read ahead besides.
const QUEUE_BYTES: usize = 4 << 20;
const IDLE_POLL: Duration = Duration::from_millis(100);
const BUSY_POLL: Duration = Duration::from_millis(5);

/// One attempt of a sink stage.
pub(super) struct KafkaHalf<'a> {
    stage: &'a DeliverStage,
    consumer: GroupConsumer,
    producer: TransactionalProducer,
    recorder: Recorder,
    lag: LagMeter,
    lanes: BTreeMap<i32, Intake>,
    /// The newest lane of each partition, over all attempts.
    tasks: &'a mut HashMap<i32, LaneTask>,
    tables: HashMap<i32, Table>,
    said: mpsc::Receiver<(LaneId, Said)>,
    say: mpsc::Sender<(LaneId, Said)>,
    pending: Vec<Request>,
    /// Between transactions that were aborted.
    backoff: Backoff,
    not_before: Instant,
    outage: Outage,
    /// Partitions that are being given up, and until when their lanes may finish.
    leaving: Option<(Vec<TopicPartition>, Instant)>,
    membership: Option<GroupMetadata>,
    assignments: u64,
    halted: Option<Refusal>,
    /// What was refused of late, for a flow that stops by itself.
    refusals: Option<Refusals>,
    /// Why the flow is to stand still, as it was told last.
    held: Option<Condition>,
    /// Whether it was told that the group has taken us in.
    told_membership: bool,
}

impl<'a> KafkaHalf<'a> {
    /// Joins the group. `tasks` holds the lanes of former attempts.
    pub(super) fn open(
        stage: &'a DeliverStage,
        tasks: &'a mut HashMap<i32, LaneTask>,
    ) -> Result<Self, StageError> {
        let deployment = &stage.deployment;
        let group = deployment.topics.sinks_group(&stage.flow);
        let id = deployment.topics.transactional_id(&group, &deployment.instance);
        let mut options = ProducerOptions::new(id);
        options.max_record_bytes = DOCUMENT_BYTES;
        let producer = TransactionalProducer::init(&deployment.cluster, options)?;
        let lag = LagMeter::new(deployment.metrics.clone(), group.clone());
        let doc_topic = deployment.topics.doc(&stage.flow);
        let mut options = GroupOptions::new(group, deployment.instance.as_str(), &[&doc_topic]);
        options.queue_bytes = QUEUE_BYTES;
        let consumer = GroupConsumer::join(&deployment.cluster, options)?;
        let (say, said) = mpsc::channel();
        Ok(Self {
            stage,
            consumer,
            producer,
            recorder: Recorder::new(stage),
            lag,
            lanes: BTreeMap::new(),
            tasks,
            tables: HashMap::new(),
            said,
            say,
            pending: Vec::new(),
            backoff: Backoff::patient(),
            not_before: Instant::now(),
            outage: Outage::default(),
            leaving: None,
            membership: None,
            assignments: 0,
            halted: None,
            refusals: stage.halt_after.map(Refusals::new),
            held: None,
            told_membership: false,
        })
    }

    /// Works until told to stop, then drains.
    pub(super) fn run(mut self) -> Result<(), StageError> {
        let mut stopping: Option<Instant> = None;
        loop {
            self.listen();
            self.miss_no_lane()?;
            self.record_pending()?;
            self.finish_leaving()?;
            if self.stage.stop.is_cancelled() {
                let since = *stopping.get_or_insert_with(Instant::now);
                self.lanes.values_mut().for_each(Intake::stop);
                if self.lanes.values().all(Intake::has_ended) || since.elapsed() > STOP_LIMIT {
                    break;
                }
            } else if self.stage.hold.is_set() {
                self.stand_still()?;
            } else if self.halted.is_none() {
                self.start_jobs()?;
            }
            self.poll()?;
            self.lag.look(&self.consumer);
        }
        self.consumer.close();
        Ok(())
    }

    /// Hands idle lanes what is due.
    fn start_jobs(&mut self) -> Result<(), StageError> {
        let codec = &self.stage.deployment.codec;
        for (partition, lane) in &mut self.lanes {
            let Some(table) = self.tables.get(partition) else { continue };
            match lane.start_job(table, codec, &*self.stage.treatments) {
                Ok(()) => {}
                Err(Untreatable::Failed(error)) => return Err(error),
                Err(Untreatable::Halted(refusal)) => {
                    self.halted = Some(refusal);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes in what the lanes have said so far.
    fn listen(&mut self) {
        while let Ok((lane, said)) = self.said.try_recv() {
            let ours = self.lanes.get_mut(&lane.partition).filter(|intake| intake.id() == lane);
            match (said, ours) {
                (Said::Record { entries, done }, Some(_)) => {
                    self.pending.push(Request { lane, entries, done });
                }
                (Said::Record { done, .. }, None) => {
                    // A lane that hears nothing hears a closed channel, which says the same.
                    let _ = done.send(Err(LaneLost));
                }
                (Said::Halted(refusal), Some(_)) => self.halted = Some(refusal),
                (Said::Ended, Some(intake)) => intake.end(),
                (Said::Halted(_) | Said::Ended, None) => {}
            }
        }
        self.report_halt();
    }

    fn report(&self, condition: Condition) {
        self.stage.deployment.health.report(&self.stage.part(), condition);
    }

    /// How the stage is while Kafka answers.
    fn at_work(&self) -> Condition {
        let halted = self.halted.as_ref().map(|refusal| Condition::Halted(refusal.to_string()));
        halted.or_else(|| self.stage.hold.why()).unwrap_or(Condition::Ready)
    }

    /// Lets the calls in flight finish and begins no other. The group is polled all the while, so that it keeps us for
    /// its member and the offsets with us.
    fn stand_still(&mut self) -> Result<(), StageError> {
        for (partition, lane) in &mut self.lanes {
            lane.stop();
            if lane.hold() {
                self.consumer.pause(&[self.recorder.doc_partition(*partition)])?;
            }
        }
        let why = self.stage.hold.why();
        if why != self.held {
            tracing::info!(flow = %self.stage.flow, ?why, "sink stands still");
            self.held = why;
            self.report(self.at_work());
        }
        Ok(())
    }

    /// A member that the group gives no partition to is ready too.
    fn tell_membership(&mut self) {
        if !self.told_membership && self.consumer.has_joined() {
            self.told_membership = true;
            self.report(self.at_work());
        }
    }

    fn tell_ownership(&self) {
        self.stage.deployment.health.own(&self.stage.part(), self.lanes.keys().copied());
    }

    fn report_halt(&mut self) {
        if let Some(refusal) = &self.halted
            && !self.lanes.values().all(Intake::is_stopping)
        {
            tracing::error!(flow = %self.stage.flow, %refusal, "flow is halted until a person acts");
            self.report(self.at_work());
            self.lanes.values_mut().for_each(Intake::stop);
        }
    }

    /// A lane that ended without having been told to leaves its partition unserved: the attempt starts over.
    fn miss_no_lane(&self) -> Result<(), StageError> {
        let missing = |(_, lane): &(&i32, &Intake)| lane.has_ended() && !lane.is_stopping();
        match self.lanes.iter().find(missing) {
            Some((partition, _)) => {
                let task = format!("the lane of partition {partition} of flow {}", self.stage.flow);
                Err(StageError::TaskEnded { task })
            }
            None => Ok(()),
        }
    }

    /// Makes everything that was handed in durable, in one transaction.
    fn record_pending(&mut self) -> Result<(), StageError> {
        let due = !self.pending.is_empty() && Instant::now() >= self.not_before;
        let Some(membership) = self.membership.clone().filter(|_| due) else { return Ok(()) };
        let requests = std::mem::take(&mut self.pending);
        let (now, sample) = (Instant::now(), Sample::of(&requests));
        let refusals = self.refusals.as_ref().filter(|_| self.halted.is_none());
        let halt = refusals.and_then(|known| known.halt(sample, last_cause(&requests), now));
        let recorded =
            self.recorder.record(self.stage, &mut self.producer, &requests, &membership, halt.as_ref());
        match recorded {
            Ok(rows) => {
                self.backoff.reset();
                if let Some(refusals) = &mut self.refusals {
                    refusals.count(sample, now);
                }
                self.halted = self.halted.take().or(halt);
                // A write for each partition, not for each row: a write costs more than its rows.
                for part in rows.chunk_by(|(partition, ..), (next, ..)| partition == next) {
                    let table = part.first().and_then(|(partition, ..)| self.tables.get_mut(partition));
                    if let Some(table) = table {
                        table.apply(
                            part.iter().map(|(_, key, value)| (key.as_slice(), Some(value.as_slice()))),
                        )?;
                    }
                }
                requests.into_iter().for_each(|request| self.recorded(request));
                Ok(())
            }
            Err(error) if may_repeat(&error, &self.producer) => {
                if self.leaving.is_some() && error.is_of_no_member() {
                    // While a revocation is unanswered no loss is told: the client would join anew and claim what it had,
                    // with lanes that go on from before what others did meanwhile. Only a new member begins right.
                    tracing::warn!(flow = %self.stage.flow, "the group went on without us, joining it anew");
                    return Err(error.into());
                }
                // The target has the documents: the same entries are tried again while the partition is ours.
                let delay = self.backoff.next_delay(Duration::ZERO);
                tracing::warn!(flow = %self.stage.flow, error = chain(&error), ?delay, "could not record a batch, trying again");
                self.not_before = Instant::now() + delay;
                self.pending = requests;
                Ok(())
            }
            Err(error) => Err(self.stage.deployment.fenced_or(error)),
        }
    }

    /// Counts what is durable now, and tells the lane.
    fn recorded(&mut self, request: Request) {
        let Request { lane, entries, done } = request;
        let metrics = &self.stage.deployment.metrics;
        for Traced { value: letter, .. } in &entries.letters {
            metrics.letter_written(letter.stage, &letter.owner, &letter.refusal.code);
        }
        metrics.documents_left(&self.stage.flow, entries.left);
        self.lag.acknowledged(self.recorder.doc_partition(lane.partition), Some(entries.next_offset));
        if let Some(counts) = &entries.finished
            && let Some(intake) = self.lanes.get_mut(&lane.partition)
        {
            metrics.documents_ended(&self.stage.flow, counts);
            metrics.batch_ended(Stage::Sink, self.stage.flow.as_str(), intake.job_done());
        }
        // A lane that does not listen any more ends by itself.
        let _ = done.send(Ok(()));
    }

    fn poll(&mut self) -> Result<(), StageError> {
        if self.lanes.values().any(Intake::overflows) {
            // Enough is in hand. The pause is short, so the group does not notice.
            std::thread::sleep(BUSY_POLL);
            if self.consumer.last_poll().elapsed() < Duration::from_secs(1) {
                return Ok(());
            }
            self.hold_back()?;
        }
        let timeout = if self.lanes.values().any(Intake::is_busy) || self.leaving.is_some() {
            BUSY_POLL
        } else {
            IDLE_POLL
        };
        let polled = match self.consumer.poll(POLL_RECORDS, POLL_BYTES, timeout) {
            Ok(polled) => polled,
            Err(error) if error.class() == Class::Retriable => {
                if self.outage.is_to_be_said(Instant::now()) {
                    tracing::warn!(flow = %self.stage.flow, error = chain(&error), "Kafka is away, waiting");
                    self.report(Condition::Waiting(chain(&error)));
                }
                return Ok(());
            }
            Err(error) => return Err(self.stage.deployment.fenced_or(error)),
        };
        if self.outage.is_over(Instant::now()) {
            self.report(self.at_work());
        }
        self.membership = self.consumer.membership()?;
        match polled {
            Polled::Assigned(partitions) => self.take_over(&partitions)?,
            Polled::Revoked(partitions) => self.leave(partitions, Instant::now() + DRAIN_LIMIT),
            Polled::Lost(partitions) => self.leave(partitions, Instant::now()),
            Polled::Batch(batch) => batch.records.into_iter().for_each(|record| self.take_in(record)),
            Polled::Idle => self.tell_membership(),
        }
        self.release_held()
    }

    fn take_in(&mut self, record: Message) {
        if let Some(lane) = self.lanes.get_mut(&record.partition) {
            lane.push(record);
        }
    }

    /// Stops fetching for lanes that have enough, so that polling can go on.
    fn hold_back(&mut self) -> Result<(), StageError> {
        for (partition, lane) in self.lanes.iter_mut().filter(|(_, lane)| lane.is_full()) {
            if lane.hold() {
                self.consumer.pause(&[self.recorder.doc_partition(*partition)])?;
            }
        }
        Ok(())
    }

    fn release_held(&mut self) -> Result<(), StageError> {
        for (partition, lane) in &mut self.lanes {
            if lane.release_if_drained() {
                self.consumer.resume(&[self.recorder.doc_partition(*partition)])?;
            }
        }
        Ok(())
    }

    /// Restores the receipts of new partitions and starts their lanes.
    ///
    /// The committed offset is fetched first, which waits for open transactions; then the receipts are read to their
    /// end (design §7).
    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        let deployment = &self.stage.deployment;
        let committed = self.consumer.committed(partitions, COMMITTED_PATIENCE)?;
        let receipts = deployment.topics.receipt(&self.stage.flow);
        let mut starts = Vec::with_capacity(partitions.len());
        for (partition, offset) in committed {
            let number = partition.partition;
            // A former table of this partition lets go of its file first.
            self.tables.remove(&number);
            let source = TopicPartition::new(receipts.as_str(), number);
            let path = self.stage.table_path(number);
            let table = restore(&deployment.cluster, &source, &path, &self.stage.stop)?;
            self.tables.insert(number, table);
            self.assignments += 1;
            let id = LaneId { partition: number, assignment: self.assignments };
            let former = self.tasks.remove(&number);
            let (intake, task) =
                Intake::start(self.stage, id, self.say.clone(), self.consumer.lease(), former);
            self.lanes.insert(number, intake);
            self.tasks.insert(number, task);
            self.lag.acknowledged(partition.clone(), offset);
            starts.push((partition, offset.map_or(StartOffset::Beginning, StartOffset::At)));
        }
        self.consumer.assign(&starts)?;
        self.tell_ownership();
        tracing::info!(flow = %self.stage.flow, partitions = starts.len(), "sink took partitions over");
        self.report(self.at_work());
        if self.halted.is_some() {
            self.lanes.values_mut().for_each(Intake::stop);
        }
        Ok(())
    }

    fn leave(&mut self, mut partitions: Vec<TopicPartition>, until: Instant) {
        for partition in &partitions {
            if let Some(lane) = self.lanes.get_mut(&partition.partition) {
                lane.stop();
            }
        }
        if let Some((earlier, _)) = self.leaving.take() {
            partitions.extend(earlier);
        }
        self.leaving = Some((partitions, until));
    }

    /// Lets revoked partitions go once their lanes have ended, or their time is up.
    fn finish_leaving(&mut self) -> Result<(), StageError> {
        let Some((partitions, until)) = &self.leaving else { return Ok(()) };
        let ended = partitions.iter().all(|p| self.lanes.get(&p.partition).is_none_or(Intake::has_ended));
        if !ended && Instant::now() < *until {
            return Ok(());
        }
        for partition in partitions {
            self.lanes.remove(&partition.partition);
            self.tables.remove(&partition.partition);
        }
        let lost = |request: &Request| !self.lanes.contains_key(&request.lane.partition);
        self.pending.retain(|request| !lost(request));
        self.lag.forget(partitions);
        self.consumer.release(partitions)?;
        self.leaving = None;
        self.tell_ownership();
        Ok(())
    }
}
