//! The transactional producer and its one way to commit.
//!
//! Records and the offsets they came from become visible together or not at all (invariants 1, 2 and 7). A record the
//! client would not take makes the transaction unfit to commit: committing would lose it in silence (invariant 3).

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::Offset;

use crate::clock::BootInstant;
use crate::cluster::{Cluster, PATIENCE};
use crate::error::{Cause, Class, Error};
use crate::group::GroupMetadata;
use crate::native::offset_list;
use crate::publish::DeliveryContext;
use crate::record::{OutRecord, TopicPartition};

/// How long to wait before looking again whether everything is delivered.
const DELIVERY_CHECK: Duration = Duration::from_micros(200);
/// How long to wait before repeating a call that asked for it.
const REPEAT_AFTER: Duration = Duration::from_millis(20);
/// How long the first call of a producer may wait before it is asked whether the brokers refuse us.
const LOOK_AFTER: Duration = Duration::from_secs(2);

/// How a transactional producer is set up.
#[derive(Debug, Clone)]
pub struct ProducerOptions {
    /// Who this is, stable over restarts: whoever initialises it next fences this one.
    pub transactional_id: String,
    /// How long a transaction may stay open, counted from its first record. Afterwards the broker aborts it and the
    /// producer is spent. Readers of the same partitions wait that long for a producer that vanished.
    pub transaction_timeout: Duration,
    /// The largest record in bytes; at most the topics' `max.message.bytes`.
    pub max_record_bytes: usize,
    /// How batches are compressed: `none`, `lz4`, `gzip`, `snappy`, or `zstd` in a build with that feature.
    pub compression: String,
    /// How many bytes may wait for delivery.
    pub queue_bytes: usize,
}

impl ProducerOptions {
    /// 10 s a transaction, records of up to 4 MiB, lz4, a queue of 16 MiB.
    pub fn new(transactional_id: impl Into<String>) -> Self {
        Self {
            transactional_id: transactional_id.into(),
            transaction_timeout: Duration::from_secs(10),
            max_record_bytes: 4 << 20,
            compression: "lz4".to_owned(),
            queue_bytes: 16 << 20,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    Open,
    /// A record was not taken; only abort is allowed.
    Unfit(Option<KafkaError>),
    /// The producer is spent, in this way.
    Spent(Class),
}

/// A producer whose records appear in transactions.
pub struct TransactionalProducer {
    producer: ThreadedProducer<DeliveryContext>,
    cluster: Cluster,
    options: ProducerOptions,
    state: State,
    /// When the open transaction was begun.
    begun: BootInstant,
}

impl TransactionalProducer {
    /// Makes the producer and takes its transactional id over: an older holder is fenced and its open transaction
    /// finished before this returns (plan 0.6 s then, 50 ms else).
    ///
    /// # Errors
    /// [`Error::Deadline`] while brokers are away; `Refused` for settings or rights.
    pub fn init(cluster: &Cluster, options: ProducerOptions) -> Result<Self, Error> {
        let timeout = options.transaction_timeout.as_millis().to_string();
        let record = options.max_record_bytes.to_string();
        let queue = (options.queue_bytes / 1024).max(1).to_string();
        let config = cluster.config(&[
            ("transactional.id", &options.transactional_id),
            ("transaction.timeout.ms", &timeout),
            ("linger.ms", "1"),
            ("compression.type", &options.compression),
            // The Java client's hash: other tools find a key where we put it.
            ("partitioner", "murmur2_random"),
            ("queue.buffering.max.kbytes", &queue),
            ("message.max.bytes", &record),
        ]);
        let attempted = format!("make the producer {}", options.transactional_id);
        let producer: ThreadedProducer<DeliveryContext> = config
            .create_with_context(DeliveryContext::new(cluster.access().clone()))
            .map_err(|source| Error::client(attempted, source))?;
        let begun = BootInstant::now();
        let this = Self { producer, cluster: cluster.clone(), options, state: State::Idle, begun };
        this.repeat("take over its transactional id", PATIENCE, |producer, left| {
            producer.init_transactions(left.min(LOOK_AFTER))
        })?;
        Ok(this)
    }

    /// Opens a transaction.
    ///
    /// # Errors
    /// `Fatal` when one is open or the producer is spent, `Fenced` when another took the id over.
    pub fn begin(&mut self) -> Result<(), Error> {
        if let State::Spent(class) = self.state {
            return Err(self.out_of_order("begin a transaction with a spent producer", class));
        }
        self.producer.context().forget_failures();
        let begun = self.producer.begin_transaction();
        self.note("begin a transaction", begun)?;
        self.state = State::Open;
        self.begun = BootInstant::now();
        Ok(())
    }

    /// Puts a record into the open transaction. Returns once it is queued; waits while the queue is full.
    ///
    /// # Errors
    /// Any error makes the transaction unfit: [`Self::commit`] refuses from then on and only [`Self::abort`] is left.
    pub fn send(&mut self, record: &OutRecord) -> Result<(), Error> {
        match &self.state {
            State::Open => {}
            State::Unfit(cause) => return Err(self.unfit(cause.clone())),
            State::Idle | State::Spent(_) => {
                return Err(self.out_of_order("send a record outside a transaction", Class::Fatal));
            }
        }
        let deadline = Instant::now() + self.options.transaction_timeout;
        let Err(source) = enqueue(&self.producer, record, deadline) else { return Ok(()) };
        self.state = State::Unfit(Some(source.clone()));
        Err(self.failed(&format!("send a record to {}", record.topic), source))
    }

    /// Puts offsets into the open transaction: for each partition the next one to read (last + 1).
    ///
    /// # Errors
    /// `AbortTransaction` when the group no longer takes us for whom the batch was read.
    pub fn send_offsets(
        &mut self,
        next_offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<(), Error> {
        let attempted = "put offsets into the transaction";
        let offsets = next_offsets.iter().map(|(partition, next)| (partition, Offset::Offset(*next)));
        let list = offset_list(offsets).map_err(|source| Error::client(attempted, source))?;
        let sent = self.repeat(attempted, self.options.transaction_timeout, |producer, left| {
            producer.send_offsets_to_transaction(&list, group.native(), left)
        });
        if sent.is_err() && self.state == State::Open {
            self.state = State::Unfit(None);
        }
        self.spend_on_fatal(sent)
    }

    /// Commits. The one way to do so: waits until every record is delivered before it asks the library, whose own
    /// waiting costs 100 ms a transaction.
    ///
    /// # Errors
    /// [`Error::Incomplete`] when a record was not taken; otherwise by class. After [`Error::Deadline`] it is unknown
    /// whether the commit passed: call this again, or make a new producer and go on from what is committed.
    pub fn commit(&mut self) -> Result<(), Error> {
        if let State::Unfit(cause) = &self.state {
            return Err(self.unfit(cause.clone()));
        }
        let deadline = Instant::now() + self.options.transaction_timeout;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            thread::sleep(DELIVERY_CHECK);
        }
        // Delivered records and failed ones both left the queue: a failed one must not be lost.
        if let Some(cause) = self.producer.context().failure() {
            self.state = State::Unfit(Some(cause.clone()));
            return Err(self.unfit(Some(cause)));
        }
        let committed =
            self.repeat("commit a transaction", PATIENCE, |producer, left| producer.commit_transaction(left));
        if committed.is_ok() {
            self.state = State::Idle;
        }
        self.spend_on_fatal(committed)
    }

    /// Throws the open transaction away.
    ///
    /// # Errors
    /// By class; a fenced producer learns it here at the latest.
    pub fn abort(&mut self) -> Result<(), Error> {
        let aborted =
            self.repeat("abort a transaction", PATIENCE, |producer, left| producer.abort_transaction(left));
        if aborted.is_ok() {
            self.state = State::Idle;
        }
        self.spend_on_fatal(aborted)
    }

    /// Runs `work` in a transaction: commits when it succeeds, aborts when it or the commit fails. An error whose
    /// abort failed too is replaced by that of the abort, which then says what became of the producer.
    ///
    /// # Errors
    /// What `work` or the commit returned. Rewind the inputs whatever it is.
    pub fn transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin()?;
        let outcome = work(self).and_then(|value| {
            self.commit()?;
            Ok(value)
        });
        if outcome.is_err() && self.is_usable() {
            self.abort()?;
        }
        outcome
    }

    /// Whether another transaction can be begun with it. When not: drop it, and make a new one only if what it
    /// stands for is still owned.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !matches!(self.state, State::Spent(_))
    }

    /// Who this is.
    #[must_use]
    pub fn transactional_id(&self) -> &str {
        &self.options.transactional_id
    }

    /// Calls the library again while it asks for that, until a deadline. A call that timed out is resumed the same way.
    fn repeat(
        &self,
        attempted: &str,
        patience: Duration,
        call: impl Fn(&ThreadedProducer<DeliveryContext>, Duration) -> Result<(), KafkaError>,
    ) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let left = patience.saturating_sub(start.elapsed()).max(REPEAT_AFTER);
            let Err(source) = call(&self.producer, left) else {
                self.cluster.access().granted();
                return Ok(());
            };
            let error = self.cluster.explain(self.failed(attempted, source));
            if error.class() != Class::Retriable {
                return Err(error);
            }
            if start.elapsed() >= patience {
                let source = if let Error::Client { source, .. } = error { Some(source) } else { None };
                let attempted = format!("{attempted} ({})", self.options.transactional_id);
                return Err(Error::Deadline { attempted, waited: start.elapsed(), source });
            }
            thread::sleep(REPEAT_AFTER);
        }
    }

    fn note(&mut self, attempted: &str, result: Result<(), KafkaError>) -> Result<(), Error> {
        let result = result.map_err(|source| self.failed(attempted, source));
        self.spend_on_fatal(result)
    }

    fn spend_on_fatal(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = &result
            && matches!(error.class(), Class::Fatal | Class::Fenced)
        {
            self.state = State::Spent(error.class());
        }
        result
    }

    /// An error of the library with its class; an error while the client is dead has the class of what killed it.
    fn failed(&self, attempted: &str, source: KafkaError) -> Error {
        let attempted = format!("{attempted} ({})", self.options.transactional_id);
        let error = match self.producer.client().fatal_error() {
            Some((code, _)) => Error::of_class(attempted, crate::error::classify_fatal(code), source),
            None => Error::client(attempted, source),
        };
        match error {
            // The broker counts from the first record, so a transaction it timed out is at least this old here.
            Error::Client { attempted, class: Class::Fenced, source }
                if matches!(self.state, State::Open | State::Unfit(_))
                    && self.begun.elapsed() >= self.options.transaction_timeout =>
            {
                Error::TransactionTimedOut { attempted, timeout: self.options.transaction_timeout, source }
            }
            error => error,
        }
    }

    fn unfit(&self, cause: Option<KafkaError>) -> Error {
        let transactional_id = self.options.transactional_id.clone();
        Error::Incomplete { transactional_id, source: cause.map(Cause::new) }
    }

    fn out_of_order(&self, attempted: &str, class: Class) -> Error {
        let attempted = format!("{attempted} ({})", self.options.transactional_id);
        Error::of_class(attempted, class, KafkaError::MessageProduction(RDKafkaErrorCode::State))
    }
}

/// Queues a record; while the queue is full waits and offers the same record again.
pub(crate) fn enqueue(
    producer: &ThreadedProducer<DeliveryContext>,
    record: &OutRecord,
    deadline: Instant,
) -> Result<(), KafkaError> {
    let mut offered: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&record.topic);
    offered.partition = record.partition;
    offered.key = record.key.as_deref();
    offered.payload = record.value.as_deref();
    offered.timestamp = record.timestamp_ms;
    if !record.headers.is_empty() {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value.as_ref()) });
        }
        offered.headers = Some(headers);
    }
    loop {
        match producer.send(offered) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                if Instant::now() < deadline =>
            {
                offered = back;
                thread::sleep(Duration::from_millis(1));
            }
            Err((error, _)) => return Err(error),
        }
    }
}
