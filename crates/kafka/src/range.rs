//! Reading stretches of partitions, each from an offset to another that is fixed beforehand.
//!
//! A stretch ends where its last committed record is passed, never at "the last record seen": markers of transactions
//! and aborted records leave gaps, at its end too.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use crate::cluster::{Cluster, PATIENCE};
use crate::context::LoggingContext;
use crate::error::{Cause, Class, Error};
use crate::native::{TopicNames, offset_list};
use crate::reader::{Isolation, open};
use crate::record::{Message, TopicPartition};

/// A stretch of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The number of the partition.
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
    /// The offset before which it ends; not after the partition's own end.
    pub until: i64,
}

impl Stretch {
    /// Whether nothing of it is left to read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.next >= self.until
    }
}

/// Reads the committed records of stretches of one topic, a bounded batch at a time, and keeps account of how far it has
/// come.
pub struct StretchReader {
    consumer: BaseConsumer<LoggingContext>,
    cluster: Cluster,
    topics: TopicNames,
    stretches: BTreeMap<i32, Stretch>,
}

impl StretchReader {
    /// Begins to read these stretches side by side; of one partition at most one.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(
        cluster: &Cluster,
        topic: &str,
        stretches: impl IntoIterator<Item = Stretch>,
    ) -> Result<Self, Error> {
        let consumer = open(cluster, Isolation::Committed, true)?;
        let stretches: BTreeMap<i32, Stretch> =
            stretches.into_iter().map(|stretch| (stretch.partition, stretch)).collect();
        let starts: Vec<(TopicPartition, i64)> = stretches
            .values()
            .filter(|stretch| !stretch.is_read())
            .map(|stretch| (TopicPartition::new(topic, stretch.partition), stretch.next))
            .collect();
        let list = offset_list(starts.iter().map(|(partition, next)| (partition, Offset::Offset(*next))))
            .map_err(failed)?;
        if list.count() > 0 {
            consumer.assign(&list).map_err(failed)?;
        }
        Ok(Self { consumer, cluster: cluster.clone(), topics: TopicNames::default(), stretches })
    }

    /// The stretches, each with the next offset to read; what was handed out counts as read.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch> {
        self.stretches.values().copied()
    }

    /// Whether all is read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.stretches.values().all(Stretch::is_read)
    }

    /// Up to so many records or bytes, whichever is met first; per partition in offset order. None when all is read, or
    /// nothing came within `timeout`.
    ///
    /// # Errors
    /// By class: `Retriable`, the client goes on by itself; [`Error::OutOfRange`] when a stretch's next record was
    /// removed meanwhile.
    pub fn read(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<Message>, Error> {
        let deadline = Instant::now() + timeout;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < max_records && bytes < max_bytes && !self.is_read() {
            let left = deadline.saturating_duration_since(Instant::now());
            // The next stretches come within moments; only the first record is worth waiting for.
            let wait = if records.is_empty() { left } else { left.min(MOMENT) };
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    let message = self.topics.owned(&message);
                    let Some(stretch) = self.stretches.get_mut(&message.partition) else { continue };
                    stretch.next = (message.offset + 1).min(stretch.until);
                    if message.offset < stretch.until {
                        bytes += message.size();
                        records.push(message);
                    }
                }
                // Nothing follows: what the stretch still lacks is markers.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(stretch) = self.stretches.get_mut(&partition) {
                        stretch.next = stretch.until;
                    }
                }
                Some(Err(source)) => {
                    let error = self.explained(source);
                    // Records in hand are given out; the error comes again if it lasts.
                    if records.is_empty() || error.class() != Class::Retriable {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        Ok(records)
    }

    /// Hands every record that is left to `take`.
    ///
    /// # Errors
    /// As [`Self::read`]; [`Error::Deadline`] when nothing comes for half a minute.
    pub fn for_each(mut self, mut take: impl FnMut(Message)) -> Result<(), Error> {
        let mut last = Instant::now();
        while !self.is_read() {
            let records = self.read(BATCH_RECORDS, BATCH_BYTES, MOMENT)?;
            if !records.is_empty() {
                last = Instant::now();
            }
            records.into_iter().for_each(&mut take);
            if last.elapsed() > PATIENCE {
                let attempted = "read stretches of partitions".to_owned();
                return Err(Error::Deadline { attempted, waited: last.elapsed(), source: None });
            }
        }
        Ok(())
    }

    fn explained(&self, source: KafkaError) -> Error {
        match source {
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ) => Error::OutOfRange { partition: None, source: Cause::new(source) },
            source => self.cluster.explain(failed(source)),
        }
    }
}

/// So much is in hand at a time when all is read.
const BATCH_RECORDS: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;
/// How long the next record of a running read is waited for.
const MOMENT: Duration = Duration::from_millis(200);

fn failed(source: KafkaError) -> Error {
    Error::client("read stretches of partitions", source)
}
