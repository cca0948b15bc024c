//! The lease on partitions: a question any thread may ask before a call that Kafka cannot fence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::BootInstant;

/// What the lease of a member rests on, shared with the threads that make calls under it.
#[derive(Debug, Default)]
pub(super) struct LeaseState {
    /// Nanoseconds of the boot-time clock.
    last_poll: AtomicU64,
    /// How often partitions were taken away.
    losses: AtomicU64,
    /// Until when nothing is sure, likewise in nanoseconds.
    doubted_until: AtomicU64,
}

impl LeaseState {
    /// Notes a poll. After a pause as long as the `term` of leases, as of a process that was stopped or a machine that
    /// slept, the group may have given the partitions to others, and the library has yet to learn of it: for `doubt` no
    /// lease holds, which is time for that.
    pub(super) fn renew(&self, term: Duration, doubt: Duration) {
        let now = BootInstant::now().to_nanos();
        let last = self.last_poll();
        if last.to_nanos() > 0 && last.elapsed() >= term {
            let doubt = u64::try_from(doubt.as_nanos()).unwrap_or(u64::MAX);
            // Before the poll is noted: no thread may see the one without the other.
            self.doubted_until.store(now.saturating_add(doubt), Ordering::Release);
        }
        self.last_poll.store(now, Ordering::Release);
    }

    pub(super) fn last_poll(&self) -> BootInstant {
        BootInstant::from_nanos(self.last_poll.load(Ordering::Acquire))
    }

    pub(super) fn lose(&self) {
        self.losses.fetch_add(1, Ordering::AcqRel);
    }
}

/// Whether partitions are surely still owned. Kafka refuses the writes of a stale owner, but a call to another system
/// it cannot refuse: whoever makes one asks here first (design §7).
#[derive(Debug, Clone)]
pub struct Lease {
    state: Arc<LeaseState>,
    losses: u64,
    term: Duration,
}

impl Lease {
    pub(super) fn new(state: &Arc<LeaseState>, term: Duration) -> Self {
        Self { state: Arc::clone(state), losses: state.losses.load(Ordering::Acquire), term }
    }

    /// True while the last poll is younger than half a session, on a clock that also counts sleep, and nothing was
    /// taken away since this lease was made. It never becomes true again after a loss. After a longer pause between two
    /// polls it becomes true only when a loss would have been noticed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.state.losses.load(Ordering::Acquire) == self.losses
            && self.state.last_poll().elapsed() < self.term
            && self.state.doubted_until.load(Ordering::Acquire) <= BootInstant::now().to_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_secs(5);

    #[test]
    fn a_poll_after_a_long_pause_leaves_doubts_at_first() {
        let state = Arc::new(LeaseState::default());
        let lease = Lease::new(&state, TERM);
        state.renew(TERM, Duration::from_secs(3_600));
        assert!(lease.holds(), "the first poll");
        state.renew(TERM, Duration::from_secs(3_600));
        assert!(lease.holds());
        let pause = u64::try_from(TERM.as_nanos()).unwrap();
        let before = || BootInstant::now().to_nanos() - pause;
        state.last_poll.store(before(), Ordering::Release);
        assert!(!lease.holds());
        state.renew(TERM, Duration::ZERO);
        assert!(lease.holds(), "no doubt is left");
        state.last_poll.store(before(), Ordering::Release);
        state.renew(TERM, Duration::from_secs(3_600));
        state.renew(TERM, Duration::from_secs(3_600));
        assert!(!lease.holds(), "another poll proves nothing");
    }
}
