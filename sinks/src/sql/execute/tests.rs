//! A flow's statements against its mapping, and documents against its statements.

use serde_json::json;
use weir_model::{
    Json,
    flow::{FlowSpec, TargetSpec},
    settings::Problems,
};

use super::*;
use crate::sql::{classify::codes, value::Value};

fn target(other: &[(&str, &str)], request: &Json) -> TargetSpec {
    let other: Vec<Json> =
        other.iter().map(|(field, value)| json!({"field": field, "value": value})).collect();
    let target = json!({
        "system": "mysql",
        "key": ["main_params.no"],
        "metadata": {"api": "execute", "request": request, "otherRequest": other},
    });
    let text = format!(
        "version: 1\nflow: f\nsource: {{name: s, system: x, poll: {{start_from: \"2024-01-01\"}}, \
         metadata: {{api: a, id: id}}}}\ntarget: {target}\n"
    );
    FlowSpec::parse(&text, &mut Problems::new("f")).unwrap().target
}

fn params() -> Json {
    json!([
        {"field": "main_params", "type": "object", "children": [{"field": "no", "value": "{no}"}]},
        {"field": "extend_params_1", "type": "array", "value": "lines", "children": [
            {"field": "sku", "value": "{{lines.sku}}"},
            {"field": "price", "type": "float", "value": "{{lines.price}}"},
        ]},
    ])
}

const ORDER: (&str, &str) = ("main_sql", "INSERT INTO orders (no) VALUES (:no)");
const LINE: (&str, &str) =
    ("extend_sql_1", "INSERT INTO `lines` (order_id, sku, price) VALUES (:lastInsertId, :sku, :price)");

#[track_caller]
fn said(other: &[(&str, &str)], request: &Json, expect: &[(&str, &str)]) {
    let mut problems = Problems::new("f");
    Execute::read(&target(other, request), Dialect::MySql, &mut problems);
    let said: Vec<(String, String)> =
        problems.list().iter().map(|problem| (problem.path.clone(), problem.message.en.clone())).collect();
    assert_eq!(said.len(), expect.len(), "{said:?}");
    for ((path, message), (place, part)) in said.iter().zip(expect) {
        assert!(path == place && message.contains(part), "{path}: {message}\nexpected {place}: {part}");
    }
}

#[test]
fn statements_and_mapping_agree_name_by_name() {
    let other = "target.metadata.otherRequest";
    said(&[ORDER, LINE], &params(), &[]);
    said(
        &[LINE],
        &params(),
        &[(other, "lacks main_sql"), ("target.metadata.request[0]", "no statement main_sql uses it")],
    );
    let misspelt = ("main_sql", "INSERT INTO orders (no) VALUES (:nr)");
    said(
        &[misspelt, LINE],
        &params(),
        &[
            ("target.metadata.otherRequest[0].value", ":nr has no value in main_params"),
            ("target.metadata.request[0].children[0]", "main_sql does not use :no"),
        ],
    );
    said(&[ORDER], &params(), &[("target.metadata.request[1]", "no statement extend_sql_1")]);
    let upsert = ("main_sql", "INSERT INTO orders (no) VALUES (:no) ON DUPLICATE KEY UPDATE no = VALUES(no)");
    said(
        &[upsert, LINE],
        &params(),
        &[("target.metadata.otherRequest[1].value", "does not tell the id of a row that was there before")],
    );
    let early = ("main_sql", "INSERT INTO orders (no, id) VALUES (:no, :lastInsertId)");
    said(&[early, LINE], &params(), &[("target.metadata.otherRequest[0].value", "only after main_sql")]);
    let two = ("main_sql", "INSERT INTO orders (no) VALUES (:no); DELETE FROM orders");
    said(&[two, LINE], &params(), &[("target.metadata.otherRequest[0].value", "expected one statement")]);
}

#[test]
fn what_no_statement_takes_is_told() {
    let mut request = params();
    request[0]["children"][0] =
        json!({"field": "no", "type": "object", "children": [{"field": "x", "value": "1"}]});
    request[0]["type"] = json!("array");
    request.as_array_mut().unwrap().push(json!({"field": "field_1", "value": "{x}"}));
    said(
        &[ORDER, LINE, ("limit", "100")],
        &request,
        &[
            ("target.metadata.request[0].children[0]", "one value"),
            ("target.metadata.request[0]", "main_params is one object"),
            ("target.metadata.request[2]", "does not use field_1"),
            ("target.metadata.otherRequest[2]", "does not use limit"),
        ],
    );
}

#[test]
fn a_document_becomes_a_call_for_the_head_and_one_for_each_line() {
    let mut problems = Problems::new("f");
    let execute = Execute::read(&target(&[ORDER, LINE], &params()), Dialect::MySql, &mut problems);
    let body = br#"{"main_params":{"no":"S1"},"extend_params_1":[{"sku":"a\"b","price":0.10},{"sku":7}]}"#;
    let calls = execute.calls(body, 1_000).unwrap();
    let text = |text: &'static str| Some(Value::Text(text.into()));
    assert_eq!(calls[0].values, [text("S1")]);
    assert_eq!(calls[1].values, [None, text("a\"b"), text("0.10")]);
    assert_eq!(calls[2].values, [None, Some(Value::Integer(7)), Some(Value::Null)]);
    assert_eq!((calls.len(), calls[2].part.as_str()), (3, "extend_params_1[1]"));
    // A record without lines has a head all the same.
    assert_eq!(execute.calls(br#"{"main_params":{"no":"S1"}}"#, 1_000).unwrap().len(), 1);
    for (body, code) in [
        (br#"{"rows":[[1]]"#.as_slice(), codes::BODY),
        (br#"{"main_params":[1]}"#, codes::BODY),
        (br#"{"main_params":{"no":"a text that is too long for this server"}}"#, codes::TOO_LARGE),
    ] {
        assert_eq!(execute.calls(body, 40).unwrap_err().code, code);
    }
}
