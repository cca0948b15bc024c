//! A collection as it stands in its topic: reading its rows, and changing them in transactions.

use std::ops::ControlFlow;

use bytes::Bytes;
use jiff::Timestamp;
use weir_kafka::{
    Admin, Cluster, Isolation, OutRecord, ProducerOptions, StartOffset, TopicPartition,
    TransactionalProducer, reader::read_to_end,
};
use weir_model::{digest::Digest, record::Version};
use weir_runtime::{
    stage::chain,
    topics::{DOCUMENT_BYTES, Topics},
};
use weir_schemas::{Codec, CollectionRow};

use crate::exit::Failure;

/// Records and bytes per transaction: each takes some 30 ms, whatever is in it.
const CHUNK_RECORDS: usize = 10_000;
const CHUNK_BYTES: usize = 8 << 20;

/// The topic of one collection.
pub struct Store {
    cluster: Cluster,
    codec: Codec,
    topic: String,
    transactional_id: String,
    partitions: i32,
}

impl Store {
    /// Finds the topic.
    pub fn open(cluster: &Cluster, codec: &Codec, topics: &Topics, name: &str) -> Result<Self, Failure> {
        let topic = topics.collection(name);
        // The in-process broker cannot be asked: its topics are as they were specified.
        let partitions = if cluster.is_in_process() {
            topics.collection_specs([name]).first().map(|spec| spec.partitions)
        } else {
            Admin::open(cluster)?.partition_counts()?.get(&topic).copied()
        };
        let partitions = partitions.ok_or_else(|| {
            Failure::missing(format!("topic {topic} does not exist; create it with `weir topics apply`"))
        })?;
        let transactional_id = topics.collection_transactional_id(name);
        Ok(Self { cluster: cluster.clone(), codec: codec.clone(), topic, transactional_id, partitions })
    }

    /// Calls `each` with every change of a row, oldest first: its id, and the row, or nothing when it was removed. The
    /// last one counts.
    pub fn read(&self, mut each: impl FnMut(&str, Option<CollectionRow>)) -> Result<(), Failure> {
        for number in 0..self.partitions {
            let partition = TopicPartition::new(self.topic.as_str(), number);
            let mut failure = None;
            read_to_end(
                &self.cluster,
                &partition,
                StartOffset::Beginning,
                Isolation::Committed,
                |message| {
                    let place = || format!("{partition} offset {}", message.offset);
                    let Some(id) = message.key.as_ref().and_then(|key| std::str::from_utf8(key).ok()) else {
                        failure = Some(format!("the record at {} is no row", place()));
                        return ControlFlow::Break(());
                    };
                    match message.value.as_ref().map(|value| self.codec.decode::<CollectionRow>(value)) {
                        None => each(id, None),
                        Some(Ok(row)) => each(id, Some(row)),
                        Some(Err(error)) => {
                            failure = Some(format!("the record at {} is no row: {}", place(), chain(&error)));
                            return ControlFlow::Break(());
                        }
                    }
                    ControlFlow::Continue(())
                },
            )?;
            if let Some(text) = failure {
                return Err(Failure::missing(text));
            }
        }
        Ok(())
    }

    /// Begins to change rows. Whoever did so before and is still at it is cut off.
    pub fn writer(&self) -> Result<Writer<'_>, Failure> {
        let mut options = ProducerOptions::new(self.transactional_id.as_str());
        options.max_record_bytes = DOCUMENT_BYTES;
        let now = Timestamp::now();
        Ok(Writer {
            store: self,
            producer: TransactionalProducer::init(&self.cluster, options)?,
            version: Version {
                modified_us: now.as_microsecond(),
                appended_ms: now.as_millisecond(),
                offset: 0,
            },
            chunk: Vec::new(),
            bytes: 0,
        })
    }
}

/// Changes rows, a chunk per transaction.
pub struct Writer<'a> {
    store: &'a Store,
    producer: TransactionalProducer,
    version: Version,
    chunk: Vec<OutRecord>,
    bytes: usize,
}

impl Writer<'_> {
    /// Sets a row.
    pub fn put(&mut self, id: String, row: Vec<u8>) -> Result<(), Failure> {
        let digest = Digest::of(&row);
        let row = CollectionRow { id: id.clone(), row: Bytes::from(row), digest, version: self.version };
        let value = self.store.codec.encode(&row);
        self.bytes += value.len();
        self.push(OutRecord::new(self.store.topic.as_str(), id, value))
    }

    /// Removes a row.
    pub fn remove(&mut self, id: String) -> Result<(), Failure> {
        self.push(OutRecord::tombstone(self.store.topic.as_str(), id))
    }

    fn push(&mut self, record: OutRecord) -> Result<(), Failure> {
        self.chunk.push(record);
        if self.chunk.len() >= CHUNK_RECORDS || self.bytes >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Commits what was not committed yet.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let chunk = std::mem::take(&mut self.chunk);
        self.bytes = 0;
        if chunk.is_empty() {
            return Ok(());
        }
        let sent: Result<(), weir_kafka::Error> =
            self.producer.transaction(|open| chunk.iter().try_for_each(|record| open.send(record)));
        Ok(sent?)
    }
}
