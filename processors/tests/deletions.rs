//! Removed records: which count as removed, and what a flow makes of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::{flow, good, input, shops, sql, told};
use weir_model::{
    flow::FlowSpec,
    processor::{Input, Processed, Processor as _},
    settings::Problems,
};
use weir_processors::CompiledFlow;

const WHEN: &str = "  deleted_when: [[{field: state, logic: eq, value: 10}], [{field: rows.state, logic: eq, value: gone}]]\n";

/// A flow with `deleted_when`, a filter, a check and this target.
fn text(on_delete: &str, request: &str) -> (String, String, String) {
    let source = format!("    number: no\n    condition: [[{{field: state, logic: eq, value: 5}}]]\n{WHEN}");
    let target = format!(
        "  system: kingdee-k3wise\n  key: [Page1.FBillNo]\n{on_delete}\n  metadata:\n    api: /SO/Save\n    request:\n{request}"
    );
    (source, "checks: [{name: buyer, required: [buyer]}]".to_owned(), target)
}

const REQUEST: &str = r#"      - field: Page1
        type: array
        children:
          - {field: FBillNo, value: "{no}"}
          - {field: FCancellation, value: "false"}
          - {field: FNote, value: "{note}"}
      - field: Page2
        type: array
        value: rows
        children: [{field: FQty, value: "{{rows.rows_num}}"}]
"#;

fn order(on_delete: &str) -> CompiledFlow {
    let (source, file, target) = text(on_delete, REQUEST);
    good(&source, &file, &target)
}

fn removed(record: &str) -> Input {
    let mut input = input(record);
    input.record.deleted = true;
    input
}

/// What becomes of a record, and whether its document carries the deletion mark.
#[track_caller]
fn run(compiled: &CompiledFlow, input: &Input) -> (String, bool) {
    let processed = compiled.process(input, &shops());
    let explained = compiled.explain(input, &shops());
    assert_eq!(explained.processed, processed);
    let marked = match &processed {
        Processed::One(mapped) => mapped.deleted,
        Processed::Parts(parts) => parts.iter().all(|part| part.deleted),
        Processed::Waits(_) => false,
    };
    assert_eq!(explained.deletion.removed, marked);
    (told(processed), marked)
}

const CANCEL: &str = "  on_delete: {request: [{field: Page1, type: array, children: [{field: FCancellation, value: \"true\"}]}]}";

#[test]
fn a_removed_record_is_mapped_with_the_items_of_its_own() {
    let compiled = order(CANCEL);
    let live = r#"{"id":1,"no":"A1","state":5,"note":"n","buyer":"b","rows":[{"num":1}]}"#;
    let of = |state: &str| {
        format!(
            r#"{{"Page1":[{{"FBillNo":"A1","FCancellation":"{state}","FNote":"n"}}],"Page2":[{{"FQty":"1"}}]}}"#
        )
    };
    assert_eq!(run(&compiled, &input(live)), (of("false"), false));
    assert_eq!(run(&compiled, &removed(live)), (of("true"), true));
    // By the flow's rule, although its filter and its check would not let the record pass.
    let cancelled = live.replace("\"state\":5", "\"state\":10").replace("\"b\"", "\"\"");
    assert_eq!(run(&compiled, &input(&cancelled)), (of("true"), true));
    let by_row = live.replace("\"num\":1", "\"num\":1,\"state\":\"gone\"");
    assert_eq!(run(&compiled, &input(&by_row)), (of("true"), true));
    // A removal may tell less than the record did.
    let bare = r#"{"Page1":[{"FBillNo":"A1","FCancellation":"true"}]}"#.to_owned();
    assert_eq!(run(&compiled, &removed(r#"{"id":1,"no":"A1"}"#)), (bare, true));
    let told = compiled.explain(&input(&cancelled), &shops());
    assert_eq!(told.deletion.rule, "deleted_when: state eq 10 or rows.state eq gone");
    assert!(!told.deletion.by_source && told.deletion.conditions[0].passed, "{:?}", told.deletion);
    let fields: Vec<String> = compiled.fields().into_iter().map(|field| field.path).collect();
    assert_eq!(
        fields,
        [
            "Page1.FBillNo",
            "Page1.FCancellation",
            "Page1.FNote",
            "Page2.FQty",
            "on_delete.Page1.FCancellation"
        ]
    );
}

#[test]
fn a_removed_record_is_ignored_or_left_to_a_person() {
    let live = r#"{"id":1,"no":"A1","state":5,"buyer":"b"}"#;
    for words in ["", "  on_delete: ignore"] {
        let compiled = order(words);
        for record in [live, "{}", "no JSON"] {
            let processed = compiled.process(&removed(record), &shops());
            assert_eq!(told(processed), "filtered: on_delete: ignore");
        }
        assert_eq!(
            run(&compiled, &input(&live.replace('5', "10"))),
            ("filtered: on_delete: ignore".to_owned(), true)
        );
    }
    let compiled = order("  on_delete: dead-letter");
    let (told, marked) = run(&compiled, &removed(live));
    assert!(marked && told.starts_with("M-DELETED: A1 was removed at its source"), "{told}");
    // Also where the record can no longer be mapped; without a number it goes by its id.
    let (told, _) = run(&compiled, &removed("{}"));
    assert!(told.starts_with("M-DELETED: 1 was removed"), "{told}");
}

#[test]
fn parts_of_a_removed_record_keep_their_numbers() {
    let source = "    beatFlat: [rows]\n    condition: [[{field: rows.num, logic: gt, value: 0}]]\n";
    let target = |on_delete: &str| {
        format!(
            "  on_delete: {on_delete}\n{}",
            common::erp("      - {field: Num, value: \"{rows_num}\"}\n      - {field: Gone, value: \"0\"}")
        )
    };
    let record = r#"{"id":1,"rows":[{"num":1},{"num":0},{"num":2}]}"#;
    let mapped = good(source, "", &target("{request: [{field: Gone, value: \"1\"}]}"));
    let expect = "-1 {\"No\":\"1\",\"Num\":\"1\",\"Gone\":\"1\"}\n-2 filtered: condition: the element is filtered\n-3 {\"No\":\"1\",\"Num\":\"2\",\"Gone\":\"1\"}";
    assert_eq!(run(&mapped, &removed(record)), (expect.to_owned(), true));
    let (told, _) = run(&good(source, "", &target("dead-letter")), &removed(record));
    let codes: Vec<&str> = told.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(codes, ["-1 M-DELETED", "-2 filtered", "-3 M-DELETED"]);
}

#[test]
fn a_removal_never_waits() {
    let lookup = "      - {field: Shop, value: \"_findCollection find name from shops where no={shop}\"}";
    for (on_delete, code) in
        [("{request: [{field: Gone, value: \"1\"}]}", "M-MISSING"), ("dead-letter", "M-DELETED")]
    {
        let target = format!(
            "  on_delete: {on_delete}\n{}",
            common::erp(&format!("      - {{field: Gone, value: \"0\"}}\n{lookup}"))
        );
        let compiled = good("", "lookups: {shops: {on_missing: wait}}", &target);
        assert!(matches!(compiled.process(&input(r#"{"id":1,"shop":"S9"}"#), &shops()), Processed::Waits(_)));
        let (told, marked) = run(&compiled, &removed(r#"{"id":1,"shop":"S9"}"#));
        assert!(marked && told.starts_with(code), "{told}");
    }
}

#[test]
fn rows_of_a_table_are_marked_too() {
    let target = sql("{details_goods}", "{details_num}");
    let target = format!("  on_delete: {{request: [{{field: num, value: \"0\"}}]}}\n{target}");
    let compiled = good("    beatFlat: [details]\n", "", &target);
    let record = r#"{"id":1,"details":[{"goods":"a","num":3}]}"#;
    assert_eq!(run(&compiled, &removed(record)), (r#"{"rows":[[1,"a",0]]}"#.to_owned(), true));
}

#[test]
fn rows_of_a_table_are_deleted_where_there_is_one() {
    let compiled = good(
        "    beatFlat: [details]\n",
        "",
        &format!("  on_delete: delete\n{}", sql("{details_goods}", "{details_num}")),
    );
    let record = r#"{"id":1,"details":[{"goods":"a","num":3}]}"#;
    assert_eq!(run(&compiled, &removed(record)), (r#"{"rows":[[1,"a",3]]}"#.to_owned(), true));
    let (compiled, problems) = flow("", "", &format!("  on_delete: delete\n{}", common::erp("")));
    assert!(compiled.is_none());
    assert!(
        problems[0].starts_with("f.yaml: target.on_delete: on_delete: delete is for tables"),
        "{problems:#?}"
    );
}

#[test]
fn what_cannot_be_replaced_is_told() {
    let wrong = r#"  on_delete:
    request:
      - {field: Page1, type: array, children: [{field: FCancelation, value: "true"}, {field: FBillNo, value: x}, {field: FNote}, {field: FNote}]}
      - {field: Nowhere, value: "_function ("}
"#;
    let (source, file, target) = text(wrong, REQUEST);
    let (compiled, problems) = flow(&source, &file, &target);
    assert!(compiled.is_none());
    assert_eq!(
        problems,
        [
            "f.yaml: target.on_delete.request[0].children[0].field: target.metadata.request has no field \"Page1.FCancelation\" that this could replace (did you mean \"FCancellation\"?)",
            "f.yaml: target.on_delete.request[0].children[1]: the key \"Page1.FBillNo\" cannot be replaced: a removal must find the document that was written (remove this item)",
            "f.yaml: target.on_delete.request[0].children[3].field: the field \"FNote\" is there twice (remove one of them)",
            "f.yaml: target.on_delete.request[1].field: target.metadata.request has no field \"Nowhere\" that this could replace (fields here: Page1, Page2)",
        ]
    );
    let (source, file, target) = text("  on_delete: {request: [{field: Page2, value: \"{a\"}]}", REQUEST);
    let (compiled, problems) = flow(&source.replace("eq, value: 10", "equals, value: 10"), &file, &target);
    assert!(compiled.is_none());
    assert!(problems[0].contains("source.deleted_when[0][0].logic"), "{problems:#?}");
    assert!(
        problems.iter().any(|problem| problem.contains("target.on_delete.request[0].value")),
        "{problems:#?}"
    );
    let (source, file, target) = text("  on_delete: dead-letter", REQUEST);
    let (_, problems) = flow(&format!("{source}  id_check: first\n"), &file, &target);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("target.on_delete"), "{problems:#?}");
}

/// The sample flow carries a mapping for removals in a comment, to be put in the place of `ignore`.
#[test]
fn the_sample_flow_cancels_removed_orders_once_its_comment_is_taken() {
    let text = include_str!("../../flows/okki-order-to-k3wise.yaml");
    let text =
        text.replace("  # on_delete: {request", "  on_delete: {request").replace("  on_delete: ignore\n", "");
    let mut problems = Problems::new("okki-order-to-k3wise.yaml");
    let spec = FlowSpec::parse(&text, &mut problems).unwrap();
    let compiled = weir_processors::compile(&spec, jiff::tz::TimeZone::UTC, &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    // The list of removed orders tells no products: of the stored order only the head is written over.
    let record = r#"{"order_id":7,"order_no":"SO7","account_date":"2024-01-14","currency":"CNY","exchange_rate":100,"company":{"company_id":1,"serial_id":"C1"}}"#;
    let (body, marked) = run(&compiled.unwrap(), &removed(record));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(marked);
    assert_eq!(
        (&body["Page1"][0]["FBillNo"], &body["Page1"][0]["FCancellation"]),
        (&"SO7".into(), &"true".into())
    );
    assert!(body.get("Page2").is_none(), "{body}");
}
