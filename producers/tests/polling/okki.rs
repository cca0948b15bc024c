//! 小满 OKKI over real HTTP: orders with their lines and their removals, customers, tokens that end, while only the dates
//! of a window count.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use weir_model::{
    digest::Digest,
    flow::{FlowSpec, SourceSpec},
    settings::Problems,
};
use weir_producers::{Account, Connection, build};
use weir_runtime::{clock::SystemClock, poll::Inheritance};
use weir_sandbox::{Fault, Handle, Options, Rule, Running, Sandbox, When};

use crate::{
    sandbox::poll_from,
    support::{Committed, services},
};

const ORDERS: &str = r#"
  name: orders
  modified: update_time
  metadata:
    api: /v1/invoices/order/list
    id: order_id
    request:
      - {field: start_time, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: end_time, type: string, value: "{{CURRENT_TIME|datetime}}"}
      - {field: count, type: string, value: "20"}"#;

const COMPANIES: &str = r"
  name: companies
  metadata: {api: /v1/company/list, id: company_id, pagination: {pageSize: 30}}";

fn source(text: &str) -> SourceSpec {
    let text = format!(
        "version: 1\nflow: f\nsource:\n  system: xiaoman-okki\n  \
         poll: {{every: 300ms, start_from: -21d, settle_lag: 1s}}{text}\n\
         target: {{system: mysql, key: [id], metadata: {{api: execute}}}}\n"
    );
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(&text, &mut problems).unwrap();
    weir_producers::check(&flow.source, &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    flow.source
}

fn account(sandbox: &Running, login: &Value, sources: &[SourceSpec]) -> Account {
    let mut settings = json!({
        "base_url": sandbox.base_url(), "client_id": "demo-client", "client_secret": "demo-secret",
        "calls_per_second": 1_000,
    });
    settings.as_object_mut().unwrap().extend(login.as_object().unwrap().clone());
    let connection = Connection {
        name: "crm".into(),
        file: "weir.yaml".into(),
        path: "connections.crm".into(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        settings,
        seal_key: None,
    };
    build("xiaoman-okki", &connection, sources, &services(Arc::new(SystemClock))).unwrap()
}

async fn start(orders: u32) -> Running {
    let options = Options { orders, companies: 70, ..Options::default() };
    Sandbox::start(options, "127.0.0.1:0").await.unwrap()
}

fn truth(records: &[String], id: &str) -> BTreeMap<String, Digest> {
    let state = |text: &String| {
        let fields: Value = serde_json::from_str(text).unwrap();
        let id = fields[id].as_str().map_or_else(|| fields[id].to_string(), str::to_owned);
        (id, Digest::of(text.as_bytes()))
    };
    records.iter().map(state).collect()
}

/// The newest state of each order that was not removed.
fn living(committed: &Committed) -> BTreeMap<String, Digest> {
    let mut living = BTreeMap::new();
    for record in committed.records.iter().filter(|record| record.source.as_str() == "orders") {
        if record.deleted {
            living.remove(record.id.as_str());
        } else {
            living.insert(record.id.to_string(), record.digest);
        }
    }
    living
}

fn removed(committed: &Committed) -> BTreeSet<String> {
    committed.records.iter().filter(|record| record.deleted).map(|record| record.id.to_string()).collect()
}

fn complete(committed: &Committed, handle: &Handle) -> bool {
    living(committed) == truth(&handle.orders(), "order_id")
}

fn received(handle: &Handle, part: &str) -> u64 {
    let calls = handle.state().calls;
    calls.iter().filter(|(name, _)| name.contains(part)).map(|(_, call)| call.received).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_arrive_with_their_lines_and_removed_ones_with_a_mark() {
    let sandbox = start(130).await;
    let handle = sandbox.handle();
    let account = account(&sandbox, &json!({}), &[source(ORDERS)]);
    let done = |committed: &Committed| {
        complete(committed, &handle) && !removed(committed).is_empty() && committed.windows.len() > 8
    };
    let (committed, halts) = poll_from(Inheritance::default(), account, done).await;
    assert!(halts.is_empty() && committed.letters.is_empty(), "{halts:?} {:?}", committed.letters);
    let order = committed.records.iter().find(|record| !record.deleted).unwrap();
    let order: Value = serde_json::from_slice(&order.payload).unwrap();
    assert!(order["product_list"].is_array(), "{order}");

    let states: BTreeSet<_> =
        committed.records.iter().map(|record| (&record.id, record.digest, record.deleted)).collect();
    assert_eq!(states.len(), committed.records.len(), "each state once, however often its day is read");
    let living = u64::try_from(handle.orders().len()).unwrap();
    assert_eq!(
        received(&handle, "order/info"),
        living,
        "a row that did not change costs no second detail call"
    );
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_are_read_whole_each_time_and_each_state_is_published_once() {
    let sandbox = start(10).await;
    let handle = sandbox.handle();
    let account = account(&sandbox, &json!({}), &[source(COMPANIES)]);
    let done = |committed: &Committed| {
        committed.windows.len() > 3
            && committed.newest("companies") == truth(&handle.companies(), "company_id")
    };
    handle.advance_clock(60);
    let (committed, halts) = poll_from(Inheritance::default(), account, done).await;
    assert!(halts.is_empty() && committed.letters.is_empty(), "{halts:?} {:?}", committed.letters);
    assert_eq!(committed.records.len(), committed.newest("companies").len());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_halts_and_a_right_one_probes() {
    let sandbox = start(10).await;
    let sources = [source(ORDERS)];
    assert_eq!(account(&sandbox, &json!({}), &sources).probe().await.unwrap().facts.len(), 1);
    let wrong = account(&sandbox, &json!({"client_secret": "hush"}), &sources);
    let (committed, halts) = poll_from(Inheritance::default(), wrong, |_| false).await;
    assert!(committed.records.is_empty());
    let [halt] = halts.as_slice() else { panic!("{halts:?}") };
    assert_eq!(halt.refusal.code.as_str(), "P-CREDENTIAL");
    assert!(!halt.refusal.message.contains("hush"), "{}", halt.refusal.message);
    sandbox.shutdown().await;
}

/// A page in which one call fails is read again, so that an order which could not be read just before is read after all:
/// only one that fails alone is explained.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_is_published_or_explained_while_calls_fail() {
    let sandbox = start(60).await;
    let handle = sandbox.handle();
    handle.merge_knobs(r#"{"vendor_error": {"every": 7, "on": "order/info", "code": "404"}}"#).unwrap();
    handle.set(Fault::ExpiredToken, Rule::new(When::Every(40)));
    handle.set(Fault::Http5xx, Rule::new(When::Every(31)));
    handle.set(Fault::TruncatedJson, Rule::new(When::Next(1)).on("order/info"));
    handle.set(Fault::EmptyObjectAsList, Rule::new(When::Every(2)));
    handle.set(Fault::CodeAsText, Rule::new(When::Every(3)));
    let login = json!({"grant": "password", "username": "demo@example.com", "password": "demo-password"});
    let account = account(&sandbox, &login, &[source(ORDERS)]);
    let done = |committed: &Committed| committed.windows.len() > 4;
    let (committed, halts) = poll_from(Inheritance::default(), account, done).await;
    assert!(halts.is_empty(), "{halts:?}");
    let mut known: BTreeSet<String> = living(&committed).into_keys().collect();
    let codes: BTreeSet<_> = committed.letters.iter().map(|letter| letter.refusal.code.as_str()).collect();
    assert_eq!(codes, BTreeSet::from(["P-ANSWER", "P-NO-DETAIL"]));
    let explained: Vec<String> = committed
        .letters
        .iter()
        .filter(|letter| letter.refusal.code.as_str() == "P-NO-DETAIL")
        .map(|letter| String::from_utf8_lossy(&letter.payload).into_owned())
        .collect();
    known.extend(truth(&explained, "order_id").into_keys());
    assert_eq!(
        known,
        truth(&handle.orders(), "order_id").into_keys().collect(),
        "nothing is lost in silence"
    );
    sandbox.shutdown().await;
}
