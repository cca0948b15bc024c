//! Records that are listed later and later: the look-back follows what it measures, over a restart too, and stays within
//! its bounds.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use weir_model::{
    cursor::{Cursor, Lane},
    names::SourceName,
    time::Clock as _,
};

use crate::{
    memory::{Memory, Polling, Record, TestClock},
    support::Committed,
};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

const FOLLOWING: Polling = Polling {
    poll: "{every: 60s, start_from: -1h, look_back: 5m}",
    metadata: "",
    longest_window: Some(Duration::from_secs(86_400)),
    history: None,
};

/// A record every five minutes; those of the first hour are listed four minutes late, of the second nine, then in time.
fn later_and_later() -> Arc<Memory> {
    let clock = TestClock::beginning("2024-01-15T12:00:00Z");
    let begin = clock.now();
    let record = |id: u32| {
        let modified = begin + MINUTE * 5 * i32::try_from(id).unwrap();
        let late = match id {
            0..12 => MINUTE * 4,
            12..24 => MINUTE * 9,
            _ => SignedDuration::ZERO,
        };
        Record { id, modified, listed_at: modified + late, archived_at: None }
    };
    Memory::new((0..36).map(record).collect(), clock, "Asia/Shanghai")
}

fn live(committed: &Committed) -> &Cursor {
    &committed.cursors[&(SourceName::from("s"), Lane::Live)]
}

fn until(begin: Timestamp, minutes: i32) -> impl Fn(&Committed) -> bool {
    move |committed| live(committed).settled_until >= begin + MINUTE * minutes
}

fn missing(memory: &Memory, committed: &Committed) -> Vec<u32> {
    let settled = live(committed).settled_until;
    let mut missing = memory.missing(committed, Timestamp::MIN);
    missing.retain(|id| memory.records[*id as usize].modified < settled);
    missing
}

#[tokio::test(start_paused = true)]
async fn the_look_back_grows_with_the_lateness_and_a_restart_remembers_it() {
    let (memory, mut committed) = (later_and_later(), Committed::default());
    let begin = memory.clock.now();
    FOLLOWING.run(&memory, &mut committed, None, until(begin, 60)).await;
    let late = committed.windows.iter().filter(|fact| fact.late > 0);
    let measured: Vec<u64> = late.map(|fact| fact.lateness_ms / 60_000).collect();
    assert!(!measured.is_empty() && measured.iter().all(|late| (4..=6).contains(late)), "{measured:?}");
    assert!(committed.windows.iter().all(|fact| (fact.late > 0) == (fact.lateness_ms > 0)));
    let remembered = live(&committed).lateness_ms;
    assert!((240_000..360_000).contains(&remembered), "{remembered}");

    // The next process reaches back as far at once: nine minutes late is found.
    let known = committed.windows.len();
    FOLLOWING.run(&memory, &mut committed, None, until(begin, 180)).await;
    let first = &committed.windows[known];
    let settled = committed.windows[known - 1].to;
    assert!(settled.duration_since(first.from) > MINUTE * 8, "{first:?}");
    assert_eq!(missing(&memory, &committed), [0; 0]);
    assert!(live(&committed).lateness_ms > 540_000);
}

#[tokio::test(start_paused = true)]
async fn a_look_back_that_may_not_grow_misses_what_comes_later_than_it_reaches() {
    let bounded =
        Polling { poll: "{every: 60s, start_from: -1h, look_back: 5m, look_back_max: 5m}", ..FOLLOWING };
    let (memory, mut committed) = (later_and_later(), Committed::default());
    let begin = memory.clock.now();
    bounded.run(&memory, &mut committed, None, until(begin, 180)).await;
    assert!(missing(&memory, &committed).iter().all(|id| (12..24).contains(id)));
    assert!(!missing(&memory, &committed).is_empty(), "the other test can fail");
    let reach = |pair: &[weir_model::cursor::WindowFact]| pair[0].to.duration_since(pair[1].from);
    assert!(
        committed.windows.windows(2).all(|pair| reach(pair) <= MINUTE * 5 + SignedDuration::from_secs(1))
    );
}
