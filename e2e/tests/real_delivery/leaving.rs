//! A record that was delivered and that the flow's condition leaves out now follows `on_leave`; one that comes back is
//! delivered again.

use serde_json::{Value, json};

use crate::{
    letters,
    stand::{Flow, Stand},
    waiting::until,
};

const KEPT: Flow = Flow::plain("kept", "kept");
const DELETED: Flow = Flow { target: "  on_leave: delete\n", ..Flow::plain("deleted", "deleted") };
const TOLD: Flow = Flow { target: "  on_leave: dead-letter\n", ..Flow::plain("told", "told") };

fn order(id: &str, amount: &str, status: &str) -> Value {
    json!({"id": id, "amount": amount, "status": status})
}

/// Records and codes of all letters, in the order of both.
fn told(stand: &Stand) -> Vec<(String, String, String)> {
    let mut letters: Vec<_> =
        letters::list(stand).into_iter().map(|letter| (letter.owner, letter.record, letter.code)).collect();
    letters.sort();
    letters
}

#[test]
fn it_is_kept_deleted_or_told_once() {
    let stand = Stand::new("leaving", &[KEPT, DELETED, TOLD]);
    let weir = stand.start("processors", "mapping");
    let sinks = stand.start("sinks", "writing");
    stand.send(&[order("A", "1.00", "open"), order("B", "2.00", "open"), order("C", "3.00", "void")]);
    let both = [("A", "1.00"), ("B", "2.00")];
    ["kept", "deleted", "told"].iter().for_each(|table| stand.wait_for_rows(table, &both));

    stand.send(&[order("A", "1.00", "void")]);
    stand.wait_for_rows("deleted", &[("B", "2.00")]);
    until("the letter", || !told(&stand).is_empty());
    // Killed and started again, it reads states that stay away; nobody is told twice.
    sinks.kill();
    let sinks = stand.start("sinks", "writing");
    stand.send(&[order("A", "1.50", "void"), order("C", "3.50", "void")]);
    ["kept", "deleted", "told"].iter().for_each(|flow| {
        stand.wait_for_ended(flow, 6);
    });
    stand.wait_for_rows("kept", &both);
    stand.wait_for_rows("told", &both);
    stand.wait_for_rows("deleted", &[("B", "2.00")]);
    let once = [("told".to_owned(), "A".to_owned(), "LEFT".to_owned())];
    assert_eq!(told(&stand), once);

    // What cannot be mapped any more cannot be found.
    stand.send(&[json!({"id": "B", "amount": "many", "status": "void"})]);
    until("two more letters", || told(&stand).len() == 3);
    let codes: Vec<String> = told(&stand).into_iter().map(|(_, record, code)| record + " " + &code).collect();
    assert_eq!(codes, ["B LEFT-NO-KEY", "A LEFT", "B LEFT"]);
    stand.wait_for_rows("deleted", &[("B", "2.00")]);

    stand.send(&[order("A", "1.00", "open")]);
    ["kept", "deleted", "told"].iter().for_each(|table| stand.wait_for_rows(table, &both));
    assert!(sinks.terminate().success() && weir.terminate().success());
}
