//! The life of a record, told of rows as the projection and the book lay them.

use super::*;
use crate::Settings;

async fn ledger(folder: &tempfile::TempDir) -> Ledger {
    Ledger::open(&Settings::beside(folder.path())).await.unwrap()
}

async fn put(database: &Database, table: &str, columns: &str, rows: &[Vec<Value>]) {
    let mut session = database.begin().await.unwrap();
    session.replace(table, columns, rows).await.unwrap();
    session.commit().await.unwrap();
}

async fn put_numbers(ledger: &Ledger, numbers: &[(&str, &str, &str)]) {
    let rows: Vec<Vec<Value>> = numbers
        .iter()
        .map(|(number, flow, id)| vec![(*number).into(), (*flow).into(), (*id).into()])
        .collect();
    put(&ledger.projection, "number", "number, flow, record_id", &rows).await;
}

fn key(flow: &str, record_id: &str) -> Key {
    Key { flow: flow.to_owned(), record_id: record_id.to_owned() }
}

#[tokio::test]
async fn a_number_finds_every_record_that_is_known_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    put_numbers(&ledger, &[("T1", "refunds", "7"), ("T1", "bills", "7-2"), ("T10", "refunds", "8")]).await;
    let find = async |number: &str, flow: Option<&str>, limit| {
        ledger.find_number(number, flow, limit).await.unwrap()
    };
    assert_eq!(find("T1", None, 9).await, [key("bills", "7-2"), key("refunds", "7")]);
    assert_eq!(find("T1", Some("refunds"), 9).await, [key("refunds", "7")]);
    assert_eq!(find("T1", None, 1).await.len(), 1);
    assert!(find("T", None, 9).await.is_empty() && find("t1", None, 9).await.is_empty());
}

#[tokio::test]
async fn numbers_that_are_like_it_are_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    let known = ["TK2402290001", "TK2402290002", "100%_A", "客户编码9"];
    let rows: Vec<_> = known.iter().map(|number| (*number, "f", "1")).collect();
    put_numbers(&ledger, &rows).await;
    let similar = async |number: &str| ledger.similar_numbers(number, 5).await.unwrap();
    assert_eq!(similar("TK24022900").await, ["TK2402290001", "TK2402290002"]);
    assert_eq!(similar(" TK2402290001-1").await, ["TK2402290001"], "a part, or a typing slip at its end");
    assert_eq!(similar("290002").await, ["TK2402290002"], "the last digits");
    assert_eq!(similar("0%_A").await, ["100%_A"]);
    assert_eq!(similar("客户").await, ["客户编码9"]);
    assert!(
        similar("").await.is_empty() && similar("zzzz").await.is_empty() && similar("9").await.is_empty()
    );
}

fn event(
    at_us: i64,
    stream: &'static str,
    offset: i64,
    kind: &'static str,
    detail: &'static str,
) -> Vec<Value> {
    vec![
        "f".into(),
        "7".into(),
        at_us.into(),
        Value::Known(stream),
        0_i64.into(),
        offset.into(),
        Value::Known(kind),
        Value::Null,
        Value::Known(detail),
    ]
}

const EVENTS: &str = "flow, record_id, at_us, stream, part, log_offset, kind, code, detail";

/// A letter at 2:9 about the record, which a person has sent again.
async fn put_letter_with_action(ledger: &Ledger) {
    let letter = "owner, part, log_offset, stage, record_id, source_part_no, number, doc_key, code, message, field, \
         cause, cause_id, at_us, version_modified_us, version_appended_ms, version_offset, source_digest, \
         flow_ordinal, reason, job, repaired, deleted, payload_bytes";
    let texts = |texts: &[&'static str]| texts.iter().map(|text| Value::Known(text)).collect::<Vec<_>>();
    let zeros = |count| std::iter::repeat_n(Value::from(0_i64), count);
    let mut row: Vec<Value> = vec!["f".into(), 2_i64.into(), 9_i64.into()];
    row.extend(texts(&["sink", "7"]));
    row.push(0_i64.into());
    row.extend(texts(&["TK1", "TK1", "K-REFERENCE", "客户编码C017不存在", "FCustId", "c", "id"]));
    row.push(2_000_000_i64.into());
    row.extend(zeros(3));
    row.push("d".into());
    row.push(1_i64.into());
    row.extend(texts(&["poll", ""]));
    row.extend(zeros(3));
    put(&ledger.projection, "letter", letter, &[row]).await;
    let action = vec![
        "a1".into(),
        3_000_000_i64.into(),
        "zhou".into(),
        "replay".into(),
        "客户已建".into(),
        "{}".into(),
    ];
    put(&ledger.book, "action", "id, at_us, by_whom, kind, reason, detail", &[action]).await;
    let of_letter = vec!["a1".into(), "f".into(), 2_i64.into(), 9_i64.into()];
    put(&ledger.book, "action_letter", "action_id, owner, part, log_offset", &[of_letter]).await;
}

#[tokio::test]
async fn a_life_is_told_in_order_with_what_people_did() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    let record = "flow, record_id, state, code, changed_at_us, repaired, deleted, raw_part, raw_offset, standing, \
         target_number, delivered_repaired";
    let values = ["f", "7", "delivered"].map(Value::from).into_iter().chain([
        Value::Null,
        5_000_000_i64.into(),
        true.into(),
        false.into(),
        3_i64.into(),
        41_i64.into(),
        "held".into(),
        "XSTHD0001".into(),
        1_i64.into(),
    ]);
    put(&ledger.projection, "record", record, &[values.collect()]).await;
    put_numbers(&ledger, &[("TK1", "f", "7"), ("7", "f", "7")]).await;
    // Of one instant: what was sent comes before the answer, and the answer before the letter.
    let events = [
        event(2_000_000, "dead", 9, "lettered", "{}"),
        event(2_000_000, "receipt", 4, "refused", "{}"),
        event(2_000_000, "receipt", 3, "sending", "{}"),
        event(1_000_000, "doc", 1, "mapped", r#"{"key":"TK1","polled_at_us":500000}"#),
    ];
    put(&ledger.projection, "event", EVENTS, &events).await;
    put_letter_with_action(&ledger).await;

    let life = ledger.life(&key("f", "7")).await.unwrap().unwrap();
    let kinds: Vec<&str> = life.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["mapped", "sending", "refused", "lettered"]);
    assert_eq!(life.events[0].text("key"), "TK1");
    assert_eq!(life.events[0].time("polled_at_us"), Timestamp::from_microsecond(500_000).ok());
    assert_eq!(life.numbers, ["7", "TK1"]);
    assert_eq!(life.record.raw, Some(Place { partition: 3, offset: 41 }));
    let delivered = life.record.delivered.unwrap();
    assert_eq!((delivered.number.as_str(), delivered.repaired), ("XSTHD0001", true));
    let [letter] = life.letters.as_slice() else { panic!("{:?}", life.letters) };
    assert_eq!((letter.place.to_string().as_str(), letter.field.as_str()), ("2:9", "FCustId"));
    assert_eq!((letter.actions[0].by.as_str(), letter.actions[0].kind.as_str()), ("zhou", "replay"));
    assert!(ledger.life(&key("f", "8")).await.unwrap().is_none());
    assert_eq!(ledger.record_counts().await.unwrap(), [("f".to_owned(), 1)]);
}

#[tokio::test]
async fn of_a_very_long_life_the_beginning_and_the_end_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    let record = vec!["f".into(), "7".into(), "mapped".into(), 1_i64.into(), 0_i64.into(), 0_i64.into()];
    put(&ledger.projection, "record", "flow, record_id, state, changed_at_us, repaired, deleted", &[record])
        .await;
    let count = i64::try_from(MOST_EVENTS).unwrap() + 100;
    let events: Vec<_> = (0..count).map(|at| event(at, "doc", at, "mapped", "{}")).collect();
    put(&ledger.projection, "event", EVENTS, &events).await;
    let life = ledger.life(&key("f", "7")).await.unwrap().unwrap();
    let offsets: Vec<i64> = life.events.iter().map(|event| event.place.offset).collect();
    let half = i64::try_from(MOST_EVENTS / 2).unwrap();
    let expected: Vec<i64> = (0..half).chain(count - half..count).collect();
    assert_eq!((offsets, life.left_out), (expected, 100));
}
