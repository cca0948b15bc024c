//! `weir collections` against a real Kafka: a file's rows in, changed, shown and out again.
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tempfile::TempDir;

const CONNECTIONS: &str = "connections:
  jushuitan: {system: jushuitan, app_key: k, app_secret: s, access_token: t}
  kingdee-galaxy: {system: kingdee-galaxy, base_url: 'http://127.0.0.1:9/k3cloud/', account_id: a, user_name: u, app_id: i, app_secret: s}
";

/// A project of its own topics with the collection `shops`.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let Ok(brokers) = std::env::var("WEIR_KAFKA") else {
            panic!(
                "this test needs a real Kafka: run `cargo xtask test`, or set WEIR_KAFKA to its bootstrap servers"
            )
        };
        let folder = TempDir::new().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let text = format!(
            "version: 1\nkafka: {{brokers: '{brokers}', prefix: weir-test-{now:x}-shops}}\n{CONNECTIONS}flows: [flows]\ncollections:\n  shops: {{key: [shop_no], file: shops.csv}}\n"
        );
        fs::write(folder.path().join("weir.yaml"), text).unwrap();
        let project = Self { folder };
        let flows = project.path("flows");
        fs::create_dir(&flows).unwrap();
        fs::copy("../flows/jushuitan-customer-to-kingdee.yaml", flows.join("customers.yaml")).unwrap();
        project.ok(&["topics", "apply"]);
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(arguments)
            .args(["--json", "-c"])
            .arg(self.path("weir.yaml"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        serde_json::from_str(&out).unwrap()
    }

    fn load(&self, file: &str, content: &str, more: &[&str]) -> Value {
        let path = self.path(file);
        fs::write(&path, content).unwrap();
        self.ok(&[&["collections", "load", "shops", path.to_str().unwrap()], more].concat())
    }
}

#[test]
fn rows_are_loaded_shown_replaced_and_dropped() {
    let project = Project::new();
    fs::write(project.path("shops.csv"), "\u{feff}shop_no,name\r\nS1,一店\r\nS2,二店\r\nS3,三店\r\n")
        .unwrap();
    let counts = |rows: u64, written: u64, removed: u64| json!({"collection": "shops", "rows": rows, "written": written, "removed": removed});
    assert_eq!(project.ok(&["collections", "load", "shops"]), counts(3, 3, 0));
    assert_eq!(project.ok(&["collections", "load", "shops"]), counts(3, 0, 0), "unchanged rows stay");

    let shown = project.ok(&["collections", "get", "shops", "--where", "name=二店"]);
    assert_eq!(shown, json!({"total": 1, "rows": [{"id": "S2", "row": {"shop_no": "S2", "name": "二店"}}]}));

    // A file adds and changes; only --replace removes.
    let array = r#"[{"shop_no":"S2","name":"二店","rate":0.10},{"shop_no":"S4","name":"四店"}]"#;
    assert_eq!(project.load("shops.json", array, &[]), counts(2, 2, 0));
    assert_eq!(project.ok(&["collections", "get", "shops"])["total"], 4);
    let (_, out, _) = project.run(&["collections", "get", "shops", "S2"]);
    assert!(out.contains(r#""rate":0.10"#), "numbers keep their text: {out}");
    assert_eq!(project.load("shops.json", array, &["--replace"]), counts(2, 0, 2));
    let listed = project.ok(&["collections", "list"]);
    assert_eq!(
        (&listed["collections"][0]["rows"], &listed["collections"][0]["key"]),
        (&json!(2), &json!(["shop_no"]))
    );

    // Nothing is removed without a yes, nor beside a name that is not there.
    for arguments in
        [&["collections", "drop", "shops"][..], &["collections", "drop", "shops", "S2", "S9", "--yes"]]
    {
        let (code, _, err) = project.run(arguments);
        assert_eq!(code, 2, "{err}");
    }
    let dropped = json!({"collection": "shops", "removed": 1});
    assert_eq!(project.ok(&["collections", "drop", "shops", "S2", "--yes"]), dropped);
    assert_eq!(project.run(&["collections", "get", "shops", "S2"]).0, 2);
    assert_eq!(project.ok(&["collections", "drop", "shops", "--yes"]), dropped);
    assert_eq!(project.ok(&["collections", "get", "shops"]), json!({"total": 0, "rows": []}));
}
