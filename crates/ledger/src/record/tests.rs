//! How a record stands, from all that can be known of it.

use super::*;

fn version(number: i64) -> Version {
    Version { modified_us: number, appended_ms: number, offset: number }
}

fn doc(number: i64, verdict: &str) -> DocPart {
    DocPart {
        part: 0,
        offset: number,
        at_us: number,
        source: None,
        number: String::new(),
        key: String::new(),
        ordinal: 1,
        version: version(number),
        source_digest: format!("d{number}"),
        document_digest: String::new(),
        repaired: false,
        deleted: false,
        reason: String::new(),
        job: String::new(),
        polled_at_us: 0,
        raw_part: 0,
        raw_offset: 0,
        verdict: verdict.to_owned(),
        code: None,
        text: Some("words".to_owned()),
    }
}

fn delivered(number: i64, standing: &str) -> DeliveredPart {
    DeliveredPart {
        standing: standing.to_owned(),
        id: String::new(),
        number: String::new(),
        key: String::new(),
        at_us: number,
        ordinal: 1,
        source_digest: format!("d{number}"),
        repaired: false,
    }
}

fn attempt(number: i64, state: &str) -> AttemptPart {
    AttemptPart {
        state: state.to_owned(),
        at_us: number,
        source_digest: format!("d{number}"),
        code: Some("K-1".to_owned()),
        text: None,
    }
}

fn receipt(decided: i64, delivered: Option<DeliveredPart>, attempt: Option<AttemptPart>) -> ReceiptPart {
    ReceiptPart { part: 0, offset: decided, at_us: decided, version: version(decided), delivered, attempt }
}

fn state(doc: Option<DocPart>, receipt: Option<ReceiptPart>, wait: Option<i64>) -> &'static str {
    let wait =
        wait.map(|number| WaitPart { part: 0, offset: number, at_us: number, version: version(number) });
    Record { doc, receipt, wait }.standing().state
}

#[test]
fn the_state_follows_from_document_receipt_and_parking() {
    let held = |number| Some(delivered(number, "held"));
    for (expected, doc, receipt, wait) in [
        ("mapped", Some(doc(1, "mapped")), None, None),
        ("mapped", Some(doc(1, "refused")), None, None),
        ("filtered", Some(doc(1, "filtered")), None, None),
        ("delivered", Some(doc(1, "mapped")), Some(receipt(1, held(1), None)), None),
        ("delivered", None, Some(receipt(1, held(1), None)), None),
        ("mapped", Some(doc(2, "mapped")), Some(receipt(1, held(1), None)), None),
        ("sending", Some(doc(2, "mapped")), Some(receipt(1, held(1), Some(attempt(2, "sending")))), None),
        ("refused", Some(doc(2, "mapped")), Some(receipt(2, held(1), Some(attempt(2, "refused")))), None),
        ("filtered", Some(doc(3, "filtered")), Some(receipt(3, None, Some(attempt(2, "refused")))), None),
        ("left", Some(doc(2, "filtered")), Some(receipt(2, Some(delivered(1, "kept")), None)), None),
        ("removed", Some(doc(2, "filtered")), Some(receipt(2, Some(delivered(1, "removed")), None)), None),
        ("waiting", None, None, Some(1)),
        ("waiting", Some(doc(1, "mapped")), Some(receipt(1, held(1), None)), Some(2)),
        ("delivered", Some(doc(2, "mapped")), Some(receipt(2, held(2), None)), Some(1)),
    ] {
        let told = format!("{doc:?} {receipt:?} {wait:?}");
        assert_eq!(state(doc, receipt, wait), expected, "{told}");
    }
}

#[test]
fn a_reread_with_equal_bytes_is_no_new_state() {
    let again = DocPart { version: version(9), ..doc(1, "mapped") };
    let known = receipt(1, Some(delivered(1, "held")), None);
    assert_eq!(state(Some(again.clone()), Some(known), None), "delivered");
    let refused = receipt(1, None, Some(attempt(1, "refused")));
    assert_eq!(state(Some(again), Some(refused), None), "refused");
}

#[test]
fn a_stored_document_whose_audit_was_refused_is_incomplete() {
    let known = receipt(1, Some(delivered(1, "incomplete")), Some(attempt(1, "refused")));
    assert_eq!(state(Some(doc(1, "mapped")), Some(known), None), "incomplete");
}

#[test]
fn the_newest_document_stays_whatever_comes_after_it() {
    let mut record = Record::default();
    record.take_document(doc(5, "mapped"));
    record.take_document(DocPart { offset: 9, ..doc(3, "mapped") });
    assert_eq!(record.doc.as_ref().map(|doc| doc.version), Some(version(5)));
    record.take_document(DocPart { offset: 10, ordinal: 2, ..doc(5, "mapped") });
    assert_eq!(record.doc.map(|doc| doc.ordinal), Some(2), "the same state, mapped anew");
}
