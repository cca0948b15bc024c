//! `kill -9` in the middle of a transaction: how soon its work goes on, by the same instance and by another.
//!
//! The victim is this very test, run again as a process of its own with `WEIR_TEST_VICTIM` set.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir_kafka::{Cluster, GroupConsumer, ProducerOptions, TopicPartition, TransactionalProducer};

use super::{
    PATIENCE, cluster, committed_values, join, publish, record, take_assignment, take_batch, text, topic,
    unique,
};

const VICTIM: &str = "WEIR_TEST_VICTIM";
const READY: &str = "the transaction is open";

/// Everything victim and heir must agree on, as one environment variable.
struct Scene {
    source: TopicPartition,
    out: TopicPartition,
    group: String,
    id: String,
}

impl Scene {
    fn set(cluster: &Cluster) -> Self {
        let scene = Self {
            source: topic(cluster, "takeover-in", &[]),
            out: topic(cluster, "takeover-out", &[]),
            group: unique("takeover"),
            id: unique("takeover"),
        };
        publish(cluster, &scene.source, &["0", "1", "2"]);
        scene
    }

    fn to_text(&self) -> String {
        [&self.source.topic, &self.out.topic, self.group.as_str(), self.id.as_str()].join(" ")
    }

    fn from_text(text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        Self {
            source: TopicPartition::new(parts[0], 0),
            out: TopicPartition::new(parts[1], 0),
            group: parts[2].to_owned(),
            id: parts[3].to_owned(),
        }
    }
}

/// Sends what it read into a transaction and leaves it open.
fn open_transaction(
    scene: &Scene,
    consumer: &mut GroupConsumer,
    producer: &mut TransactionalProducer,
    who: &str,
) {
    let mut next = None;
    let batch = take_batch(consumer);
    producer.begin().unwrap();
    for message in &batch.records {
        producer.send(&record(&scene.out, "k", &format!("{} by {who}", text(message)))).unwrap();
        next = Some(message.offset + 1);
    }
    producer.send_offsets(&[(scene.source.clone(), next.unwrap())], &batch.group).unwrap();
}

fn be_the_victim(scene: &Scene) {
    let cluster = cluster();
    let mut producer = TransactionalProducer::init(&cluster, ProducerOptions::new(&scene.id)).unwrap();
    let mut consumer = join(&cluster, &scene.group, "victim", &scene.source.topic);
    take_assignment(&mut consumer);
    open_transaction(scene, &mut consumer, &mut producer, "the victim");
    println!("{READY}");
    // Goes on polling so that nothing but the kill ends its membership.
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let _still_a_member = consumer.poll(1, 1, Duration::from_millis(100));
    }
}

/// Runs the test as a victim and kills it when its transaction is open.
fn kill_a_victim(test: &str, scene: &Scene) -> Instant {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(VICTIM, scene.to_text())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let ready = lines.any(|line| line.unwrap().ends_with(READY));
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(ready, "the victim ended before its transaction was open");
    Instant::now()
}

fn take_over(test: &str, instance: &str, same_id: bool) {
    if let Ok(scene) = std::env::var(VICTIM) {
        return be_the_victim(&Scene::from_text(&scene));
    }
    let cluster = cluster();
    let scene = Scene::set(&cluster);
    let killed = kill_a_victim(test, &scene);
    let id = if same_id { scene.id.clone() } else { unique("heir") };
    let mut producer = TransactionalProducer::init(&cluster, ProducerOptions::new(&id)).unwrap();
    println!("{test}: transactional id ready after {:?}", killed.elapsed());
    let mut consumer = join(&cluster, &scene.group, instance, &scene.source.topic);
    take_assignment(&mut consumer);
    println!("{test}: partition taken over after {:?}", killed.elapsed());
    open_transaction(&scene, &mut consumer, &mut producer, "the heir");
    producer.commit().unwrap();
    println!("{test}: first commit after {:?}", killed.elapsed());
    assert_eq!(
        committed_values(&cluster, &scene.out),
        ["0 by the heir", "1 by the heir", "2 by the heir"],
        "nothing lost, nothing double"
    );
    println!("{test}: readable after {:?}", killed.elapsed());
}

#[test]
fn takeover_after_kill_by_the_same_instance() {
    take_over("takeover::takeover_after_kill_by_the_same_instance", "victim", true);
}

#[test]
fn takeover_after_kill_by_another_instance() {
    take_over("takeover::takeover_after_kill_by_another_instance", "heir", false);
}
