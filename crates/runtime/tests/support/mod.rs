//! A deployment of one flow for tests, what goes into its topics and what comes out of them.

#![allow(dead_code, unused_imports, reason = "several test binaries share it, and each uses a part")]

mod poller;
mod target;

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Admin, Cluster, Isolation, Message, OutRecord, Publisher, Settings, StartOffset, TopicPartition, reader,
};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    letter::Stage,
    lookup::{LookupIndex, Lookups},
    names::{FlowName, InstanceName, RecordId, SourceName},
    outcome::{Code, Refusal},
    processor::{Input, Mapped, Processed, Processor},
    receipt::Receipt,
    record::{Position, RawRecord, Reason, Version},
    tally::{Counts, Tally},
    target::Target,
};
use weir_runtime::{
    clock::SystemClock,
    collections::Collections,
    deliver::{
        DeliverStage,
        treatment::{Rules, Treatment, Treatments},
    },
    health::Health,
    map::{Intake, MapStage},
    poll::{PollStage, Poller},
    stage::{Deployment, Hold, StageError, StageThread},
    telemetry::Metrics,
    topics::{CURSOR_PARTITIONS, FLOW_PARTITIONS, Topics},
};
use weir_schemas::{Codec, RedoRecord, TRACEPARENT_HEADER, Wire};

pub use poller::CountingPoller;
pub use target::{FakeTarget, Say};

/// Longer than anything here takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// One flow `flow` of one source `source` on one cluster.
pub struct Bench {
    pub deployment: Deployment,
    pub flow: FlowName,
    pub source: SourceName,
    dir: TempDir,
}

/// A stage at work, which can be stopped or killed.
pub struct Running {
    stop: CancellationToken,
    thread: StageThread,
    /// Runs the stage's tasks and nothing else.
    runtime: Runtime,
}

impl Running {
    /// SIGTERM: drains.
    pub fn stop(self) -> Result<(), StageError> {
        self.stop.cancel();
        let ended = waiting().block_on(self.thread.ended());
        self.runtime.shutdown_background();
        ended
    }

    /// Cuts every task off where it stands, in the middle of a call too; nothing is drained.
    pub fn kill(self) {
        self.runtime.shutdown_background();
        self.stop.cancel();
        // What the loop makes of its dead tasks is no concern: a killed process would not tell either.
        let _ = waiting().block_on(self.thread.ended());
    }
}

fn waiting() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn tasks() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl Bench {
    /// On the broker inside the process.
    pub fn in_process() -> Self {
        let topics = Topics::new("weir");
        let (source, flow) = (SourceName::from("source"), FlowName::from("flow"));
        let mut specs = topics.specs([&source], [&flow]);
        specs.extend(topics.collection_specs(["shops"]));
        let cluster = Cluster::in_process(&specs).unwrap();
        Self::of(cluster, topics, source, flow)
    }

    /// On the real broker of this test run, under a prefix of its own.
    pub fn real(name: &str) -> Self {
        let Ok(brokers) = std::env::var("WEIR_KAFKA") else {
            panic!(
                "these tests need a real Kafka: run `cargo xtask test`, or set WEIR_KAFKA to its bootstrap servers"
            )
        };
        let cluster = Cluster::remote(Settings::plaintext(brokers)).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let topics = Topics::new(&format!("weir-test-{now:x}-{name}"));
        let (source, flow) = (SourceName::from("source"), FlowName::from("flow"));
        let admin = Admin::open(&cluster).unwrap();
        admin.wait_ready(PATIENCE).unwrap();
        admin.apply(&topics.specs([&source], [&flow]), 1).unwrap();
        Self::of(cluster, topics, source, flow)
    }

    fn of(cluster: Cluster, topics: Topics, source: SourceName, flow: FlowName) -> Self {
        let dir = TempDir::new().unwrap();
        let deployment = Deployment {
            cluster,
            topics,
            codec: Codec::single_object(),
            instance: InstanceName::from("a"),
            state_dir: dir.path().to_owned(),
            clock: Arc::new(SystemClock),
            health: Health::default(),
            metrics: Metrics::default(),
        };
        Self { deployment, flow, source, dir }
    }

    /// The same deployment as another process sees it.
    pub fn instance(&self, name: &str) -> Deployment {
        let state_dir = self.dir.path().join(name);
        std::fs::create_dir_all(&state_dir).unwrap();
        Deployment {
            instance: InstanceName::from(name),
            state_dir,
            health: Health::default(),
            ..self.deployment.clone()
        }
    }

    pub fn deliver(&self, target: &Arc<FakeTarget>) -> Running {
        self.deliver_as(self.deployment.clone(), target)
    }

    pub fn deliver_as(&self, deployment: Deployment, target: &Arc<FakeTarget>) -> Running {
        self.deliver_to(deployment, Arc::clone(target) as _)
    }

    pub fn deliver_to(&self, deployment: Deployment, target: Arc<dyn Target>) -> Running {
        self.deliver_by(deployment, Arc::new(Treatment { target, rules: Rules::default() }))
    }

    pub fn deliver_by(&self, deployment: Deployment, treatments: Arc<dyn Treatments>) -> Running {
        let (runtime, stop) = (tasks(), CancellationToken::new());
        let stage = DeliverStage {
            deployment,
            flow: self.flow.clone(),
            treatments,
            halt_after: None,
            runtime: runtime.handle().clone(),
            hold: Hold::default(),
            stop: stop.clone(),
        };
        Running { thread: stage.start().unwrap(), stop, runtime }
    }

    pub fn map(&self) -> Running {
        self.map_with(Arc::new(ByPrefix(self.flow.clone())), Collections::none())
    }

    pub fn map_with(&self, processor: Arc<dyn Processor>, collections: Collections) -> Running {
        self.map_by(self.deployment.clone(), processor, collections)
    }

    pub fn map_as(&self, deployment: Deployment) -> Running {
        self.map_by(deployment, Arc::new(ByPrefix(self.flow.clone())), Collections::none())
    }

    fn map_by(
        &self,
        deployment: Deployment,
        processor: Arc<dyn Processor>,
        collections: Collections,
    ) -> Running {
        let (runtime, stop) = (tasks(), CancellationToken::new());
        let stage = MapStage {
            deployment,
            intake: Intake::Raw(self.source.clone()),
            processor,
            flow_version: FlowVersion::default(),
            collections,
            hold: Hold::default(),
            stop: stop.clone(),
        };
        Running { thread: stage.start().unwrap(), stop, runtime }
    }

    pub fn poll(&self, poller: &Arc<CountingPoller>) -> Running {
        let (runtime, stop) = (tasks(), CancellationToken::new());
        let stage = PollStage {
            deployment: self.deployment.clone(),
            pollers: vec![Arc::clone(poller) as Arc<dyn Poller>],
            control: tokio::sync::watch::channel(Arc::default()).1,
            feeds: std::collections::BTreeMap::new(),
            runtime: runtime.handle().clone(),
            stop: stop.clone(),
        };
        Running { thread: stage.start().unwrap(), stop, runtime }
    }

    /// Puts documents into their topic, each in the partition of its record.
    pub fn send_documents(&self, documents: &[Document]) {
        let topic = self.deployment.topics.doc(&self.flow);
        let records: Vec<OutRecord> = documents
            .iter()
            .map(|document| {
                let value = self.deployment.codec.encode(document);
                OutRecord::new(topic.as_str(), document.record_id.to_string(), value)
            })
            .collect();
        Publisher::open(&self.deployment.cluster).unwrap().publish(&records).unwrap();
    }

    /// Puts raw records into their topic, all in one trace.
    pub fn send_raw(&self, payloads: &[String]) {
        let topic = self.deployment.topics.raw(&self.source);
        let records: Vec<OutRecord> = payloads
            .iter()
            .map(|payload| {
                let record = raw(&self.source, payload);
                OutRecord::new(topic.as_str(), record.id.to_string(), self.deployment.codec.encode(&record))
                    .with_header(TRACEPARENT_HEADER, TRACEPARENT)
            })
            .collect();
        Publisher::open(&self.deployment.cluster).unwrap().publish(&records).unwrap();
    }

    /// Puts records onto the topic of those that re-enter the flow, each in the partition of its origin.
    pub fn send_again(&self, records: &[RedoRecord]) {
        let topic = self.deployment.topics.redo(&self.flow);
        let records: Vec<OutRecord> = records
            .iter()
            .map(|redo| {
                let value = self.deployment.codec.encode(redo);
                OutRecord::new(topic.as_str(), redo.record.id.to_string(), value)
            })
            .collect();
        Publisher::open(&self.deployment.cluster).unwrap().publish(&records).unwrap();
    }

    /// Every committed record of a topic of a flow.
    pub fn messages(&self, topic: &str, partitions: i32) -> Vec<Message> {
        let mut messages = Vec::new();
        for partition in (0..partitions).map(|number| TopicPartition::new(topic, number)) {
            let cluster = &self.deployment.cluster;
            let take = |message| {
                messages.push(message);
                ControlFlow::Continue(())
            };
            reader::read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, take)
                .unwrap();
        }
        messages
    }

    fn values<T: Wire>(&self, topic: &str, partitions: i32) -> Vec<T> {
        let messages = self.messages(topic, partitions);
        messages
            .iter()
            .map(|message| self.deployment.codec.decode(message.value.as_ref().unwrap()).unwrap())
            .collect()
    }

    pub fn raw_records(&self) -> Vec<RawRecord> {
        self.values(&self.deployment.topics.raw(&self.source), FLOW_PARTITIONS)
    }

    pub fn documents(&self) -> Vec<Document> {
        self.values(&self.deployment.topics.doc(&self.flow), FLOW_PARTITIONS)
    }

    /// All receipts that were ever written, in the order of each record's.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.values(&self.deployment.topics.receipt(&self.flow), FLOW_PARTITIONS)
    }

    pub fn letters(&self) -> Vec<weir_model::letter::DeadLetter> {
        self.values(&self.deployment.topics.dead(self.flow.as_str()), 3)
    }

    pub fn cursors(&self) -> Vec<weir_model::cursor::Cursor> {
        let mut messages = self.messages(&self.deployment.topics.cursor(), CURSOR_PARTITIONS);
        messages.retain(|message| message.key.as_ref().is_some_and(|key| !key.starts_with(b"token:")));
        let value =
            |message: &Message| self.deployment.codec.decode(message.value.as_ref().unwrap()).unwrap();
        messages.iter().map(value).collect()
    }

    /// The sum of what a stage counted.
    pub fn counted(&self, stage: Stage) -> Counts {
        let mut sum = Counts::default();
        let tallies: Vec<Tally> = self.values(&self.deployment.topics.tally(), 3);
        tallies.iter().filter(|tally| tally.stage == stage).for_each(|tally| sum.add(&tally.counts));
        sum
    }

    /// Waits until a stage has accounted for that many records.
    pub fn wait_for_ended(&self, documents: i128) -> Counts {
        wait_for("the end of every document", || {
            let counts = self.counted(Stage::Sink);
            (counts.accounted() >= documents).then_some(counts)
        })
    }
}

/// Waits until `reached` answers.
pub fn wait_for<T>(what: &str, mut reached: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = reached() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Maps by the payload's first letter: `f` is filtered, `r` refused, all else mapped.
struct ByPrefix(FlowName);

impl Processor for ByPrefix {
    fn flow(&self) -> &FlowName {
        &self.0
    }

    fn lookups(&self) -> &[LookupIndex] {
        &[]
    }

    fn process(&self, input: &Input, _: &dyn Lookups) -> Processed {
        let id = input.record.id.to_string();
        let (verdict, body) = match input.record.payload.first() {
            Some(b'f') => (Verdict::Filtered("rule".to_owned()), Bytes::new()),
            Some(b'r') => {
                (Verdict::Refused(Refusal::new(Code::new("M-TEST"), "refused by the mapping")), Bytes::new())
            }
            _ => (Verdict::Mapped, input.record.payload.clone()),
        };
        Processed::One(Mapped {
            verdict,
            key: id.clone(),
            number: id,
            body,
            warnings: Vec::new(),
            deleted: input.record.deleted,
        })
    }
}

/// A raw record whose payload is its id.
pub fn raw(source: &SourceName, payload: &str) -> RawRecord {
    RawRecord {
        source: source.clone(),
        id: RecordId::from(payload),
        payload: Bytes::from(payload.to_owned()),
        digest: Digest::of(payload.as_bytes()),
        modified: Some(Timestamp::UNIX_EPOCH),
        polled_at: Timestamp::now(),
        reason: Reason::Poll,
        deleted: false,
    }
}

/// The record of [`raw`], repaired by a person to another payload: the source sent it at `offset`.
pub fn repaired(source: &SourceName, payload: &str, fixed: &str, offset: i64) -> RedoRecord {
    let original = raw(source, payload);
    RedoRecord {
        version: Version { modified_us: 0, appended_ms: original.polled_at.as_millisecond(), offset },
        record: RawRecord { payload: Bytes::from(fixed.to_owned()), reason: Reason::Retry, ..original },
        origin: Position { topic: "raw".to_owned(), partition: 0, offset },
        repaired: true,
        job: "job".to_owned(),
    }
}

/// The state `content` of the record `id`.
pub fn document(id: &str, version: i64, content: &str) -> Document {
    let body = Bytes::from(format!("{id}={content}"));
    Document {
        flow: FlowName::from("flow"),
        flow_version: FlowVersion { ordinal: 1, digest: Digest::of(b"flow") },
        record_id: RecordId::from(id),
        key: id.to_owned(),
        number: id.to_owned(),
        verdict: Verdict::Mapped,
        digest: Digest::of(&body),
        source_digest: Digest::of(content.as_bytes()),
        payload: body.clone(),
        body,
        version: Version { modified_us: version * 1_000_000, appended_ms: version, offset: version },
        origin: Position { topic: "raw".to_owned(), partition: 0, offset: version },
        reason: Reason::Poll,
        polled_at: Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    }
}

/// `count` records, each in its first state.
pub fn documents(count: i64) -> Vec<Document> {
    (0..count).map(|number| document(&format!("r{number}"), number + 1, "first")).collect()
}
