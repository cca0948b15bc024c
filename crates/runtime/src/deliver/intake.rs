//! One partition as the Kafka half of a sink stage sees it: what was read ahead, and the lane that works on it.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, mpsc as std_mpsc},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Lease, Message, Table};
use weir_model::{document::Document, receipt::Receipt, target::BatchLimits};
use weir_schemas::Codec;

use super::{
    DeliverStage,
    lane::Lane,
    link::{Job, LaneId, Link, Queued, Said},
};
use crate::{
    stage::StageError,
    tasks::{TaskKind, spawn},
};

/// Read ahead at most this many batches, or bytes, per partition.
const BATCHES_AHEAD: usize = 2;
const BYTES_AHEAD: usize = 8 << 20;

/// The documents of one partition that were read and not yet handed to its lane.
pub(super) struct Intake {
    id: LaneId,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// When the oldest waiting document was read.
    since: Instant,
    limits: BatchLimits,
    jobs: mpsc::Sender<Job>,
    stop: CancellationToken,
    busy: bool,
    ended: bool,
    held: bool,
}

impl Intake {
    /// Starts the partition's lane.
    pub(super) fn start(
        stage: &DeliverStage,
        id: LaneId,
        say: std_mpsc::Sender<(LaneId, Said)>,
        lease: Lease,
    ) -> Self {
        let (jobs, taken) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let lane = Lane {
            flow: stage.flow.to_string(),
            partition: id.partition,
            target: Arc::clone(&stage.target),
            link: Link::new(id, say),
            lease,
            clock: Arc::clone(&stage.deployment.clock),
            stop: stop.clone(),
        };
        let _runtime = stage.runtime.enter();
        spawn(format!("lane {} {}", stage.flow, id.partition), TaskKind::Work, lane.run(taken));
        Self {
            id,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            since: Instant::now(),
            limits: stage.target.limits(),
            jobs,
            stop,
            busy: false,
            ended: false,
            held: false,
        }
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

    /// Whether enough was read ahead.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= BATCHES_AHEAD * self.limits.documents || self.waiting_bytes >= BYTES_AHEAD
    }

    /// Whether the lane works on a batch.
    pub(super) fn is_busy(&self) -> bool {
        self.busy || !self.waiting.is_empty()
    }

    /// Notes that fetching was stopped; whether it was not before.
    pub(super) fn hold(&mut self) -> bool {
        !std::mem::replace(&mut self.held, true)
    }

    /// Whether fetching, stopped before, is to go on.
    pub(super) fn release_if_drained(&mut self) -> bool {
        let drained = self.held && self.waiting.len() <= self.limits.documents && !self.stop.is_cancelled();
        self.held &= !drained;
        drained
    }

    /// The batch is recorded.
    pub(super) fn job_done(&mut self) {
        self.busy = false;
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

    /// Hands the next batch to the lane, if it is idle and a batch is due.
    pub(super) fn start_job(&mut self, table: &Table, codec: &Codec) -> Result<(), StageError> {
        if self.busy || self.is_stopping() {
            return Ok(());
        }
        let count = self.due();
        let records: Vec<Message> = self.waiting.drain(..count).collect();
        let Some(last) = records.last() else { return Ok(()) };
        let next_offset = last.offset + 1;
        self.waiting_bytes -= records.iter().map(Message::size).sum::<usize>();
        self.since = Instant::now();
        let documents =
            records.into_iter().map(|record| queued(record, table, codec)).collect::<Result<_, _>>()?;
        // There is room for one job, and the lane has none: it only fails when the lane has ended.
        self.busy = self.jobs.try_send(Job { documents, next_offset }).is_ok();
        Ok(())
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
        complete |= count >= self.limits.documents;
        if complete || self.since.elapsed() >= self.limits.age { count } else { 0 }
    }
}

/// Decodes a document and looks its record up in the receipts.
fn queued(record: Message, table: &Table, codec: &Codec) -> Result<Queued, StageError> {
    let place = || format!("{}/{} offset {}", record.topic, record.partition, record.offset);
    let (Some(key), Some(value)) = (&record.key, &record.value) else {
        return Err(StageError::Foreign { place: place() });
    };
    let unreadable = |source| StageError::Unreadable { place: place(), source };
    let document: Document = codec.decode(value).map_err(unreadable)?;
    let receipt: Option<Receipt> = match table.get(key)? {
        Some(bytes) => Some(codec.decode(&Bytes::from(bytes)).map_err(unreadable)?),
        None => None,
    };
    Ok(Queued { offset: record.offset, document, receipt })
}
