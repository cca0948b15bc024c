//! 旺店通 (Wangdiantong) in both editions, each by both ways in (contracts wangdiantong-enterprise and
//! wangdiantong-flagship): the vendor's own gateway, and the Qimen router (奇门) that the editions share.
//!
//! | Module | Serves | Paths |
//! | --- | --- | --- |
//! | [`enterprise`] | `wdt.refund.query` | `/openapi2/refund_query.php`, `/openapi2/his_refund_query.php` |
//! | [`flagship`] | `aftersales.refund.Refund.search`, `…searchHistory` | `/openapi` |
//! | [`top`] | Qimen: signature and gateway failures, then one of the editions | `/router/qm`, `/router/qmtest` |
//!
//! The editions are different products with different records: each has its own refunds, made from its own dice.

mod catalogue;
mod enterprise;
mod fields;
mod flagship;
mod records;
mod refund;
mod settings;
mod sign;
mod throttle;
mod top;

use std::collections::BTreeMap;

use axum::{Router, routing::post};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Fault, Options,
    calls::{Call, System as Name},
    json_text::ObjectText,
    reply::Reply,
    world::{SharedWorld, World},
};

use self::{
    records::{Query, Refunds},
    refund::Refund,
    throttle::Throttle,
};

pub use self::{
    catalogue::KNOWN_SHOPS,
    settings::{EnterpriseAccount, FlagshipAccount, QimenApplication, Settings},
};

/// The product a merchant uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// 企业版.
    Enterprise,
    /// 旗舰版.
    Flagship,
}

/// The way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The vendor's own gateway, which gives no refunds of some platforms.
    Direct,
    /// The Qimen router, which gives all.
    Qimen,
}

/// Where records are: those that were last modified long ago are in the archive only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Live,
    History,
}

/// One method, by one way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Endpoint {
    edition: Edition,
    access: Access,
    store: Store,
}

impl Endpoint {
    /// The call as the knobs and counters name it.
    fn call(self) -> Call {
        let method = match (self.edition, self.access, self.store) {
            (Edition::Enterprise, Access::Direct, Store::Live) => "refund_query.php",
            (Edition::Enterprise, Access::Direct, Store::History) => "his_refund_query.php",
            (Edition::Enterprise, Access::Qimen, _) => "qimen wdt.refund.query",
            (Edition::Flagship, Access::Direct, Store::Live) => "aftersales.refund.Refund.search",
            (Edition::Flagship, Access::Direct, Store::History) => "aftersales.refund.Refund.searchHistory",
            (Edition::Flagship, Access::Qimen, Store::Live) => "qimen wdt.aftersales.refund.refund.search",
            (Edition::Flagship, Access::Qimen, Store::History) => {
                "qimen wdt.aftersales.refund.refund.searchhistory"
            }
        };
        Call::new(Name::Wangdiantong, format!("{} {method}", self.edition.name()))
    }
}

impl Edition {
    fn name(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Flagship => "flagship",
        }
    }
}

/// A call that is not served: the vendor's code and text (contracts enterprise §9, flagship §8).
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: i64,
    text: String,
}

impl Refusal {
    fn new(code: i64, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Its code under `name`, and its text.
    fn written(&self, name: &str) -> ObjectText {
        ObjectText::new().raw(name, self.code).text("message", &self.text)
    }
}

/// A page as a gateway sends it; both parts may be left out.
#[derive(Debug)]
struct Served {
    total: Option<usize>,
    rows: Option<Vec<Refund>>,
}

/// What is known of both editions, for tests.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// Refunds of the enterprise edition that exist now.
    pub enterprise_refunds: usize,
    /// Refunds of the flagship edition that exist now.
    pub flagship_refunds: usize,
    /// The ids of the refunds of the enterprise edition that moved to the archive while they were paged.
    pub enterprise_archived: Vec<u64>,
    /// The same of the flagship edition.
    pub flagship_archived: Vec<u64>,
    /// Refunds of both that were modified, added or archived since the start.
    pub changes: u32,
    /// Calls the limit of a minute refused, by seller account.
    pub throttled: BTreeMap<String, u64>,
    /// Calls that the limit counted in each minute since an account's first, refused ones too, by seller account.
    pub calls_by_minute: BTreeMap<String, Vec<u64>>,
    /// Enterprise calls by the length unit their signature was made with: `chars`, `bytes`, or `both` when it is the same.
    pub length_units: BTreeMap<String, u64>,
}

/// Both editions: accounts, records and limits.
#[derive(Debug)]
pub struct System {
    settings: Settings,
    enterprise: Refunds,
    flagship: Refunds,
    throttle: Throttle,
    length_units: BTreeMap<String, u64>,
    /// How many limit answers the flagship gave: their wording takes turns.
    limit_answers: usize,
    /// How many failures the router gave, for their request ids.
    failures: u64,
}

/// The routes of both editions.
pub fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/openapi2/refund_query.php", post(enterprise::live))
        .route("/openapi2/his_refund_query.php", post(enterprise::history))
        .route("/openapi2/wdt_aftersales_refund_refund_search.php", post(flagship::unsigned))
        .route("/openapi", post(flagship::direct))
        .route("/router/qm", post(top::routed).get(top::routed))
        .route("/router/qmtest", post(top::routed).get(top::routed))
}

impl System {
    /// Both editions with `options`' data, made up to `now`.
    pub fn new(options: &Options, now: i64) -> Self {
        Self {
            settings: options.wangdiantong.clone(),
            enterprise: Refunds::make(options, options.seed ^ 0x0E47_E291, now),
            flagship: Refunds::make(options, options.seed ^ 0x00F1_A659, now),
            throttle: Throttle::default(),
            length_units: BTreeMap::new(),
            limit_answers: 0,
            failures: 0,
        }
    }

    /// Sets how many changes there may be in all, in each edition.
    pub fn allow_changes(&mut self, limit: u32) {
        self.enterprise.allow_changes(limit);
        self.flagship.allow_changes(limit);
    }

    /// What is known of both editions.
    pub fn state(&self) -> State {
        State {
            enterprise_refunds: self.enterprise.len(),
            flagship_refunds: self.flagship.len(),
            enterprise_archived: self.enterprise.archived(),
            flagship_archived: self.flagship.archived(),
            changes: self.enterprise.changes() + self.flagship.changes(),
            throttled: self.throttle.refused(),
            calls_by_minute: self.throttle.calls_by_minute(),
            length_units: self.length_units.clone(),
        }
    }

    /// The newest state of every refund that an access of an edition gives out, archived ones included, as the bytes a
    /// page carries.
    pub fn refunds(&self, edition: Edition, access: Access) -> Vec<String> {
        let write = |refund: &Refund| match edition {
            Edition::Enterprise => enterprise::text(refund),
            Edition::Flagship => flagship::text(refund, access),
        };
        let records = match edition {
            Edition::Enterprise => &self.enterprise,
            Edition::Flagship => &self.flagship,
        };
        records.open_to(|refund| edition.gives_out(access, refund)).map(write).collect()
    }

    fn records(&mut self, edition: Edition) -> &mut Refunds {
        match edition {
            Edition::Enterprise => &mut self.enterprise,
            Edition::Flagship => &mut self.flagship,
        }
    }

    /// The time before which records are in the archive: it moves at midnight, as an archive run at night would do.
    fn archived_before(&self, now: i64) -> i64 {
        let midnight = now - (now + 8 * 3_600).rem_euclid(86_400);
        midnight - i64::from(self.settings.archive_after_days) * 86_400
    }
}

/// The vendor's failure that the knobs ask for: `code`, or a code, a space and the vendor's words.
fn vendor_error(
    world: &mut World,
    call: &Call,
    default: impl FnOnce(&mut World) -> Refusal,
) -> Option<Refusal> {
    let rule = world.strikes(Fault::VendorError, call)?;
    let Some((code, words)) = rule.code_and_words() else { return Some(default(world)) };
    let words = words.unwrap_or("系统错误");
    Some(code.parse().map_or_else(|_| Refusal::new(99, code), |code| Refusal::new(code, words)))
}

/// Looks a page up and lets the faults of pages strike; afterwards records may change.
fn page(world: &mut World, call: &Call, endpoint: Endpoint, query: &Query) -> Served {
    let now = world.clock.now();
    let archived_before = world.wangdiantong.archived_before(now);
    let found = world.wangdiantong.records(endpoint.edition).page(query, endpoint, archived_before);
    let mut rows = found.rows;
    if let Some(first) = rows.first().map(|refund| refund.id)
        && world.strikes(Fault::RecordModified, call).is_some()
    {
        world.wangdiantong.records(endpoint.edition).modify(first, now);
    }
    world.wangdiantong.records(endpoint.edition).change(query, now);
    if !rows.is_empty() && world.strikes(Fault::EmptyPage, call).is_some() {
        rows.clear();
    }
    let total = match world.strikes(Fault::WrongTotal, call) {
        None => found.total,
        Some(rule) => rule.code.and_then(|code| code.parse().ok()).unwrap_or(found.total + 7),
    };
    let missing = rows.is_empty() && world.strikes(Fault::MissingList, call).is_some();
    Served { total: Some(total), rows: (!missing).then_some(rows) }
}

/// The answer as it leaves: with its numbers turned into texts where the knobs say so, and with why it was refused.
fn finish(world: &mut World, call: &Call, mut body: String, refused: Option<Refusal>) -> Reply {
    if world.strikes(Fault::NumbersAsText, call).is_some()
        && let Ok(mut answer) = serde_json::from_str::<Value>(&body)
    {
        numbers_to_texts(&mut answer);
        body = answer.to_string();
    }
    let mut reply = Reply::json(body);
    reply.refusal = refused.map(|refusal| refusal.code.to_string());
    reply
}

fn numbers_to_texts(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::Array(items) => items.iter_mut().for_each(numbers_to_texts),
        Value::Object(members) => members.values_mut().for_each(numbers_to_texts),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_moves_at_midnight() {
        let mut system = System::new(&Options { refunds: 1, ..Options::default() }, 1_705_284_000);
        system.settings.archive_after_days = 1;
        let yesterday = crate::clock::from_text("2024-01-14 00:00:00").unwrap();
        for now in ["2024-01-15 00:00:00", "2024-01-15 10:00:00", "2024-01-15 23:59:59"] {
            let now = crate::clock::from_text(now).unwrap();
            assert_eq!(system.archived_before(now), yesterday);
        }
    }
}
