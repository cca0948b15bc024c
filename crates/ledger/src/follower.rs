//! Brings the projection to what the topics hold: as a stage that follows them, and once before a command answers.
//!
//! No group is joined: how far each partition was read stands beside the rows that were made of it, so any number of
//! followers may read the same topics at once, and `kill -9` at any instant loses and doubles nothing (invariant 7).

use std::{
    fmt, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;
use weir_kafka::{Class, Cluster, Message, Sweep, TopicPartition, sweep::Found};
use weir_model::time::Clock;
use weir_runtime::{
    health::{Condition, Part},
    stage::{Deployment, StageError, StageThread, Supervisor, chain},
    telemetry::Metrics,
};

use crate::{
    Error, Ledger, Scope, Settings,
    write::{Batch, Offsets, Written, apply, note_progress, progress, take_turn},
};

/// Records and bytes written in one transaction.
const MOST_RECORDS: usize = 4_000;
const MOST_BYTES: usize = 8 << 20;
/// Records that come within this are written together.
const GATHER: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(500);
/// How often one partition's end is asked for, to tell how far the ledger is behind.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is noted that nothing is left, while nothing comes.
const NOTE: Duration = Duration::from_secs(5);
/// The group under which the lag is counted; there is no such group at the brokers.
const GROUP: &str = "ledger";

/// Follows the topics of a scope.
#[derive(Clone)]
pub struct Follower {
    pub(crate) ledger: Ledger,
    pub(crate) scope: Arc<Scope>,
    pub(crate) cluster: Cluster,
    clock: Arc<dyn Clock>,
    runtime: Handle,
}

/// How new the answers of the projection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// What happened before this moment is told.
    pub as_of: Timestamp,
    /// Why it is not the present, if it is not: Kafka is away, or too much was left to read.
    pub behind: Option<String>,
}

/// What is being read.
struct Reading {
    sweep: Sweep,
    /// Where each partition goes on.
    at: Offsets,
    /// The ends that the partitions had when reading began.
    ends: Offsets,
}

/// Starts the stage that follows a scope's topics into the ledger until `stop`. Must be called on a runtime.
///
/// # Errors
/// The thread cannot be started.
pub fn start(
    settings: Settings,
    scope: Scope,
    deployment: &Deployment,
    stop: &CancellationToken,
) -> io::Result<StageThread> {
    let supervisor = Supervisor { part: Part::Ledger, health: deployment.health.clone(), stop: stop.clone() };
    let (deployment, stop, runtime) = (deployment.clone(), stop.clone(), Handle::current());
    supervisor.start(move || {
        let attempt = || {
            let ledger = runtime.block_on(Ledger::open(&settings))?;
            let follower = Follower {
                ledger,
                scope: Arc::new(scope.clone()),
                cluster: deployment.cluster.clone(),
                clock: Arc::clone(&deployment.clock),
                runtime: runtime.clone(),
            };
            follower.follow(&deployment, &stop)
        };
        attempt().map_err(stage_error)
    })
}

impl Follower {
    /// One that writes into `ledger` by the runtime it is made on.
    pub fn new(ledger: Ledger, scope: Scope, cluster: Cluster, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, scope: Arc::new(scope), cluster, clock, runtime: Handle::current() }
    }

    /// Brings the projection to the ends that the topics have now, for at most `limit`. Kafka that is away, or a topic that
    /// is missing, is no error: what is there can be asked, and the answer tells as of when.
    ///
    /// # Errors
    /// The ledger itself cannot be read or written.
    pub async fn catch_up(&self, limit: Duration) -> Result<Freshness, Error> {
        let (tell, told) = oneshot::channel();
        let (follower, deadline) = (self.clone(), Instant::now() + limit);
        // A thread of its own, which nobody waits for: a client that looks for brokers cannot be called off.
        let started = thread::Builder::new().name("catch-up".to_owned()).spawn(move || {
            // Whoever asked may have gone.
            let _ = tell.send(follower.catch_up_until(deadline));
        });
        let outcome = match started {
            Ok(_) => tokio::time::timeout(limit + GATHER, told).await,
            Err(source) => return Err(Error::Thread { source }),
        };
        let behind = match outcome {
            Ok(Ok(Ok(None))) => return Ok(Freshness { as_of: self.noted().await?, behind: None }),
            Ok(Ok(Ok(Some(left)))) => {
                format!("{left} partitions were not read to their end in {}", Seconds(limit))
            }
            Ok(Ok(Err(error @ Error::Sql { .. }))) => return Err(error),
            Ok(Ok(Err(error))) => chain(&error),
            Ok(Err(_)) | Err(_) => format!("Kafka gave no answer within {}", Seconds(limit)),
        };
        Ok(Freshness { as_of: self.noted().await?, behind: Some(behind) })
    }

    /// When all that the topics held had been taken in.
    async fn noted(&self) -> Result<Timestamp, Error> {
        let rows = self.ledger.projection.fetch("SELECT caught_up_us FROM turn WHERE id = 1", &[]).await?;
        let noted = rows.first().map(|row| row.plain_integer("caught_up_us")).transpose()?;
        Ok(Timestamp::from_microsecond(noted.unwrap_or(0)).unwrap_or_default())
    }

    /// How many partitions are left at the deadline; none when all were read to the ends that they had.
    fn catch_up_until(&self, deadline: Instant) -> Result<Option<usize>, Error> {
        loop {
            let began_us = self.now_us();
            let mut reading = self.open(true)?;
            let mut left = Some(reading.at.len());
            while left.is_some_and(|left| left > 0) && Instant::now() < deadline {
                let batch = reading.sweep.poll(MOST_RECORDS, MOST_BYTES, GATHER)?;
                // What was written after the ends had been asked for may wait; an end that was seen is past its markers.
                let mut to = passed(&batch);
                for partition in reading.sweep.ended() {
                    let seen = to.get(partition).or_else(|| reading.at.get(partition)).copied();
                    let end = seen.max(reading.ends.get(partition).copied());
                    if let Some(end) = end {
                        to.insert(partition.clone(), end);
                    }
                }
                if batch.is_empty() && to.iter().all(|(partition, to)| reading.at.get(partition) >= Some(to))
                {
                    continue;
                }
                match self.write(&mut reading, &batch, to, began_us, false)? {
                    Written::Done => left = Some(reading.left()).filter(|left| *left > 0),
                    Written::SetBack => break,
                }
            }
            match left {
                Some(left) if left > 0 && Instant::now() >= deadline => return Ok(Some(left)),
                // Set back: from the beginning.
                Some(left) if left > 0 => {}
                _ => {
                    self.write(&mut reading, &[], Offsets::new(), began_us, true)?;
                    return Ok(None);
                }
            }
        }
    }

    fn follow(&self, deployment: &Deployment, stop: &CancellationToken) -> Result<(), Error> {
        while !stop.is_cancelled() {
            let mut reading = self.open(false)?;
            deployment.health.report(&Part::Ledger, Condition::Ready);
            let mut lag = Lag { metrics: deployment.metrics.clone(), former: None, due: Instant::now() };
            match self.follow_on(&mut reading, &mut lag, stop) {
                Err(Error::Kafka(error)) if error.class() == Class::OutOfRange => {
                    tracing::warn!(
                        error = chain(&error),
                        "records were removed before the ledger had read them"
                    );
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Follows until told to stop, or set back by a rebuild.
    fn follow_on(&self, reading: &mut Reading, lag: &mut Lag, stop: &CancellationToken) -> Result<(), Error> {
        let mut note_due = Instant::now();
        while !stop.is_cancelled() {
            let batch = gather(&mut reading.sweep, stop)?;
            let is_caught_up = batch.is_empty() && reading.sweep.has_ended() && Instant::now() >= note_due;
            if is_caught_up {
                note_due = Instant::now() + NOTE;
            }
            if !batch.is_empty() || is_caught_up {
                let now_us = self.now_us();
                if self.write(reading, &batch, passed(&batch), now_us, is_caught_up)? == Written::SetBack {
                    tracing::info!("the ledger is being rebuilt, reading from where it stands now");
                    return Ok(());
                }
            }
            lag.look(reading);
        }
        Ok(())
    }

    /// Looks how far the ledger is and begins to read there. With `only_behind`, partitions that were read to their end are
    /// left out.
    fn open(&self, only_behind: bool) -> Result<Reading, Error> {
        let mut sweep = Sweep::open(&self.cluster)?;
        let found = self.find(&sweep)?;
        let mut at = self.runtime.block_on(self.begin(&found.partitions))?;
        let ends: Offsets =
            found.partitions.into_iter().map(|(partition, ends)| (partition, ends.high)).collect();
        if let Some((partition, read, end)) = beyond(&at, &ends) {
            return Err(Error::Recreated { place: partition.to_string(), read, end });
        }
        at.retain(|partition, next| ends.get(partition).is_some_and(|end| !only_behind || *next < *end));
        let starts: Vec<(TopicPartition, i64)> =
            at.iter().map(|(partition, next)| (partition.clone(), *next)).collect();
        sweep.assign(&starts)?;
        Ok(Reading { sweep, at, ends })
    }

    /// The partitions of the scope's topics.
    pub(crate) fn find(&self, sweep: &Sweep) -> Result<Found, Error> {
        let found = sweep.find(&self.scope.topics())?;
        // The in-process broker makes topics when they are first written to.
        if !found.missing.is_empty() && !self.cluster.is_in_process() {
            return Err(Error::Missing { topics: found.missing });
        }
        Ok(found)
    }

    /// How far the ledger is; partitions that it does not know yet begin with the oldest record that they hold, and so do
    /// those whose next record is gone.
    async fn begin(&self, partitions: &[(TopicPartition, weir_kafka::Watermarks)]) -> Result<Offsets, Error> {
        let mut session = take_turn(&self.ledger.projection).await?;
        let mut known = progress(&mut session).await?;
        let mut new = Offsets::new();
        for (partition, ends) in partitions {
            match known.get(partition) {
                Some(next) if *next >= ends.low => continue,
                Some(next) => tracing::warn!(
                    %partition,
                    records = ends.low - next,
                    "the topic has lost records before the ledger read them; what they told is missing in it"
                ),
                None => {}
            }
            new.insert(partition.clone(), ends.low);
        }
        note_progress(&mut session, &new, self.now_us()).await?;
        session.commit().await?;
        known.append(&mut new);
        Ok(known)
    }

    fn write(
        &self,
        reading: &mut Reading,
        messages: &[Message],
        to: Offsets,
        now_us: i64,
        is_caught_up: bool,
    ) -> Result<Written, Error> {
        let from = reading.at.iter().filter(|(partition, _)| to.contains_key(*partition));
        let from: Offsets = from.map(|(partition, next)| (partition.clone(), *next)).collect();
        let batch = Batch { messages, from: &from, to: &to, now_us, is_caught_up };
        let written = self.runtime.block_on(apply(&self.ledger.projection, &self.scope, &batch))?;
        reading.at.extend(to);
        Ok(written)
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now().as_microsecond()
    }
}

impl Reading {
    /// Partitions that were not read to the end they had at the beginning.
    fn left(&self) -> usize {
        self.at.iter().filter(|(partition, next)| self.ends.get(*partition) > Some(next)).count()
    }
}

/// A partition that the ledger has read beyond its end.
fn beyond<'a>(at: &'a Offsets, ends: &Offsets) -> Option<(&'a TopicPartition, i64, i64)> {
    at.iter().find_map(|(partition, next)| {
        let end = ends.get(partition)?;
        (next > end).then_some((partition, *next, *end))
    })
}

/// Where each partition goes on after these records.
fn passed(batch: &[Message]) -> Offsets {
    batch.iter().map(|message| (message.topic_partition(), message.offset + 1)).collect()
}

/// Records that come soon after each other.
fn gather(sweep: &mut Sweep, stop: &CancellationToken) -> Result<Vec<Message>, Error> {
    let mut batch = sweep.poll(MOST_RECORDS, MOST_BYTES, POLL)?;
    let end = Instant::now() + GATHER;
    let mut bytes: usize = batch.iter().map(Message::size).sum();
    while !batch.is_empty() && batch.len() < MOST_RECORDS && bytes < MOST_BYTES && !stop.is_cancelled() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let more = sweep.poll(MOST_RECORDS - batch.len(), MOST_BYTES - bytes, left)?;
        bytes += more.iter().map(Message::size).sum::<usize>();
        batch.extend(more);
    }
    Ok(batch)
}

/// Tells how far the ledger is behind, one partition at a time.
struct Lag {
    metrics: Metrics,
    former: Option<TopicPartition>,
    due: Instant,
}

impl Lag {
    fn look(&mut self, reading: &Reading) {
        if Instant::now() < self.due {
            return;
        }
        self.due = Instant::now() + LOOK;
        let after = |(partition, _): &(&TopicPartition, &i64)| {
            self.former.as_ref().is_none_or(|former| *partition > former)
        };
        let next = reading.at.iter().find(after).or_else(|| reading.at.iter().next());
        let Some((partition, at)) = next else { return };
        if let Ok(ends) = reading.sweep.watermarks(partition) {
            let records = u64::try_from(ends.high.saturating_sub(*at)).unwrap_or(0);
            self.metrics.consumer_lag(GROUP, &partition.topic, partition.partition, Some(records));
        }
        self.former = Some(partition.clone());
    }
}

fn stage_error(error: Error) -> StageError {
    match error {
        Error::Kafka(error) => StageError::Kafka(error),
        Error::Unreadable { place, source } => StageError::Unreadable { place, source },
        error => StageError::Ledger(Box::new(error)),
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs())
    }
}
