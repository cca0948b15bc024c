//! One source whose raw records the test writes itself, flows of it into tables, and nothing else.

use std::{cell::Cell, collections::BTreeMap, fs, ops::ControlFlow, path::PathBuf, process::Command};

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{
    Cluster, Isolation, Message, OutRecord, Publisher, Settings, StartOffset, TopicPartition,
    reader::read_to_end,
};
use weir_model::{
    digest::Digest,
    letter::Stage,
    names::FlowName,
    record::{RawRecord, Reason},
    tally::{Counts, Tally},
};
use weir_runtime::topics::{FLOW_PARTITIONS, Topics};
use weir_schemas::Codec;

use crate::{
    database::Database,
    process::{Weir, program},
    servers::{address, remove_topics},
    waiting::eventually,
};

/// The columns of every table here.
const COLUMNS: [&str; 2] = ["id", "amount"];
const TALLY_PARTITIONS: i32 = 3;

/// A flow of the source into a table.
#[derive(Clone, Copy)]
pub struct Flow {
    pub name: &'static str,
    pub table: &'static str,
    /// Lines of the flow file that stand at its top.
    pub head: &'static str,
    /// Lines of its target section.
    pub target: &'static str,
    /// What stands in the column of amounts.
    pub amount: &'static str,
}

impl Flow {
    pub const fn plain(name: &'static str, table: &'static str) -> Self {
        Self { name, table, head: "", target: "", amount: "{amount}" }
    }

    fn text(self) -> String {
        let Self { name, table, head, target, amount } = self;
        format!(
            "version: 1\nflow: {name}\n{head}\
             source:\n  name: orders\n  system: jushuitan\n  modified: modified\n\
             \x20 metadata:\n    api: /open/jushuitan/distributor/query\n    id: id\n\
             \x20   condition: [[{{field: status, logic: neq, value: void}}]]\n\
             \x20   request:\n\
             \x20     - {{field: modified_begin, type: string, value: \"{{{{LAST_SYNC_TIME|datetime}}}}\"}}\n\
             \x20     - {{field: modified_end, type: string, value: \"{{{{CURRENT_TIME|datetime}}}}\"}}\n\
             target:\n  system: mysql\n  key: [id]\n{target}\
             \x20 settings:\n    table: {table}\n    create_table: true\n    batch_age: 100ms\n\
             \x20   columns: [{{name: id, type: varchar(32)}}, {{name: amount, type: 'decimal(10,2)'}}]\n\
             \x20 metadata:\n    api: batchexecute\n    request:\n\
             \x20     - {{field: id, value: \"{{id}}\"}}\n      - {{field: amount, value: \"{amount}\"}}\n"
        )
    }
}

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub database: Database,
    pub project: PathBuf,
    pub cluster: Cluster,
    pub topics: Topics,
    prefix: String,
    sent: Cell<i64>,
    _folder: TempDir,
    _runtime: Runtime,
}

impl Stand {
    pub fn new(name: &str, flows: &[Flow]) -> Self {
        let kafka = address("WEIR_KAFKA", "127.0.0.1:9092");
        let mysql = address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let process = std::process::id();
        let database =
            Database::create(runtime.handle().clone(), &mysql, &format!("weir_e2e_{process}_{name}"));
        let prefix = format!("e2e-{process}-{name}");
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("weir.yaml");
        fs::create_dir(folder.path().join("flows")).unwrap();
        let text = format!(
            "version: 1\n\
             kafka: {{brokers: '{kafka}', prefix: {prefix}}}\n\
             connections:\n\
             \x20 jushuitan: {{system: jushuitan, base_url: 'http://127.0.0.1:9', app_key: a, app_secret: b, access_token: c}}\n\
             \x20 mysql: {{system: mysql, url: '{}', state_schema: {}}}\n\
             flows: [flows]\nstate_dir: state\n",
            database.url(),
            database.state_schema()
        );
        fs::write(&project, text).unwrap();
        let stand = Self {
            database,
            project,
            cluster: Cluster::remote(Settings::plaintext(kafka)).unwrap(),
            topics: Topics::new(&prefix),
            prefix,
            sent: Cell::new(0),
            _folder: folder,
            _runtime: runtime,
        };
        flows.iter().for_each(|flow| stand.write(*flow));
        stand.command(&["topics", "apply"]);
        stand
    }

    /// Writes a flow's file, over the one that is there.
    pub fn write(&self, flow: Flow) {
        let file = self.project.with_file_name("flows").join(format!("{}.yaml", flow.name));
        fs::write(file, flow.text()).unwrap();
    }

    pub fn start(&self, stages: &str, instance: &str) -> Weir {
        Weir::start(&self.project, stages, instance)
    }

    /// Runs another command of `weir` on the project to its end; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program());
        let done = command.args(arguments).arg("--config").arg(&self.project).output().unwrap();
        assert!(done.status.success(), "weir {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Puts states of records into the raw topic, each newer than all before.
    pub fn send(&self, states: &[Value]) {
        let codec = Codec::single_object();
        let topic = self.topics.raw(&"orders".into());
        let record = |state: &Value| {
            self.sent.set(self.sent.get() + 1);
            let payload = serde_json::to_vec(state).unwrap();
            let id = state["id"].as_str().unwrap();
            let raw = RawRecord {
                source: "orders".into(),
                id: id.into(),
                digest: Digest::of(&payload),
                payload: payload.into(),
                modified: Timestamp::from_second(1_700_000_000 + self.sent.get()).ok(),
                polled_at: Timestamp::now(),
                reason: Reason::Poll,
                deleted: false,
            };
            OutRecord::new(topic.as_str(), id.to_owned(), codec.encode(&raw))
        };
        let records: Vec<OutRecord> = states.iter().map(record).collect();
        Publisher::open(&self.cluster).unwrap().publish(&records).unwrap();
    }

    /// Waits until so many documents of a flow stand in its topic.
    pub fn wait_for_documents(&self, flow: &str, count: usize) {
        let topic = self.topics.doc(&FlowName::from(flow));
        eventually(&format!("{count} documents of {flow}"), || {
            match self.read(&topic, FLOW_PARTITIONS).len() {
                enough if enough >= count => Ok(()),
                few => Err(format!("there are {few}")),
            }
        });
    }

    /// Waits until the sink of a flow has brought so many documents to an end; gives what it counted (invariant 3).
    pub fn wait_for_ended(&self, flow: &str, count: i128) -> Counts {
        eventually(&format!("the end of {count} documents of {flow}"), || {
            let mut sum = Counts::default();
            for message in self.read(&self.topics.tally(), TALLY_PARTITIONS) {
                let tally: Tally = Codec::single_object().decode(&message.value.unwrap()).unwrap();
                if tally.stage == Stage::Sink && tally.subject == flow {
                    sum.add(&tally.counts);
                }
            }
            if sum.accounted() >= count { Ok(sum) } else { Err(format!("{sum:?}")) }
        })
    }

    fn read(&self, topic: &str, partitions: i32) -> Vec<Message> {
        let mut messages = Vec::new();
        for number in 0..partitions {
            let partition = TopicPartition::new(topic, number);
            let take = |message| {
                messages.push(message);
                ControlFlow::Continue(())
            };
            read_to_end(&self.cluster, &partition, StartOffset::Beginning, Isolation::Committed, take)
                .unwrap();
        }
        messages
    }

    /// The rows of a table: amounts by id.
    pub fn rows(&self, table: &str) -> BTreeMap<String, String> {
        let rows = self.database.rows(table, &COLUMNS);
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        rows.iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
    }

    /// Waits until a table holds these rows and no other.
    pub fn wait_for_rows(&self, table: &str, expected: &[(&str, &str)]) {
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(id, amount)| ((*id).to_owned(), (*amount).to_owned())).collect();
        eventually(&format!("the rows of {table}"), || {
            let rows = self.rows(table);
            if rows == expected { Ok(()) } else { Err(format!("{rows:?} instead of {expected:?}")) }
        });
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        remove_topics(&self.cluster, &self.prefix);
    }
}
