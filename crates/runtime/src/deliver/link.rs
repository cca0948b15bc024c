//! What the lanes and the Kafka half of a sink stage say to each other.
//!
//! A lane is an async task per partition; it never touches Kafka. The Kafka half owns the consumer, the producer and the
//! receipt tables on a thread of its own, and records what lanes hand it in transactions.

use std::sync::mpsc;

use bytes::Bytes;
use tokio::sync::oneshot;
use weir_model::{document::Document, letter::DeadLetter, outcome::Refusal, receipt::Receipt, tally::Counts};
use weir_schemas::CollectionRow;

use super::treatment::Treatment;

/// A lane's identity: a partition, and which of its assignments this is. What a lane of a former assignment says is
/// answered with "lost" and has no effect (invariant 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LaneId {
    pub(super) partition: i32,
    pub(super) assignment: u64,
}

/// A batch of one partition on its way to a lane.
pub(super) struct Job {
    /// The flow version that made all of its documents, and how they are treated.
    pub(super) ordinal: u32,
    pub(super) treatment: Treatment,
    /// In topic order, no record id twice.
    pub(super) documents: Vec<Queued>,
    /// The offset of the first of them.
    pub(super) first_offset: i64,
    /// The offset after the last of them.
    pub(super) next_offset: i64,
}

/// A document with what the sink remembers of its record.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) offset: i64,
    pub(super) document: Document,
    pub(super) receipt: Option<Receipt>,
    /// The trace it is part of.
    pub(super) traceparent: Option<Bytes>,
}

/// Something about a document, in the document's trace.
#[derive(Debug)]
pub(super) struct Traced<T> {
    pub(super) value: T,
    pub(super) traceparent: Option<Bytes>,
}

/// What becomes durable in one Kafka transaction (invariant 1).
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) receipts: Vec<Traced<Receipt>>,
    pub(super) letters: Vec<Traced<DeadLetter>>,
    /// Rows of the collection that the flow fills, and its name.
    pub(super) rows: Vec<Traced<CollectionRow>>,
    pub(super) collection: Option<String>,
    /// How many documents a rule left out whose former states stay at the target.
    pub(super) left: u64,
    /// Where the partition stands with this: after the batch when it is finished, else still before it. It always goes
    /// into the transaction, for only offsets make Kafka refuse what a former owner writes (invariant 7).
    pub(super) next_offset: i64,
    /// How many documents of the regular reading ended with this, delivered or refused; none before all of the batch has.
    pub(super) live: u64,
    /// The counts of the batch, when all of it has ended (invariants 2 and 3).
    pub(super) finished: Option<Counts>,
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

    /// What says that the lane has ended once it is dropped, whatever ends the lane.
    pub(super) fn last_word(&self) -> LastWord {
        LastWord(self.clone())
    }
}

/// Says on drop that its lane has ended.
#[derive(Debug)]
pub(super) struct LastWord(Link);

impl Drop for LastWord {
    fn drop(&mut self) {
        // Without a Kafka half nobody asks.
        let _ = self.0.said.send((self.0.lane, Said::Ended));
    }
}
