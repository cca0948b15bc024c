//! What a partition holds and who has read it, asked from outside of every group: what a trimmer must know.
//!
//! Nothing is joined and nothing committed. Every answer may be out of date when it is used, but only in the harmless
//! direction: offsets that are committed, and ends, only grow.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;

use crate::cluster::{Cluster, PATIENCE};
use crate::context::LoggingContext;
use crate::error::{Class, Error};
use crate::native::{offset_list, partition_list};
use crate::reader::{Watermarks, ends, offsets_for_time_by};
use crate::record::TopicPartition;

/// The committed offset of each partition, the next one the group reads; none where the group has none. Waits until no
/// transaction holds an offset of them any more. The group is not joined.
///
/// # Errors
/// `Retriable` when transactions stay open, or brokers away; `Refused` without the right to read the group.
pub fn committed_by(
    cluster: &Cluster,
    group: &str,
    partitions: &[TopicPartition],
) -> Result<Vec<(TopicPartition, Option<i64>)>, Error> {
    GroupOffsets::open(cluster, group)?.committed(partitions)
}

/// A client that asks what one group has committed, again and again; the group is not joined.
pub struct GroupOffsets {
    group: String,
    consumer: BaseConsumer<LoggingContext>,
    /// Keeps the in-process broker alive.
    _cluster: Cluster,
}

impl GroupOffsets {
    /// Makes the client. Nothing is connected yet.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(cluster: &Cluster, group: &str) -> Result<Self, Error> {
        let consumer = cluster
            .config(&[("group.id", group), ("enable.auto.commit", "false"), ("auto.offset.reset", "error")])
            .create_with_context(LoggingContext::new(cluster.access().clone()))
            .map_err(|source| Error::client(format!("look at group {group}"), source))?;
        Ok(Self { group: group.to_owned(), consumer, _cluster: cluster.clone() })
    }

    /// As [`committed_by`].
    ///
    /// # Errors
    /// `Retriable` when transactions stay open, or brokers away; `Refused` without the right to read the group.
    pub fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, Error> {
        fetch_committed(&self.consumer, &self.group, partitions, PATIENCE)
    }
}

/// As [`committed_by`], by a client that names the group already.
pub(crate) fn fetch_committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group: &str,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Result<Vec<(TopicPartition, Option<i64>)>, Error> {
    let attempted = || format!("fetch the committed offsets of group {group}");
    let list = consumer
        .committed_offsets(partition_list(partitions), timeout)
        .map_err(|source| Error::client(attempted(), source))?;
    list.elements()
        .iter()
        .map(|element| {
            element.error().map_err(|source| Error::client(attempted(), source))?;
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            Ok((TopicPartition::new(element.topic(), element.partition()), offset))
        })
        .collect()
}

/// A client that looks into partitions and keeps next to nothing of them.
pub struct Inspector {
    consumer: BaseConsumer<LoggingContext>,
    /// Keeps the in-process broker alive.
    _cluster: Cluster,
}

impl Inspector {
    /// Makes the client. Nothing is connected yet.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(cluster: &Cluster) -> Result<Self, Error> {
        let fetch_wait = cluster.fetch_wait_ms(50);
        let consumer = cluster
            .config(&[
                // Assigning needs some group name; no group is joined and nothing committed.
                ("group.id", "weir-reader"),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
                ("isolation.level", "read_committed"),
                ("enable.partition.eof", "true"),
                ("fetch.wait.max.ms", &fetch_wait),
                // One record is asked for at a time; the broker sends a whole batch at least.
                ("fetch.message.max.bytes", "1024"),
                ("queued.min.messages", "1"),
            ])
            .create_with_context(LoggingContext::new(cluster.access().clone()))
            .map_err(|source| Error::client("make an inspecting client", source))?;
        Ok(Self { consumer, _cluster: cluster.clone() })
    }

    /// The ends of a partition; the high one is where committed records end.
    ///
    /// # Errors
    /// `Retriable` when its leader does not answer, `Refused` when it does not exist.
    pub fn ends(&self, partition: &TopicPartition) -> Result<Watermarks, Error> {
        ends(&self.consumer, partition)
    }

    /// As [`crate::reader::offsets_for_time`].
    ///
    /// # Errors
    /// `Retriable` when leaders do not answer, `Refused` when a partition does not exist.
    pub fn offsets_for_time(
        &self,
        partitions: &[TopicPartition],
        timestamp_ms: i64,
    ) -> Result<Vec<(TopicPartition, i64)>, Error> {
        offsets_for_time_by(&self.consumer, partitions, timestamp_ms)
    }

    /// The time of the first record at or after an offset, in milliseconds since 1970 UTC; none when only markers, or
    /// nothing, follow.
    ///
    /// # Errors
    /// [`Error::Deadline`] when nothing comes for half a minute; `OutOfRange` for an offset that is gone already.
    pub fn time_at(&self, partition: &TopicPartition, offset: i64) -> Result<Option<i64>, Error> {
        let attempted = || format!("read the record at {partition} offset {offset}");
        let failed = |source| Error::client(attempted(), source);
        let list = offset_list([(partition, Offset::Offset(offset))]).map_err(failed)?;
        self.consumer.assign(&list).map_err(failed)?;
        let found = self.first_time(attempted);
        self.consumer.unassign().map_err(failed)?;
        found
    }

    fn first_time(&self, attempted: impl Fn() -> String) -> Result<Option<i64>, Error> {
        let started = Instant::now();
        loop {
            match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    return Ok(rdkafka::Message::timestamp(&message).to_millis());
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
                Some(Err(source)) => {
                    let error = Error::client(attempted(), source);
                    // Brokers that are away come back, and the library goes on by itself.
                    if error.class() != Class::Retriable {
                        return Err(error);
                    }
                }
                None => {}
            }
            if started.elapsed() > PATIENCE {
                let waited = started.elapsed();
                return Err(Error::Deadline { attempted: attempted(), waited, source: None });
            }
        }
    }
}
