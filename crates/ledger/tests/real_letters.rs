//! Letters and the book on a real MariaDB or MySQL: the statements that unit tests try on SQLite.
//!
//! Relies on `WEIR_MYSQL` (`cargo xtask test` sets it).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it found by panicking"
)]

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;
use weir_ledger::{
    Ledger, Settings, Value,
    book::{Action, Deed},
    letters::{Filter, LetterId, Place, State, Verdict},
};
use weir_model::settings::{Fields, Problems};

const COLUMNS: &str = "owner, part, log_offset, stage, record_id, source_part_no, number, doc_key, code, message, cause, \
    cause_id, at_us, version_modified_us, version_appended_ms, version_offset, source_digest, flow_ordinal, reason, job, \
    repaired, deleted, payload_bytes";
const LETTERS: i64 = 3_000;

/// Two databases of this run's own on the server.
fn settings(name: &str) -> Settings {
    let url = std::env::var("WEIR_MYSQL")
        .unwrap_or_else(|_| panic!("WEIR_MYSQL is not set; run these tests through `cargo xtask test`"));
    let server = json!({"mysql": {
        "url": url, "projection": format!("{name}_projection"), "book": format!("{name}_book"),
    }});
    let mut problems = Problems::new("weir.yaml");
    let fields = Fields::of(&server, "ledger", &mut problems);
    let settings = Settings::read(fields, Path::new("."), &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    settings
}

fn row(offset: i64) -> Vec<Value> {
    let (code, cause) = if offset % 3 == 0 { ("K-REQUIRED", "c2") } else { ("K-REFERENCE", "c1") };
    let message = format!("客户编码C{offset}不存在_100%");
    vec![
        "orders".into(),
        0.into(),
        offset.into(),
        "sink".into(),
        format!("r{offset}").into(),
        0.into(),
        format!("TK{offset}").into(),
        "".into(),
        code.into(),
        message.into(),
        "客户编码…不存在".into(),
        cause.into(),
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
        120.into(),
    ]
}

fn action(id: &str, deed: Deed) -> Action {
    Action {
        id: id.to_owned(),
        at: Timestamp::from_second(1_000).unwrap(),
        by: "周敏".to_owned(),
        kind: deed.as_str().to_owned(),
        reason: "客户已补😀".to_owned(),
        detail: json!({"cause": "c1"}),
        letters: 0,
    }
}

#[tokio::test]
async fn letters_are_found_grouped_decided_about_and_remembered() {
    let name = format!("letters{}", std::process::id());
    let ledger = Ledger::open(&settings(&name)).await.unwrap();
    let mut session = ledger.projection.begin().await.unwrap();
    session.replace("letter", COLUMNS, &(1..=LETTERS).map(row).collect::<Vec<_>>()).await.unwrap();
    session.commit().await.unwrap();

    let of_cause = Filter { cause: Some("c1".to_owned()), states: vec![State::Open], ..Filter::default() };
    let heads = ledger.letter_heads(&of_cause, &|_| false).await.unwrap();
    assert_eq!(heads.len(), 2_000);
    let ids: Vec<LetterId> = heads.iter().map(|head| head.id.clone()).collect();
    ledger.note_decision(&action("repair-1", Deed::Replay), Verdict::Resend, &ids).await.unwrap();
    let place = |offset| LetterId { owner: "orders".to_owned(), place: Place { partition: 0, offset } };
    ledger.note_decision(&action("drop-1", Deed::Drop), Verdict::GiveUp, &[place(3)]).await.unwrap();

    let groups = ledger.letter_groups(&Filter::default(), &|_| false).await.unwrap();
    let counted: Vec<_> = groups.iter().map(|group| (group.cause_id.as_str(), group.states)).collect();
    assert_eq!(counted, [("c1", [0, 2_000, 0, 0, 0]), ("c2", [999, 0, 0, 1, 0])]);
    let again = ledger.letter_groups(&Filter::default(), &|job| job == "repair-1").await.unwrap();
    assert_eq!(again[0].states, [2_000, 0, 0, 0, 0], "the job ended before it sent them");

    let found = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    assert_eq!(ledger.letter_heads(&found("C17不存在_100%"), &|_| false).await.unwrap().len(), 1);
    assert_eq!(ledger.letter_heads(&found("C17不存在100%"), &|_| false).await.unwrap().len(), 0);
    let named = Filter { number: Some("TK17".to_owned()), ..Filter::default() };
    let letters = ledger.letter_heads(&named, &|_| false).await.unwrap();
    assert_eq!(ledger.letters(&letters).await.unwrap()[0].number, "TK17");
    assert_eq!(ledger.letters_of_record("orders", "r17", &|_| false).await.unwrap().len(), 1);

    let payload = r#"{"name":"王😀","price":0.10}"#;
    ledger.note_repair(&action("edit-1", Deed::Edit), &place(17), payload).await.unwrap();
    assert_eq!(ledger.repair(&place(17)).await.unwrap().unwrap().payload, payload);
    let history = ledger.history(&place(17)).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].reason.as_str(), &history[0].detail), ("客户已补😀", &json!({"cause": "c1"})));
    let mut counts: Vec<i64> =
        ledger.actions(Some("orders"), 10).await.unwrap().iter().map(|action| action.letters).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2_000]);

    for database in ["projection", "book"] {
        let mut session = ledger.book.begin().await.unwrap();
        session.execute(&format!("DROP DATABASE {name}_{database}"), &[]).await.unwrap();
    }
}
