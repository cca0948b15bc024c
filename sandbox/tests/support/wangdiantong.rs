//! Calls of 旺店通, signed from the contracts' text and not with the server's code.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use weir_sandbox::{Options, Running};

use super::{now, sandbox, send, time_text};

const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")];
const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
pub const ENTERPRISE: &str = "wdt.refund.query";
pub const FLAGSHIP: &str = "wdt.aftersales.refund.refund.search";

/// A sandbox without a limit of calls, changed by `change`.
pub async fn unlimited(change: impl FnOnce(&mut Options)) -> Running {
    sandbox(|options| {
        (options.refunds, options.wangdiantong.calls_per_minute) = (230, None);
        change(options);
    })
    .await
}

pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn joined(fields: &[(&str, &str)]) -> String {
    let sorted: BTreeMap<_, _> = fields.iter().copied().collect();
    sorted.iter().map(|(name, value)| format!("{name}{value}")).collect()
}

fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

/// A form posted as it is.
pub async fn post(running: &Running, path: &str, body: &str) -> Value {
    send(running, "POST", path, &FORM, body).await.unwrap().json()
}

/// A call of an openapi2 endpoint with the default account.
pub async fn enterprise(running: &Running, file: &str, more: &[(&str, &str)]) -> Value {
    enterprise_at(running, file, now(), more).await
}

/// As [`enterprise`], with a timestamp.
pub async fn enterprise_at(running: &Running, file: &str, timestamp: i64, more: &[(&str, &str)]) -> Value {
    let timestamp = timestamp.to_string();
    let mut fields = vec![("sid", "demo-sid"), ("appkey", "demo-app"), ("timestamp", &timestamp)];
    fields.extend_from_slice(more);
    let sorted: BTreeMap<_, _> = fields.iter().copied().collect();
    let pairs: Vec<_> = sorted
        .iter()
        .map(|(name, value)| {
            format!("{:02}-{name}:{:04}-{value}", name.chars().count(), value.chars().count())
        })
        .collect();
    let sign = md5(&(pairs.join(";") + "demo-secret"));
    fields.push(("sign", &sign));
    post(running, &format!("/openapi2/{file}"), &form(&fields)).await
}

/// A call through Qimen with the default application, signed with `digest` (`md5` or `hmac`).
pub async fn qimen(running: &Running, method: &str, digest: &str, business: &[(&str, &str)]) -> Value {
    let timestamp = time_text(now());
    let mut fields = vec![
        ("app_key", "12345678"),
        ("target_app_key", "21363512"),
        ("method", method),
        ("timestamp", &timestamp),
        ("format", "json"),
        ("v", "2.0"),
        ("sign_method", digest),
    ];
    fields.extend_from_slice(business);
    let text = joined(&fields);
    let sign = if digest == "hmac" {
        let mut mac = Hmac::<Md5>::new_from_slice(b"topsecret").unwrap();
        mac.update(text.as_bytes());
        hex::encode_upper(mac.finalize().into_bytes())
    } else {
        md5(&format!("topsecret{text}topsecret")).to_uppercase()
    };
    fields.push(("sign", &sign));
    let (system, business) = fields.split_at(7);
    post(running, &format!("/router/qm?{}", form(system)), &form(business)).await
}

/// An enterprise call through Qimen.
pub async fn enterprise_qimen(running: &Running, more: &[(&str, &str)]) -> Value {
    let mut business = vec![("sid", "demo-sid")];
    business.extend_from_slice(more);
    qimen(running, ENTERPRISE, "md5", &business).await
}

/// A flagship call at the vendor's gateway; `paging` are the parameters of the query beside the common ones.
pub async fn flagship(running: &Running, method: &str, paging: &[(&str, &str)], params: &Value) -> Value {
    flagship_at(running, now(), method, paging, params).await
}

/// As [`flagship`], with a time.
pub async fn flagship_at(
    running: &Running,
    seconds: i64,
    method: &str,
    paging: &[(&str, &str)],
    params: &Value,
) -> Value {
    let timestamp = (seconds - 1_325_347_200).to_string();
    let body = json!([params]).to_string();
    let mut fields = vec![
        ("sid", "demo3"),
        ("key", "demo3-app"),
        ("salt", "demosalt"),
        ("method", method),
        ("v", "1.0"),
        ("timestamp", &timestamp),
    ];
    fields.extend_from_slice(paging);
    let mut signed = fields.clone();
    signed.push(("body", &body));
    let sign = md5(&format!("demosecret{}demosecret", joined(&signed)));
    fields.push(("sign", &sign));
    let path = format!("/openapi?{}", form(&fields));
    send(running, "POST", &path, &JSON, &body).await.unwrap().json()
}

/// A flagship call through Qimen; `params` and `pager` are flat objects of texts or numbers.
pub async fn flagship_qimen(running: &Running, params: &Value, pager: &Value) -> Value {
    let datetime = time_text(now());
    let flat = |object: &Value| {
        let members: BTreeMap<_, _> = object.as_object().unwrap().iter().collect();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        members.iter().map(|(name, value)| format!("{name}{}", text(value))).collect::<String>()
    };
    let text = format!(
        "demosecretdatetime{datetime}method{FLAGSHIP}pager{}params{}wdt_appkeydemo3-appwdt_saltdemosaltdemosecret",
        flat(pager),
        flat(params)
    );
    let wdt_sign = md5(&text);
    let (params, pager) = (params.to_string(), pager.to_string());
    let business = [
        ("params", params.as_str()),
        ("pager", &pager),
        ("datetime", &datetime),
        ("wdt3_customer_id", "demo3"),
        ("wdt_appkey", "demo3-app"),
        ("wdt_salt", "demosalt"),
        ("wdt_sign", &wdt_sign),
    ];
    qimen(running, FLAGSHIP, "md5", &business).await
}

/// The rows as the bytes they came in, without a number or a text rewritten.
pub fn texts(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(Value::to_string).collect()
}
