//! `weir test`: the tests of the repository's own flows, and what is told of others that fail or cannot be run.

use std::{fmt::Write as _, path::Path};

use serde_json::json;

use crate::weir::weir;

const CUSTOMERS: &str = include_str!("../../../flows/jushuitan-customer-to-kingdee.yaml");

/// A folder with the flow of the customers and a test of these cases.
fn folder(cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("customers.yaml"), CUSTOMERS).unwrap();
    let test = format!("version: 1\ncases:\n{cases}");
    std::fs::write(folder.path().join("customers.test.yaml"), test).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_flows_of_the_repository_are_tested_whole() {
    let answer = weir(&["test", "../flows", "--coverage-min", "100", "--json"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    let json = answer.json();
    assert_eq!((&json["ok"], &json["failed"]), (&json!(true), &json!(0)), "{json}");
    let flows = json["flows"].as_array().unwrap();
    assert!(flows.len() >= 2, "{json}");
    for flow in flows {
        assert_eq!(flow["coverage"]["percent"], 100, "{flow}");
    }
}

#[test]
fn the_example_of_writing_back_is_tested_whole() {
    let answer = weir(&["test", "../examples/write-back", "--coverage-min", "100", "--json"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    assert_eq!(answer.json()["flows"][0]["coverage"]["percent"], 100, "{answer:?}");
}

#[test]
fn a_failure_shows_path_and_both_sides() {
    let folder = folder(
        "  - name: right\n    record: {drp_co_id: 1, name: x}\n    expect: {key: \"1|100\"}\n\
         \x20 - name: wrong\n    record: {drp_co_id: 1, name: 客户}\n    expect: {contains: {FName: 顾客}}\n",
    );
    let junit = folder.path().join("junit.xml");
    let answer = weir(&["test", text(folder.path()), "--junit", text(&junit)]);
    assert_eq!((answer.code, answer.err.as_str()), (1, ""), "{answer:?}");
    for words in [
        "✗ wrong  cases[1]\n      FName\n        expected  \"顾客\"\n        got       \"客户\"\n",
        "2 cases: 1 passed, 1 failed\n",
        "field FDescription never has a value\n",
    ] {
        assert!(answer.out.contains(words), "{words} in {}", answer.out);
    }
    assert!(!answer.out.contains('\u{1b}'), "no colours but on a terminal: {answer:?}");
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("message=\"FName: expected &quot;顾客&quot;, got &quot;客户&quot;\""), "{xml}");

    let chinese = weir(&["test", text(folder.path()), "--lang", "zh"]);
    assert!(chinese.out.contains("2 个用例：1 个通过，1 个失败\n"), "{chinese:?}");
    let told = weir(&["test", text(folder.path()), "--json"]).json();
    let differences = &told["flows"][0]["suites"][0]["cases"][1]["differences"];
    assert_eq!(*differences, json!([{"path": "FName", "expected": "\"顾客\"", "got": "\"客户\""}]));
}

#[test]
fn one_case_can_be_run_alone() {
    let folder = folder(
        "  - {name: first, record: {drp_co_id: 1}, expect: {key: \"1|100\"}}\n\
         \x20 - {name: second, record: {drp_co_id: 2}, expect: {key: wrong}}\n",
    );
    let answer = weir(&["test", text(folder.path()), "--filter", "first"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.out.contains("1 case: 1 passed, 0 failed"), "{answer:?}");
    let none = weir(&["test", text(folder.path()), "--filter", "third"]);
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("no case has \"third\" in its name"), "{none:?}");
}

#[test]
fn too_little_coverage_fails() {
    let folder = folder("  - {name: a, record: {drp_co_id: 1}, expect: {key: \"1|100\"}}\n");
    let answer = weir(&["test", text(folder.path()), "--coverage-min", "90"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.out.contains("less than the 90 % asked for"), "{answer:?}");
    assert_eq!(weir(&["test", text(folder.path()), "--coverage-min", "50"]).code, 0);
}

#[test]
fn what_cannot_be_run_is_told_at_once() {
    let folder = folder("  - {name: a, record: {}, expct: {}}\n");
    std::fs::write(
        folder.path().join("lost.test.yaml"),
        "version: 1\nflow: gone\ncases: [{name: a, record: {}, expect: {filtered: true}}]\n",
    )
    .unwrap();
    let answer = weir(&["test", text(folder.path())]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
    for words in [
        "customers.test.yaml: cases[0].expct: unknown key \"expct\"",
        "lost.test.yaml: flow: its flow cannot be used",
        "gone.yaml: no such file or folder",
        "weir: the tests cannot be run",
    ] {
        assert!(answer.err.contains(words), "{words} in {}", answer.err);
    }
    let empty = tempfile::tempdir().unwrap();
    let none = weir(&["test", text(empty.path())]);
    assert!(none.code == 2 && none.err.contains("there is no test file in this folder"), "{none:?}");
}

#[test]
fn a_thousand_cases_are_all_run() {
    let mut cases = String::new();
    for number in 0..1_000 {
        writeln!(cases, "  - {{name: case {number}, record: {{drp_co_id: {number}, name: n}}, expect: {{key: \"{number}|100\"}}}}").unwrap();
    }
    let folder = folder(&cases);
    let json = weir(&["test", text(folder.path()), "--json"]).json();
    assert_eq!((&json["cases"], &json["passed"]), (&json!(1_000), &json!(1_000)));
}
