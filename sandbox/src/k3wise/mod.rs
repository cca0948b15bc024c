//! 金蝶 K/3 WISE (K3API) as contract kingdee-k3wise describes it: tokens, and sales orders under `/K3API/SO/…`.
//!
//! Paths and the parameter of the token have no case, bodies are JSON whatever their header says, and every failure of
//! the business is an envelope with HTTP status 200.

mod body;
mod filter;
mod read;
mod save;
mod store;
mod template;
mod tokens;

use axum::{
    Router,
    body::{Body as HttpBody, Bytes},
    extract::{DefaultBodyLimit, Path, RawQuery, State as Extract},
    http::{Method, Response, StatusCode},
    routing::any,
};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Fault, Rule, Secret,
    calls::{Call, System as Name},
    reply::Reply,
    world::{SharedWorld, World},
};

use self::{body::Body, save::Written, tokens::Tokens};

pub use self::store::{Order, Store, Write};

/// The largest request: the default of the server it runs on (contract kingdee-k3wise §9).
const LARGEST_REQUEST: usize = 4 << 20;

/// Which fields a sales order must fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Mandatory {
    /// Those the seed sends: date, customer, item, quantity, price.
    #[default]
    Seed,
    /// Also department, employee, unit and delivery date, as real sites want in practice.
    Strict,
}

/// How a build tells that a document was written (contract kingdee-k3wise §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SuccessShape {
    /// The number at `Data.BillNo`.
    #[default]
    BillNo,
    /// The number in `Message`.
    Message,
    /// Nothing but `StatusCode` 200.
    Bare,
    /// A list of rows with `FStatus`. Failures are rows too, under `StatusCode` 200.
    Rows,
    /// As `Rows`, wrapped once more as `Data[0].Data`.
    WrappedRows,
}

/// The company and how its site behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The authority code of the partner.
    pub authority_code: Secret,
    /// How long a token lives, in seconds.
    pub token_lifetime_seconds: u32,
    /// Which fields a sales order must fill.
    pub mandatory: Mandatory,
    /// How the site tells that a document was written.
    pub success_shape: SuccessShape,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authority_code: Secret::new("4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920"),
            token_lifetime_seconds: 3_600,
            mandatory: Mandatory::default(),
            success_shape: SuccessShape::default(),
        }
    }
}

/// What the company's books hold, for tests.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// Sales orders, writes, unknown keys and refused duplicates.
    #[serde(flatten)]
    pub store: Store,
    /// How many different tokens were issued.
    pub tokens_issued: u64,
}

/// The site: its company, its token and what it stores.
#[derive(Debug)]
pub struct System {
    settings: Settings,
    tokens: Tokens,
    store: Store,
}

impl System {
    /// A site without documents.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self { settings, tokens: Tokens::new(seed), store: Store::default() }
    }

    /// What the books hold.
    pub fn state(&self) -> State {
        State { store: self.store.clone(), tokens_issued: self.tokens.issued() }
    }

    /// Ends the token.
    pub fn expire_token(&mut self) {
        self.tokens.expire();
    }
}

/// A call that is not carried out: the code and the words of the envelope.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status_code: u16,
    message: String,
    telling: Telling,
}

/// How a refusal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// In the site's shape.
    AsUsual,
    /// As a row with `FStatus` false under `StatusCode` 200, whatever the site's shape.
    RowUnderSuccess,
    /// As such a row under the refusal's own code and the word the vendor uses.
    RowUnderFailure,
}

impl Refusal {
    fn new(status_code: u16, message: impl Into<String>) -> Self {
        Self { status_code, message: message.into(), telling: Telling::AsUsual }
    }

    /// A document that is refused: code 201 (assumption of the contract).
    fn of_document(message: impl Into<String>) -> Self {
        Self::new(201, message)
    }

    fn of_token() -> Self {
        Self::new(401, "Token无效或已过期，请重新获取Token")
    }

    /// The failure a knob asks for.
    fn of_knob(rule: &Rule) -> Self {
        let (code, words) = rule.code_and_words().unwrap_or(("locked", None));
        match code {
            "locked" => Self::of_document("记录已被其他用户锁定，请稍后再试"),
            "deadlock" => {
                Self::of_document("事务(进程 ID 57)与另一个进程被死锁在锁资源上，并且已被选作死锁牺牲品")
            }
            "licence" => Self::of_document("许可并发数已超出，请稍后再试"),
            "unauthorised" => Self::new(403, "模块未授权"),
            "period" => Self::of_document("单据日期所在的会计期间已结账"),
            "row" => Self { telling: Telling::RowUnderSuccess, ..Self::of_document(DISABLED_ITEM) },
            "failed_row" => Self { telling: Telling::RowUnderFailure, ..Self::of_document(DISABLED_ITEM) },
            other => Self::new(other.parse().unwrap_or(500), words.unwrap_or("系统内部错误")),
        }
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    CreateToken,
    GetTemplate,
    GetDetail,
    GetList,
    Save,
    Update,
    Delete,
    CheckBill,
}

impl Action {
    /// The routing has no regard to case.
    fn by_path(site: &str, object: &str, action: &str) -> Option<Self> {
        let lower = |text: &str| text.to_ascii_lowercase();
        match (lower(site).as_str(), lower(object).as_str(), lower(action).as_str()) {
            ("k3api", "token", "create") => Some(Self::CreateToken),
            ("k3api", "so", "gettemplate") => Some(Self::GetTemplate),
            ("k3api", "so", "getdetail") => Some(Self::GetDetail),
            ("k3api", "so", "getlist") => Some(Self::GetList),
            ("k3api", "so", "save") => Some(Self::Save),
            ("k3api", "so", "update") => Some(Self::Update),
            ("k3api", "so", "delete") => Some(Self::Delete),
            ("k3api", "so", "checkbill") => Some(Self::CheckBill),
            _ => None,
        }
    }

    /// What calls are counted under.
    fn name(self) -> &'static str {
        match self {
            Self::CreateToken => "Token/Create",
            Self::GetTemplate => "SO/GetTemplate",
            Self::GetDetail => "SO/GetDetail",
            Self::GetList => "SO/GetList",
            Self::Save => "SO/Save",
            Self::Update => "SO/Update",
            Self::Delete => "SO/Delete",
            Self::CheckBill => "SO/CheckBill",
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::CreateToken => method == Method::GET,
            Self::GetTemplate => method == Method::GET || method == Method::POST,
            _ => method == Method::POST,
        }
    }
}

/// The routes of the site.
pub fn routes() -> Router<SharedWorld> {
    let limit = DefaultBodyLimit::max(LARGEST_REQUEST);
    Router::new().route("/{site}/{service}/{action}", any(handle).layer(limit))
}

async fn handle(
    Extract(world): Extract<SharedWorld>,
    Path((site, object, action)): Path<(String, String, String)>,
    method: Method,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response<HttpBody> {
    let Some(action) = Action::by_path(&site, &object, &action) else {
        let call = Call::new(Name::K3Wise, "unknown");
        return world
            .answer(call, |_, _| not_served(StatusCode::NOT_FOUND, "找不到与请求URI匹配的HTTP资源"))
            .await;
    };
    let call = Call::new(Name::K3Wise, action.name());
    let query = query.unwrap_or_default();
    let serve = |world: &mut World, call: &Call| {
        if !action.takes(&method) {
            return not_served(StatusCode::METHOD_NOT_ALLOWED, "请求的资源不支持该HTTP方法");
        }
        serve(world, call, action, &query, &body)
    };
    world.answer(call, serve).await
}

/// What the web server says when no action takes the call.
fn not_served(status: StatusCode, message: &str) -> Reply {
    let body = json!({ "Message": message }).to_string();
    Reply::plain(status, "application/json", body).refused(status.as_str())
}

fn serve(world: &mut World, call: &Call, action: Action, query: &str, body: &[u8]) -> Reply {
    if action == Action::CreateToken {
        return create_token(world, call, query);
    }
    if world.strikes(Fault::ExpiredToken, call).is_some() {
        world.k3wise.tokens.expire();
    }
    let now = world.clock.now();
    if !world.k3wise.tokens.is_valid(&parameter(query, "token"), now) {
        return refused(world, call, &Refusal::of_token());
    }
    if let Some(rule) = world.strikes(Fault::VendorError, call) {
        return refused(world, call, &Refusal::of_knob(&rule));
    }
    match carry_out(world, call, action, body) {
        Ok((message, data)) => enveloped(world, call, 200, &message, &data),
        Err(refusal) => refused(world, call, &refusal),
    }
}

/// A query parameter, whatever the case of its name; empty when absent.
fn parameter(query: &str, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// `Token/Create`: the valid token, or `Code` N for a code that is not known.
fn create_token(world: &mut World, call: &Call, query: &str) -> Reply {
    let now = world.clock.now();
    let System { settings, tokens, .. } = &mut world.k3wise;
    if parameter(query, "authorityCode") != settings.authority_code.reveal() {
        let data = json!({ "Code": "N", "Token": "", "Validity": 0 });
        return enveloped(world, call, 201, "授权码无效", &data).refused("authority code");
    }
    let (token, left) = tokens.create(settings.token_lifetime_seconds, now);
    let data = json!({ "Code": "Y", "Token": token.reveal(), "Validity": left });
    enveloped(world, call, 200, SUCCESSFUL, &data)
}

const SUCCESSFUL: &str = "Successful";

/// Why the knob's row failed.
const DISABLED_ITEM: &str = "保存失败：物料已禁用";

/// Carries an action out; gives the message and the data of a success.
fn carry_out(
    world: &mut World,
    call: &Call,
    action: Action,
    body: &[u8],
) -> Result<(String, Value), Refusal> {
    let body = Body::read(body)?;
    if matches!(action, Action::Save | Action::Update | Action::Delete | Action::CheckBill)
        && let Some(rule) = world.strikes(Fault::PersonActs, call)
    {
        save::act_as_person(world, &body, &rule);
    }
    let plain = |data: Value| (SUCCESSFUL.to_owned(), data);
    match action {
        Action::CreateToken | Action::GetTemplate => Ok(plain(read::template())),
        Action::GetDetail => read::detail(world, &body).map(plain),
        Action::GetList => read::list(world, &body).map(plain),
        Action::Save => save::save(world, &body).map(|written| told(world, &written)),
        Action::Update => save::update(world, &body).map(|written| told(world, &written)),
        Action::Delete => save::delete(world, &body).map(|()| plain(Value::Null)),
        Action::CheckBill => save::audit(world, call, &body).map(|()| plain(Value::Null)),
    }
}

/// Message and data of a write, in the site's shape.
fn told(world: &World, written: &Written) -> (String, Value) {
    let row =
        || json!([{ "FStatus": true, "FItemID": written.id, "FNumber": written.number, "FMessage": "" }]);
    let data = match world.k3wise.settings.success_shape {
        SuccessShape::BillNo => json!({ "BillNo": written.number, "InterID": written.id }),
        SuccessShape::Message => return (written.number.clone(), Value::Null),
        SuccessShape::Bare => Value::Null,
        SuccessShape::Rows => row(),
        SuccessShape::WrappedRows => json!([{ "Data": row() }]),
    };
    (SUCCESSFUL.to_owned(), data)
}

/// A refusal in the site's shape: a code and a message, or a row that failed under a success.
fn refused(world: &mut World, call: &Call, refusal: &Refusal) -> Reply {
    let row = || json!([{ "FStatus": false, "FItemID": 0, "FNumber": "", "FMessage": refusal.message }]);
    // What is no document's fault is told by its code in every shape.
    let shape = Some(world.k3wise.settings.success_shape).filter(|_| refusal.status_code == 201);
    let reply = match (refusal.telling, shape) {
        (Telling::RowUnderFailure, _) => enveloped(world, call, refusal.status_code, "Faild", &row()),
        (Telling::RowUnderSuccess, _) | (_, Some(SuccessShape::Rows)) => {
            enveloped(world, call, 200, SUCCESSFUL, &row())
        }
        (_, Some(SuccessShape::WrappedRows)) => {
            enveloped(world, call, 200, SUCCESSFUL, &json!([{ "Data": row() }]))
        }
        _ => enveloped(world, call, refusal.status_code, &refusal.message, &Value::Null),
    };
    reply.refused(refusal.status_code.to_string())
}

/// The envelope of every answer; the code comes as text when the knob says so.
fn enveloped(world: &mut World, call: &Call, code: u16, message: &str, data: &Value) -> Reply {
    let code = match world.strikes(Fault::CodeAsText, call) {
        Some(_) => Value::from(code.to_string()),
        None => Value::from(code),
    };
    Reply::json(json!({ "StatusCode": code, "Message": message, "Data": data }).to_string())
}
