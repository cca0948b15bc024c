//! The plain idempotent producer: records that stand for themselves, such as heartbeats and control records.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use crate::access::Access;
use crate::cluster::{Cluster, PATIENCE};
use crate::context::{forward_error, forward_log};
use crate::error::Error;
use crate::record::OutRecord;
use crate::transaction::enqueue;

/// Remembers the first record that could not be delivered.
#[derive(Default)]
pub(crate) struct DeliveryContext {
    failure: Mutex<Option<KafkaError>>,
    access: Access,
}

impl DeliveryContext {
    /// For a producer of the cluster whose access this is.
    pub(crate) fn new(access: Access) -> Self {
        Self { access, ..Self::default() }
    }

    /// Why a record was not delivered since the last call of `forget_failures`, if one wasn't.
    pub(crate) fn failure(&self) -> Option<KafkaError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn forget_failures(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.access.note(facility, line);
        forward_log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        forward_error(&error, reason);
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.clone());
        }
    }
}

/// A producer without transactions.
pub struct Publisher {
    producer: ThreadedProducer<DeliveryContext>,
    cluster: Cluster,
}

impl Publisher {
    /// Makes the producer. Nothing is connected yet.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(cluster: &Cluster) -> Result<Self, Error> {
        let config = cluster.config(&[
            ("enable.idempotence", "true"),
            ("linger.ms", "1"),
            ("compression.type", "lz4"),
            ("partitioner", "murmur2_random"),
            ("queue.buffering.max.kbytes", "16384"),
            ("message.max.bytes", "4194304"),
            ("message.timeout.ms", "30000"),
        ]);
        let producer = config
            .create_with_context(DeliveryContext::new(cluster.access().clone()))
            .map_err(|source| Error::client("make a producer", source))?;
        Ok(Self { producer, cluster: cluster.clone() })
    }

    /// Writes records and waits until the brokers have them all.
    ///
    /// # Errors
    /// By class, after at most half a minute. Some of the records may have been written.
    pub fn publish(&mut self, records: &[OutRecord]) -> Result<(), Error> {
        self.producer.context().forget_failures();
        let start = Instant::now();
        for record in records {
            enqueue(&self.producer, record, start + PATIENCE)
                .map_err(|source| Error::client(format!("send a record to {}", record.topic), source))?;
        }
        // Every queued record leaves the queue within `message.timeout.ms`, delivered or failed.
        while self.producer.in_flight_count() > 0 && start.elapsed() < PATIENCE * 2 {
            thread::sleep(Duration::from_micros(200));
        }
        match self.producer.context().failure() {
            Some(source) => Err(self.cluster.explain(Error::client("deliver published records", source))),
            None if self.producer.in_flight_count() > 0 => Err(self.cluster.explain(Error::Deadline {
                attempted: "deliver published records".to_owned(),
                waited: start.elapsed(),
                source: None,
            })),
            None => Ok(()),
        }
    }
}
