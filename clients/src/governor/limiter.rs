//! One quota scope: its windows, its waiting calls, its rests.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Lane, Limit};

/// The full rate, in thousandths of the limit.
const FULL: u32 = 1_000;
/// The pace after a take-over.
const HALF: u32 = 500;
/// How many calls of [`Lane::Live`] go at once after a pause. Small, because whoever takes an account over must reckon
/// with a former owner that has just made them.
const BURST: u32 = 3;
/// No throttle answer slows below this: a scope that stops calling cannot find out that it may call again.
const LOWEST: u32 = 100;
/// How much of the rate comes back in a window without a throttle answer.
const CLIMB: u32 = 100;

/// The limiter of one quota scope; clones share it.
#[derive(Debug, Clone)]
pub struct Limiter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    windows: Vec<Window>,
    in_flight: usize,
    waiting: BTreeSet<(Lane, u64)>,
    next_ticket: u64,
    /// When the next call is due at an even pace.
    due: Instant,
    rest_until: Instant,
    low_until: Instant,
    rate: u32,
    climb_at: Instant,
    strikes: u32,
    throttled_at: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    limit: Limit,
    /// The window and a hundredth more, because the clocks do not run alike.
    length: Duration,
    /// When each place that a finished call holds is free again, in order.
    free_at: VecDeque<Instant>,
}

/// What is left of a scope's quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// By window: the limit, and how many calls can be made at once now.
    pub windows: Vec<(Limit, u32)>,
    /// The pace in use, in thousandths of the limit; below 1000 after a throttle answer or a take-over.
    pub rate_permille: u32,
    /// How long the scope rests yet because of a throttle answer.
    pub rest: Duration,
    /// Calls that wait for a place.
    pub waiting: usize,
}

/// A place in the quota. It is held from the sending to the answer and one window longer, also when it is just dropped.
#[derive(Debug)]
pub struct Permit {
    limiter: Limiter,
    granted_at: Instant,
}

/// What a waiting call has to wait for.
enum Wait {
    Granted,
    Until(Instant),
    Change,
}

impl Limiter {
    /// A scope with several windows at once; without any it never waits.
    pub fn new(limits: &[Limit]) -> Self {
        let now = Instant::now();
        let state = State {
            windows: limits.iter().copied().map(Window::new).collect(),
            in_flight: 0,
            waiting: BTreeSet::new(),
            next_ticket: 0,
            due: now,
            rest_until: now,
            low_until: now,
            rate: FULL,
            climb_at: now,
            strikes: 0,
            throttled_at: None,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// Waits for a place: the highest lane first, within a lane in order. Dropping the future gives the turn up.
    pub async fn acquire(&self, lane: Lane) -> Permit {
        let turn = Turn::new(self, lane);
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let wait = self.state().try_grant(turn.key);
            match wait {
                Wait::Granted => return Permit { limiter: self.clone(), granted_at: Instant::now() },
                // A notification before that time only means to look again.
                Wait::Until(at) => drop(timeout_at(at, changed).await),
                Wait::Change => changed.await,
            }
        }
    }

    /// Takes over from somebody who may just have used up the quota: every place is held as that one's calls would hold it,
    /// and for `duration`, in which calls of that one may yet arrive, the pace is halved.
    pub fn start_low(&self, duration: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        state.low_until = now + duration;
        for window in &mut state.windows {
            window.fill(now);
        }
    }

    /// What is left now.
    pub fn left(&self) -> Left {
        let now = Instant::now();
        let mut state = self.state();
        state.forget_free(now);
        let (rate, in_flight) = (state.rate, state.in_flight);
        let left = |window: &Window| {
            let held = u32::try_from(in_flight + window.free_at.len()).unwrap_or(u32::MAX);
            (window.limit, window.allowed(rate).saturating_sub(held))
        };
        Left {
            windows: state.windows.iter().map(left).collect(),
            rate_permille: state.pace_at(now),
            rest: state.rest_until.saturating_duration_since(now),
            waiting: state.waiting.len(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The call was answered, and not with a throttle answer: the rate may climb.
    pub fn answered(self) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        if state.throttled_at.is_none_or(|at| self.granted_at > at) {
            state.strikes = 0;
        }
        if state.rate < FULL && now >= state.climb_at {
            state.rate = (state.rate + CLIMB).min(FULL);
            state.climb_at = now + state.longest_window();
        }
    }

    /// The vendor said that there were too many calls: every lane rests, for `rest` at first and twice as long each time it
    /// repeats, up to `ceiling`; the rate is halved. Calls that were under way together count as one offence.
    pub fn throttled(self, rest: Duration, ceiling: Duration) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        if state.throttled_at.is_none_or(|at| self.granted_at > at) {
            state.strikes = (state.strikes + 1).min(16);
            state.rate = (state.rate / 2).max(LOWEST);
            state.throttled_at = Some(now);
        }
        let factor = 1_u32 << state.strikes.saturating_sub(1);
        let rest = rest.saturating_mul(factor).min(ceiling.max(rest));
        state.rest_until = state.rest_until.max(now + rest);
        state.climb_at = state.rest_until + state.longest_window();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        for window in &mut state.windows {
            let free = now + window.length;
            window.free_at.push_back(free);
        }
        drop(state);
        self.limiter.shared.changed.notify_waiters();
    }
}

/// A waiting call's turn, given up when the call is no longer awaited.
struct Turn<'a> {
    limiter: &'a Limiter,
    key: (Lane, u64),
}

impl<'a> Turn<'a> {
    fn new(limiter: &'a Limiter, lane: Lane) -> Self {
        let mut state = limiter.state();
        let key = (lane, state.next_ticket);
        state.next_ticket += 1;
        state.waiting.insert(key);
        Self { limiter, key }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.limiter.state().waiting.remove(&self.key);
        self.limiter.shared.changed.notify_waiters();
    }
}

impl State {
    fn try_grant(&mut self, key: (Lane, u64)) -> Wait {
        if self.waiting.first() != Some(&key) {
            return Wait::Change;
        }
        let now = Instant::now();
        self.forget_free(now);
        let spacing = self.spacing(self.pace_at(now));
        // What was not called for in a pause is the live lane's, but no more than a few calls of it.
        let lead = if key.0 == Lane::Live && now >= self.low_until { BURST - 1 } else { 0 };
        let earliest_due = self.due.checked_sub(spacing * lead).unwrap_or(now);
        let mut earliest = self.rest_until.max(earliest_due);
        for window in &self.windows {
            match window.free_from(self.rate, self.in_flight) {
                Some(at) => earliest = earliest.max(at.unwrap_or(now)),
                None => return Wait::Change,
            }
        }
        if earliest > now {
            return Wait::Until(earliest);
        }
        self.in_flight += 1;
        self.due = self.due.max(now) + spacing;
        Wait::Granted
    }

    fn forget_free(&mut self, now: Instant) {
        for window in &mut self.windows {
            while window.free_at.front().is_some_and(|at| *at <= now) {
                window.free_at.pop_front();
            }
        }
    }

    fn pace_at(&self, now: Instant) -> u32 {
        if now < self.low_until { self.rate.min(HALF) } else { self.rate }
    }

    fn spacing(&self, rate: u32) -> Duration {
        let spacing = |window: &Window| window.length / window.allowed(rate);
        self.windows.iter().map(spacing).max().unwrap_or_default()
    }

    fn longest_window(&self) -> Duration {
        self.windows.iter().map(|window| window.length).max().unwrap_or(Duration::from_secs(1))
    }
}

impl Window {
    fn new(limit: Limit) -> Self {
        let length = Duration::from_millis(u64::from(limit.seconds.max(1)) * 1_010);
        Self { limit, length, free_at: VecDeque::new() }
    }

    /// Calls allowed in the window at a rate; never none, and so a divisor.
    fn allowed(&self, rate: u32) -> u32 {
        let allowed = u64::from(self.limit.calls) * u64::from(rate) / u64::from(FULL);
        u32::try_from(allowed).unwrap_or(u32::MAX).max(1)
    }

    /// When a place is free: `Some(None)` at once, `Some(at)` at a known time, `None` when only an answer can tell.
    fn free_from(&self, rate: u32, in_flight: usize) -> Option<Option<Instant>> {
        let allowed = usize::try_from(self.allowed(rate)).unwrap_or(usize::MAX);
        let held = in_flight + self.free_at.len();
        match held.checked_sub(allowed) {
            None => Some(None),
            Some(surplus) => self.free_at.get(surplus).map(|at| Some(*at)),
        }
    }

    /// Holds every place as a former owner's calls would that were made as fast as they may be: evenly over the window that
    /// just passed, with a burst at its end.
    fn fill(&mut self, now: Instant) {
        let places = self.limit.calls.max(1);
        let free = |place: u32| now + self.length * (place + BURST).min(places) / places;
        self.free_at = (1..=places).map(free).collect();
    }
}
