//! Following topics of the broker inside the process: what is found, when, and who hears of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Cluster, OutRecord, Publisher};
use weir_model::{
    digest::Digest,
    lookup::{Found, LookupError, LookupIndex, Lookups as _, Query, reference},
    names::InstanceName,
    record::Version,
};
use weir_schemas::{Codec, CollectionRow};

use super::Collections;
use crate::{
    clock::SystemClock,
    health::Health,
    stage::{Deployment, StageThread},
    telemetry::Metrics,
    topics::Topics,
};

const PATIENCE: Duration = Duration::from_secs(60);

struct Stand {
    deployment: Deployment,
    publisher: Publisher,
    stop: CancellationToken,
    dir: TempDir,
}

impl Stand {
    fn new() -> Self {
        let topics = Topics::new("weir");
        let cluster = Cluster::in_process(&topics.collection_specs(["shops"])).unwrap();
        let publisher = Publisher::open(&cluster).unwrap();
        let dir = TempDir::new().unwrap();
        let deployment = Deployment {
            cluster,
            topics,
            codec: Codec::single_object(),
            instance: InstanceName::from("a"),
            state_dir: dir.path().join("a"),
            clock: Arc::new(SystemClock),
            health: Health::default(),
            metrics: Metrics::default(),
        };
        Self { deployment, publisher, stop: CancellationToken::new(), dir }
    }

    fn follow(&self, state: &str) -> (Collections, StageThread) {
        let deployment = Deployment { state_dir: self.dir.path().join(state), ..self.deployment.clone() };
        Collections::follow(&deployment, indexes(), &self.stop).unwrap()
    }

    fn put(&mut self, rows: &[(&str, Option<&str>)]) {
        let topic = self.deployment.topics.collection("shops");
        let records: Vec<OutRecord> = rows
            .iter()
            .map(|(id, row)| match row {
                None => OutRecord::tombstone(topic.as_str(), (*id).to_owned()),
                Some(text) => {
                    let row = CollectionRow {
                        id: (*id).to_owned(),
                        row: (*text).to_owned().into(),
                        digest: Digest::of(text.as_bytes()),
                        version: Version::default(),
                    };
                    let value = self.deployment.codec.encode(&row);
                    OutRecord::new(topic.as_str(), (*id).to_owned(), value)
                }
            })
            .collect();
        self.publisher.publish(&records).unwrap();
    }
}

fn indexes() -> Vec<LookupIndex> {
    let by = |fields: &[&str]| LookupIndex {
        collection: "shops".into(),
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
    };
    vec![by(&["no"]), by(&["org_FNumber", "state"]), by(&["no"])]
}

fn name_of(collections: &Collections, conditions: &[(&'static str, &str)]) -> Option<Found> {
    let conditions = conditions.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
    let query = Query { collection: "shops", field: "name", conditions };
    collections.reader().find(&query).unwrap()
}

fn found(text: &str) -> Option<Found> {
    Some(Found { text: text.into(), several: false })
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn end(stand: &Stand, threads: impl IntoIterator<Item = StageThread>) {
    stand.stop.cancel();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    threads.into_iter().for_each(|thread| runtime.block_on(thread.ended()).unwrap());
}

#[test]
fn two_processes_see_changes_and_removals_as_they_come() {
    let mut stand = Stand::new();
    stand.put(&[
        ("1", Some(r#"{"no":"S1","name":"first","org":{"FNumber":"100"},"state":1.0}"#)),
        ("2", Some(r#"{"no":"S2","name":"second"}"#)),
        ("3", Some("no JSON")),
    ]);
    let (one, first) = stand.follow("a");
    let (two, second) = stand.follow("b");
    for collections in [&one, &two] {
        eventually("read to the end", || collections.is_ready(&indexes()));
        assert_eq!(name_of(collections, &[("no", "S2")]), found("second"));
        assert_eq!(name_of(collections, &[("state", "1.0"), ("org_FNumber", "100")]), found("first"));
        assert_eq!(name_of(collections, &[("no", "S3")]), None);
    }
    stand.put(&[("1", Some(r#"{"no":"S9","name":"moved"}"#)), ("2", None)]);
    for collections in [&one, &two] {
        eventually("a change is seen", || name_of(collections, &[("no", "S9")]) == found("moved"));
        eventually("a removal is seen", || name_of(collections, &[("no", "S2")]).is_none());
        assert_eq!(name_of(collections, &[("no", "S1")]), None);
    }
    end(&stand, [first, second]);
}

#[test]
fn who_waits_hears_of_the_row_and_then_finds_it() {
    let mut stand = Stand::new();
    let (collections, thread) = stand.follow("a");
    eventually("an empty topic is read", || collections.is_ready(&indexes()));
    let watch = collections.watch();
    let awaited = reference([("no", "S1")]);
    watch.add("shops", &awaited);
    assert_eq!(name_of(&collections, &[("no", "S1")]), None);
    watch.arrived();
    stand.put(&[("0", Some(r#"{"no":"S0"}"#)), ("1", Some(r#"{"no":"S1","name":"first"}"#))]);
    let mut arrived = Vec::new();
    eventually("the row is told", || {
        arrived = watch.arrived();
        !arrived.is_empty()
    });
    assert_eq!(arrived, [("shops".to_owned(), awaited)]);
    assert_eq!(name_of(&collections, &[("no", "S1")]), found("first"));
    end(&stand, [thread]);
}

#[test]
fn many_rows_are_found_and_the_first_of_several_answers() {
    const ROWS: usize = 20_000;
    let mut stand = Stand::new();
    let rows: Vec<(String, String)> = (0..ROWS)
        .map(|number| {
            let row = format!(r#"{{"no":"S{}","name":"{number:05}","state":{number}}}"#, number % 10_000);
            (format!("{number:05}"), row)
        })
        .collect();
    for part in rows.chunks(5_000) {
        let part: Vec<(&str, Option<&str>)> =
            part.iter().map(|(id, row)| (id.as_str(), Some(row.as_str()))).collect();
        stand.put(&part);
    }
    let (collections, thread) = stand.follow("a");
    eventually("read to the end", || collections.is_ready(&indexes()));
    for number in [0, 7, 9_999] {
        let expected = Some(Found { text: format!("{number:05}"), several: true });
        assert_eq!(name_of(&collections, &[("no", &format!("S{number}"))]), expected);
    }
    end(&stand, [thread]);
}

#[test]
fn what_is_not_followed_or_not_indexed_is_an_error_and_not_an_empty_answer() {
    let stand = Stand::new();
    let (collections, thread) = stand.follow("a");
    let ask = |collection, field: &'static str| {
        let query = Query { collection, field: "name", conditions: vec![(field, "x".into())] };
        collections.reader().find(&query)
    };
    eventually("read to the end", || collections.is_ready(&indexes()));
    assert!(matches!(ask("goods", "no"), Err(LookupError::Unreadable(_))));
    assert!(matches!(ask("shops", "name"), Err(LookupError::Unreadable(_))));
    let goods = [LookupIndex { collection: "goods".into(), fields: vec!["no".into()] }];
    assert!(!collections.is_ready(&goods) && Collections::none().is_ready(&[]));
    end(&stand, [thread]);
}
