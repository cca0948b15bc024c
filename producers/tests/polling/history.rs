//! Records that the remote system moves to an archive: they are read from the list that holds them, also while they are
//! moved, and wherever the process dies.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use weir_model::{cursor::Lane, time::Clock as _};

use crate::{
    memory::{Memory, Polling, Record, TestClock},
    support::{Committed, Death},
};

const BEGIN: &str = "2024-01-15T02:00:00Z";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Records are archived when they are 30 days old.
const AFTER: Duration = Duration::from_secs(30 * 86_400);

const POLLING: Polling = Polling {
    poll: "{every: 60s, start_from: -45d, look_back: 5m, max_window: 10d}",
    metadata: "",
    longest_window: Some(AFTER),
    history: Some(AFTER),
};

/// A record every six hours of the last 44 days. The archive takes over at 30 days, some hours early or late, and takes some
/// records while they are polled.
fn shelved() -> Arc<Memory> {
    let clock = TestClock::beginning(BEGIN);
    let now = clock.now();
    let made = (1..44 * 4).map(|age: u32| {
        let modified = now - HOUR * 6 * i32::try_from(age).unwrap();
        let archived_at = match age / 4 {
            ..=29 => None,
            30 => Some(now + SignedDuration::from_millis(i64::from(age % 4) * 900)),
            31.. => Some(now + SignedDuration::from_millis((i64::from(age % 7) - 3) * 700)),
        };
        Record { id: age, modified, listed_at: modified, archived_at }
    });
    Memory::new(made.collect(), clock, "UTC")
}

async fn poll(death: Option<Death>) -> (Committed, Arc<Memory>) {
    let memory = shelved();
    let mut committed = Committed::default();
    let done = |committed: &Committed| {
        let live = committed.windows.iter().filter(|fact| fact.lane == Lane::Live);
        live.count() >= 2
    };
    if death.is_some() {
        POLLING.run(&memory, &mut committed, death, done).await;
    }
    POLLING.run(&memory, &mut committed, None, done).await;
    (committed, memory)
}

fn archived_before(at: Timestamp) -> Timestamp {
    at - SignedDuration::try_from(AFTER).unwrap()
}

#[tokio::test(start_paused = true)]
async fn old_windows_are_read_from_both_lists_and_young_ones_from_the_live_one() {
    let (committed, memory) = poll(None).await;
    assert_eq!(memory.missing(&committed, Timestamp::MIN), [0; 0]);
    let ids: BTreeSet<_> = committed.records.iter().map(|record| &record.id).collect();
    assert_eq!(ids.len(), committed.records.len(), "what is in both lists is published once");

    let asks = memory.asks.lock().unwrap();
    let margin = SignedDuration::from_mins(70);
    for (at, ask) in asks.iter() {
        assert!(
            !ask.archived || ask.to <= archived_before(*at) + margin,
            "young time needs no archive: {ask:?}"
        );
    }
    let windows = |archived| -> BTreeSet<_> {
        let old = asks.iter().filter(|(at, ask)| ask.archived == archived && ask.from < archived_before(*at));
        old.map(|(_, ask)| (ask.from, ask.to)).collect()
    };
    assert_eq!(windows(true), windows(false));
    assert_eq!(windows(true).len(), 2, "cut once by max_window and once where the archive ends");
    assert_eq!(committed.windows.len(), 2 * 2 + 4, "a fact for each list: {:?}", committed.windows);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_either_list_loses_nothing() {
    let (whole, _) = poll(None).await;
    for index in 0..whole.publications {
        for death in [Death::Before(index), Death::After(index)] {
            let (committed, memory) = poll(Some(death)).await;
            assert_eq!(memory.missing(&committed, Timestamp::MIN), [0; 0], "{death:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_goes_on_in_the_list_that_the_cursor_names() {
    let memory = shelved();
    let mut committed = Committed::default();
    let in_archive = |committed: &Committed| committed.windows.len() == 1;
    POLLING.run(&memory, &mut committed, None, in_archive).await;
    let cursor = committed.cursors().remove(0);
    let open = cursor.window.clone().unwrap();
    assert_eq!(open.from, memory.asks.lock().unwrap()[0].1.from);
    assert!(cursor.settled_until < open.to, "one list is not the window");
    memory.asks.lock().unwrap().clear();

    POLLING.run(&memory, &mut committed, None, |committed| committed.windows.len() == 2).await;
    let asks = memory.asks.lock().unwrap().clone();
    assert!(asks.iter().all(|(_, ask)| ask.archived && ask.from == open.from), "{asks:?}");
    assert_eq!(committed.cursors()[0].settled_until, open.to);

    // Without an archive in the settings any more, its window is read from the live list.
    committed.cursors.values_mut().for_each(|known| *known = cursor.clone());
    memory.asks.lock().unwrap().clear();
    let live_only = Polling { history: None, ..POLLING };
    live_only.run(&memory, &mut committed, None, |committed| committed.windows.len() == 3).await;
    assert!(memory.asks.lock().unwrap().iter().all(|(_, ask)| !ask.archived && ask.from == open.from));
}
