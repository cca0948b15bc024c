//! The contract between the stage loop and a mapping.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    document::Verdict,
    lookup::{LookupIndex, Lookups, Missing},
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

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Processed {
    /// One document: the usual case.
    One(Mapped),
    /// Several documents, where the flow splits or groups the record. Their record ids carry a part's number.
    Parts(Vec<Mapped>),
    /// It waits for a reference row that is not there yet (design §6).
    Waits(Missing),
}

/// A document as the mapping makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// Whether there is something to deliver.
    pub verdict: Verdict,
    /// The business key at the target.
    pub key: String,
    /// The number shown to people.
    pub number: String,
    /// JSON text for the target; see [`crate::document::Document::body`].
    pub body: Bytes,
    /// Names of the checks of severity `warn` that it failed.
    pub warnings: Vec<String>,
    /// Whether the record counts as removed at its source: by the source's own mark, or by the flow's `deleted_when`.
    pub deleted: bool,
}

impl Mapped {
    /// A document without a body: filtered or refused.
    pub fn without_body(verdict: Verdict, number: String) -> Self {
        Self { verdict, key: String::new(), number, body: Bytes::new(), warnings: Vec::new(), deleted: false }
    }
}

/// A compiled flow: record → document.
///
/// Implementations are pure: the same input and the same reference rows give the same result, on every thread, at any
/// time. They do no I/O and never panic; a record they cannot map becomes [`Verdict::Refused`] (invariant 3).
pub trait Processor: Send + Sync {
    /// The flow's name.
    fn flow(&self) -> &FlowName;

    /// What it looks up, and by which fields.
    fn lookups(&self) -> &[LookupIndex];

    /// Maps one record with reference rows at hand.
    fn process(&self, input: &Input, lookups: &dyn Lookups) -> Processed;
}
