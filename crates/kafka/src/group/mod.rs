//! A member of a consumer group whose rebalances are events of a plain loop.
//!
//! The library calls back on the polling thread when partitions come and go; the callback here only takes a note and
//! [`GroupConsumer::poll`] hands it out as a value. The loop does its restoring and draining between two polls, on its
//! own thread, and answers with [`GroupConsumer::assign`] or [`GroupConsumer::release`]. The group waits for that
//! answer up to `max.poll.interval.ms`, while heartbeats go on in the background.

mod lease;
mod options;
mod orphans;
mod rebalance;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub use lease::Lease;

use crate::clock::BootInstant;
use crate::cluster::{Cluster, PATIENCE};
use crate::error::{Class, Error, classify_fatal};
use crate::inspect::fetch_committed;
use crate::native::{TopicNames, offset_list, partition_list};
use crate::reader::Watermarks;
use crate::record::{Message, StartOffset, TopicPartition};
use lease::LeaseState;
pub use options::GroupOptions;
use orphans::Watch;
use rebalance::{GroupContext, Rebalance, settle};

/// Within so many heartbeats a member knows whether it was thrown out.
const DOUBT: Duration = Duration::from_secs(3);

/// Who the group took us for when a batch was read. It travels with the batch into its transaction: taken later it
/// would vouch for records of a former membership (kept with invariant 7).
#[derive(Clone)]
pub struct GroupMetadata(Arc<ConsumerGroupMetadata>);

impl GroupMetadata {
    pub(crate) fn native(&self) -> &ConsumerGroupMetadata {
        &self.0
    }
}

impl std::fmt::Debug for GroupMetadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("GroupMetadata")
    }
}

/// Records of one poll and the membership they were read under.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The records; per partition in offset order. Never empty.
    pub records: Vec<Message>,
    /// Hand this, and no later one, to `send_offsets`.
    pub group: GroupMetadata,
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled {
    /// Records.
    Batch(Batch),
    /// These partitions are ours now. Restore what they need, then call [`GroupConsumer::assign`].
    Assigned(Vec<TopicPartition>),
    /// The group wants these back. Finish or abort what is open, then call [`GroupConsumer::release`].
    Revoked(Vec<TopicPartition>),
    /// These were taken away; others may own them already. Abort, forget, then call [`GroupConsumer::release`].
    Lost(Vec<TopicPartition>),
    /// Nothing happened before the timeout.
    Idle,
}

/// One member of a group, polled by one thread.
pub struct GroupConsumer {
    /// Empty only while dropping.
    consumer: Option<BaseConsumer<GroupContext>>,
    /// Keeps the in-process broker alive.
    cluster: Cluster,
    options: GroupOptions,
    topics: TopicNames,
    /// Partitions we paused: the library keeps a pause over a re-assignment, so assigning resumes them.
    paused: BTreeSet<TopicPartition>,
    /// Whether the group has told us once what is ours, be it nothing.
    joined: bool,
    /// The event handed out last, until it is answered: closing would wait for the answer for ever.
    unanswered: Option<Rebalance>,
    /// Who the group took us for when that event was handed out.
    vouched: Option<GroupMetadata>,
    /// An error that came while records were in hand; reported by the next poll.
    deferred: Option<Error>,
    lease: Arc<LeaseState>,
    watch: Watch,
}

impl GroupConsumer {
    /// Joins a group. The first partitions come as [`Polled::Assigned`].
    ///
    /// # Errors
    /// [`Error::Client`] when the settings are wrong. Brokers that are away show up in `poll`.
    pub fn join(cluster: &Cluster, options: GroupOptions) -> Result<Self, Error> {
        let settings = options.settings(cluster);
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let config = cluster.config(&settings);
        let attempted = || format!("join the consumer group {}", options.group);
        let consumer: BaseConsumer<GroupContext> = config
            .create_with_context(GroupContext::new(cluster.access().clone()))
            .map_err(|source| Error::client(attempted(), source))?;
        let topics: Vec<&str> = options.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|source| Error::client(attempted(), source))?;
        let watch = Watch::new(&options);
        Ok(Self {
            consumer: Some(consumer),
            cluster: cluster.clone(),
            options,
            watch,
            topics: TopicNames::default(),
            paused: BTreeSet::new(),
            joined: false,
            unanswered: None,
            vouched: None,
            deferred: None,
            lease: Arc::new(LeaseState::default()),
        })
    }

    /// Waits up to `timeout` for records or a rebalance; takes up to `max_records` or `max_bytes`, whichever is met
    /// first, but never waits for more once something is there.
    ///
    /// While an event is unanswered polling goes on serving the other partitions.
    ///
    /// # Errors
    /// By class: `Retriable`, the client goes on by itself, say so and poll again; `OutOfRange`; `Refused`, a topic is
    /// missing or forbidden; `Fenced`, another process uses this instance name; `Fatal`.
    pub fn poll(&mut self, max_records: usize, max_bytes: usize, timeout: Duration) -> Result<Polled, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            self.note_standstill()?;
            self.lease.renew(self.options.session_timeout / 2, DOUBT);
            if let Some(error) = self.deferred.take() {
                return Err(error);
            }
            if let Some(event) = self.consumer()?.context().pop() {
                match self.hand_out(event)? {
                    Some(polled) => return Ok(polled),
                    None => continue,
                }
            }
            self.take_up_orphans()?;
            let records = self.fill(max_records, max_bytes, deadline)?;
            if let Some(batch) = self.seal(records)? {
                return Ok(Polled::Batch(batch));
            }
            if Instant::now() >= deadline
                && self.deferred.is_none()
                && !self.consumer()?.context().has_event()
            {
                return Ok(Polled::Idle);
            }
        }
    }

    /// Takes these partitions into reading, each from its offset. Answers [`Polled::Assigned`].
    ///
    /// # Errors
    /// `Fatal` or `Fenced`: the member is spent.
    pub fn assign(&mut self, starts: &[(TopicPartition, StartOffset)]) -> Result<(), Error> {
        let offsets = starts.iter().map(|(partition, start)| (partition, Offset::from(*start)));
        let list = offset_list(offsets).map_err(|source| self.failed("assign partitions", source))?;
        let consumer = self.consumer()?;
        consumer.incremental_assign(&list).map_err(|source| self.failed("assign partitions", source))?;
        self.unanswered = None;
        let paused: Vec<TopicPartition> = starts
            .iter()
            .map(|(partition, _)| partition)
            .filter(|partition| self.paused.contains(partition))
            .cloned()
            .collect();
        if paused.is_empty() { Ok(()) } else { self.resume(&paused) }
    }

    /// Lets go of these partitions. Answers [`Polled::Revoked`] and [`Polled::Lost`].
    ///
    /// # Errors
    /// `Fatal` or `Fenced`: the member is spent.
    pub fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.note_standstill()?;
        let list = partition_list(partitions);
        self.consumer()?
            .incremental_unassign(&list)
            .map_err(|source| self.failed("release partitions", source))?;
        self.unanswered = None;
        self.expect_membership()
    }

    /// The committed offset of each partition, the next one to read; none where the group has none. Waits until no
    /// transaction holds an offset of them any more.
    ///
    /// # Errors
    /// `Retriable` when transactions stay open, or brokers away, beyond `timeout`.
    pub fn committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, Error> {
        fetch_committed(self.consumer()?, &self.options.group, partitions, timeout)
    }

    /// Stops fetching these partitions; what was read ahead is thrown away and fetched again after `resume`.
    ///
    /// # Errors
    /// `Refused` when a partition is not assigned.
    pub fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.consumer()?
            .pause(&partition_list(partitions))
            .map_err(|source| Error::client("pause partitions", source))?;
        self.paused.extend(partitions.iter().cloned());
        Ok(())
    }

    /// Fetches these partitions again.
    ///
    /// # Errors
    /// `Refused` when a partition is not assigned.
    pub fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.consumer()?
            .resume(&partition_list(partitions))
            .map_err(|source| Error::client("resume partitions", source))?;
        for partition in partitions {
            self.paused.remove(partition);
        }
        Ok(())
    }

    /// Goes back, or on, to these offsets in partitions that are assigned: after an aborted transaction, the first
    /// offset of its batch for every partition in it.
    ///
    /// # Errors
    /// `Retriable` when the client did not get to it in time; `Fatal` for a partition that is not assigned.
    pub fn rewind(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), Error> {
        let attempted = "rewind partitions to the start of a batch";
        let list =
            offset_list(offsets.iter().map(|(partition, offset)| (partition, Offset::Offset(*offset))))
                .map_err(|source| self.failed(attempted, source))?;
        let sought = self
            .consumer()?
            .seek_partitions(list, PATIENCE)
            .map_err(|source| self.failed(attempted, source))?;
        for element in sought.elements() {
            element.error().map_err(|source| {
                Error::client(format!("rewind {}/{}", element.topic(), element.partition()), source)
            })?;
        }
        Ok(())
    }

    /// The first and the next offset of a partition, asked of its leader. Markers count, so the distance to the
    /// committed offset is at least 1 on an idle partition of a transactional topic.
    ///
    /// # Errors
    /// `Retriable` when the leader does not answer in time.
    pub fn watermarks(&self, partition: &TopicPartition, timeout: Duration) -> Result<Watermarks, Error> {
        let (low, high) = self
            .consumer()?
            .fetch_watermarks(&partition.topic, partition.partition, timeout)
            .map_err(|source| Error::client(format!("read the end of {partition}"), source))?;
        Ok(Watermarks { low, high })
    }

    /// Who the group takes us for now; none after the assignment was lost. Ask directly after a poll: it vouches for
    /// what is in hand of those partitions that no `Revoked` or `Lost` has named since.
    ///
    /// The metadata is asked for first and the loss second: the library marks the loss before it forgets the
    /// membership, so metadata of a lost membership never gets out.
    ///
    /// While an event is unanswered it is that of before, and none once the session has ended: a member that is thrown out
    /// meanwhile forgets its generation without a loss, and a group that is empty by then would take offsets from anybody
    /// who names none (invariant 2).
    ///
    /// # Errors
    /// `Fatal` when the member was closed.
    pub fn membership(&self) -> Result<Option<GroupMetadata>, Error> {
        let consumer = self.consumer()?;
        if consumer.context().has_expired() {
            return Ok(None);
        }
        if self.unanswered.is_some() {
            return Ok(self.vouched.clone().filter(|_| !consumer.assignment_lost()));
        }
        let metadata = consumer.group_metadata();
        if consumer.assignment_lost() {
            return Ok(None);
        }
        Ok(metadata.map(|metadata| GroupMetadata(Arc::new(metadata))))
    }

    /// When `poll` was called last; the start of the machine before the first call.
    #[must_use]
    pub fn last_poll(&self) -> BootInstant {
        self.lease.last_poll()
    }

    /// The lease on what is owned now, to be asked from any thread. Take it with the batch whose calls it covers.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease::new(&self.lease, self.options.session_timeout / 2)
    }

    /// The group's name.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.options.group
    }

    /// Closes the member and waits for it: at least 100 ms, up to a session when brokers are away. Dropping does the
    /// same on a thread of its own. A named instance does not leave the group; its partitions wait for it.
    pub fn close(mut self) {
        if let Some(consumer) = self.consumer.take() {
            settle(&consumer, self.unanswered.take());
        }
    }

    fn consumer(&self) -> Result<&BaseConsumer<GroupContext>, Error> {
        self.consumer.as_ref().ok_or_else(|| {
            Error::of_class("use a consumer that was closed", Class::Fatal, KafkaError::Canceled)
        })
    }

    /// Whether the group has taken us in: it may have more members than partitions, and then has none for us.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.joined
    }

    /// A session that ends while an event is unanswered, or before one comes, ends without a loss: the library joins anew
    /// and claims what it had, under a generation that is good again, while others work on it (invariants 2 and 7).
    ///
    /// # Errors
    /// `Fatal` when that has happened: only a new member knows what is its own.
    fn expect_membership(&self) -> Result<(), Error> {
        if !self.consumer()?.context().has_expired() {
            return Ok(());
        }
        let attempted = format!("keep what group {} had given: the session ended", self.options.group);
        let source = KafkaError::Global(RDKafkaErrorCode::UnknownMemberId);
        Err(Error::of_class(attempted, Class::Fatal, source))
    }

    /// A process that stood still for a session while a revocation was unanswered was thrown out of the group, and may not
    /// hear of it: the library looks at no session in that state.
    fn note_standstill(&self) -> Result<(), Error> {
        let last = self.lease.last_poll();
        if matches!(self.unanswered, Some(Rebalance::Revoked(_)))
            && last.elapsed() >= self.options.session_timeout
        {
            self.consumer()?.context().expire();
        }
        Ok(())
    }

    /// Leaves the group and joins it anew when partitions have no owner and it is for us to mend that. What we have comes
    /// back as an event first.
    fn take_up_orphans(&mut self) -> Result<(), Error> {
        if !self.joined || self.unanswered.is_some() || self.cluster.is_in_process() {
            return Ok(());
        }
        let Some(consumer) = &self.consumer else { return Ok(()) };
        if self.watch.calls_for_us(consumer, &self.options) {
            tracing::warn!(group = self.options.group, "partitions have no owner, joining the group anew");
            consumer.unsubscribe();
            let topics: Vec<&str> = self.options.topics.iter().map(String::as_str).collect();
            consumer.subscribe(&topics).map_err(|source| self.failed("join anew", source))?;
        }
        Ok(())
    }

    /// Gives an event to the loop, or answers it here when it speaks of no partition.
    fn hand_out(&mut self, event: Rebalance) -> Result<Option<Polled>, Error> {
        self.joined |= matches!(event, Rebalance::Assigned(_));
        match event {
            Rebalance::Lost(_) => self.consumer()?.context().forget_expiry(),
            Rebalance::Assigned(_) | Rebalance::Revoked(_) => self.expect_membership()?,
        }
        if event.is_empty() {
            let nothing = TopicPartitionList::new();
            let consumer = self.consumer()?;
            match event {
                Rebalance::Assigned(_) => consumer.incremental_assign(&nothing),
                Rebalance::Revoked(_) | Rebalance::Lost(_) => consumer.incremental_unassign(&nothing),
            }
            .map_err(|source| self.failed("answer a rebalance without partitions", source))?;
            return Ok(None);
        }
        if let Rebalance::Lost(_) = event {
            self.lease.lose();
        }
        if self.unanswered.is_none() {
            self.vouched = self.membership()?;
        }
        self.unanswered = Some(event.clone());
        Ok(Some(match event {
            Rebalance::Assigned(partitions) => Polled::Assigned(partitions),
            Rebalance::Revoked(partitions) => Polled::Revoked(partitions),
            Rebalance::Lost(partitions) => Polled::Lost(partitions),
        }))
    }

    /// Collects records until a limit, an event, an error or the deadline.
    fn fill(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<Vec<Message>, Error> {
        let mut topics = std::mem::take(&mut self.topics);
        let mut records = Vec::new();
        let mut bytes = 0;
        let consumer = self.consumer()?;
        let mut failure = None;
        while records.len() < max_records && bytes < max_bytes {
            let wait = if records.is_empty() {
                deadline.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match consumer.poll(wait) {
                Some(Ok(message)) => {
                    let message = topics.owned(&message);
                    bytes += message.size();
                    records.push(message);
                }
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
                None => break,
            }
        }
        self.topics = topics;
        match failure {
            // Thrown out for not polling: the records are no longer ours, and a `Lost` follows.
            Some(KafkaError::MessageConsumption(RDKafkaErrorCode::PollExceeded)) => {
                records.clear();
                self.lease.lose();
            }
            Some(error) => self.deferred = Some(self.failed("read from the subscribed topics", error)),
            None => {}
        }
        Ok(records)
    }

    /// Makes a batch of records, unless the membership they were read under is gone.
    fn seal(&self, records: Vec<Message>) -> Result<Option<Batch>, Error> {
        if records.is_empty() {
            return Ok(None);
        }
        Ok(self.membership()?.map(|group| Batch { records, group }))
    }

    /// An error with the class that the state of the client gives it.
    fn failed(&self, attempted: &str, source: KafkaError) -> Error {
        let attempted = format!("{attempted} of group {}", self.options.group);
        if let Some((code, _)) = self.consumer.as_ref().and_then(|consumer| consumer.client().fatal_error()) {
            let source = KafkaError::MessageConsumptionFatal(code);
            return Error::of_class(attempted, classify_fatal(code), source);
        }
        match source {
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ) => Error::OutOfRange { partition: None, source: crate::error::Cause::new(source) },
            KafkaError::Subscription(_) => Error::of_class(attempted, Class::Fatal, source),
            source => self.cluster.explain(Error::client(attempted, source)),
        }
    }
}

impl Drop for GroupConsumer {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        settle(&consumer, self.unanswered.take());
        let cluster = self.cluster.clone();
        let close = move || {
            drop(consumer);
            drop(cluster);
        };
        let name = format!("close-{}", self.options.group);
        if let Err(error) = std::thread::Builder::new().name(name).spawn(close) {
            tracing::warn!(%error, "closed a consumer on the dropping thread: no thread could be started");
        }
    }
}
