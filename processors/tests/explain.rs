//! Explanations: every step told, and always the outcome of the running system.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use std::cell::RefCell;

use common::{erp, erp_with, good, input, shops, sql};
use proptest::prelude::*;
use serde_json::json;
use weir_expr::Probe;
use weir_model::{flow::Severity, processor::Processor};
use weir_processors::{
    CompiledFlow,
    explain::{CheckStep, FieldStep, FilterVerdict},
};

const SOURCE: &str = "    number: no\n    condition: [[{field: status, logic: eqv2, value: \"5\"}, {field: details.num, logic: gt, value: \"0\"}]]";
const CHECKS: &str = "checks:\n  - {name: lines, rows: details, severity: warn, required: [goods]}\n  - {name: amount, expression: \"{amount} > 0\"}";
const REQUEST: &str = r#"      - {field: Shop, value: "_findCollection find name from shops where no={shop}", parser: {name: ConvertObjectParser, params: FNumber}}
      - field: E
        type: array
        value: details
        children:
          - {field: G, value: "{{details.goods}}"}
          - {field: N, type: int, value: "{{details.num}}"}"#;

fn order() -> CompiledFlow {
    good(SOURCE, CHECKS, &erp(REQUEST))
}

#[test]
fn every_step_is_told() {
    let record = r#"{"id":1,"no":"A1","status":5,"amount":1,"shop":"S1","details":[{"num":0},{"num":2}]}"#;
    let told = order().explain(&input(record), &shops());
    assert_eq!((told.number.as_str(), told.filter.verdict), ("A1", FilterVerdict::Kept));
    assert_eq!(told.filter.rule, "condition: status eqv2 5 and details.num gt 0");
    let condition = &told.filter.conditions[1];
    assert_eq!(
        (condition.text.as_str(), condition.value.as_str(), condition.passed, condition.removed_rows),
        ("details.num gt 0", "0, 2", true, 1)
    );
    assert_eq!(told.rows, [serde_json::from_str::<serde_json::Value>(record).unwrap()]);
    let lines = CheckStep {
        name: "lines".to_owned(),
        severity: Severity::Warn,
        passed: false,
        text: "no value for details.goods, in row 1 of details".to_owned(),
        rows: vec![0],
    };
    assert_eq!(told.checks[0], lines);
    assert_eq!((told.checks[1].passed, told.checks[1].text.as_str()), (true, "_function {amount} > 0"));
    let [part] = told.parts.as_slice() else { panic!("{:?}", told.parts) };
    let paths: Vec<&str> = part.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["No", "Shop", "E[0].G", "E[0].N"]);
    let shop = FieldStep {
        path: "Shop".to_owned(),
        expression: Some("_findCollection find name from shops where no={shop}".to_owned()),
        inputs: vec![
            ("shop".to_owned(), "\"S1\"".to_owned()),
            ("_findCollection find name from shops".to_owned(), "no=S1: \"甲\"".to_owned()),
        ],
        parser: Some("ConvertObjectParser".to_owned()),
        value: Some(r#"{"FNumber":"甲"}"#.to_owned()),
        problem: None,
    };
    assert_eq!(part.fields[1], shop);
    assert_eq!(part.document, Some(json!({"No": "1", "Shop": {"FNumber": "甲"}, "E": [{"N": 2}]})));
}

#[test]
fn a_refusal_is_told_at_its_field() {
    let record = r#"{"id":1,"status":5,"amount":1,"details":[{"num":1},{"num":"2.5"}]}"#;
    let told = order().explain(&input(record), &shops());
    let last = told.parts[0].fields.last().unwrap();
    assert_eq!(last.path, "E[1].N");
    assert!(last.problem.as_ref().unwrap().starts_with("M-TYPE: \"2.5\" is not a whole number"), "{last:?}");
    assert_eq!(told.parts[0].document, None);
}

#[test]
fn rows_of_a_table_are_told_with_their_columns() {
    let compiled = good("    beatFlat: [details]", "", &sql("{details_goods}", "{details_num}"));
    let told =
        compiled.explain(&input(r#"{"id":1,"details":[{"goods":"a","num":0.10},{"goods":"b"}]}"#), &shops());
    assert_eq!(told.rows.len(), 2);
    assert_eq!(told.rows[0].to_string(), r#"{"id":1,"details_goods":"a","details_num":0.10}"#);
    assert_eq!(told.parts[0].fields[5].path, "rows[1].num");
    let fields: Vec<String> = compiled.fields().into_iter().map(|field| field.path).collect();
    assert_eq!(fields, ["no", "goods", "num"]);
}

#[test]
fn a_probe_hears_the_branches_that_are_taken() {
    struct Taken(RefCell<Vec<usize>>);
    impl Probe for Taken {
        fn branch(&self, _expression: &str, branch: usize) {
            self.0.borrow_mut().push(branch);
        }
    }
    let compiled =
        good("", "", &erp("      - {field: K, value: \"_function CASE {k} WHEN 1 THEN 'a' ELSE 'b' END\"}"));
    let field = &compiled.fields()[1];
    assert_eq!((field.path.as_str(), field.branches.len()), ("K", 2));
    let taken = Taken(RefCell::default());
    for record in [r#"{"id":1,"k":1}"#, r#"{"id":1,"k":2}"#] {
        let probed = compiled.process_probed(&input(record), &shops(), &taken);
        assert_eq!(probed, compiled.process(&input(record), &shops()));
    }
    assert_eq!(taken.0.into_inner(), [0, 1]);
}

/// Flows of every form.
fn flows() -> Vec<CompiledFlow> {
    let split = "    operation: {method: splitArray, arrayKey: details}";
    let group = "    groupCalculate: {headerGroup: [id], bodyGroup: [details_goods], bodyName: details, bodyMaxLine: 2, calculate: {details_num: $sum}}";
    let lines = "      - {field: E, type: array, value: details, children: [{field: G, value: \"{{details.details_goods}}\"}, {field: N, type: float, value: \"{{details.details_num}}\"}]}";
    let derived = "    formatResponse: [{old: amount, new: rounded, format: round(1)}, {old: details.num, new: details.num, format: intval}]";
    let waits = "lookups: {shops: {on_missing: wait}}";
    vec![
        order(),
        good(SOURCE, waits, &erp(REQUEST)),
        good("    beatFlat: [details]", CHECKS, &sql("{details_goods}", "{details_num}")),
        good("    beatFlat: [details]", "", &erp("      - {field: N, type: int, value: \"{details_num}\"}")),
        good(split, CHECKS, &erp("      - {field: G, value: \"{goods}\"}")),
        good(split, "", &sql("{goods}", "{num}")),
        good("    beatFlat: [details]", "", &erp_with(group, lines)),
        good(derived, "", &erp("      - {field: R, value: \"{rounded}\"}")),
    ]
}

fn scalar() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(5)),
        Just(json!("S1")),
        Just(json!([])),
        Just(json!({"a": [1]})),
        any::<i64>().prop_map(|number| json!(number)),
        "-?[0-9]{1,40}\\.[0-9]{1,20}".prop_map(|text| json!(text)),
        ".{0,12}".prop_map(|text| json!(text)),
        "['\"{}\\\\;|%]{1,6}".prop_map(|text| json!(text)),
    ]
}

fn record() -> impl Strategy<Value = serde_json::Value> {
    let row = (scalar(), scalar()).prop_map(|(goods, num)| json!({"goods": goods, "num": num}));
    let rows = prop_oneof![
        8 => prop::collection::vec(row, 0..4).prop_map(|rows| json!(rows)),
        1 => scalar(),
    ];
    (scalar(), scalar(), scalar(), scalar(), rows).prop_map(|(id, status, amount, shop, details)| {
        let status = if status.is_null() { json!(5) } else { status };
        json!({"id": id, "no": shop, "status": status, "amount": amount, "shop": shop, "details": details})
    })
}

proptest! {
    /// Whatever the record holds: no panic, the same twice, the explanation's outcome is the real one, every body is
    /// JSON.
    #[test]
    fn explanations_end_as_records_do(record in record()) {
        let input = input(&record.to_string());
        for compiled in flows() {
            let processed = compiled.process(&input, &shops());
            prop_assert_eq!(&compiled.explain(&input, &shops()).processed, &processed);
            prop_assert_eq!(&compiled.process(&input, &shops()), &processed);
            let parts = match processed {
                weir_model::processor::Processed::One(one) => vec![one],
                weir_model::processor::Processed::Parts(parts) => parts,
                weir_model::processor::Processed::Waits(_) => Vec::new(),
            };
            for part in parts.iter().filter(|part| !part.body.is_empty()) {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&part.body).is_ok());
            }
        }
    }
}
