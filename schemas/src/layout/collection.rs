//! A reference row that lookups find.

use bytes::Bytes;
use weir_model::{digest::Digest, record::Version};

use super::record_layout;

/// A row of a collection (shops, products, customers); value of `weir.collection.<name>`.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionRow {
    /// What identifies the row; the Kafka key.
    pub id: String,
    /// The row as the source sent it: JSON text.
    pub row: Bytes,
    /// Digest of `row`.
    pub digest: Digest,
    /// The row's version.
    pub version: Version,
}

record_layout!(CollectionRow { id, row, digest, version });
