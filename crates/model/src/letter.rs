//! A dead letter: what was refused for good, whole, with its cause.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    digest::Digest,
    outcome::Refusal,
    record::{Position, Reason, Version},
};

/// A record, document or answer that was refused for good.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The flow or source whose letter it is; names the topic.
    pub owner: String,
    /// The stage that refused it: `producer`, `processor` or `sink`.
    pub stage: Stage,
    /// The record's id; for an answer that is no record, its digest as text.
    pub record_id: String,
    /// The business key at the target, empty when none was made.
    pub key: String,
    /// The number shown to people.
    pub number: String,
    /// Why.
    pub refusal: Refusal,
    /// The source record's or answer's own bytes.
    pub payload: Bytes,
    /// The document's body, empty when none was made.
    pub body: Bytes,
    /// Where the source record stands; `None` for an answer that was never published.
    pub origin: Option<Position>,
    /// The source record's version.
    pub version: Version,
    /// Digest of the source record.
    pub source_digest: Digest,
    /// Ordinal of the flow version that made the document; 0 when there is none.
    pub flow_ordinal: u32,
    /// Why the record was read.
    pub reason: Reason,
    /// When it was refused.
    pub at: Timestamp,
    /// Which part of the source record it is, from 1; 0 for all of it. The id of a part ends in `-` and its number.
    pub part: u32,
    /// Whether the record was removed at its source.
    pub deleted: bool,
    /// Whether a person changed the payload; `source_digest` is still that of the bytes the source sent.
    pub repaired: bool,
    /// The job that brought the record, empty when none did.
    pub job: String,
}

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Polls APIs.
    Producer,
    /// Maps records.
    Processor,
    /// Writes documents.
    Sink,
}

impl Stage {
    /// The stage's name in topics, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Processor => "processor",
            Self::Sink => "sink",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Producer, Self::Processor, Self::Sink].into_iter().find(|stage| stage.as_str() == text)
    }
}
