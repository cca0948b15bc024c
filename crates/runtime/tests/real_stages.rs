//! The stage loops on a real Apache Kafka, where offsets are kept and former owners are fenced: every record is counted
//! exactly once, however often a stage is cut off, and another instance goes on where one left (invariants 1, 2, 3, 7).
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

use support::{Bench, CountingPoller, FakeTarget, Say, documents, wait_for};
use weir_model::letter::Stage;

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("a{number}")).collect()
}

#[test]
fn counts_are_exact_after_repeated_cuts() {
    let bench = Bench::real("cuts");
    let target = Arc::new(FakeTarget::new(10));
    // An ERP refuses it each time; a call that hangs may take one of the answers with it.
    target.answer("r7", &[Say::Reject; 5]);
    target.answer("r8", &[Say::UnknownButStored]);
    bench.send_documents(&documents(300));
    for _cut in 0..3 {
        let (answered, before) = (4, target.calls().len());
        target.hang_after(answered);
        let stage = bench.deliver(&target);
        wait_for("a call that hangs", || (target.calls().len() > before + answered).then_some(()));
        stage.kill();
        target.hang_no_more();
    }
    let stage = bench.deliver(&target);
    let counts = bench.wait_for_ended(300);
    stage.stop().unwrap();
    assert_eq!((counts.delivered, counts.dead, counts.accounted()), (299, 1, 300));
    assert_eq!(bench.letters().len(), 1);
    assert_eq!(target.writes().len(), 299);
    assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());

    // The offsets stand behind all of it: a start reads nothing again.
    let calls = target.calls().len();
    let stage = bench.deliver(&target);
    bench.send_documents(&[support::document("after", 1, "x")]);
    let counts = bench.wait_for_ended(301);
    stage.stop().unwrap();
    assert_eq!((counts.accounted(), target.calls().len()), (301, calls + 1));
}

#[test]
fn a_second_instance_shares_the_work_and_takes_it_over() {
    let bench = Bench::real("takeover");
    let target = Arc::new(FakeTarget::new(5));
    let first = bench.deliver(&target);
    bench.send_documents(&documents(60));
    bench.wait_for_ended(60);
    let second = bench.instance("b");
    let health = second.health.clone();
    let second = bench.deliver_as(second, &target);
    wait_for("the second instance's share", || health.is_ready().then_some(()));
    let later: Vec<_> = (60..200).map(|number| support::document(&format!("r{number}"), 1, "x")).collect();
    bench.send_documents(&later);
    bench.wait_for_ended(90);
    // It does not leave the group; its partitions go to the other one when its session is over.
    first.kill();
    let counts = bench.wait_for_ended(200);
    second.stop().unwrap();
    assert_eq!((counts.delivered, counts.accounted()), (200, 200));
    assert_eq!(target.writes().len(), 200);
    assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());
}

#[test]
fn every_record_is_mapped_once_over_restarts() {
    let bench = Bench::real("map");
    let mut sent = 0;
    for round in 1..4 {
        bench.send_raw(&ids(round * 500)[sent..]);
        sent = round * 500;
        let stage = bench.map();
        if round < 3 {
            wait_for("some documents", || (!bench.documents().is_empty()).then_some(()));
            stage.kill();
        } else {
            wait_for("all documents", || (bench.documents().len() >= sent).then_some(()));
            stage.stop().unwrap();
        }
    }
    let mut found: Vec<String> = bench.documents().iter().map(|document| document.key.clone()).collect();
    assert_eq!(found.len(), 1_500);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 1_500);
    assert_eq!(bench.counted(Stage::Processor).polled, 1_500);
}

#[test]
fn every_page_is_published_once_over_restarts() {
    let bench = Bench::real("poll");
    let poller = Arc::new(CountingPoller::new(&bench.source, 2_000));
    for share in [200, 500] {
        let stage = bench.poll(&poller);
        wait_for("progress", || (bench.raw_records().len() >= share).then_some(()));
        stage.kill();
    }
    let stage = bench.poll(&poller);
    wait_for("all records", || (bench.raw_records().len() >= 2_000).then_some(()));
    stage.stop().unwrap();
    let mut found: Vec<String> = bench.raw_records().iter().map(|record| record.id.to_string()).collect();
    assert_eq!(found.len(), 2_000, "records and cursor move together");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 2_000);
    assert_eq!(bench.counted(Stage::Producer).polled, 2_000);
    let left: Vec<_> = poller.starts().iter().map(|at| (*at > 0).then(|| format!("token {at}"))).collect();
    assert_eq!(poller.tokens(), left, "the token that moved with the cursor");
    assert!(poller.starts().len() >= 3 && poller.starts()[1] >= 200, "{:?}", poller.starts());
}
