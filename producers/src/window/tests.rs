//! Windows cover time without a hole, within every limit, also where the clock is turned.

use proptest::prelude::*;
use weir_model::time::local_text;

use super::*;

const ZONES: [&str; 5] = ["Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"];

fn poll(settle_lag: u64, look_back: u64, max_window: Option<u64>, start: &str) -> Poll {
    Poll {
        every: Duration::from_secs(60),
        start_from: StartFrom::At(start.into()),
        settle_lag: Duration::from_secs(settle_lag),
        look_back: Duration::from_secs(look_back),
        look_back_max: None,
        max_window: max_window.map(Duration::from_secs),
    }
}

fn at(text: &str, zone: &TimeZone) -> Timestamp {
    parse_local(text, zone).unwrap()
}

#[test]
fn a_source_that_was_off_catches_up_in_windows_and_then_goes_on_live() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let day = 86_400;
    let planner =
        Planner::new(&poll(60, 300, None, "2024-01-01"), zone.clone(), Some(Duration::from_secs(7 * day)));
    let planner = planner.unwrap();
    let now = at("2024-01-11 00:01:00", &zone);
    let start = planner.start(now);
    assert_eq!(local_text(start, &zone), "2024-01-01 00:00:00");

    let first = planner.next(start, now).unwrap();
    assert_eq!((first.from, first.lane), (start, Lane::CatchUp), "nothing before start_from is read");
    assert_eq!(local_text(first.to, &zone), "2024-01-08 00:00:00");
    let second = planner.next(first.to, now).unwrap();
    assert_eq!(local_text(second.from, &zone), "2024-01-07 23:55:00");
    assert_eq!((local_text(second.to, &zone).as_str(), second.lane), ("2024-01-11 00:00:00", Lane::Live));
    assert_eq!(planner.next(second.to, now), None, "nothing more is settled");
}

#[test]
fn a_window_never_ends_in_an_hour_that_happens_twice() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let planner = Planner::new(&poll(0, 600, None, "2024-11-01"), zone.clone(), None).unwrap();
    let settled: Timestamp = "2024-11-03T04:00:00Z".parse().unwrap();
    let in_the_fold: Timestamp = "2024-11-03T05:30:00Z".parse().unwrap();
    let window = planner.next(settled, in_the_fold).unwrap();
    assert_eq!(local_text(window.to, &zone), "2024-11-03 00:59:59");
    assert_eq!(planner.next(window.to, "2024-11-03T06:59:59Z".parse().unwrap()), None);
    let after: Timestamp = "2024-11-03T07:00:00Z".parse().unwrap();
    assert_eq!(planner.next(window.to, after).unwrap().to, after);
}

#[test]
fn an_overlap_as_long_as_the_longest_window_is_refused() {
    let refused =
        Planner::new(&poll(0, 60, None, "2024-01-01"), TimeZone::UTC, Some(Duration::from_secs(60)));
    assert!(matches!(refused, Err(PlanError::LookBackTooLong { .. })));
    let no_time = Planner::new(&poll(0, 0, None, "soon"), TimeZone::UTC, None);
    assert_eq!(no_time.unwrap_err(), PlanError::Start("soon".into()));
}

fn ambiguous(at: Timestamp, zone: &TimeZone) -> bool {
    zone.to_ambiguous_timestamp(zone.to_datetime(at)).is_ambiguous()
}

proptest! {
    #[test]
    fn windows_cover_time_without_a_hole(
        zone in proptest::sample::select(&ZONES[..]),
        begin in 1_700_000_000_i64..1_735_000_000,
        lag in 0_u64..200,
        look_back in 0_u64..4_000,
        max_window in proptest::option::of(600_u64..400_000),
        api_limit in proptest::option::of(20_000_u64..700_000),
        steps in proptest::collection::vec(1_i64..200_000, 1..40),
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let settings = Poll { start_from: StartFrom::Ago(Duration::from_secs(10)), ..poll(lag, look_back, max_window, "") };
        let limit = api_limit.map(Duration::from_secs);
        let planner = Planner::new(&settings, zone.clone(), limit).unwrap();
        let mut now = Timestamp::from_second(begin).unwrap();
        let mut settled = planner.start(now);
        for step in steps {
            now += SignedDuration::from_secs(step);
            let mut windows = 0;
            while let Some(window) = planner.next(settled, now) {
                prop_assert!(window.to > settled, "progress");
                prop_assert!(window.from <= settled - SignedDuration::from_secs(look_back as i64), "overlap");
                prop_assert!(window.to <= now - SignedDuration::from_secs(lag as i64), "settled");
                prop_assert!(!ambiguous(window.from, &zone) && !ambiguous(window.to, &zone));
                prop_assert!(local_text(window.from, &zone) < local_text(window.to, &zone), "clock time goes forward");
                if let Some(limit) = api_limit {
                    let clock = zone.to_datetime(window.to).duration_since(zone.to_datetime(window.from));
                    let longest = (window.to.as_second() - window.from.as_second()).max(clock.as_secs());
                    prop_assert!(longest <= limit as i64, "{longest} is longer than the API takes");
                }
                let more = planner.next(window.to, now).is_some();
                prop_assert_eq!(window.lane == Lane::CatchUp, more, "catch-up goes on without a pause");
                settled = window.to;
                windows += 1;
                prop_assert!(windows < 10_000);
            }
            let behind = now.as_second() - settled.as_second() - lag as i64;
            prop_assert!(behind <= 2 * 3_600, "what is settled is read, but for an hour that happens twice");
        }
    }
}

#[test]
fn a_look_reaches_as_far_back_as_the_api_takes() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let day = 86_400;
    let now = at("2024-01-15 10:00:00", &zone);
    let begin = |max_window: Option<u64>, limit: Option<u64>| {
        let poll = poll(60, 300, max_window, "2024-01-01");
        let window = Planner::new(&poll, zone.clone(), limit.map(Duration::from_secs)).unwrap().newest(now);
        assert_eq!((window.to, window.lane), (now, Lane::Reconcile));
        local_text(window.from, &zone)
    };
    assert_eq!(begin(Some(day), Some(7 * day)), "2024-01-14 10:00:00");
    assert_eq!(begin(Some(30 * day), Some(7 * day)), "2024-01-08 10:00:00");
    assert_eq!(begin(None, None), "2024-01-08 10:00:00");
}
