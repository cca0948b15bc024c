//! What client and broker really do, asked of a real Apache Kafka: the ground the stage loops stand on.
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it) and, for the test that restarts a broker, on
//! what `weir_testkit::broker` needs. Measured times are printed: run with `--nocapture` to read them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod broker;
mod fencing;
mod measures;
mod membership;
mod reading;
mod takeover;
mod topics;
mod trimming;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use weir_kafka::{
    Admin, Batch, Cluster, GroupConsumer, GroupOptions, Isolation, Message, OutRecord, Polled,
    ProducerOptions, Publisher, ReadEnd, Settings, StartOffset, TopicPartition, TopicSpec,
    TransactionalProducer, reader,
};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The broker of this test run.
fn cluster() -> Cluster {
    let Ok(brokers) = std::env::var("WEIR_KAFKA") else {
        panic!(
            "these tests need a real Kafka: run `cargo xtask test`, or set WEIR_KAFKA to its bootstrap servers"
        )
    };
    Cluster::remote(Settings::plaintext(brokers)).unwrap()
}

/// A name no other test, and no earlier run on the same broker, uses.
fn unique(name: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!("weir-test-{now:x}-{}-{name}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Makes a topic of one partition with these settings and names the partition.
fn topic(cluster: &Cluster, name: &str, settings: &[(&str, &str)]) -> TopicPartition {
    partitioned_topic(cluster, name, 1, settings)
}

fn partitioned_topic(
    cluster: &Cluster,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> TopicPartition {
    let mut spec = TopicSpec::new(unique(name), partitions);
    for (setting, value) in settings {
        spec = spec.with(*setting, *value);
    }
    let admin = Admin::open(cluster).unwrap();
    admin.wait_ready(PATIENCE).unwrap();
    admin.apply(std::slice::from_ref(&spec), 1).unwrap();
    TopicPartition::new(spec.name, 0)
}

fn producer(cluster: &Cluster, id: &str) -> TransactionalProducer {
    TransactionalProducer::init(cluster, ProducerOptions::new(id)).unwrap()
}

fn record(partition: &TopicPartition, key: &str, value: &str) -> OutRecord {
    OutRecord::new(partition.topic.clone(), key.to_owned(), value.to_owned())
        .to_partition(partition.partition)
}

/// Writes records outside any transaction.
fn publish(cluster: &Cluster, partition: &TopicPartition, values: &[&str]) {
    let records: Vec<OutRecord> = values.iter().map(|value| record(partition, value, value)).collect();
    Publisher::open(cluster).unwrap().publish(&records).unwrap();
}

fn text(message: &Message) -> String {
    String::from_utf8(message.value.as_deref().unwrap_or_default().to_vec()).unwrap()
}

/// All values of a partition a reader of this isolation sees, and where it ended.
fn read(cluster: &Cluster, partition: &TopicPartition, isolation: Isolation) -> (Vec<String>, ReadEnd) {
    let mut values = Vec::new();
    let end = reader::read_to_end(cluster, partition, StartOffset::Beginning, isolation, |message| {
        values.push(text(&message));
        ControlFlow::Continue(())
    });
    (values, end.unwrap())
}

fn committed_values(cluster: &Cluster, partition: &TopicPartition) -> Vec<String> {
    read(cluster, partition, Isolation::Committed).0
}

/// Waits until `reached` answers.
fn wait_for<T>(what: &str, mut reached: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = reached() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A member with the shortest session a stock broker allows.
fn join(cluster: &Cluster, group: &str, instance: &str, topic: &str) -> GroupConsumer {
    let mut options = GroupOptions::new(group, instance, &[topic]);
    options.session_timeout = Duration::from_secs(6);
    options.max_poll_interval = Duration::from_secs(6);
    GroupConsumer::join(cluster, options).unwrap()
}

fn poll(consumer: &mut GroupConsumer) -> Polled {
    consumer.poll(1_000, 1 << 20, Duration::from_millis(100)).unwrap()
}

fn wait_for_assignment(consumer: &mut GroupConsumer) -> Vec<TopicPartition> {
    wait_for("an assignment", || match poll(consumer) {
        Polled::Assigned(partitions) => Some(partitions),
        Polled::Idle => None,
        other => panic!("expected an assignment, got {other:?}"),
    })
}

/// Waits for partitions and reads each from its committed offset, or its beginning.
fn take_assignment(consumer: &mut GroupConsumer) -> Vec<TopicPartition> {
    let partitions = wait_for_assignment(consumer);
    let starts: Vec<_> = consumer
        .committed(&partitions, PATIENCE)
        .unwrap()
        .into_iter()
        .map(|(partition, offset)| (partition, offset.map_or(StartOffset::Beginning, StartOffset::At)))
        .collect();
    consumer.assign(&starts).unwrap();
    partitions
}

fn take_batch(consumer: &mut GroupConsumer) -> Batch {
    wait_for("a batch", || match poll(consumer) {
        Polled::Batch(batch) => Some(batch),
        Polled::Idle => None,
        other => panic!("expected a batch, got {other:?}"),
    })
}
