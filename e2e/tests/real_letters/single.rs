//! One letter after the other.

use serde_json::{Value, json};

use crate::{
    desk::{ORDERS, dlq, states},
    stand::Stand,
    waiting::until,
};

/// The letters of a record and how each stands, the oldest first.
fn letters(stand: &Stand, record: &str) -> Vec<(String, String)> {
    let answer = dlq(stand, &["list", ORDERS.name, "--number", record, "--state", "all"]);
    let text = |letter: &Value, key: &str| letter[key].as_str().unwrap().to_owned();
    let letters = answer["letters"].as_array().unwrap().iter();
    letters.map(|letter| (text(letter, "letter"), text(letter, "state"))).collect()
}

#[test]
fn a_letter_that_fails_again_keeps_its_history_and_nothing_loops() {
    let stand = Stand::new("single", &[ORDERS]);
    let system = [stand.start("processors", "mapping"), stand.start("sinks", "writing")];
    stand.send(&[
        json!({"id": "A", "amount": "12345678901.00", "mobile": "13812345678"}),
        json!({"id": "B", "amount": "12345678902.00"}),
    ]);
    stand.wait_for_ended(ORDERS.name, 2);
    let first = letters(&stand, "A")[0].0.clone();

    // Edited, and still too large: sent by its place, refused again.
    let edited = dlq(&stand, &["edit", ORDERS.name, "A", "--set", "amount=99999999999.00", "--by", "周敏"]);
    assert_eq!(edited["changes"], json!(["  amount: \"12345678901.00\" → \"99999999999.00\""]));
    assert_eq!(edited["trial"]["code"], "M-COLUMN", "{edited}");
    dlq(&stand, &["replay", ORDERS.name, &first, "--yes"]);
    until("it is refused again", || letters(&stand, "A").len() == 2);
    let both = letters(&stand, "A");
    assert_eq!((both[0].1.as_str(), both[1].1.as_str()), ("failed-again", "open"));
    let second = both[1].0.clone();

    // Its second letter tells all that happened, without personal data when that is wished.
    let shown = dlq(&stand, &["show", ORDERS.name, "A", "--mask"]);
    assert_eq!((&shown["letter"], &shown["repaired"]), (&json!(second), &json!(true)));
    assert_eq!(shown["payload"], json!({"id": "A", "amount": "99999999999.00", "mobile": "138****5678"}));
    assert_eq!(shown["letters"].as_array().unwrap().len(), 2);
    assert!(!shown["means"].as_str().unwrap().is_empty());
    let of_first = dlq(&stand, &["history", ORDERS.name, &first]);
    let kinds: Vec<&str> = of_first["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["edit", "replay"]);

    // Nothing is sent by itself; what a person mends goes through, and the other letter stays as it is.
    let edited = dlq(&stand, &["edit", ORDERS.name, &second, "--set", "amount=5.00"]);
    assert_eq!(edited["trial"]["verdict"], "mapped", "{edited}");
    dlq(&stand, &["replay", ORDERS.name, &second, "--yes", "--watch"]);
    stand.wait_for_rows(ORDERS.table, &[("A", "5.00")]);
    let expected = json!({"open": 1, "resent": 0, "solved": 1, "given-up": 0, "failed-again": 1});
    assert_eq!(states(&stand), expected);

    // The record is corrected at its source: that solves the other letter without anybody's doing.
    stand.send(&[json!({"id": "B", "amount": "3.00"})]);
    stand.wait_for_rows(ORDERS.table, &[("A", "5.00"), ("B", "3.00")]);
    let expected = json!({"open": 0, "resent": 0, "solved": 2, "given-up": 0, "failed-again": 1});
    until("the other letter is solved", || states(&stand) == expected);
    let [processors, sinks] = system;
    assert!(processors.terminate().success() && sinks.terminate().success());
}
