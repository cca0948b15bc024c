//! Lives as the ledger tells them, and what is said of them.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use weir_ledger::trace::{Action, Delivered, Event, Key, Letter, Life, Place, Record, Waiting};
use weir_runtime::{control::Known, topics::Topics};

use super::{story::Story, verdict::verdict};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn event(second: i64, stream: &str, kind: &str, detail: serde_json::Value) -> Event {
    Event {
        at: at(second),
        stream: stream.to_owned(),
        place: Place { partition: 1, offset: second },
        kind: kind.to_owned(),
        reason: "poll".to_owned(),
        job: String::new(),
        flow_ordinal: Some(3),
        code: String::new(),
        detail,
    }
}

fn life(state: &str, events: Vec<Event>) -> Life {
    let record = Record {
        state: state.to_owned(),
        source: "refunds".to_owned(),
        changed_at: at(60),
        flow_ordinal: Some(3),
        ..Record::default()
    };
    Life {
        key: Key { flow: "returns".to_owned(), record_id: "7".to_owned() },
        record,
        numbers: vec!["7".to_owned()],
        events,
        left_out: 0,
        letters: Vec::new(),
        waiting: None,
    }
}

fn letter() -> Letter {
    Letter {
        owner: "returns".to_owned(),
        place: Place { partition: 2, offset: 9 },
        stage: "sink".to_owned(),
        code: "K-REFERENCE".to_owned(),
        message: "客户编码C017不存在".to_owned(),
        field: "FCustId".to_owned(),
        at: at(61),
        job: String::new(),
        actions: Vec::new(),
    }
}

fn told(life: &Life) -> (String, String, Vec<&'static str>) {
    let (topics, known) = (Topics::new("weir"), Known::default());
    let story = Story { flow: None, zone: TimeZone::UTC, topics: &topics, known: &known };
    let verdict = verdict(life, &story);
    let advice: Vec<String> = verdict.advice.iter().map(|advice| advice.en.clone()).collect();
    let kinds = story.steps(life).iter().map(|step| step.kind).collect();
    (verdict.sentence.en, advice.join("; "), kinds)
}

fn polled() -> Event {
    event(10, "doc", "mapped", json!({"raw": "1:5", "polled_at_us": 9_000_000, "key": "TK1"}))
}

#[test]
fn what_was_delivered_is_named_as_the_target_names_it() {
    let sent = event(11, "receipt", "sending", json!({}));
    let stored = event(12, "receipt", "delivered", json!({"id": "100023", "number": "XSTHD0001"}));
    let mut life = life("delivered", vec![polled(), sent, stored]);
    life.record.delivered = Some(Delivered {
        standing: "held".to_owned(),
        id: "100023".to_owned(),
        number: "XSTHD0001".to_owned(),
        at: Some(at(12)),
        flow_ordinal: Some(3),
        ..Delivered::default()
    });
    let (sentence, advice, kinds) = told(&life);
    let expected =
        "delivered to the target as XSTHD0001 (id 100023) at 1970-01-01 00:00:12 by version 3 of the flow";
    assert_eq!((sentence.as_str(), advice.as_str()), (expected, ""));
    assert_eq!(kinds, ["polled", "mapped", "sending", "delivered"]);
}

#[test]
fn a_state_that_the_sink_took_in_silence_is_said_to_be_nothing_new() {
    let stored = event(12, "receipt", "delivered", json!({}));
    let again = event(20, "doc", "mapped", json!({"raw": "1:8", "key": "TK1"}));
    let (_, _, kinds) = told(&life("delivered", vec![polled(), stored.clone(), again.clone()]));
    assert_eq!(kinds, ["polled", "mapped", "delivered", "polled", "mapped", "unchanged"]);
    let (_, _, kinds) = told(&life("mapped", vec![polled(), stored, again]));
    assert_eq!(kinds.last(), Some(&"mapped"), "the sink has not come to it yet");
}

#[test]
fn a_refusal_is_told_in_the_targets_words_with_what_to_do() {
    let mut life = life("refused", vec![polled(), event(61, "dead", "lettered", json!({}))]);
    life.letters = vec![letter()];
    let (sentence, advice, _) = told(&life);
    let expected = "refused by the target at 1970-01-01 00:01:01 (K-REFERENCE): 「客户编码C017不存在」 in the field FCustId";
    assert_eq!(sentence, expected);
    assert!(advice.contains("weir dlq show returns 2:9") && advice.contains("weir dlq replay returns 2:9"));
    let action = |kind: &str, reason: &str| Action {
        at: at(70),
        by: "zhou".to_owned(),
        kind: kind.to_owned(),
        reason: reason.to_owned(),
    };
    life.letters[0].actions = vec![action("replay", "")];
    let (_, advice, kinds) = told(&life);
    assert!(advice.starts_with("zhou sent it again"), "{advice}");
    assert_eq!(kinds.last(), Some(&"action"));
    life.letters[0].actions = vec![action("drop", "test order")];
    let (sentence, advice, _) = told(&life);
    assert!(sentence.ends_with("; given up by zhou: test order") && advice.is_empty(), "{sentence}");
}

#[test]
fn who_waits_is_told_for_what_and_since_when() {
    let parked = json!({"raw": "1:5", "collection": "customers", "reference": "no=C01"});
    let mut life = life("waiting", vec![event(10, "wait", "parked", parked)]);
    life.waiting =
        Some(Waiting { collection: "customers".to_owned(), reference: "no=C01".to_owned(), since: at(10) });
    let (sentence, advice, kinds) = told(&life);
    assert_eq!(sentence, "waits for no=C01 in the collection customers since 1970-01-01 00:00:10");
    assert!(advice.contains("weir collections get customers"), "{advice}");
    assert_eq!(kinds, ["polled", "waits"]);
}

#[test]
fn a_replay_and_a_repair_are_no_polls() {
    let mut again = event(20, "doc", "mapped", json!({"raw": "1:5", "repaired": true}));
    again.reason = "retry".to_owned();
    again.job = "r1".to_owned();
    let life = life("delivered", vec![polled(), again, event(21, "receipt", "delivered", json!({}))]);
    let (_, _, kinds) = told(&life);
    assert_eq!(kinds, ["polled", "mapped", "again", "mapped", "delivered"]);
}

#[test]
fn what_a_rule_left_out_names_the_rule() {
    let mut life = life("filtered", vec![event(10, "doc", "filtered", json!({"text": "status = 5"}))]);
    life.record.message = "status = 5".to_owned();
    let (sentence, _, kinds) = told(&life);
    assert_eq!(
        sentence,
        "left out by a rule at 1970-01-01 00:01:00: status = 5; nothing was written to the target"
    );
    assert_eq!(kinds, ["filtered"], "a document that does not say where its raw record stands");
}
