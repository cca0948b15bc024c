//! Blocks as people print them.

use serde_json::json;

use super::{Block, block};

#[track_caller]
fn read(text: &str) -> Block {
    block(text, 0, 1).unwrap_or_else(|stop| panic!("stopped at {}: {text}", stop.at))
}

#[track_caller]
fn check(text: &str, expect: &str, repairs: &[&str]) {
    let block = read(text);
    assert_eq!(block.value.to_string(), expect, "{text}");
    let said: Vec<&str> = block.repairs.iter().map(|entry| entry.text.en.as_str()).collect();
    assert_eq!(said.len(), repairs.len(), "{text}: {said:?}");
    for (said, word) in said.iter().zip(repairs) {
        assert!(said.contains(word), "{text}: {said:?} lacks {word:?}");
    }
}

#[test]
fn json_is_read_without_a_word() {
    let text = r#"{"b": [1, 0.10, -0, 1e5, 123456789012345678901234567890], "a": {"x": null, "y": "\u6c34\ud83d\ude00\n/"}, "t": true}"#;
    check(
        text,
        "{\"b\":[1,0.10,-0,1e+5,123456789012345678901234567890],\"a\":{\"x\":null,\"y\":\"水😀\\n/\"},\"t\":true}",
        &[],
    );
}

#[test]
fn what_is_no_json_is_repaired_with_a_word() {
    check("{\"a\": 1, // x\n \"b\": 2 /* y */}", r#"{"a":1,"b":2}"#, &["comment", "comment"]);
    check("{\"a\": `SELECT \"x\"\nFROM t`}", "{\"a\":\"SELECT \\\"x\\\"\\nFROM t\"}", &["backticks"]);
    check(r#"{"a": [1, 2,], }"#, r#"{"a":[1,2]}"#, &["surplus", "surplus"]);
    check(r#"{"a": 1 "b": 2}"#, r#"{"a":1,"b":2}"#, &["missing comma"]);
    check(r#"{"a": 1, ...}"#, r#"{"a":1}"#, &["not printed"]);
    check(r#"{"a": ..., "b": 2}"#, r#"{"b":2}"#, &["\"a\" is cut off"]);
    check(r#"{"a": [{"x": 1}, {...}]}"#, r#"{"a":[{"x":1}]}"#, &["not printed", "element"]);
    check("{\"a\": \"x\ny\"}", r#"{"a":"x\ny"}"#, &["line feeds"]);
    check(r#"{"a": 1, "a": 2}"#, r#"{"a":2}"#, &["twice"]);
}

#[test]
fn cut_ends_are_closed_once() {
    check(r#"{"a": {"b": [1, {"c": "x", "#, r#"{"a":{"b":[1,{"c":"x"}]}}"#, &["cut off here"]);
    check("{\"a\": [{\"b\": \"c\", \n![picture](x)", r#"{"a":[{"b":"c"}]}"#, &["cut off here"]);
    check(r#"{"a": 1, "b": "half a te"#, r#"{"a":1}"#, &["\"b\" is cut off", "cut off here"]);
    check(r#"{"a": 1, "b"#, r#"{"a":1}"#, &["is cut off", "cut off here"]);
    check(r#"{"a": {"b": 1], "c": 2}"#, r#"{"a":{"b":1}}"#, &["cut off here"]);
}

#[test]
fn a_comment_without_a_line_end_ends_before_the_next_bracket() {
    check(r#"{"a": [{"b": 1} // more ... ], "c": 2}"#, r#"{"a":[{"b":1}],"c":2}"#, &["lost its line ends"]);
}

#[test]
fn values_without_a_key_are_kept_apart() {
    let block = read("{ ... {\"field\": \"a\"}, {\"field\": \"b\"} }");
    assert_eq!(block.value, json!({}));
    assert_eq!(block.loose, [json!({"field": "a"}), json!({"field": "b"})]);
}

#[test]
fn prose_and_programs_are_no_blocks() {
    for text in [
        "{refund_no}",
        "{{LAST_SYNC_TIME|datetime}}",
        "{\"start\": datetime.now(), \"b\": 1}",
        "{ 'a': 1 }",
        "[link](https://example.com)",
        "{\"a\": \"\\x\"}",
        "{\"a\": 01}",
        "{\"a",
    ] {
        assert!(block(text, 0, 1).is_err(), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(block(&deep, 0, 1).is_err());
}
