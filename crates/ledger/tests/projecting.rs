//! The projection against made-up topics on the in-process broker.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it found by panicking")]

mod support;

use std::time::Duration;

use weir_kafka::Cluster;
use weir_ledger::{Follower, Ledger, Value};
use weir_model::{document::Document, record::Reason};

use support::{FLOW, PATIENCE, World, at, busy, delivered, document, dump};

async fn caught_up(follower: &Follower) {
    let freshness = follower.catch_up(PATIENCE).await.unwrap();
    assert_eq!(freshness.behind, None);
}

async fn state(ledger: &Ledger, id: &str) -> Option<String> {
    let sql = "SELECT state FROM record WHERE flow = ? AND record_id = ?";
    let rows = ledger.projection.fetch(sql, &[FLOW.into(), id.into()]).await.unwrap();
    rows.first().map(|row| row.plain_text("state").unwrap())
}

/// What happened, by topic; the broker's times and the made-up ones are years apart.
async fn kinds(ledger: &Ledger, id: &str) -> Vec<String> {
    let sql = "SELECT kind FROM event WHERE flow = ? AND record_id = ? ORDER BY stream, log_offset";
    let rows = ledger.projection.fetch(sql, &[FLOW.into(), id.into()]).await.unwrap();
    rows.iter().map(|row| row.plain_text("kind").unwrap()).collect()
}

async fn records_of(ledger: &Ledger, number: &str) -> Vec<String> {
    let sql = "SELECT record_id FROM number WHERE number = ? ORDER BY record_id";
    let rows = ledger.projection.fetch(sql, &[number.into()]).await.unwrap();
    rows.iter().map(|row| row.plain_text("record_id").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_life_is_told() {
    let (world, folder) = (World::in_process(), tempfile::tempdir().unwrap());
    let (ledger, follower) = world.ledger(folder.path()).await;
    busy(&world);
    caught_up(&follower).await;
    for (id, expected) in
        [("A1", "left"), ("B2", "filtered"), ("C3", "refused"), ("D4", "waiting"), ("E5", "mapped")]
    {
        assert_eq!(state(&ledger, id).await.as_deref(), Some(expected), "{id}");
    }
    assert_eq!(kinds(&ledger, "A1").await, ["mapped", "mapped", "sending", "delivered", "left"]);
    assert_eq!(kinds(&ledger, "C3").await, ["lettered", "mapped", "refused"]);
    assert_eq!(kinds(&ledger, "E5").await.len(), 3);
    for number in ["A1", "N-A1", "K-A1", "TA1", "10A1", "XSD-A1"] {
        assert_eq!(records_of(&ledger, number).await, ["A1"], "{number}");
    }
    assert_eq!(records_of(&ledger, "TD4").await, ["D4"], "who waits is found by its numbers too");
    let fetch = |sql: &'static str| ledger.projection.fetch(sql, &[]);
    let letters = fetch("SELECT cause, code, stage FROM letter").await.unwrap();
    assert_eq!(letters[0].plain_text("cause").unwrap(), "客户编码…不存在");
    let waiting = fetch("SELECT record_id, reference FROM waiting").await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].plain_text("reference").unwrap(), "C99");
    let tallies = fetch("SELECT delivered, first_offset, next_offset FROM tally").await.unwrap();
    let counted =
        ["delivered", "first_offset", "next_offset"].map(|column| tallies[0].plain_integer(column).unwrap());
    assert_eq!(counted, [6, 0, 3]);
    let windows = fetch("SELECT lateness_ms FROM window_fact").await.unwrap();
    assert_eq!(windows[0].plain_integer("lateness_ms").unwrap(), 1_500);
    let processes = fetch("SELECT instance FROM process").await.unwrap();
    assert_eq!(processes.len(), 1, "who said goodbye is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_do_not_depend_on_when_topics_were_read() {
    let world = World::in_process();
    let (often, once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, follower) = world.ledger(often.path()).await;
    caught_up(&follower).await;
    // The receipt before its document, as happens when topics are read one after the other.
    let first = document("A1", 1);
    world.receipt(&delivered(&first));
    caught_up(&follower).await;
    world.document(&first);
    caught_up(&follower).await;
    busy(&world);
    caught_up(&follower).await;
    world.released("D4");
    caught_up(&follower).await;
    let (_, other) = world.ledger(once.path()).await;
    caught_up(&other).await;
    let (often, once) = (dump(often.path()).await, dump(once.path()).await);
    assert_eq!(often, once);
    assert!(once["event"].len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_equals_a_fresh_projection_and_touches_no_book() {
    let world = World::in_process();
    let (old, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, follower) = world.ledger(old.path()).await;
    busy(&world);
    caught_up(&follower).await;
    let mut book = ledger.book.begin().await.unwrap();
    let action = ["a1".into(), Value::Integer(1), "zhou".into(), "drop".into(), "done".into(), "{}".into()];
    book.execute(
        "INSERT INTO action (id, at_us, by_whom, kind, reason, detail) VALUES (?, ?, ?, ?, ?, ?)",
        &action,
    )
    .await
    .unwrap();
    book.commit().await.unwrap();
    // What a defect, or a hand, has spoilt.
    let mut spoilt = ledger.projection.begin().await.unwrap();
    for sql in [
        "UPDATE record SET state = 'delivered', number = 'x', doc_key = 'x'",
        "UPDATE letter SET cause = 'x', record_id = 'x'",
        "UPDATE tally SET delivered = 99",
        "DELETE FROM waiting",
        "DELETE FROM number",
    ] {
        spoilt.execute(sql, &[]).await.unwrap();
    }
    spoilt.commit().await.unwrap();
    follower.begin_rebuild().await.unwrap();
    assert_eq!(state(&ledger, "A1").await, None, "it comes again from the topics");
    caught_up(&follower).await;
    let (_, other) = world.ledger(fresh.path()).await;
    caught_up(&other).await;
    assert_eq!(dump(old.path()).await, dump(fresh.path()).await);
    let actions = ledger.book.fetch("SELECT by_whom FROM action", &[]).await.unwrap();
    assert_eq!(actions[0].plain_text("by_whom").unwrap(), "zhou");
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_at_once_count_nothing_twice() {
    let world = World::in_process();
    let (shared, alone) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, first) = world.ledger(shared.path()).await;
    let (_, second) = world.ledger(shared.path()).await;
    for round in 0..3 {
        busy(&world);
        if round == 1 {
            first.begin_rebuild().await.unwrap();
        }
        let both = tokio::join!(first.catch_up(PATIENCE), second.catch_up(PATIENCE));
        assert_eq!((both.0.unwrap().behind, both.1.unwrap().behind), (None, None));
    }
    let (_, other) = world.ledger(alone.path()).await;
    caught_up(&other).await;
    assert_eq!(dump(shared.path()).await, dump(alone.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_an_older_state_is_an_event_and_changes_no_record() {
    let (world, folder) = (World::in_process(), tempfile::tempdir().unwrap());
    let (ledger, follower) = world.ledger(folder.path()).await;
    let (old, new) = (document("A1", 1), document("A1", 2));
    world.document(&old);
    world.document(&new);
    world.receipt(&delivered(&new));
    let replayed = Document { reason: Reason::Replay, job: "r1".to_owned(), ..old };
    world.document(&replayed);
    // A re-read with equal bytes, for which the sink writes no receipt.
    world.document(&Document { version: support::version(9), reason: Reason::Remedy, ..new });
    caught_up(&follower).await;
    assert_eq!(state(&ledger, "A1").await.as_deref(), Some("delivered"));
    let sql = "SELECT reason, job, version_offset FROM record";
    let row = ledger.projection.fetch(sql, &[]).await.unwrap().remove(0);
    assert_eq!(row.plain_text("reason").unwrap(), "remedy");
    assert_eq!(row.plain_integer("version_offset").unwrap(), 9);
    let jobs = ledger.projection.fetch("SELECT job FROM event WHERE job = 'r1'", &[]).await.unwrap();
    assert_eq!(jobs.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_it_says_as_of_when() {
    let (world, folder) = (World::in_process(), tempfile::tempdir().unwrap());
    let (ledger, follower) = world.ledger(folder.path()).await;
    busy(&world);
    caught_up(&follower).await;
    let nowhere = Cluster::remote(weir_kafka::Settings::plaintext("127.0.0.1:1")).unwrap();
    let follower =
        Follower::new(ledger, world.scope(), nowhere, std::sync::Arc::new(weir_runtime::clock::SystemClock));
    let freshness = follower.catch_up(Duration::from_millis(500)).await.unwrap();
    assert!(freshness.behind.is_some());
    assert!(freshness.as_of > at(0), "as of the last time that all had been read");
}
