//! A clock that also counts the time a machine was asleep.
//!
//! The lease of a group member ends by the broker's clock whether or not this machine ran meanwhile; the standard
//! library's monotonic clock stands still during suspend on Linux and would call a dead lease alive (design §7).

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// A point in time since the machine was started. Only differences mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootInstant(Duration);

impl BootInstant {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let time = clock_gettime(CLOCK);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanoseconds))
    }

    /// How long ago this was; zero if it lies ahead.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }

    /// Nanoseconds since the machine was started, to be kept in an atomic. They last for five centuries.
    pub(crate) fn to_nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::BootInstant;

    #[test]
    fn the_clock_never_goes_back() {
        let first = BootInstant::now();
        let second = BootInstant::now();
        assert!(second >= first);
        assert!(BootInstant::now().elapsed() <= first.elapsed());
    }
}
