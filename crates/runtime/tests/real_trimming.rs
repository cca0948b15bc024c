//! Trimming on a real Apache Kafka: what is old and was read by every flow goes, and nothing else does; who is left
//! behind is told, and a halted flow keeps its place (invariant 3).
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use support::{Bench, FakeTarget, Say, documents, wait_for};
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Admin, GroupConsumer, GroupOptions, Inspector, OutRecord, Polled, Publisher, TopicPartition,
};
use weir_model::names::FlowName;
use weir_runtime::{
    health::Condition,
    topics::FLOW_PARTITIONS,
    trim::{Horizons, Trimmer},
};

const PASSED: Duration = Duration::ZERO;
const FAR: Duration = Duration::from_secs(86_400);

fn trimmer(bench: &Bench, horizon: Duration, flows: &[&str]) -> Trimmer {
    Trimmer {
        deployment: bench.deployment.clone(),
        horizons: Horizons { raw: horizon, doc: horizon },
        flows: flows.iter().map(|flow| (FlowName::from(*flow), Some(bench.source.clone()))).collect(),
        raw: true,
        doc: true,
        stop: CancellationToken::new(),
    }
}

fn partitions(topic: &str) -> Vec<TopicPartition> {
    (0..FLOW_PARTITIONS).map(|number| TopicPartition::new(topic, number)).collect()
}

/// How many offsets lie before the beginnings of a topic's partitions.
fn trimmed(bench: &Bench, topic: &str) -> i64 {
    let inspector = Inspector::open(&bench.deployment.cluster).unwrap();
    partitions(topic).iter().map(|partition| inspector.ends(partition).unwrap().low).sum()
}

fn ids(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| format!("a{number}")).collect()
}

/// Maps what there is as one flow, until its topic holds so many documents.
fn map(bench: &Bench, count: usize) {
    let stage = bench.map();
    wait_for("all documents", || (bench.documents().len() >= count).then_some(()));
    stage.stop().unwrap();
}

#[test]
fn what_is_old_and_read_is_removed_and_nothing_else() {
    let bench = Bench::real("trim");
    let (raw, doc) = {
        let topics = &bench.deployment.topics;
        (topics.raw(&bench.source), topics.doc(&bench.flow))
    };
    bench.send_raw(&ids(0..60));
    trimmer(&bench, PASSED, &["flow"]).once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 0, "nobody has read it");

    map(&bench, 60);
    trimmer(&bench, FAR, &["flow"]).once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 0, "it was read and is young");
    trimmer(&bench, PASSED, &["flow"]).once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 60, "it was read and is old");
    assert_eq!(trimmed(&bench, &doc), 0, "the documents have not been delivered");

    let target = Arc::new(FakeTarget::new(10));
    let sink = bench.deliver(&target);
    assert_eq!(bench.wait_for_ended(60).delivered, 60);
    sink.stop().unwrap();
    trimmer(&bench, PASSED, &["flow"]).once().unwrap();
    assert!(trimmed(&bench, &doc) >= 60, "and markers");
    assert!(bench.documents().is_empty());

    // The flow goes on where it was; nothing is read again and nothing is missed.
    bench.send_raw(&ids(60..80));
    let (stage, sink) = (bench.map(), bench.deliver(&target));
    assert_eq!(bench.wait_for_ended(80).delivered, 80);
    stage.stop().unwrap();
    sink.stop().unwrap();
    assert!(target.writes().len() == 80 && target.writes().values().all(|writes| *writes == 1));
}

#[test]
fn every_flow_that_reads_a_source_holds_its_records() {
    let mut bench = Bench::real("trim-two");
    let topics = bench.deployment.topics.clone();
    let (raw, second) = (topics.raw(&bench.source), FlowName::from("second"));
    Admin::open(&bench.deployment.cluster)
        .unwrap()
        .apply(&topics.specs([&bench.source], [&second]), 1)
        .unwrap();
    // Flows that were published are known by the keys of their texts.
    let texts =
        ["flow@1", "second@1"].map(|key| OutRecord::new(topics.control(), key, "text").to_partition(0));
    Publisher::open(&bench.deployment.cluster).unwrap().publish(&texts).unwrap();
    bench.send_raw(&ids(0..30));
    map(&bench, 30);
    trimmer(&bench, PASSED, &["flow", "second"]).once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 0, "a configured flow that has read nothing holds all of it");

    bench.send_raw(&ids(30..31));
    bench.flow = second;
    map(&bench, 31);
    let both = trimmer(&bench, PASSED, &["flow", "second"]);
    both.once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 30, "up to where the slower one stands");

    bench.send_raw(&ids(31..40));
    bench.flow = FlowName::from("flow");
    map(&bench, 40);
    trimmer(&bench, PASSED, &["flow"]).once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 31, "a flow of another project holds what its group has not read");
    trimmer(&bench, PASSED, &["second"]).once().unwrap();
    assert_eq!(trimmed(&bench, &raw), 31, "whichever of them trims");
}

#[test]
fn a_flow_whose_place_is_gone_halts_and_skips_nothing() {
    let bench = Bench::real("trim-gone");
    bench.send_raw(&ids(0..60));
    map(&bench, 60);
    bench.send_raw(&ids(60..120));
    // By somebody else's hand: Weir does not.
    let raw = bench.deployment.topics.raw(&bench.source);
    let inspector = Inspector::open(&bench.deployment.cluster).unwrap();
    let ends: Vec<_> = partitions(&raw)
        .into_iter()
        .map(|partition| (partition.clone(), inspector.ends(&partition).unwrap().high))
        .collect();
    Admin::open(&bench.deployment.cluster).unwrap().trim(&ends).unwrap();
    let stage = bench.map();
    let why = wait_for("the halt", || {
        bench.deployment.health.conditions().into_values().find_map(|condition| match condition {
            Condition::Halted(why) => Some(why),
            _ => None,
        })
    });
    assert!(why.contains("outside the partition"), "{why}");
    assert_eq!(bench.documents().len(), 60);
    assert!(stage.stop().is_err());
}

#[test]
fn a_halted_sink_stays_a_member_of_its_group() {
    let bench = Bench::real("trim-halted");
    let target = Arc::new(FakeTarget::new(10));
    (0..60).for_each(|number| target.answer(&format!("r{number}"), &[Say::Halt]));
    bench.send_documents(&documents(60));
    let sink = bench.deliver(&target);
    wait_for("the halt", || {
        let conditions = bench.deployment.health.conditions();
        conditions.values().any(|condition| matches!(condition, Condition::Halted(_))).then_some(())
    });
    let topics = &bench.deployment.topics;
    let group = topics.sinks_group(&bench.flow);
    let options = GroupOptions::new(group.as_str(), "second", &[&topics.doc(&bench.flow)]);
    let mut second = GroupConsumer::join(&bench.deployment.cluster, options).unwrap();
    let mut share = Vec::new();
    let mut look = |second: &mut GroupConsumer| {
        if let Polled::Assigned(partitions) = second.poll(1, 1, Duration::from_millis(100)).unwrap() {
            second.assign(&[]).unwrap();
            share.extend(partitions);
        }
        share.len()
    };
    wait_for("a share of the partitions", || (look(&mut second) > 0).then_some(()));
    // Longer than a session: a member that only seems to be one would have lost the rest by now.
    let joined = Instant::now();
    while joined.elapsed() < Duration::from_secs(13) {
        assert_eq!(look(&mut second), 3, "the halted one keeps its half");
    }
    sink.stop().unwrap();
    assert_eq!(target.writes().len(), 0);
}
