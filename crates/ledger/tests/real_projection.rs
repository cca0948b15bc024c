//! The projection against a real Apache Kafka, in files and on a real MariaDB or MySQL: markers of transactions, trimmed
//! topics, and a rebuild that is ended in the middle.
//!
//! Relies on `WEIR_KAFKA` and `WEIR_MYSQL` (`cargo xtask test` sets them).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it found by panicking"
)]

mod support;

use std::time::Duration;

use support::{FLOW, PATIENCE, TABLES, World, busy, delivered, document, dump, dump_server};
use weir_kafka::{Admin, TopicPartition};
use weir_ledger::{Follower, Ledger, Settings};
use weir_model::settings::{Fields, Problems};

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set; run these tests through `cargo xtask test`"))
}

/// A prefix that no other run uses.
fn prefix(name: &str) -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    format!("ledger{}{name}{now}", std::process::id())
}

struct Stand {
    world: World,
    prefix: String,
}

impl Stand {
    fn new(name: &str) -> Self {
        let prefix = prefix(name);
        Self { world: World::remote(&variable("WEIR_KAFKA"), &prefix), prefix }
    }

    /// A ledger on the server, in databases of its own.
    fn server(&self) -> Settings {
        let server = serde_json::json!({"mysql": {
            "url": variable("WEIR_MYSQL"),
            "projection": format!("{}_projection", self.prefix),
            "book": format!("{}_book", self.prefix),
        }});
        let mut problems = Problems::new("weir.yaml");
        let fields = Fields::of(&server, "ledger", &mut problems);
        let settings = Settings::read(fields, std::path::Path::new("."), &mut problems);
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        settings
    }

    /// The address of the projection on the server.
    fn projection(&self) -> String {
        let url = variable("WEIR_MYSQL");
        let server = url.rsplit_once('/').unwrap().0;
        format!("{server}/{}_projection", self.prefix)
    }

    async fn remove(self) {
        let admin = Admin::open(&self.world.cluster).unwrap();
        let topics = admin.partition_counts().unwrap();
        let own: Vec<&str> =
            topics.keys().map(String::as_str).filter(|topic| topic.starts_with(&self.prefix)).collect();
        admin.delete(&own).unwrap();
        let (ledger, _) = self.world.ledger_at(&self.server()).await;
        for name in ["projection", "book"] {
            let sql = format!("DROP DATABASE {}_{name}", self.prefix);
            let mut session = ledger.book.begin().await.unwrap();
            session.execute(&sql, &[]).await.unwrap();
        }
    }
}

async fn caught_up(follower: &Follower) {
    let freshness = follower.catch_up(PATIENCE).await.unwrap();
    assert_eq!(freshness.behind, None);
}

async fn left(follower: &Follower) -> i64 {
    follower.behind().await.unwrap().values().sum()
}

async fn count(ledger: &Ledger, sql: &str) -> i64 {
    ledger.projection.fetch(sql, &[]).await.unwrap()[0].plain_integer("n").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_servers_tell_the_same_and_a_rebuild_keeps_what_topics_have_lost() {
    let stand = Stand::new("same");
    let (folder, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (files, in_files) = stand.world.ledger(folder.path()).await;
    let (server, on_server) = stand.world.ledger_at(&stand.server()).await;
    busy(&stand.world);
    for follower in [&in_files, &on_server] {
        caught_up(follower).await;
        assert_eq!(left(follower).await, 0, "markers at the ends are passed");
    }
    let before = dump(folder.path()).await;
    assert_eq!(before, dump_server(&stand.projection()).await);

    // Documents and letters are removed from their topics, and new ones come.
    let doc = TopicPartition::new(stand.world.topics.doc(&FLOW.into()), 2);
    let dead = TopicPartition::new(stand.world.topics.dead(FLOW), 1);
    let admin = Admin::open(&stand.world.cluster).unwrap();
    admin.trim(&[(doc, 6), (dead, 2)]).unwrap();
    let newer = document("F6", 20);
    stand.world.document(&newer);
    stand.world.receipt(&delivered(&newer));
    for follower in [&in_files, &on_server] {
        follower.begin_rebuild().await.unwrap();
        // Ended in the middle; whoever follows next goes on.
        let cut_short = follower.catch_up(Duration::from_millis(1)).await.unwrap();
        assert!(cut_short.behind.is_some());
        caught_up(follower).await;
    }
    let after = dump(folder.path()).await;
    assert_eq!(after, dump_server(&stand.projection()).await);
    let (_, other) = stand.world.ledger(fresh.path()).await;
    caught_up(&other).await;
    let new = dump(fresh.path()).await;
    for table in ["event", "letter", "number", "tally", "waiting", "window_fact", "process"] {
        let lost: Vec<_> = new[table].iter().filter(|row| !after[table].contains(row)).collect();
        assert!(lost.is_empty(), "{table}: {lost:?}");
        let gone: Vec<_> = before[table].iter().filter(|row| !after[table].contains(row)).collect();
        assert!(gone.is_empty(), "{table} has lost what its topic holds no more: {gone:?}");
    }
    assert!(new["letter"].len() < after["letter"].len(), "the topic has lost a letter that the ledger keeps");
    for ledger in [&files, &server] {
        let sql = "SELECT COUNT(*) AS n FROM record WHERE record_id = 'C3' AND doc_offset IS NOT NULL AND state = 'refused'";
        assert_eq!(count(ledger, sql).await, 1, "the document of an old record is still known");
        assert_eq!(count(ledger, "SELECT COUNT(*) AS n FROM record WHERE state = ''").await, 0);
    }
    assert_eq!(TABLES.len(), after.len());
    stand.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_told() {
    let stand = Stand::new("anew");
    let folder = tempfile::tempdir().unwrap();
    let (ledger, follower) = stand.world.ledger(folder.path()).await;
    busy(&stand.world);
    caught_up(&follower).await;
    let mut session = ledger.projection.begin().await.unwrap();
    session.execute("UPDATE progress SET next_offset = next_offset + 100", &[]).await.unwrap();
    session.commit().await.unwrap();
    let freshness = follower.catch_up(PATIENCE).await.unwrap();
    assert!(freshness.behind.is_some_and(|why| why.contains("weir ledger rebuild")));
    follower.begin_rebuild().await.unwrap();
    caught_up(&follower).await;
    stand.remove().await;
}
