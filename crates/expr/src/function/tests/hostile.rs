//! Values are data: whatever they hold, an expression stays what it was, and nothing panics.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value as Json, json};

use super::{evaluate, evaluate_as};
use crate::{Dialect, Format, Value};

/// Text that would like to be code: quotes, braces, SQL, backslashes, keywords, control characters, emoji.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,8}",
        "[\\x00-\\x1f'\"`\\\\{}|%_]{0,6}",
        Just("' OR 1=1 -- ".to_owned()),
        Just("'); DROP TABLE t; /*".to_owned()),
        Just("{{a}}{b}{{CURRENT_TIME|datetime}}".to_owned()),
        Just("_function 1/0".to_owned()),
        Just("' _endFind' _findCollection find x from y where z=1".to_owned()),
        Just("😀\u{202e}\u{0}\u{feff}".to_owned()),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e[0-9]{1,3})?",
        Just("2024-02-30 25:61:61".to_owned()),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Any JSON value, nested up to eight deep.
fn value() -> impl Strategy<Value = Json> {
    let number = "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?(e-?[0-9]{1,2})?";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        number.prop_map(|digits| serde_json::from_str(&digits).unwrap()),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(8, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            vec((text(), inner), 0..4).prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Expressions that do something with `{a}`.
const EXPRESSIONS: [&str; 22] = [
    "{a}/3 * {a} - 7 % {a}",
    "SUBSTRING('{a}', {a}, {a})",
    "LPAD('{a}', {a}, 'x')",
    "DATE_ADD('{a}', INTERVAL {a} YEAR)",
    "TIMESTAMPADD(QUARTER, {a}, '{a}')",
    "TIMESTAMPDIFF(MONTH, '{a}', '2024-01-31')",
    "FROM_UNIXTIME({a}, '{a}')",
    "STR_TO_DATE('{a}', '{a}')",
    "ROUND({a}, {a})",
    "REPLACE('{a}', '1', '{a}')",
    "TRUNCATE({a}, -{a})",
    "{a} DIV 0.3",
    "LOCATE('{a}', '{a}', {a})",
    "POW({a}, {a})",
    "FORMAT({a}, {a})",
    "REPEAT('{a}', {a})",
    "SUBSTRING_INDEX('{a}', '{a}', {a})",
    "'{a}' LIKE '{a}' AND '{a}' REGEXP '^a' OR {a} IN ('{a}', {a})",
    "CAST('{a}' AS DECIMAL(20,5)) + CAST({a} AS UNSIGNED)",
    "GREATEST('{a}', {a}, 1) <=> ELT({a}, '{a}')",
    "SUM({{a.x}}) + COUNT(DISTINCT {{a.x}}) + MAX('{{a.x}}')",
    "'_findCollection find x from customers where company_id={a} _endFind' = '{a}'",
];

proptest! {
    #[test]
    fn values_never_change_the_expression(text in text()) {
        let record = json!({"a": text}).to_string();
        let expect = format!("<{text}>");
        prop_assert_eq!(evaluate("_function CONCAT('<', '{a}', '>')", &record), expect.clone());
        prop_assert_eq!(evaluate("_function CASE '{{a}}' WHEN '{a}' THEN '<{a}>' ELSE 'no' END", &record), expect.clone());
        prop_assert_eq!(evaluate("_function IF('{a}' LIKE '%', '<{a}>', 'no')", &record), expect.clone());
        prop_assert_eq!(evaluate("<{a}>", &record), expect);
        prop_assert_eq!(evaluate("_findCollection find serial_id from customers where company_id={a}", &record), "");
    }

    #[test]
    fn evaluating_any_value_never_panics(value in value()) {
        let record = json!({"a": value}).to_string();
        for expression in EXPRESSIONS {
            evaluate(&format!("_function {expression}"), &record);
        }
        for template in ["{a}", "-{{a.x}}", "{{a|datetime}}", "{{a|timestamp_ms}}", "{{a.x|date}}"] {
            evaluate(template, &record);
        }
        let read = Value::from_json(value_text(&record)).unwrap();
        for format in ["date", "longText(3)", "intval", "round(50)", "amount", "implode"] {
            let _ = Format::compile(format).unwrap().apply(read.clone(), &jiff::tz::TimeZone::UTC);
        }
    }

    #[test]
    fn compiling_any_text_never_panics(text in "(_function )?[ -~{}'\"`\\\\华]{0,40}", nested in 0..300_usize) {
        evaluate(&text, "{}");
        evaluate(&format!("_function {}1{}", "(".repeat(nested), ")".repeat(nested)), "{}");
        evaluate(&format!("_function {}1", "-".repeat(nested)), "{}");
        evaluate(&format!("_function {}1", "NOT ".repeat(nested)), "{}");
        evaluate(&format!("_function 1{}", "+1".repeat(nested)), "{}");
        evaluate(&format!("_function {}1{}", "ABS(".repeat(nested), ")".repeat(nested)), "{}");
        Format::compile(&text).ok();
    }
}

/// What stands behind `{"a":`.
fn value_text(record: &str) -> &str {
    record.strip_prefix("{\"a\":").and_then(|rest| rest.strip_suffix('}')).unwrap()
}

#[test]
fn a_failed_expression_as_text_is_only_text() {
    let language = weir_model::flow::Language {
        on_failure: weir_model::flow::language::OnFailure::Text,
        ..weir_model::flow::Language::default()
    };
    let dialect = Dialect { language, ..Dialect::default() };
    let said = evaluate_as(dialect, "_function {a}+1", r#"{"a":"{b} ' _function 2"}"#);
    assert_eq!(said, "{b} ' _function 2+1");
}
