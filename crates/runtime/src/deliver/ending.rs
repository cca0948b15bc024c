//! How a document ended: its receipt, its letter and its place in the tally.

use jiff::Timestamp;
use weir_model::{
    document::{Document, Verdict},
    letter::{DeadLetter, Stage},
    outcome::{Refusal, Written},
    receipt::{Attempt, AttemptState, Delivered, Receipt, Standing},
    record::Version,
    tally::Counts,
};

use super::decide::{Settled, is_open};

/// How a document ended (invariant 3).
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Stored at the target now.
    Delivered(Written),
    /// The target itself said that it holds this state, or a newer one.
    Unchanged,
    /// A newer state is there.
    Superseded,
    /// The target refused it for good; a letter is due. What became of former attempts is known with that.
    Rejected(Refusal),
    /// Stored, and a later step was refused for good; a letter is due.
    Incomplete(Written, Refusal),
    /// Refused without asking the target; a letter is due.
    Refused(Refusal),
    /// A rule left it out that was delivered before, and it stays there until a person acts; a letter is due.
    Told(Refusal),
    /// Decided from the receipts.
    Settled(Settled),
}

/// What an ending leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The record's new receipt, when the ending changes what is remembered.
    pub receipt: Option<Receipt>,
    /// The dead letter, when there is one.
    pub letter: Option<DeadLetter>,
}

impl Ending {
    /// Counts the document.
    pub fn count(&self, counts: &mut Counts) {
        let counter = match self {
            Self::Delivered(_) | Self::Settled(Settled::DeliveredBefore) => &mut counts.delivered,
            Self::Unchanged | Self::Settled(Settled::Unchanged | Settled::RefusedAlready) => {
                &mut counts.unchanged
            }
            Self::Superseded | Self::Settled(Settled::Superseded) => &mut counts.superseded,
            Self::Settled(Settled::Filtered | Settled::Left) => &mut counts.filtered,
            Self::Rejected(_)
            | Self::Incomplete(..)
            | Self::Refused(_)
            | Self::Told(_)
            | Self::Settled(Settled::RefusedBefore) => &mut counts.dead,
        };
        *counter += 1;
    }

    /// Whether a dead letter is due.
    pub fn is_lettered(&self) -> bool {
        match self {
            Self::Rejected(_) | Self::Incomplete(..) | Self::Refused(_) | Self::Told(_) => true,
            Self::Delivered(_) | Self::Unchanged | Self::Superseded | Self::Settled(_) => false,
        }
    }

    /// What to remember and what to tell, given what was remembered before.
    pub fn trace(&self, document: &Document, before: Option<&Receipt>, at: Timestamp) -> Trace {
        match self {
            Self::Delivered(written) => Trace {
                receipt: Some(Receipt {
                    record_id: document.record_id.clone(),
                    version: document.version,
                    delivered: Some(delivered(document, written, standing_of(document), at)),
                    attempt: None,
                }),
                letter: None,
            },
            Self::Rejected(refusal) => Trace {
                receipt: Some(refused(document, refusal, before, false, at)),
                letter: Some(letter(document, refusal, at)),
            },
            Self::Incomplete(written, refusal) => {
                let delivered = Some(delivered(document, written, Standing::Incomplete, at));
                Trace {
                    receipt: Some(Receipt { delivered, ..refused(document, refusal, before, false, at) }),
                    letter: Some(letter(document, refusal, at)),
                }
            }
            Self::Refused(refusal) => {
                let unresolved = before.is_some_and(is_open);
                Trace {
                    receipt: Some(refused(document, refusal, before, unresolved, at)),
                    letter: Some(letter(document, refusal, at)),
                }
            }
            Self::Told(refusal) => Trace {
                receipt: Some(told(document, refusal, before, at)),
                letter: Some(DeadLetter { stage: Stage::Sink, ..letter(document, refusal, at) }),
            },
            // Also without a memory: the attempt was announced, and an announcement must not stay.
            Self::Unchanged | Self::Superseded => Trace {
                receipt: Some(match before {
                    Some(before) if standing_of(document) == Standing::Removed => {
                        Receipt { attempt: None, ..stands(Standing::Removed, document, before) }
                    }
                    Some(before) => Receipt { attempt: None, ..raised(document, before) },
                    None => raised(document, &blank(document)),
                }),
                letter: None,
            },
            Self::Settled(settled) => Trace {
                receipt: match before {
                    Some(before) => settled_receipt(*settled, document, before),
                    // A removal is remembered also where nothing was delivered: no older state may come after it
                    // (invariant 4).
                    None => document.deleted.then(|| raised(document, &blank(document))),
                },
                letter: None,
            },
        }
    }
}

/// The receipt that says "about to be sent"; durable before the call (invariant 7).
pub fn sending(document: &Document, before: Option<&Receipt>, at: Timestamp) -> Receipt {
    Receipt {
        attempt: Some(attempt(document, AttemptState::Sending, at)),
        ..before.cloned().unwrap_or_else(|| blank(document))
    }
}

/// What is remembered once a person was told that the record left: at the delivered state, or in its place at the attempt
/// of which nobody knows what became.
fn told(document: &Document, refusal: &Refusal, before: Option<&Receipt>, at: Timestamp) -> Receipt {
    match before {
        Some(before @ Receipt { delivered: Some(_), .. }) => stands(Standing::Lettered, document, before),
        _ => refused(document, refusal, before, before.is_some_and(is_open), at),
    }
}

/// The same memory, with a newer version decided and what came of the delivered state.
fn stands(standing: Standing, document: &Document, before: &Receipt) -> Receipt {
    let delivered = before.delivered.clone().map(|known| Delivered { standing, ..known });
    Receipt { delivered, ..raised(document, before) }
}

/// How a document stands that the target has just written, or taken back.
fn standing_of(document: &Document) -> Standing {
    match document.verdict {
        Verdict::Mapped if !document.deleted => Standing::Held,
        _ => Standing::Removed,
    }
}

fn settled_receipt(settled: Settled, document: &Document, before: &Receipt) -> Option<Receipt> {
    match settled {
        Settled::DeliveredBefore | Settled::RefusedBefore | Settled::Superseded => None,
        Settled::Left => Some(stands(Standing::Kept, document, before)),
        Settled::Unchanged
            if before.delivered.as_ref().is_some_and(|known| known.standing == Standing::Kept) =>
        {
            Some(stands(Standing::Held, document, before))
        }
        // A plain re-read of the same state would only churn the topic.
        Settled::Unchanged | Settled::RefusedAlready
            if before.version.modified_us == document.version.modified_us =>
        {
            None
        }
        Settled::Unchanged | Settled::RefusedAlready | Settled::Filtered => Some(raised(document, before)),
    }
}

/// The same memory, with a newer version decided.
fn raised(document: &Document, before: &Receipt) -> Receipt {
    Receipt { version: before.version.max(document.version), ..before.clone() }
}

/// A refused attempt beside what is known of the record. With `unresolved`, the attempt before it stays to be looked up
/// under the key it was sent with.
fn refused(
    document: &Document,
    refusal: &Refusal,
    before: Option<&Receipt>,
    unresolved: bool,
    at: Timestamp,
) -> Receipt {
    let (code, message) = (refusal.code.to_string(), refusal.message.clone());
    let mut attempt = attempt(document, AttemptState::Refused { code, message, unresolved }, at);
    let before = before.cloned().unwrap_or_else(|| blank(document));
    if let Some(open) = before.attempt.filter(|_| unresolved) {
        attempt.key = open.key;
    }
    Receipt { version: before.version.max(document.version), attempt: Some(attempt), ..before }
}

fn blank(document: &Document) -> Receipt {
    Receipt {
        record_id: document.record_id.clone(),
        version: Version::default(),
        delivered: None,
        attempt: None,
    }
}

fn delivered(document: &Document, written: &Written, standing: Standing, at: Timestamp) -> Delivered {
    Delivered {
        version: document.version,
        source_digest: document.source_digest,
        document_digest: document.digest,
        key: document.key.clone(),
        written: written.clone(),
        flow_ordinal: document.flow_version.ordinal,
        at,
        standing,
        repaired: document.repaired,
    }
}

fn attempt(document: &Document, state: AttemptState, at: Timestamp) -> Attempt {
    Attempt {
        state,
        version: document.version,
        source_digest: document.source_digest,
        document_digest: document.digest,
        key: document.key.clone(),
        flow_ordinal: document.flow_version.ordinal,
        at,
    }
}

fn letter(document: &Document, refusal: &Refusal, at: Timestamp) -> DeadLetter {
    let by_mapping = document.body.is_empty();
    DeadLetter {
        owner: document.flow.to_string(),
        stage: if by_mapping { Stage::Processor } else { Stage::Sink },
        record_id: document.record_id.to_string(),
        key: document.key.clone(),
        number: document.number.clone(),
        refusal: refusal.clone(),
        payload: document.payload.clone(),
        body: document.body.clone(),
        origin: Some(document.origin.clone()),
        version: document.version,
        source_digest: document.source_digest,
        flow_ordinal: document.flow_version.ordinal,
        reason: document.reason,
        at,
        part: document.part,
        deleted: document.deleted,
        repaired: document.repaired,
        job: document.job.clone(),
    }
}

#[cfg(test)]
mod tests {
    use weir_model::outcome::Code;

    use super::*;
    use crate::deliver::{
        decide::{Decision, decide},
        samples::{document, receipt_for},
        treatment::Rules,
    };

    #[test]
    fn an_attempt_never_erases_what_was_delivered() {
        let before = receipt_for(&document(1, "a"));
        let changed = document(2, "b");
        let announced = sending(&changed, Some(&before), Timestamp::UNIX_EPOCH);
        assert_eq!(announced.delivered, before.delivered);
        assert_eq!(announced.version, before.version, "an attempt decides nothing yet");
        let refusal = Refusal::new(Code::new("K-X"), "no");
        let refused = Ending::Refused(refusal).trace(&changed, Some(&announced), Timestamp::UNIX_EPOCH);
        let receipt = refused.receipt.unwrap();
        assert_eq!(receipt.delivered, before.delivered);
        assert_eq!(receipt.version, changed.version);
        assert_eq!(refused.letter.unwrap().payload, changed.payload);
    }

    #[test]
    fn what_was_traced_is_recognised_afterwards() {
        let doc = document(3, "a");
        let receipt =
            Ending::Delivered(Written::default()).trace(&doc, None, Timestamp::UNIX_EPOCH).receipt.unwrap();
        assert_eq!(
            decide(&doc, Some(&receipt), Rules::default()),
            Decision::Settle(Settled::DeliveredBefore)
        );
        let announced = sending(&doc, None, Timestamp::UNIX_EPOCH);
        assert!(matches!(
            decide(&doc, Some(&announced), Rules::default()),
            Decision::Deliver { unresolved: true, .. }
        ));
    }

    #[test]
    fn a_filtered_newer_state_keeps_older_ones_out() {
        let before = receipt_for(&document(1, "a"));
        let newer = document(5, "gone");
        let trace = Ending::Settled(Settled::Filtered).trace(&newer, Some(&before), Timestamp::UNIX_EPOCH);
        let receipt = trace.receipt.unwrap();
        assert_eq!(
            decide(&document(4, "b"), Some(&receipt), Rules::default()),
            Decision::Settle(Settled::Superseded)
        );
    }

    #[test]
    fn an_announcement_does_not_outlive_an_answer_that_nothing_was_written() {
        let doc = document(3, "a");
        for ending in [Ending::Unchanged, Ending::Superseded] {
            let receipt = ending.trace(&doc, None, Timestamp::UNIX_EPOCH).receipt.unwrap();
            assert_eq!((receipt.version, receipt.attempt), (doc.version, None));
        }
    }

    #[test]
    fn every_ending_is_counted_once() {
        let mut counts = Counts::default();
        let refusal = Refusal::new(Code::new("K-X"), "no");
        let endings = [
            Ending::Delivered(Written::default()),
            Ending::Unchanged,
            Ending::Superseded,
            Ending::Refused(refusal),
            Ending::Settled(Settled::Filtered),
            Ending::Settled(Settled::DeliveredBefore),
            Ending::Settled(Settled::RefusedBefore),
            Ending::Settled(Settled::RefusedAlready),
        ];
        endings.iter().for_each(|ending| ending.count(&mut counts));
        assert_eq!(counts.accounted(), endings.len() as i128);
        assert_eq!((counts.delivered, counts.dead, counts.filtered), (2, 2, 1));
    }
}
