//! `weir diff` against a real Kafka: what a changed flow file would make of records that were polled already. Nothing is
//! written while it compares.
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_kafka::{Cluster, OutRecord, Publisher, Settings};
use weir_model::{
    digest::Digest,
    names::{RecordId, SourceName},
    record::{RawRecord, Reason},
};
use weir_runtime::topics::Topics;
use weir_schemas::Codec;

const REFUNDS: &str = include_str!("../../flows/wdt-refund-to-kingdee-return.yaml");
const FLOW: &str = "wdt-refund-to-kingdee-return";
const SOURCE: &str = "wdt-refunds";
const PRICE: &str = r#"value: "{{refund_order_list.price}}"}"#;
/// Refunds with lines; each has two, of 10.00 and 0.25.
const WITH_LINES: usize = 200;
/// Refunds without any.
const WITHOUT: usize = 20;

/// A project of one flow, in topics of its own.
struct Project {
    folder: tempfile::TempDir,
    prefix: String,
    cluster: Cluster,
}

impl Project {
    /// Writes the project, whose flow reckons a tax of 13 %, and creates its topics.
    fn start() -> Self {
        let brokers = std::env::var("WEIR_KAFKA").unwrap_or_else(|_| panic!("WEIR_KAFKA is not set"));
        // Tests that begin in the same moment are told apart by their number.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let prefix = format!("diff-{}-{}", now.as_micros(), STARTED.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("flows")).unwrap();
        let text = format!(
            r#"version: 1
kafka: {{brokers: "{brokers}", prefix: {prefix}}}
collections:
  shops: {{key: [shop_no]}}
connections:
  wangdiantong-enterprise: {{system: wangdiantong-enterprise, sid: s, app_key: k, app_secret: x}}
  kingdee-galaxy:
    system: kingdee-galaxy
    base_url: http://127.0.0.1:1/k3cloud/
    account_id: a
    user_name: u
    app_id: i
    app_secret: 0123456789abcdef0123456789abcdef
"#
        );
        std::fs::write(folder.path().join("weir.yaml"), text).unwrap();
        let rows = "shops: [{shop_no: \"101\", email: shop@example.com}]\n";
        std::fs::write(folder.path().join("rows.yaml"), rows).unwrap();
        let cluster = Cluster::remote(Settings::plaintext(brokers)).unwrap();
        let project = Self { folder, prefix, cluster };
        project.write("flows/refunds.yaml", &taxed("1.13"));
        project.weir(&["topics", "apply"]);
        project
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs a command on the project, which must succeed.
    fn weir(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.attempt(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    fn attempt(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(arguments)
            .args(["-c", "weir.yaml"])
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "80")
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Compares the flow with a file.
    fn diff(&self, file: &str, more: &[&str]) -> Value {
        let arguments = ["diff", FLOW, "--against", file, "--lookups", "rows.yaml", "--json"];
        serde_json::from_str(&self.weir(&[&arguments, more].concat())).unwrap()
    }

    /// Why a comparison is refused as wrong input.
    fn refusal(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.attempt(&[&["diff", "--lookups", "rows.yaml"], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        err
    }

    /// Appends records to the raw topic.
    fn poll(&self, records: impl Iterator<Item = (String, String)>) {
        let topic = Topics::new(&self.prefix).raw(&SourceName::from(SOURCE));
        let record = |(id, payload): (String, String)| {
            let record = RawRecord {
                source: SourceName::from(SOURCE),
                id: RecordId::from(id.as_str()),
                digest: Digest::of(payload.as_bytes()),
                payload: payload.into_bytes().into(),
                modified: None,
                polled_at: Timestamp::now(),
                reason: Reason::Poll,
                deleted: false,
            };
            OutRecord::new(topic.as_str(), id, Codec::single_object().encode(&record))
        };
        let records: Vec<OutRecord> = records.map(record).collect();
        Publisher::open(&self.cluster).unwrap().publish(&records).unwrap();
    }
}

/// The flow with a price that holds a tax.
fn taxed(factor: &str) -> String {
    let with_tax = format!(r#"value: "_function '{{{{refund_order_list.price}}}}' * {factor}"}}"#);
    let text = REFUNDS.replace(PRICE, &with_tax);
    assert_ne!(text, REFUNDS);
    text
}

/// A refund in one of its states.
fn refund(number: usize, remark: &str) -> (String, String) {
    let lines = match number < WITH_LINES {
        true => json!([
            {"goods_no": "G1", "refund_num": "1", "price": "10.00"},
            {"goods_no": "G2", "refund_num": "2", "price": "0.25"},
        ]),
        false => json!([]),
    };
    let record = json!({
        "refund_id": number.to_string(), "refund_no": format!("TK{number:04}"), "shop_no": "101", "status": "5",
        "created": "2024-01-14 09:05:00", "remark": remark, "refund_order_list": lines,
    });
    (number.to_string(), record.to_string())
}

#[test]
fn a_changed_tax_is_seen_in_every_document_that_has_it_and_nothing_else_is() {
    let project = Project::start();
    project.poll((0..WITH_LINES + WITHOUT).map(|number| refund(number, "old")));
    project.poll((0..10).map(|number| refund(number, "new")));
    project.write("new.yaml", &taxed("1.09"));

    let told = project.diff("new.yaml", &[]);
    assert_eq!(told["records"]["read"], WITH_LINES + WITHOUT + 10, "{told}");
    assert_eq!(told["records"]["older_states"], 10, "{told}");
    assert_eq!(
        (&told["documents"]["changed"], &told["documents"]["same"]),
        (&json!(WITH_LINES), &json!(WITHOUT))
    );
    assert_eq!((&told["changes"], &told["a_replay_would_write"]), (&json!(true), &json!(WITH_LINES)));
    let fields = told["fields"].as_array().unwrap();
    assert_eq!((fields.len(), &fields[0]["field"]), (1, &json!("FEntity[].FTaxPrice")), "{told}");
    assert_eq!((&fields[0]["documents"], &fields[0]["values"]), (&json!(WITH_LINES), &json!(2 * WITH_LINES)));
    // 200 × (10.00 + 0.25) × (1.09 − 1.13)
    let sum: weir_model::decimal::Decimal = fields[0]["sum_difference"].as_str().unwrap().parse().unwrap();
    assert_eq!(sum.trimmed().to_string(), "-82", "{told}");
    let example = &fields[0]["examples"][0];
    let values = [&example["old"], &example["new"]].map(|value| value.to_string().parse().unwrap());
    let values = values.map(|value: weir_model::decimal::Decimal| value.trimmed().to_string());
    assert_eq!(
        (&example["place"], values),
        (&json!("FEntity[0].FTaxPrice"), ["11.3".to_owned(), "10.9".to_owned()])
    );
    assert_eq!(told["endings"], json!([]));

    // Each state of a record counts where that is asked for, and the newest records alone where they are limited.
    assert_eq!(project.diff("new.yaml", &["--all-states"])["documents"]["changed"], WITH_LINES + 10);
    let few = project.diff("new.yaml", &["--limit", "60"]);
    assert!(few["records"]["read"].as_u64().unwrap() <= 60, "{few}");
    assert!(few["records"]["left_out_by_limit"].as_u64().unwrap() >= 160, "{few}");

    // The text that runs is what is compared with, not the file.
    assert_eq!(told["old"]["version"], Value::Null);
    project.weir(&["flows", "apply", FLOW]);
    project.write("flows/refunds.yaml", &taxed("1.09"));
    let told = project.diff("new.yaml", &[]);
    assert_eq!(
        (&told["old"]["version"], &told["documents"]["changed"]),
        (&json!(1), &json!(WITH_LINES)),
        "{told}"
    );
    project.weir(&["flows", "apply", FLOW]);
    let told = project.diff("new.yaml", &["--list"]);
    let unchanged = (&json!(2), &json!(false), &json!([]));
    assert_eq!((&told["old"]["version"], &told["changes"], &told["list"]), unchanged, "{told}");
    assert_eq!(project.diff("new.yaml", &["--from", "1"])["documents"]["changed"], WITH_LINES);
}

#[test]
fn other_endings_are_told_with_their_causes_and_people_get_them_in_words() {
    let project = Project::start();
    project.poll((0..WITH_LINES + WITHOUT).map(|number| refund(number, "x")));
    let checks = "checks:\n  - {name: few, expression: \"'{refund_id}' < 190\"}\n";
    let filtered = taxed("1.13")
        .replace(
            "    condition_bk:\n",
            "    condition: [[{field: refund_no, logic: neqv2, value: TK0000}]]\n    condition_bk:\n",
        )
        .replace("\ntarget:\n", &format!("\n{checks}\ntarget:\n"));
    project.write("new.yaml", &filtered);
    let told = project.diff("new.yaml", &["--list"]);
    let documents = &told["documents"];
    assert_eq!(
        (&documents["newly_filtered"], &documents["newly_refused"], &documents["same"]),
        (&json!(1), &json!(30), &json!(189))
    );
    let endings = told["endings"].as_array().unwrap();
    assert_eq!(
        (&endings[0]["kind"], &endings[0]["cause"]),
        (&json!("newly_refused"), &json!("M-CHECK few")),
        "{told}"
    );
    assert_eq!(told["list"].as_array().unwrap().len(), 31, "{told}");

    let arguments = ["diff", FLOW, "--against", "new.yaml", "--lookups", "rows.yaml", "--lang"];
    let text = project.weir(&[&arguments[..], &["en"]].concat());
    for part in ["same                  189", "newly refused          30", "M-CHECK few", "Nothing was sent"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(project.weir(&[&arguments[..], &["zh"]].concat()).contains("新近拒绝"));

    // The other way round: what was refused is delivered again.
    project.weir(&["flows", "apply", FLOW]);
    project.write("flows/refunds.yaml", &filtered);
    project.weir(&["flows", "apply", FLOW]);
    project.write("old.yaml", &taxed("1.13"));
    assert_eq!(project.diff("old.yaml", &[])["documents"]["newly_delivered"], 31);
}

#[test]
fn what_cannot_be_compared_is_refused_with_why() {
    let project = Project::start();
    project.poll([refund(1, "x")].into_iter());
    project.write("new.yaml", &taxed("1.09"));
    assert!(project.refusal(&["orders", "--against", "new.yaml"]).contains("no flow is called \"orders\""));
    assert!(project.refusal(&[FLOW, "--against", "none.yaml"]).contains("none.yaml"));
    project.write("other.yaml", &taxed("1.09").replace(&format!("flow: {FLOW}"), "flow: returns"));
    assert!(project.refusal(&[FLOW, "--against", "other.yaml"]).contains("is flow returns, not"));
    project.write("source.yaml", &taxed("1.09").replace("name: wdt-refunds", "name: refunds"));
    assert!(
        project
            .refusal(&[FLOW, "--against", "source.yaml"])
            .contains("reads the source refunds, not wdt-refunds")
    );
    project.write(
        "wrong.yaml",
        &taxed("1.09").replace("key: [FBillNo]", "keys: [FBillNo]").replace("every: 60s", "every: soon"),
    );
    let said = project.refusal(&[FLOW, "--against", "wrong.yaml"]);
    assert!(
        said.contains("target.keys") && said.contains("source.poll.every"),
        "all problems at once: {said}"
    );
    assert!(project.refusal(&[FLOW, "--against", "new.yaml", "--since", "yesterday"]).contains("is no time"));
    assert!(project.diff("new.yaml", &["--since", "-1h"])["since"].is_string());
    assert!(project.refusal(&[FLOW, "--against", "new.yaml", "--from", "7"]).contains("has no version 7"));
    let late = ["--since", "2030-01-01"];
    assert!(
        project
            .refusal(&[&[FLOW, "--against", "new.yaml"][..], &late].concat())
            .contains("has no record of that time")
    );
}
