//! `weir import` and `weir export`: printed metadata to flow files that pass `weir check`, and back.

use std::path::Path;

use serde_json::Value;

use crate::weir::{Answer, weir};

const SEEDS: [&str; 5] = [
    "jushuitan-customer-to-kingdee",
    "jushuitan-sku-sn-to-mysql",
    "okki-order-to-k3wise",
    "wdt-aftersales-to-mysql",
    "wdt-refund-to-kingdee",
];
const SOURCE: &str = r#"{"api": "/open/jushuitan/distributor/query", "effect": "QUERY", "id": "drp_co_id", "request": [
  {"field": "modified_begin", "type": "string", "value": "{{LAST_SYNC_TIME|datetime}}"},
  {"field": "modified_end", "type": "string", "value": "{{CURRENT_TIME|datetime}}"}]}"#;
const TARGET: &str = r#"{"api": "batchSave", "effect": "EXECUTE", "request": [
  {"field": "FNumber", "type": "string", "value": "{drp_co_id}", "x_rate": 0.10}],
  "otherRequest": [{"field": "FormId", "type": "string", "value": "BD_Customer"}]}"#;

fn seed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/import/tests/seeds").join(name);
    format!("{}.txt", path.display())
}

fn import(files: &[&str], out: &Path, more: &[&str]) -> Answer {
    let mut arguments = vec!["import"];
    arguments.extend(files);
    arguments.extend(["--out", out.to_str().unwrap()]);
    arguments.extend(more);
    weir(&arguments)
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_articles_become_flows_that_pass_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let files = SEEDS.map(seed);
    let answer = import(&files.each_ref().map(String::as_str), folder.path(), &["--json"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    let told = answer.json();
    for (import, name) in told["imports"].as_array().unwrap().iter().zip(SEEDS) {
        assert_eq!(
            (&import["ok"], &import["kind"], &import["flow"]),
            (&true.into(), &"flow".into(), &name.into())
        );
        let report = std::fs::read_to_string(import["report"].as_str().unwrap()).unwrap();
        for entry in import["entries"].as_array().unwrap() {
            for language in ["zh", "en"] {
                let text = entry["text"][language].as_str().unwrap();
                assert!(report.contains(text), "{name}: the report lacks {text}");
            }
        }
    }
    let check = weir(&["check", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert_eq!(check.json()["flows"], Value::from(SEEDS.to_vec()));
}

#[test]
fn what_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = seed(SEEDS[0]);
    assert_eq!(import(&[&file], folder.path(), &[]).code, 0);
    let yaml = folder.path().join(format!("{}.yaml", SEEDS[0]));
    std::fs::write(&yaml, "mine").unwrap();
    let again = import(&[&file], folder.path(), &[]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("--force writes over them"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&yaml).unwrap(), "mine");
    assert_eq!(import(&[&file], folder.path(), &["--force"]).code, 0);
    assert_ne!(std::fs::read_to_string(&yaml).unwrap(), "mine");
}

#[test]
fn one_side_is_a_fragment_that_the_check_accepts() {
    let folder = tempfile::tempdir().unwrap();
    for (text, side) in [(SOURCE, "source"), (TARGET, "target")] {
        let file = write(folder.path(), &format!("{side}.json"), text);
        let out = folder.path().join(side);
        let answer = import(&[&file], &out, &["--lang", "en"]);
        assert_eq!(answer.code, 0, "{answer:?}");
        assert!(answer.out.contains("fragment"), "{answer:?}");
        let check = weir(&["check", out.to_str().unwrap()]);
        assert_eq!(check.code, 0, "{check:?}");
        let words = format!("is a fragment with only the {side}'s side: it is not run");
        assert!(check.out.contains(&words), "{check:?}");
        assert!(check.out.ends_with("no errors: 1 fragment\n"), "{check:?}");
    }
    let path = folder.path().join("target/target.yaml");
    let broken = std::fs::read_to_string(&path).unwrap().replace("{drp_co_id}", "_function SUM(");
    std::fs::write(&path, broken).unwrap();
    let check = weir(&["check", path.to_str().unwrap()]);
    assert_eq!(check.code, 2, "{check:?}");
    assert!(check.out.contains("target.metadata.request[0].value"), "{check:?}");
    assert!(!check.out.contains("source."), "the side that is not there is not to blame: {check:?}");
}

#[test]
fn files_of_one_flow_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let files = [write(folder.path(), "a.json", SOURCE), write(folder.path(), "b.json", TARGET)];
    let answer = import(&[&files[0], &files[1]], folder.path(), &["--name", "customers"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let flow = folder.path().join("customers.yaml");
    let flow = flow.to_str().unwrap();
    assert_eq!(weir(&["check", flow]).code, 0);
    for (side, printed) in [("source", SOURCE), ("target", TARGET)] {
        let answer = weir(&["export", flow, "--side", side]);
        let exported: Value = serde_json::from_str(&answer.out).unwrap();
        let printed: Value = serde_json::from_str(printed).unwrap();
        assert_eq!(exported.to_string(), printed.to_string(), "{side}");
    }
    let out = folder.path().join("both.json");
    assert_eq!(weir(&["export", flow, "--out", out.to_str().unwrap()]).code, 0);
    let again = import(&[out.to_str().unwrap()], folder.path(), &["--name", "customers", "--force"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[test]
fn what_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let empty = write(folder.path(), "empty.txt", "没有元数据 {\"code\": 0}");
    let answer = import(&[&empty], folder.path(), &[]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.out.contains("no metadata was found") && answer.out.contains("keys: code"), "{answer:?}");
    let answer = import(&["nowhere.json"], folder.path(), &[]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("no such file"), "{answer:?}");
    let chinese = write(folder.path(), "退换.json", TARGET);
    let answer = import(&[&chinese], folder.path(), &[]);
    assert!(answer.code == 2 && answer.err.contains("--name"), "{answer:?}");
    let answer = weir(&["export", "../examples/local/weir.yaml"]);
    assert!(answer.code == 2 && answer.err.contains("has no metadata"), "{answer:?}");
}

#[test]
fn a_seeds_flow_fits_its_connections() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(import(&[&seed("okki-order-to-k3wise")], folder.path(), &[]).code, 0);
    let project = write(
        folder.path(),
        "weir.yaml",
        "version: 1\nkafka: {brokers: \"127.0.0.1:9\"}\nconnections:\n  xiaoman-okki: {system: xiaoman-okki, client_id: x, client_secret: x}\n  kingdee-k3wise: {system: kingdee-k3wise, base_url: \"http://127.0.0.1:9/K3API/\", authority_code: x}\nflows: [okki-order-to-k3wise.yaml]\n",
    );
    assert_eq!(weir(&["check", &project]).code, 0, "{:?}", weir(&["check", &project]));
}
