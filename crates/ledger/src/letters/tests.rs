//! Letters on SQLite: how they stand, how they are found, what the book adds. The same on MariaDB: `tests/`.

use jiff::Timestamp;
use serde_json::json;

use super::{Filter, LetterId, Place, State, Verdict};
use crate::{
    Database, Ledger, Settings, Value,
    book::{Action, Deed},
};

const LETTER: &str = "owner, part, log_offset, stage, record_id, source_part_no, number, doc_key, code, message, field, \
    cause, cause_id, at_us, version_modified_us, version_appended_ms, version_offset, source_digest, flow_ordinal, reason, \
    job, repaired, deleted, origin_topic, origin_part, origin_offset, payload_bytes";
const RECORD: &str = "flow, record_id, state, changed_at_us, repaired, deleted, job, standing, delivered_at_us, \
    delivered_source_digest, receipt_at_us, receipt_modified_us, receipt_appended_ms, receipt_version_offset";

async fn put(database: &Database, table: &str, columns: &str, row: Vec<Value>) {
    let mut session = database.begin().await.unwrap();
    session.replace(table, columns, &[row]).await.unwrap();
    session.commit().await.unwrap();
}

/// A letter of record `id` at 0:`offset`, refused in second `offset`.
async fn letter(ledger: &Ledger, id: &str, offset: i64, code: &str, cause_id: &str) {
    let row = vec![
        "orders".into(),
        0.into(),
        offset.into(),
        "sink".into(),
        id.into(),
        0.into(),
        format!("TK{id}").into(),
        format!("K{id}").into(),
        code.into(),
        format!("客户编码C{id}不存在_100%").into(),
        "FCustId".into(),
        "客户编码…不存在".into(),
        cause_id.into(),
        (offset * 1_000_000).into(),
        5.into(),
        6.into(),
        7.into(),
        "digest".into(),
        1.into(),
        "poll".into(),
        "".into(),
        0.into(),
        0.into(),
        "weir.raw.orders".into(),
        2.into(),
        88.into(),
        120.into(),
    ];
    put(&ledger.projection, "letter", LETTER, row).await;
}

/// The record `id`: its state, what the target holds and since when, the job of its document, its version.
async fn record(ledger: &Ledger, id: &str, state: &str, held_since: Option<i64>, job: &str, modified: i64) {
    let since = held_since.map(|second| second * 1_000_000);
    let row = vec![
        "orders".into(),
        id.into(),
        state.into(),
        1.into(),
        0.into(),
        0.into(),
        job.into(),
        held_since.map(|_| "held").into(),
        since.into(),
        held_since.map(|_| "digest").into(),
        since.into(),
        modified.into(),
        6.into(),
        7.into(),
    ];
    put(&ledger.projection, "record", RECORD, row).await;
}

fn place(offset: i64) -> LetterId {
    LetterId { owner: "orders".to_owned(), place: Place { partition: 0, offset } }
}

fn action(id: &str, deed: Deed) -> Action {
    Action {
        id: id.to_owned(),
        at: Timestamp::from_second(1_000).unwrap(),
        by: "周敏".to_owned(),
        kind: deed.as_str().to_owned(),
        reason: "客户已补".to_owned(),
        detail: json!({"cause": "c1"}),
        letters: 0,
    }
}

async fn states(ledger: &Ledger, ended: &[&str]) -> Vec<(i64, &'static str)> {
    let heads = ledger.letter_heads(&Filter::default(), &|job| ended.contains(&job)).await.unwrap();
    let mut states: Vec<_> = heads.iter().map(|head| (head.id.place.offset, head.state.as_str())).collect();
    states.sort_unstable();
    states
}

async fn ledger() -> (Ledger, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Ledger::open(&Settings::beside(folder.path())).await.unwrap(), folder)
}

#[tokio::test]
async fn a_letter_stands_as_its_record_and_its_person_say() {
    let (ledger, _folder) = ledger().await;
    for offset in 1..=6 {
        letter(&ledger, &format!("r{offset}"), offset, "K-REFERENCE", "c1").await;
    }
    // Never decided; written before it was refused; written since; a newer state filtered; given up; sent again.
    record(&ledger, "r1", "refused", None, "", 5).await;
    record(&ledger, "r2", "refused", Some(1), "", 5).await;
    record(&ledger, "r3", "delivered", Some(4), "", 5).await;
    record(&ledger, "r4", "filtered", None, "", 9).await;
    record(&ledger, "r5", "refused", None, "", 5).await;
    record(&ledger, "r6", "refused", None, "", 5).await;
    ledger.note_decision(&action("drop-1", Deed::Drop), Verdict::GiveUp, &[place(5)]).await.unwrap();
    ledger.note_decision(&action("repair-1", Deed::Replay), Verdict::Resend, &[place(6)]).await.unwrap();
    let before = [(1, "open"), (2, "open"), (3, "solved"), (4, "solved"), (5, "given-up"), (6, "resent")];
    assert_eq!(states(&ledger, &[]).await, before);
    // The job was called off before it sent the letter.
    assert_eq!(states(&ledger, &["repair-1"]).await[5], (6, "open"));
    // It was sent and refused again: a new letter.
    letter(&ledger, "r6", 7, "K-REFERENCE", "c1").await;
    assert_eq!(states(&ledger, &[]).await[5..], [(6, "failed-again"), (7, "open")]);
    // It was sent and the target held the same already.
    record(&ledger, "r6", "delivered", Some(1), "repair-2", 5).await;
    ledger.note_decision(&action("repair-2", Deed::Replay), Verdict::Resend, &[place(7)]).await.unwrap();
    assert_eq!(states(&ledger, &[]).await[5..], [(6, "failed-again"), (7, "solved")]);
}

#[tokio::test]
async fn letters_are_found_by_what_is_known_of_them() {
    let (ledger, _folder) = ledger().await;
    letter(&ledger, "a", 1, "K-REFERENCE", "c1").await;
    letter(&ledger, "b", 2, "K-REQUIRED", "c2").await;
    letter(&ledger, "a", 3, "K-REFERENCE", "c1").await;
    let found = async |filter: Filter| -> Vec<i64> {
        let heads = ledger.letter_heads(&filter, &|_| false).await.unwrap();
        heads.iter().map(|head| head.id.place.offset).collect()
    };
    let second = |second| Some(Timestamp::from_second(second).unwrap());
    assert_eq!(found(Filter::default()).await, [3, 2, 1]);
    assert_eq!(found(Filter { code: Some("K-REQUIRED".into()), ..Filter::default() }).await, [2]);
    assert_eq!(found(Filter { cause: Some("c1".into()), ..Filter::default() }).await, [3, 1]);
    assert_eq!(found(Filter { number: Some("TKb".into()), ..Filter::default() }).await, [2]);
    assert_eq!(found(Filter { number: Some("b".into()), ..Filter::default() }).await, [2]);
    assert_eq!(found(Filter { since: second(2), until: second(3), ..Filter::default() }).await, [2]);
    assert_eq!(found(Filter { text: Some("Ca不存在_".into()), ..Filter::default() }).await, [3, 1]);
    assert_eq!(found(Filter { text: Some("存在100".into()), ..Filter::default() }).await, [0; 0]);
    assert_eq!(found(Filter { owners: vec!["refunds".into()], ..Filter::default() }).await, [0; 0]);
    assert_eq!(found(Filter { states: vec![State::Open], ..Filter::default() }).await, [3, 2]);
    assert_eq!(found(Filter { places: vec!["0:2".parse().unwrap()], ..Filter::default() }).await, [2]);
}

#[tokio::test]
async fn letters_of_one_cause_are_a_group() {
    let (ledger, _folder) = ledger().await;
    for offset in 1..=150 {
        letter(&ledger, &format!("r{offset}"), offset, "K-REFERENCE", "c1").await;
    }
    letter(&ledger, "x", 200, "K-REQUIRED", "c2").await;
    ledger.note_decision(&action("drop-1", Deed::Drop), Verdict::GiveUp, &[place(9)]).await.unwrap();
    let groups = ledger.letter_groups(&Filter::default(), &|_| false).await.unwrap();
    let counts: Vec<(&str, usize)> =
        groups.iter().map(|group| (group.cause_id.as_str(), group.count)).collect();
    assert_eq!(counts, [("c1", 150), ("c2", 1)]);
    assert_eq!(groups[0].states, [149, 0, 0, 1, 0]);
    assert_eq!(groups[0].cause, "客户编码…不存在");
    assert_eq!(groups[0].sample.number, "TKr150");
    assert_eq!((groups[0].first.as_second(), groups[0].last.as_second()), (1, 150));
    let heads = ledger.letter_heads(&Filter::default(), &|_| false).await.unwrap();
    let letters = ledger.letters(&heads).await.unwrap();
    assert_eq!(letters.len(), 151);
    assert!(letters.iter().zip(&heads).all(|(letter, head)| letter.head == *head));
}

#[tokio::test]
async fn the_book_keeps_who_did_what_and_what_was_edited() {
    let (ledger, _folder) = ledger().await;
    letter(&ledger, "a", 1, "K-REFERENCE", "c1").await;
    assert_eq!(ledger.repair(&place(1)).await.unwrap(), None);
    for payload in ["{\"a\":1}", "{\"a\":0.10}"] {
        let edit = action(&format!("edit-{}", payload.len()), Deed::Edit);
        ledger.note_repair(&edit, &place(1), payload).await.unwrap();
    }
    assert_eq!(ledger.repair(&place(1)).await.unwrap().unwrap().payload, "{\"a\":0.10}");
    ledger.note_decision(&action("repair-1", Deed::Replay), Verdict::Resend, &[place(1)]).await.unwrap();
    let heads = ledger.letter_heads(&Filter::default(), &|_| false).await.unwrap();
    assert!(heads[0].is_edited);
    assert_eq!(heads[0].decision.as_ref().unwrap().job, "repair-1");
    let history = ledger.history(&place(1)).await.unwrap();
    let kinds: Vec<&str> = history.iter().map(|action| action.kind.as_str()).collect();
    assert_eq!(kinds, ["edit", "edit", "replay"]);
    assert_eq!(
        (history[2].by.as_str(), history[2].reason.as_str(), history[2].letters),
        ("周敏", "客户已补", 1)
    );
    assert_eq!(history[2].detail, json!({"cause": "c1"}));
    assert_eq!(ledger.actions(Some("orders"), 10).await.unwrap().len(), 3);
    assert_eq!(ledger.actions(Some("refunds"), 10).await.unwrap(), []);
    let of_record = ledger.letters_of_record("orders", "a", &|_| false).await.unwrap();
    assert_eq!(of_record.len(), 1);
    assert_eq!(of_record[0].origin.as_ref().unwrap().topic, "weir.raw.orders");
}
