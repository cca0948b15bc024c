//! The shape of a delivery: rounds in which no business key stands twice, and an outcome for each document.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use weir_model::outcome::{Outcome, Refusal};
use weir_model::record::Reason;
use weir_model::target::Delivery;

use super::outcome::{KEY_CHANGED, UNMENTIONED};

/// How often a document is sent alone before an answer that is unclear counts as its refusal. It is looked up in between
/// (contract kingdee-galaxy §6: repeat a bounded number of times, only after a look-up).
pub(crate) const TRIES: u8 = 3;
/// The rest before the second try; the third waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Rests before a document is sent again for the `tries`th time, so that a hiccup of the target can pass.
pub(crate) async fn pause_before(tries: u8) {
    if tries > 0 {
        tokio::time::sleep(FIRST_PAUSE * u32::from(tries)).await;
    }
}

/// The outcomes of a batch, in its order.
#[derive(Debug)]
pub(crate) struct Outcomes(Vec<Option<Outcome>>);

impl Outcomes {
    /// Of a batch of `count` documents.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// Says what became of the document at a place.
    pub(crate) fn settle(&mut self, at: usize, outcome: Outcome) {
        if let Some(slot) = self.0.get_mut(at) {
            *slot = Some(outcome);
        }
    }

    /// All of them; nobody knows what became of a document that nothing was said about (invariant 3).
    pub(crate) fn finish(self) -> Vec<Outcome> {
        let unsettled = || Outcome::Unknown(Refusal::new(UNMENTIONED, "no answer speaks of the document"));
        self.0.into_iter().map(|outcome| outcome.unwrap_or_else(unsettled)).collect()
    }
}

/// Takes the drafts of the next round: those whose key does not stand before them.
pub(crate) fn next_round<D, K: Eq + Hash>(drafts: &mut Vec<D>, key: impl Fn(&D) -> K) -> Vec<D> {
    let mut keys = HashSet::new();
    let (round, later) = std::mem::take(drafts).into_iter().partition(|draft| keys.insert(key(draft)));
    *drafts = later;
    round
}

/// Whether the target must be asked before anything is sent.
pub(crate) fn is_looked_up(delivery: &Delivery) -> bool {
    delivery.unresolved || delivery.previous.is_some()
}

/// Whether the target does not hold the document as it was delivered, so that what is gone is made anew: a comparison
/// found that, or a person who sends the very bytes again that were repaired and delivered.
pub(crate) fn is_fix(delivery: &Delivery) -> bool {
    let Delivery { document, previous, .. } = delivery;
    let is_sent_again = previous.as_ref().is_some_and(|previous| {
        previous.repaired
            && previous.source_digest == document.source_digest
            && previous.document_digest == document.digest
    });
    document.reason == Reason::Fix || document.repaired && is_sent_again
}

/// Refuses a record whose business key changed since it was delivered: its old document would stay behind.
pub(crate) fn refuse_changed_key(delivery: &Delivery) -> Result<(), Outcome> {
    let previous = delivery.previous.as_ref().map(|previous| previous.key.as_str());
    match previous.filter(|key| !key.is_empty() && *key != delivery.document.key) {
        None => Ok(()),
        Some(previous) => {
            let message = format!("delivered under key {previous}, now {}", delivery.document.key);
            Err(Outcome::Reject(Refusal::new(KEY_CHANGED, message)))
        }
    }
}
