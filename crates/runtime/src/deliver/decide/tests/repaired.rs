//! What a person repaired, against everything that may come of the same record afterwards.

use super::super::*;
use super::{attempt, decide, document, empty, receipt_for};
use weir_model::digest::Digest;

const NOT_REPAIRED: [Reason; 5] =
    [Reason::Poll, Reason::Remedy, Reason::Backfill, Reason::Replay, Reason::Fix];

/// The state `content` of the source, repaired to `fixed`.
fn repaired(version: i64, content: &str, fixed: &str, reason: Reason) -> Document {
    let (original, fixed) = (document(version, content), document(version, fixed));
    let Document { body, digest, payload, .. } = fixed;
    Document { body, digest, payload, repaired: true, reason, ..original }
}

fn by_another_version(mut document: Document) -> Document {
    document.flow_version.ordinal += 1;
    document.digest = Digest::of(b"mapped otherwise");
    document
}

#[test]
fn nothing_that_brings_the_original_undoes_a_repair() {
    let receipt = receipt_for(&repaired(2, "a", "b", Reason::Retry));
    let unchanged = Decision::Settle(Settled::Unchanged);
    let refusal = Refusal::new(Code::new("M-TYPE"), "not a number");
    for reason in NOT_REPAIRED {
        let again = Document { reason, ..document(3, "a") };
        assert_eq!(decide(&again, Some(&receipt)), unchanged, "{reason:?}");
        assert_eq!(decide(&by_another_version(again.clone()), Some(&receipt)), unchanged, "{reason:?}");
        // What the mapping, or a rule, made of the original was settled when it was repaired.
        let refused = Document { verdict: Verdict::Refused(refusal.clone()), ..again.clone() };
        assert_eq!(decide(&refused, Some(&receipt)), unchanged, "{reason:?}");
        let filtered = Document { verdict: Verdict::Filtered("rule".to_owned()), ..again };
        assert_eq!(decide(&filtered, Some(&receipt)), unchanged, "{reason:?}");
    }
    // Nor does a letter of before, resent as it was.
    let resent = Document { reason: Reason::Retry, ..document(2, "a") };
    assert_eq!(decide(&resent, Some(&receipt)), unchanged);
    // The very same version, as a replay brings it.
    let replayed = Document { reason: Reason::Replay, ..document(2, "a") };
    assert_eq!(decide(&replayed, Some(&receipt)), unchanged);
}

#[test]
fn a_changed_source_replaces_what_was_repaired() {
    let receipt = receipt_for(&repaired(2, "a", "b", Reason::Retry));
    let over = Decision::Deliver { previous: receipt.delivered.clone(), unresolved: false };
    assert_eq!(decide(&document(3, "c"), Some(&receipt)), over);
    assert_eq!(decide(&document(3, "b"), Some(&receipt)), over, "what it was repaired to is another state");
    assert_eq!(decide(&document(1, "c"), Some(&receipt)), Decision::Settle(Settled::Superseded));
    let removal = Document {
        deleted: true,
        source_digest: document(3, "a").source_digest.of_removed(),
        ..document(3, "a")
    };
    assert_eq!(decide(&removal, Some(&receipt)), over);
}

#[test]
fn repaired_bytes_are_always_delivered_but_over_a_newer_state() {
    let fixed = repaired(2, "a", "b", Reason::Retry);
    let otherwise = repaired(2, "a", "c", Reason::Retry);
    let fix = Document { reason: Reason::Fix, ..fixed.clone() };
    let older = repaired(1, "0", "b", Reason::Retry);
    let original = document(2, "a");
    let same_bytes = Document { repaired: true, reason: Reason::Retry, ..original.clone() };
    for (what, delivered, comes) in [
        ("the original was delivered", &original, &fixed),
        ("the original was delivered, and nothing was changed in it", &original, &same_bytes),
        ("it was delivered, and a person misses it there", &fixed, &fixed),
        ("another repair was delivered", &otherwise, &fixed),
        ("a fix looks at the target", &fixed, &fix),
        ("what an older state was repaired to", &older, &fixed),
    ] {
        let receipt = receipt_for(delivered);
        let over = Decision::Deliver { previous: receipt.delivered.clone(), unresolved: false };
        assert_eq!(decide(comes, Some(&receipt)), over, "{what}");
    }
    let newer = receipt_for(&document(3, "z"));
    for comes in [&fixed, &fix] {
        let superseded = Decision::Settle(Settled::Superseded);
        assert_eq!(decide(comes, Some(&newer)), superseded, "no reason bypasses the version");
    }
}

#[test]
fn a_refused_repair_is_told_to_nobody_but_who_tries_again() {
    let fixed = repaired(2, "a", "b", Reason::Retry);
    let state = AttemptState::Refused { code: "K-X".into(), message: "x".into(), unresolved: false };
    let receipt = Receipt { version: fixed.version, attempt: Some(attempt(&fixed, state)), ..empty(&fixed) };
    let remembered = Decision::Settle(Settled::RefusedAlready);
    for reason in NOT_REPAIRED {
        let again = Document { reason, ..document(3, "a") };
        assert_eq!(decide(&again, Some(&receipt)), remembered, "{reason:?}");
    }
    let deliver = Decision::Deliver { previous: None, unresolved: false };
    let retries = [fixed.clone(), repaired(2, "a", "c", Reason::Retry)];
    for retry in &retries {
        assert_eq!(&decide(retry, Some(&receipt)), &deliver);
    }
    let fix = Document { reason: Reason::Fix, ..fixed };
    assert_eq!(decide(&fix, Some(&receipt)), remembered, "these bytes were refused");
    assert_eq!(decide(&repaired(2, "a", "c", Reason::Fix), Some(&receipt)), deliver, "others were not");
}

#[test]
fn a_repair_that_was_cut_off_is_looked_up_before_it_is_sent_again() {
    let fixed = repaired(2, "a", "b", Reason::Retry);
    let receipt = Receipt { attempt: Some(attempt(&fixed, AttemptState::Sending)), ..empty(&fixed) };
    let looked_up = Decision::Deliver { previous: None, unresolved: true };
    assert_eq!(decide(&fixed, Some(&receipt)), looked_up);
}

#[test]
fn the_first_state_is_written_once_more_by_a_fix_alone() {
    let rules = Rules { id_check: IdCheck::First, ..Rules::default() };
    let receipt = receipt_for(&document(1, "a"));
    let unchanged = Decision::Settle(Settled::Unchanged);
    for (content, reason, is_written) in [
        ("a", Reason::Fix, true),
        ("b", Reason::Fix, false),
        ("a", Reason::Replay, false),
        ("a", Reason::Poll, false),
    ] {
        let comes = Document { reason, ..document(2, content) };
        let decision = super::super::decide(&comes, Some(&receipt), rules);
        let over = Decision::Deliver { previous: receipt.delivered.clone(), unresolved: false };
        assert_eq!(&decision, if is_written { &over } else { &unchanged }, "{content} {reason:?}");
    }
}
