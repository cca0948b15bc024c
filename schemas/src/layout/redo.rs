//! A source record that is to be mapped once more.

use weir_model::record::{Position, RawRecord, Version};

use super::record_layout;

/// A replayed, repaired or resent source record; value of `weir.redo.<flow>`, in the partition of its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct RedoRecord {
    /// The source record. Its reason tells why it is here, its payload may be repaired; its digest is that of the bytes
    /// that the source sent, of a letter its `source_digest`, so that the source's own state is known to be the same
    /// (design §7).
    pub record: RawRecord,
    /// The version of the record it repeats.
    pub version: Version,
    /// Where that record stands in the raw topic.
    pub origin: Position,
    /// Whether a person changed the payload.
    pub repaired: bool,
    /// The job that brought it, empty when none did.
    pub job: String,
}

record_layout!(RedoRecord { record, version, origin, repaired, job });
