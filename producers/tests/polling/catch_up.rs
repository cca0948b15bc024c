//! A source that starts, or was off: it reads everything from where it must begin, in order, also where the clocks are
//! turned and where the remote system's clock is wrong.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use weir_model::{
    cursor::{Lane, WindowFact},
    time::{Clock as _, local_text},
};

use crate::{
    memory::{Memory, Polling, Record, TestClock},
    support::Committed,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: Duration = Duration::from_secs(86_400);

const POLLING: Polling = Polling {
    poll: "{every: 60s, start_from: \"2024-01-01\", look_back: 5m}",
    metadata: "",
    longest_window: Some(Duration::from_secs(7 * 86_400)),
    history: None,
};

/// A record every `every` from `begin` for `length`; its time is what the remote clock said, `skew` off.
fn records(
    begin: Timestamp,
    length: SignedDuration,
    every: SignedDuration,
    skew: SignedDuration,
) -> Vec<Record> {
    let count = u32::try_from(length.as_secs() / every.as_secs()).unwrap();
    let record = |id: u32| {
        let listed_at = begin + every * i32::try_from(id).unwrap();
        Record { id, modified: listed_at + skew, listed_at, archived_at: None }
    };
    (0..count).map(record).collect()
}

fn live(committed: &Committed) -> usize {
    committed.windows.iter().filter(|fact| fact.lane == Lane::Live).count()
}

/// Every instant from the first window's begin is covered, in order.
fn assert_no_hole(windows: &[WindowFact]) {
    for pair in windows.windows(2) {
        assert!(pair[1].from <= pair[0].to && pair[1].to > pair[0].to, "{pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_start_begins_where_start_from_says() {
    let clock = TestClock::beginning("2024-01-10T02:00:00Z");
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let before = clock.now() - HOUR * 24 * 20;
    let memory =
        Memory::new(records(before, HOUR * 24 * 20, HOUR, SignedDuration::ZERO), clock, "Asia/Shanghai");
    let mut committed = Committed::default();
    POLLING.run(&memory, &mut committed, None, |committed| live(committed) == 1).await;
    let start: Timestamp = "2023-12-31T16:00:00Z".parse().unwrap();
    assert_eq!(committed.windows[0].from, start, "midnight of the connection's zone");
    let expected = memory.records.iter().filter(|record| record.modified >= start).count();
    assert_eq!(committed.newest("s").len(), expected);
    assert_eq!(local_text(committed.windows[0].to, &zone), "2024-01-08 00:00:00");

    let ago = Polling { poll: "{every: 60s, start_from: -3d, look_back: 0s}", ..POLLING };
    let (mut committed, now) = (Committed::default(), clock.now());
    ago.run(&memory, &mut committed, None, |committed| live(committed) == 1).await;
    assert_eq!(committed.windows[0].from.as_second(), now.as_second() - 3 * 86_400);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_off_for_ten_days_catches_up_in_order_and_goes_on_live() {
    let clock = TestClock::beginning("2024-01-02T02:00:00Z");
    let begin = clock.now();
    let memory =
        Memory::new(records(begin, HOUR * 24 * 12, HOUR / 2, SignedDuration::ZERO), clock, "Asia/Shanghai");
    let daily = Polling {
        poll: "{every: 60s, start_from: \"2024-01-01\", look_back: 5m, max_window: 1d}",
        ..POLLING
    };
    let mut committed = Committed::default();
    daily.run(&memory, &mut committed, None, |committed| live(committed) == 3).await;
    let stopped = committed.cursors()[0].settled_until;

    tokio::time::advance(DAY * 10).await;
    let (known, published) = (committed.windows.len(), committed.records.len());
    daily.run(&memory, &mut committed, None, |committed| live(committed) == 5).await;
    let lanes: Vec<Lane> = committed.windows[known..].iter().map(|fact| fact.lane).collect();
    assert_eq!(lanes[..10], [Lane::CatchUp; 10]);
    assert_eq!(lanes[10..], [Lane::Live; 2]);
    assert_eq!(committed.windows[known].from, stopped - SignedDuration::from_mins(5));
    assert_no_hole(&committed.windows);
    let settled = committed.cursors()[0].settled_until;
    let read = memory.records.iter().filter(|record| record.modified <= settled).count();
    assert_eq!(committed.newest("s").len(), read);
    let window_of = |at: Timestamp| committed.windows[known..].iter().position(|fact| at <= fact.to);
    let windows = committed.records[published..].iter().map(|record| window_of(record.modified.unwrap()));
    assert!(windows.is_sorted(), "window by window");
}

/// Windows of hours over the days on which the clocks of New York are turned, read by a remote system that keeps and
/// compares local times alone.
#[tokio::test(start_paused = true)]
async fn no_record_is_missed_where_the_clocks_are_turned() {
    for (now, begin) in
        [("2024-03-10T03:10:00Z", "2024-03-09T17:00:00Z"), ("2024-11-03T02:10:00Z", "2024-11-02T16:00:00Z")]
    {
        for max_window in ["17m", "1h", "5h"] {
            let clock = TestClock::beginning(now);
            let begin: Timestamp = begin.parse().unwrap();
            let made = records(begin, HOUR * 24, SignedDuration::from_mins(7), SignedDuration::ZERO);
            let memory = Memory::new(made, clock, "America/New_York");
            let text = format!("{{every: 10m, start_from: -8h, look_back: 5m, max_window: {max_window}}}");
            let polling = Polling { poll: text.leak(), ..POLLING };
            let mut committed = Committed::default();
            let last = begin + HOUR * 24;
            let done =
                |committed: &Committed| committed.cursors().iter().all(|cursor| cursor.settled_until > last);
            polling.run(&memory, &mut committed, None, done).await;
            let start = committed.windows[0].from;
            assert_eq!(memory.missing(&committed, start), [0; 0], "{now} {max_window}");
            assert_no_hole(&committed.windows);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_remote_clock_that_is_wrong_costs_nothing_within_the_overlap() {
    for skew in [-240, -61, -1, 0, 1, 61, 240] {
        let clock = TestClock::beginning("2024-01-10T02:00:00Z");
        let begin = clock.now() - HOUR;
        let skew = SignedDuration::from_secs(skew);
        let memory = Memory::new(records(begin, HOUR * 3, SignedDuration::from_secs(50), skew), clock, "UTC");
        let poll = "{every: 60s, start_from: -2h, look_back: 5m, look_back_max: 5m}";
        let minutes = Polling { poll, ..POLLING };
        let mut committed = Committed::default();
        let end = begin + HOUR * 3 + SignedDuration::from_mins(6);
        let done =
            |committed: &Committed| committed.cursors().iter().all(|cursor| cursor.settled_until > end);
        minutes.run(&memory, &mut committed, None, done).await;
        assert_eq!(memory.missing(&committed, Timestamp::MIN), [0; 0], "{skew}");
        let ids: std::collections::BTreeSet<_> = committed.records.iter().map(|record| &record.id).collect();
        assert_eq!(ids.len(), committed.records.len(), "each once: {skew}");
    }
}
