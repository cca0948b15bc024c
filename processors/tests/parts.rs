//! Records that become several documents: `beatFlat` into an ERP, `splitArray`, `groupCalculate`, `merge`.

mod common;

use common::{check, erp, erp_with, flow, good, refused, sql};

const TWO: &str = r#"{"id":7,"details":[{"goods":"g","num":0.10},{"goods":"h","num":2}]}"#;

#[test]
fn each_flat_row_is_a_document() {
    let compiled =
        good("    beatFlat: [details]", "", &erp("      - {field: G, value: \"{details_goods}\"}"));
    check(
        &compiled,
        &[
            (TWO, "-1 {\"No\":\"7\",\"G\":\"g\"}\n-2 {\"No\":\"7\",\"G\":\"h\"}"),
            (r#"{"id":7,"details":[{"goods":"g"}]}"#, "-1 {\"No\":\"7\",\"G\":\"g\"}"),
            // No element: the record itself, under its own id.
            (r#"{"id":7,"details":[]}"#, r#"{"No":"7"}"#),
            (r#"{"id":7}"#, r#"{"No":"7"}"#),
        ],
    );
    let dropped = good("    beatFlat: [details]", "language: {empty_list: drop}", &erp(""));
    check(
        &dropped,
        &[(
            r#"{"id":7,"details":[]}"#,
            "filtered: no row is left: the list that makes the documents is empty",
        )],
    );
}

#[test]
fn documents_of_one_record_need_keys_of_their_own() {
    let (_, problems) = flow("    beatFlat: [details]", "", &erp(""));
    assert_eq!(
        problems,
        [
            "f.yaml: target.key: every flat row is a document of its own, and the business key reads no field of the row: the documents of one record will have the same key (let the key read a field such as {details_…}, or make one document by groupCalculate)"
        ]
    );
    let (_, problems) =
        flow("    beatFlat: [details]", "", &erp("").replace("{id}", "{id}-{{details_line|date}}"));
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn several_lists_are_a_cross_product() {
    let request = "      - {field: A, value: \"{a_x}\"}\n      - {field: B, value: \"{b_x}\"}";
    check(
        &good("    beatFlat: [a, b]", "", &erp(request)),
        &[
            (
                r#"{"id":7,"a":[{"x":1},{"x":2}],"b":[{"x":3},{"x":4}]}"#,
                "-1 {\"No\":\"7\",\"A\":\"1\",\"B\":\"3\"}\n-2 {\"No\":\"7\",\"A\":\"1\",\"B\":\"4\"}\n-3 {\"No\":\"7\",\"A\":\"2\",\"B\":\"3\"}\n-4 {\"No\":\"7\",\"A\":\"2\",\"B\":\"4\"}",
            ),
            (r#"{"id":7,"a":[{"x":1}],"b":[]}"#, "-1 {\"No\":\"7\",\"A\":\"1\"}"),
        ],
    );
}

#[test]
fn a_refused_part_leaves_the_others_and_a_removed_one_its_number() {
    let source = "    beatFlat: [details]\n    condition: [[{field: details.num, logic: gt, value: \"0\"}]]";
    let request = "      - {field: G, type: int, value: \"{details_goods}\"}";
    check(
        &good(source, "", &erp(request)),
        &[(
            r#"{"id":7,"details":[{"num":0},{"num":1,"goods":"x"},{"num":1,"goods":"5"}]}"#,
            "-1 filtered: condition: the element is filtered\n-2 M-TYPE: \"x\" is not a number in \"{details_goods}\" with details_goods = \"x\" (G)\n-3 {\"No\":\"7\",\"G\":5}",
        )],
    );
}

#[test]
fn a_part_that_waits_has_the_record_wait() {
    let file = "lookups: {shops: {on_missing: wait, wait_max: 1d}}";
    let request =
        "      - {field: S, value: \"_findCollection find name from shops where no={details_goods}\"}";
    check(
        &good("    beatFlat: [details]", file, &erp(request)),
        &[(
            r#"{"id":7,"details":[{"goods":"S1"},{"goods":"S9"}]}"#,
            "waits 86400s: the collection shops has no row with no=S9",
        )],
    );
}

#[test]
fn an_element_becomes_a_record() {
    let source = "    operation: {method: splitArray, arrayKey: details}";
    let request = "      - {field: G, value: \"{goods}\"}\n      - {field: N, value: \"{{details.num}}\"}\n      - {field: Shop, value: \"{shop}\"}";
    check(
        &good(source, "", &erp(request)),
        &[
            (
                r#"{"id":7,"shop":"S1","details":[{"goods":"g","num":0.10},{"goods":"h","shop":"S2"}]}"#,
                "-1 {\"No\":\"7\",\"G\":\"g\",\"N\":\"0.10\",\"Shop\":\"S1\"}\n-2 {\"No\":\"7\",\"G\":\"h\",\"Shop\":\"S2\"}",
            ),
            (
                r#"{"id":7,"details":[]}"#,
                "filtered: no row is left: the list that makes the documents is empty",
            ),
            (
                r#"{"id":7,"details":[1]}"#,
                "M-PAYLOAD: the record's field \"details\" holds an element that is not an object (details)",
            ),
            (r#"{"id":7,"details":{}}"#, "M-PAYLOAD: the record's field \"details\" is not a list (details)"),
        ],
    );
    check(&good(source, "", &sql("{goods}", "{num}")), &[(TWO, r#"{"rows":[[7,"g",0.10],[7,"h",2]]}"#)]);
}

#[test]
fn a_removed_element_keeps_its_number() {
    let source = "    operation: {method: splitArray, arrayKey: details}\n    condition: [[{field: details.num, logic: gt, value: \"1\"}]]";
    check(
        &good(source, "", &erp("      - {field: G, value: \"{goods}\"}")),
        &[(TWO, "-1 filtered: condition: the element is filtered\n-2 {\"No\":\"7\",\"G\":\"h\"}")],
    );
    check(&good(source, "", &sql("{goods}", "{num}")), &[(TWO, r#"{"rows":[[7,"h",2]]}"#)]);
}

const GROUP: &str = r#"    groupCalculate:
      headerGroup: [id, shop]
      bodyGroup: [details_spec]
      bodyName: details
      targetBodyName: FEntity
      calculate: {details_num: $sum, details_price: $avg, details_at: $max, details_lot: $addToSet, details_no: $push, details_a: $first, details_b: $last, details_c: $min}"#;
const GROUPED: &str = r#"      - {field: Shop, value: "{shop}"}
      - field: FEntity
        type: array
        value: details
        children:
          - {field: Spec, value: "{{details.details_spec}}"}
          - {field: Num, type: float, value: "{{details.details_num}}"}
          - {field: Price, value: "{{details.details_price}}"}
          - {field: At, value: "{{details.details_at}}"}
          - {field: Lot, value: "{{details.details_lot}}"}
          - {field: No, value: "{{details.details_no}}"}
          - {field: ABC, value: "{{details.details_a}}{{details.details_b}}{{details.details_c}}"}"#;

#[test]
fn rows_are_grouped_with_exact_sums() {
    let record = r#"{"id":7,"shop":"S1","details":[
        {"spec":"r","num":0.10,"price":1,"at":"2024-01-02","lot":"x","no":1,"a":"p","b":"p","c":10},
        {"spec":"s","num":"5"},
        {"spec":"r","num":"0.20","price":2,"at":"2024-01-10","lot":"x","no":2,"a":"q","b":"q","c":9},
        {"spec":"r","num":"","price":2,"at":"2023-12-31","lot":"y","no":1}]}"#;
    let expect = concat!(
        r#"{"No":"7","Shop":"S1","FEntity":[{"Spec":"r","Num":0.30,"Price":"1.6667","At":"2024-01-10","#,
        r#""Lot":"[\"x\",\"y\"]","No":"[1,2,1]","ABC":"pq9"},{"Spec":"s","Num":5,"Lot":"[]","No":"[]","ABC":""}]}"#
    );
    let compiled = good("    beatFlat: [details]", "", &erp_with(GROUP, GROUPED));
    let text = "M-TYPE: \"details_num\" cannot be calculated: \"many\" is not a number (details_num)";
    check(&compiled, &[(record, expect), (r#"{"id":7,"details":[{"num":"many"}]}"#, text)]);
}

#[test]
fn grouping_flattens_the_list_it_names() {
    let group = "    groupCalculate: {headerGroup: [id], bodyGroup: [spec], bodyName: details, calculate: {num: $sum}}";
    let request = "      - {field: E, type: array, value: details, children: [{field: S, value: \"{{details.spec}}\"}, {field: N, value: \"{{details.num}}\"}]}";
    check(
        &good("", "", &erp_with(group, request)),
        &[(
            r#"{"id":7,"details":[{"spec":"r","num":99999999999999999999999999999.1},{"spec":"r","num":0.9}]}"#,
            r#"{"No":"7","E":[{"S":"r","N":"100000000000000000000000000000.0"}]}"#,
        )],
    );
}

#[test]
fn long_documents_are_split() {
    let group = "    groupCalculate: {headerGroup: [id], bodyGroup: [details_goods], bodyName: details, targetBodyName: E, bodyMaxLine: 2, calculate: {details_num: $sum}}";
    let request = "      - {field: E, type: array, value: details, children: [{field: G, value: \"{{details.details_goods}}\"}]}";
    check(
        &good("    beatFlat: [details]", "", &erp_with(group, request)),
        &[
            (
                r#"{"id":7,"details":[{"goods":"a"},{"goods":"b"},{"goods":"c"}]}"#,
                "-1 {\"No\":\"7\",\"E\":[{\"G\":\"a\"},{\"G\":\"b\"}]}\n-2 {\"No\":\"7\",\"E\":[{\"G\":\"c\"}]}",
            ),
            (r#"{"id":7,"details":[{"goods":"a"}]}"#, "-1 {\"No\":\"7\",\"E\":[{\"G\":\"a\"}]}"),
        ],
    );
}

#[test]
fn a_group_of_rows_is_a_part() {
    let group = "    groupCalculate: {headerGroup: [id, details_store], calculate: {details_num: $sum}}";
    let request =
        "      - {field: S, value: \"{details_store}\"}\n      - {field: N, value: \"{details_num}\"}";
    check(
        &good("    beatFlat: [details]", "", &erp_with(group, request)),
        &[(
            r#"{"id":7,"details":[{"store":"x","num":1},{"store":"y","num":2},{"store":"x","num":3}]}"#,
            "-1 {\"No\":\"7\",\"S\":\"x\",\"N\":\"4\"}\n-2 {\"No\":\"7\",\"S\":\"y\",\"N\":\"2\"}",
        )],
    );
}

#[test]
fn flat_rows_are_merged() {
    let merge = "    operation: {method: merge, field: id, bodyName: lines, bodySum: [details_num], body: [details_goods, details_num]}";
    let request = "      - {field: L, type: array, value: lines, children: [{field: G, value: \"{{lines.details_goods}}\"}, {field: N, value: \"{{lines.details_num}}\"}]}";
    let all = "    operation: {method: merge, field: [id]}";
    let of_body = "      - {field: Memo, value: \"{memo}\"}\n      - {field: L, type: array, value: body, children: [{field: G, value: \"{{body.details_goods}}\"}]}";
    let record = r#"{"id":7,"memo":"m","details":[{"goods":"g","num":0.10},{"goods":"h","num":1},{"goods":"g","num":2}]}"#;
    check(
        &good("    beatFlat: [details]", "", &erp_with(merge, request)),
        &[(record, r#"{"No":"7","L":[{"G":"g","N":"2.10"},{"G":"h","N":"1"}]}"#)],
    );
    check(
        &good("    beatFlat: [details]", "", &erp_with(all, of_body)),
        &[(record, r#"{"No":"7","Memo":"m","L":[{"G":"g"},{"G":"h"},{"G":"g"}]}"#)],
    );
}

#[test]
fn rows_that_the_filter_removed_are_not_grouped() {
    let source = "    beatFlat: [details]\n    condition: [[{field: details.num, logic: gt, value: \"1\"}]]";
    let group = "    groupCalculate: {headerGroup: [id], calculate: {details_num: $sum}}";
    let request = "      - {field: N, value: \"{details_num}\"}";
    check(
        &good(source, "", &erp_with(group, request)),
        &[(r#"{"id":7,"details":[{"num":1},{"num":2},{"num":3}]}"#, r#"{"No":"7","N":"5"}"#)],
    );
}

#[test]
fn what_groups_across_records_is_refused() {
    let group = "    groupCalculate: {headerGroup: [shop_no, stock_no], bodyGroup: [x], bodyName: d, targetBodyName: FEntry, calculate: {n: $summ}}";
    refused(
        "",
        "",
        &erp_with(group, "      - {field: FEntity, value: \"x\"}"),
        &[
            "f.yaml: target.metadata.groupCalculate.targetBodyName: unknown value \"FEntry\" (did you mean \"FEntity\"?)",
            "f.yaml: target.metadata.groupCalculate.calculate.n: unknown value \"$summ\" (did you mean \"$sum\"?)",
            "f.yaml: target.metadata.groupCalculate.headerGroup: grouping by these fields reaches across source records: Weir groups within one source record, for a document of many records changes with each of them and could not be written once (add the fields that identify a source record: id)",
        ],
    );
    refused(
        "    operation: {method: splitArray}",
        "",
        &erp_with("    operation: {method: merge}", ""),
        &[
            "f.yaml: source.metadata.operation.arrayKey: splitArray needs arrayKey (add arrayKey: details)",
            "f.yaml: target.metadata.operation.field: merge needs field: what it merges by (for example field: order_no)",
        ],
    );
    let both = "    operation: {method: merge, field: id}\n    groupCalculate: {headerGroup: [id]}";
    refused(
        "",
        "",
        &erp_with(both, ""),
        &[
            "f.yaml: target.metadata.groupCalculate: groupCalculate and the operation merge exclude each other (remove one of them)",
        ],
    );
}
