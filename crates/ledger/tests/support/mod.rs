//! Made-up topics, and all tables of a ledger as text.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use sqlx::{
    AssertSqlSafe, Column as _, ColumnIndex, Decode, MySqlPool, Row, Type, ValueRef as _, sqlite::SqlitePool,
};
use weir_kafka::{Admin, Cluster, OutRecord, ProducerOptions, TopicSpec, TransactionalProducer};
use weir_ledger::{FlowScope, Follower, Ledger, Scope, Settings};
use weir_model::{
    cursor::{Lane, WindowFact},
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    letter::{DeadLetter, Stage},
    names::{FlowName, SourceName},
    outcome::{Code, Refusal, Written},
    receipt::{Attempt, AttemptState, Delivered, Receipt, Standing},
    record::{Position, RawRecord, Reason, Version},
    tally::{Counts, Tally},
};
use weir_runtime::{clock::SystemClock, topics::Topics};
use weir_schemas::{Codec, Condition, ParkedRecord, StageStatus, Status, Wire};

/// The tables that are compared. `progress` and `turn` tell when, and not what.
pub const TABLES: [&str; 8] =
    ["record", "number", "event", "letter", "waiting", "window_fact", "tally", "process"];
pub const FLOW: &str = "orders";
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Topics of one flow and one source.
pub struct World {
    pub cluster: Cluster,
    pub topics: Topics,
    pub codec: Codec,
    producer: Mutex<TransactionalProducer>,
}

impl World {
    /// On a broker in this process.
    pub fn in_process() -> Self {
        let topics = Topics::new("weir");
        let cluster = Cluster::in_process(&specs(&topics)).unwrap();
        Self::on(cluster, topics)
    }

    /// On brokers of their own, with topics that start with `prefix`.
    pub fn remote(brokers: &str, prefix: &str) -> Self {
        let topics = Topics::new(prefix);
        let cluster = Cluster::remote(weir_kafka::Settings::plaintext(brokers)).unwrap();
        Admin::open(&cluster).unwrap().apply(&specs(&topics), 1).unwrap();
        Self::on(cluster, topics)
    }

    fn on(cluster: Cluster, topics: Topics) -> Self {
        let options = ProducerOptions::new(topics.control_transactional_id());
        let producer = Mutex::new(TransactionalProducer::init(&cluster, options).unwrap());
        Self { cluster, topics, codec: Codec::single_object(), producer }
    }

    pub fn scope(&self) -> Scope {
        let flow = FlowScope { name: FLOW.into(), numbers: vec!["tid".to_owned()] };
        Scope::new(&self.topics, self.codec.clone(), vec![flow], [SourceName::from("shop")])
    }

    pub async fn ledger(&self, folder: &Path) -> (Ledger, Follower) {
        self.ledger_at(&Settings::beside(folder)).await
    }

    pub async fn ledger_at(&self, settings: &Settings) -> (Ledger, Follower) {
        let ledger = Ledger::open(settings).await.unwrap();
        let follower =
            Follower::new(ledger.clone(), self.scope(), self.cluster.clone(), Arc::new(SystemClock));
        (ledger, follower)
    }

    pub fn put<T: Wire>(&self, topic: &str, id: &str, partition: i32, value: &T) {
        self.send(&OutRecord::new(topic, id.to_owned(), self.codec.encode(value)).to_partition(partition));
    }

    pub fn send(&self, record: &OutRecord) {
        let mut producer = self.producer.lock().unwrap();
        producer.transaction(|open| open.send(record)).unwrap();
    }

    pub fn document(&self, document: &Document) {
        self.put(&self.topics.doc(&FLOW.into()), document.record_id.as_str(), 2, document);
    }

    pub fn receipt(&self, receipt: &Receipt) {
        self.put(&self.topics.receipt(&FLOW.into()), receipt.record_id.as_str(), 2, receipt);
    }

    pub fn letter(&self, letter: &DeadLetter) {
        self.put(&self.topics.dead(FLOW), &letter.record_id, 1, letter);
    }

    pub fn parked(&self, parked: &ParkedRecord) {
        self.put(&self.topics.wait(&FLOW.into()), parked.record.id.as_str(), 2, parked);
    }

    pub fn released(&self, id: &str) {
        self.send(&OutRecord::tombstone(self.topics.wait(&FLOW.into()), id.to_owned()).to_partition(2));
    }
}

fn specs(topics: &Topics) -> Vec<TopicSpec> {
    topics.specs([&SourceName::from("shop")], [&FlowName::from(FLOW)])
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub fn version(number: i64) -> Version {
    Version { modified_us: number * 1_000_000, appended_ms: number * 1_000, offset: number }
}

fn bytes(id: &str, number: i64) -> Bytes {
    Bytes::from(format!("{{\"id\":\"{id}\",\"tid\":\"T{id}\",\"state\":{number}}}"))
}

pub fn document(id: &str, number: i64) -> Document {
    let payload = bytes(id, number);
    Document {
        flow: FLOW.into(),
        flow_version: FlowVersion { ordinal: 3, digest: Digest::of(b"flow") },
        record_id: id.into(),
        key: format!("K-{id}"),
        number: format!("N-{id}"),
        verdict: Verdict::Mapped,
        body: payload.clone(),
        digest: Digest::of(&payload),
        source_digest: Digest::of(&payload),
        payload,
        version: version(number),
        origin: Position { topic: "weir.raw.shop".to_owned(), partition: 2, offset: number },
        reason: Reason::Poll,
        polled_at: at(number),
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    }
}

pub fn sending(document: &Document) -> Receipt {
    Receipt {
        record_id: document.record_id.clone(),
        version: Version::default(),
        delivered: None,
        attempt: Some(attempt(document, AttemptState::Sending)),
    }
}

fn attempt(document: &Document, state: AttemptState) -> Attempt {
    Attempt {
        state,
        version: document.version,
        source_digest: document.source_digest,
        document_digest: document.digest,
        key: document.key.clone(),
        flow_ordinal: document.flow_version.ordinal,
        at: document.polled_at,
    }
}

pub fn delivered(document: &Document) -> Receipt {
    let id = &document.record_id;
    Receipt {
        record_id: id.clone(),
        version: document.version,
        delivered: Some(Delivered {
            version: document.version,
            source_digest: document.source_digest,
            document_digest: document.digest,
            key: document.key.clone(),
            written: Written { id: format!("10{id}"), number: format!("XSD-{id}") },
            flow_ordinal: document.flow_version.ordinal,
            at: document.polled_at,
            standing: Standing::Held,
            repaired: document.repaired,
        }),
        attempt: None,
    }
}

pub fn refused(document: &Document, message: &str) -> (Receipt, DeadLetter) {
    let refusal = Refusal::new(Code::new("K-BASE-001"), message);
    let state = AttemptState::Refused {
        code: refusal.code.to_string(),
        message: refusal.message.clone(),
        unresolved: false,
    };
    let receipt = Receipt {
        record_id: document.record_id.clone(),
        version: document.version,
        delivered: None,
        attempt: Some(attempt(document, state)),
    };
    let letter = DeadLetter {
        owner: FLOW.to_owned(),
        stage: Stage::Sink,
        record_id: document.record_id.to_string(),
        key: document.key.clone(),
        number: document.number.clone(),
        refusal,
        payload: document.payload.clone(),
        body: document.body.clone(),
        origin: Some(document.origin.clone()),
        version: document.version,
        source_digest: document.source_digest,
        flow_ordinal: document.flow_version.ordinal,
        reason: document.reason,
        at: document.polled_at,
        part: 0,
        deleted: false,
        repaired: false,
        job: String::new(),
    };
    (receipt, letter)
}

pub fn parked(id: &str, number: i64, customer: &str) -> ParkedRecord {
    let document = document(id, number);
    ParkedRecord {
        record: RawRecord {
            source: "shop".into(),
            id: id.into(),
            payload: document.payload,
            digest: document.source_digest,
            modified: None,
            polled_at: document.polled_at,
            reason: Reason::Poll,
            deleted: false,
        },
        version: document.version,
        origin: document.origin,
        collection: "customer".to_owned(),
        reference: customer.to_owned(),
        parked_since: at(number),
        repaired: false,
        job: String::new(),
    }
}

/// A life of each kind, and counts, windows and heartbeats.
pub fn busy(world: &World) {
    let good = document("A1", 1);
    world.document(&good);
    world.receipt(&sending(&good));
    world.receipt(&delivered(&good));
    let filtered = Document { verdict: Verdict::Filtered("test orders".to_owned()), ..document("B2", 2) };
    world.document(&filtered);
    let bad = document("C3", 3);
    let (receipt, letter) = refused(&bad, "客户编码C017不存在");
    world.document(&bad);
    world.receipt(&receipt);
    world.letter(&letter);
    world.parked(&parked("D4", 4, "C99"));
    world.parked(&parked("E5", 5, "C98"));
    world.released("E5");
    world.document(&document("E5", 5));
    let again = document("A1", 6);
    world.document(&again);
    let kept = delivered(&good);
    let standing = kept.delivered.clone().map(|known| Delivered { standing: Standing::Kept, ..known });
    world.receipt(&Receipt { version: again.version, delivered: standing, ..kept });
    counts_windows_and_heartbeats(world);
}

/// Three tallies, a window, two processes of which one has said goodbye.
fn counts_windows_and_heartbeats(world: &World) {
    for number in 0..3_u64 {
        let tally = Tally {
            stage: Stage::Sink,
            subject: FLOW.to_owned(),
            instance: "one".to_owned(),
            at: at(10),
            counts: Counts { delivered: number + 1, ..Counts::default() },
        };
        world.put(&world.topics.tally(), FLOW, 0, &tally);
    }
    let fact = WindowFact {
        source: "shop".into(),
        lane: Lane::Live,
        from: at(0),
        to: at(60),
        pages: 3,
        passes: 1,
        total: Some(9),
        distinct_ids: 9,
        published: 9,
        late: 1,
        at: at(61),
        job: String::new(),
        lateness_ms: 1_500,
    };
    world.put(&world.topics.window(), "shop", 1, &fact);
    let status = |name: &str| Status {
        instance: name.into(),
        software: "1".to_owned(),
        started_at: at(0),
        at: at(9),
        stages: vec![StageStatus {
            stage: Stage::Sink,
            subject: FLOW.to_owned(),
            condition: Condition::Ready,
            why: String::new(),
            flow_ordinal: 3,
            partitions: vec![0, 1],
        }],
    };
    for name in ["one", "two"] {
        world.put(&world.topics.status(), name, 0, &status(name));
    }
    world.send(&OutRecord::tombstone(world.topics.status(), "one").to_partition(0));
}

/// Every row of every table of a ledger in files, as text.
pub async fn dump(folder: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let file = folder.join(weir_ledger::settings::DEFAULT_FOLDER).join("projection.sqlite");
    let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
        let rows = sqlx::query(sql).fetch_all(&pool).await.unwrap();
        tables.insert(table, sorted(rows.iter().map(row_text)));
    }
    pool.close().await;
    tables
}

/// As [`dump`], of a ledger on a server.
pub async fn dump_server(url: &str) -> BTreeMap<&'static str, Vec<String>> {
    let pool = MySqlPool::connect(url).await.unwrap();
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
        let rows = sqlx::query(sql).fetch_all(&pool).await.unwrap();
        tables.insert(table, sorted(rows.iter().map(row_text)));
    }
    pool.close().await;
    tables
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

fn row_text<R: Row>(row: &R) -> String
where
    usize: ColumnIndex<R>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let cells = row.columns().iter().map(|column| {
        let index = column.ordinal();
        let value = if row.try_get_raw(index).unwrap().is_null() {
            "NULL".to_owned()
        } else {
            row.try_get::<String, _>(index)
                .or_else(|_| row.try_get::<i64, _>(index).map(|number| number.to_string()))
                .unwrap()
        };
        format!("{}={value}", column.name())
    });
    cells.collect::<Vec<_>>().join(" ")
}
