//! What the mapping language leaves open, as settings; derived fields; the checks at load.

#![allow(clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::{check, erp, erp_with, flow, good, refused, sql};
use weir_processors::reference::{self, CALCULATIONS, OPERATORS};

const PASSED: &str = r#"{"No":"1"}"#;

#[test]
fn derived_fields_are_read_by_every_later_step() {
    let source = r#"    formatResponse:
      - {old: created, new: day, format: date}
      - {old: day, new: short, format: longText(7)}
      - {old: details.price, new: details.price, format: round(1)}
      - {old: buyer.name, new: buyer.name, format: longText(1)}
      - {old: absent, new: copy, format: date}
    condition: [[{field: day, logic: eqv2, value: "2024-05-18"}]]"#;
    let request = r#"      - {field: Day, value: "{day} {short} {buyer.name}"}
      - {field: Copy, value: "{copy}"}
      - {field: E, type: array, value: details, children: [{field: P, value: "{{details.price}}"}]}"#;
    check(
        &good(source, "", &erp(request)),
        &[
            (
                r#"{"id":1,"created":"2024-05-18 10:00:00","buyer":{"name":"王小明"},"details":[{"price":0.25},{"price":null},{}],"big":12345678901234567890.10}"#,
                r#"{"No":"1","Day":"2024-05-18 2024-05 王","E":[{"P":"0.3"},{},{}]}"#,
            ),
            (r#"{"id":1,"created":"2024-05-19"}"#, "filtered: condition: day eqv2 2024-05-18"),
            (
                r#"{"id":1,"created":"soon"}"#,
                "M-TYPE: the format of \"day\" does not fit: \"soon\" is not a date or time (unix seconds, 13-digit milliseconds or YYYY-MM-DD[ HH:MM:SS]) (day)",
            ),
            (
                "[]",
                "M-PAYLOAD: the record is not a JSON object that can be rearranged: invalid type: sequence, expected a map at line 1 column 0",
            ),
        ],
    );
}

#[test]
fn fields_of_flat_rows_are_derived_in_their_lists() {
    let source = "    beatFlat: [details]\n    formatResponse: [{old: details_goods, new: details_short, format: longText(2)}]";
    check(
        &good(source, "", &sql("{details_short}", "{details_num}")),
        &[(r#"{"id":1,"details":[{"goods":"abc","num":1}]}"#, r#"{"rows":[[1,"ab",1]]}"#)],
    );
}

#[test]
fn broken_derived_fields() {
    let source = "    beatFlat: [d]\n    formatResponse: [{old: a, new: b, format: daet}, {old: d_x, new: day, format: date}, {old: l.x, new: m.x, format: date}]";
    let (compiled, problems) = flow(source, "", &sql("{d_goods}", "{d_num}"));
    assert!(compiled.is_none());
    assert!(
        problems[0].starts_with("f.yaml: source.metadata.formatResponse[0].format: unknown format \"daet\""),
        "{problems:#?}"
    );
    assert_eq!(
        problems[1..],
        [
            "f.yaml: source.metadata.formatResponse[1].new: \"day\" must lie beside \"d_x\" (write d_day)",
            "f.yaml: source.metadata.formatResponse[2].new: \"m.x\" must lie beside \"l.x\" (write l.x)",
        ]
    );
}

#[test]
fn the_parked_filter() {
    let source = "    condition: [[{field: a, logic: eqv2, value: \"1\"}]]\n    condition_bk: [[{field: b, logic: eqv2, value: \"1\"}]]";
    let (compiled, problems) = flow(source, "", &erp(""));
    let told = "f.yaml: source.metadata.condition_bk: condition_bk is taken for a parked copy and filters nothing (write language: {condition_bk: apply} to filter by it)";
    assert_eq!(problems, [told]);
    check(&compiled.unwrap(), &[(r#"{"id":1,"a":1,"b":2}"#, PASSED)]);
    let (compiled, problems) = flow(source, "language: {condition_bk: apply}", &erp(""));
    assert_eq!(
        problems,
        ["f.yaml: source.metadata.condition_bk: condition_bk filters beside condition; both must hold"]
    );
    check(
        &compiled.unwrap(),
        &[
            (r#"{"id":1,"a":1,"b":1}"#, PASSED),
            (r#"{"id":1,"a":1,"b":2}"#, "filtered: condition_bk: b eqv2 1"),
            (r#"{"id":1,"a":2,"b":1}"#, "filtered: condition: a eqv2 1"),
        ],
    );
}

#[test]
fn both_filters_remove_rows() {
    let source = "    condition: [[{field: d.x, logic: gt, value: \"0\"}]]\n    condition_bk: [[{field: d.x, logic: lt, value: \"9\"}]]";
    let request = "      - {field: E, type: array, value: d, children: [{field: X, value: \"{{d.x}}\"}]}\n      - {field: Sum, value: \"_function SUM({{d.x}})\"}";
    check(
        &good(source, "language: {condition_bk: apply}", &erp(request)),
        &[
            (r#"{"id":1,"d":[{"x":0},{"x":5},{"x":9}]}"#, r#"{"No":"1","E":[{"X":"5"}],"Sum":"5"}"#),
            (r#"{"id":1,"d":[{"x":0},{"x":9}]}"#, "filtered: condition_bk: d.x lt 9"),
        ],
    );
}

#[test]
fn every_operator() {
    for operator in OPERATORS {
        let reference::Operator { name, value, holds, fails, .. } = operator;
        let source = format!("    condition: [[{{field: f, logic: {name}, value: \"{value}\"}}]]");
        let record = |value: &str| format!("{{\"id\":1,\"f\":{value}}}");
        let rule = format!("filtered: condition: f {name} {value}");
        check(&good(&source, "", &erp("")), &[(&record(holds), PASSED), (&record(fails), &rule)]);
    }
    let (_, problems) = flow("    condition: [[{field: f, logic: none, value: 1}]]", "", &erp(""));
    let known = OPERATORS.map(|operator| operator.name).join(", ");
    assert!(problems[0].ends_with(&format!("(known values: {known})")), "{problems:#?}");
}

#[test]
fn every_calculation() {
    let group = |how: &str| {
        let group =
            format!("    groupCalculate: {{headerGroup: [id], bodyName: d, calculate: {{d_n: {how}}}}}");
        let request = "      - {field: R, value: \"{d_n}\"}";
        flow("    beatFlat: [d]", "", &erp_with(&group, request))
    };
    for reference::Calculation { name, example, .. } in CALCULATIONS {
        let record = r#"{"id":1,"d":[{"n":10},{"n":2},{"n":10}]}"#;
        let expect = format!("{{\"No\":\"1\",\"R\":\"{example}\"}}");
        let (compiled, problems) = group(name);
        let compiled = compiled.unwrap_or_else(|| panic!("{problems:#?}"));
        check(&compiled, &[(record, &expect)]);
    }
    let known = CALCULATIONS.map(|calculation| calculation.name).join(", ");
    let (_, problems) = group("$median");
    assert!(problems[0].ends_with(&format!("(known values: {known})")), "{problems:#?}");
}

#[test]
fn settings_of_the_filter() {
    let between = "    condition: [[{field: f, logic: between, value: \"1,5\"}]]";
    check(
        &good(between, "language: {between: open}", &erp("")),
        &[(r#"{"id":1,"f":5}"#, "filtered: condition: f between 1,5"), (r#"{"id":1,"f":4}"#, PASSED)],
    );
    let blank = "    condition: [[{field: f, logic: notnull}]]";
    check(&good(blank, "language: {blank: value}", &erp("")), &[(r#"{"id":1,"f":""}"#, PASSED)]);
    let rows = "    condition: [[{field: d.x, logic: gt, value: \"0\"}]]";
    let request = "      - {field: E, type: array, value: d, children: [{field: X, value: \"{{d.x}}\"}]}";
    check(
        &good(rows, "language: {no_rows_left: keep}", &erp(request)),
        &[(r#"{"id":1,"d":[{"x":0}]}"#, r#"{"No":"1","E":[]}"#)],
    );
}

#[test]
fn settings_of_fields() {
    let required = "      - {field: R, value: \"{r}\", is_required: true}";
    check(
        &good("", "", &erp(required)),
        &[(r#"{"id":1}"#, "M-REQUIRED: required, and \"{r}\" gives no value (R)")],
    );
    check(&good("", "language: {required_missing: leave_out}", &erp(required)), &[(r#"{"id":1}"#, PASSED)]);
    let object = "      - {field: O, value: \"{o}\", parser: {name: ConvertObjectParser, params: FNumber}}";
    check(&good("", "", &erp(object)), &[(r#"{"id":1,"o":""}"#, PASSED)]);
    check(
        &good("", "language: {blank_under_object: keep}", &erp(object)),
        &[(r#"{"id":1,"o":""}"#, r#"{"No":"1","O":{"FNumber":""}}"#)],
    );
}

#[test]
fn the_checks_at_load() {
    let source = "    omissionRemedy: {crontab: \"55 3 * *\"}\n    operation: {method: merge}";
    let request = r#"      - field: A
        type: array
        value: a
        children:
          - {field: X, value: "{{b.x}}-{{a.x}}"}
          - {field: Sum, value: "_function SUM({{b.x}})"}
          - {field: N, type: array, value: a.n, children: [{field: Y, value: "{{a.x}}{{a.n.y}}"}]}
      - {field: B, type: array, value: b, children: [{field: X, value: "{{b.x}}"}]}"#;
    refused(
        source,
        "",
        &erp(request)
            .replace("api: batchSave", "api: batchSave\n    operation: {method: batchArraySave, rows: 0}"),
        &[
            "f.yaml: source.metadata.omissionRemedy.crontab: a crontab has five fields (minute hour day month weekday), this one has 4 (for example 55 3 * * *)",
            "f.yaml: target.metadata.operation.rows: expected 1 to 100000, found 0 (write a whole number from 1 to 100000)",
            "f.yaml: source.metadata.operation.method: unknown value \"merge\" (known values: none, splitArray)",
            "f.yaml: target.metadata.request[1].children[0].value: the item goes by the rows of \"a\" and cannot read \"b.x\" of another list, \"b\" (read {{a.…}}, or aggregate \"b\" by SUM, MAX and the like)",
        ],
    );
}

#[test]
fn the_limit_of_a_statement() {
    let limit = |value: &str| {
        let target = sql("{goods}", "{num}");
        flow(
            "",
            "",
            &target.replace(
                "    request:",
                &format!("    otherRequest: [{{field: limit, value: \"{value}\"}}]\n    request:"),
            ),
        )
    };
    assert_eq!(limit("1000").1, Vec::<String>::new());
    let (compiled, problems) = limit("1001");
    assert!(compiled.is_some());
    assert_eq!(
        problems,
        [
            "f.yaml: target.metadata.otherRequest[0].value: the limit 1001 is above the advised 1000 rows; Weir sizes statements itself by rows, columns and bytes (write 1000 or less)"
        ]
    );
    let (compiled, problems) = limit("0");
    assert!(compiled.is_none());
    assert_eq!(
        problems,
        [
            "f.yaml: target.metadata.otherRequest[0].value: the limit \"0\" is no number of rows per statement (write a whole number from 1 to 1000)"
        ]
    );
}

#[test]
fn keys_without_effect_say_so() {
    let (compiled, problems) = flow(
        "    buildModel: true",
        "",
        &erp("").replace(
            "api: batchSave",
            "api: batchSave\n    distributionOrg: [1]\n    autoCheck: {}\n    idCheck: true",
        ),
    );
    assert!(compiled.is_some());
    assert_eq!(
        problems,
        [
            "f.yaml: source.metadata.buildModel: \"buildModel\" is kept, without effect: no public source tells what it means: Weir does not use it (remove it, or leave it as it was pasted)",
            "f.yaml: target.metadata.distributionOrg: \"distributionOrg\" is kept, without effect: Weir does not allocate base data to organisations after the save: allocate it in Kingdee (remove it, or leave it as it was pasted)",
            "f.yaml: target.metadata.autoCheck: \"autoCheck\" is kept, without effect: Weir checks what was written by reconcile, not by this key (remove it, or leave it as it was pasted)",
        ]
    );
}
