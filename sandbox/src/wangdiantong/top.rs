//! The Qimen router (奇门, TOP), by which both editions can be called (contracts wangdiantong-enterprise §4 and
//! wangdiantong-flagship §3).
//!
//! The router checks its own parameters and the outer signature, and answers what it refuses with `flag` failure; what
//! passes goes to the edition the method belongs to.

use axum::{
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::Response,
};

use crate::{
    Fault,
    calls::{Call, System as Name},
    clock,
    json_text::ObjectText,
    reply::Reply,
    world::{SharedWorld, World},
};

use super::{
    Access, Edition, Endpoint, Refusal, Store, enterprise, fields, flagship,
    sign::{self, Fields, TopDigest},
};

/// How far a timestamp may be off, in seconds: not in any document found, so the usual ten minutes of TOP.
const TOLERANCE_SECONDS: u64 = 600;

/// A failure of the router itself.
#[derive(Debug)]
struct Failure {
    code: String,
    message: String,
    sub_code: String,
    sub_message: String,
}

impl Failure {
    /// A failure about a parameter.
    fn about(code: u32, name: &str) -> Self {
        let code = code.to_string();
        let message = words_of(&code);
        Self {
            message: format!("{message}:{name}"),
            code,
            sub_code: String::new(),
            sub_message: String::new(),
        }
    }

    /// The failure of a code, or of a sub code, which stands under "remote service error".
    fn of_code(code: &str) -> Self {
        if code.starts_with("isp.") {
            return Self {
                code: "15".to_owned(),
                message: words_of("15").to_owned(),
                sub_code: code.to_owned(),
                sub_message: "服务不可用".to_owned(),
            };
        }
        let (sub_code, sub_message) = match code {
            "7" => ("accesscontrol.limited-by-app-access-count", "This ban will last for 1 more seconds"),
            "8" => ("accesscontrol.limited-by-api-access-count", "This ban will last for 1 more seconds"),
            "25" => ("sign-check-failure", "Illegal request"),
            _ => ("", ""),
        };
        Self {
            code: code.to_owned(),
            message: words_of(code).to_owned(),
            sub_code: sub_code.to_owned(),
            sub_message: sub_message.to_owned(),
        }
    }
}

/// The router's words for its codes.
fn words_of(code: &str) -> &'static str {
    match code {
        "7" => "App Call Limited",
        "8" => "Api Call Limited",
        "10" => "Service Currently Unavailable",
        "11" => "Insufficient ISV Permissions",
        "12" => "Insufficient User Permissions",
        "13" => "Insufficient Partner Permissions",
        "15" => "Remote service error",
        "21" => "Missing Method",
        "22" => "Invalid Method",
        "23" => "Invalid Format",
        "24" => "Missing Signature",
        "25" => "Invalid Signature",
        "26" => "Missing Session",
        "27" => "Invalid Session",
        "28" => "Missing App Key",
        "29" => "Invalid App Key",
        "30" => "Missing Timestamp",
        "31" => "Invalid Timestamp",
        "32" => "Missing Version",
        "33" => "Invalid Version",
        "34" => "Unsupported Version",
        "40" => "Missing Required Arguments",
        "41" => "Invalid Arguments",
        "42" => "Forbidden Request",
        "43" => "Parameter Error",
        _ => "Platform System error",
    }
}

/// The method, whatever scenario's prefix it carries.
fn endpoint_of(method: &str) -> Option<Endpoint> {
    let bare = method.strip_prefix("hu3cgwt0tc.").or_else(|| method.strip_prefix("3ldsmu02o9."));
    let (edition, store) = match bare.unwrap_or(method) {
        "wdt.refund.query" => (Edition::Enterprise, Store::Live),
        "wdt.aftersales.refund.refund.search" => (Edition::Flagship, Store::Live),
        "wdt.aftersales.refund.refund.searchhistory" => (Edition::Flagship, Store::History),
        _ => return None,
    };
    Some(Endpoint { edition, access: Access::Qimen, store })
}

/// A call of the router, by GET or POST.
pub async fn routed(
    State(world): State<SharedWorld>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response<Body> {
    let fields = fields::merged(&query.unwrap_or_default(), &body);
    let method = fields.as_ref().ok().and_then(|fields| fields::present(fields, "method"));
    let endpoint = method.and_then(endpoint_of);
    let call = endpoint.map_or_else(|| Call::new(Name::Wangdiantong, "qimen"), Endpoint::call);
    world.answer(call, |world, call| answer(world, call, endpoint, fields)).await
}

fn answer(
    world: &mut World,
    call: &Call,
    endpoint: Option<Endpoint>,
    fields: Result<Fields, Refusal>,
) -> Reply {
    let checked = match world.strikes(Fault::GatewayFailure, call) {
        Some(rule) => Err(Failure::of_code(rule.code.as_deref().unwrap_or("7"))),
        None => fields.map_err(|_| Failure::of_code("43")).and_then(|fields| {
            let endpoint = check(world, endpoint, &fields)?;
            Ok((endpoint, fields))
        }),
    };
    match checked {
        Ok((endpoint, fields)) => match endpoint.edition {
            Edition::Enterprise => enterprise::answer_qimen(world, call, endpoint, &fields),
            Edition::Flagship => flagship::answer_qimen(world, call, endpoint, &fields),
        },
        Err(failure) => refused(world, &failure),
    }
}

/// The router's own checks.
fn check(world: &World, endpoint: Option<Endpoint>, fields: &Fields) -> Result<Endpoint, Failure> {
    let application = &world.wangdiantong.settings.qimen;
    let required =
        |name: &str, code: u32| fields::present(fields, name).ok_or_else(|| Failure::about(code, name));
    required("method", 21)?;
    let endpoint = endpoint.ok_or_else(|| Failure::about(22, "method"))?;
    if required("app_key", 28)? != application.app_key {
        return Err(Failure::about(29, "app_key"));
    }
    let timestamp = clock::from_text(required("timestamp", 30)?);
    if timestamp.is_none_or(|seconds| seconds.abs_diff(world.clock.now()) > TOLERANCE_SECONDS) {
        return Err(Failure::about(31, "timestamp"));
    }
    if required("v", 32)? != "2.0" {
        return Err(Failure::about(34, "v"));
    }
    if required("format", 23)? != "json" {
        return Err(Failure::about(23, "format"));
    }
    let digest = match required("sign_method", 40)? {
        "md5" => TopDigest::Md5,
        "hmac" => TopDigest::Hmac,
        _ => return Err(Failure::about(41, "sign_method")),
    };
    if world.wangdiantong.settings.require_sign
        && required("sign", 24)? != sign::top(application.secret.reveal(), fields, digest)
    {
        return Err(Failure::of_code("25"));
    }
    if required("target_app_key", 40)? != application.target_app_key {
        return Err(Failure::about(41, "target_app_key"));
    }
    let account = match endpoint.edition {
        Edition::Enterprise => "sid",
        Edition::Flagship => "wdt3_customer_id",
    };
    required(account, 40)?;
    Ok(endpoint)
}

fn refused(world: &mut World, failure: &Failure) -> Reply {
    world.wangdiantong.failures += 1;
    let request_id = format!("q-{}", world.wangdiantong.failures);
    let inner = ObjectText::new()
        .text("flag", "failure")
        .text("code", &failure.code)
        .text("message", &failure.message)
        .text("sub_code", &failure.sub_code)
        .text("sub_message", &failure.sub_message)
        .text("request_id", &request_id);
    Reply::json(ObjectText::new().raw("response", inner.finish()).finish())
        .refused(format!("top {}", failure.code))
}
