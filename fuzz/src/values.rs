//! Values against an oracle of our own. Input: two texts, then two numbers as JSON writes them.
//!
//! Promise: a value never changes an expression. Each expression here treats its values in a way that a line of Rust
//! states as well, and both must agree whatever the values hold.

use std::sync::LazyLock;

use serde_json::Value as Json;
use weir_model::{
    decimal::Decimal,
    lookup::{MemoryRows, NoLookups},
};

use crate::surroundings::{Compiled, compile, parts};

/// The CASE expression of seed 000, with a name for its collection.
const SEED: &str = "_function CASE '_findCollection find email from shops where shop_no={a} _endFind' WHEN '' THEN \
                    'TK2402291737' ELSE '{b}' END";

/// Digits that a division adds to the dividend's (contract decisions, "Mapping language").
const DIVISION_SCALE: i64 = 4;
/// Digits of a decimal that is read, at most.
const MOST_DIGITS: usize = 4_096;

type Case = (&'static str, fn(&str, &str) -> String);

/// Expressions of the texts `a` and `b`, and what they must give.
const CASES: [Case; 15] = [
    ("{a}", |a, _| a.to_owned()),
    ("<{{a}}/{b}>", |a, b| format!("<{a}/{b}>")),
    ("_function '{a}'", |a, _| a.to_owned()),
    ("_function '-{a}{{b}}-'", |a, b| format!("-{a}{b}-")),
    ("_function CONCAT('{a}', '\\'', '{b}', \"'\")", |a, b| format!("{a}'{b}'")),
    ("_function CONCAT_WS('|', '{a}', '{b}')", |a, b| format!("{a}|{b}")),
    ("_function CASE '{a}' WHEN '{b}' THEN 'same' ELSE 'other' END", |a, b| same(equal(a, b))),
    ("_function CASE WHEN '{a}' <> '{b}' THEN 'other' ELSE 'same' END", |a, b| same(equal(a, b))),
    ("_function IF('{a}' = '{a}', '{b}', 'never')", |_, b| b.to_owned()),
    ("_function IFNULL('{a}', 'never')", |a, _| a.to_owned()),
    ("_function LENGTH('{a}')", |a, _| a.len().to_string()),
    ("_function CHAR_LENGTH('{a}')", |a, _| a.chars().count().to_string()),
    ("_function LEFT('{a}', 3)", |a, _| a.chars().take(3).collect()),
    ("_function SUBSTRING('{a}', 2, 2)", |a, _| a.chars().skip(1).take(2).collect()),
    (
        "_function REPLACE('{a}', '{b}', '')",
        |a, b| if b.is_empty() { a.to_owned() } else { a.replace(b, "") },
    ),
];

static COMPILED: LazyLock<Vec<(Compiled, Case)>> =
    LazyLock::new(|| CASES.iter().map(|case| (known(case.0), *case)).collect());
static FROM_SEED: LazyLock<Compiled> = LazyLock::new(|| known(SEED));
static SUM: LazyLock<Compiled> = LazyLock::new(|| known("_function {n} + {m} - {m}"));
static QUOTIENT: LazyLock<Compiled> = LazyLock::new(|| known("_function {n} / {m}"));

fn known(text: &str) -> Compiled {
    compile(text).expect("the target's own expressions compile")
}

/// Tries one input.
pub fn run(input: &[u8]) {
    let Some([a, b, n, m]) = parts(input) else { return };
    let record = serde_json::json!({"a": a, "b": b}).to_string();
    for (compiled, (text, expected)) in COMPILED.iter() {
        let answer = compiled.evaluate(&record, &NoLookups);
        assert_eq!(answer, Some(Ok(expected(a, b))), "{text} with a = {a:?} and b = {b:?}");
    }
    look_up(a, b, &record);
    count(n, m);
}

/// As utf8mb4_bin has it: byte for byte, blanks at the end aside.
fn equal(a: &str, b: &str) -> bool {
    a.trim_end_matches(' ') == b.trim_end_matches(' ')
}

fn same(same: bool) -> String {
    if same { "same" } else { "other" }.to_owned()
}

/// A look-up asks for the value as it is, and finds the row that has it and no other.
fn look_up(a: &str, b: &str, record: &str) {
    let other = format!("{a} ");
    for (shop, expected) in [(a, b), (other.as_str(), "TK2402291737")] {
        let mut rows = MemoryRows::new();
        rows.insert("shops", vec![serde_json::json!({"shop_no": shop, "email": "x@y"})]);
        let answer = FROM_SEED.evaluate(record, &rows);
        assert_eq!(answer, Some(Ok(expected.to_owned())), "shop {shop:?} for a = {a:?}");
    }
}

/// Exact arithmetic (invariant 5): what is added and taken away again changes nothing; a quotient is off by less
/// than a digit of the scale that division shows: like MySQL it keeps groups of nine digits and cuts what follows.
fn count(n: &str, m: &str) {
    let is_number = |text: &str| matches!(serde_json::from_str(text), Ok(Json::Number(_)));
    let (n, m) = (n.trim(), m.trim());
    if !is_number(n) || !is_number(m) {
        return;
    }
    // More digits than any decimal may have are refused, not rounded.
    let (Ok(number), Ok(divisor)) = (n.parse::<Decimal>(), m.parse::<Decimal>()) else { return };
    let record = format!("{{\"n\":{n},\"m\":{m}}}");
    let sum = SUM.evaluate(&record, &NoLookups);
    assert_eq!(sum, Some(Ok(number.trimmed().to_string())), "{n} + {m} - {m}");
    match QUOTIENT.evaluate(&record, &NoLookups) {
        Some(Ok(quotient)) => {
            // One of more digits than are read back is plain, as was seen when it was evaluated.
            let Ok(quotient) = quotient.parse::<Decimal>() else {
                return assert!(quotient.len() > MOST_DIGITS, "a quotient is a number: {quotient}");
            };
            let off = (number.as_big() - quotient.as_big() * divisor.as_big()).abs();
            let digit = format!("1e-{}", number.scale() + DIVISION_SCALE);
            let digit: Decimal = digit.parse().expect("a power of ten is a number");
            assert!(off < digit.as_big() * divisor.as_big().abs(), "{n} / {m} is {quotient:?}");
        }
        answer => assert_eq!(divisor.trimmed(), Decimal::zero(), "{n} / {m} gives {answer:?}"),
    }
}
