//! The stage that carries replays and repairs on: one owner for all flows, and another when it is gone.
//!
//! Every process that runs processors is a member of a group on `weir.control`, which has one partition. Whoever is
//! given it takes the jobs' transactional id over, which fences a former owner and ends its open transaction, and only
//! then reads how far the jobs have come (invariant 7).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Class, GroupConsumer, GroupOptions, Inspector, Polled, ProducerOptions, StartOffset, TopicPartition,
    TransactionalProducer,
};
use weir_model::names::FlowName;

use super::{
    gate::Gate,
    lane::{Desk, Lane},
};
use crate::{
    backoff::Backoff,
    control::{self, Known},
    health::{Condition, Part},
    map::Intake,
    outage::Outage,
    stage::{Deployment, StageError, StageThread, Supervisor, chain},
    topics::DOCUMENT_BYTES,
    transaction::may_repeat,
};

const IDLE: Duration = Duration::from_millis(100);
const BUSY: Duration = Duration::from_millis(1);

/// Carries the replays and repairs of flows on.
pub struct JobStage {
    /// Where it runs.
    pub deployment: Deployment,
    /// The flows, each with what it reads.
    pub flows: BTreeMap<FlowName, Intake>,
    /// What `weir.control` says: jobs, and which flows stand still.
    pub control: watch::Receiver<Arc<Known>>,
    /// Cancelled to stop after the current chunk.
    pub stop: CancellationToken,
}

impl JobStage {
    /// Starts the stage on a thread of its own.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(self) -> std::io::Result<StageThread> {
        let supervisor =
            Supervisor { part: Part::Jobs, health: self.deployment.health.clone(), stop: self.stop.clone() };
        supervisor.start(move || Attempt::open(&self)?.run())
    }
}

/// One attempt of the stage.
struct Attempt<'a> {
    stage: &'a JobStage,
    consumer: GroupConsumer,
    owned: Option<Owned<'a>>,
    outage: Outage,
    told_membership: bool,
}

/// What there is while the jobs are ours.
struct Owned<'a> {
    desk: Desk<'a>,
    lanes: Vec<Lane>,
    backoff: Backoff,
}

impl<'a> Attempt<'a> {
    fn open(stage: &'a JobStage) -> Result<Self, StageError> {
        let Deployment { cluster, topics, instance, .. } = &stage.deployment;
        let mut options = GroupOptions::new(topics.jobs_group(), instance.as_str(), &[&topics.control()]);
        // Nothing is read through this member: it only holds the ownership.
        options.queue_bytes = 1 << 20;
        let consumer = GroupConsumer::join(cluster, options)?;
        Ok(Self { stage, consumer, owned: None, outage: Outage::default(), told_membership: false })
    }

    fn run(mut self) -> Result<(), StageError> {
        while !self.stage.stop.is_cancelled() {
            self.poll()?;
            self.step()?;
        }
        self.consumer.close();
        Ok(())
    }

    fn poll(&mut self) -> Result<(), StageError> {
        let next = self.owned.iter().flat_map(|owned| &owned.lanes).map(Lane::due).min();
        let wait = next.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()).clamp(BUSY, IDLE));
        let polled = match self.consumer.poll(1, 1, wait) {
            Ok(polled) => polled,
            Err(error) if error.class() == Class::Retriable => {
                self.tell_outage(&error);
                return Ok(());
            }
            Err(error) => return Err(self.stage.deployment.fenced_or(error)),
        };
        if self.outage.is_over(Instant::now()) {
            self.report(Condition::Ready);
        }
        match polled {
            Polled::Assigned(partitions) => self.take_over(&partitions)?,
            Polled::Revoked(partitions) | Polled::Lost(partitions) => self.give_up(&partitions)?,
            // A member that the group gives no partition to is ready too.
            Polled::Idle if !self.told_membership && self.consumer.has_joined() => {
                self.told_membership = true;
                self.report(Condition::Ready);
            }
            Polled::Batch(_) | Polled::Idle => {}
        }
        Ok(())
    }

    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        let JobStage { deployment, flows, control, .. } = self.stage;
        if !partitions.is_empty() {
            let Deployment { cluster, topics, codec, .. } = deployment;
            let mut options = ProducerOptions::new(topics.jobs_transactional_id());
            options.max_record_bytes = DOCUMENT_BYTES;
            let producer = TransactionalProducer::init(cluster, options)?;
            let known = control::read(cluster, topics, codec)?;
            let mut lanes = Vec::with_capacity(flows.len());
            for (flow, intake) in flows {
                let read = intake.topic(topics);
                let gate = Gate::open(cluster, topics, [(flow.clone(), read)], control.clone())?;
                lanes.push(Lane::new(flow.clone(), intake.clone(), gate));
            }
            let progress = known.jobs().filter_map(|job| known.progress(&job.id));
            let progress = progress.map(|progress| (progress.job.clone(), progress.clone())).collect();
            let inspector = Inspector::open(cluster)?;
            let desk = Desk { deployment, inspector, producer, progress };
            self.owned = Some(Owned { desk, lanes, backoff: Backoff::patient() });
            tracing::info!("this process carries the jobs on");
        }
        let starts: Vec<_> =
            partitions.iter().map(|partition| (partition.clone(), StartOffset::Beginning)).collect();
        self.consumer.assign(&starts)?;
        self.consumer.pause(partitions)?;
        deployment.health.own(&Part::Jobs, partitions.iter().map(|partition| partition.partition));
        self.report(Condition::Ready);
        Ok(())
    }

    /// Nothing is in flight between two polls, so the jobs can go at once.
    fn give_up(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        if !partitions.is_empty() {
            self.owned = None;
        }
        self.consumer.release(partitions)?;
        self.stage.deployment.health.own(&Part::Jobs, []);
        Ok(())
    }

    /// Lets every lane that is due do one step.
    fn step(&mut self) -> Result<(), StageError> {
        let Some(Owned { desk, lanes, backoff }) = &mut self.owned else { return Ok(()) };
        let known = Arc::clone(&self.stage.control.borrow());
        let mut trouble = None;
        for lane in lanes.iter_mut().filter(|lane| lane.due() <= Instant::now()) {
            match lane.step(desk, &known) {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    let is_passing = matches!(error.class(), Class::Retriable | Class::OutOfRange)
                        || may_repeat(&error, &desk.producer);
                    lane.start_over(backoff.next_delay(Duration::ZERO));
                    trouble = Some((error, is_passing && desk.producer.is_usable()));
                    break;
                }
            }
        }
        match trouble {
            None => Ok(()),
            Some((error, true)) => {
                self.tell_outage(&error);
                Ok(())
            }
            // Another process has taken the jobs over, or it is unknown whether the chunk passed: what is committed tells.
            Some((error, false)) => {
                tracing::warn!(error = chain(&error), "the jobs are taken up anew from what is committed");
                Err(StageError::TaskEnded { task: "the carrying on of jobs".to_owned() })
            }
        }
    }

    fn tell_outage(&mut self, error: &weir_kafka::Error) {
        if self.outage.is_to_be_said(Instant::now()) {
            tracing::warn!(error = chain(error), "jobs have to wait");
            self.report(Condition::Waiting(chain(error)));
        }
    }

    fn report(&self, condition: Condition) {
        self.stage.deployment.health.report(&Part::Jobs, condition);
    }
}
