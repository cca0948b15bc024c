//! Templates (contract qeasy-metadata §3). Input: a template, then a record.
//!
//! Promise: a value is put where its macro stands, byte for byte, and is never read for macros again.

use serde_json::Value as Json;
use weir_expr::{Cause, function, lookup};
use weir_model::lookup::NoLookups;

use crate::surroundings::{check_refusal, compile, parts};

/// Around the number of a stand-in; the Private Use Area, which no record of an ERP holds.
const MARKS: [char; 2] = ['\u{E000}', '\u{E001}'];

/// Tries one input.
pub fn run(input: &[u8]) {
    let Some([template, record]) = parts(input) else { return };
    if template.starts_with(function::KEYWORD) || template.starts_with(lookup::KEYWORD) {
        return;
    }
    let compiled = match compile(template) {
        Ok(compiled) => compiled,
        Err(error) => return check_refusal(&error),
    };
    let found = compiled.evaluate(record, &NoLookups);
    if !template.contains(['{', '}']) {
        let whole = found.map(|value| value.map_err(|error| error.to_string()));
        assert!(whole.is_none_or(|value| value.as_deref() == Ok(template)), "plain text stands for itself");
    }
    // A filter reads the value, so nothing can stand in for it.
    if template.contains('|') || record.contains(MARKS) || template.contains(MARKS) {
        return;
    }
    let Ok(Json::Object(mut fields)) = serde_json::from_str(record) else { return };
    let real = compiled.evaluate(&Json::Object(fields.clone()).to_string(), &NoLookups);
    let mut originals = Vec::new();
    for value in fields.values_mut() {
        if let Json::String(text) = value
            && !text.is_empty()
        {
            let stand_in = format!("{}{}{}", MARKS[0], originals.len(), MARKS[1]);
            originals.push((stand_in.clone(), std::mem::replace(text, stand_in)));
        }
    }
    match (real, compiled.evaluate(&Json::Object(fields).to_string(), &NoLookups)) {
        (None, None) | (Some(Err(_)), Some(Err(_))) => {}
        (Some(Ok(real)), Some(Ok(with_stand_ins))) => {
            assert_eq!(real, put_back(&with_stand_ins, &originals), "values stand where their macros stand");
        }
        (Some(Err(error)), Some(Ok(_))) if matches!(error.cause, Cause::TooLong { .. }) => {}
        (real, with_stand_ins) => assert_eq!(real, with_stand_ins, "a value decides nothing in a template"),
    }
}

/// The originals in place of their stand-ins, in one pass: an original is not searched again.
fn put_back(text: &str, originals: &[(String, String)]) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARKS[0]) {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        match originals.iter().find(|(stand_in, _)| rest.starts_with(stand_in.as_str())) {
            Some((stand_in, original)) => {
                whole.push_str(original);
                rest = &rest[stand_in.len()..];
            }
            None => {
                whole.push(MARKS[0]);
                rest = &rest[MARKS[0].len_utf8()..];
            }
        }
    }
    whole.push_str(rest);
    whole
}
