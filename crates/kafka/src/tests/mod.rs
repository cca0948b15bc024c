//! The crate against the in-process broker, which can also be told to fail.

mod group;
mod reading;
mod transactions;

use std::time::{Duration, Instant};

use crate::{
    Cluster, GroupConsumer, GroupOptions, Message, OutRecord, Polled, Publisher, StartOffset, TopicPartition,
    TopicSpec,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// An in-process broker with one topic `in` of that many partitions and one topic `out` of one.
pub(crate) fn cluster(partitions: i32) -> Cluster {
    Cluster::in_process(&[TopicSpec::new("in", partitions), TopicSpec::new("out", 1)]).unwrap()
}

pub(crate) fn first_partition(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

/// Writes numbered records to partition 0 of a topic.
fn publish(cluster: &Cluster, topic: &str, count: usize) {
    let records: Vec<OutRecord> = (0..count)
        .map(|number| {
            OutRecord::new(topic, format!("k{number}"), format!("v{number}"))
                .to_partition(0)
                .with_header("traceparent", "00-1-2-03")
        })
        .collect();
    Publisher::open(cluster).unwrap().publish(&records).unwrap();
}

pub(crate) fn options(instance: &str) -> GroupOptions {
    GroupOptions::new("group", instance, &["in"])
}

fn values(records: &[Message]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.value.as_ref().unwrap().to_vec()).unwrap()).collect()
}

/// Polls until `wanted` answers, answering nothing itself.
fn poll_until<T>(consumer: &mut GroupConsumer, mut wanted: impl FnMut(Polled) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = wanted(consumer.poll(1_000, 1 << 20, Duration::from_millis(100)).unwrap()) {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "what was waited for did not come");
    }
}

/// Polls until partitions are assigned and takes them from their beginning.
pub(crate) fn take_assignment(consumer: &mut GroupConsumer) -> Vec<TopicPartition> {
    let partitions = poll_until(consumer, |polled| match polled {
        Polled::Assigned(partitions) => Some(partitions),
        _ => None,
    });
    let starts: Vec<_> =
        partitions.iter().map(|partition| (partition.clone(), StartOffset::Beginning)).collect();
    consumer.assign(&starts).unwrap();
    partitions
}

/// Polls until that many records came.
fn take_records(consumer: &mut GroupConsumer, count: usize) -> Vec<Message> {
    let mut records = Vec::new();
    poll_until(consumer, |polled| {
        if let Polled::Batch(batch) = polled {
            records.extend(batch.records);
        }
        (records.len() >= count).then_some(())
    });
    records
}
