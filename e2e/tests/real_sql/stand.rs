//! A flow's document topic, a table with a trigger that notes what is written, and the project between them.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, OutRecord, Publisher, Settings};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    names::FlowName,
    record::{Position, Reason, Version},
};
use weir_runtime::topics::Topics;
use weir_schemas::Codec;

use crate::{
    database::Database,
    process::{Weir, program},
    servers::{address, remove_topics},
};

/// Partitions of a flow's topics.
pub const PARTITIONS: i32 = 6;
const FLOW: &str = "amounts";
/// `amount` has a CHECK that only the server knows, `note` a length that the flow knows too.
const TABLE: &str = "CREATE TABLE amounts (id VARCHAR(40) NOT NULL PRIMARY KEY, amount DECIMAL(10,2) NULL CHECK (amount >= 0), \
                     note VARCHAR(20) NULL) ENGINE=InnoDB";
const NOTES: &str = "CREATE TABLE written (id VARCHAR(40) NOT NULL) ENGINE=InnoDB";

/// A state of a record.
#[derive(Clone, Debug)]
pub struct State {
    /// Which record; it stays in its partition.
    pub record: usize,
    /// Seconds of its modification time.
    pub modified: i64,
    /// Its value.
    pub amount: String,
    /// Its text.
    pub note: String,
}

impl State {
    /// A state with an ordinary text.
    pub fn new(record: usize, modified: i64, amount: &str) -> Self {
        Self { record, modified, amount: amount.to_owned(), note: "as usual".to_owned() }
    }

    /// The record's key.
    pub fn id(&self) -> String {
        id(self.record)
    }
}

/// The key of a record.
pub fn id(record: usize) -> String {
    format!("R{record:06}")
}

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    database: Database,
    project: PathBuf,
    cluster: Cluster,
    prefix: String,
    _folder: TempDir,
    // Last, because the others are served by it.
    runtime: Runtime,
}

impl Stand {
    /// Creates the topics, the table and its triggers.
    pub fn new(name: &str) -> Self {
        let kafka = address("WEIR_KAFKA", "127.0.0.1:9092");
        let mysql = address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let process = std::process::id();
        let database =
            Database::create(runtime.handle().clone(), &mysql, &format!("weir_sql_{process}_{name}"));
        let prefix = format!("sql-{process}-{name}");
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("weir.yaml");
        fs::write(&project, project_text(&kafka, &prefix, &database)).unwrap();
        fs::write(folder.path().join("flow.yaml"), FLOW_TEXT).unwrap();
        let cluster = Cluster::remote(Settings::plaintext(kafka)).unwrap();
        let stand = Self { database, project, cluster, prefix, _folder: folder, runtime };
        stand.execute(TABLE);
        stand.execute(NOTES);
        for (event, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
            stand.execute(&format!(
                "CREATE TRIGGER note_{event} AFTER {event} ON amounts FOR EACH ROW \
                 INSERT INTO written VALUES ({row}.id)"
            ));
        }
        stand.command(&["topics", "apply"]);
        stand
    }

    /// Starts a process that delivers.
    pub fn start(&self) -> Weir {
        Weir::start(&self.project, "sinks", "sink")
    }

    /// Writes documents of these states into the topic, in this order.
    pub fn publish(&self, states: &[State]) {
        let topic = Topics::new(&self.prefix).doc(&FlowName::from(FLOW));
        let codec = Codec::single_object();
        let records: Vec<OutRecord> = states
            .iter()
            .map(|state| {
                let partition = i32::try_from(state.record).unwrap() % PARTITIONS;
                OutRecord::new(topic.as_str(), state.id(), codec.encode(&document(state)))
                    .to_partition(partition)
            })
            .collect();
        Publisher::open(&self.cluster).unwrap().publish(&records).unwrap();
    }

    /// The amounts in the table, by key.
    pub fn amounts(&self) -> BTreeMap<String, String> {
        let rows = self.database.rows("amounts", &["id", "amount"]);
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
    }

    /// How often each key's row was written.
    pub fn written(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in self.database.rows("written", &["id"]) {
            *counts.entry(row[0].clone().unwrap()).or_default() += 1;
        }
        counts
    }

    /// Runs another command of `weir` on the project to its end; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program());
        let Output { status, stdout, stderr } =
            command.args(arguments).arg("--config").arg(&self.project).output().unwrap();
        assert!(status.success(), "weir {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    fn execute(&self, sql: &str) {
        let url = self.database.url();
        let work = async {
            let mut connection = MySqlConnection::connect(&url).await?;
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await
        };
        self.runtime.block_on(work).unwrap();
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        remove_topics(&self.cluster, &self.prefix);
    }
}

fn document(state: &State) -> Document {
    let State { modified, amount, note, .. } = state;
    let id = state.id();
    let body = format!(r#"{{"rows":[["{id}","{amount}","{note}"]]}}"#);
    let payload = format!(r#"{{"id":"{id}","amount":"{amount}","note":"{note}"}}"#);
    Document {
        flow: FlowName::from(FLOW),
        // The first version of a flow that was never published.
        flow_version: FlowVersion { ordinal: 1, digest: Digest::of(FLOW_TEXT.as_bytes()) },
        record_id: (&id).into(),
        key: id.clone(),
        number: id,
        verdict: Verdict::Mapped,
        digest: Digest::of(body.as_bytes()),
        body: body.into_bytes().into(),
        source_digest: Digest::of(payload.as_bytes()),
        payload: payload.into_bytes().into(),
        version: Version { modified_us: modified * 1_000_000, appended_ms: 1, offset: 1 },
        origin: Position { topic: "weir.raw.amounts".to_owned(), partition: 0, offset: 1 },
        reason: Reason::Remedy,
        polled_at: Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    }
}

fn project_text(kafka: &str, prefix: &str, database: &Database) -> String {
    let (url, schema) = (database.url(), database.state_schema());
    format!(
        "version: 1\n\
         kafka: {{brokers: '{kafka}', prefix: {prefix}}}\n\
         connections:\n\
         \x20 jushuitan: {{system: jushuitan, base_url: 'http://127.0.0.1:9', app_key: k, app_secret: s, access_token: t}}\n\
         \x20 mysql: {{system: mysql, url: '{url}', state_schema: {schema}}}\n\
         flows: [flow.yaml]\n\
         state_dir: state\n"
    )
}

const FLOW_TEXT: &str = r#"version: 1
flow: amounts
source:
  name: amounts
  system: jushuitan
  metadata:
    api: /open/webapi/wmsapi/skusn/queryinoutitemskusns
    id: id
    number: id
    request:
      - {field: create_time_start, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: create_time_end, type: string, value: "{{CURRENT_TIME|datetime}}"}
target:
  system: mysql
  key: [id]
  settings:
    table: amounts
    columns:
      - {name: id, type: "varchar(40)", nullable: false}
      - {name: amount, type: "decimal(10,2)"}
      - {name: note, type: "varchar(20)"}
  metadata:
    api: batchexecute
    request:
      - {field: id, type: string, value: "{id}"}
      - {field: amount, type: string, value: "{amount}"}
      - {field: note, type: string, value: "{note}"}
"#;
