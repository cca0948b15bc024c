//! A bad row holds nobody: all others are written once, it becomes one letter that names column and value.

use std::collections::BTreeMap;

use crate::{
    letters,
    stand::{Stand, State, id},
    waiting::eventually,
};

const RECORDS: usize = 6_000;
const BAD_EVERY: usize = 100;

/// Every second bad row is found by the server alone, the others by the flow's own columns.
fn state(record: usize) -> State {
    let mut state = State::new(record, 10, "1.50");
    match (record % BAD_EVERY, record / BAD_EVERY % 2) {
        (7, 0) => state.amount = "-3.25".to_owned(),
        (7, _) => state.note = "a note that is much too long".to_owned(),
        _ => {}
    }
    state
}

fn is_bad(record: usize) -> bool {
    record % BAD_EVERY == 7
}

#[test]
fn one_bad_row_in_a_hundred_is_lettered_with_column_and_value_and_holds_nobody() {
    let stand = Stand::new("bad");
    stand.publish(&(0..RECORDS).map(state).collect::<Vec<_>>());
    let mut sink = stand.start();
    let (bad, sound): (Vec<usize>, Vec<usize>) = (0..RECORDS).partition(|record| is_bad(*record));
    eventually("all sound rows are there", || match stand.amounts().len() {
        some if some == sound.len() => Ok(()),
        some => Err(format!("{some} of {} rows", sound.len())),
    });
    let letters = eventually("all bad rows have letters", || {
        let letters = letters::list(&stand);
        if letters.len() < bad.len() { Err(format!("{} letters", letters.len())) } else { Ok(letters) }
    });
    let mut by_record = BTreeMap::new();
    for letter in &letters {
        let before = by_record.insert(letter.record.clone(), letter);
        assert!(before.is_none(), "{} has two letters", letter.record);
    }
    let amounts = stand.amounts();
    for record in bad {
        let letter = by_record.get(&id(record)).unwrap_or_else(|| panic!("{} has no letter", id(record)));
        let (code, column, value) = match state(record).amount.starts_with('-') {
            true => ("S-CONSTRAINT", "amount", "-3.25"),
            false => ("S-VALUE", "note", "much too long"),
        };
        assert_eq!(letter.code, code, "{letter:?}");
        assert!(letter.message.contains(column) && letter.message.contains(value), "{letter:?}");
        assert!(!amounts.contains_key(&id(record)));
    }
    let whole = letters::payload(&stand, &letters[0]);
    assert_eq!(whole["id"], letters[0].record.as_str(), "the record as its source sent it");
    // What a refused statement wrote was undone: every row counts once.
    let written = stand.written();
    assert!(sound.iter().all(|record| written.get(&id(*record)) == Some(&1)), "a row was written twice");
    assert_eq!(written.len(), sound.len());
    sink.expect_running();
    assert!(sink.terminate().success());
}
