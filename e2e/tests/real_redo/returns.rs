//! What comes of a flow's records once more: read out of its topics, and written as the jobs and the poll write it.

use std::ops::ControlFlow;

use serde_json::Value;
use weir_kafka::{
    Isolation, Message, OutRecord, Publisher, StartOffset, TopicPartition, reader::read_to_end,
};
use weir_model::{
    letter::DeadLetter,
    names::{FlowName, RecordId, SourceName},
    record::{Position, RawRecord, Reason, Version},
};
use weir_runtime::topics::FLOW_PARTITIONS;
use weir_schemas::{Codec, JOB_HEADER, REASON_HEADER, RedoRecord};

use crate::stand::Stand;

const LETTER_PARTITIONS: i32 = 3;
/// As a job of that name writes it.
const JOB: &str = "e2e";

fn read(stand: &Stand, topic: &str, partitions: i32) -> Vec<Message> {
    let mut messages = Vec::new();
    for number in 0..partitions {
        let partition = TopicPartition::new(topic, number);
        let take = |message| {
            messages.push(message);
            ControlFlow::Continue(())
        };
        read_to_end(stand.cluster(), &partition, StartOffset::Beginning, Isolation::Committed, take).unwrap();
    }
    messages
}

/// The letters of a flow.
pub fn letters(stand: &Stand, flow: &str) -> Vec<DeadLetter> {
    placed_letters(stand, flow).into_iter().map(|(_, letter)| letter).collect()
}

/// The letters of a flow, each with its place: partition and offset.
pub fn placed_letters(stand: &Stand, flow: &str) -> Vec<(String, DeadLetter)> {
    let placed = |message: Message| {
        let place = format!("{}:{}", message.partition, message.offset);
        (place, Codec::single_object().decode(&message.value.unwrap()).unwrap())
    };
    read(stand, &stand.topics().dead(flow), LETTER_PARTITIONS).into_iter().map(placed).collect()
}

/// All that was ever sent into a flow once more.
pub fn sent_again(stand: &Stand, flow: &str) -> Vec<RedoRecord> {
    let messages = read(stand, &stand.topics().redo(&FlowName::from(flow)), FLOW_PARTITIONS);
    messages
        .iter()
        .map(|message| Codec::single_object().decode(message.value.as_ref().unwrap()).unwrap())
        .collect()
}

/// Every raw record of a source, as a replay copies it.
pub fn replay(stand: &Stand, source: &str) -> Vec<RedoRecord> {
    let topic = stand.topics().raw(&SourceName::from(source));
    let again = |message: &Message| {
        let record: RawRecord = Codec::single_object().decode(message.value.as_ref().unwrap()).unwrap();
        let version = Version {
            modified_us: record.modified.map_or(0, |modified| modified.as_microsecond()),
            appended_ms: message.timestamp_ms.unwrap(),
            offset: message.offset,
        };
        let Message { partition, offset, .. } = *message;
        RedoRecord {
            record: RawRecord { reason: Reason::Replay, ..record },
            version,
            origin: Position { topic: topic.clone(), partition, offset },
            repaired: false,
            job: JOB.to_owned(),
        }
    };
    read(stand, &topic, FLOW_PARTITIONS).iter().map(again).collect()
}

/// A letter, resent as it is or with what a person made of its record.
pub fn resend(letter: &DeadLetter, source: &str, repaired: Option<&Value>) -> RedoRecord {
    let payload = repaired.map_or_else(|| letter.payload.clone(), |value| value.to_string().into());
    RedoRecord {
        record: RawRecord {
            source: SourceName::from(source),
            id: RecordId::from(letter.record_id.as_str()),
            payload,
            digest: letter.source_digest,
            modified: None,
            polled_at: letter.at,
            reason: Reason::Retry,
            deleted: letter.deleted,
        },
        version: letter.version,
        origin: letter.origin.clone().unwrap(),
        repaired: repaired.is_some(),
        job: JOB.to_owned(),
    }
}

/// Puts records onto the topic of those that re-enter a flow, each in the partition of its origin.
pub fn send_again(stand: &Stand, flow: &str, records: &[RedoRecord]) {
    let topic = stand.topics().redo(&FlowName::from(flow));
    let out = |redo: &RedoRecord| {
        OutRecord::new(topic.as_str(), redo.record.id.to_string(), Codec::single_object().encode(redo))
            .to_partition(redo.origin.partition)
            .with_header(JOB_HEADER, JOB)
    };
    publish(stand, &records.iter().map(out).collect::<Vec<_>>());
}

/// Publishes the records of letters as their source sent them, as a poll, a remedy, a backfill or a fix finds them again.
pub fn poll_again(stand: &Stand, source: &str, letters: &[DeadLetter], reason: Reason) {
    let topic = stand.topics().raw(&SourceName::from(source));
    let known = replay(stand, source);
    let out = |letter: &DeadLetter| {
        let origin = letter.origin.as_ref().unwrap();
        let redo = known.iter().find(|redo| redo.origin == *origin).unwrap();
        let record = RawRecord { reason, ..redo.record.clone() };
        OutRecord::new(topic.as_str(), record.id.to_string(), Codec::single_object().encode(&record))
            .to_partition(origin.partition)
            .with_header(REASON_HEADER, reason.as_str())
    };
    publish(stand, &letters.iter().map(out).collect::<Vec<_>>());
}

fn publish(stand: &Stand, records: &[OutRecord]) {
    Publisher::open(stand.cluster()).unwrap().publish(records).unwrap();
}
