//! 旺店通·旗舰版: `aftersales.refund.Refund.search` and its archive (contract wangdiantong-flagship).
//!
//! The vendor's gateway takes a signed query beside a JSON array of arguments and counts pages from 0; through Qimen
//! the arguments are JSON texts in a form with a signature of their own, and pages count from 1.

mod query;
mod text;

use axum::{
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{HeaderMap, Response, header},
};
use serde_json::{Map, Value};

use crate::{
    calls::{Call, System as Name},
    json_text::{self, ObjectText},
    reply::Reply,
    world::{SharedWorld, World},
};

use super::{
    Access, Edition, Endpoint, Refusal, Served, Store, fields,
    records::Query,
    sign::{self, Fields},
};

use self::query::Pager;

pub use text::text;

/// The vendor counts seconds from 2012-01-01 00:00:00 +08:00 (contract §2).
const EPOCH: i64 = 1_325_347_200;
/// How far a timestamp of the vendor's gateway may be off, in seconds.
const TOLERANCE_SECONDS: u64 = 120;
/// Parameter count or type, and wrong credentials.
const REFUSED: i64 = 1;
const WRONG_CLOCK: i64 = 7;
const WRONG_VERSION: i64 = 8;
const OTHER: i64 = 99;
/// The vendor's catch-all: its text decides what it is.
const BY_TEXT: i64 = 100;

/// The limit answers: two limits, and both commas the vendor writes.
const LIMITS: [&str; 4] = [
    "超过每分钟最大调用频率限制，请稍后重试",
    "超过每分钟最大并发次数限制，请稍后重试",
    "超过每分钟最大调用频率限制,请稍后重试",
    "超过每分钟最大并发次数限制,请稍后重试",
];

/// The methods of the vendor's own gateway.
fn endpoint_of(method: &str) -> Option<Endpoint> {
    let store = match method {
        "aftersales.refund.Refund.search" => Store::Live,
        "aftersales.refund.Refund.searchHistory" => Store::History,
        _ => return None,
    };
    Some(Endpoint { edition: Edition::Flagship, access: Access::Direct, store })
}

/// A call at the vendor's own gateway.
pub async fn direct(
    State(world): State<SharedWorld>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let fields = fields::merged(&query.unwrap_or_default(), b"");
    let method = fields.as_ref().ok().and_then(|fields| fields::present(fields, "method"));
    let endpoint = method.and_then(endpoint_of);
    let call = endpoint.map_or_else(|| Call::new(Name::Wangdiantong, "flagship openapi"), Endpoint::call);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = content_type.is_some_and(|value| value.starts_with("application/json"));
    world
        .answer(call, |world, call| {
            let served = fields.and_then(|fields| {
                if !is_json {
                    return Err(Refusal::new(REFUSED, "Content-Type必须是application/json"));
                }
                serve_direct(world, call, endpoint, &fields, &body)
            });
            reply(world, call, served, Access::Direct)
        })
        .await
}

fn serve_direct(
    world: &mut World,
    call: &Call,
    endpoint: Option<Endpoint>,
    fields: &Fields,
    body: &[u8],
) -> Result<Served, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::new(REFUSED, "请求体不是UTF-8编码"))?;
    check_direct(world, fields, text)?;
    let endpoint = endpoint.ok_or_else(|| Refusal::new(OTHER, "method不存在"))?;
    take_quota(world, call)?;
    let arguments: Vec<Map<String, Value>> =
        serde_json::from_str(text).map_err(|_| Refusal::new(REFUSED, "参数个数或类型错误"))?;
    let [params] = arguments.as_slice() else {
        return Err(Refusal::new(REFUSED, "参数个数或类型错误"));
    };
    let pager = Pager::of_fields(fields)?;
    let query = query::read(params, &pager, 0, world.wangdiantong.settings.strict_page_size)?;
    let mut served = page(world, call, endpoint, &query, params)?;
    if !pager.calc_total {
        served.total = None;
    }
    Ok(served)
}

/// The checks of the vendor's own gateway (contract §2, errors of §8).
fn check_direct(world: &World, fields: &Fields, body: &str) -> Result<(), Refusal> {
    let account = &world.wangdiantong.settings.flagship;
    let required = |name: &str| fields::required(fields, name, REFUSED);
    if required("sid")? != account.sid {
        return Err(Refusal::new(REFUSED, "sid is not exists"));
    }
    if required("key")? != account.app_key || required("salt")? != account.salt {
        return Err(Refusal::new(REFUSED, "app auth fail"));
    }
    required("method")?;
    if required("v")? != "1.0" {
        return Err(Refusal::new(WRONG_VERSION, "v错误，必须是1.0"));
    }
    let timestamp = required("timestamp")?.parse::<i64>().ok();
    let now = world.clock.now() - EPOCH;
    if timestamp.is_none_or(|seconds| seconds.abs_diff(now) > TOLERANCE_SECONDS) {
        return Err(Refusal::new(WRONG_CLOCK, "时间戳错误，与服务器时间相差超过2分钟"));
    }
    if !world.wangdiantong.settings.require_sign {
        return Ok(());
    }
    if required("sign")? == sign::direct(account.secret.reveal(), fields, body) {
        return Ok(());
    }
    Err(Refusal::new(REFUSED, "验证失败"))
}

/// Answers a call whose Qimen signature is right.
pub fn answer_qimen(world: &mut World, call: &Call, endpoint: Endpoint, fields: &Fields) -> Reply {
    let served = check_qimen(world, fields).and_then(|()| serve_qimen(world, call, endpoint, fields));
    reply(world, call, served, Access::Qimen)
}

/// The business parameters and the inner signature over them (contract §3).
fn check_qimen(world: &World, fields: &Fields) -> Result<(), Refusal> {
    let account = &world.wangdiantong.settings.flagship;
    let required = |name: &str| fields::required(fields, name, REFUSED);
    if required("wdt3_customer_id")? != account.sid {
        return Err(Refusal::new(REFUSED, "sid is not exists"));
    }
    if required("wdt_appkey")? != account.app_key || required("wdt_salt")? != account.salt {
        return Err(Refusal::new(REFUSED, "app auth fail"));
    }
    fields::time("datetime", required("datetime")?, REFUSED)?;
    if !world.wangdiantong.settings.require_sign {
        return Ok(());
    }
    let business: Fields = fields
        .iter()
        .filter(|(name, _)| {
            ["params", "pager", "datetime"].contains(&name.as_str()) || name.starts_with("wdt")
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let method = required("method")?;
    if required("wdt_sign")? == sign::wdt(account.secret.reveal(), method, &business) {
        return Ok(());
    }
    Err(Refusal::new(REFUSED, "验证失败"))
}

fn serve_qimen(
    world: &mut World,
    call: &Call,
    endpoint: Endpoint,
    fields: &Fields,
) -> Result<Served, Refusal> {
    take_quota(world, call)?;
    let object = |name: &str| -> Result<Map<String, Value>, Refusal> {
        serde_json::from_str(fields::required(fields, name, REFUSED)?)
            .map_err(|_| Refusal::new(REFUSED, format!("参数{name}不是JSON对象")))
    };
    let (params, pager) = (object("params")?, Pager::of_object(&object("pager")?)?);
    let query = query::read(&params, &pager, 1, world.wangdiantong.settings.strict_page_size)?;
    page(world, call, endpoint, &query, &params)
}

/// The call as the seed of this edition makes it: unsigned JSON at a path of the other edition's host, which the real
/// platform does not know (contract §9). Served only where no signature is required.
pub async fn unsigned(State(world): State<SharedWorld>, body: Bytes) -> Response<Body> {
    let endpoint = Endpoint { edition: Edition::Flagship, access: Access::Qimen, store: Store::Live };
    world
        .answer(endpoint.call(), |world, call| {
            let served = if world.wangdiantong.settings.require_sign {
                Err(Refusal::new(REFUSED, "验证失败"))
            } else {
                serde_json::from_slice::<Map<String, Value>>(&body)
                    .map_err(|_| Refusal::new(REFUSED, "请求体不是JSON对象"))
                    .map(|parts| parts.into_iter().map(|(name, part)| (name, part.to_string())).collect())
                    .and_then(|fields: Fields| serve_qimen(world, call, endpoint, &fields))
            };
            reply(world, call, served, Access::Qimen)
        })
        .await
}

/// One of the limit answers, by turns.
fn limit_answer(world: &mut World) -> Refusal {
    let turn = world.wangdiantong.limit_answers;
    world.wangdiantong.limit_answers += 1;
    Refusal::new(BY_TEXT, LIMITS.get(turn % LIMITS.len()).copied().unwrap_or_default())
}

fn take_quota(world: &mut World, call: &Call) -> Result<(), Refusal> {
    if let Some(refusal) = super::vendor_error(world, call, limit_answer) {
        return Err(refusal);
    }
    let super::Settings { flagship, calls_per_minute, .. } = &world.wangdiantong.settings;
    let (sid, per_minute) = (flagship.sid.clone(), *calls_per_minute);
    if world.wangdiantong.throttle.admits(&sid, per_minute) {
        return Ok(());
    }
    Err(limit_answer(world))
}

/// The page; a fuzzy query may match one document only (contract §4).
fn page(
    world: &mut World,
    call: &Call,
    endpoint: Endpoint,
    query: &Query,
    params: &Map<String, Value>,
) -> Result<Served, Refusal> {
    let served = super::page(world, call, endpoint, query);
    if query::is_fuzzy(params) && served.total.is_some_and(|total| total > 1) {
        return Err(Refusal::new(OTHER, "模糊查询结果大于1条"));
    }
    Ok(served)
}

/// The page or the refusal, as the way in sends it.
fn reply(world: &mut World, call: &Call, served: Result<Served, Refusal>, access: Access) -> Reply {
    let (answer, refused) = match served {
        Ok(served) => {
            let mut data = ObjectText::new();
            if let Some(total) = served.total {
                data = data.raw("total_count", total);
            }
            if let Some(rows) = &served.rows {
                let rows: Vec<_> = rows.iter().map(|refund| text(refund, access)).collect();
                data = data.raw("order", json_text::array(rows.iter().map(String::as_str)));
            }
            (ObjectText::new().raw("status", 0).raw("data", data.finish()), None)
        }
        Err(refusal) => (refusal.written("status"), Some(refusal)),
    };
    let answer = answer.finish();
    let body = match access {
        Access::Direct => answer,
        Access::Qimen => ObjectText::new().raw("response", answer).finish(),
    };
    super::finish(world, call, body, refused)
}
