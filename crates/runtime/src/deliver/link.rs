//! What the lanes and the Kafka half of a sink stage say to each other.
//!
//! A lane is an async task per partition; it never touches Kafka. The Kafka half owns the consumer, the producer and the
//! receipt tables on a thread of its own, and records what lanes hand it in transactions.

use std::sync::mpsc;

use tokio::sync::oneshot;
use weir_model::{document::Document, letter::DeadLetter, outcome::Refusal, receipt::Receipt, tally::Counts};

/// A lane's identity: a partition, and which of its assignments this is. What a lane of a former assignment says is
/// answered with "lost" and has no effect (invariant 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LaneId {
    pub(super) partition: i32,
    pub(super) assignment: u64,
}

/// A batch of one partition on its way to a lane.
#[derive(Debug)]
pub(super) struct Job {
    /// In topic order, no record id twice.
    pub(super) documents: Vec<Queued>,
    /// The offset after the last of them.
    pub(super) next_offset: i64,
}

/// A document with what the sink remembers of its record.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) offset: i64,
    pub(super) document: Document,
    pub(super) receipt: Option<Receipt>,
}

/// What becomes durable in one Kafka transaction (invariant 1).
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) receipts: Vec<Receipt>,
    pub(super) letters: Vec<DeadLetter>,
    /// Counted, and the offset moved, only when the whole batch has ended (invariants 2 and 3).
    pub(super) finished: Option<Finished>,
}

/// The end of a batch.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) counts: Counts,
    pub(super) next_offset: i64,
}

/// What a lane says.
#[derive(Debug)]
pub(super) enum Said {
    /// Record this and tell when it is durable.
    Record { entries: Entries, done: oneshot::Sender<Result<(), LaneLost>> },
    /// The flow cannot go on.
    Halted(Refusal),
    /// The lane has ended; nothing of it is in flight any more.
    Ended,
}

/// The partition is not this lane's any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaneLost;

/// A lane's way to the Kafka half.
#[derive(Clone, Debug)]
pub(super) struct Link {
    lane: LaneId,
    said: mpsc::Sender<(LaneId, Said)>,
}

impl Link {
    pub(super) fn new(lane: LaneId, said: mpsc::Sender<(LaneId, Said)>) -> Self {
        Self { lane, said }
    }

    /// Makes `entries` durable.
    pub(super) async fn record(&self, entries: Entries) -> Result<(), LaneLost> {
        let (done, answer) = oneshot::channel();
        self.said.send((self.lane, Said::Record { entries, done })).map_err(|_| LaneLost)?;
        answer.await.unwrap_or(Err(LaneLost))
    }

    /// Stops the flow until a person acts.
    pub(super) fn halt(&self, refusal: Refusal) {
        // Without a Kafka half the process is ending anyway.
        let _ = self.said.send((self.lane, Said::Halted(refusal)));
    }

    /// The lane's last word.
    pub(super) fn end(&self) {
        let _ = self.said.send((self.lane, Said::Ended));
    }
}
