//! The mapping stage and the waiting room from end to end on the broker inside the process: who waits, who is released,
//! and that nothing is mapped before the collections have been read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod support;

use std::{sync::Arc, time::Duration};

use support::{Bench, wait_for};
use tokio_util::sync::CancellationToken;
use weir_kafka::{OutRecord, Publisher};
use weir_model::{
    digest::Digest,
    document::Verdict,
    letter::Stage,
    lookup::{LookupIndex, Lookups, Missing, Query},
    names::FlowName,
    processor::{Input, Mapped, Processed, Processor},
    record::Version,
};
use weir_runtime::{
    collections::Collections, health::Condition, stage::StageThread, topics::FLOW_PARTITIONS,
};
use weir_schemas::{CollectionRow, ParkedRecord};

/// Needs the shop that the payload names after `@`.
struct NeedsShop {
    flow: FlowName,
    lookups: Vec<LookupIndex>,
}

impl Processor for NeedsShop {
    fn flow(&self) -> &FlowName {
        &self.flow
    }

    fn lookups(&self) -> &[LookupIndex] {
        &self.lookups
    }

    fn process(&self, input: &Input, lookups: &dyn Lookups) -> Processed {
        let payload = String::from_utf8(input.record.payload.to_vec()).unwrap();
        let mut mapped = Mapped::without_body(Verdict::Mapped, payload.clone());
        let Some((_, shop)) = payload.split_once('@') else { return Processed::One(mapped) };
        let query = Query { collection: "shops", field: "name", conditions: vec![("no", shop.to_owned())] };
        match lookups.find(&query).unwrap() {
            Some(found) => mapped.number = found.text,
            None => {
                return Processed::Waits(Missing {
                    collection: "shops".to_owned(),
                    reference: query.reference(),
                    wait_max: Some(Duration::from_secs(3_600)),
                });
            }
        }
        Processed::One(mapped)
    }
}

fn needs_shop(bench: &Bench) -> Arc<NeedsShop> {
    let by_number = LookupIndex { collection: "shops".to_owned(), fields: vec!["no".to_owned()] };
    Arc::new(NeedsShop { flow: bench.flow.clone(), lookups: vec![by_number] })
}

fn follow(bench: &Bench, stop: &CancellationToken) -> (Collections, StageThread) {
    Collections::follow(&bench.deployment, needs_shop(bench).lookups.clone(), stop).unwrap()
}

fn open_shop(bench: &Bench, number: &str, name: &str) {
    let row = format!(r#"{{"no":"{number}","name":"{name}"}}"#).into_bytes();
    let row = CollectionRow {
        id: number.to_owned(),
        digest: Digest::of(&row),
        row: row.into(),
        version: Version::default(),
    };
    let topic = bench.deployment.topics.collection("shops");
    let record = OutRecord::new(topic, number.to_owned(), bench.deployment.codec.encode(&row));
    Publisher::open(&bench.deployment.cluster).unwrap().publish(&[record]).unwrap();
}

/// The numbers of the documents of a record.
fn numbers(bench: &Bench, id: &str) -> Vec<String> {
    let documents = bench.documents();
    let of_id = documents.iter().filter(|document| document.record_id.as_str() == id);
    of_id.map(|document| document.number.clone()).collect()
}

#[test]
fn a_record_waits_over_a_restart_and_its_row_alone_releases_it() {
    let bench = Bench::in_process();
    let stop = CancellationToken::new();
    let (collections, follower) = follow(&bench, &stop);
    bench.send_raw(&["a@S1", "b@S2", "c"].map(str::to_owned));
    let stage = bench.map_with(needs_shop(&bench), collections.clone());
    wait_for("two that wait", || (bench.counted(Stage::Processor).waiting == 2).then_some(()));
    assert_eq!(bench.documents().len(), 1);
    stage.stop().unwrap();

    let stage = bench.map_with(needs_shop(&bench), collections);
    open_shop(&bench, "S1", "杭州店");
    wait_for("the release", || (!numbers(&bench, "a@S1").is_empty()).then_some(()));
    // That broker keeps no offsets, so the record itself may have been read once more.
    assert!(numbers(&bench, "a@S1").iter().all(|number| number == "杭州店"));
    assert!(numbers(&bench, "b@S2").is_empty());
    let topic = bench.deployment.topics.wait(&bench.flow);
    let messages = wait_for("the tombstone", || {
        let messages = bench.messages(&topic, FLOW_PARTITIONS);
        messages.iter().any(|message| message.value.is_none()).then_some(messages)
    });
    let released: Vec<_> = messages.iter().filter(|message| message.value.is_none()).collect();
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].key.as_deref(), Some(b"a@S1".as_slice()));
    let parked: Vec<ParkedRecord> = messages
        .iter()
        .filter_map(|message| message.value.as_ref())
        .map(|value| bench.deployment.codec.decode(value).unwrap())
        .collect();
    assert!(parked.iter().all(|parked| parked.collection == "shops"));
    let since = |id: &str| {
        let mut moments: Vec<_> = parked
            .iter()
            .filter(|parked| parked.record.id.as_str() == id)
            .map(|parked| parked.parked_since)
            .collect();
        moments.dedup();
        moments.len()
    };
    assert_eq!((since("a@S1"), since("b@S2")), (1, 1), "a restart does not begin the wait anew");
    wait_for("the count of who waits", || (bench.counted(Stage::Processor).waiting == 1).then_some(()));
    stage.stop().unwrap();
    stop.cancel();
    drop(follower);
}

#[test]
fn nothing_is_mapped_before_the_collections_have_been_read() {
    let bench = Bench::in_process();
    bench.send_raw(&["a@S1", "c"].map(str::to_owned));
    open_shop(&bench, "S1", "杭州店");
    // Nobody follows the collection yet.
    let stage = bench.map_with(needs_shop(&bench), Collections::none());
    let health = bench.deployment.health.clone();
    wait_for("the wait for the collection", || {
        let told = health.conditions().get("processor flow").cloned();
        matches!(told, Some(Condition::Waiting(why)) if why.contains("shops")).then_some(())
    });
    stage.stop().unwrap();
    assert!(bench.documents().is_empty());

    let stop = CancellationToken::new();
    let (collections, follower) = follow(&bench, &stop);
    let stage = bench.map_with(needs_shop(&bench), collections);
    wait_for("both documents", || (bench.documents().len() == 2).then_some(()));
    assert_eq!(numbers(&bench, "a@S1"), ["杭州店"]);
    assert_eq!(bench.counted(Stage::Processor).waiting, 0);
    wait_for("work", || (health.conditions().get("processor flow") == Some(&Condition::Ready)).then_some(()));
    stage.stop().unwrap();
    stop.cancel();
    drop(follower);
}
