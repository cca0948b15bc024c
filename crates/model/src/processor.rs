//! The contract between the stage loop and a mapping.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    document::Verdict,
    names::FlowName,
    record::{Position, RawRecord, Version},
};

/// A raw record as a stage loop hands it to a mapping.
#[derive(Clone, Debug)]
pub struct Input {
    /// The record.
    pub record: RawRecord,
    /// Where it stands in the raw topic.
    pub origin: Position,
    /// Its version.
    pub version: Version,
    /// When the raw topic took it: the mapping's `NOW()`, so that a replay gives the same document.
    pub appended_at: Timestamp,
}

/// What a mapping makes of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// Whether there is something to deliver.
    pub verdict: Verdict,
    /// The business key at the target.
    pub key: String,
    /// The number shown to people.
    pub number: String,
    /// JSON text for the target; empty unless the verdict is [`Verdict::Mapped`].
    pub body: Bytes,
}

/// A compiled flow: record → document.
///
/// Implementations are pure: the same input gives the same result, on every thread, at any time. They do no I/O and
/// never panic; a record they cannot map becomes [`Verdict::Refused`] (invariant 3).
pub trait Processor: Send + Sync {
    /// The flow's name.
    fn flow(&self) -> &FlowName;

    /// Maps one record.
    fn process(&self, input: &Input) -> Mapped;
}
