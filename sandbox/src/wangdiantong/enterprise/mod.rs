//! 旺店通·企业版: `wdt.refund.query` (contract wangdiantong-enterprise).
//!
//! The vendor's gateway answers with a bare object and its total as text; through Qimen the same page stands under
//! `response` with `errorcode` and a numeric total. Both tell the total on page 0 only.

mod query;
mod text;

use axum::{
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::Response,
};

use crate::{
    calls::Call,
    json_text::{self, ObjectText},
    reply::Reply,
    world::{SharedWorld, World},
};

use super::{
    Access, Edition, Endpoint, Refusal, Served, Store, fields,
    sign::{self, Fields, LengthUnit},
};

pub use text::text;

/// How far a timestamp of the vendor's gateway may be off, in seconds (contract §3).
const TOLERANCE_SECONDS: u64 = 300;
const TOO_MANY_CALLS: i64 = 1012;
// The contract knows that these three are about credentials, not which is which.
const UNKNOWN_ACCOUNT: i64 = 2030;
const WRONG_SIGNATURE: i64 = 2060;
const WRONG_CLOCK: i64 = 2100;
const MISSING: i64 = 1;

/// Records the gateway holds.
pub async fn live(state: State<SharedWorld>, query: RawQuery, body: Bytes) -> Response<Body> {
    direct(state, query, body, Store::Live).await
}

/// Records of the archive.
pub async fn history(state: State<SharedWorld>, query: RawQuery, body: Bytes) -> Response<Body> {
    direct(state, query, body, Store::History).await
}

async fn direct(
    State(world): State<SharedWorld>,
    RawQuery(query): RawQuery,
    body: Bytes,
    store: Store,
) -> Response<Body> {
    let endpoint = Endpoint { edition: Edition::Enterprise, access: Access::Direct, store };
    let fields = fields::merged(&query.unwrap_or_default(), &body);
    world.answer(endpoint.call(), |world, call| answer_direct(world, call, endpoint, fields)).await
}

fn answer_direct(
    world: &mut World,
    call: &Call,
    endpoint: Endpoint,
    fields: Result<Fields, Refusal>,
) -> Reply {
    let served = fields.and_then(|fields| {
        check_direct(world, &fields)?;
        serve(world, call, endpoint, &fields)
    });
    let (answer, refused) = match served {
        Ok(served) => {
            let mut answer = ObjectText::new().raw("code", 0).text("message", "ok");
            if let Some(total) = served.total {
                answer = answer.text("total_count", &total.to_string());
            }
            (with_rows(answer, &served), None)
        }
        Err(refusal) => (refusal.written("code"), Some(refusal)),
    };
    super::finish(world, call, answer.finish(), refused)
}

/// Answers a call whose Qimen signature is right.
pub fn answer_qimen(world: &mut World, call: &Call, endpoint: Endpoint, fields: &Fields) -> Reply {
    let served = check_account(world, fields).and_then(|()| serve(world, call, endpoint, fields));
    let (answer, refused) = match served {
        Ok(served) => {
            let mut answer = ObjectText::new().raw("errorcode", 0).text("message", "");
            if let Some(total) = served.total {
                answer = answer.raw("total_count", total);
            }
            (with_rows(answer, &served), None)
        }
        Err(refusal) => (refusal.written("errorcode"), Some(refusal)),
    };
    let body = ObjectText::new().raw("response", answer.finish()).finish();
    super::finish(world, call, body, refused)
}

fn with_rows(answer: ObjectText, served: &Served) -> ObjectText {
    match &served.rows {
        None => answer,
        Some(rows) => {
            let rows: Vec<_> = rows.iter().map(text).collect();
            answer.raw("refunds", json_text::array(rows.iter().map(String::as_str)))
        }
    }
}

/// The checks of the vendor's own gateway (contract §3), credentials before anything else.
fn check_direct(world: &mut World, fields: &Fields) -> Result<(), Refusal> {
    check_account(world, fields)?;
    let account = world.wangdiantong.settings.enterprise.clone();
    if fields::required(fields, "appkey", MISSING)? != account.app_key {
        return Err(Refusal::new(UNKNOWN_ACCOUNT, "appkey不存在"));
    }
    let timestamp = fields::required(fields, "timestamp", MISSING)?;
    let seconds = (timestamp.len() == 10).then(|| timestamp.parse::<i64>().ok()).flatten();
    if seconds.is_none_or(|seconds| seconds.abs_diff(world.clock.now()) > TOLERANCE_SECONDS) {
        return Err(Refusal::new(WRONG_CLOCK, "timestamp与服务器时间相差超过5分钟"));
    }
    if !world.wangdiantong.settings.require_sign {
        return Ok(());
    }
    let given = fields::required(fields, "sign", MISSING)?;
    let matches = |unit| sign::openapi2(account.app_secret.reveal(), fields, unit) == given;
    let unit = match (matches(LengthUnit::Chars), matches(LengthUnit::Bytes)) {
        (true, true) => "both",
        (true, false) => "chars",
        (false, true) => "bytes",
        (false, false) => return Err(Refusal::new(WRONG_SIGNATURE, "sign错误")),
    };
    tracing::debug!(unit, "length unit of a signature");
    *world.wangdiantong.length_units.entry(unit.to_owned()).or_insert(0) += 1;
    Ok(())
}

fn check_account(world: &World, fields: &Fields) -> Result<(), Refusal> {
    if fields::required(fields, "sid", MISSING)? == world.wangdiantong.settings.enterprise.sid {
        return Ok(());
    }
    Err(Refusal::new(UNKNOWN_ACCOUNT, "sid不存在"))
}

/// The limit, then the page. The total is told on page 0 only (contract §6).
fn serve(world: &mut World, call: &Call, endpoint: Endpoint, fields: &Fields) -> Result<Served, Refusal> {
    let too_many = || Refusal::new(TOO_MANY_CALLS, "超过每分钟最大调用频率限制，请稍后再试");
    if let Some(refusal) = super::vendor_error(world, call, |_| too_many()) {
        return Err(refusal);
    }
    let sid = fields::required(fields, "sid", MISSING)?;
    let per_minute = world.wangdiantong.settings.calls_per_minute;
    if !world.wangdiantong.throttle.admits(sid, per_minute) {
        return Err(too_many());
    }
    let query = query::read(fields, world.wangdiantong.settings.strict_page_size)?;
    let mut served = super::page(world, call, endpoint, &query);
    if query.page > 0 {
        served.total = None;
    }
    Ok(served)
}
