//! The target against the sandbox, over real HTTP: what is stored afterwards, and how often it was written.

use std::fmt::Write as _;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use weir_model::digest::Digest;
use weir_model::document::{Document, FlowVersion, Verdict};
use weir_model::flow::FlowSpec;
use weir_model::names::{FlowName, RecordId};
use weir_model::outcome::{Outcome, Written};
use weir_model::receipt::{Delivered, Standing};
use weir_model::record::{Position, Reason, Version};
use weir_model::settings::Problems;
use weir_model::target::{Batch, Delivery, Ownership, Target as _, TargetError};
use weir_sandbox::When::{Every, Next};
use weir_sandbox::kingdee::DocumentStatus;
use weir_sandbox::{Fault, Handle, Options, Rule, Running, Sandbox};

use super::{Clients, GalaxyTarget, check, check_connection};

const FLOW: &str = r#"
version: 1
flow: a-to-b
source: {name: a, system: jushuitan, metadata: {api: /x, id: drp_co_id}}
target:
  system: kingdee-galaxy
  key: [FCreateOrgId.FNumber, FNumber]
  settings: SETTINGS
  metadata:
    api: batchSave
    otherRequest:
      - {field: FormId, type: string, value: BD_Customer}
      - {field: Operation, type: string, value: batchSave}
      - {field: IsVerifyBaseDataField, type: bool, value: "false"}
      - {field: IsAutoSubmitAndAudit, type: bool, value: "true"}
"#;

pub(super) fn flow(settings: &str) -> FlowSpec {
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(&FLOW.replace("SETTINGS", settings), &mut problems).unwrap();
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    flow
}

pub(super) fn connection(base_url: &str) -> Value {
    json!({
        "base_url": format!("{base_url}/k3cloud/"),
        "account_id": "65f0c0ffee0001",
        "user_name": "integration",
        "app_id": "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz",
        "app_secret": "0123456789abcdef0123456789abcdef",
        "calls_per_second": 200,
    })
}

fn built(flow: &FlowSpec, connection: &Value) -> GalaxyTarget {
    let mut problems = Problems::new("weir.yaml");
    let clients = Clients::default();
    let target = GalaxyTarget::build(&flow.target, connection, "connections.k", &clients, &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    target.unwrap()
}

pub(super) struct Site {
    pub(super) running: Running,
    pub(super) target: GalaxyTarget,
}

impl Site {
    pub(super) async fn start(settings: &str) -> Self {
        Self::with(&flow(settings), |_| {}).await
    }

    pub(super) async fn with(flow: &FlowSpec, change: impl FnOnce(&mut Value)) -> Self {
        let options = Options { customers: 1, movements: 1, ..Options::default() };
        let running = Sandbox::start(options, "127.0.0.1:0").await.unwrap();
        let mut connection = connection(&running.base_url());
        change(&mut connection);
        Self { target: built(flow, &connection), running }
    }

    /// The target of a flow, as another process makes it.
    pub(super) fn target_of(flow: &FlowSpec, base_url: &str) -> GalaxyTarget {
        built(flow, &connection(base_url))
    }

    pub(super) fn handle(&self) -> Handle {
        self.running.handle()
    }

    pub(super) async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let batch =
            Batch { partition: 0, deliveries, settled: &[], next_offset: 0, ownership: Ownership::sole() };
        self.target.deliver(batch).await.unwrap()
    }

    /// What is stored under a number: name, status, creates, updates.
    pub(super) fn stored(&self, number: &str) -> Option<(String, DocumentStatus, usize, u32)> {
        let state = self.handle().state();
        let document = state.kingdee.store.document("BD_Customer", number)?;
        let name = document.fields.get("FName").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((name, document.status, document.creates, document.updates))
    }

    pub(super) fn calls(&self, operation: &str) -> u64 {
        let counts = self.handle().state().calls;
        counts.get(&format!("kingdee {operation}")).map_or(0, |count| count.received)
    }
}

pub(super) fn delivery(number: &str, name: &str) -> Delivery {
    let body = json!({
        "FNumber": number, "FName": name, "FDescription": "10000001",
        "FCreateOrgId": {"FNumber": "100"}, "FUseOrgId": {"FNumber": "100"},
    });
    let body = Bytes::from(body.to_string());
    let document = Document {
        flow: FlowName::from("a-to-b"),
        flow_version: FlowVersion::default(),
        record_id: RecordId::from(number),
        key: format!("100|{number}"),
        number: number.to_owned(),
        verdict: Verdict::Mapped,
        digest: Digest::of(&body),
        body,
        payload: Bytes::new(),
        source_digest: Digest::default(),
        version: Version::default(),
        origin: Position { topic: "weir.raw.a".into(), partition: 0, offset: 0 },
        reason: Reason::Poll,
        polled_at: Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    };
    Delivery { document, offset: 0, previous: None, unresolved: false }
}

pub(super) fn unresolved(number: &str, name: &str) -> Delivery {
    Delivery { unresolved: true, ..delivery(number, name) }
}

/// The record of `number`, delivered before as `written`, now with another name.
pub(super) fn changed(number: &str, name: &str, written: &Written) -> Delivery {
    let mut delivery = delivery(number, name);
    delivery.previous = Some(Delivered {
        version: Version::default(),
        source_digest: Digest::default(),
        document_digest: Digest::default(),
        key: delivery.document.key.clone(),
        written: written.clone(),
        flow_ordinal: 1,
        at: Timestamp::UNIX_EPOCH,
        standing: Standing::Held,
        repaired: false,
    });
    delivery
}

pub(super) fn written(outcome: &Outcome) -> Written {
    match outcome {
        Outcome::Delivered(written) => written.clone(),
        other => panic!("{other:?}"),
    }
}

/// The outcomes in short: `delivered`, or the kind and its code.
pub(super) fn short(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let (kind, code) = match outcome {
            Outcome::Delivered(_) => ("delivered", ""),
            Outcome::Unchanged => ("unchanged", ""),
            Outcome::Superseded => ("superseded", ""),
            Outcome::Retry { cause, .. } => ("retry ", cause.code.as_str()),
            Outcome::Reject(refusal) => ("reject ", refusal.code.as_str()),
            Outcome::Unknown(refusal) => ("unknown ", refusal.code.as_str()),
            Outcome::Incomplete { refusal, .. } => ("incomplete ", refusal.code.as_str()),
            Outcome::Halt(refusal) => ("halt ", refusal.code.as_str()),
        };
        write!(text, "{}{kind}{code}", if text.is_empty() { "" } else { ", " }).unwrap();
    }
    text
}

#[tokio::test]
async fn a_batch_is_one_call_and_a_bad_document_does_not_hold_the_good() {
    let site = Site::start("{}").await;
    let outcomes = site
        .deliver(&[delivery("1", "甲"), delivery("2", ""), delivery("", "丙"), delivery("4", "丁")])
        .await;
    assert_eq!(short(&outcomes), "delivered, reject K-MANDATORY, reject K-KEY, delivered");
    assert_eq!(site.stored("1"), Some(("甲".into(), DocumentStatus::Audited, 1, 0)));
    assert_eq!(written(&outcomes[3]).number, "4");
    assert_eq!(site.stored("2"), None);
    assert_eq!(site.calls("BatchSave"), 1);
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_a_look_up_finds_it_without_a_second_write() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::LostReply, Rule::new(Next(1)).on("BatchSave"));
    assert_eq!(
        short(&site.deliver(&[delivery("1", "甲"), delivery("2", "乙")]).await),
        "unknown K-AWAY, unknown K-AWAY"
    );
    let again = site.deliver(&[unresolved("1", "甲"), unresolved("2", "乙"), delivery("3", "丙")]).await;
    assert_eq!(short(&again), "delivered, delivered, delivered");
    for number in ["1", "2", "3"] {
        let (_, status, creates, updates) = site.stored(number).unwrap();
        assert_eq!((status, creates, updates), (DocumentStatus::Audited, 1, 0));
    }
}

#[tokio::test]
async fn a_cut_request_is_unknown_and_sent_again_when_it_is_not_there() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::CutRequest, Rule::new(Next(1)).on("BatchSave"));
    assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), "unknown K-AWAY");
    assert_eq!(short(&site.deliver(&[unresolved("1", "甲")]).await), "delivered");
    assert_eq!(site.stored("1").unwrap().2, 1);
}

#[tokio::test]
async fn while_the_look_up_fails_an_unresolved_document_stays_unknown_and_nothing_is_sent() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::Http5xx, Rule::new(Every(1)).on("ExecuteBillQuery"));
    assert_eq!(short(&site.deliver(&[unresolved("1", "甲")]).await), "unknown K-AWAY");
    assert_eq!(site.calls("BatchSave"), 0);
}

#[tokio::test]
async fn a_foreign_document_under_the_key_is_a_conflict_and_never_taken_for_ours() {
    let site = Site::start("{}").await;
    site.deliver(&[delivery("1", "甲")]).await;
    // Not after an unknown attempt: a uniqueness error is somebody else's document, also with equal content.
    assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), "reject K-DUPLICATE");
    assert_eq!(short(&site.deliver(&[unresolved("1", "乙")]).await), "reject K-CONFLICT");
    let other = Written { id: "1".into(), number: "1".into() };
    assert_eq!(short(&site.deliver(&[changed("1", "乙", &other)]).await), "reject K-CONFLICT");
    assert_eq!(site.stored("1"), Some(("甲".into(), DocumentStatus::Audited, 1, 0)));
}

#[tokio::test]
async fn a_changed_customer_is_un_audited_saved_and_audited_again() {
    let site = Site::start("{}").await;
    let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
    let outcomes = site.deliver(&[changed("1", "甲二", &first)]).await;
    assert_eq!(written(&outcomes[0]), first);
    assert_eq!(site.stored("1"), Some(("甲二".into(), DocumentStatus::Audited, 1, 1)));
    assert_eq!(site.calls("UnAudit"), 1);
    // Delivered twice, as after a crash: the content is there, nothing is written.
    assert_eq!(short(&site.deliver(&[changed("1", "甲二", &first)]).await), "delivered");
    assert_eq!(site.stored("1").unwrap().3, 1);
}

#[tokio::test]
async fn on_change_can_refuse_or_ignore() {
    for (settings, expect) in [
        ("{on_change: update}", "reject K-AUDITED"),
        ("{on_change: dead-letter}", "reject K-CHANGED"),
        ("{on_change: ignore}", "unchanged"),
    ] {
        let site = Site::start(settings).await;
        let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
        assert_eq!(short(&site.deliver(&[changed("1", "乙", &first)]).await), expect);
        assert_eq!(site.stored("1").unwrap().0, "甲");
    }
}

#[tokio::test]
async fn a_removal_is_written_whatever_on_change_says() {
    let removal = |content: &str, previous: &Written| {
        let mut removal = changed("1", content, previous);
        removal.document.deleted = true;
        removal
    };
    for (settings, expect, stored) in [
        // Only `unaudit` takes an audit back.
        ("{}", "delivered", "作废"),
        ("{on_change: ignore}", "reject K-AUDITED", "甲"),
        ("{on_change: dead-letter}", "reject K-AUDITED", "甲"),
    ] {
        let site = Site::start(settings).await;
        let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
        assert_eq!(short(&site.deliver(&[removal("作废", &first)]).await), expect, "{settings}");
        assert_eq!(site.stored("1").unwrap().0, stored, "{settings}");
    }
    let site = Site::start("{}").await;
    let gone = Written { id: "7".into(), number: "1".into() };
    assert_eq!(short(&site.deliver(&[removal("作废", &gone)]).await), "unchanged");
    assert_eq!(site.calls("BatchSave"), 0);
}

#[tokio::test]
async fn a_gone_document_and_a_changed_key_are_for_a_person() {
    let site = Site::start("{}").await;
    let before = Written { id: "7".into(), number: "1".into() };
    assert_eq!(short(&site.deliver(&[changed("1", "甲", &before)]).await), "reject K-GONE");
    let mut moved = changed("2", "甲", &before);
    moved.previous.as_mut().unwrap().key = "100|1".into();
    assert_eq!(short(&site.deliver(&[moved]).await), "reject KEY-CHANGED");
    assert_eq!(site.calls("BatchSave"), 0);
}

#[tokio::test]
async fn a_refused_audit_leaves_a_stored_document_whose_missing_steps_alone_are_run() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::AuditRefused, Rule::new(Next(1)));
    let outcomes = site.deliver(&[delivery("1", "甲")]).await;
    assert_eq!(short(&outcomes), "delivered");
    assert_eq!(site.stored("1"), Some(("甲".into(), DocumentStatus::Audited, 1, 0)));
    assert_eq!(site.calls("BatchSave"), 1);
}

#[tokio::test]
async fn an_unreadable_answer_is_looked_up_at_once() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::TruncatedJson, Rule::new(Next(1)).on("BatchSave"));
    let outcomes = site.deliver(&[delivery("1", "甲"), delivery("2", "乙"), delivery("3", "丙")]).await;
    assert_eq!(short(&outcomes), "delivered, delivered, delivered");
    assert_eq!(site.calls("BatchSave"), 1);
}

#[tokio::test]
async fn a_batch_that_fails_without_a_culprit_is_halved() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::VendorError, Rule::new(Next(1)).on("BatchSave").code("response_error"));
    let outcomes = site.deliver(&[delivery("1", "甲"), delivery("2", "乙"), delivery("3", "丙")]).await;
    assert_eq!(short(&outcomes), "delivered, delivered, delivered");
    assert_eq!(site.calls("BatchSave"), 3);

    site.handle().set(Fault::VendorError, Rule::new(Every(1)).on("BatchSave").code("response_error"));
    assert_eq!(
        short(&site.deliver(&[delivery("4", "丁"), delivery("5", "戊")]).await),
        "reject K-UNCLEAR, reject K-UNCLEAR"
    );
}

#[tokio::test]
async fn locks_and_limits_are_tried_again_and_a_wrong_secret_halts_without_a_storm() {
    let site = Site::start("{}").await;
    for (code, expect) in [("13", "retry K-LOCKED"), ("14", "retry K-THROTTLED")] {
        site.handle().set(Fault::VendorError, Rule::new(Next(1)).on("BatchSave").code(code));
        assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), expect);
    }
    let mut wrong = connection(&site.running.base_url());
    wrong["app_secret"] = json!("ffffffffffffffffffffffffffffffff");
    let mut problems = Problems::new("weir.yaml");
    let clients = Clients::default();
    let target =
        GalaxyTarget::build(&flow("{}").target, &wrong, "connections.k", &clients, &mut problems).unwrap();
    let before = site.calls("BatchSave");
    let deliveries = [delivery("9", "甲")];
    let batch = Batch {
        partition: 0,
        deliveries: &deliveries,
        settled: &[],
        next_offset: 0,
        ownership: Ownership::sole(),
    };
    assert_eq!(short(&target.deliver(batch).await.unwrap()), "halt K-CREDENTIAL");
    assert_eq!(site.calls("BatchSave"), before + 1);
    assert!(matches!(target.probe().await, Err(TargetError::Halted(_))));
    assert!(site.target.probe().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_key_is_at_most_once_in_a_call() {
    let site = Site::start("{}").await;
    let outcomes = site.deliver(&[delivery("1", "甲"), delivery("1", "乙")]).await;
    assert_eq!(short(&outcomes), "delivered, reject K-DUPLICATE");
    assert_eq!(site.calls("BatchSave"), 2);
    assert_eq!(site.stored("1").unwrap().0, "甲");
}

#[tokio::test]
async fn an_expired_session_costs_nothing() {
    let site = Site::start("{}").await;
    site.deliver(&[delivery("1", "甲")]).await;
    site.handle().expire_kingdee_sessions();
    assert_eq!(short(&site.deliver(&[delivery("2", "乙")]).await), "delivered");
    assert_eq!(site.stored("2").unwrap().2, 1);
}

#[test]
fn settings_are_checked_all_at_once() {
    let mut spec = flow("{on_chnage: update, batch_documents: 401}").target;
    spec.metadata.other_request[0].value = None;
    spec.metadata.other_request[1].value = Some("delete".into());
    let mut problems = Problems::new("f.yaml");
    check(&spec, &mut problems);
    check_connection(&json!({"base_url": "x", "app_key": "1"}), "connections.k", &mut problems);
    let paths: Vec<_> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "target.metadata.otherRequest[1]",
            "target.metadata.otherRequest",
            "target.settings.batch_documents",
            "target.settings.on_chnage",
            "connections.k.base_url",
            "connections.k.account_id",
            "connections.k.user_name",
            "connections.k.app_id",
            "connections.k.app_secret",
            "connections.k.app_key",
        ]
    );
}
