//! Everything the sandbox knows, behind one lock, and the steps every call of a remote system goes through.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde::Serialize;

use crate::{
    CallCount, Fault, Knobs, Options, Rule,
    calls::{Call, Calls},
    clock::{self, Clock},
    faults::FaultBox,
    jushuitan, k3wise, kingdee, okki,
    reply::{self, Reply},
    wangdiantong,
};

/// What a gateway shows when the system behind it is away.
const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";

/// The state of all systems.
#[derive(Debug)]
pub struct World {
    pub clock: Clock,
    pub faults: FaultBox,
    pub calls: Calls,
    pub jushuitan: jushuitan::System,
    pub wangdiantong: wangdiantong::System,
    pub kingdee: kingdee::System,
    pub okki: okki::System,
    pub k3wise: k3wise::System,
}

/// The world as it is handed to the routes and to [`crate::Handle`].
#[derive(Debug, Clone)]
pub struct SharedWorld(Arc<Mutex<World>>);

/// What the sandbox stored and counted so far: the answer of `GET /_sandbox/state`.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// The sandbox's time in Unix seconds.
    pub now: i64,
    /// How often each call came and what became of it, by `<system> <operation>`.
    pub calls: BTreeMap<String, CallCount>,
    /// The knobs as they stand.
    pub knobs: Knobs,
    /// 聚水潭: how many records there are, how many changes were made, and what the quota refused.
    pub jushuitan: jushuitan::State,
    /// 旺店通: how many refunds there are, how many changes were made, and what the limit refused.
    pub wangdiantong: wangdiantong::State,
    /// 金蝶云星空: what was stored, in which order, and what was odd about it.
    pub kingdee: kingdee::State,
    /// 小满 OKKI: how many records there are, which were removed, and what was issued and refused.
    pub okki: okki::State,
    /// 金蝶 K/3 WISE: what was stored, in which order, and what was odd about it.
    pub k3wise: k3wise::State,
}

impl World {
    /// Makes the data and the accounts that `options` describe.
    pub fn new(options: Options) -> Self {
        let clock = Clock::with_offset(options.clock_offset_seconds);
        let jushuitan = jushuitan::System::new(&options, clock.now());
        let wangdiantong = wangdiantong::System::new(&options, clock.now());
        let okki = okki::System::new(&options, clock.now());
        Self {
            clock,
            faults: FaultBox::new(options.knobs, options.seed ^ 0x00FA_0175),
            calls: Calls::default(),
            jushuitan,
            wangdiantong,
            kingdee: kingdee::System::new(options.kingdee, options.seed),
            okki,
            k3wise: k3wise::System::new(options.k3wise, options.seed),
        }
    }

    /// What was stored and counted so far.
    pub fn state(&self) -> State {
        State {
            now: self.clock.now(),
            calls: self.calls.counts(),
            knobs: self.faults.knobs().clone(),
            jushuitan: self.jushuitan.state(),
            wangdiantong: self.wangdiantong.state(),
            kingdee: self.kingdee.state(),
            okki: self.okki.state(),
            k3wise: self.k3wise.state(),
        }
    }

    /// Asks whether a fault strikes this call, and counts it when it does.
    pub fn strikes(&mut self, fault: Fault, call: &Call) -> Option<Rule> {
        let rule = self.faults.strikes(fault, call)?;
        *self.calls.of(call).faults.entry(fault.name()).or_insert(0) += 1;
        Some(rule)
    }
}

impl SharedWorld {
    /// Shares a world.
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// The world, for a short look or change. Its steps leave it whole, so a poisoned lock is no reason to stop.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one call of a remote system: counts it, lets the faults strike that know nothing of the system, and has
    /// `serve` do the rest.
    pub async fn answer(&self, call: Call, serve: impl FnOnce(&mut World, &Call) -> Reply) -> Response<Body> {
        let (delay, response) = {
            let mut world = self.lock();
            world.calls.of(&call).received += 1;
            let delay = world.strikes(Fault::Slow, &call).map(|rule| rule.millis.unwrap_or(1_000));
            let response = fault_before(&mut world, &call);
            (delay, response.unwrap_or_else(|| answer_served(&mut world, &call, serve)))
        };
        if let Some(millis) = delay {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        response
    }
}

/// Has a call served, and lets the faults strike that come after it.
fn answer_served(
    world: &mut World,
    call: &Call,
    serve: impl FnOnce(&mut World, &Call) -> Reply,
) -> Response<Body> {
    let mut reply = serve(world, call);
    if let Some(reason) = &reply.refusal {
        *world.calls.of(call).refused.entry(reason.clone()).or_insert(0) += 1;
    }
    if world.strikes(Fault::LostReply, call).is_some() {
        return reply::cut();
    }
    if world.strikes(Fault::TruncatedJson, call).is_some() {
        truncate(&mut reply.body);
    }
    let mut response = reply.into_response();
    // The sandbox's own time, so that a client can tell how far its clock is off.
    if let Ok(value) = HeaderValue::try_from(clock::to_http_date(world.clock.now())) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

/// The faults that strike before a system sees the call.
fn fault_before(world: &mut World, call: &Call) -> Option<Response<Body>> {
    if world.strikes(Fault::CutRequest, call).is_some() {
        return Some(reply::cut());
    }
    if world.strikes(Fault::Http429, call).is_some() {
        let body = r#"{"message":"too many requests"}"#;
        let mut response =
            Reply::plain(StatusCode::TOO_MANY_REQUESTS, "application/json", body).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return Some(response);
    }
    if let Some(rule) = world.strikes(Fault::Http5xx, call) {
        let code = rule.code.and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
        let status = code.unwrap_or(StatusCode::BAD_GATEWAY);
        return Some(Reply::plain(status, "text/html", GATEWAY_PAGE).into_response());
    }
    world
        .strikes(Fault::HtmlAnswer, call)
        .map(|_| Reply::plain(StatusCode::OK, "text/html", GATEWAY_PAGE).into_response())
}

/// Keeps the first half of a text, to the character.
fn truncate(text: &mut String) {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    text.truncate(middle);
}
