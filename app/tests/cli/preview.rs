//! `weir preview`: records of files, of a source that is called once, and what is told when there is none.

use std::{
    io::Write as _,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use weir_sandbox::{Options, Sandbox};

use crate::weir::{Answer, weir, weir_with};

const CUSTOMERS: &str = "../flows/jushuitan-customer-to-kingdee.yaml";
const MOVEMENTS: &str = "../flows/jushuitan-sku-sn-to-mysql.yaml";
const CUSTOMER: &str = r#"{"drp_co_id": 20011, "name": "华东分销商", "co_id": 901, "credit": 0.10}"#;

fn preview(flow: &str, record: &str, more: &[&str]) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.json");
    std::fs::write(&file, record).unwrap();
    weir(&[&["preview", flow, "--record", file.to_str().unwrap()], more].concat())
}

fn field<'j>(record: &'j Value, path: &str) -> &'j Value {
    let fields = record.pointer("/parts/0/fields").and_then(Value::as_array).unwrap();
    fields.iter().find(|field| field["path"] == path).unwrap_or_else(|| panic!("{path}: {record}"))
}

#[test]
fn every_step_of_a_record_is_told() {
    let answer = preview(CUSTOMERS, CUSTOMER, &["--json", "--now", "2024-03-14 16:00:00"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    let json = answer.json();
    assert_eq!((&json["flow"], &json["sent"]), (&json!("jushuitan-customer-to-kingdee"), &json!(false)));
    let record = &json["records"][0];
    assert_eq!((&record["number"], &record["now"]), (&json!("20011"), &json!("2024-03-14T08:00:00Z")));
    assert_eq!(record["input"]["credit"].to_string(), "0.10");
    let name = field(record, "FName");
    assert_eq!((&name["expression"], &name["value"]), (&json!("{name}"), &json!("华东分销商")));
    assert_eq!(name["inputs"][0]["name"], "name");
    assert_eq!(field(record, "FUseOrgId")["parser"], "ConvertObjectParser");
    assert_eq!(record["parts"][0]["document"]["FUseOrgId"], json!({"FNumber": "100"}));
    assert_eq!(
        (&record["result"]["verdict"], &record["result"]["key"]),
        (&json!("mapped"), &json!("20011|100"))
    );
}

#[test]
fn a_refusal_is_shown_at_the_field_where_it_happens() {
    let record = r#"{"sku_sn": "SN1", "ioi_sn_id": 1, "cost_price": "0.1234567"}"#;
    let json = preview(MOVEMENTS, record, &["--json"]).json();
    let record_told = &json["records"][0];
    assert_eq!(record_told["result"]["code"], "M-COLUMN", "{json}");
    let fields = record_told["parts"][0]["fields"].as_array().unwrap();
    let last = fields.last().unwrap();
    assert!(last["path"].as_str().unwrap().ends_with("cost_price"), "{last}");
    assert!(last["problem"].as_str().unwrap().contains("0.1234567"), "{last}");
    assert_eq!(record_told["parts"][0]["document"], Value::Null);

    let text = preview(MOVEMENTS, record, &[]);
    assert_eq!(text.code, 0, "a refusal is an answer: {text:?}");
    assert!(text.out.contains("→ is refused: M-COLUMN"), "{text:?}");
    assert!(text.out.ends_with("Nothing was sent.\n"), "{text:?}");
}

#[test]
fn the_rows_of_a_table_are_told_by_column() {
    let json =
        preview(MOVEMENTS, r#"{"sku_sn": "SN1", "ioi_sn_id": 1, "cost_price": 0.10}"#, &["--json"]).json();
    let row = &json["records"][0]["parts"][0]["rows"][0];
    assert_eq!((row["cost_price"].to_string().as_str(), &row["remark"]), ("0.10", &Value::Null), "{json}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.json");
    let long = r#"{"sku_sn": "SN1", "ioi_sn_id": 1, "supplier_name": "华东供应商有限公司华东供应商有限公司", "remark": "a\u001b[31m"}"#;
    std::fs::write(&file, long).unwrap();
    for (columns, width) in [("80", 80), ("120", 120)] {
        for language in ["zh", "en"] {
            let arguments = ["preview", MOVEMENTS, "--record", file.to_str().unwrap(), "--lang", language];
            let answer = weir_with(&arguments, &[("COLUMNS", columns)]);
            assert_eq!(answer.code, 0, "{answer:?}");
            assert!(!answer.out.contains('\u{1b}'), "a value moves no cursor: {answer:?}");
            // The heading names the file, whose path is as long as it is.
            for line in answer.out.lines().filter(|line| !line.starts_with("━━")) {
                let taken: usize = line.chars().map(|c| if u32::from(c) >= 0x2E80 { 2 } else { 1 }).sum();
                assert!(taken <= width, "{taken} > {width}: {line}");
            }
        }
    }
}

#[test]
fn standard_input_may_hold_several_records() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["preview", CUSTOMERS, "--record", "-", "--lang", "en"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list = format!("[{CUSTOMER}, [1], {{\"drp_co_id\": 2}}]");
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["━━ 1/3  20011", "→ is refused: M-PAYLOAD", "━━ 3/3  2  standard input"] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn reference_rows_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let flow = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CUSTOMERS)).unwrap();
    let looked_up = flow.replace(
        "value: \"{co_id}\"}",
        "value: \"_findCollection find title from companies where id={co_id}\"}",
    );
    assert_ne!(flow, looked_up);
    std::fs::write(path("flow.yaml"), looked_up).unwrap();
    std::fs::write(path("rows.yaml"), "companies: [{id: 901, title: 总部}]\n").unwrap();
    let with_rows =
        preview(&path("flow.yaml"), CUSTOMER, &["--json", "--lookups", &path("rows.yaml")]).json();
    assert_eq!(field(&with_rows["records"][0], "FDescription")["value"], "总部");
    let without = preview(&path("flow.yaml"), CUSTOMER, &["--json"]).json();
    let problem = field(&without["records"][0], "FDescription")["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("companies"), "{problem}");
}

#[test]
fn the_source_is_called_once_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = Options { customers: 30, movements: 10, ..Options::default() };
    let sandbox = runtime.block_on(Sandbox::start(options, "127.0.0.1:0")).unwrap();
    let broker = nobody();
    let answer = weir_with(
        &[
            "preview",
            "jushuitan-customer-to-kingdee",
            "--live",
            "2",
            "--json",
            "-c",
            "../examples/local/weir.yaml",
        ],
        &[
            ("WEIR_KAFKA", &broker),
            ("WEIR_MYSQL", "mysql://weir@127.0.0.1:1/books"),
            ("WEIR_SANDBOX", &sandbox.base_url()),
        ],
    );
    runtime.block_on(sandbox.shutdown());
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    let json = answer.json();
    assert_eq!(json["records"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["records"][0]["result"]["verdict"], "mapped", "{json}");
}

#[test]
fn a_raw_record_needs_kafka() {
    let broker = nobody();
    let answer = weir_with(
        &["preview", "jushuitan-customer-to-kingdee", "--raw", "20011", "-c", "../examples/local/weir.yaml"],
        &[
            ("WEIR_KAFKA", &broker),
            ("WEIR_MYSQL", "mysql://weir@127.0.0.1:1/books"),
            ("WEIR_SANDBOX", "http://127.0.0.1:1"),
        ],
    );
    assert_eq!((answer.code, answer.out.as_str()), (3, ""), "{answer:?}");
    assert!(answer.err.contains(&broker), "{answer:?}");
}

#[test]
fn what_cannot_be_looked_through_is_told() {
    let answer = weir(&["preview", CUSTOMERS]);
    assert!(answer.code == 2 && answer.err.contains("--record"), "{answer:?}");
    let answer = weir(&["preview", CUSTOMERS, "--record", "nowhere.json"]);
    assert!(answer.code == 2 && answer.err.contains("nowhere.json: no such file"), "{answer:?}");
    let answer = preview(CUSTOMERS, CUSTOMER, &["--now", "soon"]);
    assert!(answer.code == 2 && answer.err.contains("--now: \"soon\" is no local time"), "{answer:?}");
    let answer = preview("tests/broken/unknown-function.yaml", "{}", &[]);
    assert!(
        answer.code == 2 && answer.err.contains("error: tests/broken/unknown-function.yaml"),
        "{answer:?}"
    );
}

/// An address on which nobody listens: it was free a moment ago.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
