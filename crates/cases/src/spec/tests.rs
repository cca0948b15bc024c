//! What test files may say and what they are told when they are wrong.

use serde_json::json;

use super::*;

fn nothing(_: &str) -> Result<String, Localized> {
    Err(Localized::new("没有这个文件", "no such file"))
}

fn parse(text: &str) -> (Option<Suite>, Vec<String>) {
    let mut problems = Problems::default();
    let read = |file: &str| match file {
        "r.json" => Ok("{\"a\":0.10}\n".to_owned()),
        "rows.json" => Ok("[{\"no\":1.0}]".to_owned()),
        other => nothing(other),
    };
    let suite = Suite::parse(text, "x.test.yaml", &read, &mut problems);
    (suite, problems.list().iter().map(ToString::to_string).collect())
}

#[test]
fn a_whole_file_is_read() {
    let text = r#"
version: 1
flow: ../x.yaml
now: "2024-03-14 16:00:00"
time_zone: UTC
lookups:
  shops: [{shop_no: S01, email: a@example.com}]
cases:
  - name: written out
    record: {a: "1", b: [1, 2]}
    expect: {document: {FName: x}, key: "20011|100", number: 20011}
  - name: byte for byte
    raw: |
      {"a": 0.10}
    now: "2024-03-15"
    lookups: {shops: {file: rows.json}, more: '[{"n": 0.10}]'}
    expect:
      contains: |
        {"a": 0.10}
      warnings: [w]
  - {name: from a file, record_file: r.json, deleted: true, expect: {filtered: true}}
  - {name: refused, record: {}, expect: {refused: {code: M-REQUIRED, field: FName}}}
  - {name: waits, record: {}, expect: {waits: {collection: customers}}}
  - {name: rows, record: {}, expect: {rows: [{a: 1}]}}
  - {name: some columns, record: {}, expect: {contains: [{a: 1}]}}
  - {name: parts, record: {}, expect: {documents: [{a: 1}, '{"a": 0.10}']}}
"#;
    let (suite, problems) = parse(text);
    assert_eq!(problems, Vec::<String>::new());
    let suite = suite.unwrap();
    assert_eq!((suite.flow.as_deref(), suite.cases.len()), (Some("../x.yaml"), 8));
    let records: Vec<String> =
        suite.cases.iter().map(|case| String::from_utf8(case.record.clone()).unwrap()).collect();
    assert_eq!(records[..3], ["{\"a\":\"1\",\"b\":[1,2]}", "{\"a\": 0.10}\n", "{\"a\":0.10}\n"]);
    assert_eq!(suite.cases[0].now.to_string(), "2024-03-14T16:00:00Z");
    assert_eq!(suite.cases[1].now.to_string(), "2024-03-15T00:00:00Z");
    assert!(suite.cases[0].lookups.is(&suite.cases[2].lookups));
    assert!(!suite.cases[0].lookups.is(&suite.cases[1].lookups));
    let expect = |index: usize| suite.cases[index].expect.clone();
    assert_eq!((expect(0).key.as_deref(), expect(0).number.as_deref()), (Some("20011|100"), Some("20011")));
    let decimal = || serde_json::from_str::<Json>("{\"a\":0.10}").unwrap();
    assert_eq!(expect(1).result, Expected::Contains(decimal()));
    assert_eq!(expect(1).warnings, Some(vec!["w".to_owned()]));
    assert_eq!(expect(2).result, Expected::Filtered(String::new()));
    let row = || vec![json!({"a": 1}).as_object().unwrap().clone()];
    assert_eq!(expect(5).result, Expected::Rows(row()));
    assert_eq!(expect(6).result, Expected::RowsContain(row()));
    assert_eq!(expect(7).result, Expected::Documents(vec![json!({"a": 1}), decimal()]));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = r#"
version: 1
time_zone: Mars/Base
now: soon
lookups: {shops: [1], more: {file: none.json}, text: "{"}
case: []
cases:
  - {name: a, record: {}, raw: "{}", expect: {document: {}, filtered: true}}
  - {name: a, expect: {}}
  - {record: {}, expct: {}}
  - {name: b, record_file: none.json, expect: {rows: 1, warnings: [{}]}}
  - {name: c, record: {}, expect: {refused: {cod: X}, document: "{"}}
"#;
    let (suite, problems) = parse(text);
    assert!(suite.is_none());
    let expected = [
        "time_zone: there is no time zone \"Mars/Base\"",
        "now: \"soon\" is no local time",
        "lookups.shops[0]: expected rows",
        "lookups.more.file: no such file",
        "lookups.text: is no JSON list of rows",
        "case: unknown key \"case\" (did you mean \"cases\"?)",
        "cases[0]: the record is given more than once",
        "cases[0].expect: a record has one result, here are document, filtered",
        "cases[1]: there is no record",
        "cases[1].expect: no result is expected",
        "cases[2].name: is required",
        "cases[2].expect: is required",
        "cases[2].expct: unknown key \"expct\" (did you mean \"expect\"?)",
        "cases[3].record_file: no such file",
        "cases[3].expect.rows: expected a list",
        "cases[3].expect.warnings[0]: expected the name of a check",
        "cases[4].expect.document: is no JSON",
        "cases[4].expect: a record has one result, here are document, refused",
        "cases[1].name: the case \"a\" is there twice",
    ];
    for (said, words) in problems.iter().zip(expected) {
        assert!(said.starts_with(&format!("x.test.yaml: {words}")), "{words} ≠ {said}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
}

#[test]
fn rows_stand_in_files_of_their_own() {
    let mut problems = Problems::default();
    let rows = lookups("shops: [{no: 1}]\n", "l.yaml", &nothing, &mut problems).unwrap();
    assert!(!rows.is(&Rows::default()) && problems.list().is_empty());
    assert!(lookups("[1]", "l.yaml", &nothing, &mut problems).is_none());
    assert!(problems.list()[0].to_string().starts_with("l.yaml: expected rows"), "{problems:?}");
}
