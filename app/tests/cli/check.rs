//! `weir check` on what is right, and on files that are hard to read.

use serde_json::json;

use crate::weir::{Answer, weir, weir_with};

const FLOWS: [&str; 6] = [
    "jushuitan-customer-to-kingdee",
    "jushuitan-sku-sn-to-mysql",
    "okki-companies",
    "okki-order-to-k3wise",
    "wdt-aftersales-to-mysql",
    "wdt-refund-to-kingdee-return",
];
/// What the seed's refunds are warned of: keys that have no effect, or none yet.
const WARNED: [&str; 2] = ["buildModel", "condition_bk"];
const CUSTOMERS: &str = include_str!("../../../flows/jushuitan-customer-to-kingdee.yaml");

#[test]
fn the_flows_of_the_repository_are_right() {
    let answer = weir(&["check", "../flows", "--json"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    assert_only_warned(&answer);
    let text = weir(&["check", "../flows"]);
    assert!(text.out.ends_with(&format!("\nno errors: 6 flows ({})\n", FLOWS.join(", "))), "{text:?}");
    let text = weir(&["check", "../flows", "--lang", "zh"]);
    assert!(text.out.ends_with(&format!("\n没有错误：6 个流程（{}）\n", FLOWS.join("、"))), "{text:?}");
}

/// Its secrets and certificates lie in files, and it needs a build with TLS.
#[test]
fn the_example_of_production_is_right_where_its_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("examples/production");
    let flow = "flows/jushuitan-sku-sn-to-mysql.yaml";
    for name in ["examples/production/secrets", "examples/production/tls", "flows"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    for name in ["examples/production/weir.yaml", flow] {
        std::fs::copy(format!("../{name}"), folder.path().join(name)).unwrap();
    }
    let file = place.join("weir.yaml");
    let check = || {
        let variables = [
            ("WEIR_KAFKA", "kafka-1.example.com:9093"),
            ("WEIR_MYSQL", "mysql://weir@mysql.example.com/books"),
            ("JUSHUITAN_APP_KEY", "key"),
        ];
        weir_with(&["check", file.to_str().unwrap()], &variables)
    };
    let without = check();
    assert_eq!(without.code, 2, "{without:?}");
    assert!(without.out.contains("kafka.security.ca_file: cannot read the file"), "{without:?}");
    let names = ["kafka", "mysql", "seal-key", "jushuitan-app-secret", "jushuitan-access-token"];
    for name in names.into_iter().chain(["jushuitan-refresh-token"]) {
        std::fs::write(place.join("secrets").join(name), "0123456789abcdef\n").unwrap();
    }
    std::fs::write(place.join("tls/ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let answer = check();
    if cfg!(feature = "tls") {
        assert_eq!(answer.code, 0, "{answer:?}");
    } else {
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(
            answer.out.contains("kafka.security.protocol: TLS to Kafka needs a build with"),
            "{answer:?}"
        );
    }
}

#[test]
fn the_examples_are_right() {
    for path in ["../examples/local/weir.yaml", "../examples/local", "../examples/compose/weir.yaml"] {
        let answer = weir(&["check", path, "--json"]);
        assert_eq!(answer.code, 0, "{path}: {answer:?}");
        assert_only_warned(&answer);
    }
}

/// All flows are right, and what is warned of is known.
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]
fn assert_only_warned(answer: &Answer) {
    let told = answer.json();
    assert_eq!((&told["ok"], &told["flows"]), (&json!(true), &json!(FLOWS)), "{answer:?}");
    let problems = told["problems"].as_array().unwrap();
    let paths: Vec<&str> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
    assert_eq!(paths, WARNED.map(|key| format!("source.metadata.{key}")));
    assert!(problems.iter().all(|problem| problem["severity"] == "warning"), "{answer:?}");
}

#[test]
fn what_editors_do_to_files_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let variants =
        [("bom.yaml", format!("\u{feff}{CUSTOMERS}")), ("crlf.yaml", CUSTOMERS.replace('\n', "\r\n"))];
    for (name, text) in variants {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let answer = weir(&["check", file.to_str().unwrap()]);
        assert_eq!(answer.code, 0, "{name}: {answer:?}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::write(path("gbk.yaml"), b"title: \xbf\xcd\xbb\xa7").unwrap();
    let cases = [
        ("nowhere.yaml", "no such file or folder\n    → check the path"),
        ("empty", "there is no flow file in this folder\n    → the name of a flow file ends in .yaml"),
        ("gbk.yaml", "is no UTF-8 text\n    → save it as UTF-8"),
    ];
    for (name, words) in cases {
        let answer = weir(&["check", &path(name)]);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.out.contains(words), "{answer:?}");
        assert!(answer.out.contains(&path(name)), "{answer:?}");
    }
}

#[test]
fn the_language_is_that_of_the_environment() {
    let said = |locale| weir_with(&["check", "nowhere"], &[("LC_ALL", locale)]).out;
    assert!(
        said("zh_CN.UTF-8").starts_with("错误: nowhere: 没有这个文件或文件夹"),
        "{}",
        said("zh_CN.UTF-8")
    );
    assert!(said("en_US.UTF-8").starts_with("error: nowhere: no such file"), "{}", said("en_US.UTF-8"));
}
