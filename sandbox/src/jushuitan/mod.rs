//! 聚水潭 (Jushuitan) as contract jushuitan describes it: token endpoints, distributors by two
//! endpoints, and unique-code movements.
//!
//! A call goes through the checks of [`form`] in the vendor's order (fields, clock, signature, token, quota), then to
//! its endpoint. A refusal is an answer with HTTP status 200, as the vendor sends it.

mod biz;
mod channels;
mod distributors;
mod form;
mod movements;
mod quota;
mod sign;
mod tokens;

use std::collections::BTreeMap;

use axum::{Router, body::Body, body::Bytes, extract, http::Response, routing::post};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use crate::{
    Fault, Options, Secret,
    calls::{Call, System as Name},
    changes::Changes,
    json_text::ObjectText,
    reply::Reply,
    world::{SharedWorld, World},
};

use self::{
    distributors::{Distributor, Distributors},
    form::Form,
    movements::Movements,
    quota::QuotaBook,
    tokens::Tokens,
};

pub use self::quota::Quota;
pub use crate::ListOrder;

/// The account of a merchant and how the platform treats it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The application's key.
    pub app_key: String,
    /// What calls are signed with.
    pub app_secret: Secret,
    /// The token that is valid at the start.
    pub access_token: Secret,
    /// What the first renewal must present.
    pub refresh_token: Secret,
    /// The code that `/openWeb/auth/accessToken` takes; `getInitToken` takes any of six characters.
    pub authorization_code: Secret,
    /// How long a token lives, in seconds (30 days in the vendor's samples).
    pub token_lifetime_seconds: u32,
    /// A third-party application may not renew its token: code 150.
    pub third_party: bool,
    /// Calls per token and endpoint; `None` is unlimited.
    pub quota: Option<Quota>,
    /// How far a call's timestamp may be off, in seconds (contract jushuitan §2: 10 minutes).
    pub timestamp_tolerance_seconds: u32,
    /// The order in which distributors are listed: unknown of the real platform, so a client must not rely on it.
    pub list_order: ListOrder,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app_key: "demo-key".to_owned(),
            app_secret: Secret::new("demo-secret"),
            access_token: Secret::new("demo-token"),
            refresh_token: Secret::new("demo-refresh"),
            authorization_code: Secret::new("123456"),
            token_lifetime_seconds: 2_592_000,
            third_party: false,
            quota: Some(Quota::default()),
            timestamp_tolerance_seconds: 600,
            list_order: ListOrder::default(),
        }
    }
}

/// What is known of the platform's side, for tests.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// Distributors that exist now.
    pub distributors: usize,
    /// The ids of the distributors that were deleted.
    pub deleted_distributors: Vec<u64>,
    /// Movements that exist now.
    pub movements: usize,
    /// Records that were modified, added or deleted since the start.
    pub changes: u32,
    /// Calls the quota refused, by endpoint.
    pub quota_refusals: BTreeMap<String, u64>,
    /// How often a new token was issued.
    pub tokens_issued: u64,
}

/// The platform: accounts, data and limits.
#[derive(Debug)]
pub struct System {
    settings: Settings,
    tokens: Tokens,
    quotas: QuotaBook,
    distributors: Distributors,
    movements: Movements,
    changes: Changes,
    last_pages: BTreeMap<Endpoint, Vec<String>>,
    answered: u64,
}

/// The endpoints served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Endpoint {
    InitToken,
    AccessToken,
    RefreshToken,
    Distributors,
    Channels,
    Movements,
}

impl Endpoint {
    const ALL: [Self; 6] = [
        Self::InitToken,
        Self::AccessToken,
        Self::RefreshToken,
        Self::Distributors,
        Self::Channels,
        Self::Movements,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::InitToken => "/openWeb/auth/getInitToken",
            Self::AccessToken => "/openWeb/auth/accessToken",
            Self::RefreshToken => "/openWeb/auth/refreshToken",
            Self::Distributors => "/open/jushuitan/distributor/query",
            Self::Channels => "/open/api/drp/inneropen/partner/supplier/querymychannel",
            Self::Movements => "/open/webapi/wmsapi/skusn/queryinoutitemskusns",
        }
    }

    /// The field of a row that identifies it.
    fn row_id(self) -> &'static str {
        match self {
            Self::Movements => "ioi_sn_id",
            Self::Channels => "channel_co_id",
            _ => "drp_co_id",
        }
    }
}

/// A call that is not served: the vendor's code and text (contract jushuitan §9).
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: i64,
    text: String,
}

impl Refusal {
    fn new(code: i64, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// A parameter that is absent or not valid: code 140 in its legacy wording.
    fn parameter(text: impl std::fmt::Display) -> Self {
        Self::new(140, format!("参数不合法：{text}"))
    }

    /// The platform's own text for one of its codes.
    fn of_code(code: i64) -> Self {
        let text = match code {
            10 => "无效签名",
            100 => "access_token无效或已过期",
            110 => "IP不在白名单内",
            140 => "时间戳timestamp无效，与服务器时间相差超过限制",
            150 => "第三方应用不支持刷新token，请重新授权",
            190 => "没有接口权限",
            199 => "调用频率过高：超过每秒调用次数限制",
            200 => "调用频率过高：超过每分钟调用次数限制",
            _ => "系统内部错误",
        };
        Self::new(code, text)
    }
}

/// The routes of the platform.
pub fn routes() -> Router<SharedWorld> {
    Endpoint::ALL.into_iter().fold(Router::new(), |router, endpoint| {
        router.route(
            endpoint.path(),
            post(move |extract::State(world): extract::State<SharedWorld>, body: Bytes| {
                handle(world, endpoint, body)
            }),
        )
    })
}

async fn handle(world: SharedWorld, endpoint: Endpoint, body: Bytes) -> Response<Body> {
    let call = Call::new(Name::Jushuitan, endpoint.path());
    world.answer(call, |world, call| serve(world, call, endpoint, &body)).await
}

/// Answers a call: its data, or the vendor's words of refusal, in the endpoint's envelope.
fn serve(world: &mut World, call: &Call, endpoint: Endpoint, body: &[u8]) -> Reply {
    world.jushuitan.answered += 1;
    let answered = world.jushuitan.answered;
    let served = answer(world, call, endpoint, body);
    let (code, text, data) = match &served {
        Ok(data) => (0, "执行成功", data.as_str()),
        Err(refusal) => (refusal.code, refusal.text.as_str(), "null"),
    };
    let mut envelope = ObjectText::new();
    envelope = match world.strikes(Fault::CodeAsText, call) {
        Some(_) => envelope.text("code", &code.to_string()),
        None => envelope.raw("code", code),
    };
    if endpoint == Endpoint::Distributors {
        envelope = envelope.raw("issuccess", served.is_ok());
    }
    // The movements' sample answer has no message when all is well (contract jushuitan §5).
    let silent = endpoint == Endpoint::Movements && served.is_ok();
    let null_msg = world.strikes(Fault::NullMsg, call).is_some() || silent;
    envelope = envelope.text_or_null("msg", (!null_msg).then_some(text));
    if endpoint == Endpoint::Movements {
        envelope = envelope.text("request_id", &format!("r-{answered}"));
    }
    let reply = Reply::json(envelope.raw("data", data).finish());
    match served {
        Ok(_) => reply,
        Err(refusal) => reply.refused(refusal.code.to_string()),
    }
}

/// The `data` of an answer as JSON text, or the refusal.
fn answer(world: &mut World, call: &Call, endpoint: Endpoint, body: &[u8]) -> Result<String, Refusal> {
    if let Some(rule) = world.strikes(Fault::VendorError, call) {
        let (code, words) = rule.code_and_words().unwrap_or(("199", None));
        let refusal = Refusal::of_code(code.parse().unwrap_or(199));
        return Err(match words {
            Some(words) => Refusal::new(refusal.code, words),
            None => refusal,
        });
    }
    let now = world.clock.now();
    let form = Form::read(body)?;
    form.check_common(&world.jushuitan.settings, now)?;
    match endpoint {
        Endpoint::InitToken | Endpoint::AccessToken | Endpoint::RefreshToken => {
            form.check_signature(&world.jushuitan.settings)?;
            world.jushuitan.token_call(endpoint, &form, now)
        }
        Endpoint::Distributors | Endpoint::Channels | Endpoint::Movements => {
            form.check_business()?;
            form.check_signature(&world.jushuitan.settings)?;
            if world.strikes(Fault::ExpiredToken, call).is_some() {
                world.jushuitan.tokens.expire();
            }
            let token = form.required("access_token")?;
            world.jushuitan.tokens.check(token, now)?;
            let quota = world.jushuitan.settings.quota;
            world.jushuitan.quotas.take(token, endpoint.path(), quota)?;
            let biz = biz::Biz::read(form.required("biz")?)?;
            match endpoint {
                Endpoint::Movements => movements::serve(world, call, &biz),
                Endpoint::Channels => channels::serve(world, call, &biz),
                _ => distributors::serve(world, call, &biz),
            }
        }
    }
}

/// What the knobs do to the rows of a page: repeat the former page, take ids away.
fn spoil_rows(
    world: &mut World,
    call: &Call,
    endpoint: Endpoint,
    page_index: u64,
    mut rows: Vec<String>,
) -> Vec<String> {
    if page_index > 1
        && let Some(former) = world.jushuitan.last_pages.get(&endpoint).cloned()
        && world.strikes(Fault::RepeatedPage, call).is_some()
    {
        rows = former;
    }
    world.jushuitan.last_pages.insert(endpoint, rows.clone());
    if !rows.is_empty() && world.strikes(Fault::MissingId, call).is_some() {
        for row in rows.iter_mut().take(1) {
            *row = without_field(row, endpoint.row_id());
        }
    }
    if endpoint == Endpoint::Movements && world.strikes(Fault::WithoutRowIds, call).is_some() {
        for row in &mut rows {
            *row = without_field(row, endpoint.row_id());
        }
    }
    rows
}

/// A record without one of its fields; all others keep their order and digits.
fn without_field(record: &str, field: &str) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(record) {
        Ok(mut fields) => {
            fields.shift_remove(field);
            serde_json::Value::Object(fields).to_string()
        }
        Err(_) => record.to_owned(),
    }
}

impl System {
    /// The platform with `options`' data, made up to `now`.
    pub fn new(options: &Options, now: i64) -> Self {
        let mut dice = StdRng::seed_from_u64(options.seed);
        let settings = options.jushuitan.clone();
        Self {
            tokens: Tokens::new(&settings, options.seed, now),
            quotas: QuotaBook::default(),
            distributors: Distributors::make(options, now, &mut dice),
            movements: Movements::make(options, now, &mut dice),
            changes: Changes::new(options, options.seed),
            last_pages: BTreeMap::new(),
            answered: 0,
            settings,
        }
    }

    /// Sets how many changes there may be in all.
    pub fn allow_changes(&mut self, limit: u32) {
        self.changes.allow(limit);
    }

    /// What is known of the platform's side.
    pub fn state(&self) -> State {
        State {
            distributors: self.distributors.len(),
            deleted_distributors: self.distributors.deleted().to_vec(),
            movements: self.movements.len(),
            changes: self.changes.made(),
            quota_refusals: self.quotas.refusals(),
            tokens_issued: self.tokens.issued(),
        }
    }

    /// The newest state of every distributor.
    pub fn distributors(&self) -> Vec<String> {
        self.distributors.written(Distributor::text)
    }

    /// The newest state of every distributor, as the successor endpoint writes it.
    pub fn channels(&self) -> Vec<String> {
        self.distributors.written(channels::text)
    }

    /// Every movement.
    pub fn movements(&self) -> Vec<String> {
        self.movements.texts()
    }

    /// Ends the present access token.
    pub fn expire_token(&mut self) {
        self.tokens.expire();
    }

    /// Serves one of the token endpoints (contract jushuitan §3).
    fn token_call(&mut self, endpoint: Endpoint, form: &Form, now: i64) -> Result<String, Refusal> {
        if endpoint == Endpoint::RefreshToken {
            form.exactly("grant_type", "refresh_token")?;
            form.exactly("scope", "all")?;
            if self.settings.third_party {
                return Err(Refusal::of_code(150));
            }
            self.tokens.check_refresh(form.required("refresh_token")?)?;
        } else {
            form.exactly("grant_type", "authorization_code")?;
            let code = form.required("code")?;
            let known = match endpoint {
                Endpoint::InitToken => code.chars().count() == 6,
                _ => code == self.settings.authorization_code.reveal(),
            };
            if !known {
                return Err(Refusal::parameter("code无效"));
            }
        }
        Ok(self.tokens.issue(&self.settings, now))
    }
}
