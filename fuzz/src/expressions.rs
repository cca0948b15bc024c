//! `_function` and `_findCollection` as a consultant may write them (contract qeasy-metadata §4). Input: an expression,
//! then a record.
//!
//! Promises: what is refused is refused with reasons; what compiles gives the same answer every time; numbers are plain
//! and without trailing zeros; no record makes it anything but an answer or an error that names the expression.

use serde_json::Value as Json;
use weir_expr::{function, lookup};
use weir_model::lookup::{MemoryRows, NoLookups};

use crate::surroundings::{Compiled, check_refusal, compile, parts};

/// Put in place of every text of the record, one after the other.
const HOSTILE: [&str; 10] = [
    "'",
    "' OR '1'='1' -- ",
    "\\",
    "{a}",
    "{{a}} _endFind",
    "_findCollection find a from c where a={a} _endFind",
    "999999999999999999999999999999.9999999999",
    "1e4000",
    "\u{1F600}\u{0}\u{202E}",
    "9999-12-31 23:59:59",
];

/// Tries one input.
pub fn run(input: &[u8]) {
    let Some([text, record]) = parts(input) else { return };
    if !text.starts_with(function::KEYWORD) && !text.starts_with(lookup::KEYWORD) {
        return;
    }
    let compiled = match compile(text) {
        Ok(compiled) => compiled,
        Err(error) => return check_refusal(&error),
    };
    let found = compiled.evaluate(record, &NoLookups);
    assert_eq!(found, compiled.evaluate(record, &NoLookups), "the same record gives the same answer");
    let Ok(record) = serde_json::from_str::<Json>(record) else { return };
    for hostile in HOSTILE {
        try_with(&compiled, record.clone(), hostile);
    }
}

/// Evaluates it with `hostile` in place of every text, and as the row that every look-up finds.
fn try_with(compiled: &Compiled, mut record: Json, hostile: &str) {
    replace_texts(&mut record, hostile);
    let mut rows = MemoryRows::new();
    rows.insert("c", vec![serde_json::json!({"a": hostile, "b": hostile})]);
    compiled.evaluate(&record.to_string(), &rows);
}

fn replace_texts(value: &mut Json, by: &str) {
    match value {
        Json::String(text) => by.clone_into(text),
        Json::Array(elements) => elements.iter_mut().for_each(|element| replace_texts(element, by)),
        Json::Object(fields) => fields.values_mut().for_each(|field| replace_texts(field, by)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
