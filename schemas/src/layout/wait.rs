//! A source record that waits for a row of a collection.

use jiff::Timestamp;
use weir_model::record::{Position, RawRecord, Version};

use super::record_layout;

/// A parked source record; value of `weir.wait.<flow>`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParkedRecord {
    /// The whole source record.
    pub record: RawRecord,
    /// Its version.
    pub version: Version,
    /// Where it stands in the raw topic.
    pub origin: Position,
    /// The collection that lacks the row.
    pub collection: String,
    /// The key that was looked up and not found there.
    pub reference: String,
    /// When any version of this record was first parked; `wait_max` counts from here (design §6).
    pub parked_since: Timestamp,
    /// Whether a person changed the payload; the record's digest is that of the bytes its source sent.
    pub repaired: bool,
    /// The job that brought it, empty when none did.
    pub job: String,
}

record_layout!(ParkedRecord { record, version, origin, collection, reference, parked_since, repaired, job });
