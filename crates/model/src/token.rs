//! A renewed access token as it is kept: sealed, so that whoever reads the topic learns nothing (invariant 8).

use bytes::Bytes;
use jiff::Timestamp;

use crate::names::ConnectionName;

/// The newest token of one account. Stands beside the account's cursors in `weir.cursor`, so that whoever takes the
/// account over has it (contract decisions, 聚水潭: a renewal is taken to kill the old token).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedToken {
    /// The connection it belongs to.
    pub account: ConnectionName,
    /// The remote system that issued it, such as `jushuitan`.
    pub system: String,
    /// Names the configured token that it descends from; when a person configures another one, this one is not used.
    pub lineage: String,
    /// The token, sealed with the key of the configuration.
    pub sealed: Bytes,
    /// When it was stored.
    pub at: Timestamp,
}
