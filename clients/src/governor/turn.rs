//! When a call is made: in which lane it waits, and whether it is still to be made once its turn has come.

use weir_model::target::Ownership;

use super::Lane;

/// A call's turn. Waiting for the quota may take seconds, in which another process may have taken the work over; so a call
/// that writes is asked about after the wait, right before it is sent (invariant 7).
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    lane: Lane,
    ownership: Option<Ownership<'a>>,
}

impl<'a> Turn<'a> {
    /// Of a call that is made only while the work is ours.
    pub fn while_ours(lane: Lane, ownership: Ownership<'a>) -> Self {
        Self { lane, ownership: Some(ownership) }
    }

    /// The lane in which it waits.
    pub fn lane(self) -> Lane {
        self.lane
    }

    /// Whether the work may be another's by now.
    pub(crate) fn is_lost(self) -> bool {
        self.ownership.is_some_and(|ownership| !ownership.holds())
    }
}

impl From<Lane> for Turn<'_> {
    /// Of a call that does no harm whoever makes it.
    fn from(lane: Lane) -> Self {
        Self { lane, ownership: None }
    }
}
