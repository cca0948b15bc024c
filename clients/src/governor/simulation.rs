//! Whole minutes on a paused clock against a server that counts: how much of a quota is used, and that no call of it is
//! refused (design §5: a known limit is used fully and never probed above).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Governor, Lane, Limit, Limiter};

const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: Limit = Limit { calls: 60, seconds: 60 };
const REST: (Duration, Duration) = (Duration::from_secs(31), Duration::from_secs(60));

/// How a server counts the calls of a minute.
#[derive(Debug, Clone, Copy)]
enum Counting {
    /// Those of the sixty seconds before a call.
    Sliding,
    /// Those since its clock's minute began, which is so long after the start of the test.
    Fixed(Duration),
}

/// A server that allows so many calls a minute; a refused call counts as well (contract decisions, "All sources").
struct Server {
    counting: Counting,
    allowed: usize,
    start: Instant,
    recent: VecDeque<Instant>,
    received: Vec<Instant>,
    refused: usize,
}

impl Server {
    fn new(counting: Counting, allowed: usize) -> Arc<Mutex<Self>> {
        let start = Instant::now();
        let (recent, received) = (VecDeque::new(), Vec::new());
        Arc::new(Mutex::new(Self { counting, allowed, start, recent, received, refused: 0 }))
    }

    /// Counts a call; whether it is served.
    fn serves(&mut self) -> bool {
        let now = Instant::now();
        let oldest = match self.counting {
            Counting::Sliding => now.checked_sub(MINUTE),
            Counting::Fixed(phase) => {
                let into = (now - self.start + MINUTE - phase).as_millis() % MINUTE.as_millis();
                now.checked_sub(Duration::from_millis(u64::try_from(into).unwrap()))
            }
        };
        // Exactly a minute ago is outside of a sliding minute, and the first instant inside a fixed one.
        let is_fixed = matches!(self.counting, Counting::Fixed(_));
        let inside = |at: &Instant| oldest.is_none_or(|oldest| *at > oldest || (is_fixed && *at == oldest));
        while self.recent.front().is_some_and(|at| !inside(at)) {
            self.recent.pop_front();
        }
        let served = self.recent.len() < self.allowed;
        self.recent.push_back(now);
        self.received.push(now);
        self.refused += usize::from(!served);
        served
    }

    fn received_between(&self, from: Duration, to: Duration) -> usize {
        let within = |at: &&Instant| (from..to).contains(&(**at - self.start));
        self.received.iter().filter(within).count()
    }
}

/// Calls without a pause until `end`, one after the other; the server counts at some instant of each.
async fn saturate(
    limiter: Limiter,
    lane: Lane,
    server: Arc<Mutex<Server>>,
    seed: u64,
    end: Instant,
) -> usize {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut calls = 0;
    while Instant::now() < end {
        let permit = limiter.acquire(lane).await;
        sleep(Duration::from_millis(dice.random_range(0..400))).await;
        let served = server.lock().unwrap().serves();
        sleep(Duration::from_millis(dice.random_range(0..400))).await;
        if served {
            permit.answered();
        } else {
            permit.throttled(REST.0, REST.1);
        }
        calls += 1;
    }
    calls
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

const COUNTINGS: [Counting; 4] = [
    Counting::Sliding,
    Counting::Fixed(Duration::ZERO),
    Counting::Fixed(Duration::from_secs(17)),
    Counting::Fixed(Duration::from_millis(59_900)),
];

#[test]
fn sixty_a_minute_are_used_to_at_least_95_percent_and_none_is_refused() {
    for counting in COUNTINGS {
        for seed in 0..6 {
            let server = paused().block_on(async {
                let (limiter, server) = (Limiter::new(&[LIMIT]), Server::new(counting, 60));
                let end = Instant::now() + MINUTE * 10;
                let mut tasks = JoinSet::new();
                for (worker, lane) in (0..).zip([Lane::Live, Lane::CatchUp, Lane::Backfill]) {
                    tasks.spawn(saturate(limiter.clone(), lane, server.clone(), seed * 10 + worker, end));
                }
                tasks.join_all().await;
                server
            });
            let server = server.lock().unwrap();
            assert_eq!(server.refused, 0, "{counting:?} seed {seed}");
            let used = server.received_between(Duration::ZERO, MINUTE * 10);
            assert!(used >= 570, "{used} of 600, {counting:?} seed {seed}");
            for minute in 0..10 {
                let used = server.received_between(MINUTE * minute, MINUTE * (minute + 1));
                assert!(used >= 57, "{used} in minute {minute}, {counting:?} seed {seed}");
            }
        }
    }
}

#[test]
fn one_caller_that_is_slower_than_the_pace_at_times_still_uses_the_quota() {
    let server = paused().block_on(async {
        let (limiter, server) = (Limiter::new(&[LIMIT]), Server::new(Counting::Sliding, 60));
        saturate(limiter, Lane::Live, server.clone(), 3, Instant::now() + MINUTE * 10).await;
        server
    });
    let server = server.lock().unwrap();
    let used = server.received_between(Duration::ZERO, MINUTE * 10);
    assert!(used >= 570 && server.refused == 0, "{used} used, {} refused", server.refused);
}

#[test]
fn a_live_call_waits_for_its_place_and_not_for_a_backfill() {
    // Beside the spacing of the lanes, a place comes free as late as an answer may take longer than the one before it.
    const LONGEST: Duration = Duration::from_millis(1_010 + 800);
    for seed in 0..8 {
        paused().block_on(async {
            let (limiter, server) = (Limiter::new(&[LIMIT]), Server::new(Counting::Sliding, 60));
            let end = Instant::now() + MINUTE * 10;
            let mut tasks = JoinSet::new();
            for worker in 0..3 {
                let (limiter, server) = (limiter.clone(), server.clone());
                tasks.spawn(saturate(limiter, Lane::Backfill, server, seed * 10 + worker, end));
            }
            let mut dice = StdRng::seed_from_u64(seed);
            while Instant::now() < end {
                sleep(Duration::from_millis(dice.random_range(0..20_000))).await;
                let before = Instant::now();
                let permit = limiter.acquire(Lane::Live).await;
                assert!(before.elapsed() <= LONGEST, "seed {seed}: waited {:?}", before.elapsed());
                assert!(server.lock().unwrap().serves());
                permit.answered();
            }
            tasks.join_all().await;
            assert_eq!(server.lock().unwrap().refused, 0);
        });
    }
}

#[test]
fn two_sources_of_one_account_share_its_quota_evenly() {
    let (calls, server) = paused().block_on(async {
        let (governor, server) = (Governor::default(), Server::new(Counting::Sliding, 60));
        let end = Instant::now() + MINUTE * 10;
        let mut tasks = JoinSet::new();
        for source in 0..2 {
            let limiter = governor.limiter("account", &[LIMIT]);
            tasks.spawn(saturate(limiter, Lane::Live, server.clone(), source, end));
        }
        (tasks.join_all().await, server)
    });
    let server = server.lock().unwrap();
    assert_eq!(server.refused, 0);
    assert!(calls.iter().sum::<usize>() >= 570 && calls.iter().all(|calls| *calls >= 280), "{calls:?}");
}

#[test]
fn a_server_that_allows_less_than_configured_slows_the_account_down_and_refuses_little() {
    for allowed in [20, 40, 55] {
        let server = paused().block_on(async {
            let (limiter, server) = (Limiter::new(&[LIMIT]), Server::new(Counting::Sliding, allowed));
            let end = Instant::now() + MINUTE * 60;
            saturate(limiter, Lane::Live, server.clone(), 5, end).await;
            server
        });
        let server = server.lock().unwrap();
        let (received, refused) = (server.received.len(), server.refused);
        assert!(refused * 20 <= received, "allowed {allowed}: {refused} of {received} refused");
        // It climbs back, so it uses what there is rather than stay at the lowest rate.
        assert!(received >= allowed * 60 / 2, "allowed {allowed}: only {received} calls in an hour");
    }
}

#[test]
fn after_a_take_over_none_is_refused_whatever_the_former_owner_has_just_done() {
    for seed in 0..40 {
        for counting in COUNTINGS {
            let server = paused().block_on(hand_over(seed, counting));
            let server = server.lock().unwrap();
            assert_eq!(server.refused, 0, "{counting:?} seed {seed}");
            let used = server.received_between(MINUTE * 6, MINUTE * 8);
            assert!(used >= 114, "{used} of 120 after the take-over, {counting:?} seed {seed}");
        }
    }
}

/// A former owner that paused for a while, or did not, works until it is gone at minute five, its last calls still on their
/// way; another owner is there at once.
async fn hand_over(seed: u64, counting: Counting) -> Arc<Mutex<Server>> {
    let mut dice = StdRng::seed_from_u64(seed);
    let server = Server::new(counting, 60);
    let former = Limiter::new(&[LIMIT]);
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    let pause = Duration::from_millis(dice.random_range(0..70_000));
    let gone = start + MINUTE * 5;
    for worker in 0..2 {
        let (former, server) = (former.clone(), server.clone());
        tasks.spawn(async move {
            saturate(former.clone(), Lane::Live, server.clone(), seed + worker, start + MINUTE * 3).await;
            sleep_until(start + MINUTE * 3 + pause).await;
            saturate(former, Lane::Live, server, seed + 7 + worker, gone).await;
        });
    }
    sleep_until(gone).await;
    let next = Limiter::new(&[LIMIT]);
    next.start_low(Duration::from_secs(10));
    let mut next_tasks = JoinSet::new();
    for (worker, lane) in (20..).zip([Lane::Live, Lane::Live, Lane::Backfill]) {
        next_tasks.spawn(saturate(next.clone(), lane, server.clone(), seed + worker, start + MINUTE * 9));
    }
    tasks.join_all().await;
    next_tasks.join_all().await;
    server
}
