//! What a flow reads: the raw records of a source, or the receipts of another flow (design §8), and how a message becomes
//! the mapping's input. Pure; whoever shows what a flow would make of a record reads it in the same way.

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use weir_kafka::Message;
use weir_model::{
    digest::Digest,
    names::{FlowName, SourceName},
    processor::Input,
    receipt::{Delivered, Receipt, Standing},
    record::{Position, RawRecord, Reason, Version},
};
use weir_schemas::Codec;

use crate::{stage::StageError, topics::Topics};

/// Where the records of a flow come from.
#[derive(Clone, Debug)]
pub enum Intake {
    /// The raw records of a source that is polled.
    Raw(SourceName),
    /// What another flow delivered: a record for each receipt that tells of a document the target holds.
    Receipts {
        /// The name of this source.
        source: SourceName,
        /// The flow that delivers.
        flow: FlowName,
        /// The zone of `delivered_at`.
        zone: TimeZone,
    },
}

impl Intake {
    /// The topic that it reads.
    pub fn topic(&self, topics: &Topics) -> String {
        match self {
            Self::Raw(source) => topics.raw(source),
            Self::Receipts { flow, .. } => topics.receipt(flow),
        }
    }

    /// A message of that topic as the mapping takes it; `None` for a receipt that tells of nothing the target holds in
    /// whole. `has_append_times` says whether the broker tells when it took a record; the time of the poll stands in
    /// where it does not (design §10).
    ///
    /// # Errors
    /// [`StageError::Foreign`] and [`StageError::Unreadable`] for what is no such record.
    pub fn input(
        &self,
        codec: &Codec,
        message: &Message,
        has_append_times: bool,
    ) -> Result<Option<Input>, StageError> {
        let place = || format!("{}/{} offset {}", message.topic, message.partition, message.offset);
        let unreadable = |source| StageError::Unreadable { place: place(), source };
        let value = match (self, &message.value) {
            (_, Some(value)) => value,
            (Self::Receipts { .. }, None) => return Ok(None),
            (Self::Raw(_), None) => return Err(StageError::Foreign { place: place() }),
        };
        let origin = Position {
            topic: message.topic.to_string(),
            partition: message.partition,
            offset: message.offset,
        };
        match self {
            Self::Raw(_) => {
                let record: RawRecord = codec.decode(value).map_err(unreadable)?;
                let append_time = message.timestamp_ms.filter(|_| has_append_times);
                let version = Version {
                    modified_us: record.modified.map_or(0, Timestamp::as_microsecond),
                    appended_ms: append_time.unwrap_or_else(|| record.polled_at.as_millisecond()),
                    offset: message.offset,
                };
                Ok(Some(input(record, version, origin)))
            }
            Self::Receipts { source, zone, .. } => {
                let receipt: Receipt = codec.decode(value).map_err(unreadable)?;
                Ok(self.of_receipt(receipt, source, zone, origin))
            }
        }
    }

    /// The record that a receipt makes. Its version is that of the delivered state, and the offset orders receipts of
    /// one state: the sink never goes back, so neither do they (invariant 4). An attempt after it gives the same record
    /// again, which the sink of this flow leaves unchanged: compaction may have removed the receipt that was first.
    fn of_receipt(
        &self,
        receipt: Receipt,
        source: &SourceName,
        zone: &TimeZone,
        origin: Position,
    ) -> Option<Input> {
        let delivered = receipt.delivered.filter(|delivered| delivered.standing != Standing::Incomplete)?;
        let Self::Receipts { flow, .. } = self else { return None };
        let version = Version { offset: origin.offset, ..delivered.version };
        let Delivered { key, written, flow_ordinal, at, standing, .. } = delivered;
        let number = if written.number.is_empty() { &key } else { &written.number };
        let payload = json!({
            "record_id": receipt.record_id.as_str(),
            "number": number,
            "key": key,
            "target_id": written.id,
            "target_number": written.number,
            "delivered_at": at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            "flow": flow.as_str(),
            "flow_version": flow_ordinal,
        });
        let payload = Bytes::from(payload.to_string());
        let record = RawRecord {
            source: source.clone(),
            id: receipt.record_id,
            digest: Digest::of(&payload),
            payload,
            modified: Timestamp::from_microsecond(version.modified_us)
                .ok()
                .filter(|_| version.modified_us != 0),
            polled_at: at,
            reason: Reason::Poll,
            deleted: standing == Standing::Removed,
        };
        Some(input(record, version, origin))
    }
}

/// A record with its `NOW()`: when the raw topic took it.
pub(super) fn input(record: RawRecord, version: Version, origin: Position) -> Input {
    let appended_at = Timestamp::from_millisecond(version.appended_ms).unwrap_or(record.polled_at);
    Input { record, origin, version, appended_at }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use weir_model::{names::RecordId, outcome::Written};

    use super::*;

    fn receipt(standing: Standing) -> Receipt {
        let version = Version { modified_us: 5_000_000, appended_ms: 6_000, offset: 900 };
        Receipt {
            record_id: RecordId::from("r-1"),
            version: Version { modified_us: 9_000_000, ..version },
            delivered: Some(Delivered {
                version,
                source_digest: Digest::of(b"source"),
                document_digest: Digest::of(b"document"),
                key: "C-1".to_owned(),
                written: Written { id: "100234".to_owned(), number: "KH0001".to_owned() },
                flow_ordinal: 3,
                at: Timestamp::from_second(1_700_000_000).unwrap(),
                standing,
                repaired: false,
            }),
            attempt: None,
        }
    }

    fn taken(receipt: Option<&Receipt>, offset: i64) -> Option<Input> {
        let codec = Codec::single_object();
        let intake = Intake::Receipts {
            source: SourceName::from("receipts-customers"),
            flow: FlowName::from("customers"),
            zone: TimeZone::fixed(jiff::tz::offset(8)),
        };
        let message = Message {
            topic: Arc::from("weir.receipt.customers"),
            partition: 2,
            offset,
            key: None,
            value: receipt.map(|receipt| Bytes::from(codec.encode(receipt))),
            timestamp_ms: Some(1),
            headers: Vec::new(),
        };
        intake.input(&codec, &message, true).unwrap()
    }

    #[test]
    fn a_delivered_document_is_a_record_with_what_the_target_calls_it() {
        let input = taken(Some(&receipt(Standing::Held)), 40).unwrap();
        let payload: serde_json::Value = serde_json::from_slice(&input.record.payload).unwrap();
        let told = json!({
            "record_id": "r-1", "number": "KH0001", "key": "C-1", "target_id": "100234", "target_number": "KH0001",
            "delivered_at": "2023-11-15 06:13:20", "flow": "customers", "flow_version": 3,
        });
        assert_eq!(payload, told);
        assert_eq!((input.record.id.as_str(), input.record.deleted), ("r-1", false));
        assert_eq!(input.version, Version { modified_us: 5_000_000, appended_ms: 6_000, offset: 40 });
        assert_eq!(input.record.modified, Some(Timestamp::from_second(5).unwrap()));
        assert_eq!(input.origin.topic, "weir.receipt.customers");
    }

    #[test]
    fn a_target_without_numbers_gives_its_key() {
        let mut unnumbered = receipt(Standing::Held);
        unnumbered.delivered.as_mut().unwrap().written.number.clear();
        let payload = taken(Some(&unnumbered), 1).unwrap().record.payload;
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((&payload["number"], &payload["target_number"]), (&json!("C-1"), &json!("")));
    }

    #[test]
    fn what_was_taken_back_is_a_removed_record_and_newer_than_what_was_there() {
        let (held, removed) = (receipt(Standing::Held), receipt(Standing::Removed));
        let (held, removed) = (taken(Some(&held), 1).unwrap(), taken(Some(&removed), 2).unwrap());
        assert!(removed.record.deleted && removed.version > held.version);
        assert_eq!(removed.record.digest, held.record.digest);
    }

    #[test]
    fn nothing_comes_of_what_is_not_delivered_in_whole() {
        let undelivered = Receipt { delivered: None, ..receipt(Standing::Held) };
        assert!(taken(Some(&undelivered), 1).is_none());
        assert!(taken(Some(&receipt(Standing::Incomplete)), 1).is_none());
        assert!(taken(None, 1).is_none());
        assert!(taken(Some(&receipt(Standing::Kept)), 1).is_some());
    }
}
