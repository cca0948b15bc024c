//! The governor on a paused clock: exact limits, lanes, rests, the low start.

use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

use super::{Governor, Lane, Limit, Limiter};

const MINUTE: Limit = Limit { calls: 60, seconds: 60 };

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Most calls in any `length` of the instants at which the server counted.
fn busiest(mut counted: Vec<Instant>, length: Duration) -> usize {
    counted.sort_unstable();
    let within = |from: &Instant| counted.iter().filter(|at| *at >= from && **at - *from < length).count();
    counted.iter().map(within).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the latencies and whenever between sending and answer the server counts, no window is overfull.
    #[test]
    fn no_sliding_window_of_the_server_holds_more_than_the_limit(
        latencies in prop::collection::vec((0_u64..400, 0_u64..400), 120),
        calls in 1_u32..12,
        workers in 1_usize..6,
    ) {
        let limits = [Limit { calls, seconds: 1 }, Limit { calls: calls * 4, seconds: 7 }];
        let counted = paused().block_on(async {
            let limiter = Limiter::new(&limits);
            let mut tasks = JoinSet::new();
            for worker in 0..workers {
                let mine: Vec<_> = latencies.iter().copied().skip(worker).step_by(workers).collect();
                let limiter = limiter.clone();
                tasks.spawn(async move {
                    let mut counted = Vec::new();
                    for (there, back) in mine {
                        let lane = if back % 2 == 0 { Lane::Live } else { Lane::Backfill };
                        let permit = limiter.acquire(lane).await;
                        sleep(Duration::from_millis(there)).await;
                        counted.push(Instant::now());
                        sleep(Duration::from_millis(back)).await;
                        permit.answered();
                    }
                    counted
                });
            }
            tasks.join_all().await.concat()
        });
        prop_assert_eq!(counted.len(), latencies.len());
        for limit in limits {
            let most = busiest(counted.clone(), Duration::from_secs(u64::from(limit.seconds)));
            prop_assert!(most <= limit.calls as usize, "{most} in {limit:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_sixty_a_minute_is_used_to_at_least_95_percent() {
    for lane in [Lane::Live, Lane::Backfill] {
        let limiter = Limiter::new(&[MINUTE]);
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed() < Duration::from_secs(600) {
            let permit = limiter.acquire(lane).await;
            sleep(Duration::from_millis(120)).await;
            permit.answered();
            calls += 1;
        }
        assert!((570..=660).contains(&calls), "{calls} calls of 600 in lane {lane:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_higher_lane_goes_first_though_it_came_later() {
    let limiter = Limiter::new(&[Limit { calls: 1, seconds: 1 }]);
    let held = limiter.acquire(Lane::Live).await;
    let mut tasks = JoinSet::new();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for lane in [Lane::Reconcile, Lane::Backfill, Lane::CatchUp, Lane::Live] {
        let (limiter, sender) = (limiter.clone(), sender.clone());
        tasks.spawn(async move {
            limiter.acquire(lane).await.answered();
            sender.send(lane).unwrap();
        });
    }
    advance(Duration::from_millis(1)).await;
    assert_eq!(limiter.left().waiting, 4);
    held.answered();
    tasks.join_all().await;
    let mut order = Vec::new();
    while let Ok(lane) = receiver.try_recv() {
        order.push(lane);
    }
    assert_eq!(order, [Lane::Live, Lane::CatchUp, Lane::Backfill, Lane::Reconcile]);
}

#[tokio::test(start_paused = true)]
async fn a_backfill_leaves_room_so_that_a_live_call_waits_no_longer_than_one_spacing() {
    let limiter = Limiter::new(&[MINUTE]);
    let other = limiter.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        for _ in 0..200 {
            other.acquire(Lane::Backfill).await.answered();
        }
    });
    sleep(Duration::from_secs(150)).await;
    let before = Instant::now();
    limiter.acquire(Lane::Live).await.answered();
    assert!(before.elapsed() <= Duration::from_millis(1_010), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_does_not_hold_the_line() {
    let limiter = Limiter::new(&[Limit { calls: 1, seconds: 1 }]);
    limiter.acquire(Lane::Live).await.answered();
    let waited = tokio::time::timeout(Duration::from_millis(10), limiter.acquire(Lane::Live)).await;
    assert!(waited.is_err());
    assert_eq!(limiter.left().waiting, 0);
    limiter.acquire(Lane::Reconcile).await.answered();
}

#[tokio::test(start_paused = true)]
async fn a_throttle_answer_rests_every_lane_doubles_and_climbs_back() {
    let limiter = Limiter::new(&[MINUTE]);
    let (rest, ceiling) = (Duration::from_secs(60), Duration::from_secs(600));
    let together = limiter.acquire(Lane::Live).await;
    limiter.acquire(Lane::Live).await.throttled(rest, ceiling);
    together.throttled(rest, ceiling);
    assert_eq!((limiter.left().rest, limiter.left().rate_permille), (rest, 500));

    let before = Instant::now();
    let permit = limiter.acquire(Lane::Live).await;
    assert!(before.elapsed() >= rest);
    permit.throttled(rest, ceiling);
    assert_eq!((limiter.left().rest, limiter.left().rate_permille), (rest * 2, 250));
    for _ in 0..4 {
        limiter.acquire(Lane::Live).await.throttled(rest, ceiling);
    }
    assert_eq!((limiter.left().rest, limiter.left().rate_permille), (ceiling, 100));

    let start = Instant::now();
    let mut last = 100;
    while limiter.left().rate_permille < 1_000 {
        limiter.acquire(Lane::Live).await.answered();
        let rate = limiter.left().rate_permille;
        assert!(rate == last || rate == last + 100, "{last} to {rate}");
        last = rate;
    }
    assert!(start.elapsed() > Duration::from_secs(9 * 60));
}

#[tokio::test(start_paused = true)]
async fn after_a_take_over_the_quota_starts_empty_and_at_half_rate() {
    let governor = Governor::default();
    let before = governor.limiter("a", &[MINUTE]);
    governor.start_low(Duration::from_secs(60));
    for limiter in [before, governor.limiter("b", &[MINUTE])] {
        governor.start_low(Duration::from_secs(60));
        assert_eq!(limiter.left().windows, [(MINUTE, 0)]);
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed() < Duration::from_secs(60) && limiter.left().rate_permille < 1_000 {
            limiter.acquire(Lane::Live).await.answered();
            calls += 1;
        }
        assert!(calls <= 31, "{calls} calls in the low minute");
    }
    assert_eq!(governor.left().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn scopes_do_not_share_and_clones_do() {
    let governor = Governor::default();
    let one = [Limit { calls: 1, seconds: 60 }];
    let first = governor.limiter("token /a", &one).acquire(Lane::Live).await;
    let start = Instant::now();
    governor.limiter("token /b", &one).acquire(Lane::Live).await.answered();
    assert_eq!(start.elapsed(), Duration::ZERO);
    first.answered();
    governor.limiter("token /a", &one).acquire(Lane::Live).await.answered();
    assert!(start.elapsed() >= Duration::from_secs(60));
}
