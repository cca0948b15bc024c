//! Records that were polled and not mapped yet: the ledger learns of a record by its document, so a number that it does not
//! know may stand in the raw topic behind a flow that is paused, halted or behind.

use std::ops::ControlFlow;

use jiff::Timestamp;
use weir_kafka::{Cluster, Error, Isolation, StartOffset, TopicPartition, inspect, reader};
use weir_ledger::trace::Place;
use weir_model::{flow::FlowSpec, lookup::field_of, numbers::numbers_of, record::RawRecord};
use weir_runtime::topics::{FLOW_PARTITIONS, Topics};
use weir_schemas::Codec;

/// The most records of a partition that are looked at, the newest.
const MOST: i64 = 20_000;

/// What a flow has not mapped yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// How many records.
    pub records: u64,
    /// Those of them that a wanted number belongs to.
    pub found: Vec<Found>,
}

/// A record that was found among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number that was asked for.
    pub wanted: String,
    /// The record's id.
    pub record_id: String,
    /// When it was polled.
    pub polled_at: Timestamp,
    /// The raw topic.
    pub topic: String,
    /// Where it stands there.
    pub place: Place,
}

/// Looks through what a flow has not mapped yet. `mapped` is, for each partition, the offset behind the newest record
/// that the ledger has a document of: brokers that keep no group's offsets are helped by it.
///
/// # Errors
/// Kafka does not answer.
pub fn look(
    cluster: &Cluster,
    codec: &Codec,
    topics: &Topics,
    flow: &FlowSpec,
    mapped: &[(i64, i64)],
    wanted: &[String],
) -> Result<Behind, Error> {
    let topic = topics.raw(&flow.source.name);
    let partitions: Vec<TopicPartition> =
        (0..FLOW_PARTITIONS).map(|number| TopicPartition::new(topic.as_str(), number)).collect();
    let committed = inspect::committed_by(cluster, &topics.processors_group(&flow.name), &partitions)?;
    let mut behind = Behind::default();
    for (partition, committed) in committed {
        let ends = reader::watermarks(cluster, &partition, Isolation::Committed)?;
        let known = mapped.iter().find(|(number, _)| *number == i64::from(partition.partition));
        let next = committed.unwrap_or(0).max(known.map_or(0, |(_, next)| *next)).max(ends.low);
        behind.records += u64::try_from(ends.high - next).unwrap_or(0);
        if next >= ends.high {
            continue;
        }
        let start = StartOffset::At(next.max(ends.high - MOST));
        reader::read_to_end(cluster, &partition, start, Isolation::Committed, |message| {
            let Some(Ok(raw)) = message.value.map(|value| codec.decode::<RawRecord>(&value)) else {
                return ControlFlow::Continue(());
            };
            let place = Place { partition: message.partition.into(), offset: message.offset };
            let numbers = numbers(flow, &raw);
            let fitting = wanted.iter().filter(|wanted| numbers.contains(wanted));
            behind.found.extend(fitting.map(|wanted| Found {
                wanted: wanted.clone(),
                record_id: raw.id.to_string(),
                polled_at: raw.polled_at,
                topic: topic.clone(),
                place,
            }));
            ControlFlow::Continue(())
        })?;
    }
    Ok(behind)
}

/// The numbers of a raw record: those that the ledger would file it under, but for what only a document has.
fn numbers(flow: &FlowSpec, raw: &RawRecord) -> Vec<String> {
    let mut numbers = numbers_of(&raw.payload, &flow.source.numbers);
    numbers.push(raw.id.to_string());
    if let Ok(payload) = serde_json::from_slice(&raw.payload) {
        numbers.extend(field_of(&payload, &flow.source.metadata.number));
    }
    numbers
}
