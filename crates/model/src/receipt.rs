//! The sink's memory of a record: what was delivered last, and what was attempted last.

use jiff::Timestamp;

use crate::{digest::Digest, names::RecordId, outcome::Written, record::Version};

/// What a sink knows of one record; one per record in the compacted receipt topic.
///
/// An attempt never erases the delivered part (design §7).
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The record.
    pub record_id: RecordId,
    /// The highest version that was decided, delivered or not.
    pub version: Version,
    /// The state the target holds, as far as this sink wrote it.
    pub delivered: Option<Delivered>,
    /// The newest attempt, when it is not the delivered state.
    pub attempt: Option<Attempt>,
}

/// The state that a target holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// Version of the source record.
    pub version: Version,
    /// Digest of the source record.
    pub source_digest: Digest,
    /// Digest of the document's body.
    pub document_digest: Digest,
    /// The business key it was written under.
    pub key: String,
    /// What the target calls it.
    pub written: Written,
    /// Ordinal of the flow version that made it.
    pub flow_ordinal: u32,
    /// When the sink learned that it was stored.
    pub at: Timestamp,
    /// What came of it since.
    pub standing: Standing,
    /// Whether it was made of bytes that a person had repaired; `source_digest` is that of the bytes the source sent.
    pub repaired: bool,
}

/// What came of a delivered state since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The target holds it.
    #[default]
    Held,
    /// It was stored, and a later step, such as the audit, was refused.
    Incomplete,
    /// A rule of the flow leaves the record out since; what the target holds stays (`on_leave: keep`).
    Kept,
    /// A rule of the flow leaves the record out since; a person was told (`on_leave: dead-letter`).
    Lettered,
    /// It was taken back at the target, because its record was removed or a rule leaves it out.
    Removed,
}

/// An attempt that did not end in a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// How it stands.
    pub state: AttemptState,
    /// Version of the source record.
    pub version: Version,
    /// Digest of the source record.
    pub source_digest: Digest,
    /// Digest of the document's body.
    pub document_digest: Digest,
    /// The business key it was sent under.
    pub key: String,
    /// Ordinal of the flow version that made it.
    pub flow_ordinal: u32,
    /// When.
    pub at: Timestamp,
}

/// How an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// About to be sent, or sent without an answer: before anything else is sent, the target is asked.
    Sending,
    /// Refused for good, with this code; counted when it comes again, not sent and not lettered again.
    Refused {
        /// Code of the refusal.
        code: String,
        /// The target's words.
        message: String,
        /// Whether an attempt before it was left without an answer: the target is asked before anything is sent.
        unresolved: bool,
    },
}
