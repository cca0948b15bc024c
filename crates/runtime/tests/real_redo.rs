//! Records that re-enter a flow, on a real Apache Kafka: each is mapped once, however often a stage is cut off and whoever
//! owns its partition, and what comes from the source does not wait for them (invariants 2, 4 and 7).
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod support;

use std::sync::Arc;

use support::{Bench, FakeTarget, Say, repaired, wait_for};
use weir_kafka::{Admin, TopicPartition, inspect::committed_by};
use weir_model::{document::Document, letter::Stage, record::Reason};
use weir_runtime::{health::Condition, topics::FLOW_PARTITIONS};
use weir_schemas::{JOB_HEADER, RedoRecord};

/// The records with these numbers, repaired.
fn again(bench: &Bench, numbers: std::ops::Range<i64>) -> Vec<RedoRecord> {
    let one =
        |number: i64| repaired(&bench.source, &format!("a{number}"), &format!("mended {number}"), number);
    numbers.map(one).collect()
}

fn of_reason(bench: &Bench, reason: Reason) -> Vec<Document> {
    let mut documents = bench.documents();
    documents.retain(|document| document.reason == reason);
    documents
}

/// The ids of documents; none of them twice.
fn ids(documents: &[Document]) -> Vec<String> {
    let mut ids: Vec<String> = documents.iter().map(|document| document.record_id.to_string()).collect();
    ids.sort();
    let every = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), every, "a record was mapped twice");
    ids
}

#[test]
fn every_record_re_enters_once_over_cuts() {
    let bench = Bench::real("redo-cuts");
    let raw: Vec<String> = (0..300).map(|number| format!("a{number}")).collect();
    for round in 0..3 {
        bench.send_raw(&raw[100 * round..100 * (round + 1)]);
        let next = i64::try_from(round).unwrap() * 500;
        bench.send_again(&again(&bench, next..next + 500));
        let stage = bench.map();
        let so_far = bench.documents().len();
        if round < 2 {
            wait_for("some documents", || (bench.documents().len() > so_far).then_some(()));
            stage.kill();
        } else {
            wait_for("all documents", || (bench.documents().len() >= 1_800).then_some(()));
            stage.stop().unwrap();
        }
    }
    assert_eq!(ids(&of_reason(&bench, Reason::Retry)).len(), 1_500);
    assert_eq!(ids(&of_reason(&bench, Reason::Poll)).len(), 300);
    let counted = bench.counted(Stage::Processor);
    assert_eq!((counted.polled, counted.parts()), (300, 1_500), "what re-enters was polled before");
    // The offsets stand behind them in the group, so a start reads nothing again.
    let (deployment, topics) = (&bench.deployment, &bench.deployment.topics);
    let redo = topics.redo(&bench.flow);
    let partitions: Vec<_> =
        (0..FLOW_PARTITIONS).map(|number| TopicPartition::new(redo.as_str(), number)).collect();
    let committed = committed_by(&deployment.cluster, &topics.processors_group(&bench.flow), &partitions);
    let read: i64 = committed.unwrap().iter().filter_map(|(_, next)| *next).sum();
    assert_eq!(read, 1_500);
}

#[test]
fn they_go_with_the_raw_partition_to_another_owner() {
    let bench = Bench::real("redo-owners");
    let first = bench.map();
    bench.send_again(&again(&bench, 0..60));
    wait_for("the first", || (bench.documents().len() == 60).then_some(()));
    let second = bench.instance("b");
    let health = second.health.clone();
    let second = bench.map_as(second);
    wait_for("the second instance's share", || health.is_ready().then_some(()));
    bench.send_again(&again(&bench, 60..200));
    wait_for("the share of both", || (bench.documents().len() == 200).then_some(()));
    first.stop().unwrap();
    bench.send_again(&again(&bench, 200..300));
    wait_for("what was the first one's", || (bench.documents().len() == 300).then_some(()));
    second.stop().unwrap();
    assert_eq!(ids(&bench.documents()).len(), 300);
}

#[test]
fn what_was_refused_is_repaired_delivered_and_not_undone() {
    let bench = Bench::real("redo-repair");
    let target = Arc::new(FakeTarget::new(10));
    target.answer("a1", &[Say::Reject]);
    bench.send_raw(&["a1".to_owned(), "refused".to_owned()]);
    let (map, deliver) = (bench.map(), bench.deliver(&target));
    bench.wait_for_ended(2);
    let letters = bench.letters();
    assert_eq!(letters.len(), 2);
    // As whoever resends letters does.
    let repairs: Vec<RedoRecord> = letters
        .iter()
        .map(|letter| {
            let origin = letter.origin.clone().unwrap();
            let mended = format!("mended {}", letter.record_id);
            RedoRecord {
                version: letter.version,
                ..repaired(&bench.source, &letter.record_id, &mended, origin.offset)
            }
        })
        .collect();
    bench.send_again(&repairs);
    let counts = bench.wait_for_ended(4);
    assert_eq!((counts.delivered, counts.dead), (2, 2));
    // The look-back brings the originals again, and so does a replay of what they were.
    bench.send_raw(&["a1".to_owned(), "refused".to_owned()]);
    bench.wait_for_ended(6);
    let as_they_were = |redo: &RedoRecord| {
        let mut redo = redo.clone();
        redo.record.payload = redo.record.id.to_string().into();
        redo.record.reason = Reason::Replay;
        RedoRecord { repaired: false, ..redo }
    };
    bench.send_again(&repairs.iter().map(as_they_were).collect::<Vec<_>>());
    let counts = bench.wait_for_ended(8);
    assert_eq!((counts.delivered, counts.dead, counts.unchanged), (2, 2, 4));
    let stored = target.stored();
    assert_eq!((stored["a1"].as_str(), stored["refused"].as_str()), ("mended a1", "mended refused"));
    assert_eq!(bench.letters().len(), 2, "nobody is told twice");
    assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());

    // What is refused once more tells which job it came by.
    bench.send_again(&[repaired(&bench.source, "a9", "refused", 900)]);
    bench.wait_for_ended(9);
    map.stop().unwrap();
    deliver.stop().unwrap();
    let messages = bench.messages(&bench.deployment.topics.dead(bench.flow.as_str()), 3);
    let of_jobs: Vec<_> = messages.iter().filter_map(|message| message.header(JOB_HEADER)).collect();
    assert_eq!(of_jobs, ["job"]);
    let letters = bench.letters();
    let letter = letters.iter().find(|letter| letter.record_id == "a9").unwrap();
    assert_eq!((letter.repaired, letter.job.as_str(), letter.reason), (true, "job", Reason::Retry));
}

#[test]
fn a_missing_topic_is_named_with_what_to_do() {
    let bench = Bench::real("redo-missing");
    let redo = bench.deployment.topics.redo(&bench.flow);
    Admin::open(&bench.deployment.cluster).unwrap().delete(&[&redo]).unwrap();
    let stage = bench.map();
    let health = bench.deployment.health.clone();
    let why = wait_for("the complaint", || {
        let told = health.conditions().get("processor flow").cloned();
        match told {
            Some(Condition::Waiting(why) | Condition::Halted(why)) if why.contains(&redo) => Some(why),
            _ => None,
        }
    });
    assert!(why.contains("weir topics apply"), "{why}");
    stage.kill();
}
