//! The target against prepared answers, over real HTTP: what is sent, and what becomes of each document.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use weir_model::digest::Digest;
use weir_model::document::{Document, FlowVersion, Verdict};
use weir_model::flow::FlowSpec;
use weir_model::names::{FlowName, RecordId};
use weir_model::receipt::{Delivered, Standing};
use weir_model::record::{Position, Reason, Version};
use weir_model::target::{Batch, Delivery, Ownership, Target as _};

use super::*;
use weir_model::outcome::Written;

const TOKEN: &str =
    r#"{"StatusCode":200,"Message":"Successful","Data":{"Code":"Y","Token":"AA11","Validity":3600}}"#;
const SAVED: &str = r#"{"StatusCode":200,"Message":"Successful","Data":{"BillNo":"XM1","InterID":13352}}"#;
const ABSENT: &str = r#"{"StatusCode":201,"Message":"单据不存在","Data":null}"#;
const NO_ROWS: &str = r#"{"StatusCode":200,"Message":"Successful","Data":{"DATA":[],"ROWCOUNT":0}}"#;
const ONE_ROW: &str =
    r#"{"StatusCode":200,"Message":"Successful","Data":{"DATA":[{"FBillNo":"XM1"}],"ROWCOUNT":1}}"#;
const TAKEN: &str = r#"{"StatusCode":201,"Message":"单据编号 XM1 已存在","Data":null}"#;
/// The stored document: other letter case, amounts as numbers, rows turned round, a time behind the date.
const STORED: &str = r#"{"StatusCode":200,"Message":"Successful","Data":{
    "Page1":[{"FBillNo":"XM1","FDate":"2024-03-12 00:00:00","FCancellation":false,"FCustID":{"FNumber":"C1","FName":"甲"}}],
    "Page2":[{"FItemID":{"FNumber":"B"},"Fauxqty":1.0},{"FItemID":{"FNumber":"A"},"Fauxqty":"3500.0000"}]}}"#;

/// Gives answers in order to whoever calls and keeps what it was sent; an empty answer cuts the connection.
struct Server {
    target: WiseTarget,
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    async fn start(settings: &str, answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = json!({
            "base_url": format!("http://{}/K3API/", listener.local_addr().unwrap()),
            "authority_code": "5a3fc0de",
            "calls_per_second": 200,
            "classify": [{"text": "Stop Customer", "class": "reference"}],
        });
        let mut problems = Problems::new("weir.yaml");
        let target = WiseTarget::build(
            &flow("/SO/Save", settings).target,
            &connection,
            "connections.k",
            &Clients::default(),
            &mut problems,
        );
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<String> = answers.iter().map(|text| (*text).to_owned()).collect();
        let (kept, mut task) = (Arc::clone(&seen), JoinSet::new());
        task.spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                kept.lock().unwrap().push(request);
                if !answer.is_empty() {
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ";
                    let whole = format!("{head}{}\r\n\r\n{answer}", answer.len());
                    stream.write_all(whole.as_bytes()).await.unwrap();
                }
            }
        });
        Self { target: target.unwrap(), seen, _task: task }
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> String {
        let batch =
            Batch { partition: 0, deliveries, settled: &[], next_offset: 0, ownership: Ownership::sole() };
        let outcomes = self.target.deliver(batch).await.unwrap();
        outcomes.iter().map(short).collect::<Vec<_>>().join(", ")
    }

    /// The actions called, without those of the token.
    fn actions(&self) -> String {
        let seen = self.seen.lock().unwrap();
        let path = |request: &String| request.split(['?', ' ']).nth(1).unwrap_or_default().to_owned();
        let paths = seen.iter().map(path).filter(|path| !path.contains("Token"));
        paths.map(|path| path.replace("/K3API/SO/", "")).collect::<Vec<_>>().join(" ")
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest);
            if body.len() >= length.split("\r\n").next().unwrap().parse::<usize>().unwrap() {
                return text;
            }
        }
        let mut chunk = [0_u8; 8192];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "request cut off");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

pub(super) fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(Written { id, number }) => format!("delivered {number}/{id}"),
        Outcome::Incomplete { written: Written { id, number }, refusal } => {
            format!("incomplete {} {number}/{id}", refusal.code)
        }
        Outcome::Retry { cause, .. } => format!("retry {}", cause.code),
        Outcome::Reject(refusal) => format!("reject {}", refusal.code),
        Outcome::Unknown(refusal) => format!("unknown {}", refusal.code),
        Outcome::Halt(refusal) => format!("halt {}", refusal.code),
        other => format!("{other:?}"),
    }
}

pub(super) fn flow(api: &str, settings: &str) -> FlowSpec {
    let text = format!(
        "version: 1\nflow: orders\nsource: {{name: s, system: x, metadata: {{api: a, id: id}}}}\ntarget:\n  system: \
         kingdee-k3wise\n  key: [Page1.FBillNo]\n  settings: {settings}\n  metadata: {{api: {api}, request: []}}\n"
    );
    FlowSpec::parse(&text, &mut Problems::new("f.yaml")).unwrap()
}

pub(super) fn delivery(number: &str) -> Delivery {
    let body = json!({
        "Page1": [{"FBillNo": number, "Fdate": "2024-03-12", "FCancellation": "false", "FCustID": {"FNumber": "C1", "FName": "1"}}],
        "Page2": [{"FItemID": {"FNumber": "A"}, "FAuxQty": "3500"}, {"FItemID": {"FNumber": "B"}, "FAuxQty": 1}],
    });
    let body = Bytes::from(body.to_string());
    let document = Document {
        flow: FlowName::from("orders"),
        flow_version: FlowVersion::default(),
        record_id: RecordId::from(number),
        key: number.to_owned(),
        number: number.to_owned(),
        verdict: Verdict::Mapped,
        digest: Digest::of(&body),
        body,
        payload: Bytes::new(),
        source_digest: Digest::default(),
        version: Version::default(),
        origin: Position { topic: "weir.raw.s".into(), partition: 0, offset: 0 },
        reason: Reason::Poll,
        polled_at: Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    };
    Delivery { document, offset: 0, previous: None, unresolved: false }
}

fn unresolved() -> Delivery {
    Delivery { unresolved: true, ..delivery("XM1") }
}

/// Delivered before, now with another quantity.
fn changed() -> Delivery {
    let mut delivery = delivery("XM1");
    let text = String::from_utf8(delivery.document.body.to_vec()).unwrap().replace("3500", "7");
    delivery.document.body = Bytes::from(text);
    delivery.previous = Some(Delivered {
        version: Version::default(),
        source_digest: Digest::default(),
        document_digest: Digest::default(),
        key: "XM1".to_owned(),
        written: Written { id: "13352".to_owned(), number: "XM1".to_owned() },
        flow_ordinal: 1,
        at: Timestamp::UNIX_EPOCH,
        standing: Standing::Held,
        repaired: false,
    });
    delivery
}

#[tokio::test]
async fn each_document_is_a_call_and_a_number_is_never_in_two_at_once() {
    let server = Server::start("{}", &[TOKEN, SAVED, SAVED, TAKEN]).await;
    let outcomes = server.deliver(&[delivery("XM1"), delivery(""), delivery("XM2"), delivery("xm1")]).await;
    assert_eq!(outcomes, "delivered XM1/13352, reject K-KEY, delivered XM1/13352, reject K-DUPLICATE");
    assert_eq!(server.actions(), "Save Save Save");
}

#[tokio::test]
async fn an_answer_that_did_not_come_is_looked_up_before_anything_is_sent_again() {
    let server = Server::start("{}", &[TOKEN, "", STORED, ABSENT, NO_ROWS, SAVED]).await;
    assert_eq!(server.deliver(&[delivery("XM1")]).await, "unknown K-AWAY");
    assert_eq!(server.deliver(&[unresolved()]).await, "delivered XM1/", "the stored one is ours");
    assert_eq!(server.deliver(&[unresolved()]).await, "delivered XM1/13352", "not there: sent again");
    assert_eq!(server.actions(), "Save GetDetail GetDetail GetList Save");
}

#[tokio::test]
async fn while_the_look_ups_disagree_or_fail_a_document_stays_unknown() {
    let odd = r#"{"StatusCode":200,"Message":"Successful","Data":"?"}"#;
    for (answers, expect, actions) in [
        (&[ABSENT, ONE_ROW][..], "unknown K-UNREADABLE", "GetDetail GetList"),
        (&[ABSENT, odd], "unknown K-UNREADABLE", "GetDetail GetList"),
        (&[""], "unknown K-AWAY", "GetDetail"),
    ] {
        let server = Server::start("{}", &[&[TOKEN], answers].concat()).await;
        assert_eq!(server.deliver(&[unresolved()]).await, expect);
        assert_eq!(server.actions(), actions);
    }
}

#[tokio::test]
async fn a_foreign_document_under_the_number_is_never_taken_for_ours() {
    let other = STORED.replace("3500", "9");
    let server = Server::start("{}", &[TOKEN, &other, TAKEN, ABSENT, NO_ROWS, TAKEN, &other]).await;
    assert_eq!(server.deliver(&[unresolved()]).await, "reject K-CONFLICT");
    assert_eq!(server.deliver(&[delivery("XM1")]).await, "reject K-DUPLICATE");
    assert_eq!(server.deliver(&[unresolved()]).await, "reject K-CONFLICT");
}

#[tokio::test]
async fn a_changed_record_is_a_dead_letter_unless_the_flow_says_otherwise() {
    for (settings, answers, expect, actions) in [
        ("{}", &[STORED][..], "reject K-CHANGED", "GetDetail"),
        ("{on_change: ignore}", &[STORED], "Unchanged", "GetDetail"),
        ("{on_change: update}", &[STORED, SAVED], "delivered XM1/13352", "GetDetail Update"),
        ("{on_change: update}", &[ABSENT, NO_ROWS], "reject K-GONE", "GetDetail GetList"),
    ] {
        let server = Server::start(settings, &[&[TOKEN], answers].concat()).await;
        assert_eq!(server.deliver(&[changed()]).await, expect, "{settings}");
        assert_eq!(server.actions(), actions);
    }
    let mut moved = changed();
    moved.document.key = "XM9".to_owned();
    assert_eq!(Server::start("{}", &[]).await.deliver(&[moved]).await, "reject KEY-CHANGED");
}

#[tokio::test]
async fn refusals_are_the_documents_and_locks_pass() {
    for (answer, expect) in [
        (
            r#"{"StatusCode":200,"Message":"Successful","Data":[{"FStatus":false,"FMessage":"客户不存在"}]}"#,
            "reject K-REFERENCE",
        ),
        (r#"{"StatusCode":201,"Message":"数量 必录","Data":null}"#, "reject K-MANDATORY"),
        (
            r#"{"StatusCode":201,"Message":"第 1 行分录：数量 [Fauxqty] 必须大于零","Data":null}"#,
            "reject K-VALIDATION",
        ),
        (r#"{"StatusCode":201,"Message":"物料已禁用","Data":null}"#, "reject K-REFERENCE"),
        (r#"{"StatusCode":201,"Message":"单据日期所在的会计期间已结账","Data":null}"#, "reject K-STATE"),
        (r#"{"StatusCode":201,"Message":"许可并发数已超出","Data":null}"#, "retry K-LICENCE"),
        (r#"{"StatusCode":201,"Message":"授权码无效","Data":null}"#, "halt K-CREDENTIAL"),
        // By the connection's own words.
        (r#"{"StatusCode":201,"Message":"Faild: stop customer","Data":null}"#, "reject K-REFERENCE"),
        (r#"{"StatusCode":500,"Message":"deadlock victim","Data":null}"#, "retry K-LOCKED"),
        (r#"{"StatusCode":500,"Message":"执行超时","Data":null}"#, "unknown K-AWAY"),
        (r#"{"StatusCode":403,"Message":"模块未授权","Data":null}"#, "halt K-PERMISSION"),
    ] {
        let server = Server::start("{}", &[TOKEN, answer]).await;
        assert_eq!(server.deliver(&[delivery("XM1")]).await, expect, "{answer}");
    }
}

#[tokio::test]
async fn an_unclear_answer_is_tried_a_bounded_number_of_times_and_an_unreadable_one_looked_up_between() {
    let faild = r#"{"StatusCode":201,"Message":"Faild","Data":null}"#;
    let not_there = ["{", ABSENT, NO_ROWS];
    for (delivery, answers, expect, actions) in [
        (delivery("XM1"), vec![faild, faild, faild], "reject K-UNCLEAR", "Save Save Save"),
        (delivery("XM1"), vec![faild, SAVED], "delivered XM1/13352", "Save Save"),
        // It was stored all the same.
        (delivery("XM1"), vec![faild, TAKEN, STORED], "delivered XM1/", "Save Save GetDetail"),
        (
            delivery("XM1"),
            [not_there, not_there, not_there].concat(),
            "reject K-UNREADABLE",
            "Save GetDetail GetList Save GetDetail GetList Save GetDetail GetList",
        ),
        (delivery("XM1"), vec!["{", STORED], "delivered XM1/", "Save GetDetail"),
        // What is tried again later is looked up first, for it may have been stored meanwhile.
        (
            delivery("XM1"),
            vec!["{", ABSENT, NO_ROWS, r#"{"StatusCode":500,"Message":"死锁","Data":null}"#],
            "unknown K-LOCKED",
            "Save GetDetail GetList Save",
        ),
        // While the look-up cannot be read either, it is the server that is away.
        (delivery("XM1"), vec!["<html>", "<html>"], "unknown K-UNREADABLE", "Save GetDetail"),
        (
            changed(),
            vec![STORED, "{", STORED, SAVED],
            "delivered XM1/13352",
            "GetDetail Update GetDetail Update",
        ),
    ] {
        let server = Server::start("{on_change: update}", &[vec![TOKEN], answers].concat()).await;
        assert_eq!(server.deliver(&[delivery]).await, expect, "{actions}");
        assert_eq!(server.actions(), actions);
    }
}

#[tokio::test]
async fn a_document_with_another_id_is_not_ours_and_an_audited_one_is_not_updated() {
    let with = |field: &str| STORED.replace("\"FCancellation\"", &format!("{field},\"FCancellation\""));
    let (other, audited) = (with("\"FInterID\":77"), with("\"FStatus\":1"));
    let state = r#"{"StatusCode":201,"Message":"单据 XM1 已审核，不能修改","Data":null}"#;
    for (answers, expect, actions) in [
        (vec![other.as_str()], "reject K-CONFLICT", "GetDetail"),
        (vec![audited.as_str()], "reject K-AUDITED", "GetDetail"),
        // Somebody audited it between our look-up and our update.
        (vec![STORED, state, audited.as_str()], "reject K-AUDITED", "GetDetail Update GetDetail"),
    ] {
        let server = Server::start("{on_change: update}", &[vec![TOKEN], answers].concat()).await;
        assert_eq!(server.deliver(&[changed()]).await, expect, "{actions}");
        assert_eq!(server.actions(), actions);
    }
}

#[tokio::test]
async fn an_audit_that_was_made_before_is_done_and_a_locked_one_looks_first() {
    let (audited, locked) = (
        r#"{"StatusCode":201,"Message":"单据 XM1 已审核","Data":null}"#,
        r#"{"StatusCode":201,"Message":"单据正在被编辑","Data":null}"#,
    );
    let shown = STORED.replace("\"FCancellation\"", "\"FStatus\":1,\"FCancellation\"");
    assert_ne!(shown, STORED);
    let refused = r#"{"StatusCode":201,"Message":"审核失败：物料已禁用","Data":null}"#;
    let refused_calls = "Save CheckBill GetDetail";
    for (delivery, answers, expect, actions) in [
        (delivery("XM1"), vec![SAVED, audited], "delivered XM1/13352", "Save CheckBill"),
        (delivery("XM1"), vec![SAVED, locked], "unknown K-LOCKED", "Save CheckBill"),
        (unresolved(), vec![STORED, SAVED], "delivered XM1/", "GetDetail CheckBill"),
        (unresolved(), vec![shown.as_str()], "delivered XM1/", "GetDetail"),
        // Refused, and the status says that it was made.
        (
            delivery("XM1"),
            vec![SAVED, refused, shown.as_str()],
            "delivered XM1/13352",
            "Save CheckBill GetDetail",
        ),
        (delivery("XM1"), vec![SAVED, refused, STORED], "incomplete K-REFERENCE XM1/13352", refused_calls),
    ] {
        let server = Server::start("{audit: true}", &[vec![TOKEN], answers].concat()).await;
        assert_eq!(server.deliver(&[delivery]).await, expect, "{actions}");
        assert_eq!(server.actions(), actions);
    }
}

#[tokio::test]
async fn a_probe_asks_for_a_token_and_a_list() {
    let server = Server::start("{}", &[TOKEN, NO_ROWS]).await;
    assert!(server.target.probe().await.unwrap().problems.is_empty());
    let server = Server::start("{}", &[r#"{"StatusCode":201,"Message":"no","Data":{"Code":"N"}}"#]).await;
    assert!(matches!(server.target.probe().await, Err(TargetError::Halted(_))));
}

#[test]
fn settings_are_checked_all_at_once() {
    let mut problems = Problems::new("f.yaml");
    check(&flow("/SO/Delete", "{on_chnage: update}").target, &mut problems);
    let words = json!([{"text": "信用额度", "class": "validation"}, {"class": "validatoin"}, {"text": "x"}]);
    let connection = json!({"base_url": "x", "token": "1", "classify": words});
    check_connection(&connection, "connections.k", &mut problems);
    let paths: Vec<_> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "target.metadata.api",
            "target.settings.on_chnage",
            "connections.k.base_url",
            "connections.k.authority_code",
            "connections.k.classify[1].text",
            "connections.k.classify[1].class",
            "connections.k.classify[2].class",
            "connections.k.token",
        ]
    );
}
