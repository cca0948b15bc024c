//! A hole in what was read is seen and filled; a job whose flow stands still waits, and can be called off.

use jiff::SignedDuration;
use serde_json::Value;
use weir_kafka::{OutRecord, ProducerOptions, TransactionalProducer};
use weir_model::cursor::{Cursor, Lane};
use weir_runtime::poll::partition_of;
use weir_schemas::{Codec, JobState};

use crate::{
    judge::expect_complete,
    past::{backfill, change, cursors, days_ago, until_state},
    project::{CUSTOMERS, CUSTOMERS_SOURCE, FLOWS},
    stand::{Setup, Stand},
    waiting::eventually,
};

/// Writes the live cursor of every source past all checks: it is at `days` ago.
fn move_cursors(stand: &Stand, days: i64) {
    let (topics, partition) = (stand.topics(), partition_of("jushuitan"));
    let options = ProducerOptions::new(topics.cursor_transactional_id(partition));
    let mut producer = TransactionalProducer::init(stand.cluster(), options).unwrap();
    let written = producer.transaction(|open| {
        FLOWS.iter().try_for_each(|(_, source)| {
            let cursor = Cursor {
                source: (*source).into(),
                lane: Lane::Live,
                settled_until: days_ago(days),
                window: None,
                at: days_ago(0),
                job: String::new(),
                lateness_ms: 0,
            };
            let value = Codec::single_object().encode(&cursor);
            open.send(
                &OutRecord::new(topics.cursor(), format!("{source}/live"), value).to_partition(partition),
            )
        })
    });
    written.unwrap();
}

fn coverage(stand: &Stand, source: &str) -> Value {
    serde_json::from_str(&stand.command(&["coverage", source, "--json"])).unwrap()
}

/// Waits until the coverage of the source reaches the last hour; gives it.
fn coverage_up_to_now(stand: &Stand, source: &str) -> Value {
    eventually("coverage up to now", || {
        let found = coverage(stand, source);
        let until = found["until"].as_str().map(|until| until.parse::<jiff::Timestamp>().unwrap());
        let hour_ago = jiff::Timestamp::now() - SignedDuration::from_hours(1);
        if until.is_some_and(|until| until > hour_ago) { Ok(found) } else { Err(found.to_string()) }
    })
}

fn live_cursor(stand: &Stand, source: &str) -> Option<Cursor> {
    cursors(stand, source).into_iter().find(|cursor| cursor.lane == Lane::Live)
}

/// Reads the past up to ten days ago, and then the last five days: between them nothing.
fn with_a_hole() -> Stand {
    let stand = Stand::new(Setup::plain("holes", 78));
    change(&stand, "settle_lag: 3s", "settle_lag: 10d");
    let weir = stand.start("all", "one");
    for (_, source) in FLOWS {
        eventually("the past was read", || {
            let read = live_cursor(&stand, source);
            let near = days_ago(10) - SignedDuration::from_hours(1);
            if read.as_ref().is_some_and(|cursor| cursor.settled_until > near && cursor.window.is_none()) {
                Ok(())
            } else {
                Err(format!("{source}: {read:?}"))
            }
        });
    }
    weir.terminate();
    change(&stand, "settle_lag: 10d", "settle_lag: 3s");
    move_cursors(&stand, 5);
    stand
}

#[test]
fn a_hole_is_seen_and_filled_and_a_job_waits_for_a_flow_that_stands_still() {
    let stand = with_a_hole();
    let mut weir = stand.start("all", "one");
    let found = coverage_up_to_now(&stand, CUSTOMERS_SOURCE);
    let holes = found["holes"].as_array().unwrap();
    assert_eq!(holes.len(), 1, "{found}");
    let text = stand.command(&["coverage", CUSTOMERS_SOURCE, "--lang", "en"]);
    assert!(text.contains("holes: 1") && text.contains('!'), "{text}");
    println!("{text}");

    // A flow that stands still holds the job, which can be called off meanwhile.
    stand.command(&["flows", "pause", CUSTOMERS, "--reason", "month end"]);
    let job = backfill(&stand, CUSTOMERS_SOURCE, days_ago(9), days_ago(6));
    let (cause, done) = until_state(&stand, &job, JobState::Held);
    assert!(cause.starts_with("J-STANDSTILL") && cause.contains("month end"), "{cause}");
    stand.command(&["jobs", "cancel", &job, "--note", "not now"]);
    eventually("the cursor of the job is removed", || {
        let left: Vec<Cursor> = cursors(&stand, CUSTOMERS_SOURCE);
        if left.iter().all(|cursor| cursor.job.is_empty()) { Ok(()) } else { Err(format!("{left:?}")) }
    });
    let (_, after) = until_state(&stand, &job, JobState::Cancelled);
    assert_eq!((done, after), (0, 0), "nothing was published while the flow stood still");
    stand.command(&["flows", "resume", CUSTOMERS]);

    for (_, source) in FLOWS {
        coverage_up_to_now(&stand, source);
        let plan: Value =
            serde_json::from_str(&stand.command(&["backfill", source, "--holes", "--dry-run", "--json"]))
                .unwrap();
        assert_eq!(plan["ranges"].as_array().unwrap().len(), 1, "{plan}");
        let ended: Value =
            serde_json::from_str(&stand.command(&["backfill", source, "--holes", "--json"])).unwrap();
        assert_eq!(ended["state"], "finished", "{ended}");
        assert_eq!(coverage(&stand, source)["holes"], Value::Array(Vec::new()));
    }
    expect_complete(&stand, "a hole of five days, filled");
    weir.expect_running();
}
