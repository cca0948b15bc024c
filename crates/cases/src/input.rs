//! A record of a test or of a preview, as the stage loop would hand it to a mapping.

use jiff::Timestamp;
use weir_model::{
    digest::Digest,
    names::{RecordId, SourceName},
    processor::Input,
    record::{Position, RawRecord, Reason, Version},
};

/// The bytes of a record, taken at `now`, which is also what `NOW()` says. It stands in no topic.
pub fn input(source: &SourceName, payload: Vec<u8>, deleted: bool, now: Timestamp) -> Input {
    Input {
        record: RawRecord {
            source: source.clone(),
            id: RecordId::from("record"),
            digest: Digest::of(&payload),
            payload: payload.into(),
            modified: None,
            polled_at: now,
            reason: Reason::Poll,
            deleted,
        },
        origin: Position { topic: String::new(), partition: 0, offset: 0 },
        version: Version::default(),
        appended_at: now,
    }
}
