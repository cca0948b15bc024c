//! How an outage of Kafka is told: at once, then every half minute, and when it is over. The client reports
//! it with every other poll, which would fill the log.

use std::time::{Duration, Instant};

const SAID_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The client's polls go well between two of its errors, so that one of them is no proof.
const OVER_AFTER: Duration = Duration::from_secs(3);

/// Whether Kafka is away, as far as the polls of one stage tell.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    last_error: Option<Instant>,
    said: Option<Instant>,
}

impl Outage {
    /// A poll failed because brokers are away; whether it is time to say so.
    pub(crate) fn is_to_be_said(&mut self, now: Instant) -> bool {
        self.last_error = Some(now);
        let due = self.said.is_none_or(|said| now.duration_since(said) >= SAID_AGAIN_AFTER);
        if due {
            self.said = Some(now);
        }
        due
    }

    /// A poll went well; whether an outage is over with it.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        let over = self.last_error.is_some_and(|last| now.duration_since(last) >= OVER_AFTER);
        if over {
            *self = Self::default();
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_said_now_and_then_and_ends_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut outage = Outage::default();
        assert!(!outage.is_over(at(0)));
        assert!(outage.is_to_be_said(at(1)));
        assert!(!outage.is_to_be_said(at(2)));
        assert!(!outage.is_over(at(3)), "a poll between two errors proves nothing");
        assert!(outage.is_to_be_said(at(31)));
        assert!(outage.is_over(at(34)));
        assert!(!outage.is_over(at(35)));
        assert!(outage.is_to_be_said(at(36)), "a new outage is said at once");
    }
}
