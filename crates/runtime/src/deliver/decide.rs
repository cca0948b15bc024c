//! What to do with a document, decided from the sink's memory alone (design §7).
//!
//! Pure. Upholds invariant 4 (no older state over a newer one) and the promise that nothing is written twice.

use weir_model::{
    document::{Document, Verdict},
    flow::{OnLeave, language::IdCheck},
    outcome::{Code, Refusal},
    receipt::{AttemptState, Delivered, Receipt, Standing},
    record::Reason,
};

use super::treatment::Rules;

/// A rule leaves a record out that was delivered, and the flow wants a person to decide.
pub(super) const LEFT: Code = Code::new("LEFT");
/// A rule leaves a record out that was delivered, and its rows cannot be found.
const LEFT_NO_KEY: Code = Code::new("LEFT-NO-KEY");

/// What to do with a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Write it to the target.
    Deliver {
        /// The state the target holds.
        previous: Option<Delivered>,
        /// Whether a former attempt may have been stored.
        unresolved: bool,
    },
    /// Delete at the target what was written of the record: a rule leaves it out now.
    Remove {
        /// The state the target holds.
        previous: Delivered,
    },
    /// Nothing to write.
    Settle(Settled),
    /// The mapping refused it, and nobody was told yet: a dead letter.
    Refuse(Refusal),
    /// A rule leaves it out that was delivered, and nobody was told yet: a dead letter.
    Tell(Refusal),
}

/// Why there is nothing to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// This very document was delivered before a crash kept its offset from moving.
    DeliveredBefore,
    /// This very document was refused, and lettered, before a crash kept its offset from moving.
    RefusedBefore,
    /// The target holds this state of the record.
    Unchanged,
    /// This state of the record was refused before; it is counted, not sent and not lettered again.
    RefusedAlready,
    /// A newer state was decided before.
    Superseded,
    /// A rule of the flow left it out.
    Filtered,
    /// A rule of the flow left it out; what was delivered before stays.
    Left,
}

/// Decides from what the sink remembers of the record. With [`IdCheck::First`] the state that was delivered first stays:
/// whatever comes of the record afterwards is unchanged (contract decisions "All sources"). What a person repaired and the
/// target took stays until the source changes.
pub fn decide(document: &Document, receipt: Option<&Receipt>, rules: Rules) -> Decision {
    let Some(receipt) = receipt else { return first_time(document) };
    if document.deleted && receipt.delivered.is_none() && !is_open(receipt) {
        return Decision::Settle(nothing_to_remove(document, receipt));
    }
    if !is_repeated_on_purpose(document.reason)
        && let Some(again) = same_document(document, receipt)
    {
        return again;
    }
    if document.version < receipt.version {
        return Decision::Settle(Settled::Superseded);
    }
    if let Some(delivered) = receipt.delivered.as_ref().filter(|_| !is_open(receipt))
        && (is_repaired_already(delivered, document)
            || rules.id_check == IdCheck::First && stays_as_first(delivered, document))
    {
        return Decision::Settle(Settled::Unchanged);
    }
    match &document.verdict {
        Verdict::Filtered(rule) => filtered(document, receipt, rule, rules.on_leave),
        Verdict::Refused(_) if document.deleted && is_taken_back(receipt) => {
            Decision::Settle(Settled::Filtered)
        }
        Verdict::Refused(_) if refused_before(document, receipt) => Decision::Settle(Settled::RefusedAlready),
        Verdict::Refused(refusal) => Decision::Refuse(refusal.clone()),
        Verdict::Mapped => mapped(document, receipt),
    }
}

/// A record that a rule leaves out. Once its leaving was dealt with, that is remembered: nobody is told twice.
fn filtered(document: &Document, receipt: &Receipt, rule: &str, on_leave: OnLeave) -> Decision {
    let filtered = Decision::Settle(Settled::Filtered);
    // Of a removed record `on_delete` has decided.
    if document.deleted || is_taken_back(receipt) {
        return filtered;
    }
    let is_told = is_told_of_leaving(receipt);
    let tell = |refusal| match is_told {
        false => Decision::Tell(refusal),
        true if receipt.version == document.version => Decision::Settle(Settled::RefusedBefore),
        true => Decision::Settle(Settled::Filtered),
    };
    match (on_leave, &receipt.delivered) {
        (OnLeave::Keep, Some(Delivered { standing: Standing::Held, .. })) => Decision::Settle(Settled::Left),
        (OnLeave::Keep, _) => filtered,
        (OnLeave::Delete, Some(previous)) if !document.body.is_empty() => {
            Decision::Remove { previous: previous.clone() }
        }
        (OnLeave::Delete, Some(previous)) => tell(not_located(&previous.key, rule)),
        (OnLeave::DeadLetter, Some(previous)) => tell(left(document, &previous.key, rule)),
        (OnLeave::Delete | OnLeave::DeadLetter, None) => match open_key(receipt) {
            Some(key) => tell(left(document, key, rule)),
            None => filtered,
        },
    }
}

fn left(document: &Document, key: &str, rule: &str) -> Refusal {
    let name = if document.number.is_empty() { document.record_id.as_str() } else { &document.number };
    let message = format!(
        "{name} was delivered under the key {key:?} and is left out now by {rule:?}; void or delete it at the target by \
         hand where it must go"
    );
    Refusal::new(LEFT, message)
}

fn not_located(key: &str, rule: &str) -> Refusal {
    let message = format!(
        "the record was delivered under the key {key:?} and is left out now by {rule:?}; it cannot be mapped any more, so \
         its rows were not found: delete them by hand"
    );
    Refusal::new(LEFT_NO_KEY, message)
}

/// Whether a person was told that the record left.
fn is_told_of_leaving(receipt: &Receipt) -> bool {
    let by_letter = receipt.delivered.as_ref().is_some_and(|known| known.standing == Standing::Lettered);
    let state = receipt.attempt.as_ref().map(|attempt| &attempt.state);
    let of_open =
        matches!(state, Some(AttemptState::Refused { code, unresolved: true, .. }) if code == LEFT.as_str());
    by_letter || of_open
}

/// Whether the target holds nothing of the record any more.
fn is_taken_back(receipt: &Receipt) -> bool {
    receipt.delivered.as_ref().is_some_and(|known| known.standing == Standing::Removed) && !is_open(receipt)
}

/// A record that was removed before it was ever delivered: there is nothing at the target to take back, and nobody to
/// tell. Its version still counts, so that no older state of it is delivered afterwards (invariant 4).
fn nothing_to_remove(document: &Document, receipt: &Receipt) -> Settled {
    if document.version < receipt.version { Settled::Superseded } else { Settled::Filtered }
}

fn first_time(document: &Document) -> Decision {
    if document.deleted {
        return Decision::Settle(Settled::Filtered);
    }
    match &document.verdict {
        Verdict::Mapped => Decision::Deliver { previous: None, unresolved: false },
        Verdict::Filtered(_) => Decision::Settle(Settled::Filtered),
        Verdict::Refused(refusal) => Decision::Refuse(refusal.clone()),
    }
}

/// Replays, resent letters and fixes keep the version of the record they repeat.
fn is_repeated_on_purpose(reason: Reason) -> bool {
    matches!(reason, Reason::Replay | Reason::Retry | Reason::Fix)
}

/// The same document read again, because a crash or a rebalance came before its offset moved.
fn same_document(document: &Document, receipt: &Receipt) -> Option<Decision> {
    if let Some(attempt) = receipt.attempt.as_ref().filter(|attempt| attempt.version == document.version) {
        return match attempt.state {
            AttemptState::Sending if document.verdict == Verdict::Mapped => {
                Some(Decision::Deliver { previous: receipt.delivered.clone(), unresolved: true })
            }
            AttemptState::Sending => None,
            AttemptState::Refused { .. } => Some(Decision::Settle(Settled::RefusedBefore)),
        };
    }
    let delivered = receipt.delivered.as_ref()?;
    (delivered.version == document.version).then_some(Decision::Settle(Settled::DeliveredBefore))
}

fn mapped(document: &Document, receipt: &Receipt) -> Decision {
    let deliver = |unresolved| Decision::Deliver { previous: receipt.delivered.clone(), unresolved };
    if refused_before(document, receipt) {
        return Decision::Settle(Settled::RefusedAlready);
    }
    if is_open(receipt) {
        return deliver(true);
    }
    match &receipt.delivered {
        Some(delivered) if is_of_newer_flow(delivered, document) => Decision::Settle(Settled::Superseded),
        Some(delivered) if holds(delivered, document) => Decision::Settle(Settled::Unchanged),
        _ => deliver(false),
    }
}

/// Whether a newer version of the flow has written this state of the record.
fn is_of_newer_flow(delivered: &Delivered, document: &Document) -> bool {
    matches!(delivered.standing, Standing::Held | Standing::Kept)
        && delivered.source_digest == document.source_digest
        && delivered.flow_ordinal > document.flow_version.ordinal
}

/// Whether nobody knows what became of an attempt.
pub(super) fn is_open(receipt: &Receipt) -> bool {
    let state = receipt.attempt.as_ref().map(|attempt| &attempt.state);
    matches!(state, Some(AttemptState::Sending | AttemptState::Refused { unresolved: true, .. }))
}

/// The key of an attempt of which nobody knows what became.
fn open_key(receipt: &Receipt) -> Option<&str> {
    receipt.attempt.as_ref().filter(|_| is_open(receipt)).map(|attempt| attempt.key.as_str())
}

/// The key under which the target has, or may have, a document of the record.
pub(super) fn known_key(receipt: &Receipt) -> Option<&str> {
    let delivered = receipt.delivered.as_ref().filter(|known| known.standing != Standing::Removed);
    open_key(receipt).or(delivered.map(|known| known.key.as_str()))
}

/// Whether the target holds this state: by the source's digest, for a replay by the document's. A fix looks at the target
/// itself, and so does a person who sends repaired bytes: who sends those again that were delivered misses them there.
fn holds(delivered: &Delivered, document: &Document) -> bool {
    match delivered.standing {
        Standing::Held | Standing::Kept => {}
        Standing::Removed if document.deleted => {}
        // Something is still to be done there, or a person may have taken it back.
        Standing::Incomplete | Standing::Lettered | Standing::Removed => return false,
    }
    match document.reason {
        Reason::Fix => false,
        _ if document.repaired => false,
        Reason::Replay => delivered.document_digest == document.digest,
        Reason::Poll | Reason::Remedy | Reason::Backfill | Reason::Retry => {
            delivered.source_digest == document.source_digest
        }
    }
}

/// Whether the target holds what a person made of this state of the source, and the document is the state as it was
/// before: neither the look-back, nor the remedy, nor a job, nor another version of the flow undoes a repair (design §7).
fn is_repaired_already(delivered: &Delivered, document: &Document) -> bool {
    let is_held = match delivered.standing {
        Standing::Held => true,
        // Of what was left out since, a rule decides again.
        Standing::Kept => !matches!(document.verdict, Verdict::Filtered(_)),
        Standing::Incomplete | Standing::Lettered | Standing::Removed => false,
    };
    is_held && delivered.repaired && !document.repaired && delivered.source_digest == document.source_digest
}

/// Whether the state that was delivered first stays. A fix writes that very state once more: the target may have lost it.
fn stays_as_first(delivered: &Delivered, document: &Document) -> bool {
    let is_whole = delivered.standing != Standing::Incomplete;
    let is_same_state = delivered.source_digest == document.source_digest;
    is_whole && !(document.reason == Reason::Fix && is_same_state)
}

/// A remembered refusal: the same source state under the same flow version. A person's retry looks past it, and repaired
/// bytes are refused before only if they were these.
fn refused_before(document: &Document, receipt: &Receipt) -> bool {
    let Some(attempt) = &receipt.attempt else { return false };
    matches!(attempt.state, AttemptState::Refused { .. })
        && document.reason != Reason::Retry
        && attempt.source_digest == document.source_digest
        && attempt.flow_ordinal == document.flow_version.ordinal
        && (!document.repaired || attempt.document_digest == document.digest)
}

#[cfg(test)]
mod tests;
