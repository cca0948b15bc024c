//! `weir run ledger` on MariaDB beside the two flows, killed at several heights; then a rebuild that is killed.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    database::Database,
    judge::expect_complete,
    process::program,
    project::{CUSTOMERS, MOVEMENTS},
    servers::address,
    stand::{Setup, Stand},
    waiting::until,
};

/// What is compared of each table.
const TABLES: [(&str, &[&str]); 7] = [
    (
        "record",
        &[
            "flow",
            "record_id",
            "state",
            "code",
            "message",
            "number",
            "doc_key",
            "target_id",
            "target_number",
            "flow_ordinal",
            "version_offset",
            "source_digest",
            "doc_part",
            "doc_offset",
            "receipt_offset",
            "wait_offset",
            "changed_at_us",
        ],
    ),
    ("number", &["number", "flow", "record_id"]),
    ("event", &["flow", "record_id", "at_us", "stream", "part", "log_offset", "kind", "code", "detail"]),
    ("letter", &["owner", "part", "log_offset", "record_id", "cause", "cause_id", "payload_bytes"]),
    ("waiting", &["flow", "record_id", "reference"]),
    ("window_fact", &["part", "log_offset", "source", "from_us", "to_us", "published"]),
    (
        "tally",
        &[
            "stage",
            "subject",
            "hour_us",
            "part",
            "first_offset",
            "next_offset",
            "polled",
            "mapped",
            "filtered",
            "delivered",
            "unchanged",
            "superseded",
            "waiting",
            "dead",
        ],
    ),
];

/// A ledger of the stand on the server, named by a project file of its own.
struct Ledger {
    projection: Database,
    book: Database,
    file: PathBuf,
}

impl Ledger {
    fn new(stand: &Stand, runtime: &Runtime, name: &str) -> Self {
        let server = address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306");
        let schema = |schema: &str| format!("weir_e2e_{}_{name}_{schema}", std::process::id());
        let make = |name: &str| Database::create(runtime.handle().clone(), &server, &schema(name));
        let (projection, book) = (make("projection"), make("book"));
        let project = fs::read_to_string(stand.file("weir.yaml")).unwrap();
        let file = stand.file(&format!("{name}.yaml"));
        let (first, second) = (schema("projection"), schema("book"));
        let ledger =
            format!("ledger: {{mysql: {{url: \"{server}\", projection: {first}, book: {second}}}}}\n");
        fs::write(&file, format!("{project}{ledger}")).unwrap();
        Self { projection, book, file }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).arg("--config").arg(&self.file);
        command
    }

    fn answer(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn run(&self, instance: &str) -> crate::process::Weir {
        crate::process::Weir::start(&self.file, "ledger", instance)
    }

    fn count(&self, table: &str) -> usize {
        self.projection.rows(table, &["flow"]).len()
    }

    /// All that is compared.
    fn dump(&self) -> BTreeMap<&'static str, Vec<Vec<Option<String>>>> {
        let rows = TABLES.iter().map(|(table, columns)| {
            let mut rows = self.projection.rows(table, columns);
            rows.sort();
            (*table, rows)
        });
        rows.collect()
    }

    /// Records of a flow in a state.
    fn records(&self, flow: &str, state: &str) -> usize {
        let rows = self.projection.rows("record", &["flow", "state"]);
        rows.iter().filter(|row| **row == [Some(flow.to_owned()), Some(state.to_owned())]).count()
    }

    /// Waits until nothing of the topics is left to read.
    fn until_read(&self) {
        until("the ledger has read all topics", || {
            let status = self.answer(&["ledger", "status"]);
            let topics = status["topics"].as_object().unwrap();
            topics.values().all(|topic| topic["left"] == 0)
        });
    }
}

fn expect_same(one: &Ledger, other: &Ledger) {
    let (one, other) = (one.dump(), other.dump());
    for (table, rows) in &one {
        let differing: Vec<_> = rows.iter().filter(|row| !other[table].contains(row)).take(3).collect();
        assert!(differing.is_empty(), "{table}: only the first has {differing:?}");
        assert_eq!(rows.len(), other[table].len(), "rows of {table}");
    }
}

#[test]
fn a_ledger_that_is_killed_and_rebuilt_ends_as_a_fresh_one() {
    let stand = Stand::new(Setup::plain("ledger", 81).changing(60));
    let runtime = Runtime::new().unwrap();
    let (live, fresh) = (Ledger::new(&stand, &runtime, "live"), Ledger::new(&stand, &runtime, "fresh"));
    let mut follower = live.run("ledger-1");
    let stages =
        ["producers", "processors", "sinks"].map(|stages| stand.start(stages, &format!("{stages}-1")));
    for events in [1, 300, 900, 1_500] {
        until(&format!("the ledger knows {events} events"), || live.count("event") >= events);
        follower.kill();
        follower = live.run("ledger-1");
    }
    expect_complete(&stand, "the ledger was killed four times");
    for stage in stages {
        assert_eq!(stage.terminate().code(), Some(0));
    }
    live.until_read();
    let (customers, movements) = stand.stored();
    assert_eq!(live.records(CUSTOMERS, "delivered"), customers, "customers");
    assert_eq!(live.records(MOVEMENTS, "delivered"), movements, "movements");
    assert!(live.records(CUSTOMERS, "refused") > 0, "Kingdee refuses some");

    // A second ledger, which nobody follows for: the command reads the topics itself.
    fresh.until_read();
    expect_same(&live, &fresh);

    note_in_the_book(&live, &runtime);
    kill_a_rebuild(&live);
    // The ledger that runs beside it goes on where the rebuild was killed.
    live.until_read();
    expect_same(&live, &fresh);
    let rebuilt = live.answer(&["ledger", "rebuild"]);
    assert_eq!(rebuilt["behind"], Value::Null);
    assert_eq!(rebuilt["book"]["rows"]["action"], 1, "the book is not touched");
    expect_same(&live, &fresh);
    assert_eq!(live.book.rows("action", &["by_whom"]), [[Some("zhou".to_owned())]]);
    follower.expect_running();
    assert_eq!(follower.terminate().code(), Some(0));
}

fn note_in_the_book(ledger: &Ledger, runtime: &Runtime) {
    use sqlx::Connection as _;
    runtime.block_on(async {
        let mut connection = sqlx::MySqlConnection::connect(&ledger.book.url()).await.unwrap();
        sqlx::query(
            "INSERT INTO action (id, at_us, by_whom, kind, reason, detail) VALUES ('a1', 1, 'zhou', 'drop', 'test', '{}')",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    });
}

/// Starts a rebuild and kills it as soon as rows have gone.
fn kill_a_rebuild(ledger: &Ledger) {
    let turns = || ledger.projection.rows("turn", &["taken"]);
    let before = turns();
    let mut rebuild = ledger
        .command(&["ledger", "rebuild"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the rebuild has begun", || turns() != before);
    rebuild.kill().unwrap();
    rebuild.wait().unwrap();
}
