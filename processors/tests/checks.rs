//! `checks:` — each rule, over the record, over flat rows and over the rows of a list, refusing and warning.

mod common;

use common::{check, erp, good, refused, sql};

fn with(rule: &str) -> String {
    format!("checks:\n  - {{name: c, {rule}}}")
}

const PASSED: &str = r#"{"No":"1"}"#;

#[track_caller]
fn rule(text: &str, cases: &[(&str, &str)]) {
    check(&good("", &with(text), &erp("")), cases);
}

#[test]
fn an_expression_must_hold() {
    rule(
        r#"expression: "{amount} > 0 AND '{kind}' <> 'X'""#,
        &[
            (r#"{"id":1,"amount":0.10}"#, PASSED),
            (
                r#"{"id":1,"amount":-1,"kind":"A"}"#,
                "M-CHECK: the check \"c\" failed: {amount} > 0 AND '{kind}' <> 'X' does not hold with amount = -1, kind = \"A\" (c)",
            ),
            // Nothing is not more than zero.
            (
                r#"{"id":1}"#,
                "M-CHECK: the check \"c\" failed: {amount} > 0 AND '{kind}' <> 'X' does not hold with amount = null, kind = null (c)",
            ),
        ],
    );
}

#[test]
fn an_expression_that_fails_does_not_hold() {
    let said = "M-CHECK: the check \"c\" failed: division by zero in \"_function {a}/{b} > 1\" with a = 1, b = 0 (c)";
    rule(r#"expression: "{a}/{b} > 1""#, &[(r#"{"id":1,"a":1,"b":0}"#, said)]);
}

#[test]
fn required_fields() {
    rule(
        "required: [a, b.c]",
        &[
            (r#"{"id":1,"a":0,"b":{"c":"x"}}"#, PASSED),
            (r#"{"id":1,"a":"","b":{}}"#, "M-CHECK: the check \"c\" failed: no value for a, b.c (c)"),
        ],
    );
}

#[test]
fn types() {
    let failed = |text: &str| format!("M-CHECK: the check \"c\" failed: {text} (c)");
    for (is, good, bad) in [
        ("int", r#""12""#, "12.5"),
        ("decimal", "0.10", r#""x""#),
        ("bool", r#""true""#, "2"),
        ("date", r#""2024-01-31""#, r#""2024-01-31 08:00:00""#),
        ("datetime", r#""2024-01-31 08:00:00""#, r#""2024-13-01""#),
    ] {
        let record = |value: &str| format!("{{\"id\":1,\"f\":{value}}}");
        let expect = failed(&format!("f = {bad} is no {is}"));
        let cases =
            [(record(good), PASSED.to_owned()), (record(bad), expect), (record("null"), PASSED.to_owned())];
        let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        rule(&format!("type: {{field: f, is: {is}}}"), &cases);
    }
}

#[test]
fn ranges() {
    rule(
        r#"range: {field: f, min: "0", max: "100.50"}"#,
        &[
            (r#"{"id":1,"f":0}"#, PASSED),
            (r#"{"id":1,"f":"100.500"}"#, PASSED),
            (r#"{"id":1}"#, PASSED),
            (
                r#"{"id":1,"f":100.51}"#,
                "M-CHECK: the check \"c\" failed: f = 100.51 is not within 0 and 100.50 (c)",
            ),
            (r#"{"id":1,"f":"x"}"#, "M-CHECK: the check \"c\" failed: f = \"x\" is no number (c)"),
        ],
    );
    let below = "M-CHECK: the check \"c\" failed: f = 0 is below 1 (c)";
    rule(r#"range: {field: f, min: "1"}"#, &[(r#"{"id":1,"f":0}"#, below)]);
}

#[test]
fn enumerations() {
    rule(
        r#"one_of: {field: f, values: [5, "A"]}"#,
        &[
            (r#"{"id":1,"f":5}"#, PASSED),
            (r#"{"id":1,"f":"A"}"#, PASSED),
            (r#"{"id":1,"f":""}"#, PASSED),
            (r#"{"id":1,"f":"a"}"#, "M-CHECK: the check \"c\" failed: f = \"a\" is none of 5, A (c)"),
        ],
    );
}

#[test]
fn uniqueness_within_a_document() {
    rule(
        "rows: details, unique: [goods, lot]",
        &[
            (r#"{"id":1,"details":[{"goods":"g","lot":1},{"goods":"g","lot":2},{},{}]}"#, PASSED),
            (
                r#"{"id":1,"details":[{"goods":"g","lot":1},{"goods":"h"},{"goods":"g","lot":1}]}"#,
                "M-CHECK: the check \"c\" failed: details.goods, details.lot = g, 1 is there twice, in row 3 of details (c)",
            ),
        ],
    );
}

#[test]
fn rows_of_a_list_and_the_messages_of_both_languages() {
    let text = r#"rows: details, expression: "{{details.num}} * {rate} > 0", message: {zh: 数量应大于零, en: the number must be positive}"#;
    rule(
        text,
        &[
            (r#"{"id":1,"rate":1,"details":[{"num":1}]}"#, PASSED),
            (r#"{"id":1,"rate":1}"#, PASSED),
            (
                r#"{"id":1,"rate":1,"details":[{"num":1},{"num":0}]}"#,
                "M-CHECK: the check \"c\" failed: 数量应大于零 / the number must be positive: {{details.num}} * {rate} > 0 does not hold with details.num = 0, rate = 1, in row 2 of details (c)",
            ),
        ],
    );
}

#[test]
fn rows_that_the_filter_removed_are_not_checked() {
    let source = "    condition: [[{field: details.num, logic: gt, value: \"0\"}]]";
    let compiled = good(source, &with("rows: details, required: [goods]"), &erp(""));
    check(&compiled, &[(r#"{"id":1,"details":[{"num":0},{"num":1,"goods":"g"}]}"#, PASSED)]);
}

#[test]
fn flat_rows_are_checked_one_by_one() {
    let compiled = good(
        "    beatFlat: [details]",
        &with("required: [details_goods]"),
        &sql("{details_goods}", "{details_num}"),
    );
    check(
        &compiled,
        &[
            (r#"{"id":1,"details":[{"goods":"g"}]}"#, r#"{"rows":[[1,"g",null]]}"#),
            (
                r#"{"id":1,"details":[{"goods":"g"},{}]}"#,
                "M-CHECK: the check \"c\" failed: no value for details_goods (c)",
            ),
        ],
    );
}

#[test]
fn warnings_go_on_and_the_first_refusal_is_told() {
    let file = "checks:\n  - {name: a, severity: warn, required: [x]}\n  - {name: b, required: [y]}\n  - {name: c, rows: l, required: [z]}\n  - {name: d, severity: warn, rows: l, required: [z]}";
    check(
        &good("", file, &erp("")),
        &[
            (r#"{"id":1,"y":1}"#, r#"{"No":"1"} warned: a"#),
            (r#"{"id":1,"l":[{}]}"#, "M-CHECK: the check \"b\" failed: no value for y (b)"),
            (
                r#"{"id":1,"y":1,"l":[{}]}"#,
                "M-CHECK: the check \"c\" failed: no value for l.z, in row 1 of l (c)",
            ),
        ],
    );
}

#[test]
fn a_check_may_wait_for_a_row() {
    let file = "lookups: {shops: {on_missing: wait, wait_max: 1d}}\nchecks: [{name: c, severity: warn, expression: \"'_findCollection find name from shops where no={shop} _endFind' <> ''\"}]";
    check(
        &good("", file, &erp("")),
        &[
            (r#"{"id":1,"shop":"S1"}"#, PASSED),
            (r#"{"id":1,"shop":"S9"}"#, "waits 86400s: the collection shops has no row with no=S9"),
        ],
    );
}

#[test]
fn wrong_checks_are_told_at_load() {
    let file = "checks:\n  - {name: a, expression: \"{x} >\"}\n  - {name: b, type: {field: x, is: integer}}\n  - {name: c, range: {field: x, min: ten}}";
    refused(
        "",
        file,
        &erp(""),
        &[
            "f.yaml: checks[0].expression: syntax error: Expected: an expression, found: EOF (look at brackets and quotes; text is written '…')",
            "f.yaml: checks[1].type.is: unknown value \"integer\" (known values: int, decimal, date, datetime, bool)",
            "f.yaml: checks[2].range.min: \"ten\" is no number (for example \"0.10\")",
        ],
    );
}
