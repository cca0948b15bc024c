//! The Kafka half of the polling stage: shares accounts among processes and makes publications durable.
//!
//! A group on `weir.cursor` shares its partitions; an account belongs to the partition its name hashes to. Whoever owns
//! a partition holds its transactional id, which fences a former owner, and only then reads its cursors (design §5,
//! invariant 7).

use std::{
    collections::BTreeMap,
    ops::Not as _,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Class, GroupConsumer, GroupOptions, Lease, Polled, ProducerOptions, StartOffset, TopicPartition,
    TransactionalProducer,
};
use weir_model::{
    digest::Digest,
    letter::Stage,
    names::{FlowName, SourceName},
};

use super::{
    JobBoard, Poller, PollerHalt, Publication, PublishError, Publisher, Takeover, board::Board,
    estate::Estate, poller::PublishRequest, records::Records,
};
use crate::{
    backoff::Backoff,
    control::Known,
    health::{Condition, Part},
    outage::Outage,
    stage::{Deployment, StageError, StageThread, Supervisor, chain},
    tasks::{TaskKind, spawn},
    topics::CURSOR_PARTITIONS,
    transaction::{may_repeat, transact},
};

/// How long pollers of a revoked partition may take to reach a safe point.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);
const STOP_LIMIT: Duration = Duration::from_secs(25);
const IDLE_POLL: Duration = Duration::from_millis(20);

/// Polls every account that the group gives to this process.
pub struct PollStage {
    /// Where it runs.
    pub deployment: Deployment,
    /// One per account.
    pub pollers: Vec<Arc<dyn Poller>>,
    /// What `weir.control` says: jobs, and which flows stand still.
    pub control: watch::Receiver<Arc<Known>>,
    /// The flows that read each source: a job of the source waits for them.
    pub feeds: BTreeMap<SourceName, Vec<FlowName>>,
    /// Runs the pollers.
    pub runtime: Handle,
    /// Cancelled to stop at the next safe point.
    pub stop: CancellationToken,
}

/// The partition of `weir.cursor` that an account belongs to, for good.
pub fn partition_of(account: &str) -> i32 {
    let digest = Digest::of(account.as_bytes());
    let first = digest.as_bytes().iter().take(4).fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    i32::try_from(first % CURSOR_PARTITIONS.unsigned_abs()).unwrap_or(0)
}

impl PollStage {
    /// Starts the stage on a thread of its own.
    pub fn start(self) -> std::io::Result<StageThread> {
        let supervisor = Supervisor {
            part: Part::Producers,
            health: self.deployment.health.clone(),
            stop: self.stop.clone(),
        };
        supervisor.start(move || Attempt::open(&self)?.run())
    }
}

/// One attempt of the stage.
struct Attempt<'a> {
    stage: &'a PollStage,
    consumer: GroupConsumer,
    session: Duration,
    owned: BTreeMap<i32, Owned>,
    leaving: Option<(Vec<TopicPartition>, Instant)>,
    outage: Outage,
    /// Whether it was told that the group has taken us in.
    told_membership: bool,
}

/// A partition of `weir.cursor` that this process owns and polls an account of.
struct Owned {
    producer: TransactionalProducer,
    requests: mpsc::Receiver<PublishRequest>,
    /// A publication that Kafka has not taken yet.
    unsent: Option<PublishRequest>,
    backoff: Backoff,
    not_before: Instant,
    pollers: Vec<JoinHandle<Vec<PollerHalt>>>,
    stop: CancellationToken,
    lease: Lease,
    /// When to take the accounts over anew, if the group still says that they are ours.
    renew_at: Option<Instant>,
}

impl Owned {
    fn has_ended(&self) -> bool {
        self.pollers.iter().all(JoinHandle::is_finished)
    }

    /// Stops the pollers; the accounts are taken over anew after `delay`, from what is committed then.
    fn start_over(&mut self, delay: Duration) {
        self.stop.cancel();
        self.requests.close();
        self.unsent = None;
        self.renew_at = Some(Instant::now() + delay);
    }

    /// Whether a poller ended without having been told to and without a halt: a failure of its code.
    fn lost_a_poller(&mut self) -> bool {
        let mut lost = false;
        self.pollers.retain_mut(|poller| match poller.now_or_never() {
            None => true,
            Some(ended) => {
                lost |= ended.is_ok_and(|halts| !halts.is_empty()).not();
                false
            }
        });
        lost && !self.stop.is_cancelled()
    }
}

impl<'a> Attempt<'a> {
    fn open(stage: &'a PollStage) -> Result<Self, StageError> {
        let Deployment { cluster, topics, instance, .. } = &stage.deployment;
        let mut options = GroupOptions::new(topics.producers_group(), instance.as_str(), &[&topics.cursor()]);
        // Nothing is read through this member: it only holds the ownership.
        options.queue_bytes = 1 << 20;
        let session = options.session_timeout;
        let consumer = GroupConsumer::join(cluster, options)?;
        Ok(Self {
            stage,
            consumer,
            session,
            owned: BTreeMap::new(),
            leaving: None,
            outage: Outage::default(),
            told_membership: false,
        })
    }

    fn run(mut self) -> Result<(), StageError> {
        let mut stopping: Option<Instant> = None;
        loop {
            self.publish_pending();
            self.finish_leaving()?;
            self.watch_pollers();
            self.renew()?;
            if self.stage.stop.is_cancelled() {
                let since = *stopping.get_or_insert_with(Instant::now);
                self.owned.values().for_each(|owned| owned.stop.cancel());
                if self.owned.values().all(Owned::has_ended) || since.elapsed() > STOP_LIMIT {
                    break;
                }
            }
            self.poll()?;
        }
        self.consumer.close();
        Ok(())
    }

    fn poll(&mut self) -> Result<(), StageError> {
        let polled = match self.consumer.poll(1, 1, IDLE_POLL) {
            Ok(polled) => polled,
            Err(error) if error.class() == Class::Retriable => {
                if self.outage.is_to_be_said(Instant::now()) {
                    tracing::warn!(error = chain(&error), "Kafka is away, waiting");
                    self.report(Condition::Waiting(chain(&error)));
                }
                return Ok(());
            }
            Err(error) => return Err(self.stage.deployment.fenced_or(error)),
        };
        if self.outage.is_over(Instant::now()) {
            self.report(Condition::Ready);
        }
        match polled {
            Polled::Assigned(partitions) => self.take_over(&partitions)?,
            Polled::Revoked(partitions) => self.leave(partitions, Instant::now() + DRAIN_LIMIT),
            Polled::Lost(partitions) => self.leave(partitions, Instant::now()),
            Polled::Batch(_) => {}
            Polled::Idle => self.tell_membership(),
        }
        Ok(())
    }

    /// A member that the group gives no partition to is ready too.
    fn tell_membership(&mut self) {
        if !self.told_membership && self.consumer.has_joined() {
            self.told_membership = true;
            self.report(Condition::Ready);
        }
    }

    fn tell_ownership(&self) {
        self.stage.deployment.health.own(&Part::Producers, self.owned.keys().copied());
    }

    fn report(&self, condition: Condition) {
        self.stage.deployment.health.report(&Part::Producers, condition);
    }

    /// Fences the former owner of each partition, reads its cursors, and starts its pollers. A partition that none of
    /// our accounts belongs to is only held.
    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        let (stage, lease) = (self.stage, self.consumer.lease());
        let polled = partitions.iter().filter(|partition| stage.pollers_of(partition.partition).count() > 0);
        // Each takes half a second or more: side by side.
        let prepared: Vec<_> = thread::scope(|scope| {
            let started: Vec<_> = polled
                .map(|partition| (partition.partition, scope.spawn(|| stage.prepare(partition))))
                .collect();
            started.into_iter().map(|(partition, thread)| (partition, thread.join())).collect()
        });
        for (partition, ended) in prepared {
            let (producer, estate) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            let backoff = Backoff::patient();
            let owned =
                stage.start_pollers(partition, producer, &estate, lease.clone(), self.takeover(), backoff);
            self.owned.insert(partition, owned);
        }
        let starts: Vec<_> =
            partitions.iter().map(|partition| (partition.clone(), StartOffset::Beginning)).collect();
        self.consumer.assign(&starts)?;
        self.consumer.pause(partitions)?;
        self.tell_ownership();
        tracing::info!(partitions = partitions.len(), "producer took accounts over");
        self.report(Condition::Ready);
        Ok(())
    }

    fn takeover(&self) -> Takeover {
        if self.stage.deployment.cluster.is_in_process() {
            Takeover::Alone
        } else {
            Takeover::Shared(self.session)
        }
    }

    /// A poller that failed is started again, and the failure told.
    fn watch_pollers(&mut self) {
        if self.stage.stop.is_cancelled() {
            return;
        }
        for (partition, owned) in self.owned.iter_mut().filter(|(_, owned)| owned.renew_at.is_none()) {
            if owned.lost_a_poller() {
                let delay = owned.backoff.next_delay(Duration::ZERO);
                tracing::error!(
                    partition,
                    ?delay,
                    "a poller ended by itself, its account is taken over anew"
                );
                owned.start_over(delay);
            }
        }
    }

    /// Takes accounts over anew from what is committed, but only while the group surely still gives them to us: taking
    /// the id back from a new owner would fence the rightful one.
    fn renew(&mut self) -> Result<(), StageError> {
        let is_leaving = |partition: i32| {
            self.leaving.as_ref().is_some_and(|(leaving, _)| leaving.iter().any(|p| p.partition == partition))
        };
        let due = |(partition, owned): &(&i32, &Owned)| {
            owned.renew_at.is_some_and(|at| Instant::now() >= at)
                && owned.lease.holds()
                && owned.has_ended()
                && !is_leaving(**partition)
        };
        let due: Vec<i32> = self.owned.iter().filter(due).map(|(partition, _)| *partition).collect();
        for partition in due.into_iter().filter(|_| !self.stage.stop.is_cancelled()) {
            let Some(former) = self.owned.remove(&partition) else { continue };
            let (backoff, lease) = (former.backoff.clone(), former.lease.clone());
            drop(former);
            let topic = self.stage.deployment.topics.cursor();
            let (producer, estate) = self.stage.prepare(&TopicPartition::new(topic, partition))?;
            let owned =
                self.stage.start_pollers(partition, producer, &estate, lease, Takeover::Alone, backoff);
            self.owned.insert(partition, owned);
        }
        Ok(())
    }

    /// Publishes what the pollers have handed in, one transaction each.
    fn publish_pending(&mut self) {
        for (partition, owned) in &mut self.owned {
            if owned.unsent.is_none() {
                owned.unsent = owned.requests.try_recv().ok();
            }
            if Instant::now() >= owned.not_before
                && let Some(request) = owned.unsent.take()
            {
                self.stage.publish(*partition, owned, request, self.session);
            }
        }
    }

    fn leave(&mut self, mut partitions: Vec<TopicPartition>, until: Instant) {
        for partition in &partitions {
            if let Some(owned) = self.owned.get(&partition.partition) {
                owned.stop.cancel();
            }
        }
        if let Some((earlier, _)) = self.leaving.take() {
            partitions.extend(earlier);
        }
        self.leaving = Some((partitions, until));
    }

    fn finish_leaving(&mut self) -> Result<(), StageError> {
        let Some((partitions, until)) = &self.leaving else { return Ok(()) };
        let ended = partitions.iter().all(|p| self.owned.get(&p.partition).is_none_or(Owned::has_ended));
        if !ended && Instant::now() < *until {
            return Ok(());
        }
        for partition in partitions {
            self.owned.remove(&partition.partition);
            self.stage.forget_sources(partition.partition);
        }
        self.consumer.release(partitions)?;
        self.leaving = None;
        self.tell_ownership();
        Ok(())
    }
}

impl PollStage {
    /// The pollers whose accounts belong to a partition.
    fn pollers_of(&self, partition: i32) -> impl Iterator<Item = &Arc<dyn Poller>> {
        self.pollers.iter().filter(move |poller| partition_of(poller.account()) == partition)
    }

    /// Whoever owns the accounts of a partition now tells how their sources are.
    fn forget_sources(&self, partition: i32) {
        for source in self.pollers_of(partition).flat_map(|poller| poller.sources()) {
            self.deployment.health.forget(&Part::Source(source.clone()));
            self.deployment.health.forget(&Part::Remedy(source));
        }
    }

    /// Fences the former owner of a partition, which also ends its open transaction, and then reads what it left.
    fn prepare(&self, partition: &TopicPartition) -> Result<(TransactionalProducer, Estate), StageError> {
        let Deployment { cluster, topics, codec, .. } = &self.deployment;
        let options = ProducerOptions::new(topics.cursor_transactional_id(partition.partition));
        let producer = TransactionalProducer::init(cluster, options)?;
        Ok((producer, Estate::read(cluster, codec, partition)?))
    }

    fn start_pollers(
        &self,
        partition: i32,
        producer: TransactionalProducer,
        estate: &Estate,
        lease: Lease,
        takeover: Takeover,
        backoff: Backoff,
    ) -> Owned {
        let (publisher, requests) = Publisher::channel(1);
        let publisher = publisher.under(lease.clone());
        let stop = CancellationToken::new();
        let jobs = Arc::new(Board::new(&self.deployment, &self.control, &self.feeds));
        let _runtime = self.runtime.enter();
        let pollers = self
            .pollers_of(partition)
            .map(|poller| {
                let own = estate.of(poller.as_ref());
                let name = format!("poll {}", poller.account());
                let jobs = Arc::clone(&jobs) as Arc<dyn JobBoard>;
                let run = Arc::clone(poller).run(own, publisher.clone(), takeover, jobs, stop.clone());
                spawn(name, TaskKind::Service, run)
            })
            .collect();
        Owned {
            producer,
            requests,
            unsent: None,
            backoff,
            not_before: Instant::now(),
            pollers,
            stop,
            lease,
            renew_at: None,
        }
    }

    fn publish(&self, partition: i32, owned: &mut Owned, request: PublishRequest, session: Duration) {
        let started = Instant::now();
        let records = Records::of(&self.deployment, partition, &request.publication);
        let (metrics, subject) = (&self.deployment.metrics, subject(&request.publication));
        let published = transact(&mut owned.producer, metrics, Stage::Producer, subject, |open| {
            records.iter().try_for_each(|record| open.send(record))
        });
        let Err(error) = published else {
            owned.backoff.reset();
            metrics.batch_ended(Stage::Producer, subject, started.elapsed());
            for letter in &request.publication.letters {
                metrics.letter_written(letter.stage, &letter.owner, &letter.refusal.code);
            }
            // A poller that was stopped meanwhile does not listen any more.
            let _ = request.done.send(Ok(()));
            return;
        };
        if may_repeat(&error, &owned.producer) {
            let delay = owned.backoff.next_delay(Duration::ZERO);
            tracing::warn!(partition, error = chain(&error), ?delay, "could not publish, trying again");
            owned.not_before = Instant::now() + delay;
            owned.unsent = Some(request);
            return;
        }
        match error.class() {
            Class::Refused => {
                let _ = request.done.send(Err(PublishError::Refused(chain(&error))));
            }
            Class::Fenced => {
                // The group says so too before a session has passed; else the accounts are still ours.
                tracing::warn!(partition, "another process has taken these accounts over");
                let _ = request.done.send(Err(PublishError::Lost));
                owned.start_over(session);
            }
            Class::Retriable | Class::AbortTransaction | Class::Fatal | Class::OutOfRange | Class::Denied => {
                // It may have passed: only the cursors tell.
                let delay = owned.backoff.next_delay(Duration::ZERO);
                tracing::warn!(
                    partition,
                    error = chain(&error),
                    ?delay,
                    "publishing failed, going on from the cursors"
                );
                let _ = request.done.send(Err(PublishError::Lost));
                owned.start_over(delay);
            }
        }
    }
}

/// The source that a publication is counted for, as it comes from one; the account when it only keeps a token.
fn subject(publication: &Publication) -> &str {
    let cursor = publication.cursors.first().map(|cursor| cursor.source.as_str());
    let ended = || publication.ended.first().map(|(source, _)| source.as_str());
    let letter = || publication.letters.first().map(|letter| letter.owner.as_str());
    let account = || publication.token.as_ref().map(|token| token.account.as_str());
    cursor.or_else(ended).or_else(letter).or_else(account).unwrap_or_default()
}

impl Drop for Owned {
    /// Whatever ends the ownership, no poller is left behind that calls an API without owning the account.
    fn drop(&mut self) {
        self.stop.cancel();
        self.pollers.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_stays_in_its_partition() {
        // These numbers stand in the topics of running systems: they may never change.
        let known = ["jushuitan", "demo-key", "wdt-1", "okki"].map(partition_of);
        assert_eq!(known, [4, 4, 4, 6]);
        assert!(
            (0..1_000).map(|n| partition_of(&n.to_string())).all(|p| (0..CURSOR_PARTITIONS).contains(&p))
        );
    }
}
