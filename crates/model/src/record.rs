//! What a source gives: the raw record, its version and why it was read.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    digest::Digest,
    names::{RecordId, SourceName},
};

/// One record of a source, as it was polled.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRecord {
    /// The source it came from.
    pub source: SourceName,
    /// What identifies it within the source.
    pub id: RecordId,
    /// The bytes the API sent for this record (invariant 6): JSON text.
    pub payload: Bytes,
    /// Digest of `payload`.
    pub digest: Digest,
    /// The source's own modification time, where it tells one.
    pub modified: Option<Timestamp>,
    /// When the answer that held it arrived.
    pub polled_at: Timestamp,
    /// Why it was read.
    pub reason: Reason,
    /// Whether the source says that the record was removed there.
    pub deleted: bool,
}

/// Where a record stands in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// Orders the states of one record: by the source's own time first, then by arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The source's modification time in microseconds of Unix time; 0 when it tells none.
    pub modified_us: i64,
    /// When the raw topic took it, in milliseconds of Unix time.
    pub appended_ms: i64,
    /// Its offset in the raw topic.
    pub offset: i64,
}

/// Why a record is on its way; the `weir-reason` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The regular poll.
    #[default]
    Poll,
    /// The omission remedy: an older window read again.
    Remedy,
    /// A backfill job.
    Backfill,
    /// A replay job.
    Replay,
    /// A repaired or resent dead letter.
    Retry,
    /// A reconciliation that found a difference.
    Fix,
}

impl Reason {
    /// All reasons, for parsing and documentation.
    pub const ALL: [Self; 6] =
        [Self::Poll, Self::Remedy, Self::Backfill, Self::Replay, Self::Retry, Self::Fix];

    /// The header's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Remedy => "remedy",
            Self::Backfill => "backfill",
            Self::Replay => "replay",
            Self::Retry => "retry",
            Self::Fix => "fix",
        }
    }

    /// Reads the header's text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_time_outranks_arrival() {
        let older = Version { modified_us: 1, appended_ms: 9, offset: 9 };
        let newer = Version { modified_us: 2, appended_ms: 1, offset: 1 };
        assert!(older < newer);
        assert!(newer < Version { offset: 2, ..newer });
    }

    #[test]
    fn reasons_are_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
    }
}
