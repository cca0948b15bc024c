//! A reader of partitions that somebody hands out by hand: it joins no group and commits nothing.
//!
//! It stands beside a [`crate::GroupConsumer`] whose partitions decide what it reads. What it reads is acknowledged with
//! that group's membership, in the group's transactions, so that a former owner's is refused as well (invariant 7).

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use crate::cluster::{Cluster, PATIENCE};
use crate::context::LoggingContext;
use crate::error::{Cause, Error};
use crate::native::{TopicNames, offset_list, partition_list};
use crate::reader::{Watermarks, ends};
use crate::record::{Message, StartOffset, TopicPartition};

/// Reads committed records of the partitions it was given, in small batches.
pub struct AssignedReader {
    consumer: BaseConsumer<LoggingContext>,
    cluster: Cluster,
    topics: TopicNames,
    /// An error that came while records were in hand; told by the next poll.
    deferred: Option<Error>,
}

impl AssignedReader {
    /// One that reads nothing yet.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(cluster: &Cluster) -> Result<Self, Error> {
        let fetch_wait = cluster.fetch_wait_ms(100);
        let consumer = cluster
            .config(&[
                // Assigning needs some group name; no group is joined and nothing committed.
                ("group.id", "weir-reader"),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
                ("isolation.level", "read_committed"),
                // It lives as long as the group's member beside it, and reads ahead no more than that one.
                ("queued.max.messages.kbytes", "1024"),
                ("fetch.max.bytes", "1048576"),
                ("max.partition.fetch.bytes", "16384"),
                ("fetch.queue.backoff.ms", "10"),
                ("fetch.wait.max.ms", &fetch_wait),
            ])
            .create_with_context(LoggingContext::new(cluster.access().clone()))
            .map_err(|source| Error::client("make a reader of partitions that are handed out", source))?;
        let (cluster, topics) = (cluster.clone(), TopicNames::default());
        Ok(Self { consumer, cluster, topics, deferred: None })
    }

    /// Takes these partitions into reading, each from its offset, beside those it reads already.
    ///
    /// # Errors
    /// `Fatal` for a partition that it reads already.
    pub fn assign(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), Error> {
        let attempted = "read further partitions";
        let offsets =
            starts.iter().map(|(partition, next)| (partition, Offset::from(StartOffset::At(*next))));
        let list = offset_list(offsets).map_err(|source| Error::client(attempted, source))?;
        self.consumer.incremental_assign(&list).map_err(|source| Error::client(attempted, source))
    }

    /// Reads these partitions no more; what was read ahead of them is thrown away.
    ///
    /// # Errors
    /// `Fatal` for a partition that it does not read.
    pub fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let list = partition_list(partitions);
        self.consumer
            .incremental_unassign(&list)
            .map_err(|source| Error::client("stop reading partitions", source))
    }

    /// Waits up to `timeout` for records; takes up to `max_records` or `max_bytes`, whichever is met first, but never
    /// waits for more once something is there. Per partition in offset order.
    ///
    /// # Errors
    /// By class: `Retriable`, the client goes on by itself; `OutOfRange`; `Refused`, a topic is missing or forbidden.
    pub fn poll(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<Message>, Error> {
        if let Some(error) = self.deferred.take() {
            return Err(error);
        }
        let deadline = Instant::now() + timeout;
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < max_records && bytes < max_bytes {
            let wait = if records.is_empty() {
                deadline.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let message = self.topics.owned(&message);
                    bytes += message.size();
                    records.push(message);
                }
                Some(Err(source)) if records.is_empty() => return Err(self.failed(source)),
                Some(Err(source)) => {
                    self.deferred = Some(self.failed(source));
                    break;
                }
                None => break,
            }
        }
        Ok(records)
    }

    /// Goes back to these offsets in partitions that it reads: after an aborted transaction, the first offset of its batch
    /// for every partition in it.
    ///
    /// # Errors
    /// `Retriable` when the client did not get to it in time.
    pub fn rewind(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), Error> {
        let attempted = "go back to the start of a batch";
        let list =
            offset_list(offsets.iter().map(|(partition, offset)| (partition, Offset::Offset(*offset))))
                .map_err(|source| Error::client(attempted, source))?;
        let sought = self
            .consumer
            .seek_partitions(list, PATIENCE)
            .map_err(|source| Error::client(attempted, source))?;
        for element in sought.elements() {
            element.error().map_err(|source| {
                Error::client(format!("go back in {}/{}", element.topic(), element.partition()), source)
            })?;
        }
        Ok(())
    }

    /// The ends of a partition, be it one that is read or another; the high one is where committed records end.
    ///
    /// # Errors
    /// `Retriable` when its leader does not answer, [`Error::NoSuchTopic`] when it does not exist.
    pub fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks, Error> {
        ends(&self.consumer, partition).map_err(|error| self.cluster.explain(error))
    }

    fn failed(&self, source: KafkaError) -> Error {
        match source {
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ) => Error::OutOfRange { partition: None, source: Cause::new(source) },
            source => self.cluster.explain(Error::client("read partitions that were handed out", source)),
        }
    }
}
