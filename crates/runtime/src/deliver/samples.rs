//! Documents and receipts for this module's tests.

use bytes::Bytes;
use jiff::Timestamp;
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    names::{FlowName, RecordId},
    outcome::Written,
    receipt::{Delivered, Receipt, Standing},
    record::{Position, Reason, Version},
};

/// The state `content` of record `r1`, polled at offset `version`.
pub(crate) fn document(version: i64, content: &str) -> Document {
    document_of("r1", version, content)
}

/// The state `content` of the record `id`, polled at offset `version`.
pub(crate) fn document_of(id: &str, version: i64, content: &str) -> Document {
    let payload = Bytes::from(format!("{{\"id\":\"{id}\",\"content\":\"{content}\"}}"));
    let body = Bytes::from(format!("{{\"FNumber\":\"{id}\",\"FName\":\"{content}\"}}"));
    Document {
        flow: FlowName::from("flow"),
        flow_version: FlowVersion { ordinal: 1, digest: Digest::of(b"flow") },
        record_id: RecordId::from(id),
        key: id.to_owned(),
        number: id.to_owned(),
        verdict: Verdict::Mapped,
        digest: Digest::of(&body),
        body,
        source_digest: Digest::of(&payload),
        payload,
        version: Version { modified_us: version * 1_000_000, appended_ms: version, offset: version },
        origin: Position { topic: "weir.raw.source".to_owned(), partition: 0, offset: version },
        reason: Reason::Poll,
        polled_at: Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    }
}

/// What a sink remembers after it delivered `document`.
pub(crate) fn receipt_for(document: &Document) -> Receipt {
    Receipt {
        record_id: document.record_id.clone(),
        version: document.version,
        delivered: Some(Delivered {
            version: document.version,
            source_digest: document.source_digest,
            document_digest: document.digest,
            key: document.key.clone(),
            written: Written { id: "100001".to_owned(), number: document.number.clone() },
            flow_ordinal: document.flow_version.ordinal,
            at: Timestamp::UNIX_EPOCH,
            standing: Standing::Held,
            repaired: document.repaired,
        }),
        attempt: None,
    }
}
