//! Both sources of Jushuitan over real HTTP: signed, under quota, while the remote system misbehaves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::support::{Committed, no_jobs, services};
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;
use weir_model::{
    Json,
    digest::Digest,
    flow::{FlowSpec, SourceSpec},
    secret::Secret,
    settings::Problems,
};
use weir_producers::{Account, Connection, build, registry::BuildError};
use weir_runtime::clock::SystemClock;
use weir_runtime::poll::{Inheritance, Poller as _, PollerHalt, Publisher, Takeover};
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox, When, jushuitan::Quota};

/// How long a test waits for the state it wants to see.
const DEADLINE: Duration = Duration::from_secs(120);

pub fn source(name: &str) -> SourceSpec {
    let (api, key, modified, begin, end, size) = match name {
        "customers" => (
            "/open/jushuitan/distributor/query",
            "[drp_co_id]",
            "modified",
            "modified_begin",
            "modified_end",
            50,
        ),
        _ => (
            "/open/webapi/wmsapi/skusn/queryinoutitemskusns",
            "[ioi_sn_id]",
            "create_time",
            "create_time_start",
            "create_time_end",
            200,
        ),
    };
    let text = format!(
        r#"
version: 1
flow: f
source:
  name: {name}
  system: jushuitan
  modified: {modified}
  key: {key}
  key_fallback: {fallback}
  poll: {{every: 200ms, start_from: -21d, look_back: 60s, settle_lag: 2s}}
  metadata:
    api: {api}
    id: id
    request:
      - {{field: page_index, type: string, value: "1"}}
      - {{field: page_size, type: string, value: "{size}"}}
      - {{field: {begin}, type: string, value: "{{{{LAST_SYNC_TIME|datetime}}}}"}}
      - {{field: {end}, type: string, value: "{{{{CURRENT_TIME|datetime}}}}"}}
target: {{system: mysql, key: [id], metadata: {{api: execute}}}}
"#,
        fallback = if name == "customers" { "[]" } else { "[sku_sn, io_id, inout_type, create_time]" },
    );
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(&text, &mut problems).unwrap();
    weir_producers::check(&flow.source, &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    flow.source
}

/// Seals the tokens of these tests.
pub const SEAL_KEY: &str = "key of these tests";

pub fn account(sandbox: &Running, secret: &str, sources: &[SourceSpec]) -> Account {
    account_with(settings(sandbox, secret), Some(Secret::new(SEAL_KEY)), sources).unwrap()
}

/// A connection's settings: the sandbox's own credentials, and a quota that is never felt.
pub fn settings(sandbox: &Running, secret: &str) -> Json {
    serde_json::json!({
        "base_url": sandbox.base_url(), "app_key": "demo-key", "app_secret": secret, "access_token": "demo-token",
        "refresh_token": "demo-refresh", "calls_per_second": 1_000, "calls_per_minute": 60_000,
    })
}

pub fn account_with(
    settings: Json,
    seal_key: Option<Secret>,
    sources: &[SourceSpec],
) -> Result<Account, BuildError> {
    let connection = Connection {
        name: "shop".into(),
        file: "weir.yaml".into(),
        path: "connections.shop".into(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        settings,
        seal_key,
    };
    build("jushuitan", &connection, sources, &services(Arc::new(SystemClock)))
}

pub fn options(seed: u64) -> Options {
    let mut options = Options { seed, customers: 230, movements: 700, ..Options::default() };
    options.jushuitan.quota = None;
    options
}

/// Polls until `done`.
async fn poll(account: Account, done: impl Fn(&Committed) -> bool) -> (Committed, Vec<PollerHalt>) {
    poll_from(Inheritance::default(), account, done).await
}

/// Polls from what a former owner left until `done`.
pub async fn poll_from(
    inheritance: Inheritance,
    account: Account,
    done: impl Fn(&Committed) -> bool,
) -> (Committed, Vec<PollerHalt>) {
    let (publisher, requests) = Publisher::channel(4);
    let stop = CancellationToken::new();
    let mut committed = Committed::default();
    let run = Arc::new(account).run(inheritance, publisher, Takeover::Alone, no_jobs(), stop.clone());
    let both = async { tokio::join!(run, committed.serve(requests, None, &stop, done)) };
    let (halts, ()) = tokio::time::timeout(DEADLINE, both).await.expect("polled within the deadline");
    (committed, halts)
}

fn truth(records: &[String], id: &str) -> BTreeMap<String, Digest> {
    let state = |text: &String| {
        let fields: serde_json::Value = serde_json::from_str(text).unwrap();
        (fields[id].to_string(), Digest::of(text.as_bytes()))
    };
    records.iter().map(state).collect()
}

/// Whether everything the sandbox holds was published in its newest state.
pub fn complete(committed: &Committed, sandbox: &weir_sandbox::Handle) -> bool {
    committed.newest("customers") == truth(&sandbox.distributors(), "drp_co_id")
        && committed.newest("movements") == truth(&sandbox.movements(), "ioi_sn_id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_answers_are_explained_and_nothing_else_is_lost() {
    let sandbox = Sandbox::start(options(7), "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    handle.set(Fault::TruncatedJson, Rule::new(When::Next(1)));
    handle.set(Fault::HtmlAnswer, Rule::new(When::Next(1)).on("distributor"));
    handle.set(Fault::MissingId, Rule::new(When::Every(5)));
    handle.set(Fault::RepeatedPage, Rule::new(When::Next(2)).on("distributor"));
    handle.set(Fault::WrongTotal, Rule::new(When::Every(9)));
    handle.set(Fault::CodeAsText, Rule::new(When::Every(2)));
    handle.set(Fault::Http5xx, Rule::new(When::Next(1)).on("skusn"));
    let account = account(&sandbox, "demo-secret", &[source("customers"), source("movements")]);
    let (committed, halts) = poll(account, |committed| complete(committed, &handle)).await;
    assert!(halts.is_empty(), "{halts:?}");
    let codes: BTreeMap<String, usize> =
        committed.letters.iter().fold(BTreeMap::new(), |mut codes, letter| {
            *codes.entry(letter.refusal.code.to_string()).or_default() += 1;
            codes
        });
    for code in ["P-ANSWER", "P-NO-ID", "P-REPEATED-PAGE"] {
        assert!(codes.contains_key(code), "{code} in {codes:?}");
    }
    assert!(committed.letters.iter().all(|letter| !letter.payload.is_empty()));
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn movements_without_row_ids_are_read_by_the_composite_key() {
    let sandbox = Sandbox::start(options(3), "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    handle.set(Fault::WithoutRowIds, Rule::new(When::Every(1)));
    let account = account(&sandbox, "demo-secret", &[source("movements")]);
    let count = handle.movements().len();
    let (committed, halts) = poll(account, |committed| committed.newest("movements").len() == count).await;
    assert!(halts.is_empty(), "{halts:?}");
    assert!(committed.letters.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_halts_without_a_storm_and_a_right_one_probes() {
    let sandbox = Sandbox::start(options(1), "127.0.0.1:0").await.unwrap();
    let sources = [source("customers")];
    let right = account(&sandbox, "demo-secret", &sources);
    assert_eq!(right.probe().await.unwrap().facts.len(), 1);
    assert!(account(&sandbox, "wrong", &sources).probe().await.is_err());

    let before = sandbox.handle().state().calls.values().map(|call| call.received).sum::<u64>();
    let (committed, halts) = poll(account(&sandbox, "wrong", &sources), |_| false).await;
    assert!(committed.records.is_empty());
    let [halt] = halts.as_slice() else { panic!("{halts:?}") };
    assert_eq!(halt.refusal.code.as_str(), "P-CREDENTIAL");
    assert!(!halt.refusal.message.contains("wrong"), "{}", halt.refusal.message);
    let after = sandbox.handle().state().calls.values().map(|call| call.received).sum::<u64>();
    assert_eq!(after - before, 1, "one refused call and no more");
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_is_renewed_and_the_quota_is_never_passed() {
    let quota = Quota { per_second: 10, per_minute: 600 };
    let mut options = options(5);
    options.jushuitan.quota = Some(quota);
    let sandbox = Sandbox::start(options, "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    handle.set(Fault::ExpiredToken, Rule::new(When::Next(1)).on("distributor"));
    let sources = [source("customers"), source("movements")];
    let mut settings = settings(&sandbox, "demo-secret");
    settings["calls_per_second"] = quota.per_second.into();
    settings["calls_per_minute"] = quota.per_minute.into();
    let account = account_with(settings, Some(Secret::new(SEAL_KEY)), &sources).unwrap();
    let (_, halts) = poll(account, |committed| complete(committed, &handle)).await;
    assert!(halts.is_empty(), "{halts:?}");
    let state = handle.state().jushuitan;
    assert_eq!(state.tokens_issued, 1);
    assert!(state.quota_refusals.values().all(|refused| *refused == 0), "{:?}", state.quota_refusals);
    sandbox.shutdown().await;
}
