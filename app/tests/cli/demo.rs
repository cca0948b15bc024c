//! `weir demo --once`: every record of both flows comes to its end, and the reader is told where to look.

use serde_json::Value;

use crate::weir::{Answer, weir};

const KEYS: [&str; 8] =
    ["flow", "polled", "filtered", "delivered", "unchanged", "superseded", "waiting", "dead"];

fn demo(more: &[&str]) -> (tempfile::TempDir, Answer) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let mut arguments = vec!["demo", "--once", "--dir", dir.to_str().unwrap()];
    arguments.extend(more);
    let answer = weir(&arguments);
    (folder, answer)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_is_one_object_of_the_documented_shape() {
    let (_folder, answer) = demo(&["--json"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    let json = answer.json();
    assert_eq!(keys(&json), ["flows", "balanced"]);
    assert_eq!(json["balanced"], true);
    let flows = json["flows"].as_array().unwrap();
    let delivered = |flow: &Value| flow["delivered"].as_u64().unwrap();
    for flow in flows {
        assert_eq!(keys(flow), KEYS);
        let of = |key: &str| flow[key].as_u64().unwrap();
        assert_eq!(of("polled"), KEYS[2..].iter().map(|key| of(key)).sum::<u64>(), "{flow}");
    }
    assert_eq!(flows[0]["flow"], "jushuitan-customer-to-kingdee");
    assert!(delivered(&flows[0]) >= 500, "{json}");
    assert!(flows[0]["dead"].as_u64().unwrap() > 0, "some documents are refused on purpose: {json}");
    assert_eq!(flows[1]["flow"], "jushuitan-sku-sn-to-mysql");
    assert!(delivered(&flows[1]) >= 5_000, "{json}");
}

#[test]
fn the_text_shows_counts_letters_and_places() {
    let (folder, answer) = demo(&["--customers", "200", "--movements", "300", "--lang", "en"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let said = |words: &str| assert!(answer.out.contains(words), "no {words:?} in {answer:?}");
    said("it keeps nothing once the process ends");
    let table = answer.out.lines().skip_while(|line| !line.trim_start().starts_with("jushuitan-customer"));
    let names: Vec<&str> =
        table.skip(1).take(7).map(|row| row.split_whitespace().next().unwrap_or_default()).collect();
    assert_eq!(names, KEYS[1..], "{answer:?}");
    // The ERP's own words, not ours.
    said("字段");
    for file in ["demo.sqlite", "weir.yaml", "flows/jushuitan-customer-to-kingdee.yaml"] {
        let path = folder.path().join("demo").join(file);
        assert!(path.is_file(), "{} is missing", path.display());
    }
    said(folder.path().join("demo/demo.sqlite").to_str().unwrap());
    said(folder.path().join("demo/weir.yaml").to_str().unwrap());
    assert!(answer.err.contains(" s  "), "plain progress lines away from a terminal: {answer:?}");
}

#[test]
fn the_demo_checks_its_numbers() {
    let answer = weir(&["demo", "--customers", "0"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("1..=20000"), "{answer:?}");
}
