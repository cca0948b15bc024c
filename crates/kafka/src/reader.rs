//! Reading without a group: a partition to its end, a topic as it grows, offsets by time.
//!
//! The end is what the broker calls the end of the partition, never "the last record seen": markers of transactions,
//! aborted records and compaction leave gaps.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use crate::cluster::{Cluster, PATIENCE};
use crate::context::LoggingContext;
use crate::error::{Cause, Class, Error};
use crate::native::{TopicNames, offset_list};
use crate::record::{Message, StartOffset, TopicPartition};

/// Which records of transactions are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Only those of committed transactions; reading stops before the first one that is open.
    Committed,
    /// All, those of open and aborted transactions too.
    Uncommitted,
}

impl Isolation {
    fn setting(self) -> &'static str {
        match self {
            Self::Committed => "read_committed",
            Self::Uncommitted => "read_uncommitted",
        }
    }
}

/// The ends of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The oldest offset still there.
    pub low: i64,
    /// The offset the next record gets, or before which an open transaction stands.
    pub high: i64,
}

/// How far a reading got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadEnd {
    /// The offset to go on from; past markers, where there are some.
    pub next_offset: i64,
    /// Whether the end was reached; false when the callback broke off.
    pub reached_end: bool,
}

pub(crate) fn open(
    cluster: &Cluster,
    isolation: Isolation,
    with_ends: bool,
) -> Result<BaseConsumer<LoggingContext>, Error> {
    let fetch_wait = cluster.fetch_wait_ms(50);
    cluster
        .config(&[
            // Assigning needs some group name; no group is joined and nothing committed.
            ("group.id", "weir-reader"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("isolation.level", isolation.setting()),
            ("enable.partition.eof", if with_ends { "true" } else { "false" }),
            ("fetch.wait.max.ms", &fetch_wait),
            ("fetch.queue.backoff.ms", "10"),
            ("queued.max.messages.kbytes", "2048"),
            // An answer overshoots the queue, and is compressed. A larger batch of records comes nevertheless, alone.
            ("fetch.max.bytes", "1048576"),
            ("max.partition.fetch.bytes", "262144"),
        ])
        .create_with_context(LoggingContext::new(cluster.access().clone()))
        .map_err(|source| Error::client("make a reader", source))
}

pub(crate) fn ends(
    consumer: &BaseConsumer<LoggingContext>,
    partition: &TopicPartition,
) -> Result<Watermarks, Error> {
    let (low, high) =
        consumer.fetch_watermarks(&partition.topic, partition.partition, PATIENCE).map_err(|source| {
            match source.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::UnknownPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownTopicOrPartition,
                ) => Error::NoSuchTopic { topic: partition.topic.to_string() },
                _ => Error::client(format!("find the ends of {partition}"), source),
            }
        })?;
    Ok(Watermarks { low, high })
}

/// The ends of a partition as a reader of this isolation sees them.
///
/// # Errors
/// `Retriable` when its leader does not answer, `Refused` when it does not exist.
pub fn watermarks(
    cluster: &Cluster,
    partition: &TopicPartition,
    isolation: Isolation,
) -> Result<Watermarks, Error> {
    ends(&open(cluster, isolation, false)?, partition)
}

/// Reads a partition from an offset to the end it has, handing every record to `on_message`, which may break off.
///
/// # Errors
/// [`Error::Deadline`] when nothing comes for half a minute; [`Error::OutOfRange`] for a start that is not there.
pub fn read_to_end(
    cluster: &Cluster,
    partition: &TopicPartition,
    from: StartOffset,
    isolation: Isolation,
    mut on_message: impl FnMut(Message) -> ControlFlow<()>,
) -> Result<ReadEnd, Error> {
    let consumer = open(cluster, isolation, true)?;
    let attempted = || format!("read {partition} to its end");
    let ends = ends(&consumer, partition)?;
    // An absolute start spares the half second the library takes to look up a logical one.
    let start = match from {
        StartOffset::At(offset) => offset,
        StartOffset::Beginning => ends.low,
    };
    if start == ends.high {
        return Ok(ReadEnd { next_offset: start, reached_end: true });
    }
    let list = offset_list([(partition, Offset::Offset(start))])
        .map_err(|source| Error::client(attempted(), source))?;
    consumer.assign(&list).map_err(|source| Error::client(attempted(), source))?;
    let mut topics = TopicNames::default();
    let mut next_offset = start;
    let mut last_progress = Instant::now();
    loop {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                let message = topics.owned(&message);
                last_progress = Instant::now();
                next_offset = message.offset + 1;
                if on_message(message).is_break() {
                    return Ok(ReadEnd { next_offset, reached_end: false });
                }
            }
            // Markers between the last record and the end asked for before are passed too.
            Some(Err(KafkaError::PartitionEOF(_))) => {
                return Ok(ReadEnd { next_offset: next_offset.max(ends.high), reached_end: true });
            }
            Some(Err(error)) => give_up_unless_retriable(partition, error)?,
            None => {}
        }
        if last_progress.elapsed() > PATIENCE {
            return Err(Error::Deadline {
                attempted: attempted(),
                waited: last_progress.elapsed(),
                source: None,
            });
        }
    }
}

fn give_up_unless_retriable(partition: &TopicPartition, error: KafkaError) -> Result<(), Error> {
    if let KafkaError::MessageConsumption(
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
    ) = error
    {
        return Err(Error::OutOfRange { partition: Some(partition.clone()), source: Cause::new(error) });
    }
    let error = Error::client(format!("read {partition}"), error);
    // Brokers that are away come back, and the library goes on by itself.
    if error.class() == Class::Retriable { Ok(()) } else { Err(error) }
}

/// For each partition the first offset whose record's time is at or after `timestamp_ms`, or its end when none is.
/// Exact only for topics with LogAppendTime; bounded by the last stable offset.
///
/// The in-process broker has no time look-up and always answers with the end.
///
/// # Errors
/// `Retriable` when leaders do not answer, `Refused` when a partition does not exist.
pub fn offsets_for_time(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    timestamp_ms: i64,
) -> Result<Vec<(TopicPartition, i64)>, Error> {
    offsets_for_time_by(&open(cluster, Isolation::Committed, false)?, partitions, timestamp_ms)
}

/// As [`offsets_for_time`], by a client that reads what is committed.
pub(crate) fn offsets_for_time_by(
    consumer: &BaseConsumer<LoggingContext>,
    partitions: &[TopicPartition],
    timestamp_ms: i64,
) -> Result<Vec<(TopicPartition, i64)>, Error> {
    let attempted = || "look up offsets by time".to_owned();
    let asked = offset_list(partitions.iter().map(|partition| (partition, Offset::Offset(timestamp_ms))))
        .map_err(|source| Error::client(attempted(), source))?;
    let found =
        consumer.offsets_for_times(asked, PATIENCE).map_err(|source| Error::client(attempted(), source))?;
    found
        .elements()
        .iter()
        .map(|element| {
            element.error().map_err(|source| Error::client(attempted(), source))?;
            let partition = TopicPartition::new(element.topic(), element.partition());
            let offset = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => ends(consumer, &partition)?.high,
            };
            Ok((partition, offset))
        })
        .collect()
}

/// Follows all partitions of a topic as they grow, without a group.
pub struct Tail {
    consumer: BaseConsumer<LoggingContext>,
    cluster: Cluster,
    topic: Arc<str>,
    topics: TopicNames,
    partitions: Vec<i32>,
}

/// What following a topic brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tailed {
    /// A record.
    Record(Message),
    /// Everything the partition holds at this moment has been read; markers at its end too.
    End(i32),
    /// Nothing new for now.
    Idle,
}

impl Tail {
    /// Starts reading every partition of a topic at `from`, committed records only.
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`]; `Retriable` when brokers are away.
    pub fn open(cluster: &Cluster, topic: &str, from: StartOffset) -> Result<Self, Error> {
        let consumer = open(cluster, Isolation::Committed, true)?;
        let attempted = || format!("follow {topic}");
        let metadata = consumer
            .fetch_metadata(Some(topic), PATIENCE)
            .map_err(|source| cluster.explain(Error::client(attempted(), source)))?;
        let partitions: Vec<TopicPartition> = metadata
            .topics()
            .iter()
            .filter(|found| found.name() == topic)
            .flat_map(|found| found.partitions())
            .map(|found| TopicPartition::new(topic, found.id()))
            .collect();
        if partitions.is_empty() {
            return Err(Error::NoSuchTopic { topic: topic.to_owned() });
        }
        let mut starts = Vec::with_capacity(partitions.len());
        for partition in &partitions {
            let offset = match from {
                StartOffset::At(offset) => offset,
                StartOffset::Beginning => ends(&consumer, partition)?.low,
            };
            starts.push((partition, Offset::Offset(offset)));
        }
        let list = offset_list(starts).map_err(|source| Error::client(attempted(), source))?;
        consumer.assign(&list).map_err(|source| Error::client(attempted(), source))?;
        Ok(Self {
            consumer,
            cluster: cluster.clone(),
            topic: Arc::from(topic),
            topics: TopicNames::default(),
            partitions: partitions.iter().map(|partition| partition.partition).collect(),
        })
    }

    /// The partitions of the topic.
    #[must_use]
    pub fn partitions(&self) -> &[i32] {
        &self.partitions
    }

    /// The next record, or none before the timeout.
    ///
    /// # Errors
    /// By class; after a `Retriable` one reading goes on by itself.
    pub fn poll(&mut self, timeout: Duration) -> Result<Option<Message>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now()))? {
                Tailed::Record(message) => return Ok(Some(message)),
                Tailed::End(_) => {}
                Tailed::Idle => return Ok(None),
            }
        }
    }

    /// What comes next within the timeout.
    ///
    /// # Errors
    /// By class; after a `Retriable` one reading goes on by itself.
    pub fn next(&mut self, timeout: Duration) -> Result<Tailed, Error> {
        match self.consumer.poll(timeout) {
            None => Ok(Tailed::Idle),
            Some(Ok(message)) => Ok(Tailed::Record(self.topics.owned(&message))),
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Tailed::End(partition)),
            Some(Err(error)) => {
                Err(self.cluster.explain(Error::client(format!("follow {}", self.topic), error)))
            }
        }
    }
}
