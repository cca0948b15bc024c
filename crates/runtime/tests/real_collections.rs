//! Collections on a real Apache Kafka: rows are written in the transaction of their receipts, and processes that follow
//! them see what was committed, all of it and nothing else (invariants 1 and 7).
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
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use support::{Bench, documents, wait_for};
use tokio_util::sync::CancellationToken;
use weir_kafka::{Admin, OutRecord, ProducerOptions, TransactionalProducer};
use weir_model::{
    digest::Digest,
    lookup::{Found, LookupIndex, Lookups as _, Query, reference},
    outcome::{Outcome, Written},
    record::Version,
    target::{Batch, BatchLimits, Claim, ProbeReport, Target, TargetError},
};
use weir_runtime::{
    collections::Collections,
    stage::{Deployment, StageThread},
};
use weir_schemas::CollectionRow;

const ROWS: &str = "rows";

fn bench(name: &str) -> Bench {
    let bench = Bench::real(name);
    let Deployment { cluster, topics, .. } = &bench.deployment;
    Admin::open(cluster).unwrap().apply(&topics.collection_specs([ROWS]), 1).unwrap();
    bench
}

/// Says that documents are rows, and counts how often it is asked to.
#[derive(Default)]
struct RowTarget(AtomicUsize);

#[async_trait]
impl Target for RowTarget {
    fn limits(&self) -> BatchLimits {
        BatchLimits { documents: 10, bytes: 1 << 20, age: Duration::from_millis(5) }
    }

    fn announces(&self) -> bool {
        false
    }

    fn collection(&self) -> Option<&str> {
        Some(ROWS)
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        Ok(ProbeReport::default())
    }

    async fn claim(&self, _: i32) -> Result<Claim, TargetError> {
        Ok(Claim::default())
    }

    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError> {
        self.0.fetch_add(batch.deliveries.len(), Ordering::SeqCst);
        Ok(batch.deliveries.iter().map(|_| Outcome::Delivered(Written::default())).collect())
    }

    async fn release(&self, _: i32) {}
}

#[test]
fn documents_become_rows_exactly_once_however_often_the_stage_is_cut() {
    const DOCUMENTS: i64 = 400;
    let bench = bench("fill");
    let target = Arc::new(RowTarget::default());
    bench.send_documents(&documents(DOCUMENTS));
    for cut in 1..=3 {
        let stage = bench.deliver_to(bench.deployment.clone(), Arc::clone(&target) as _);
        wait_for("some documents on their way", || {
            (target.0.load(Ordering::SeqCst) > cut * 20).then_some(())
        });
        stage.kill();
    }
    let stage = bench.deliver_to(bench.deployment.clone(), Arc::clone(&target) as _);
    let counts = bench.wait_for_ended(i128::from(DOCUMENTS));
    stage.stop().unwrap();
    assert_eq!(i128::from(counts.delivered), i128::from(DOCUMENTS));
    let rows = bench.messages(&bench.deployment.topics.collection(ROWS), 3);
    let ids: BTreeSet<Bytes> = rows.iter().map(|row| row.key.clone().unwrap()).collect();
    assert_eq!((rows.len(), ids.len()), (400, 400), "each row was written once");
    for message in &rows {
        let row: CollectionRow = bench.deployment.codec.decode(message.value.as_ref().unwrap()).unwrap();
        assert_eq!(row.id.as_bytes(), message.key.as_ref().unwrap());
        assert_eq!(row.digest, Digest::of(&row.row));
    }
}

fn by_no() -> Vec<LookupIndex> {
    vec![LookupIndex { collection: ROWS.into(), fields: vec!["no".into()] }]
}

fn name(collections: &Collections, no: &str) -> Option<Found> {
    let query = Query { collection: ROWS, field: "name", conditions: vec![("no", no.to_owned())] };
    collections.reader().find(&query).unwrap()
}

fn found(name: &str) -> Option<Found> {
    Some(Found { text: name.to_owned(), several: false })
}

fn follow(deployment: &Deployment, stop: &CancellationToken) -> (Collections, StageThread) {
    Collections::follow(deployment, by_no(), stop).unwrap()
}

fn record(deployment: &Deployment, number: usize, name: &str) -> OutRecord {
    let text = format!(r#"{{"no":"N{number}","name":"{name}"}}"#);
    let row = CollectionRow {
        id: format!("{number:07}"),
        row: Bytes::from(text.clone()),
        digest: Digest::of(text.as_bytes()),
        version: Version::default(),
    };
    OutRecord::new(deployment.topics.collection(ROWS), row.id.clone(), deployment.codec.encode(&row))
}

fn producer(bench: &Bench) -> TransactionalProducer {
    let Deployment { cluster, topics, .. } = &bench.deployment;
    let options = ProducerOptions::new(topics.collection_transactional_id(ROWS));
    TransactionalProducer::init(cluster, options).unwrap()
}

fn commit(producer: &mut TransactionalProducer, records: &[OutRecord]) {
    producer
        .transaction(|open| records.iter().try_for_each(|record| open.send(record)))
        .unwrap_or_else(|error: weir_kafka::Error| panic!("{error}"));
}

#[test]
fn two_processes_read_200_000_rows_and_then_every_change() {
    const COUNT: usize = 200_000;
    let bench = bench("follow");
    let mut producer = producer(&bench);
    for first in (0..COUNT).step_by(20_000) {
        let rows: Vec<OutRecord> =
            (first..first + 20_000).map(|number| record(&bench.deployment, number, "first")).collect();
        commit(&mut producer, &rows);
    }
    let stop = CancellationToken::new();
    let (one, first) = follow(&bench.instance("one"), &stop);
    let (two, second) = follow(&bench.instance("two"), &stop);
    for collections in [&one, &two] {
        wait_for("the end of the topic", || collections.is_ready(&by_no()).then_some(()));
        for number in [0, 77_777, COUNT - 1] {
            assert_eq!(name(collections, &format!("N{number}")), found("first"));
        }
    }

    // What is not committed does not show, and what was aborted never does.
    let watch = two.watch();
    let awaited = reference([("no", "N200001")]);
    watch.add(ROWS, &awaited);
    producer.begin().unwrap();
    producer.send(&record(&bench.deployment, COUNT + 1, "aborted")).unwrap();
    producer.send(&record(&bench.deployment, 0, "aborted")).unwrap();
    producer.abort().unwrap();
    let removed = OutRecord::tombstone(bench.deployment.topics.collection(ROWS), "0000001");
    commit(&mut producer, &[record(&bench.deployment, 0, "second"), removed]);
    for collections in [&one, &two] {
        wait_for("the change", || (name(collections, "N0") == found("second")).then_some(()));
        wait_for("the removal", || name(collections, "N1").is_none().then_some(()));
        assert_eq!(name(collections, "N200001"), None);
    }
    assert_eq!(watch.arrived(), []);
    commit(&mut producer, &[record(&bench.deployment, COUNT + 1, "committed")]);
    let arrived = wait_for("the reference", || Some(watch.arrived()).filter(|arrived| !arrived.is_empty()));
    assert_eq!(arrived, [(ROWS.to_owned(), awaited)]);
    assert_eq!(name(&two, "N200001"), found("committed"));

    // A process that starts now sees the same.
    let (three, third) = follow(&bench.instance("three"), &stop);
    wait_for("the end of the topic", || three.is_ready(&by_no()).then_some(()));
    assert_eq!(name(&three, "N0"), found("second"));
    assert_eq!((name(&three, "N1"), name(&three, "N200001")), (None, found("committed")));
    stop.cancel();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for thread in [first, second, third] {
        runtime.block_on(thread.ended()).unwrap();
    }
}
