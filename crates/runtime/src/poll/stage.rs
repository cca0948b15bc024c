//! The Kafka half of the polling stage: shares accounts among processes and makes publications durable.
//!
//! A group on `weir.cursor` shares its partitions; an account belongs to the partition its name hashes to. Whoever owns
//! a partition holds its transactional id, which fences a former owner, and only then reads its cursors (design §5,
//! invariant 7).

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Class, GroupConsumer, GroupOptions, Isolation, Lease, Polled, ProducerOptions, StartOffset,
    TopicPartition, TransactionalProducer, reader::read_to_end,
};
use weir_model::{cursor::Cursor, digest::Digest};

use super::{
    Poller, PollerHalt, PublishError, Publisher, Takeover, poller::PublishRequest, records::Records,
};
use crate::{
    backoff::Backoff,
    health::Condition,
    stage::{Deployment, StageError, StageThread, Supervisor, chain},
    tasks::{TaskKind, spawn},
    topics::CURSOR_PARTITIONS,
};

/// How long pollers of a revoked partition may take to reach a safe point.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);
const STOP_LIMIT: Duration = Duration::from_secs(25);
const IDLE_POLL: Duration = Duration::from_millis(20);
const NAME: &str = "producers";

/// Polls every account that the group gives to this process.
pub struct PollStage {
    /// Where it runs.
    pub deployment: Deployment,
    /// One per account.
    pub pollers: Vec<Arc<dyn Poller>>,
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
            name: NAME.to_owned(),
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
}

/// A partition of `weir.cursor` that this process owns.
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
}

impl Owned {
    fn has_ended(&self) -> bool {
        self.pollers.iter().all(JoinHandle::is_finished)
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
        Ok(Self { stage, consumer, session, owned: BTreeMap::new(), leaving: None })
    }

    fn run(mut self) -> Result<(), StageError> {
        let mut stopping: Option<Instant> = None;
        loop {
            self.publish_pending()?;
            self.finish_leaving()?;
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
        match self.consumer.poll(1, 1, IDLE_POLL) {
            Ok(Polled::Assigned(partitions)) => self.take_over(&partitions)?,
            Ok(Polled::Revoked(partitions)) => self.leave(partitions, Instant::now() + DRAIN_LIMIT),
            Ok(Polled::Lost(partitions)) => self.leave(partitions, Instant::now()),
            Ok(Polled::Batch(_) | Polled::Idle) => {}
            Err(error) if error.class() == Class::Retriable => {
                tracing::warn!(error = chain(&error), "Kafka is away, waiting");
                self.stage.deployment.health.report(NAME, Condition::Waiting(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Fences the former owner of each partition, reads its cursors, and starts its pollers.
    fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), StageError> {
        for partition in partitions {
            let owned = self.own(partition)?;
            self.owned.insert(partition.partition, owned);
        }
        let starts: Vec<_> =
            partitions.iter().map(|partition| (partition.clone(), StartOffset::Beginning)).collect();
        self.consumer.assign(&starts)?;
        self.consumer.pause(partitions)?;
        tracing::info!(partitions = partitions.len(), "producer took accounts over");
        self.stage.deployment.health.report(NAME, Condition::Ready);
        Ok(())
    }

    fn own(&self, partition: &TopicPartition) -> Result<Owned, StageError> {
        let producer = self.producer(partition.partition)?;
        let cursors = self.cursors(partition)?;
        let (publisher, requests) = Publisher::channel(1);
        let stop = CancellationToken::new();
        let takeover = if self.stage.deployment.cluster.is_in_process() {
            Takeover::Alone
        } else {
            Takeover::Shared(self.session)
        };
        let ours = self.stage.pollers.iter().filter(|p| partition_of(p.account()) == partition.partition);
        let _runtime = self.stage.runtime.enter();
        let pollers = ours
            .map(|poller| {
                let sources = poller.sources();
                let own = cursors.iter().filter(|cursor| sources.contains(&cursor.source)).cloned().collect();
                let name = format!("poll {}", poller.account());
                let run = Arc::clone(poller).run(own, publisher.clone(), takeover, stop.clone());
                spawn(name, TaskKind::Service, run)
            })
            .collect();
        Ok(Owned {
            producer,
            requests,
            unsent: None,
            backoff: Backoff::patient(),
            not_before: Instant::now(),
            pollers,
            stop,
            lease: self.consumer.lease(),
        })
    }

    fn producer(&self, partition: i32) -> Result<TransactionalProducer, StageError> {
        let Deployment { cluster, topics, .. } = &self.stage.deployment;
        let options = ProducerOptions::new(topics.cursor_transactional_id(partition));
        Ok(TransactionalProducer::init(cluster, options)?)
    }

    /// The newest cursor of every source and lane in the partition.
    fn cursors(&self, partition: &TopicPartition) -> Result<Vec<Cursor>, StageError> {
        let Deployment { cluster, codec, .. } = &self.stage.deployment;
        let mut newest: BTreeMap<Vec<u8>, Cursor> = BTreeMap::new();
        let mut failure = None;
        read_to_end(cluster, partition, StartOffset::Beginning, Isolation::Committed, |message| {
            let (Some(key), Some(value)) = (message.key, message.value) else {
                return ControlFlow::Continue(());
            };
            match codec.decode::<Cursor>(&value) {
                Ok(cursor) => {
                    newest.insert(key.to_vec(), cursor);
                    ControlFlow::Continue(())
                }
                Err(source) => {
                    let place = format!("{partition} offset {}", message.offset);
                    failure = Some(StageError::Unreadable { place, source });
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or_else(|| Ok(newest.into_values().collect()), Err)
    }

    /// Publishes what the pollers have handed in, one transaction each.
    fn publish_pending(&mut self) -> Result<(), StageError> {
        let partitions: Vec<i32> = self.owned.keys().copied().collect();
        for partition in partitions {
            let Some(owned) = self.owned.get_mut(&partition) else { continue };
            if owned.unsent.is_none() {
                owned.unsent = owned.requests.try_recv().ok();
            }
            if owned.unsent.is_some() && Instant::now() >= owned.not_before {
                self.publish(partition)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, partition: i32) -> Result<(), StageError> {
        let Some(owned) = self.owned.get_mut(&partition) else { return Ok(()) };
        let Some(request) = owned.unsent.take() else { return Ok(()) };
        let records = Records::of(&self.stage.deployment, partition, &request.publication);
        let published =
            owned.producer.transaction(|open| records.iter().try_for_each(|record| open.send(record)));
        let error = match published {
            Ok(()) => {
                owned.backoff.reset();
                // A poller that was stopped meanwhile does not listen any more.
                let _ = request.done.send(Ok(()));
                return Ok(());
            }
            Err(error) => error,
        };
        match error.class() {
            Class::Fenced => {
                tracing::warn!(partition, "another process has taken these accounts over");
                owned.stop.cancel();
                let _ = request.done.send(Err(PublishError::Lost));
            }
            Class::Refused => {
                let _ = request.done.send(Err(PublishError::Refused(chain(&error))));
            }
            Class::Retriable | Class::AbortTransaction | Class::Fatal | Class::OutOfRange => {
                let delay = owned.backoff.next_delay(Duration::ZERO);
                tracing::warn!(partition, error = chain(&error), ?delay, "could not publish, trying again");
                owned.not_before = Instant::now() + delay;
                owned.unsent = Some(request);
                if !owned.producer.is_usable() {
                    self.renew_producer(partition)?;
                }
            }
        }
        Ok(())
    }

    /// Makes a spent producer anew, but only while the group surely still gives us the partition: taking the id back
    /// from a new owner would fence the rightful one.
    fn renew_producer(&mut self, partition: i32) -> Result<(), StageError> {
        if !self.owned.get(&partition).is_some_and(|owned| owned.lease.holds()) {
            return Ok(());
        }
        let producer = self.producer(partition)?;
        if let Some(owned) = self.owned.get_mut(&partition) {
            owned.producer = producer;
        }
        Ok(())
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
        }
        self.consumer.release(partitions)?;
        self.leaving = None;
        Ok(())
    }
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
