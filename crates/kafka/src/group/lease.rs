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
}

impl LeaseState {
    pub(super) fn renew(&self) {
        self.last_poll.store(BootInstant::now().to_nanos(), Ordering::Release);
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
    /// taken away since this lease was made. It never becomes true again after a loss.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.state.losses.load(Ordering::Acquire) == self.losses
            && self.state.last_poll().elapsed() < self.term
    }
}
