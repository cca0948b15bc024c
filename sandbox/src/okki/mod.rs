//! 小满 OKKI (Xiaoman) as contract xiaoman-okki describes it: OAuth2 tokens, sales orders, customers.
//!
//! A list of orders has headers only; the lines come with the call for one order. Failures are told in the business
//! envelope with HTTP status 200, but for a token that is missing or over (401) and too many calls (429).

mod companies;
mod made_up;
mod order;
mod orders;
mod query;
mod quota;
mod tokens;

use std::time::Instant;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawQuery, State as Extract},
    http::{HeaderMap, Response, StatusCode, header},
    routing::{get, post},
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use crate::{
    Fault, ListOrder, Options, Secret,
    calls::{Call, System as Name},
    clock,
    json_text::{self, ObjectText},
    reply::Reply,
    world::{SharedWorld, World},
};

use self::{
    companies::Companies,
    order::Spelling,
    orders::Orders,
    query::Query,
    quota::QuotaBook,
    tokens::{Barred, Denied, Tokens},
};

pub use self::quota::Quota;

/// What the time of a window's end counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimePrecision {
    /// Only the date counts, even when a time of day is sent.
    #[default]
    Date,
    /// A time of day counts when it is sent.
    DateTime,
}

/// The account and how the platform treats it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: Secret,
    /// The login e-mail of the password grant.
    pub username: String,
    /// The password in clear; calls carry its digest.
    pub password: Secret,
    /// How long a token lives, in seconds.
    pub token_lifetime_seconds: u32,
    /// Whether `client_credentials` tells `expires_in`: the vendor says no, a client measured yes.
    pub tells_expiry: bool,
    /// Whether business calls need a token. Real accounts do.
    pub needs_token: bool,
    /// Whether the list carries `product_list`, as the seed assumes. Real lists do not.
    pub embed_lines: bool,
    /// What a time of day in a window counts for.
    pub time_precision: TimePrecision,
    /// The order in which orders are listed: unknown of the real platform, so a client must not rely on it.
    pub list_order: ListOrder,
    /// The limit of calls; the vendor publishes none.
    pub quota: Option<Quota>,
    /// After so many seconds the customers are there that come later than their orders.
    pub late_company_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: "demo-client".to_owned(),
            client_secret: Secret::new("demo-secret"),
            username: "demo@example.com".to_owned(),
            password: Secret::new("demo-password"),
            token_lifetime_seconds: 28_800,
            tells_expiry: true,
            needs_token: true,
            embed_lines: false,
            time_precision: TimePrecision::default(),
            list_order: ListOrder::ModifiedDescending,
            quota: None,
            late_company_seconds: 20,
        }
    }
}

/// What is known of the platform's side, for tests.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// Orders that are not removed.
    pub orders: usize,
    /// The ids of the orders that were removed.
    pub removed_orders: Vec<u64>,
    /// Customers, those included that come later.
    pub companies: usize,
    /// Orders that were modified, added or removed since the start.
    pub changes: u32,
    /// How many different tokens were issued.
    pub tokens_issued: u64,
    /// Calls the quota refused.
    pub quota_refusals: u64,
}

/// The platform: its account, data and limits.
#[derive(Debug)]
pub struct System {
    settings: Settings,
    tokens: Tokens,
    quota: QuotaBook,
    companies: Companies,
    orders: Orders,
}

impl System {
    /// The platform with `options`' data, made up to `now`.
    pub fn new(options: &Options, now: i64) -> Self {
        let mut dice = StdRng::seed_from_u64(options.seed ^ 0x0000_0CC0);
        let companies = Companies::make(options, now, &mut dice);
        Self {
            settings: options.okki.clone(),
            tokens: Tokens::new(options.seed),
            quota: QuotaBook::default(),
            orders: Orders::make(options, &companies, now, &mut dice),
            companies,
        }
    }

    /// Sets how many changes there may be in all.
    pub fn allow_changes(&mut self, limit: u32) {
        self.orders.allow_changes(limit);
    }

    /// What is known of the platform's side.
    pub fn state(&self) -> State {
        State {
            orders: self.orders.live().count(),
            removed_orders: self.orders.removed().map(|order| order.id).collect(),
            companies: self.companies.len(),
            changes: self.orders.changes(),
            tokens_issued: self.tokens.issued(),
            quota_refusals: self.quota.refusals(),
        }
    }

    /// The newest state of every order that is not removed, in full.
    pub fn orders(&self) -> Vec<String> {
        self.orders.live().map(|order| order.info(&self.companies, Spelling::Usual)).collect()
    }

    /// Every customer, those included that come later.
    pub fn companies(&self) -> Vec<String> {
        self.companies.texts()
    }

    /// Ends every access token.
    pub fn expire_tokens(&mut self) {
        self.tokens.expire();
    }
}

/// The business endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    OrderList,
    OrderInfo,
    OrderEnums,
    CompanyList,
    CompanyInfo,
}

impl Endpoint {
    const ALL: [Self; 5] =
        [Self::OrderList, Self::OrderInfo, Self::OrderEnums, Self::CompanyList, Self::CompanyInfo];

    fn path(self) -> &'static str {
        match self {
            Self::OrderList => "/v1/invoices/order/list",
            Self::OrderInfo => "/v1/invoices/order/info",
            Self::OrderEnums => "/v1/invoices/order/orderEnums",
            Self::CompanyList => "/v1/company/list",
            Self::CompanyInfo => "/v1/company/info",
        }
    }

    /// The module a token's scope must hold.
    fn module(self) -> &'static str {
        match self {
            Self::OrderList | Self::OrderInfo | Self::OrderEnums => "invoices",
            Self::CompanyList | Self::CompanyInfo => "company",
        }
    }
}

/// A call that is not served: code and text of the envelope (contract xiaoman-okki §9).
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: i64,
    message: String,
}

impl Refusal {
    fn parameter(message: impl Into<String>) -> Self {
        Self { code: 400, message: message.into() }
    }

    fn not_found() -> Self {
        Self::of_code(404)
    }

    fn scope(module: &str) -> Self {
        Self { code: 403, message: format!("no permission {module} scopes") }
    }

    /// The platform's words for one of its codes.
    fn of_code(code: i64) -> Self {
        let message = match code {
            401 => "access_denied",
            403 => "no permission invoices scopes",
            404 => "Not Found Resource",
            429 => "请求频率过高，请稍后再试",
            500 => "server_error",
            _ => "error",
        };
        Self { code, message: message.to_owned() }
    }
}

const ACCESS_TOKEN: &str = "/v1/oauth2/access_token";
const REFRESH_TOKEN: &str = "/v1/oauth2/refresh_token";

/// The routes of the platform.
pub fn routes() -> Router<SharedWorld> {
    let tokens = Router::new().route(ACCESS_TOKEN, post(grant)).route(REFRESH_TOKEN, post(renew));
    Endpoint::ALL.into_iter().fold(tokens, |router, endpoint| {
        let handler = move |world: Extract<SharedWorld>, headers: HeaderMap, RawQuery(query): RawQuery| {
            handle(world.0, endpoint, headers, query.unwrap_or_default())
        };
        router.route(endpoint.path(), get(handler))
    })
}

async fn grant(Extract(world): Extract<SharedWorld>, body: Bytes) -> Response<Body> {
    token_call(world, ACCESS_TOKEN, &body, Tokens::grant).await
}

async fn renew(Extract(world): Extract<SharedWorld>, body: Bytes) -> Response<Body> {
    token_call(world, REFRESH_TOKEN, &body, Tokens::renew).await
}

/// What a token endpoint does with a body at a time.
type TokenStep = fn(&mut Tokens, &Settings, &tokens::Body, i64) -> Result<String, Denied>;

async fn token_call(world: SharedWorld, path: &str, body: &[u8], step: TokenStep) -> Response<Body> {
    let call = Call::new(Name::Okki, path);
    let body = tokens::Body::read(body);
    let serve = |world: &mut World, call: &Call| {
        if let Some(rule) = world.strikes(Fault::VendorError, call) {
            return Denied::of_knob(rule.code.as_deref()).into_reply();
        }
        let now = world.clock.now();
        match step(&mut world.okki.tokens, &world.okki.settings, &body, now) {
            Ok(told) => Reply::json(told),
            Err(denied) => denied.into_reply(),
        }
    };
    world.answer(call, serve).await
}

async fn handle(world: SharedWorld, endpoint: Endpoint, headers: HeaderMap, query: String) -> Response<Body> {
    let call = Call::new(Name::Okki, endpoint.path());
    world.answer(call, |world, call| serve(world, call, endpoint, &headers, &Query::read(&query))).await
}

fn serve(world: &mut World, call: &Call, endpoint: Endpoint, headers: &HeaderMap, query: &Query) -> Reply {
    let now = world.clock.now();
    let quota = world.okki.settings.quota;
    if !world.okki.quota.take(quota, Instant::now()) {
        let body = r#"{"code":429,"message":"too many requests"}"#;
        return Reply::plain(StatusCode::TOO_MANY_REQUESTS, "application/json", body).refused("429");
    }
    if world.strikes(Fault::ExpiredToken, call).is_some() {
        world.okki.tokens.expire();
    }
    if world.okki.settings.needs_token {
        match world.okki.tokens.check(bearer(headers), endpoint.module(), now) {
            Ok(()) => {}
            Err(Barred::Token) => return tokens::unauthorised(),
            Err(Barred::Scope) => return refused(world, call, &Refusal::scope(endpoint.module())),
        }
    }
    match data(world, call, endpoint, query) {
        Ok(data) => enveloped(world, call, 200, "success", &data),
        Err(refusal) => refused(world, call, &refusal),
    }
}

/// The token of `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value
        .split_once(' ')
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim())
}

/// The `data` of an answer as JSON text, or the refusal.
fn data(world: &mut World, call: &Call, endpoint: Endpoint, query: &Query) -> Result<String, Refusal> {
    if let Some(rule) = world.strikes(Fault::VendorError, call) {
        let (code, words) = rule.code_and_words().unwrap_or(("429", None));
        let refusal = Refusal::of_code(code.parse().unwrap_or(429));
        return Err(match words {
            Some(words) => Refusal { message: words.to_owned(), ..refusal },
            None => refusal,
        });
    }
    match endpoint {
        Endpoint::OrderList => orders::list(world, call, query),
        Endpoint::OrderInfo => orders::info(world, call, query),
        Endpoint::OrderEnums => Ok(enums()),
        Endpoint::CompanyList => companies::list(world, call, query),
        Endpoint::CompanyInfo => companies::info(world, query),
    }
}

/// The codes of the account (contract xiaoman-okki §6).
fn enums() -> String {
    let entries = |entries: &[(&str, &str)]| {
        let texts: Vec<_> = entries
            .iter()
            .map(|(code, name)| ObjectText::new().text("code", code).text("name", name).finish())
            .collect();
        json_text::array(texts.iter().map(String::as_str))
    };
    let currencies: Vec<_> =
        made_up::CURRENCIES.iter().map(|currency| (currency.code, currency.name)).collect();
    let statuses: Vec<_> = made_up::STATUSES
        .iter()
        .map(|(code, name)| ObjectText::new().raw("code", code).text("name", name).finish())
        .collect();
    ObjectText::new()
        .raw("currency_list", entries(&currencies))
        .raw("pay_list", entries(&[("1", "T/T"), ("2", "L/C")]))
        .raw("country_area_list", entries(&[("DE", "德国"), ("GB", "英国"), ("US", "美国")]))
        .raw("source_type_list", entries(&[("1", "CRM"), ("2", "信保订单"), ("3", "收款单")]))
        .raw("order_status_list", json_text::array(statuses.iter().map(String::as_str)))
        .raw(
            "archive_type_list",
            entries(&[("1", "手动"), ("2", "AI"), ("3", "导入"), ("4", "ERP"), ("5", "阿里")]),
        )
        .finish()
}

fn refused(world: &mut World, call: &Call, refusal: &Refusal) -> Reply {
    enveloped(world, call, refusal.code, &refusal.message, "null").refused(refusal.code.to_string())
}

/// The business envelope; `now` is the server's time in UTC+8.
fn enveloped(world: &mut World, call: &Call, code: i64, message: &str, data: &str) -> Reply {
    let envelope = match world.strikes(Fault::CodeAsText, call) {
        Some(_) => ObjectText::new().text("code", &code.to_string()),
        None => ObjectText::new().raw("code", code),
    };
    let now = clock::to_text(world.clock.now());
    Reply::json(envelope.text("message", message).text("now", &now).raw("data", data).finish())
}
