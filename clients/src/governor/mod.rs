//! The quota governor: a known limit is used fully and never passed, as the server counts.
//!
//! The server counts a call at some instant between its sending and its answer, which the client cannot see. So a call
//! holds its place in a window from its sending until one whole window after its answer: whichever instant the server
//! took, no window of the server can hold more calls than the limit. Calls are spaced evenly, so that after a take-over it is
//! known how the former owner's places come free. A vendor's throttle answer rests every lane and halves the rate, which then
//! climbs back a tenth a window. It relies on tokio's clock alone, so tests can pause it.

mod limiter;
mod turn;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

pub use limiter::{Left, Limiter, Permit};
pub use turn::Turn;

/// At most `calls` in any `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Calls that the vendor allows; at least 1.
    pub calls: u32,
    /// Length of the window in seconds; at least 1.
    pub seconds: u32,
}

/// Who goes first when calls wait for the same quota (design §5). All are spaced evenly, so that a live call never finds
/// the whole window spent; after a pause a few calls of [`Lane::Live`] go at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The newest window, and every write.
    Live,
    /// Windows after an outage.
    CatchUp,
    /// A person's backfill job.
    Backfill,
    /// Comparing and probing.
    Reconcile,
}

/// The limiters of one account, by quota scope.
#[derive(Debug, Default)]
pub struct Governor {
    state: Mutex<Scopes>,
}

#[derive(Debug, Default)]
struct Scopes {
    limiters: BTreeMap<String, Limiter>,
    low_until: Option<Instant>,
}

impl Governor {
    /// The limiter of `scope`, made with `limits` when it is named for the first time.
    pub fn limiter(&self, scope: &str, limits: &[Limit]) -> Limiter {
        let mut scopes = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = scopes.limiters.get(scope) {
            return limiter.clone();
        }
        let limiter = Limiter::new(limits);
        if let Some(until) = scopes.low_until {
            limiter.start_low(until.saturating_duration_since(Instant::now()));
        }
        scopes.limiters.insert(scope.to_owned(), limiter.clone());
        limiter
    }

    /// After a take-over the former owner may have used up the quota, and calls of it may still arrive: every scope starts
    /// with no place free and for `duration` runs at half its pace.
    pub fn start_low(&self, duration: Duration) {
        let mut scopes = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.low_until = Some(Instant::now() + duration);
        for limiter in scopes.limiters.values() {
            limiter.start_low(duration);
        }
    }

    /// What is left now, by scope.
    pub fn left(&self) -> BTreeMap<String, Left> {
        let scopes = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.limiters.iter().map(|(scope, limiter)| (scope.clone(), limiter.left())).collect()
    }
}
