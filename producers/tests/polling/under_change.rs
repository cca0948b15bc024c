//! Every source by every way in, over real HTTP, while its records change under the pages: they are modified and so leave
//! their window, are entered late, are deleted, removed or archived. Whatever happens, no id may be missing, and the newest
//! state of each must have been published (design §5, "Last page first").
//!
//! One table, [`Way`]; a sandbox, an account and a list order of its own for each seed. That these tests can fail is proved by
//! `simulation::naive_forward_paging_loses_records`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use futures_util::future::join_all;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use weir_model::{
    digest::Digest,
    flow::{FlowSpec, SourceSpec},
    settings::Problems,
};
use weir_producers::{Account, Connection, build};
use weir_runtime::{clock::SystemClock, poll::Inheritance};
use weir_sandbox::{
    Change, Handle, ListOrder, Options, Running, Sandbox, State,
    wangdiantong::{Access, Edition},
};

use crate::{
    sandbox::poll_from,
    support::{Committed, services},
};

const SEEDS: u64 = 20;
const RECORDS: u32 = 80;
/// Changes after which the data comes to rest.
const MOST_CHANGES: u32 = 16;
/// 5 % of the records.
const FEWEST_CHANGES: u32 = RECORDS / 20;
/// Shorter than the settle lag of the sources, as the promise is.
const LATE_BY_SECONDS: u32 = 1;
/// A share of the changes that makes a record leave.
const LEAVING_SHARE: f64 = 0.2;
/// All records lie in the last six days: one window of many pages.
const SPAN_SECONDS: u32 = 6 * 86_400;
const DEADLINE: Duration = Duration::from_secs(90);

type Records = fn(&Handle) -> Vec<String>;

/// A source and the way it is read.
struct Way {
    system: &'static str,
    /// The connection's `access`, where the system has several.
    access: &'static str,
    /// Everything of the flow's source but name, system and polling.
    source: &'static str,
    /// The record's own name of its id.
    id: &'static str,
    /// What the sandbox is to hold.
    fill: fn(&mut Options),
    /// The newest state of every record.
    truth: Records,
    /// Ids of the records that left.
    left: fn(&State) -> Vec<u64>,
    /// What is promised about those.
    promise: Promise,
    changes: fn(&State) -> u32,
    /// The chance of a record to change, with each page that its window is paged for; of movements, of each new one.
    rate: f64,
}

/// What is promised about records that left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// The API tells nothing of them: they may have been read before, in any state.
    Nothing,
    /// They were published with a deletion mark, or never.
    Marked,
    /// Another list holds them, in their newest state.
    Kept,
}

fn none_left(_: &State) -> Vec<u64> {
    Vec::new()
}

const JUSHUITAN: Way = Way {
    system: "jushuitan",
    access: "",
    source: DISTRIBUTORS,
    id: "drp_co_id",
    fill: |options| options.customers = RECORDS,
    truth: Handle::distributors,
    left: |state| state.jushuitan.deleted_distributors.clone(),
    promise: Promise::Nothing,
    changes: |state| state.jushuitan.changes,
    rate: 0.03,
};

const DISTRIBUTORS: &str = r#"
  modified: modified
  metadata:
    api: /open/jushuitan/distributor/query
    id: drp_co_id
    request:
      - {field: page_size, type: string, value: "10"}
      - {field: modified_begin, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: modified_end, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

const CHANNELS: &str = r#"
  modified: updated
  metadata:
    api: /open/api/drp/inneropen/partner/supplier/querymychannel
    id: channel_co_id
    request:
      - {field: page_size, type: string, value: "10"}
      - {field: updated_start, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: updated_end, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

const MOVEMENTS: &str = r#"
  modified: create_time
  key: [ioi_sn_id]
  key_fallback: [sku_sn, io_id, inout_type, create_time]
  metadata:
    api: /open/webapi/wmsapi/skusn/queryinoutitemskusns
    id: sku_sn
    request:
      - {field: page_size, type: string, value: "10"}
      - {field: create_time_start, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: create_time_end, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

#[tokio::test]
async fn distributors_of_jushuitan() {
    nothing_is_missing(&JUSHUITAN).await;
}

#[tokio::test]
async fn distributors_of_jushuitan_by_the_successor() {
    nothing_is_missing(&Way { source: CHANNELS, id: "channel_co_id", truth: Handle::channels, ..JUSHUITAN })
        .await;
}

#[tokio::test]
async fn movements_of_jushuitan() {
    nothing_is_missing(&Way {
        source: MOVEMENTS,
        id: "ioi_sn_id",
        fill: |options| options.movements = RECORDS,
        truth: Handle::movements,
        left: none_left,
        rate: 0.6,
        ..JUSHUITAN
    })
    .await;
}

const ENTERPRISE: Way = Way {
    system: "wangdiantong-enterprise",
    access: "direct",
    source: REFUNDS,
    id: "refund_id",
    fill: |options| options.refunds = RECORDS,
    truth: |handle| handle.refunds(Edition::Enterprise, Access::Direct),
    left: |state| state.wangdiantong.enterprise_archived.clone(),
    promise: Promise::Nothing,
    changes: |state| state.wangdiantong.changes,
    rate: 0.03,
};

const FLAGSHIP: Way = Way {
    system: "wangdiantong-flagship",
    source: AFTER_SALES,
    truth: |handle| handle.refunds(Edition::Flagship, Access::Direct),
    left: |state| state.wangdiantong.flagship_archived.clone(),
    ..ENTERPRISE
};

const REFUNDS: &str = r#"
  modified: modified
  settings: {history_after: "off"}
  metadata:
    api: wdt.refund.query
    id: refund_id
    request:
      - {field: start_time, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: end_time, type: string, value: "{{CURRENT_TIME|datetime}}"}
      - {field: page_size, type: string, value: "10"}"#;

/// All windows are read from the archive too, so that what moved there before its age is found.
const REFUNDS_AND_ARCHIVE: &str = r#"
  modified: modified
  settings: {history_after: 1s}
  metadata:
    api: wdt.refund.query
    id: refund_id
    request:
      - {field: start_time, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: end_time, type: string, value: "{{CURRENT_TIME|datetime}}"}
      - {field: page_size, type: string, value: "10"}"#;

const AFTER_SALES: &str = r#"
  modified: modified_date
  settings: {history_after: "off"}
  metadata:
    api: wdt.aftersales.refund.refund.search
    id: refund_id
    pagination: {pageSize: 10}
    request:
      - {field: modified_from, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: modified_to, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

const AFTER_SALES_AND_ARCHIVE: &str = r#"
  modified: modified_date
  settings: {history_after: 1s}
  metadata:
    api: wdt.aftersales.refund.refund.search
    id: refund_id
    pagination: {pageSize: 10}
    request:
      - {field: modified_from, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: modified_to, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

/// Half of the records are in the archive by their age.
fn fill_archive(options: &mut Options) {
    options.refunds = RECORDS;
    options.wangdiantong.archive_after_days = 3;
}

#[tokio::test]
async fn refunds_of_the_enterprise_edition() {
    nothing_is_missing(&ENTERPRISE).await;
}

#[tokio::test]
async fn refunds_of_the_enterprise_edition_through_qimen() {
    let truth: Records = |handle| handle.refunds(Edition::Enterprise, Access::Qimen);
    nothing_is_missing(&Way { access: "qimen", truth, ..ENTERPRISE }).await;
}

#[tokio::test]
async fn refunds_of_the_enterprise_edition_and_its_archive() {
    let (source, promise) = (REFUNDS_AND_ARCHIVE, Promise::Kept);
    nothing_is_missing(&Way { source, promise, fill: fill_archive, ..ENTERPRISE }).await;
}

#[tokio::test]
async fn after_sales_of_the_flagship_edition() {
    nothing_is_missing(&FLAGSHIP).await;
}

#[tokio::test]
async fn after_sales_of_the_flagship_edition_through_qimen() {
    let truth: Records = |handle| handle.refunds(Edition::Flagship, Access::Qimen);
    nothing_is_missing(&Way { access: "qimen", truth, ..FLAGSHIP }).await;
}

#[tokio::test]
async fn after_sales_of_the_flagship_edition_and_its_archive() {
    let (source, promise) = (AFTER_SALES_AND_ARCHIVE, Promise::Kept);
    nothing_is_missing(&Way { source, promise, fill: fill_archive, ..FLAGSHIP }).await;
}

#[tokio::test]
async fn after_sales_of_the_flagship_edition_and_its_archive_through_qimen() {
    let truth: Records = |handle| handle.refunds(Edition::Flagship, Access::Qimen);
    let (source, promise) = (AFTER_SALES_AND_ARCHIVE, Promise::Kept);
    nothing_is_missing(&Way { access: "qimen", source, promise, truth, fill: fill_archive, ..FLAGSHIP })
        .await;
}

const OKKI: Way = Way {
    system: "xiaoman-okki",
    access: "",
    source: ORDERS,
    id: "order_id",
    fill: |options| options.orders = RECORDS,
    truth: Handle::orders,
    left: |state| state.okki.removed_orders.clone(),
    promise: Promise::Marked,
    changes: |state| state.okki.changes,
    rate: 0.03,
};

const ORDERS: &str = r#"
  modified: update_time
  metadata:
    api: /v1/invoices/order/list
    id: order_id
    request:
      - {field: start_time, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: end_time, type: string, value: "{{CURRENT_TIME|datetime}}"}
      - {field: count, type: string, value: "10"}"#;

const COMPANIES: &str = r"
  metadata: {api: /v1/company/list, id: company_id, pagination: {pageSize: 10}}";

#[tokio::test]
async fn orders_of_okki() {
    nothing_is_missing(&OKKI).await;
}

/// Customers never change; some are entered while the list is read.
#[tokio::test]
async fn customers_of_okki() {
    nothing_is_missing(&Way {
        source: COMPANIES,
        id: "company_id",
        fill: |options| {
            options.companies = RECORDS;
            options.okki.late_company_seconds = 2;
        },
        truth: Handle::companies,
        left: none_left,
        changes: |_| FEWEST_CHANGES,
        ..OKKI
    })
    .await;
}

/// All seeds side by side: most of the time is waiting for what changed to be settled.
async fn nothing_is_missing(way: &Way) {
    join_all((0..SEEDS).map(|seed| nothing_of_one_seed_is_missing(way, seed))).await;
}

async fn nothing_of_one_seed_is_missing(way: &Way, seed: u64) {
    let sandbox = Sandbox::start(options(way, seed), "127.0.0.1:0").await.unwrap();
    let handle = sandbox.handle();
    let lacking = Mutex::new(String::new());
    let done = |committed: &Committed| {
        let state = handle.state();
        let lacks = way.lacks(committed, &handle, &state);
        *lacking.lock().unwrap() = lacks.clone().unwrap_or_default();
        let paged = committed.windows.iter().any(|fact| fact.pages > 2);
        paged && lacks.is_none() && (way.changes)(&state) >= FEWEST_CHANGES
    };
    let polled = poll_from(Inheritance::default(), way.account(&sandbox), done);
    let Ok((committed, halts)) = tokio::time::timeout(DEADLINE, polled).await else {
        panic!("{} {} seed {seed} lacks {}", way.system, way.access, lacking.lock().unwrap());
    };
    assert!(halts.is_empty(), "{} seed {seed}: {halts:?}", way.system);
    let codes: BTreeSet<_> = committed.letters.iter().map(|letter| letter.refusal.code.as_str()).collect();
    // An order that is removed between the list and its detail call is explained, and comes back with its mark.
    let explained = |code: &&str| way.promise == Promise::Marked && *code == "P-NO-DETAIL";
    assert!(codes.iter().all(explained), "{} seed {seed}: {codes:?}", way.system);
    sandbox.shutdown().await;
}

fn options(way: &Way, seed: u64) -> Options {
    let orders = [ListOrder::ModifiedAscending, ListOrder::ModifiedDescending, ListOrder::Id];
    let order = orders[usize::try_from(seed).unwrap() % orders.len()];
    let mut options = Options {
        seed,
        customers: 0,
        movements: 0,
        orders: 0,
        companies: 12,
        refunds: 0,
        span_seconds: SPAN_SECONDS,
        change: Change { rate: way.rate, limit: MOST_CHANGES, late_by_seconds: LATE_BY_SECONDS },
        leaving_share: LEAVING_SHARE,
        ..Options::default()
    };
    options.jushuitan.quota = None;
    options.jushuitan.list_order = order;
    options.wangdiantong.calls_per_minute = None;
    options.wangdiantong.list_order = order;
    options.okki.list_order = order;
    (way.fill)(&mut options);
    options
}

impl Way {
    fn account(&self, sandbox: &Running) -> Account {
        let settings = self.settings(&sandbox.base_url());
        let connection = Connection {
            name: "remote".into(),
            file: "weir.yaml".into(),
            path: "connections.remote".into(),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
            settings,
            seal_key: None,
        };
        let services = services(std::sync::Arc::new(SystemClock));
        build(self.system, &connection, &[self.spec()], &services).unwrap()
    }

    /// The sandbox's own credentials, and a quota that is never felt.
    fn settings(&self, url: &str) -> Value {
        let qimen = json!({
            "access": self.access, "qimen_url": format!("{url}/router/qm"), "qimen_app_key": "12345678",
            "qimen_app_secret": "topsecret", "calls_per_minute": 60_000,
        });
        let (own, common) = match self.system {
            "jushuitan" => (
                json!({
                    "base_url": url, "app_key": "demo-key", "app_secret": "demo-secret", "access_token": "demo-token",
                    "calls_per_minute": 60_000,
                }),
                json!({"calls_per_second": 1_000}),
            ),
            "wangdiantong-enterprise" => (
                json!({
                    "base_url": format!("{url}/openapi2/"), "sid": "demo-sid", "app_key": "demo-app",
                    "app_secret": "demo-secret",
                }),
                qimen,
            ),
            "wangdiantong-flagship" => (
                json!({
                    "base_url": format!("{url}/openapi"), "sid": "demo3", "app_key": "demo3-app",
                    "app_secret": "demosecret:demosalt",
                }),
                qimen,
            ),
            _ => (
                json!({"base_url": url, "client_id": "demo-client", "client_secret": "demo-secret"}),
                json!({"calls_per_second": 1_000}),
            ),
        };
        let mut settings = own;
        settings.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
        settings
    }

    fn spec(&self) -> SourceSpec {
        let text = format!(
            "version: 1\nflow: f\nsource:\n  name: s\n  system: {}\n  \
             poll: {{every: 200ms, start_from: -150h, look_back: 60s, settle_lag: 3s}}{}\n\
             target: {{system: mysql, key: [id], metadata: {{api: execute}}}}\n",
            self.system, self.source
        );
        let mut problems = Problems::new("f.yaml");
        let flow = FlowSpec::parse(&text, &mut problems).unwrap();
        weir_producers::check(&flow.source, &mut problems);
        assert!(!problems.has_errors(), "{:?}", problems.list());
        flow.source
    }

    /// What of the sandbox's records was not published as it is; `None` when all was.
    fn lacks(&self, committed: &Committed, handle: &Handle, state: &State) -> Option<String> {
        let left: BTreeSet<String> = (self.left)(state).iter().map(u64::to_string).collect();
        let mut living = BTreeMap::new();
        for record in &committed.records {
            let id = record.id.to_string();
            if record.deleted {
                living.remove(&id);
            } else {
                living.insert(id, record.digest);
            }
        }
        let mut truth: BTreeMap<String, Digest> = BTreeMap::new();
        for text in (self.truth)(handle) {
            let fields: Value = serde_json::from_str(&text).unwrap();
            let id = fields[self.id].as_str().map_or_else(|| fields[self.id].to_string(), str::to_owned);
            truth.insert(id, Digest::of(text.as_bytes()));
        }
        if self.promise == Promise::Nothing {
            living.retain(|id, _| !left.contains(id));
            truth.retain(|id, _| !left.contains(id));
        }
        let lacking = truth.iter().find(|(id, digest)| living.get(*id) != Some(digest));
        let foreign = living.keys().find(|id| !truth.contains_key(*id));
        match (lacking, foreign) {
            (Some((id, _)), _) => Some(format!("the newest state of {id}")),
            (None, Some(id)) => Some(format!("the removal of {id}")),
            (None, None) => None,
        }
    }
}
