//! What is told, in text and for programs.

use std::collections::BTreeMap;

use jiff::civil::date;
use weir_model::names::RecordId;

use super::*;

fn figures(amount: &str) -> Option<Figures> {
    let (pieces, amount) = (Some("2".parse().unwrap()), Some(amount.parse().unwrap()));
    Some(Figures { day: Some(date(2024, 1, 14)), shop: "S1".to_owned(), pieces, amount })
}

fn difference(kind: Kind, number: &str) -> Difference {
    Difference {
        kind,
        record: Some(RecordId::from(format!("r-{number}"))),
        number: number.to_owned(),
        key: number.to_owned(),
        expected: figures("120.50"),
        found: figures("12.5000"),
        day: Some(date(2024, 1, 14)),
        shop: "S1".to_owned(),
        modified: None,
        repaired: false,
        refusal: None,
    }
}

fn answer() -> Answer {
    let sum = |records, amount: &str| Sum { records, pieces: None, amount: Some(amount.parse().unwrap()) };
    let line = Line {
        source: sum(2, "241.00"),
        topic: sum(2, "241.00"),
        delivered: sum(2, "241.00"),
        target: sum(3, "133.00"),
    };
    let too_many = Difference { record: None, ..difference(Kind::TooMany, "HAND") };
    Answer {
        flow: "refunds".to_owned(),
        days: (date(2024, 1, 14), date(2024, 1, 14)),
        asked_source: true,
        report: Report {
            lines: BTreeMap::from([((date(2024, 1, 14), String::new()), line)]),
            differences: vec![difference(Kind::Differs, "TK1"), too_many],
            explained: BTreeMap::from([(Explained::Filtered, 4)]),
        },
        mended: None,
        notes: Vec::new(),
    }
}

#[test]
fn a_day_is_a_block_and_a_difference_is_a_line() {
    let expected = "2024-01-14   records  pieces  amount\n  \
                      source           2             241\n  \
                      topic            2             241\n  \
                      delivered        2             241\n  \
                      target           3             133\n\n\
                    4 left out by a rule of the flow\n\
                    differences: 2\n  \
                      TK1 [r-TK1]: 2024-01-14 S1 2 pcs ¥120.5 as delivered, 2024-01-14 S1 2 pcs ¥12.5 at the target; \
                    --fix writes it again\n  \
                      HAND: too many at the target (2024-01-14 S1 2 pcs ¥12.5), not written by this flow; for a person to \
                    look at, never deleted\n";
    assert_eq!(answer().text(10, Language::En), expected);
    assert!(answer().text(1, Language::Zh).contains("另有 1 条"));
}

#[test]
fn the_answer_for_programs_keeps_decimals_as_texts() {
    let json = answer().json(1);
    assert_eq!(json["lines"][0]["target"], json!({"records": 3, "pieces": null, "amount": "133"}));
    assert_eq!((&json["total"], json["differences"].as_array().map(Vec::len)), (&json!(2), Some(1)));
    assert_eq!(json["differences"][0]["kind"], json!("differs"));
    assert_eq!(json["differences"][0]["found"]["amount"], json!("12.5"));
    assert_eq!(json["not_differences"], json!({"filtered": 4}));
    assert_eq!(json["fix"], Value::Null);
    let unasked = Answer { asked_source: false, ..answer() };
    assert_eq!(unasked.json(1)["lines"][0]["source"], Value::Null);
    assert!(!unasked.text(1, Language::En).contains("  source"));
}

#[test]
fn a_fix_tells_what_is_mended_and_what_is_not() {
    let before = [
        difference(Kind::Differs, "TK1"),
        difference(Kind::Missing, "TK2"),
        answer().report.differences[1].clone(),
    ];
    let after = [difference(Kind::Refused("K-AUDITED".into(), "已审核".into()), "TK2")];
    let mut mended = Mended::new("fix-1".to_owned(), 2, true);
    mended.sort_out(&before, &after);
    let fixed = Answer { mended: Some(mended), ..answer() };
    let text = fixed.text(10, Language::En);
    assert!(
        text.contains("job fix-1 read 2 records again: 1 mended, 1 not\n  mended TK1\n  not mended TK2\n"),
        "{text}"
    );
    assert_eq!(fixed.json(9)["fix"]["mended"][0]["number"], json!("TK1"));
}

#[test]
fn every_kind_is_told_in_both_languages() {
    let kinds = [
        Kind::NotPolled,
        Kind::PolledOlder,
        Kind::NotAtSource,
        Kind::Refused("K-CHECK".into(), "x".into()),
        Kind::Waiting("shops".into(), "no=1".into()),
        Kind::OnItsWay,
        Kind::Missing,
        Kind::Differs,
        Kind::TooMany,
    ];
    for kind in kinds {
        let one = difference(kind, "TK1");
        let (zh, en) = (told(&one, Language::Zh), told(&one, Language::En));
        assert!(zh.starts_with("TK1 [r-TK1]：") && en.starts_with("TK1 [r-TK1]: "), "{zh} {en}");
        assert_ne!(zh, en);
        assert!(difference_json(&one)["kind"].is_string());
    }
    let repaired = Difference { repaired: true, ..difference(Kind::Missing, "TK1") };
    assert!(told(&repaired, Language::En).contains("weir dlq"));
    let refusal = Some(("K-AUDITED".to_owned(), "已审核".to_owned()));
    let refused = Difference { refusal, ..difference(Kind::Differs, "TK1") };
    assert!(
        told(&refused, Language::En)
            .ends_with("refused when it was written again, K-AUDITED: 已审核; see weir dlq")
    );
    assert_eq!(difference_json(&refused)["cause"]["code"], json!("K-AUDITED"));
}
