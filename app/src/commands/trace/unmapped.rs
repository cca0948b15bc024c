//! Records that were polled and not mapped yet: the ledger learns of a record by its document, so a number that it does not
//! know may stand in the raw topic behind a flow that is paused, halted or behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use weir_kafka::{Cluster, Error, Message, Sweep, TopicPartition, Watermarks, inspect};
use weir_ledger::trace::Place;
use weir_model::{flow::FlowSpec, lookup::field_of, numbers::numbers_of, record::RawRecord};
use weir_runtime::topics::Topics;
use weir_schemas::Codec;

/// The most records of a partition that are looked at, the newest.
const MOST: i64 = 20_000;
/// Records and bytes that are read at a time.
const TURN: (usize, usize) = (2_000, 8 << 20);
const POLL: Duration = Duration::from_millis(100);
/// How long is read at most: who asks for a number waits for the answer.
const LIMIT: Duration = Duration::from_secs(20);

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

/// A flow to look behind.
pub struct Flow<'f> {
    /// What its file says.
    pub spec: &'f FlowSpec,
    /// For each partition the offset behind the newest record that the ledger has a document of: brokers that keep no
    /// group's offsets are helped by it.
    pub mapped: Vec<(i64, i64)>,
}

/// Where each flow goes on in each partition of its source.
type Next<'f> = BTreeMap<TopicPartition, Vec<(&'f FlowSpec, i64)>>;

/// Looks through what flows have not mapped yet.
///
/// # Errors
/// Kafka does not answer.
pub fn look(
    cluster: &Cluster,
    codec: &Codec,
    topics: &Topics,
    flows: &[Flow<'_>],
    wanted: &[String],
) -> Result<BTreeMap<String, Behind>, Error> {
    let mut sweep = Sweep::open(cluster)?;
    let named: BTreeSet<String> = flows.iter().map(|flow| topics.raw(&flow.spec.source.name)).collect();
    let ends = sweep.find(&named.into_iter().collect::<Vec<_>>())?.partitions;
    let next = next(cluster, topics, flows, &ends)?;
    let mut behind: BTreeMap<String, Behind> =
        flows.iter().map(|flow| (flow.spec.name.to_string(), Behind::default())).collect();
    let mut starts = Vec::new();
    for (partition, ends) in ends {
        let Some(flows) = next.get(&partition) else { continue };
        let oldest = flows.iter().map(|(_, next)| *next).min().unwrap_or(ends.high).max(ends.low);
        let from = oldest.max(ends.high - MOST);
        // Markers of transactions take offsets too: what is read is counted, and of what is too much the offsets.
        for (flow, next) in flows {
            let passed = u64::try_from(from - next.max(&ends.low)).unwrap_or(0);
            behind.entry(flow.name.to_string()).or_default().records += passed;
        }
        if from < ends.high {
            starts.push((partition, from));
        }
    }
    sweep.assign(&starts)?;
    let deadline = Instant::now() + LIMIT;
    while !sweep.has_ended() && Instant::now() < deadline {
        for message in sweep.poll(TURN.0, TURN.1, POLL)? {
            let flows = next.get(&message.topic_partition()).map_or(&[][..], Vec::as_slice);
            take(codec, &message, flows, wanted, &mut behind);
        }
    }
    Ok(behind)
}

/// Where the flows go on: behind what their groups have committed and what the ledger knows to be mapped.
fn next<'f>(
    cluster: &Cluster,
    topics: &Topics,
    flows: &[Flow<'f>],
    ends: &[(TopicPartition, Watermarks)],
) -> Result<Next<'f>, Error> {
    let mut next = Next::new();
    for flow in flows {
        let raw = topics.raw(&flow.spec.source.name);
        let own = ends.iter().map(|(partition, _)| partition).filter(|partition| *partition.topic == *raw);
        let own: Vec<TopicPartition> = own.cloned().collect();
        for (partition, committed) in
            inspect::committed_by(cluster, &topics.processors_group(&flow.spec.name), &own)?
        {
            let known = flow.mapped.iter().find(|(number, _)| *number == i64::from(partition.partition));
            let offset = committed.unwrap_or(0).max(known.map_or(0, |(_, next)| *next));
            next.entry(partition).or_default().push((flow.spec, offset));
        }
    }
    Ok(next)
}

/// Takes in a raw record, for each flow that has not mapped it.
fn take(
    codec: &Codec,
    message: &Message,
    flows: &[(&FlowSpec, i64)],
    wanted: &[String],
    behind: &mut BTreeMap<String, Behind>,
) {
    let Some(Ok(raw)) = message.value.as_ref().map(|value| codec.decode::<RawRecord>(value)) else { return };
    for (flow, _) in flows.iter().filter(|(_, next)| message.offset >= *next) {
        let behind = behind.entry(flow.name.to_string()).or_default();
        behind.records += 1;
        let numbers = numbers(flow, &raw);
        let fitting = wanted.iter().filter(|wanted| numbers.contains(wanted));
        behind.found.extend(fitting.map(|wanted| Found {
            wanted: wanted.clone(),
            record_id: raw.id.to_string(),
            polled_at: raw.polled_at,
            topic: message.topic.to_string(),
            place: Place { partition: message.partition.into(), offset: message.offset },
        }));
    }
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
