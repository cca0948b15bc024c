//! `weir collections` as far as it goes without Kafka, and what `weir check` says about collections.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::weir::{Answer, weir};

const FLOW: &str = r#"version: 1
flow: customers-to-collection
source:
  name: jushuitan-customers
  system: jushuitan
  modified: modified
  poll: {start_from: -1d}
  metadata:
    api: /open/jushuitan/distributor/query
    id: drp_co_id
    request:
      - {field: modified_begin, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: modified_end, type: string, value: "{{CURRENT_TIME|datetime}}"}
target:
  system: collection
  key: [company_id]
  settings: {collection: COLLECTION}
  metadata:
    api: rows
    request:
      - {field: company_id, value: "{drp_co_id}"}
      - {field: name, value: "{name}"}
"#;

/// A project with the collection `shops` and nothing at the other end of its connections.
fn project(collection: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("flows")).unwrap();
    fs::write(folder.path().join("flows/customers.yaml"), FLOW.replace("COLLECTION", collection)).unwrap();
    let project = "version: 1\nkafka: {brokers: '127.0.0.1:9'}\nconnections:\n  jushuitan: {system: jushuitan, app_key: k, app_secret: s, access_token: t}\ncollections:\n  shops: {key: [shop_no], file: shops.csv, title: {zh: 店铺, en: shops}}\n";
    fs::write(folder.path().join("weir.yaml"), project).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Answer {
    let config = folder.join("weir.yaml").display().to_string();
    weir(&[arguments, &["-c", &config]].concat())
}

#[test]
fn a_flow_may_fill_a_declared_collection_and_no_other() {
    let folder = project("shops");
    let answer = weir(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let folder = project("shop");
    let answer = weir(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(answer.code, 2, "{answer:?}");
    let expected =
        "target.settings.collection: the project has no collection shop\n    → did you mean \"shops\"?";
    assert!(answer.out.contains(expected), "{answer:?}");
}

#[test]
fn a_broken_file_is_told_line_by_line_before_anything_is_connected_to() {
    let folder = project("shops");
    let file = folder.path().join("shops.csv");
    fs::write(&file, "shop_no,name\nS1,a\nS2,b\nS1,c\n,d\n").unwrap();
    let answer = run(folder.path(), &["collections", "load", "shops"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
    for words in [
        "2 errors; nothing was written",
        "line 4: has the same key as line 2",
        "line 5: the key shop_no is empty",
    ] {
        assert!(answer.err.contains(words), "{answer:?}");
    }
    let answer = run(folder.path(), &["collections", "load", "shops", "--json", "--lang", "zh"]);
    let told: serde_json::Value = serde_json::from_str(answer.err.trim()).unwrap();
    assert_eq!(told["problems"][0]["line"], 4, "{told}");
    assert_eq!(told["problems"][0]["message"]["zh"], "主键与第 2 行重复", "{told}");

    fs::write(&file, b"shop_no,name\nS1,\xb5\xea\xc6\xcc\n").unwrap();
    let answer = run(folder.path(), &["collections", "load", "shops"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("line 2: is no UTF-8 text, GBK perhaps"), "{answer:?}");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let folder = project("shops");
    let answer = run(folder.path(), &["collections", "get", "shop"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("declares no collection \"shop\"; there are: shops"), "{answer:?}");
    let answer = run(folder.path(), &["collections", "load", "shops", "nowhere.csv"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("there is no file nowhere.csv; check the path"), "{answer:?}");
    let answer = run(folder.path(), &["collections", "get", "shops", "--where", "city"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("write FIELD=VALUE"), "{answer:?}");
}
