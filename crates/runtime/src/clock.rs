//! The system's clock, for everything that is handed one.

use jiff::Timestamp;
use weir_model::time::Clock;

/// Tells the operating system's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
