//! What every database behind the SQL target must show: one suite, run on SQLite and on a real MariaDB or MySQL.
//!
//! A site is a database of its own; the suite looks into it past the target.

// Each of the two test programs uses a part of it.
#![allow(dead_code)]

pub mod cases;
pub mod execute;
pub mod read_back;

use std::sync::Arc;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _, SqliteConnection};
use tempfile::TempDir;
use weir_model::{
    Json,
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    figures::Paths,
    flow::{FlowSpec, TargetSpec},
    names::{FlowName, InstanceName, RecordId},
    outcome::{Outcome, Refusal},
    record::{Position, Reason, Version},
    settings::{Problems, parse_yaml},
    target::{Batch, Delivery, Ownership, ReadBack, Target, TargetError},
};
use weir_sinks::{Setup, build, build_read_back};

pub const TOPIC: &str = "weir.doc.goods";

/// A database of its own.
pub struct Site {
    pub system: &'static str,
    pub connection: Json,
    /// URL of the site's database, without state schema; a file's path for SQLite.
    address: String,
    /// MySQL databases to drop at the end, with a URL that may do so.
    cleanup: Option<(String, Vec<String>)>,
    _folder: Option<TempDir>,
}

impl Site {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = folder.path().join("goods.db").to_string_lossy().into_owned();
        Self {
            system: "sqlite",
            connection: json!({"path": address}),
            address,
            cleanup: None,
            _folder: Some(folder),
        }
    }

    /// A database named after the test on the server that WEIR_MYSQL names.
    pub async fn mysql(test: &str) -> Self {
        let server = std::env::var("WEIR_MYSQL").expect(
            "WEIR_MYSQL is not set: name a server, such as mysql://user:password@127.0.0.1:3306, or run these tests \
             through `cargo xtask test`",
        );
        let base = server.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let database = format!("weir_test_{}_{test}", std::process::id());
        let state = format!("{database}_s");
        let mut admin = MySqlConnection::connect(&base).await.unwrap();
        for sql in [
            format!("DROP DATABASE IF EXISTS {database}"),
            format!("DROP DATABASE IF EXISTS {state}"),
            format!("CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        }
        let address = format!("{base}/{database}");
        Self {
            system: "mysql",
            connection: json!({"url": address, "state_schema": state}),
            address,
            cleanup: Some((base, vec![database, state])),
            _folder: None,
        }
    }

    pub fn is_mysql(&self) -> bool {
        self.system == "mysql"
    }

    pub fn offsets(&self) -> String {
        match &self.cleanup {
            Some((_, databases)) => format!("{}.sink_offset", databases[1]),
            None => "weir_sink_offset".to_owned(),
        }
    }

    pub fn outcomes(&self) -> String {
        self.offsets().replace("sink_offset", "sink_outcome")
    }

    /// Runs a statement past the target.
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_mysql() {
            let mut connection = MySqlConnection::connect(&self.address).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        } else {
            let url = format!("sqlite:{}?mode=rwc", self.address);
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
    }

    /// The first column of an answer; select it as text.
    pub async fn texts(&self, sql: &str) -> Vec<Option<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_mysql() {
            let mut connection = MySqlConnection::connect(&self.address).await.unwrap();
            let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection =
                SqliteConnection::connect(&format!("sqlite:{}", self.address)).await.unwrap();
            let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    pub async fn count(&self, table: &str) -> usize {
        let counted = self.texts(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}")).await;
        counted[0].as_ref().unwrap().parse().unwrap()
    }

    /// The target of a new process.
    pub fn target(&self, settings: &Json) -> Arc<dyn Target> {
        self.target_with(settings, &self.connection, "cluster-a")
    }

    pub fn target_with(&self, settings: &Json, connection: &Json, cluster: &str) -> Arc<dyn Target> {
        self.built(&self.spec(&["id"], settings, &[]), connection, cluster)
    }

    /// The target of a flow with this key and these items of `otherRequest`.
    pub fn target_of(&self, key: &[&str], settings: &Json, other: &[(&str, &str)]) -> Arc<dyn Target> {
        self.built(&self.spec(key, settings, other), &self.connection, "cluster-a")
    }

    fn built(&self, spec: &TargetSpec, connection: &Json, cluster: &str) -> Arc<dyn Target> {
        set_up(spec, connection, cluster, build)
    }

    /// What reads back the documents of a flow with this key.
    pub fn read_back_of(&self, key: &[&str], settings: &Json, paths: &Paths) -> Arc<dyn ReadBack> {
        let spec = self.spec(key, settings, &[]);
        let make = |setup: &Setup<'_>, problems: &mut Problems| build_read_back(setup, paths, problems);
        set_up(&spec, &self.connection, "cluster-a", make)
    }

    /// The target of a flow that runs these statements.
    pub fn execute_target(&self, request: &Json, statements: &[(&str, &str)]) -> Arc<dyn Target> {
        let spec = self.parsed(&json!({
            "system": self.system,
            "key": ["main_params.order_no"],
            "metadata": {"api": "execute", "request": request, "otherRequest": items(statements)},
        }));
        self.built(&spec, &self.connection, "cluster-a")
    }

    /// The target of the section that a text of ours shows as an example.
    pub fn documented_target(&self, section: &Json) -> Arc<dyn Target> {
        self.built(&self.parsed(section), &self.connection, "cluster-a")
    }

    fn spec(&self, key: &[&str], settings: &Json, other: &[(&str, &str)]) -> TargetSpec {
        self.parsed(&json!({
            "system": self.system,
            "key": key,
            "settings": settings,
            "metadata": {"api": "batchexecute", "request": [], "otherRequest": items(other)},
        }))
    }

    fn parsed(&self, target: &Json) -> TargetSpec {
        let text = format!(
            "version: 1\nflow: goods\nsource: {{name: s, system: x, poll: {{start_from: \"2024-01-01\"}}, \
             metadata: {{api: a, id: id}}}}\ntarget: {target}\n"
        );
        let mut problems = Problems::new("flow");
        FlowSpec::parse(&text, &mut problems).unwrap().target
    }

    /// Removes what a test made on a shared server.
    pub async fn close(self) {
        if let Some((base, databases)) = self.cleanup {
            let mut admin = MySqlConnection::connect(&base).await.unwrap();
            for database in databases {
                let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {database}"));
                sqlx::raw_sql(drop).execute(&mut admin).await.unwrap();
            }
        }
    }
}

fn set_up<T>(
    spec: &TargetSpec,
    connection: &Json,
    cluster: &str,
    make: impl FnOnce(&Setup<'_>, &mut Problems) -> Option<T>,
) -> T {
    let mut problems = Problems::new("test");
    let setup = Setup {
        flow: &FlowName::from("goods"),
        topic: TOPIC,
        cluster,
        owner: &InstanceName::from("tester"),
        target: spec,
        connection,
        connection_path: "connections.db",
        clients: &weir_sinks::Clients::default(),
    };
    make(&setup, &mut problems).unwrap_or_else(|| panic!("{:?}", problems.list()))
}

fn items(items: &[(&str, &str)]) -> Vec<Json> {
    items.iter().map(|(field, value)| json!({"field": field, "value": value})).collect()
}

/// The target's section in the example of `execute` that a guide shows.
pub fn documented(guide: &str) -> Json {
    let mut blocks = guide.split("```yaml\n").filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains("api: execute")).unwrap();
    parse_yaml(block, &mut Problems::new("guide")).unwrap()["target"].clone()
}

/// A table of four columns that the target creates.
pub fn goods() -> Json {
    json!({
        "table": "goods",
        "create_table": true,
        "columns": [
            {"name": "id", "type": "bigint"},
            {"name": "name", "type": "varchar(40)"},
            {"name": "price", "type": "decimal(12,2)"},
            {"name": "at", "type": "datetime(3)"},
        ],
    })
}

/// The same table when it is there already.
pub fn existing_goods() -> Json {
    let mut settings = goods();
    settings["create_table"] = json!(false);
    settings
}

/// A document of these rows at this offset.
pub fn delivery(offset: i64, rows: &Json) -> Delivery {
    document(offset, &json!({"rows": rows}))
}

/// A document of this body at this offset.
pub fn document(offset: i64, body: &Json) -> Delivery {
    let body = bytes::Bytes::from(body.to_string());
    let document = Document {
        flow: FlowName::from("goods"),
        flow_version: FlowVersion::default(),
        record_id: RecordId::from(format!("r{offset}")),
        key: offset.to_string(),
        number: offset.to_string(),
        verdict: Verdict::Mapped,
        digest: Digest::of(&body),
        body,
        payload: bytes::Bytes::new(),
        source_digest: Digest::default(),
        version: Version::default(),
        origin: Position { topic: "weir.raw.s".into(), partition: 0, offset },
        reason: Reason::Poll,
        polled_at: jiff::Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    };
    Delivery { document, offset, previous: None, unresolved: false }
}

/// One plain row whose id is its offset.
pub fn plain(offset: i64) -> Delivery {
    delivery(offset, &json!([[offset, format!("goods {offset}"), "1.50", "2024-01-15 10:00:00"]]))
}

/// Delivers to partition 0.
pub async fn deliver(
    target: &Arc<dyn Target>,
    deliveries: &[Delivery],
    next_offset: i64,
) -> Result<Vec<Outcome>, TargetError> {
    target
        .deliver(Batch { partition: 0, deliveries, settled: &[], next_offset, ownership: Ownership::sole() })
        .await
}

pub fn is_delivered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Delivered(_))
}

/// The refusal of a rejected document.
pub fn refusal(outcome: &Outcome) -> &Refusal {
    match outcome {
        Outcome::Reject(refusal) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
