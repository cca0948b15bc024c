//! Test files run against a flow with a filter, a lookup, branches and rows.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use weir_cases::{CaseResult, Coverage, Runner, Suite};
use weir_model::{
    flow::FlowSpec,
    settings::{Localized, Problems},
};
use weir_processors::CompiledFlow;

const ORDERS: &str = r#"
version: 1
flow: orders
source:
  name: orders
  system: jushuitan
  key: [no]
  modified: modified
  metadata:
    api: /orders
    id: no
    number: no
    condition: [[{field: status, logic: eqv2, value: paid}]]
lookups:
  customers: {on_missing: wait, wait_max: 1d}
target:
  system: kingdee-galaxy
  key: [FBillNo]
  metadata:
    api: batchSave
    request:
      - {field: FBillNo, type: string, value: "{no}", is_required: true}
      - {field: FDate, type: string, value: "_function DATE_FORMAT(NOW(), '%Y-%m-%d')"}
      - {field: FKind, type: string, value: "_function CASE '{kind}' WHEN 'b2b' THEN 'A' ELSE 'B' END"}
      - {field: FCustId, type: string, value: "_findCollection find code from customers where id={customer}", parser: {name: ConvertObjectParser, params: FNumber}}
      - field: FEntity
        type: array
        value: lines
        children:
          - {field: FQty, type: float, value: "{{lines.qty}}"}
          - {field: FNote, type: string, value: "{{lines.note}}"}
"#;

const LOOKUPS: &str =
    "version: 1\nnow: \"2024-03-14 16:00:00\"\nlookups: {customers: [{id: 7, code: C7}]}\ncases:\n";
const ORDER: &str =
    r#"{"no": "SO1", "status": "paid", "kind": "b2b", "customer": 7, "lines": [{"qty": 0.10}]}"#;

fn flow() -> (FlowSpec, CompiledFlow) {
    flow_of(ORDERS)
}

fn flow_of(text: &str) -> (FlowSpec, CompiledFlow) {
    let mut problems = Problems::new("orders.yaml");
    let spec = FlowSpec::parse(text, &mut problems).unwrap();
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let compiled = weir_processors::compile(&spec, zone, &mut problems);
    (spec, compiled.unwrap_or_else(|| panic!("{:?}", problems.list())))
}

/// Runs cases, each given as the YAML below its name.
fn run(cases: &[&str]) -> (Vec<CaseResult>, Coverage) {
    let (spec, compiled) = flow();
    run_of(&spec, &compiled, cases)
}

fn run_of(spec: &FlowSpec, compiled: &CompiledFlow, cases: &[&str]) -> (Vec<CaseResult>, Coverage) {
    let mut text = LOOKUPS.to_owned();
    for (index, case) in cases.iter().enumerate() {
        text.push_str(&format!("  - {{name: case {index}, {case}}}\n"));
    }
    let mut problems = Problems::default();
    let nothing = |_: &str| Err(Localized::default());
    let suite = Suite::parse(&text, "orders.test.yaml", &nothing, &mut problems);
    let suite = suite.unwrap_or_else(|| panic!("{:?}", problems.list()));
    let mut coverage = Coverage::new(compiled, []);
    let mut runner = Runner::new(spec, compiled);
    (suite.cases.iter().map(|case| runner.run(case, &mut coverage)).collect(), coverage)
}

fn record(more: &str, expect: &str) -> String {
    format!("raw: '{}', expect: {expect}", ORDER.replace("\"paid\"", &format!("\"paid\"{more}")))
}

fn said(result: &CaseResult) -> Vec<String> {
    result.differences.iter().map(|d| format!("{}: {} ≠ {}", d.path, d.expected.en, d.got.en)).collect()
}

#[test]
fn what_is_as_expected_passes() {
    let document = r#"{"FBillNo":"SO1","FDate":"2024-03-14","FKind":"A","FCustId":{"FNumber":"C7"},"FEntity":[{"FQty":0.10}]}"#;
    let cases = [
        record("", &format!("{{document: '{document}', key: SO1, number: SO1, warnings: []}}")),
        record("", r#"{contains: '{"FEntity":[{"FQty":0.10}]}'}"#),
        record("", "{key: SO1}"),
        "record: {no: SO2, status: new}, expect: {filtered: status}".to_owned(),
        "record: {no: SO2, status: new}, expect: {filtered: true}".to_owned(),
        "record: {status: paid, customer: 7}, expect: {refused: {code: M-REQUIRED, field: FBillNo}}".to_owned(),
        "record: {no: S, status: paid, customer: 8}, expect: {waits: {collection: customers, reference: id=8}}".to_owned(),
        "record: {no: S, status: paid, customer: 8}, lookups: {customers: [{id: 8, code: C8}]}, expect: {contains: {FCustId: {FNumber: C8}}}".to_owned(),
    ];
    let (results, _) = run(&cases.each_ref().map(String::as_str));
    for (result, case) in results.iter().zip(cases) {
        assert!(result.passed(), "{case}: {:?}", said(result));
    }
}

#[test]
fn what_is_not_as_expected_is_told_by_its_path() {
    let cases = [
        record("", r#"{contains: '{"FKind":"B","FEntity":[{"FQty":0.1}]}'}"#),
        record("", "{key: SO2, number: SO2, warnings: [w]}"),
        record("", "{filtered: true}"),
        record("", "{refused: {code: M-TYPE}}"),
        record("", "{waits: true}"),
        record("", "{rows: []}"),
        record("", "{documents: []}"),
        "record: {no: SO2, status: new}, expect: {document: {}}".to_owned(),
        "record: {no: SO2, status: new}, expect: {filtered: other}".to_owned(),
        "record: {status: paid, customer: 7}, expect: {refused: {code: M-TYPE, field: FDate, contains: xyz}}"
            .to_owned(),
        "record: {no: S, status: paid, customer: 8}, expect: {waits: {collection: shops}}".to_owned(),
        "record: {no: S, status: paid, customer: 8}, expect: {document: {}}".to_owned(),
    ];
    let expected: [&[&str]; 12] = [
        &["FKind: \"B\" ≠ \"A\"", "FEntity[0].FQty: 0.1 ≠ 0.10"],
        &["key: SO2 ≠ SO1", "number: SO2 ≠ SO1", "warnings: w ≠ —"],
        &[": filtered ≠ {"],
        &[": refused ≠ {"],
        &[": waiting ≠ {"],
        &[": an expectation in the target's form: document ≠ a document"],
        &["documents[0]: nothing ≠ {"],
        &[": a document ≠ filtered (condition: status eqv2 paid)"],
        &["filtered: other ≠ condition: status eqv2 paid"],
        &["refused.code: M-TYPE ≠ M-REQUIRED", "refused.field: FDate ≠ FBillNo", "refused.contains: xyz ≠ "],
        &["collection: shops ≠ customers"],
        &[": a document ≠ waits for id=8 of customers"],
    ];
    let (results, _) = run(&cases.each_ref().map(String::as_str));
    for (result, expected) in results.iter().zip(expected) {
        let said = said(result);
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said} ≠ {expected}");
        }
    }
}

#[test]
fn coverage_tells_fields_and_branches_that_no_case_reached() {
    let (_, coverage) = run(&[&record("", "{key: SO1}")]);
    let fields = coverage.fields();
    let never: Vec<&str> =
        fields.iter().filter(|field| field.reached == 0).map(|field| field.path.as_str()).collect();
    assert_eq!(never, ["FEntity.FNote"]);
    let kind = fields.iter().find(|field| field.path == "FKind").unwrap();
    assert_eq!(kind.branches.iter().map(|branch| branch.taken).collect::<Vec<_>>(), [1, 0], "{kind:?}");
    assert_eq!(coverage.counts(), (6, 8));
    assert_eq!(coverage.percent(), 75);

    let other = ORDER.replace("b2b", "b2c").replace("0.10", "1, \"note\": \"x\"");
    let (_, coverage) = run(&[&record("", "{key: SO1}"), &format!("raw: '{other}', expect: {{key: SO1}}")]);
    assert_eq!(coverage.percent(), 100, "{:?}", coverage.fields());
}

#[test]
fn checks_are_covered_when_they_held_and_failed() {
    let checks = "checks:\n  - {name: has-kind, required: [kind]}\n  - {name: few-lines, expression: \"COUNT({{lines.qty}}) < 2\", severity: warn}\ntarget:";
    let mut problems = Problems::new("orders.yaml");
    let spec = FlowSpec::parse(&ORDERS.replace("target:", checks), &mut problems).unwrap();
    let compiled = weir_processors::compile(&spec, jiff::tz::TimeZone::UTC, &mut problems);
    let compiled = compiled.unwrap_or_else(|| panic!("{:?}", problems.list()));
    let two = ORDER.replace("0.10}", "1}, {\"qty\": 2}");
    let text = format!(
        "{LOOKUPS}  - {{name: a, raw: '{ORDER}', expect: {{warnings: []}}}}\n  \
         - {{name: b, raw: '{two}', expect: {{warnings: [few-lines]}}}}\n  \
         - {{name: c, record: {{no: S, status: paid, customer: 7}}, expect: {{refused: {{contains: has-kind}}}}}}\n"
    );
    let nothing = |_: &str| Err(Localized::default());
    let suite = Suite::parse(&text, "orders.test.yaml", &nothing, &mut problems).unwrap();
    let mut coverage = Coverage::new(&compiled, spec.checks.iter().map(|check| check.name.as_str()));
    let mut runner = Runner::new(&spec, &compiled);
    for case in &suite.cases {
        let result = runner.run(case, &mut coverage);
        assert!(result.passed(), "{}: {:?}", result.name, said(&result));
    }
    let checks: Vec<(&str, u64, u64)> =
        coverage.checks().iter().map(|check| (check.name.as_str(), check.passed, check.failed)).collect();
    assert_eq!(checks[0], ("has-kind", 2, 1));
    assert_eq!((checks[1].0, checks[1].2), ("few-lines", 1));
}

#[test]
fn removed_records_cover_the_items_of_their_own() {
    let text = ORDERS
        .replace("  metadata:\n    api: /orders", "  deleted_when: [[{field: status, logic: eqv2, value: void}]]\n  metadata:\n    api: /orders")
        .replace("  key: [FBillNo]\n", "  key: [FBillNo]\n  on_delete: {request: [{field: FKind, value: \"_function CASE '{kind}' WHEN 'b2b' THEN 'X' ELSE 'Y' END\"}]}\n");
    let (spec, compiled) = flow_of(&text);
    let cases = [
        format!("raw: '{ORDER}', deleted: true, expect: {{contains: {{FKind: X}}}}"),
        format!(
            "raw: '{}', expect: {{contains: {{FKind: Y}}}}",
            ORDER.replace("paid", "void").replace("b2b", "b2c")
        ),
    ];
    let cases = cases.each_ref().map(String::as_str);
    let (results, coverage) = run_of(&spec, &compiled, &cases);
    for result in &results {
        assert!(result.passed(), "{:?}", said(result));
    }
    let fields = coverage.fields();
    let reached = |path: &str| fields.iter().find(|field| field.path == path).unwrap();
    assert_eq!((reached("FBillNo").reached, reached("FKind").reached), (2, 0));
    let own = reached("on_delete.FKind");
    assert_eq!(
        (own.reached, own.branches.iter().map(|branch| branch.taken).collect::<Vec<_>>()),
        (2, vec![1, 1])
    );
}
