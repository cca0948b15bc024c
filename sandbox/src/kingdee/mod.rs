//! 金蝶云星空 (Kingdee Cloud Galaxy) as contract kingdee-galaxy describes it: logins, signed headers, and the operations
//! on forms.
//!
//! Which forms there are, and what they hold, are the tables of [`forms`] and [`base_data`].

mod auth;
mod base_data;
mod body;
mod check;
mod envelope;
mod filter;
mod forms;
mod query;
mod save;
mod sign;
mod steps;
mod store;
mod tasks;

use axum::{
    Router,
    body::{Body, Bytes},
    extract,
    http::{HeaderMap, Response, StatusCode, Uri},
    routing::post,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    Fault, Secret,
    calls::{Call, System as Name},
    reply::Reply,
    world::{SharedWorld, World},
};

use self::{
    auth::{Denied, Login, Sessions},
    body::Request,
    envelope::{Failure, Status},
    forms::Form,
    steps::Step,
    tasks::Tasks,
};

pub use self::store::{Document, DocumentStatus, Store, Write};

/// The account of an integration user.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data centre (`AcctID`).
    pub account_id: String,
    /// The integration user.
    pub user_name: String,
    /// The password `ValidateUser` takes.
    pub password: Secret,
    /// The application's id, client id and masked key in one.
    pub app_id: String,
    /// The application's secret.
    pub app_secret: Secret,
    /// How long a session lives after its last call, in seconds. Not documented.
    pub session_lifetime_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account_id: "65f0c0ffee0001".to_owned(),
            user_name: "integration".to_owned(),
            password: Secret::new("demo-password"),
            app_id: "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz".to_owned(),
            app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
            session_lifetime_seconds: 1_200,
        }
    }
}

/// What the site holds, for tests.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// How many sessions were opened, by logins and by signed headers.
    pub sessions_opened: u64,
    /// Documents, writes, unknown keys and refused duplicates.
    #[serde(flatten)]
    pub store: Store,
}

/// The site: its account, its sessions and what it stores.
#[derive(Debug)]
pub struct System {
    settings: Settings,
    sessions: Sessions,
    tasks: Tasks,
    store: Store,
}

impl System {
    /// A site without documents.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self { settings, sessions: Sessions::new(seed), tasks: Tasks::default(), store: Store::default() }
    }

    /// What the site holds.
    pub fn state(&self) -> State {
        State { sessions_opened: self.sessions.opened(), store: self.store.clone() }
    }

    /// Ends every session.
    pub fn expire_sessions(&mut self) {
        self.sessions.expire(None);
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Save,
    Draft,
    BatchSave,
    Step(Step),
    View,
    ExecuteBillQuery,
    BillQuery,
    QueryBusinessInfo,
    /// A step that is named in the call.
    NamedStep,
    QueryAsyncResult,
}

impl Operation {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "save" => Self::Save,
            "draft" => Self::Draft,
            "batchsave" => Self::BatchSave,
            "submit" => Self::Step(Step::Submit),
            "audit" => Self::Step(Step::Audit),
            "unaudit" => Self::Step(Step::UnAudit),
            "delete" => Self::Step(Step::Delete),
            "view" => Self::View,
            "executebillquery" => Self::ExecuteBillQuery,
            "billquery" => Self::BillQuery,
            "querybusinessinfo" => Self::QueryBusinessInfo,
            // The official clients misspell it; one site was seen to know the right spelling alone.
            "excuteoperation" | "executeoperation" => Self::NamedStep,
            "queryasyncresult" => Self::QueryAsyncResult,
            _ => return None,
        })
    }

    /// The name as the help spells it: what calls are counted under.
    fn name(self) -> &'static str {
        match self {
            Self::Save => "Save",
            Self::Draft => "Draft",
            Self::BatchSave => "BatchSave",
            Self::Step(Step::Submit) => "Submit",
            Self::Step(Step::Audit) => "Audit",
            Self::Step(Step::UnAudit) => "UnAudit",
            Self::Step(Step::Delete) => "Delete",
            Self::View => "View",
            Self::ExecuteBillQuery => "ExecuteBillQuery",
            Self::BillQuery => "BillQuery",
            Self::QueryBusinessInfo => "QueryBusinessInfo",
            Self::NamedStep => "ExcuteOperation",
            Self::QueryAsyncResult => "QueryAsyncResult",
        }
    }

    /// Whether it changes what the site holds.
    fn writes(self) -> bool {
        matches!(self, Self::Save | Self::Draft | Self::BatchSave | Self::Step(_) | Self::NamedStep)
    }

    /// Puts an envelope where the operation tells its failures: queries tell them inside the array.
    fn wrap(self, envelope: Value) -> Value {
        match self {
            Self::ExecuteBillQuery => json!([[envelope]]),
            Self::BillQuery => json!([envelope]),
            _ => envelope,
        }
    }
}

/// What a path asks for: the routing has no regard to case (contract kingdee-galaxy §1).
enum Service {
    Data(Operation),
    Login(Login),
}

impl Service {
    fn by_path(site: &str, service: &str) -> Option<Self> {
        const STUBS: &str = "kingdee.bos.webapi.servicesstub.";
        let service = service.to_ascii_lowercase();
        if !site.eq_ignore_ascii_case("k3cloud") {
            return None;
        }
        let (stub, method) = service.strip_prefix(STUBS)?.strip_suffix(".common.kdsvc")?.split_once('.')?;
        match (stub, method) {
            ("authservice", "validateuser") => Some(Self::Login(Login::Password)),
            ("authservice", "loginbyappsecret") => Some(Self::Login(Login::AppSecret)),
            ("authservice", "loginbysign") => Some(Self::Login(Login::Signature)),
            ("dynamicformservice", method) => Operation::by_name(method).map(Self::Data),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Data(operation) => operation.name(),
            Self::Login(Login::Password) => "ValidateUser",
            Self::Login(Login::AppSecret) => "LoginByAppSecret",
            Self::Login(Login::Signature) => "LoginBySign",
        }
    }
}

/// The routes of the site.
pub fn routes() -> Router<SharedWorld> {
    Router::new().route("/{site}/{service}", post(handle))
}

async fn handle(
    extract::State(world): extract::State<SharedWorld>,
    extract::Path((site, service)): extract::Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Some(service) = Service::by_path(&site, &service) else {
        let call = Call::new(Name::Kingdee, "unknown");
        let words = format!("response_error:找不到服务 {}", uri.path());
        let reply =
            || Reply::plain(StatusCode::NOT_FOUND, "text/plain;charset=UTF-8", words).refused("not found");
        return world.answer(call, |_, _| reply()).await;
    };
    let call = Call::new(Name::Kingdee, service.name());
    world.answer(call, |world, call| serve(world, call, &service, uri.path(), &headers, &body)).await
}

fn serve(
    world: &mut World,
    call: &Call,
    service: &Service,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Reply {
    let request = match Request::read(body) {
        Ok(request) => request,
        Err(words) => return response_error(&words),
    };
    let now = world.clock.now();
    match service {
        Service::Login(login) => {
            if let Some(rule) = world.strikes(Fault::VendorError, call) {
                return Sessions::refuse_login(&rule);
            }
            let System { settings, sessions, .. } = &mut world.kingdee;
            sessions.log_in(settings, *login, &request, now)
        }
        Service::Data(operation) => {
            if let Some(rule) = world.strikes(Fault::ExpiredToken, call) {
                world.kingdee.sessions.expire(rule.code.as_deref());
            }
            let System { settings, sessions, .. } = &mut world.kingdee;
            let access = match sessions.enter(settings, path, headers, now) {
                Ok(access) => access,
                Err(Denied::DataCentre) => return Denied::data_centre_reply(),
                Err(Denied::Failure(failure)) => return failed(*operation, &failure),
            };
            let mut reply = vendor_error(world, call, *operation)
                .unwrap_or_else(|| operate(world, call, *operation, &request));
            reply.cookies = access.cookies;
            reply
        }
    }
}

/// The failure a knob asks for.
fn vendor_error(world: &mut World, call: &Call, operation: Operation) -> Option<Reply> {
    let rule = world.strikes(Fault::VendorError, call)?;
    let (code, words) = rule.code_and_words().unwrap_or(("13", None));
    if let Some(code) = code.strip_prefix("519/") {
        return Some(gateway_refusal(code));
    }
    let Ok(msg_code) = code.parse() else {
        return Some(response_error("Object reference not set to an instance of an object."));
    };
    let usual = match msg_code {
        6 => "数据库操作失败：事务(进程 ID 57)与另一个进程被死锁在锁资源上",
        13 => "网络控制冲突：该单据正在被其他用户编辑，请稍后再试",
        14 => "调用次数超过限制，请稍后再试",
        _ => "系统异常",
    };
    Some(failed(operation, &Failure::new(msg_code, words.unwrap_or(usual))))
}

/// A refusal of the old gateway (contract kingdee-galaxy §6).
fn gateway_refusal(code: &str) -> Reply {
    let body = json!({ "errcode": code, "description": "refused", "description_cn": "网关拒绝了请求" });
    let status = StatusCode::from_u16(519).unwrap_or(StatusCode::BAD_GATEWAY);
    Reply::plain(status, "application/json", body.to_string()).refused(format!("519/{code}"))
}

/// What an operation tells.
enum Told {
    /// The outcome per document, and what else the envelope holds.
    Status(Status, Map<String, Value>),
    /// An answer without the envelope.
    Bare(Value),
}

/// Carries an operation out, and puts its outcome into the envelope.
fn operate(world: &mut World, call: &Call, operation: Operation, request: &Request) -> Reply {
    match carry_out(world, call, operation, request) {
        Ok(Told::Status(status, more)) if operation == Operation::BatchSave && request.is_begun => {
            let begun = world.kingdee.tasks.begin(status.envelope(more));
            Reply::json(begun.to_string())
        }
        Ok(Told::Status(status, more)) => enveloped(operation, status, more),
        Ok(Told::Bare(answer)) => Reply::json(answer.to_string()),
        Err(failure) => failed(operation, &failure),
    }
}

fn carry_out(
    world: &mut World,
    call: &Call,
    operation: Operation,
    request: &Request,
) -> Result<Told, Failure> {
    let form = form_of(request);
    if let (true, Ok(form)) = (operation.writes(), &form)
        && let Some(rule) = world.strikes(Fault::PersonActs, call)
    {
        let step = Step::named(rule.code.as_deref().unwrap_or("audit"))?;
        steps::take_as_person(&mut world.kingdee.store, form, request, step);
    }
    let System { store, tasks, .. } = &mut world.kingdee;
    let (status, more) = match operation {
        Operation::Save => save::save(world, call, form?, request, false)?,
        Operation::Draft => save::save(world, call, form?, request, true)?,
        Operation::BatchSave => save::batch_save(world, call, form?, request)?,
        Operation::Step(step) => (steps::take(world, call, form?, request, step)?, Map::new()),
        Operation::NamedStep => {
            let step = Step::named(&request.operation)?;
            (steps::take(world, call, form?, request, step)?, Map::new())
        }
        Operation::View => query::view(store, form?, request)?,
        Operation::QueryBusinessInfo => query::business_info(form?),
        Operation::BillQuery => return Ok(Told::Bare(query::rows(store, form?, request)?.into_objects())),
        Operation::ExecuteBillQuery => {
            return Ok(Told::Bare(query::rows(store, form?, request)?.into_arrays()));
        }
        Operation::QueryAsyncResult => return tasks.ask(request).map(Told::Bare),
    };
    Ok(Told::Status(status, more))
}

fn form_of(request: &Request) -> Result<&'static Form, Failure> {
    if request.form_id.is_empty() {
        return Err(Failure::new(5, "业务对象表单Id不能为空"));
    }
    let unknown = || Failure::new(4, format!("业务对象{}不存在", request.form_id));
    Form::by_id(&request.form_id).ok_or_else(unknown)
}

fn failed(operation: Operation, failure: &Failure) -> Reply {
    enveloped(operation, Status::failed(failure), Map::new())
}

fn enveloped(operation: Operation, status: Status, more: Map<String, Value>) -> Reply {
    let refusal = status.is_failure().then(|| format!("MsgCode {}", status.msg_code()));
    let mut reply = Reply::json(operation.wrap(status.envelope(more)).to_string());
    reply.refusal = refusal;
    reply
}

/// An unhandled exception of the server: status 200 and a text (contract kingdee-galaxy §1).
fn response_error(words: &str) -> Reply {
    let body = format!("response_error:{words}");
    Reply::plain(StatusCode::OK, "text/plain;charset=UTF-8", body).refused("response_error")
}
