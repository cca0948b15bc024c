//! `weir preview` against a real Kafka: the newest polled record of a number, and reference rows of a collection.
//! Nothing is written while it looks.
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_kafka::{Cluster, Isolation, OutRecord, Publisher, Settings, TopicPartition, reader::watermarks};
use weir_model::{
    digest::Digest,
    names::{RecordId, SourceName},
    record::{RawRecord, Reason},
};
use weir_runtime::topics::{FLOW_PARTITIONS, Topics};
use weir_schemas::Codec;

const CUSTOMERS: &str = include_str!("../../flows/jushuitan-customer-to-kingdee.yaml");
const FLOW: &str = "jushuitan-customer-to-kingdee";
const SOURCE: &str = "jushuitan-customers";

/// A project of one flow, in topics of its own.
struct Project {
    folder: tempfile::TempDir,
    prefix: String,
    cluster: Cluster,
}

impl Project {
    /// Writes the project and creates its topics. Its flow looks a company up, a row of which is loaded.
    fn start() -> Self {
        let brokers = std::env::var("WEIR_KAFKA").unwrap_or_else(|_| panic!("WEIR_KAFKA is not set"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let prefix = format!("preview-{}", now.as_micros());
        let folder = tempfile::tempdir().unwrap();
        let flow = CUSTOMERS.replace(
            "value: \"{co_id}\"}",
            "value: \"_findCollection find title from companies where id={co_id}\"}",
        );
        assert!(flow.contains("_findCollection"));
        std::fs::create_dir(folder.path().join("flows")).unwrap();
        std::fs::write(folder.path().join("flows/customers.yaml"), flow).unwrap();
        std::fs::write(folder.path().join("companies.json"), r#"[{"id": 901, "title": "总部"}]"#).unwrap();
        let text = format!(
            r#"version: 1
kafka: {{brokers: "{brokers}", prefix: {prefix}}}
collections:
  companies: {{key: [id], file: companies.json}}
connections:
  jushuitan: {{system: jushuitan, app_key: k, app_secret: s, access_token: t}}
  kingdee-galaxy:
    system: kingdee-galaxy
    base_url: http://127.0.0.1:1/k3cloud/
    account_id: a
    user_name: u
    app_id: i
    app_secret: 0123456789abcdef0123456789abcdef
"#
        );
        std::fs::write(folder.path().join("weir.yaml"), text).unwrap();
        let project =
            Self { folder, prefix, cluster: Cluster::remote(Settings::plaintext(brokers)).unwrap() };
        project.weir(&["topics", "apply"]);
        // A broker may take a moment to show a topic that was just created.
        let deadline = Instant::now() + Duration::from_secs(30);
        while project.attempt(&["collections", "load", "companies"]).0 != 0 {
            assert!(Instant::now() < deadline, "the rows could not be loaded");
        }
        project
    }

    /// Runs a command on the project, which must succeed.
    fn weir(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.attempt(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    fn attempt(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(arguments)
            .args(["-c", self.path("weir.yaml").as_str()])
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn topic(&self) -> String {
        Topics::new(&self.prefix).raw(&SourceName::from(SOURCE))
    }

    /// Appends states of customers, in this order.
    fn poll(&self, states: &[(&str, &str)]) {
        let record = |(id, name): &(&str, &str)| {
            let payload = format!(r#"{{"drp_co_id": {id}, "name": "{name}", "co_id": 901, "rate": 0.10}}"#);
            let record = RawRecord {
                source: SourceName::from(SOURCE),
                id: RecordId::from(*id),
                digest: Digest::of(payload.as_bytes()),
                payload: payload.into_bytes().into(),
                modified: None,
                polled_at: Timestamp::now(),
                reason: Reason::Poll,
                deleted: false,
            };
            OutRecord::new(self.topic().as_str(), id.to_string(), Codec::single_object().encode(&record))
        };
        let records: Vec<OutRecord> = states.iter().map(record).collect();
        Publisher::open(&self.cluster).unwrap().publish(&records).unwrap();
    }

    /// How many records the raw topic holds.
    fn ends(&self) -> i64 {
        let topic = self.topic();
        let end = |number| {
            let partition = TopicPartition::new(topic.as_str(), number);
            watermarks(&self.cluster, &partition, Isolation::Committed).unwrap().high
        };
        (0..FLOW_PARTITIONS).map(end).sum()
    }
}

#[test]
fn the_newest_record_of_a_number_is_shown_with_the_rows_of_collections() {
    let project = Project::start();
    let others: Vec<String> = (1..=50).map(|number| (30_000 + number).to_string()).collect();
    let mut states = vec![("20011", "old")];
    states.extend(others.iter().map(|number| (number.as_str(), "other")));
    states.extend([("20011", "new"), ("20012", "20011")]);
    project.poll(&states);
    let before = project.ends();

    let told: Value =
        serde_json::from_str(&project.weir(&["preview", FLOW, "--raw", "20011", "--json"])).unwrap();
    let record = &told["records"][0];
    assert_eq!((&record["input"]["name"], &record["id"]), (&json!("new"), &json!("20011")), "{told}");
    assert_eq!(record["input"]["rate"].to_string(), "0.10");
    assert_eq!(record["parts"][0]["document"]["FDescription"], "总部", "{told}");
    assert!(record["origin"].as_str().unwrap().starts_with(&project.topic()), "{told}");
    assert_eq!(project.ends(), before, "nothing was written");

    // A changed flow file is taken as it stands, on records of the project.
    let changed = CUSTOMERS.replace("value: \"{name}\"", "value: \"客户 {name}\"");
    std::fs::write(Path::new(&project.path("changed.yaml")), changed).unwrap();
    let told = project.weir(&["preview", &project.path("changed.yaml"), "--raw", "20011", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["records"][0]["parts"][0]["document"]["FName"], "客户 new", "{told}");

    let (code, out, err) = project.attempt(&["preview", FLOW, "--raw", "99999"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("holds no record with the id or number \"99999\""), "{err}");
}
