//! A reader of many partitions of many topics from offsets that its user keeps, which knows when each was read to its end.
//!
//! It joins no group and commits nothing. Each partition has a queue of its own: the library says "end of partition 3"
//! without the topic, and markers of transactions at an end are told of by nothing else.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use crate::cluster::{Cluster, PATIENCE};
use crate::context::LoggingContext;
use crate::error::{Cause, Class, Error};
use crate::native::{TopicNames, offset_list};
use crate::reader::{Watermarks, ends};
use crate::record::{Message, TopicPartition};

/// How long nothing is asked when no partition had anything.
const PAUSE: Duration = Duration::from_millis(20);
/// Records taken from one partition before the next one has its turn.
const TURN: usize = 500;

/// What a sweep is to read.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The partitions there are, with their ends.
    pub partitions: Vec<(TopicPartition, Watermarks)>,
    /// The topics that are not there.
    pub missing: Vec<String>,
}

/// Reads committed records of many partitions.
pub struct Sweep {
    /// Dropped before the consumer, whose queues they are.
    partitions: Vec<Swept>,
    consumer: Arc<BaseConsumer<LoggingContext>>,
    cluster: Cluster,
    topics: TopicNames,
    /// Whose turn it is.
    turn: usize,
}

struct Swept {
    partition: TopicPartition,
    queue: PartitionQueue<LoggingContext>,
    at_end: bool,
}

impl Sweep {
    /// One that reads nothing yet.
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
                ("fetch.queue.backoff.ms", "10"),
                // For each partition, as each has a queue of its own.
                ("queued.max.messages.kbytes", "512"),
                ("fetch.max.bytes", "4194304"),
                ("max.partition.fetch.bytes", "262144"),
            ])
            .create_with_context(LoggingContext::new(cluster.access().clone()))
            .map_err(|source| Error::client("make a reader of many partitions", source))?;
        Ok(Self {
            consumer: Arc::new(consumer),
            cluster: cluster.clone(),
            topics: TopicNames::default(),
            partitions: Vec::new(),
            turn: 0,
        })
    }

    /// Looks for the partitions of these topics and their ends.
    ///
    /// # Errors
    /// `Retriable` when brokers are away.
    pub fn find(&self, topics: &[String]) -> Result<Found, Error> {
        let attempted = "look for topics";
        // Of all topics, for one that is named may be made by that.
        let metadata = self
            .consumer
            .fetch_metadata(None, PATIENCE)
            .map_err(|source| self.cluster.explain(Error::client(attempted, source)))?;
        let mut found = Found::default();
        for topic in topics {
            let known = metadata.topics().iter().find(|known| known.name() == topic);
            let partitions = known.map(|known| known.partitions()).unwrap_or_default();
            if partitions.is_empty() {
                found.missing.push(topic.clone());
            }
            let name: Arc<str> = Arc::from(topic.as_str());
            for partition in partitions {
                let partition = TopicPartition::new(Arc::clone(&name), partition.id());
                let ends = ends(&self.consumer, &partition).map_err(|error| self.cluster.explain(error))?;
                found.partitions.push((partition, ends));
            }
        }
        Ok(found)
    }

    /// Reads these partitions, each from its offset. Once: for others another sweep is opened.
    ///
    /// # Errors
    /// `Refused` for a partition that does not exist.
    pub fn assign(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), Error> {
        let failed = |source| Error::client("read many partitions", source);
        // Before the library starts to fetch: what comes earlier would stand in the queue of the client.
        for (partition, _) in starts {
            let queue = self
                .consumer
                .split_partition_queue(&partition.topic, partition.partition)
                .ok_or_else(|| Error::NoSuchTopic { topic: partition.topic.to_string() })?;
            self.partitions.push(Swept { partition: partition.clone(), queue, at_end: false });
        }
        let offsets = starts.iter().map(|(partition, next)| (partition, Offset::Offset(*next)));
        let list = offset_list(offsets).map_err(failed)?;
        self.consumer.assign(&list).map_err(failed)
    }

    /// Waits up to `timeout` for records; takes up to `max_records` or `max_bytes`, whichever is met first, but waits for
    /// nothing more once something is there. Per partition in offset order.
    ///
    /// # Errors
    /// By class: after a `Retriable` one reading goes on by itself; [`Error::OutOfRange`] for an offset that is gone.
    pub fn poll(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<Message>, Error> {
        let deadline = Instant::now() + timeout;
        let mut records = Vec::new();
        let mut bytes = 0;
        loop {
            self.serve_callbacks()?;
            let before = records.len();
            for _ in 0..self.partitions.len() {
                let room = max_records.saturating_sub(records.len()).min(TURN);
                if room == 0 || bytes >= max_bytes {
                    return Ok(records);
                }
                bytes += self.take(room, max_bytes - bytes, &mut records)?;
                self.turn = (self.turn + 1) % self.partitions.len().max(1);
            }
            let has_more = records.len() > before;
            if !has_more && (!records.is_empty() || Instant::now() >= deadline) {
                return Ok(records);
            }
            if !has_more {
                thread::sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now())));
            }
        }
    }

    /// The partitions that were read to their end and not beyond: all that they held at some moment since they were
    /// assigned was handed out, markers at the end too.
    pub fn ended(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.iter().filter(|swept| swept.at_end).map(|swept| &swept.partition)
    }

    /// The ends of a partition; the high one is where committed records end.
    ///
    /// # Errors
    /// `Retriable` when its leader does not answer.
    pub fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks, Error> {
        ends(&self.consumer, partition).map_err(|error| self.cluster.explain(error))
    }

    /// Whether every partition was read to its end at some moment since it was assigned.
    pub fn has_ended(&self) -> bool {
        self.partitions.iter().all(|swept| swept.at_end)
    }

    /// Errors of the client as a whole stand in the queue of no partition. A record there would be passed over.
    fn serve_callbacks(&self) -> Result<(), Error> {
        match self.consumer.poll(Duration::ZERO) {
            Some(Err(error)) => self.give_up_unless_retriable("read many partitions", error),
            Some(Ok(message)) => {
                let place =
                    format!("{}/{} offset {}", message.topic(), message.partition(), message.offset());
                let source = KafkaError::MessageConsumption(RDKafkaErrorCode::Inconsistent);
                Err(Error::client(format!("keep apart what is read of partitions: {place}"), source))
            }
            None => Ok(()),
        }
    }

    /// Takes what the partition in turn has; the bytes of it.
    fn take(&mut self, room: usize, most_bytes: usize, records: &mut Vec<Message>) -> Result<usize, Error> {
        let mut bytes = 0;
        let Some(swept) = self.partitions.get_mut(self.turn) else { return Ok(0) };
        let mut failure = None;
        for _ in 0..room {
            match swept.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let message = self.topics.owned(&message);
                    bytes += message.size();
                    records.push(message);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => swept.at_end = true,
                Some(Err(
                    source @ KafkaError::MessageConsumption(
                        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                    ),
                )) => {
                    let partition = Some(swept.partition.clone());
                    return Err(Error::OutOfRange { partition, source: Cause::new(source) });
                }
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
            }
            if bytes >= most_bytes {
                break;
            }
        }
        match failure {
            Some(error) => {
                let attempted = format!("read {}", swept.partition);
                self.give_up_unless_retriable(&attempted, error).map(|()| bytes)
            }
            None => Ok(bytes),
        }
    }

    fn give_up_unless_retriable(&self, attempted: &str, error: KafkaError) -> Result<(), Error> {
        let error = Error::client(attempted, error);
        // Brokers that are away come back, and the library goes on by itself.
        if error.class() == Class::Retriable { Ok(()) } else { Err(self.cluster.explain(error)) }
    }
}
