//! The omission remedy: what the remote system brings in hours late is found at the crontab's time, beside the regular
//! poll, once for each time, and wherever the process dies.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use weir_model::{
    cursor::{Cursor, Lane},
    names::SourceName,
    record::Reason,
    time::Clock as _,
};

use crate::{
    memory::{Memory, Polling, Record, TestClock},
    support::{Committed, Death},
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

const POLLING: Polling = Polling {
    poll: "{every: 10m, start_from: -1d, look_back: 5m, max_window: 12h}",
    metadata: "    omissionRemedy:\n      crontab: \"55 3 * * *\"\n      takeOverRequest: [{field: begin, value: \
               \"{{DAYS_AGO_2|datetime}}\"}]\n",
    longest_window: Some(Duration::from_secs(7 * 86_400)),
    history: None,
};

/// A record every hour around the night of 16 January in Shanghai; every fifth one is listed six hours late.
fn late() -> Arc<Memory> {
    let clock = TestClock::beginning("2024-01-15T12:00:00Z");
    let begin = clock.now() - HOUR * 23;
    let made = (0..34).map(|id: u32| {
        let modified = begin + HOUR * i32::try_from(id).unwrap();
        let late = if id.is_multiple_of(5) { HOUR * 6 } else { SignedDuration::ZERO };
        Record { id, modified, listed_at: modified + late, archived_at: None }
    });
    Memory::new(made.collect(), clock, "Asia/Shanghai")
}

fn cursor(committed: &Committed, lane: Lane) -> Option<&Cursor> {
    committed.cursors.get(&(SourceName::from("s"), lane))
}

fn remedied(committed: &Committed, until: &str) -> bool {
    let until: Timestamp = until.parse().unwrap();
    cursor(committed, Lane::Backfill)
        .is_some_and(|cursor| cursor.window.is_none() && cursor.settled_until == until)
}

/// 03:55 in Shanghai.
const FIRST_TIME: &str = "2024-01-15T19:55:00Z";

#[tokio::test(start_paused = true)]
async fn what_comes_late_is_found_and_the_regular_poll_goes_on_beside_it() {
    let memory = late();
    let mut committed = Committed::default();
    POLLING.run(&memory, &mut committed, None, |committed| remedied(committed, FIRST_TIME)).await;
    let settled: Timestamp = FIRST_TIME.parse().unwrap();
    let due = |id: &u32| memory.records[*id as usize].listed_at <= settled;
    let missing: Vec<u32> = memory.missing(&committed, Timestamp::MIN).into_iter().filter(due).collect();
    assert_eq!(missing, [0; 0]);

    let by = |reason| committed.records.iter().filter(move |record| record.reason == reason);
    let live: Vec<_> = by(Reason::Poll).map(|record| &record.id).collect();
    assert!(by(Reason::Remedy).any(|record| !live.contains(&&record.id)), "some came too late for the poll");
    assert!(by(Reason::Remedy).any(|record| live.contains(&&record.id)), "the rest is published once more");
    assert!(
        by(Reason::Remedy).map(|record| &record.id).collect::<std::collections::BTreeSet<_>>().len()
            == by(Reason::Remedy).count(),
        "each once"
    );

    let run: Vec<_> = committed.windows.iter().filter(|fact| fact.lane == Lane::Backfill).collect();
    assert_eq!(run.len(), 4, "two days in windows of twelve hours");
    assert_eq!(run[0].from, settled - HOUR * 48 - SignedDuration::from_mins(5));
    assert_eq!(run[3].to, settled);
    let live = cursor(&committed, Lane::Live).unwrap();
    assert!(live.settled_until > settled - HOUR, "not moved back: {live:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_run_goes_on_with_it() {
    let memory = late();
    let mut whole = Committed::default();
    POLLING.run(&memory, &mut whole, None, |committed| remedied(committed, FIRST_TIME)).await;
    // The run is the end of it; before that the regular poll has published alone.
    for index in whole.publications - 12..whole.publications {
        for death in [Death::Before(index), Death::After(index)] {
            let memory = late();
            let mut committed = Committed::default();
            let done = |committed: &Committed| remedied(committed, FIRST_TIME);
            POLLING.run(&memory, &mut committed, Some(death), done).await;
            if !done(&committed) {
                POLLING.run(&memory, &mut committed, None, done).await;
            }
            let settled: Timestamp = FIRST_TIME.parse().unwrap();
            let due = |id: &u32| memory.records[*id as usize].listed_at <= settled;
            let missing: Vec<u32> =
                memory.missing(&committed, Timestamp::MIN).into_iter().filter(due).collect();
            assert_eq!(missing, [0; 0], "{death:?}");
            let windows = committed.windows.iter().filter(|fact| fact.lane == Lane::Backfill);
            assert_eq!(windows.count(), 4, "no window is read again: {death:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn times_that_were_missed_while_the_process_was_off_are_made_up_for_once() {
    let memory = late();
    let mut committed = Committed::default();
    POLLING.run(&memory, &mut committed, None, |committed| remedied(committed, FIRST_TIME)).await;
    let known = committed.windows.len();

    tokio::time::advance(Duration::from_secs(3 * 86_400)).await;
    let last = "2024-01-18T19:55:00Z";
    POLLING.run(&memory, &mut committed, None, |committed| remedied(committed, last)).await;
    let run: Vec<_> = committed.windows[known..].iter().filter(|fact| fact.lane == Lane::Backfill).collect();
    let first_missed: Timestamp = "2024-01-16T19:55:00Z".parse().unwrap();
    assert_eq!(run[0].from, first_missed - HOUR * 48 - SignedDuration::from_mins(5));
    assert_eq!(run.last().unwrap().to.to_string(), last);
    assert!(
        run.windows(2).all(|pair| pair[0].to > pair[1].from && pair[0].to < pair[1].to),
        "one run, no hole"
    );
    assert_eq!(memory.missing(&committed, Timestamp::MIN), [0; 0]);
}
