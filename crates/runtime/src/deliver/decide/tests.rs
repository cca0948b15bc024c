//! Every decision, by what is remembered of the record.

mod repaired;

use weir_model::{
    digest::Digest,
    outcome::{Code, Written},
    receipt::Attempt,
    record::Version,
};

use super::*;
use crate::deliver::{
    ending::Ending,
    samples::{document, receipt_for},
};

const FIRST: Rules = Rules { id_check: IdCheck::First, on_leave: OnLeave::Keep };

fn decide(document: &Document, receipt: Option<&Receipt>) -> Decision {
    super::decide(document, receipt, Rules::default())
}

fn sent_again(version: i64, content: &str) -> Document {
    document(version, content)
}

fn refused(of: &Document) -> Receipt {
    Receipt {
        attempt: Some(attempt(
            of,
            AttemptState::Refused { code: "K-X".into(), message: "x".into(), unresolved: false },
        )),
        ..empty(of)
    }
}

fn attempt(of: &Document, state: AttemptState) -> Attempt {
    Attempt {
        state,
        version: of.version,
        source_digest: of.source_digest,
        document_digest: of.digest,
        key: of.key.clone(),
        flow_ordinal: of.flow_version.ordinal,
        at: of.polled_at,
    }
}

fn empty(of: &Document) -> Receipt {
    Receipt { record_id: of.record_id.clone(), version: Version::default(), delivered: None, attempt: None }
}

#[test]
fn a_new_record_is_delivered() {
    let expect = Decision::Deliver { previous: None, unresolved: false };
    assert_eq!(decide(&document(1, "a"), None), expect);
}

#[test]
fn equal_content_is_unchanged_and_older_is_superseded() {
    let receipt = receipt_for(&document(2, "a"));
    assert_eq!(decide(&sent_again(3, "a"), Some(&receipt)), Decision::Settle(Settled::Unchanged));
    assert_eq!(decide(&sent_again(1, "b"), Some(&receipt)), Decision::Settle(Settled::Superseded));
    assert!(matches!(
        decide(&sent_again(3, "b"), Some(&receipt)),
        Decision::Deliver { previous: Some(_), unresolved: false }
    ));
}

#[test]
fn the_same_document_after_a_crash_counts_as_what_it_was() {
    let delivered = document(2, "a");
    let receipt = receipt_for(&delivered);
    assert_eq!(decide(&delivered, Some(&receipt)), Decision::Settle(Settled::DeliveredBefore));
    assert_eq!(decide(&delivered, Some(&refused(&delivered))), Decision::Settle(Settled::RefusedBefore));
}

#[test]
fn an_attempt_without_an_answer_is_looked_up_first() {
    let sent = document(2, "a");
    let receipt = Receipt { attempt: Some(attempt(&sent, AttemptState::Sending)), ..empty(&sent) };
    for next in [sent.clone(), document(3, "b")] {
        assert!(matches!(decide(&next, Some(&receipt)), Decision::Deliver { unresolved: true, .. }));
    }
}

#[test]
fn a_remembered_refusal_is_not_sent_again_but_for_a_retry_or_a_change() {
    let first = document(1, "a");
    let receipt = refused(&first);
    let again = document(2, "a");
    assert_eq!(decide(&again, Some(&receipt)), Decision::Settle(Settled::RefusedAlready));
    let retry = Document { reason: Reason::Retry, ..again.clone() };
    assert!(matches!(decide(&retry, Some(&receipt)), Decision::Deliver { .. }));
    assert!(matches!(decide(&document(2, "b"), Some(&receipt)), Decision::Deliver { .. }));
    let mut newer_flow = again;
    newer_flow.flow_version.ordinal += 1;
    assert!(matches!(decide(&newer_flow, Some(&receipt)), Decision::Deliver { .. }));
}

#[test]
fn a_replay_compares_documents_and_a_fix_compares_with_the_target() {
    let receipt = receipt_for(&document(2, "a"));
    let mut replay = document(3, "a");
    replay.reason = Reason::Replay;
    assert_eq!(decide(&replay, Some(&receipt)), Decision::Settle(Settled::Unchanged));
    replay.digest = Digest::of(b"mapped otherwise");
    assert!(matches!(decide(&replay, Some(&receipt)), Decision::Deliver { .. }));
    let mut fix = document(3, "a");
    fix.reason = Reason::Fix;
    assert!(matches!(decide(&fix, Some(&receipt)), Decision::Deliver { .. }));
}

#[test]
fn what_the_mapping_refused_is_lettered_once() {
    let refusal = Refusal::new(Code::new("M-TYPE"), "not a number");
    let doc = Document { verdict: Verdict::Refused(refusal.clone()), ..document(2, "a") };
    assert_eq!(decide(&doc, None), Decision::Refuse(refusal));
    let again = Document { version: Version { offset: 9, ..doc.version }, ..doc.clone() };
    assert_eq!(decide(&again, Some(&refused(&doc))), Decision::Settle(Settled::RefusedAlready));
}

#[test]
fn the_first_delivered_state_stays_where_the_flow_wants_it() {
    let first = document(1, "a");
    let decide = |document: &Document, receipt: &Receipt| super::decide(document, Some(receipt), FIRST);
    let unchanged = Decision::Settle(Settled::Unchanged);
    assert_eq!(decide(&document(2, "b"), &receipt_for(&first)), unchanged);
    let refusal = Refusal::new(Code::new("M-TYPE"), "not a number");
    let broken = Document { verdict: Verdict::Refused(refusal), ..document(2, "b") };
    assert_eq!(decide(&broken, &receipt_for(&first)), unchanged, "nothing is lettered either");
    assert!(matches!(decide(&document(2, "b"), &refused(&first)), Decision::Deliver { .. }));
    let sending =
        Receipt { attempt: Some(attempt(&document(2, "b"), AttemptState::Sending)), ..receipt_for(&first) };
    assert!(matches!(decide(&document(3, "c"), &sending), Decision::Deliver { unresolved: true, .. }));
}

/// `version`, with a body that takes the record back.
fn removed(version: i64, verdict: Verdict) -> Document {
    let state = document(version, "removed");
    let source_digest = document(version, "a").source_digest.of_removed();
    Document { deleted: true, verdict, source_digest, ..state }
}

#[test]
fn a_removal_is_written_only_over_what_was_delivered() {
    let refusal = Refusal::new(Code::new("M-DELETED"), "removed");
    let verdicts = [
        Verdict::Mapped,
        Verdict::Filtered("on_delete: ignore".to_owned()),
        Verdict::Refused(refusal.clone()),
    ];
    let live = document(2, "a");
    let sending = |before| Receipt { attempt: Some(attempt(&live, AttemptState::Sending)), ..before };
    let filtered = Decision::Settle(Settled::Filtered);
    let superseded = Decision::Settle(Settled::Superseded);
    let refuse = Decision::Refuse(refusal);
    let over =
        |receipt: &Receipt, unresolved| Decision::Deliver { previous: receipt.delivered.clone(), unresolved };
    let delivered = receipt_for(&live);
    let lost = sending(empty(&live));
    let lost_update = sending(receipt_for(&document(1, "0")));
    let cases = [
        // What is remembered, the removal's version, and what each verdict comes to.
        ("nothing", None, 3, [&filtered, &filtered, &filtered]),
        ("refused", Some(refused(&live)), 3, [&filtered, &filtered, &filtered]),
        (
            "a newer state, never delivered",
            Some(Receipt { version: live.version, ..empty(&live) }),
            1,
            [&superseded; 3],
        ),
        ("delivered", Some(delivered.clone()), 3, [&over(&delivered, false), &filtered, &refuse]),
        ("delivered and newer", Some(delivered.clone()), 1, [&superseded; 3]),
        ("sent, no answer", Some(lost.clone()), 3, [&over(&lost, true), &filtered, &refuse]),
        (
            "an update sent, no answer",
            Some(lost_update.clone()),
            3,
            [&over(&lost_update, true), &filtered, &refuse],
        ),
    ];
    for (remembered, receipt, version, expect) in cases {
        for (verdict, expect) in verdicts.iter().zip(expect) {
            let document = removed(version, verdict.clone());
            assert_eq!(&decide(&document, receipt.as_ref()), expect, "{remembered}: {verdict:?}");
        }
    }
}

#[test]
fn a_removal_is_a_state_among_others() {
    let removal = removed(3, Verdict::Mapped);
    let receipt = receipt_for(&removal);
    assert_eq!(decide(&document(2, "a"), Some(&receipt)), Decision::Settle(Settled::Superseded));
    assert_eq!(decide(&removal, Some(&receipt)), Decision::Settle(Settled::DeliveredBefore));
    assert_eq!(decide(&removed(4, Verdict::Mapped), Some(&receipt)), Decision::Settle(Settled::Unchanged));
    // It comes back as it was before it was removed.
    let back = Decision::Deliver { previous: receipt.delivered.clone(), unresolved: false };
    assert_eq!(decide(&document(4, "a"), Some(&receipt)), back);
}

#[test]
fn a_removal_of_what_was_never_delivered_is_remembered() {
    let removal = removed(3, Verdict::Mapped);
    let ending = crate::deliver::ending::Ending::Settled(Settled::Filtered);
    let trace = ending.trace(&removal, None, removal.polled_at);
    assert!(trace.letter.is_none());
    let receipt = trace.receipt.unwrap();
    assert_eq!(decide(&document(2, "a"), Some(&receipt)), Decision::Settle(Settled::Superseded));
    let back = Decision::Deliver { previous: None, unresolved: false };
    assert_eq!(decide(&document(4, "a"), Some(&receipt)), back);
    let unseen = Document { deleted: false, ..removal };
    assert!(ending.trace(&unseen, None, unseen.polled_at).receipt.is_none());
}

fn left_out(version: i64) -> Document {
    let verdict = Verdict::Filtered("status neq void".to_owned());
    Document { verdict, body: bytes::Bytes::new(), ..document(version, "void") }
}

fn standing(standing: Standing) -> Receipt {
    let before = receipt_for(&document(1, "a"));
    let delivered = before.delivered.clone().map(|known| Delivered { standing, ..known });
    Receipt { delivered, ..before }
}

fn on_leave(on_leave: OnLeave) -> Rules {
    Rules { on_leave, ..Rules::default() }
}

#[test]
fn what_leaves_is_kept_deleted_or_told_once() {
    let (kept, left) = (Decision::Settle(Settled::Filtered), Decision::Settle(Settled::Left));
    let located = Document { body: document(2, "void").body, ..left_out(2) };
    for (policy, first, told_before) in [
        (OnLeave::Keep, "left", Standing::Kept),
        (OnLeave::DeadLetter, "LEFT", Standing::Lettered),
        (OnLeave::Delete, "LEFT-NO-KEY", Standing::Lettered),
    ] {
        let decision = super::decide(&left_out(2), Some(&standing(Standing::Held)), on_leave(policy));
        match decision {
            Decision::Tell(refusal) => assert_eq!(refusal.code.as_str(), first),
            other => assert_eq!((&other, first), (&left, "left")),
        }
        let again = super::decide(&left_out(2), Some(&standing(told_before)), on_leave(policy));
        assert_eq!(again, kept, "{policy:?}");
        assert_eq!(super::decide(&left_out(2), None, on_leave(policy)), kept, "never delivered");
        let gone = standing(Standing::Removed);
        assert_eq!(super::decide(&located, Some(&gone), on_leave(policy)), kept, "nothing is there any more");
    }
    for known in [Standing::Held, Standing::Incomplete, Standing::Kept, Standing::Lettered] {
        let receipt = standing(known);
        let remove = Decision::Remove { previous: receipt.delivered.clone().unwrap() };
        assert_eq!(super::decide(&located, Some(&receipt), on_leave(OnLeave::Delete)), remove);
    }
}

#[test]
fn what_comes_back_is_delivered_unless_the_target_still_holds_it() {
    let back = document(5, "a");
    for (known, expect) in [
        (Standing::Held, Decision::Settle(Settled::Unchanged)),
        (Standing::Kept, Decision::Settle(Settled::Unchanged)),
        (Standing::Lettered, Decision::Deliver { previous: None, unresolved: false }),
        (Standing::Removed, Decision::Deliver { previous: None, unresolved: false }),
        (Standing::Incomplete, Decision::Deliver { previous: None, unresolved: false }),
    ] {
        let decision = match decide(&back, Some(&standing(known))) {
            Decision::Deliver { unresolved, .. } => Decision::Deliver { previous: None, unresolved },
            other => other,
        };
        assert_eq!(decision, expect, "{known:?}");
    }
}

/// What stands behind an attempt of which nobody knows what became, and what each comes to.
#[test]
fn nothing_hides_an_open_attempt() {
    let sent = document(2, "a");
    let open = Receipt { attempt: Some(attempt(&sent, AttemptState::Sending)), ..empty(&sent) };
    let refusal = Refusal::new(Code::new("M-TYPE"), "not a number");
    let refused = Document { verdict: Verdict::Refused(refusal.clone()), ..left_out(3) };
    let behind = [
        (left_out(3), Ending::Settled(Settled::Filtered)),
        (refused.clone(), Ending::Refused(refusal)),
        (document(1, "older"), Ending::Settled(Settled::Superseded)),
    ];
    for (document, ending) in behind {
        let after = ending.trace(&document, Some(&open), document.polled_at).receipt.unwrap_or(open.clone());
        assert!(is_open(&after), "{:?}", document.verdict);
        assert_eq!(known_key(&after), Some("r1"));
        let newer = super::super::samples::document(9, "newer");
        assert!(matches!(decide(&newer, Some(&after)), Decision::Deliver { unresolved: true, .. }));
    }
    // The refusal is remembered beside it.
    let after =
        Ending::Refused(Refusal::new(Code::new("M-TYPE"), "no")).trace(&refused, Some(&open), sent.polled_at);
    let again = Document { version: Version { offset: 99, ..refused.version }, ..refused };
    assert_eq!(decide(&again, after.receipt.as_ref()), Decision::Settle(Settled::RefusedAlready));
    // A person is told once that what may have been stored has left.
    let rules = on_leave(OnLeave::DeadLetter);
    let Decision::Tell(refusal) = super::decide(&left_out(3), Some(&open), rules) else { panic!("a letter") };
    let told = Ending::Told(refusal).trace(&left_out(3), Some(&open), sent.polled_at).receipt.unwrap();
    assert!(is_open(&told));
    assert_eq!(super::decide(&left_out(4), Some(&told), rules), Decision::Settle(Settled::Filtered));
}

#[test]
fn what_was_stored_in_part_is_completed_when_a_person_sends_it_again() {
    let written = Written { id: "100001".to_owned(), number: "A1".to_owned() };
    let half = document(2, "a");
    let refusal = Refusal::new(Code::new("K-VALIDATION"), "not audited");
    let trace = Ending::Incomplete(written.clone(), refusal).trace(&half, None, half.polled_at);
    assert!(trace.letter.is_some());
    let receipt = trace.receipt.unwrap();
    assert_eq!(decide(&half, Some(&receipt)), Decision::Settle(Settled::RefusedBefore));
    let seen_again = document(3, "a");
    assert_eq!(decide(&seen_again, Some(&receipt)), Decision::Settle(Settled::RefusedAlready));
    let retry = Document { reason: Reason::Retry, ..half };
    let Decision::Deliver { previous: Some(previous), unresolved: false } = decide(&retry, Some(&receipt))
    else {
        panic!("sent again over what is there")
    };
    assert_eq!(previous.written, written);
    let first = super::decide(&document(3, "b"), Some(&receipt), FIRST);
    assert!(matches!(first, Decision::Deliver { .. }), "nothing was delivered whole yet");
}

#[test]
fn an_older_version_of_the_flow_never_writes_over_a_newer_one() {
    let mut newer = document(2, "a");
    newer.flow_version.ordinal = 2;
    let mut replay = Document { reason: Reason::Replay, ..document(3, "a") };
    replay.digest = Digest::of(b"as version 1 maps it");
    assert_eq!(decide(&replay, Some(&receipt_for(&newer))), Decision::Settle(Settled::Superseded));
}
