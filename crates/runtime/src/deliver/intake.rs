//! One partition as the Kafka half of a sink stage sees it: what was read ahead, and the lane that works on it.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc as std_mpsc,
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use weir_kafka::{Lease, Message, Table};
use weir_model::{document::Document, receipt::Receipt, target::BatchLimits};
use weir_schemas::{Codec, TRACEPARENT_HEADER};

use super::{
    DeliverStage,
    lane::Lane,
    link::{Job, LaneId, Link, Queued, Said},
    treatment::{Treatment, Treatments, Untreatable},
};
use crate::{
    stage::StageError,
    tasks::{TaskKind, spawn},
};

/// Read ahead at most this many batches per partition, and no more bytes than the partition's part of what a process has
/// for all flows together: with a backlog in each of them its memory stays what it is with one.
const BATCHES_AHEAD: usize = 2;
const BYTES_AHEAD: usize = 12 << 20;
const LEAST_BYTES_AHEAD: usize = 256 << 10;
const MOST_BYTES_AHEAD: usize = 8 << 20;
/// Before the first document tells which target it is for.
const UNKNOWN: BatchLimits = BatchLimits { documents: 1_000, bytes: MOST_BYTES_AHEAD, age: Duration::ZERO };

/// The partitions of all flows that this process owns.
static PARTITIONS: AtomicUsize = AtomicUsize::new(0);

/// The bytes that one of them may read ahead.
fn bytes_ahead() -> usize {
    let partitions = PARTITIONS.load(Ordering::Relaxed).max(1);
    (BYTES_AHEAD / partitions).clamp(LEAST_BYTES_AHEAD, MOST_BYTES_AHEAD)
}

/// A lane at work; it outlives its partition's assignment by the call that is in flight.
pub(super) type LaneTask = JoinHandle<()>;

/// The documents of one partition that were read and not yet handed to its lane.
pub(super) struct Intake {
    id: LaneId,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// When the oldest waiting document was read.
    since: Instant,
    /// Those of the target that the first waiting document is for.
    limits: BatchLimits,
    /// The flow version of the first waiting document, once it was looked at, and how its documents are treated.
    front: Option<(u32, Treatment)>,
    jobs: mpsc::Sender<Job>,
    stop: CancellationToken,
    /// When the batch that the lane works on was handed to it.
    busy_since: Option<Instant>,
    ended: bool,
    held: bool,
}

impl Intake {
    /// Starts the partition's lane, which begins to work when the `former` one has ended.
    pub(super) fn start(
        stage: &DeliverStage,
        id: LaneId,
        say: std_mpsc::Sender<(LaneId, Said)>,
        lease: Lease,
        former: Option<LaneTask>,
    ) -> (Self, LaneTask) {
        PARTITIONS.fetch_add(1, Ordering::Relaxed);
        let (jobs, taken) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let lane = Lane {
            flow: stage.flow.clone(),
            partition: id.partition,
            link: Link::new(id, say),
            lease,
            clock: Arc::clone(&stage.deployment.clock),
            metrics: stage.deployment.metrics.clone(),
            stop: stop.clone(),
        };
        let _runtime = stage.runtime.enter();
        let name = format!("lane {} {}", stage.flow, id.partition);
        let task = spawn(name, TaskKind::Work, lane.run(former, taken));
        let intake = Self {
            id,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            since: Instant::now(),
            limits: UNKNOWN,
            front: None,
            jobs,
            stop,
            busy_since: None,
            ended: false,
            held: false,
        };
        (intake, task)
    }

    pub(super) fn id(&self) -> LaneId {
        self.id
    }

    pub(super) fn push(&mut self, record: Message) {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting_bytes += record.size();
        self.waiting.push_back(record);
    }

    /// Whether enough was read ahead and more would come.
    pub(super) fn overflows(&self) -> bool {
        self.is_full() && !self.held
    }

    /// Whether enough was read ahead.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= BATCHES_AHEAD * self.limits.documents || self.waiting_bytes >= bytes_ahead()
    }

    /// Whether the lane works on a batch, or soon will.
    pub(super) fn is_busy(&self) -> bool {
        self.busy_since.is_some() || !(self.waiting.is_empty() || self.is_stopping())
    }

    /// Notes that fetching was stopped; whether it was not before.
    pub(super) fn hold(&mut self) -> bool {
        !std::mem::replace(&mut self.held, true)
    }

    /// Whether fetching, stopped before, is to go on.
    pub(super) fn release_if_drained(&mut self) -> bool {
        let is_low = self.waiting.len() <= self.limits.documents && self.waiting_bytes <= bytes_ahead() / 2;
        let drained = self.held && is_low && !self.stop.is_cancelled();
        self.held &= !drained;
        drained
    }

    /// The batch is recorded; tells how long it took.
    pub(super) fn job_done(&mut self) -> Duration {
        self.busy_since.take().map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Tells the lane to end at its next safe point.
    pub(super) fn stop(&mut self) {
        self.stop.cancel();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The lane has said its last word.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Hands the next batch to the lane, if it is idle and a batch is due. All its documents are of one flow version.
    pub(super) fn start_job(
        &mut self,
        table: &Table,
        codec: &Codec,
        treatments: &dyn Treatments,
    ) -> Result<(), Untreatable> {
        if self.busy_since.is_some() || self.is_stopping() {
            return Ok(());
        }
        let Some((ordinal, treatment)) = self.look_at_front(codec, treatments)? else { return Ok(()) };
        let due = self.waiting.iter().take(self.due());
        let keys = due.clone().map(|record| record.key.as_deref().unwrap_or_default());
        let remembered = table.get_many(keys).map_err(StageError::from)?;
        let mut documents = Vec::with_capacity(remembered.len());
        for (record, receipt) in due.zip(remembered) {
            let document: Document = decoded(record, codec)?;
            if document.flow_version.ordinal != ordinal {
                break;
            }
            documents.push(queued(record, document, receipt, codec)?);
        }
        let records: Vec<Message> = self.waiting.drain(..documents.len()).collect();
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
        let (first_offset, next_offset) = (first.offset, last.offset + 1);
        self.waiting_bytes -= records.iter().map(Message::size).sum::<usize>();
        self.since = Instant::now();
        self.front = None;
        // There is room for one job, and the lane has none: it only fails when the lane has ended.
        let job = Job { ordinal, treatment, documents, first_offset, next_offset };
        self.busy_since = self.jobs.try_send(job).is_ok().then(Instant::now);
        Ok(())
    }

    /// The flow version of the first waiting document, and how its documents are treated.
    fn look_at_front(
        &mut self,
        codec: &Codec,
        treatments: &dyn Treatments,
    ) -> Result<Option<(u32, Treatment)>, Untreatable> {
        if self.front.is_some() {
            return Ok(self.front.clone());
        }
        let Some(record) = self.waiting.front() else { return Ok(None) };
        let ordinal = decoded(record, codec)?.flow_version.ordinal;
        let treatment = treatments.of(ordinal)?;
        self.limits = treatment.target.limits();
        self.front = Some((ordinal, treatment));
        Ok(self.front.clone())
    }

    /// How many documents the next batch has: as the target's limits say, and no record twice (invariant 4).
    fn due(&self) -> usize {
        let mut keys: HashSet<&Bytes> = HashSet::new();
        let mut bytes = 0;
        let mut complete = false;
        let mut count = 0;
        for record in &self.waiting {
            let repeated = record.key.as_ref().is_some_and(|key| !keys.insert(key));
            bytes += record.size();
            complete = repeated || count >= self.limits.documents || (count > 0 && bytes > self.limits.bytes);
            if complete {
                break;
            }
            count += 1;
        }
        // No more would come.
        complete |= count >= self.limits.documents || self.is_full();
        if complete || self.since.elapsed() >= self.limits.age { count } else { 0 }
    }
}

fn place(record: &Message) -> String {
    format!("{}/{} offset {}", record.topic, record.partition, record.offset)
}

fn decoded(record: &Message, codec: &Codec) -> Result<Document, StageError> {
    let value = record.value.as_ref().ok_or_else(|| StageError::Foreign { place: place(record) })?;
    codec.decode(value).map_err(|source| StageError::Unreadable { place: place(record), source })
}

/// A document with the receipt of its record.
fn queued(
    record: &Message,
    document: Document,
    receipt: Option<Vec<u8>>,
    codec: &Codec,
) -> Result<Queued, StageError> {
    if record.key.is_none() {
        return Err(StageError::Foreign { place: place(record) });
    }
    let unreadable = |source| StageError::Unreadable { place: place(record), source };
    let receipt: Option<Receipt> =
        receipt.map(|bytes| codec.decode(&Bytes::from(bytes))).transpose().map_err(unreadable)?;
    let traceparent = record.header(TRACEPARENT_HEADER).cloned();
    Ok(Queued { offset: record.offset, document, receipt, traceparent })
}

impl Drop for Intake {
    /// Whatever ends the ownership, no lane is left behind that goes on calling the target.
    fn drop(&mut self) {
        self.stop.cancel();
        PARTITIONS.fetch_sub(1, Ordering::Relaxed);
    }
}
