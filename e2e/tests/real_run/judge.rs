//! The judge: compares what the sandbox's shop holds with what lies at the targets and in the dead letters.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use serde_json::Value;
use weir_sandbox::kingdee::{Document, DocumentStatus};

use crate::{
    letters::{self, Letter},
    movements::{self, COLUMNS},
    project::{CUSTOMERS, CUSTOMERS_SOURCE, MOVEMENTS, MOVEMENTS_SOURCE},
    stand::Stand,
    tallies::Tallies,
    waiting::eventually,
};

const SHOWN_DIFFERENCES: usize = 10;
const FORM: &str = "BD_Customer";
/// The longest customer's name at Kingdee, in characters.
const LONGEST_NAME: usize = 100;
/// A price that is no number: the sandbox makes such a movement on purpose.
const NO_PRICE: &str = "暂无";

/// The records of the shop by id, in their newest state.
struct Truth {
    customers: BTreeMap<String, Value>,
    movements: BTreeMap<String, Value>,
}

/// Waits until everything has arrived and adds up, then makes sure that nothing was written twice, that exactly the
/// refused records have letters, and that no source complained. `faults` tells what the test did, for the report.
pub fn expect_complete(stand: &Stand, faults: &str) {
    let source_letters = expect_complete_but_for_sources(stand, faults);
    assert!(source_letters.is_empty(), "the sources have letters: {source_letters:?}");
}

/// As [`expect_complete`], where answers were spoilt: gives the letters of the sources.
pub fn expect_complete_but_for_sources(stand: &Stand, faults: &str) -> Vec<Letter> {
    let started = Instant::now();
    let mut tallies = Tallies::open(stand);
    eventually("everything has arrived", || {
        let mut wrong = differences(stand);
        wrong.extend(tallies.unbalanced());
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    });
    expect_no_double(stand);
    let letters = expect_letters(stand);
    report(stand, &tallies, faults, started);
    letters.into_iter().filter(|letter| is_source(&letter.owner)).collect()
}

/// Whether a letter is one of a source rather than of a flow.
fn is_source(owner: &str) -> bool {
    owner == CUSTOMERS_SOURCE || owner == MOVEMENTS_SOURCE
}

/// What is missing, stale, or too much at the targets; a line each.
fn differences(stand: &Stand) -> Vec<String> {
    let changes = stand.sandbox.state().jushuitan.changes;
    if changes < stand.changes {
        return vec![format!("the shop still changes: {changes} of {}", stand.changes)];
    }
    let truth = Truth::of(stand);
    let mut wrong = customer_differences(stand, &truth);
    wrong.extend(movement_differences(stand, &truth));
    let hidden = wrong.len().saturating_sub(SHOWN_DIFFERENCES);
    wrong.truncate(SHOWN_DIFFERENCES);
    if hidden > 0 {
        wrong.push(format!("and {hidden} more"));
    }
    wrong
}

/// The differences of one flow.
pub fn customer_differences_now(stand: &Stand) -> Vec<String> {
    customer_differences(stand, &Truth::of(stand))
}

/// The differences of the other flow.
pub fn movement_differences_now(stand: &Stand) -> Vec<String> {
    movement_differences(stand, &Truth::of(stand))
}

fn customer_differences(stand: &Stand, truth: &Truth) -> Vec<String> {
    let state = stand.sandbox.state();
    let mut stored: BTreeMap<&str, &Document> =
        state.kingdee.store.documents(FORM).map(|document| (document.number.as_str(), document)).collect();
    let mut wrong = Vec::new();
    for (id, record) in truth.customers.iter().filter(|(_, record)| !is_refused_customer(record)) {
        match stored.remove(id.as_str()) {
            None => wrong.push(format!("customer {id} is missing")),
            Some(document) if !is_same_customer(document, record) => {
                wrong.push(format!("customer {id} is {document:?} for {record}"));
            }
            Some(_) => {}
        }
    }
    wrong.extend(stored.keys().map(|id| format!("customer {id} should not be there")));
    wrong
}

fn movement_differences(stand: &Stand, truth: &Truth) -> Vec<String> {
    let mut stored = movements::stored(&stand.database);
    let mut wrong = Vec::new();
    for (id, record) in truth.movements.iter().filter(|(_, record)| !is_refused_movement(record)) {
        let expected: Vec<_> = COLUMNS.iter().map(|column| expected_cell(id, record, column)).collect();
        match stored.remove(id) {
            None => wrong.push(format!("movement {id} is missing")),
            Some(row) if row != expected => wrong.push(format!("movement {id} is {row:?} for {expected:?}")),
            Some(_) => {}
        }
    }
    wrong.extend(stored.keys().map(|id| format!("movement {id} should not be there")));
    wrong
}

impl Truth {
    fn of(stand: &Stand) -> Self {
        let by = |key: &str, texts: Vec<String>| {
            let records = texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
            records.map(|record| (text_of(&record[key]), record)).collect()
        };
        Self {
            customers: by("drp_co_id", stand.sandbox.distributors()),
            movements: by("ioi_sn_id", stand.sandbox.movements()),
        }
    }

    /// The records that must have letters, by flow and record id.
    fn refused(&self) -> BTreeMap<(String, String), &Value> {
        let customers = self.customers.iter().filter(|(_, record)| is_refused_customer(record));
        let movements = self.movements.iter().filter(|(_, record)| is_refused_movement(record));
        let customers = customers.map(|(id, record)| ((CUSTOMERS.to_owned(), id.clone()), record));
        let movements = movements.map(|(id, record)| ((MOVEMENTS.to_owned(), id.clone()), record));
        customers.chain(movements).collect()
    }
}

/// Refused by the mapping (no name) or by Kingdee (too long a name, or one of its numbers).
fn is_refused_customer(record: &Value) -> bool {
    let (number, name) = (text_of(&record["drp_co_id"]), text_of(&record["name"]));
    let is_refused_number = number.parse::<u64>().unwrap().is_multiple_of(crate::stand::REFUSED_EVERY);
    name.is_empty() || name.chars().count() > LONGEST_NAME || is_refused_number
}

fn is_refused_movement(record: &Value) -> bool {
    record["cost_price"] == NO_PRICE
}

fn is_same_customer(document: &Document, record: &Value) -> bool {
    let is = |key: &str, expected: &Value| document.fields.get(key).map(text_of) == Some(text_of(expected));
    let names = |key: &str, number: &str| {
        document.fields.get(key).and_then(|value| value.get("FNumber")).map(text_of).as_deref()
            == Some(number)
    };
    document.status == DocumentStatus::Audited
        && is("FNumber", &record["drp_co_id"])
        && is("FName", &record["name"])
        && is("FDescription", &record["co_id"])
        && names("FUseOrgId", "100")
        && names("FCreateOrgId", "100")
        && names("FSELLER", "GW000001_1")
}

/// The text of a column for a record: null stays null, a decimal has the column's six places.
fn expected_cell(id: &str, record: &Value, column: &str) -> Option<String> {
    let value = &record[column];
    match column {
        "movement_key" => Some(id.to_owned()),
        _ if value.is_null() => None,
        "cost_price" | "cost_amount" => {
            let text = text_of(value);
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            Some(format!("{whole}.{fraction:0<6}"))
        }
        _ => Some(text_of(value)),
    }
}

/// A text or number as text, digit by digit; nothing as the empty text.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Invariant 7: created once each, and no create was even tried a second time.
pub fn expect_no_double(stand: &Stand) {
    let store = stand.sandbox.state().kingdee.store;
    let doubles: Vec<_> = store
        .documents(FORM)
        .filter(|document| document.creates != 1)
        .map(|document| &document.number)
        .collect();
    assert!(doubles.is_empty(), "created more than once: {doubles:?}");
    assert!(store.duplicate_creates().is_empty(), "created again: {:?}", store.duplicate_creates());
    assert!(store.unknown_keys().is_empty(), "{:?}", store.unknown_keys());
}

/// Every refused record has a letter that holds its newest state, each of its states has one letter, and no other
/// record of a flow has any.
fn expect_letters(stand: &Stand) -> Vec<Letter> {
    let truth = Truth::of(stand);
    let refused = truth.refused();
    let letters = letters::list(stand);
    let mut by_record: BTreeMap<(String, String), Vec<&Letter>> = BTreeMap::new();
    for letter in letters.iter().filter(|letter| !is_source(&letter.owner)) {
        by_record.entry((letter.owner.clone(), letter.record.clone())).or_default().push(letter);
    }
    let (expected, found): (BTreeSet<_>, BTreeSet<_>) =
        (refused.keys().collect(), by_record.keys().collect());
    assert_eq!(found, expected, "the records with letters are not those that were refused: {letters:?}");
    for (record, letters) in &by_record {
        let payloads: Vec<Value> = letters.iter().map(|letter| letters::payload(stand, letter)).collect();
        let states: BTreeSet<String> = payloads.iter().map(ToString::to_string).collect();
        assert_eq!(states.len(), letters.len(), "{record:?} has two letters for one state: {letters:?}");
        let newest = refused[record];
        assert!(payloads.contains(newest), "{record:?}: no letter holds {newest}");
    }
    letters
}

fn report(stand: &Stand, tallies: &Tallies, faults: &str, started: Instant) {
    let state = stand.sandbox.state();
    let (customers, movements) = stand.stored();
    let knobs: BTreeMap<&String, _> = state
        .calls
        .iter()
        .filter(|(_, count)| !count.faults.is_empty())
        .map(|(call, count)| (call, &count.faults))
        .collect();
    println!(
        "{faults}; {} changes, faults {knobs:?}; {customers} customers and {movements} movements stored, 0 missing, \
         0 stale, 0 double, letters exact\n  {CUSTOMERS}: {:?}\n  {MOVEMENTS}: {:?}\n  settled in {:?}",
        state.jushuitan.changes,
        tallies.sink(CUSTOMERS),
        tallies.sink(MOVEMENTS),
        started.elapsed(),
    );
}
