//! The contract between the sink loop and a target system.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;

use jiff::civil::Date;

use crate::{
    document::Document,
    figures::Figures,
    outcome::{Outcome, Refusal},
    receipt::Delivered,
};

/// How large a batch may be; it closes at whichever limit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Documents per batch.
    pub documents: usize,
    /// Bytes of document bodies per batch.
    pub bytes: usize,
    /// How long the oldest document may wait for company.
    pub age: Duration,
}

/// What a target knows about a partition when a sink takes it over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    /// Documents below this offset are durable at the target together with their offset; `None` for a target that
    /// keeps no offsets.
    pub stored_next: Option<i64>,
    /// Outcomes of documents below `stored_next`, by offset, as far as the target still keeps them: all but a `Delivered`
    /// that tells no more than the offset does.
    pub outcomes: BTreeMap<i64, Outcome>,
}

/// A document on its way to the target.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The document; its verdict is `Mapped`.
    pub document: Document,
    /// Its offset in the document topic.
    pub offset: i64,
    /// What the target holds of this record by the receipts; `None` when nothing was delivered before.
    pub previous: Option<Delivered>,
    /// Whether a former attempt may have been stored: the target looks the document up before it sends anything
    /// (design §7).
    pub unresolved: bool,
}

/// Whether a partition is surely still this process's. A target that makes several calls for a batch asks before each that
/// writes: a process that slept through the loss of its partition then writes nothing over its successor's work
/// (invariants 4 and 7).
#[derive(Clone, Copy)]
pub struct Ownership<'a>(&'a (dyn Fn() -> bool + Sync));

impl<'a> Ownership<'a> {
    /// As `holds` says whenever it is asked.
    pub fn new(holds: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self(holds)
    }

    /// Of a batch that nobody else could be working on, as in a tool or a test.
    pub fn sole() -> Self {
        Self(&|| true)
    }

    /// Whether the partition is surely still ours at this moment.
    pub fn holds(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Ownership<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ownership").field(&self.holds()).finish()
    }
}

/// One delivery of one partition.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The document topic's partition.
    pub partition: i32,
    /// Documents to write, in topic order, no record id twice. May be empty.
    pub deliveries: &'a [Delivery],
    /// Outcomes decided from receipts alone, by offset; a target that keeps offsets stores them with the rows.
    pub settled: &'a [(i64, Outcome)],
    /// The offset after the last document of the batch, for targets that keep offsets.
    pub next_offset: i64,
    /// Whether the partition is still ours; a target that fences a former owner itself need not ask.
    pub ownership: Ownership<'a>,
}

/// The target cannot be used at all right now.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// It cannot be reached, or not yet: try again later.
    #[error("target is away: {0}")]
    Away(Refusal),
    /// It was reached, and trying again cannot help: a person must act.
    #[error("target refuses to work: {0}")]
    Halted(Refusal),
    /// Another process took the partition over; what was about to be written is theirs now (invariant 7).
    #[error("partition was taken over by another process: {0}")]
    Fenced(Refusal),
}

/// What a probe found out; a line each, for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// Facts such as the server's version and the account's name.
    pub facts: Vec<String>,
    /// What will not work, with what to do about it.
    pub problems: Vec<String>,
}

/// A system that documents are written to.
///
/// The sink loop calls [`Target::claim`] once per assigned partition, then [`Target::deliver`] for it, one call at a
/// time per partition, several partitions at once; [`Target::release`] when the partition is given up. It retries
/// `Retry` and `Unknown` with back-off (an `Unknown` comes back with `unresolved` set) and never calls again after
/// `Halt` until a person acts. An implementation answers each document on its own and never reports `Delivered` for
/// one that is not durable (invariant 1).
#[async_trait]
pub trait Target: Send + Sync {
    /// How large a batch may be.
    fn limits(&self) -> BatchLimits;

    /// Whether `sending` receipts must be durable before a call, because the target cannot store the offset beside
    /// the documents.
    fn announces(&self) -> bool;

    /// The collection whose rows the documents are, when that is where they go: the sink loop then writes each document
    /// that [`Target::deliver`] reports as delivered as the row of its key, in the Kafka transaction that records
    /// its receipt (design §2).
    fn collection(&self) -> Option<&str> {
        None
    }

    /// Can it be reached, and does it accept our credentials? Does what a delivery does and no more.
    async fn probe(&self) -> Result<ProbeReport, TargetError>;

    /// Takes a partition over; from here on a former owner can write nothing more where the target can fence.
    async fn claim(&self, partition: i32) -> Result<Claim, TargetError>;

    /// Writes a batch; one outcome per delivery, in the same order. An error means that nothing is known to have
    /// been written, or that all of it was rolled back.
    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError>;

    /// Gives a partition up.
    async fn release(&self, partition: i32);
}

/// What a target holds under one business key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The business key, its parts joined as in [`Document::key`]; of a document of several rows that share a record key,
    /// that one.
    pub key: String,
    /// What it counts, with the target's fields.
    pub figures: Figures,
}

/// Reading back what a target holds, to compare it with what was delivered (design §8).
///
/// Nothing is remembered and nothing written. Keys are compared by whoever asks: as exact text.
#[async_trait]
pub trait ReadBack: Send + Sync {
    /// What a delivered document is to be held as: one holding, or one for each row where rows share no record key.
    ///
    /// # Errors
    /// The body is none of this target, or counts what is no number.
    fn expected(&self, document: &Document) -> Result<Vec<Holding>, Refusal>;

    /// The key of the holding, or of the first, that a document with this business key becomes.
    fn holding_key(&self, document_key: &str) -> String;

    /// What is held under these keys of holdings; those that are not there are left out. In calls of as many keys as the
    /// target takes.
    async fn find(&self, keys: &[String]) -> Result<Vec<Holding>, TargetError>;

    /// Everything whose day is `from` or later and before `until`; `None` when the flow names no day of the target.
    async fn list(&self, from: Date, until: Date) -> Result<Option<Vec<Holding>>, TargetError>;
}
