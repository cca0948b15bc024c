//! `weir demo --once`: every record of the flows comes to its end, and the reader is told where to look.

use serde_json::Value;

use crate::weir::{Answer, weir};

const KEYS: [&str; 11] = [
    "flow",
    "polled",
    "mapped",
    "filtered",
    "delivered",
    "unchanged",
    "superseded",
    "dead",
    "waiting",
    "waited",
    "released",
];
/// Of these, what a record that was polled comes to.
const ENDS: [&str; 6] = ["filtered", "delivered", "unchanged", "superseded", "dead", "waiting"];
/// The flows of the seeds: of each at least this many records are delivered.
const SEEDS: [(&str, u64); 5] = [
    ("jushuitan-customer-to-kingdee", 500),
    ("jushuitan-sku-sn-to-mysql", 5_000),
    ("okki-order-to-k3wise", 200),
    ("wdt-aftersales-to-mysql", 200),
    ("wdt-refund-to-kingdee-return", 200),
];

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
    for flow in flows {
        assert_eq!(keys(flow), KEYS);
        let of = |key: &str| flow[key].as_u64().unwrap();
        assert_eq!(of("polled"), ENDS.iter().map(|key| of(key)).sum::<u64>(), "{flow}");
        assert_eq!((of("waiting"), of("released")), (0, of("waited")), "{flow}");
    }
    let of = |name: &str, key: &str| {
        let flow =
            flows.iter().find(|flow| flow["flow"] == name).unwrap_or_else(|| panic!("no {name}: {json}"));
        flow[key].as_u64().unwrap()
    };
    for (name, least) in SEEDS {
        assert!(of(name, "delivered") >= least, "{name}: {json}");
    }
    assert!(of("okki-companies", "delivered") > 0, "the collection is filled: {json}");
    for refused in ["jushuitan-customer-to-kingdee", "okki-order-to-k3wise", "wdt-refund-to-kingdee-return"] {
        assert!(of(refused, "dead") > 0, "some documents are refused on purpose: {json}");
    }
    assert!(of("okki-order-to-k3wise", "released") > 0, "orders waited for their customers: {json}");
}

#[test]
fn the_text_shows_counts_letters_and_places() {
    let (folder, answer) = demo(&["--customers", "200", "--movements", "300", "--lang", "en"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let said = |words: &str| assert!(answer.out.contains(words), "no {words:?} in {answer:?}");
    said("it keeps nothing once the process ends");
    let mut table = answer.out.lines().skip_while(|line| !line.trim_start().starts_with("polled"));
    let headings: Vec<&str> = table.next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(headings, ["polled", "filtered", "delivered", "unchanged", "superseded", "dead", "waited"]);
    let table: Vec<&str> = table.take_while(|line| !line.is_empty()).collect();
    for (name, row) in table.iter().step_by(2).zip(table.iter().skip(1).step_by(2)) {
        assert!(!name.starts_with(' ') && row.split_whitespace().count() == headings.len(), "{answer:?}");
        assert!(row.chars().count() < 80, "{row:?}");
    }
    assert_eq!(table.len(), 12, "two lines a flow: {answer:?}");
    // Refunds of shops that are not known share one number: the second is refused, not taken for the first.
    said("K-DUPLICATE");
    said("[TK2402291737]在当前系统中已经被使用");
    // The ERP's own words, not ours.
    said("字段");
    for file in ["demo.sqlite", "weir.yaml", "flows/jushuitan-customer-to-kingdee.yaml"] {
        let path = folder.path().join("demo").join(file);
        assert!(path.is_file(), "{} is missing", path.display());
    }
    said(folder.path().join("demo/demo.sqlite").to_str().unwrap());
    said(folder.path().join("demo/weir.yaml").to_str().unwrap());
    assert!(answer.err.contains(" s  "), "plain progress lines away from a terminal: {answer:?}");
    expect_lives(&answer);
}

/// The demo has ended, and its ledger still tells of the records that its last lines name.
fn expect_lives(answer: &Answer) {
    let suggested: Vec<&str> = answer.out.lines().filter(|line| line.starts_with("  weir trace ")).collect();
    assert_eq!(suggested.len(), 3, "{answer:?}");
    for (line, words) in suggested.into_iter().zip(["delivered to", "refused by", "waits no more"]) {
        let arguments: Vec<&str> =
            line.split_whitespace().skip(1).take_while(|word| !word.starts_with('#')).collect();
        let told = weir(&[&arguments[..], &["--lang", "en", "--patience", "1"]].concat());
        assert_eq!(told.code, 0, "{line}: {told:?}");
        assert!(told.out.contains(words), "{line}: {told:?}");
        assert!(told.err.contains("the ledger tells as of"), "its Kafka is gone: {told:?}");
    }
}

#[test]
fn the_demo_checks_its_numbers() {
    let answer = weir(&["demo", "--customers", "0"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("1..=20000"), "{answer:?}");
}
