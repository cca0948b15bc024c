//! Whole flows: trees, lists, flattening, filters, keys, and every problem of a broken flow.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use weir_model::{
    digest::Digest,
    document::Verdict,
    flow::FlowSpec,
    lookup::NoLookups,
    processor::{Input, Mapped, Processed, Processor},
    record::{Position, RawRecord, Reason, Version},
    settings::Problems,
};

use crate::{CompiledFlow, compile};

fn flow(source: &str, target: &str) -> (Option<CompiledFlow>, Vec<String>) {
    let text = format!(
        "version: 1\nflow: f\nsource:\n  name: s\n  system: jushuitan\n  metadata:\n    api: a\n    id: id\n{source}\ntarget:\n{target}"
    );
    let mut problems = Problems::new("f.yaml");
    let spec = FlowSpec::parse(&text, &mut problems).unwrap_or_else(|| panic!("{:?}", problems.list()));
    let compiled = compile(&spec, TimeZone::get("Asia/Shanghai").unwrap(), &mut problems);
    (compiled, problems.list().iter().map(ToString::to_string).collect())
}

fn erp(request: &str) -> String {
    format!(
        "  system: kingdee-galaxy\n  key: [No]\n  metadata:\n    api: batchSave\n    request:\n      - {{field: No, value: \"{{id}}\"}}\n{request}"
    )
}

fn run(compiled: &CompiledFlow, record: &str, deleted: bool) -> Result<String, String> {
    let mapped = mapped(compiled, record, deleted);
    match mapped.verdict {
        Verdict::Mapped => Ok(String::from_utf8(mapped.body.to_vec()).unwrap()),
        Verdict::Filtered(rule) => Err(format!("filtered: {rule}")),
        Verdict::Refused(refusal) => Err(refusal.to_string()),
    }
}

fn mapped(compiled: &CompiledFlow, record: &str, deleted: bool) -> Mapped {
    let input = Input {
        record: RawRecord {
            source: "s".into(),
            id: "1".into(),
            payload: record.as_bytes().to_vec().into(),
            digest: Digest::default(),
            modified: None,
            polled_at: Timestamp::UNIX_EPOCH,
            reason: Reason::Poll,
            deleted,
        },
        origin: Position { topic: "t".into(), partition: 0, offset: 0 },
        version: Version::default(),
        appended_at: Timestamp::UNIX_EPOCH,
    };
    let Processed::One(mapped) = compiled.process(&input, &NoLookups) else { panic!("one document") };
    mapped
}

#[track_caller]
fn check(source: &str, target: &str, cases: &[(&str, &str)]) {
    let (compiled, problems) = flow(source, target);
    let compiled = compiled.unwrap_or_else(|| panic!("{problems:#?}"));
    for (record, expect) in cases {
        let said = run(&compiled, record, false).unwrap_or_else(|refused| refused);
        assert_eq!(said, *expect, "{record}");
    }
}

const ORDER: &str = r#"      - field: Data
        type: object
        children:
          - field: Page1
            type: array
            children:
              - {field: FCancellation, type: string, value: "false"}
              - {field: Fdate, value: "{account_date}"}
              - {field: FExchangeRate, value: "_function {exchange_rate}/100"}
          - field: Page2
            type: array
            value: product_list
            children:
              - field: FItemID
                type: object
                children:
                  - {field: FNumber, value: "{{product_list.product_list_product_no}}"}
              - {field: FAuxQty, value: "{{product_list.product_list_count}}"}
              - {field: FAuxTaxPrice, value: "_function {{product_list.product_list_cost_amount}}/{{product_list.product_list_count}}"}"#;

/// Contract qeasy-metadata §11 without its look-up.
#[test]
fn the_worked_order() {
    let record = r#"{"id":"1","account_date":"2024-05-18","exchange_rate":682.5,"product_list":[
        {"product_no":"P-100","count":4,"cost_amount":50},{"product_no":"P-200","count":"3","cost_amount":"100"}]}"#;
    let expect = concat!(
        r#"{"No":"1","Data":{"Page1":[{"FCancellation":"false","Fdate":"2024-05-18","FExchangeRate":"6.825"}],"Page2":["#,
        r#"{"FItemID":{"FNumber":"P-100"},"FAuxQty":"4","FAuxTaxPrice":"12.5"},"#,
        r#"{"FItemID":{"FNumber":"P-200"},"FAuxQty":"3","FAuxTaxPrice":"33.3333"}]}}"#
    );
    let zero = r#"{"id":"1","exchange_rate":1,"product_list":[{"cost_amount":1,"count":0}]}"#;
    let refused = "M-EXPRESSION: division by zero in \"_function {{product_list.product_list_cost_amount}}/{{product_list.product_list_count}}\" with product_list.product_list_cost_amount = 1, product_list.product_list_count = 0 (Data.Page2.FAuxTaxPrice)";
    check(
        "",
        &erp(ORDER),
        &[
            (record, expect),
            (zero, refused),
            (
                r#"{"id":"1","product_list":{}}"#,
                "M-PAYLOAD: the record's field \"product_list\" is not a list (product_list)",
            ),
            (
                r#"{"id":"1","product_list":[1]}"#,
                "M-PAYLOAD: the record's field \"product_list\" holds an element that is not an object (product_list)",
            ),
            (r#"{"id":"1"}"#, r#"{"No":"1","Data":{"Page1":[{"FCancellation":"false"}]}}"#),
            (
                r#"{"product_list":[]}"#,
                "M-NO-KEY: the document has no value for No, a part of its business key (No)",
            ),
        ],
    );
}

#[test]
fn types_defaults_and_nulls() {
    let request = r#"      - {field: Price, type: float, value: "{price}"}
      - {field: Flag, type: bool, value: "true"}
      - {field: Kind, value: "{kind}", default: A}
      - {field: Ref, value: "{ref}", parser: {name: ConvertObjectParser, params: FNumber}}
      - {field: Note, value: "{note}"}
      - {field: Empty, type: object, children: [{field: X, value: "{x}"}]}"#;
    check(
        "",
        &erp(request),
        &[
            (
                r#"{"id":1,"price":0.10,"ref":"","note":""}"#,
                r#"{"No":"1","Price":0.10,"Flag":true,"Kind":"A","Note":""}"#,
            ),
            (
                r#"{"id":1,"price":"123456789012345678901234567890.10","kind":"B","ref":"😀\u0000"}"#,
                "{\"No\":\"1\",\"Price\":123456789012345678901234567890.10,\"Flag\":true,\"Kind\":\"B\",\"Ref\":{\"FNumber\":\"😀\\u0000\"}}",
            ),
            (
                r#"{"id":1,"price":"1,5"}"#,
                "M-TYPE: \"1,5\" is not a number in \"{price}\" with price = \"1,5\" (Price)",
            ),
        ],
    );
}

const SQL: &str = r#"  system: mysql
  key: [no, line]
  settings: {table: t, columns: [{name: no, type: bigint}, {name: line, type: varchar(9)}, {name: amount, type: "decimal(9,2)"}]}
  metadata:
    api: batchexecute
    request:
      - {field: no, value: "{id}"}
      - {field: line, value: "{details_line}", default: ""}
      - {field: amount, value: "{{details_amount}}"}"#;

#[test]
fn flattened_rows() {
    check(
        "    beatFlat: [details]",
        SQL,
        &[
            (
                r#"{"id":7,"details":[{"line":"a","amount":0.10},{"line":"b","amount":null}]}"#,
                r#"{"rows":[[7,"a",0.10],[7,"b",null]]}"#,
            ),
            (r#"{"id":7,"details":[]}"#, r#"{"rows":[[7,"",null]]}"#),
            (r#"{"id":7}"#, r#"{"rows":[[7,"",null]]}"#),
            (
                r#"{"id":7,"details":[{"line":"a","amount":1.005}]}"#,
                "M-COLUMN: \"1.005\" does not fit into decimal(9,2): it has more digits (amount)",
            ),
            (r#"{"details":[]}"#, "M-NO-KEY: the key column no has no value (no)"),
        ],
    );
}

#[test]
fn filters() {
    let condition = r#"    condition:
      - [{field: status, logic: eqv2, value: "5"}, {field: shop, logic: notin, value: "103,104"}]
      - [{field: at, logic: egt, value: "timestamp:1710403200"}, {field: amount, logic: between, value: "1,2.50"}]"#;
    let rule = "filtered: condition: status eqv2 5 and shop notin 103,104 or at egt timestamp:1710403200 and amount between 1,2.50";
    let passed = r#"{"No":"1"}"#;
    check(
        condition,
        &erp(""),
        &[
            (r#"{"id":1,"status":5,"shop":"1"}"#, passed),
            (r#"{"id":1,"status":" 5 ","shop":null}"#, passed),
            (r#"{"id":1,"status":5,"shop":103}"#, rule),
            (r#"{"id":1,"at":"2024-03-14 16:00:00","amount":"2.5"}"#, passed),
            (r#"{"id":1,"at":"2024-03-14 15:59:59","amount":"2.5"}"#, rule),
            (
                r#"{"id":1,"at":"soon","amount":1}"#,
                "M-CONDITION: the condition at source.metadata.condition[1][0] cannot be decided: \"soon\" is not a date or time (unix seconds, 13-digit milliseconds or YYYY-MM-DD[ HH:MM:SS]) (at)",
            ),
        ],
    );
}

#[test]
fn filters_of_rows() {
    let source = |strict: bool| {
        format!(
            "    beatFlat: [details]\n    condition: [[{{field: details.amount, logic: gt, value: \"0\", strictMode: {strict}}}]]"
        )
    };
    let both = r#"{"id":7,"details":[{"line":"a","amount":0},{"line":"b","amount":2}]}"#;
    let none = r#"{"id":7,"details":[{"line":"a","amount":0}]}"#;
    let rule = "filtered: condition: details.amount gt 0";
    check(&source(false), SQL, &[(both, r#"{"rows":[[7,"b",2]]}"#), (none, rule)]);
    check(&source(true), SQL, &[(both, rule), (none, rule)]);
}

#[test]
fn what_is_left_out_tells_its_rows_where_they_are_to_be_deleted() {
    let source = "    beatFlat: [details]\n    condition: [[{field: state, logic: neq, value: \"void\"}]]";
    let left = r#"{"id":7,"state":"void","details":[{"line":"a","amount":0},{"line":"b","amount":2}]}"#;
    let unmappable = r#"{"id":7,"state":"void","details":[{"line":"a","amount":"many"}]}"#;
    let body = |on_leave: &str, record: &str| {
        let (compiled, problems) = flow(source, &format!("  on_leave: {on_leave}\n{SQL}"));
        let compiled = compiled.unwrap_or_else(|| panic!("{problems:#?}"));
        let mapped = mapped(&compiled, record, false);
        assert_eq!(mapped.verdict, Verdict::Filtered("condition: state neq void".to_owned()));
        assert_eq!(mapped.body.is_empty(), mapped.key.is_empty());
        String::from_utf8(mapped.body.to_vec()).unwrap()
    };
    assert_eq!(body("delete", left), r#"{"rows":[[7,"a",0],[7,"b",2]]}"#);
    assert_eq!(body("delete", unmappable), "");
    assert_eq!(body("keep", left), "");
    let (compiled, problems) = flow("", &format!("  on_leave: delete\n{}", erp("")));
    assert!(compiled.is_none() && problems[0].contains("tables of a SQL target"), "{problems:?}");
}

#[test]
fn removed_records_are_left_out() {
    let (compiled, _) = flow("", &erp(""));
    assert_eq!(run(&compiled.unwrap(), r#"{"id":1}"#, true), Err("filtered: on_delete: ignore".into()));
}

#[test]
fn every_problem_of_a_broken_flow_is_reported_at_once() {
    let source = r#"    condition: [[{field: a, logic: equals, value: 1}, {field: a, logic: gt, value: x}]]
    operation: {method: splitArrays, arrayKey: d}"#;
    let request = r#"      - {field: No, value: "{a|dat}"}
      - {field: B, type: strng, value: "_function CONCATT({a})"}
      - {field: C, value: "{a}", parser: {name: ConvertObjectPaser, params: x}}
      - {field: D, type: array, value: "{{rows}}", children: [{field: E, value: "_function {a"}]}
      - {field: F, is_required: true}
      - {field: G, value: "_findCollection find a from b where c={d}"}"#;
    let (compiled, problems) = flow(source, &erp(request).replace("key: [No]", "key: [Nr]"));
    assert!(compiled.is_none());
    let expect = [
        "f.yaml: source.metadata.condition[0][0].logic: unknown value \"equals\" (known values: eq, neq, gt, egt, lt, elt, like, notlike, between, notnull, isnull, eqv2, neqv2, in, notin)",
        "f.yaml: source.metadata.condition[0][1].value: cannot be compared with: \"x\" is not a decimal number (write a number, or a time as timestamp:<unix seconds>)",
        "f.yaml: source.metadata.operation.method: unknown value \"splitArrays\" (did you mean \"splitArray\"?)",
        "f.yaml: target.metadata.request[1].field: the field \"No\" is there twice (remove one of them)",
        "f.yaml: target.metadata.request[1].value: unknown filter \"dat\" (did you mean \"date\"?)",
        "f.yaml: target.metadata.request[2].type: unknown type \"strng\" (did you mean \"string\"?)",
        "f.yaml: target.metadata.request[2].value: unknown function \"CONCATT\" (did you mean \"CONCAT\"?)",
        "f.yaml: target.metadata.request[3].parser: unknown parser \"ConvertObjectPaser\" (did you mean \"ConvertObjectParser\"?)",
        "f.yaml: target.metadata.request[4].value: expected the bare name of a source list, found \"{{rows}}\" (write rows)",
        "f.yaml: target.metadata.request[5]: required, and has neither value nor default (add a value or a default)",
        "f.yaml: target.key: the key \"Nr\" is no field of the document (did you mean \"No\"?)",
    ];
    assert_eq!(problems, expect);
}

#[test]
fn a_key_may_lie_in_a_list_of_one_element_and_in_no_other() {
    let target = |list: &str| {
        let request =
            "      - {field: Page1, type: array, LIST children: [{field: FBillNo, value: \"{id}\"}]}\n";
        erp(&request.replace("LIST", list)).replace("key: [No]", "key: [Page1.FBillNo]")
    };
    check("", &target(""), &[(r#"{"id":"XM1"}"#, r#"{"No":"XM1","Page1":[{"FBillNo":"XM1"}]}"#)]);
    let (_, problems) = flow("", &target("value: lines,"));
    assert!(problems.iter().any(|problem| problem.contains("Page1.FBillNo")), "{problems:?}");
}

#[test]
fn a_wrong_column_count_names_both_sides() {
    let (compiled, problems) = flow("", &SQL.replace("{field: amount", "{field: amuont"));
    assert!(compiled.is_none());
    assert_eq!(
        problems,
        [
            "f.yaml: target.metadata.request: wrong column count: 3 columns, 3 items; columns without an item: amount; items without a column: amuont (let target.settings.columns and the request's fields agree one by one)"
        ]
    );
}

proptest! {
    /// Whatever the record holds, the body is JSON or the record is refused; the text comes through unchanged.
    #[test]
    fn hostile_values_come_through(text in ".{0,60}") {
        let (compiled, _) = flow("", &erp("      - {field: T, value: \"{t}\"}"));
        let record = serde_json::json!({"id": 1, "t": text}).to_string();
        let body = run(&compiled.unwrap(), &record, false).unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(body["T"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn no_record_makes_it_panic(record in "[\\[\\]{}:,\"a-z0-9. \\\\-]{0,60}") {
        let (compiled, _) = flow("    beatFlat: [details]", SQL);
        let _ = run(&compiled.unwrap(), &record, false);
    }
}

/// A header with its lines for the statements of `execute` (contract qeasy-metadata §10).
const EXECUTE: &str = r#"  system: mysql
  key: [main_params.order_no]
  metadata:
    api: execute
    request:
      - field: main_params
        type: object
        children:
          - {field: order_no, value: "{id}"}
          - {field: amount, type: float, value: "{amount}"}
      - field: extend_params_1
        type: array
        value: lines
        children:
          - {field: sku, value: "{{lines.sku}}"}
          - {field: order_no, value: "{id}"}
    otherRequest:
      - {field: main_sql, value: "INSERT INTO orders (order_no, amount) VALUES (:order_no, :amount)"}
      - {field: extend_sql_1, value: "INSERT INTO goods (id, sku, no) VALUES (:lastInsertId, :sku, :order_no)"}
"#;

#[test]
fn a_sql_target_with_statements_takes_documents_and_no_rows() {
    check(
        "",
        EXECUTE,
        &[
            (
                r#"{"id":"S1","amount":0.10,"lines":[{"sku":"a"},{"sku":"b"}]}"#,
                r#"{"main_params":{"order_no":"S1","amount":0.10},"extend_params_1":[{"sku":"a","order_no":"S1"},{"sku":"b","order_no":"S1"}]}"#,
            ),
            (r#"{"id":"S1"}"#, r#"{"main_params":{"order_no":"S1"}}"#),
        ],
    );
    let (_, problems) = flow("", &EXECUTE.replace("main_params.order_no]", "order_no]"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("the key \"order_no\" is no field of the document"), "{problems:?}");
}
